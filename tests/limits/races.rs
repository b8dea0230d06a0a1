//! Workers are threads: the same memory, at the same time, for real.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use switchboard::key::lease::{Grant, Lease};
use switchboard::key::{Account, AccountId, KeyRecord, TokenHash};
use switchboard::limits::{Amount, Claim, Entry, Limits, SharedMemory, Version};

use crate::world::PACE;

const LIMIT: u64 = 1_000;

#[derive(Default)]
struct Memory(Mutex<HashMap<String, (Vec<u8>, u32)>>);

impl SharedMemory for Memory {
    fn read(&self, name: &str) -> (Vec<u8>, Version) {
        let records = self.0.lock().unwrap();
        records.get(name).map_or((Vec::new(), None), |(bytes, version)| (bytes.clone(), Some(*version)))
    }

    fn write(&self, name: &str, record: &[u8], version: Version) -> bool {
        let mut records = self.0.lock().unwrap();
        let known = records.get(name).map(|(_, version)| *version);
        if known == version {
            records.insert(name.to_owned(), (record.to_vec(), known.unwrap_or_default() + 1));
        }
        known == version
    }
}

fn key() -> Arc<KeyRecord> {
    let token = TokenHash::of(b"sk-1");
    let account = Account {
        rpm_limit: Some(LIMIT),
        max_parallel_requests: Some(3),
        ..Account::new(AccountId::of_key(token))
    };
    Arc::new(KeyRecord { accounts: vec![account], ..KeyRecord::new(token, "sk-...1") })
}

/// Gives the process everything.
fn lease(memory: &Memory) {
    let mut limits = Limits::join(memory, "envoy", PACE, 0);
    let claim = Claim::new([&key()], "gpt", Amount::default).unwrap();
    assert_eq!(limits.enter(memory, &claim, 1), Entry::Wait);
    let (asks, asked) = limits.ask_for(memory, [&claim].into_iter(), 1);
    let all = |limit| Some(Grant { allowed: limit, limit, remaining: limit, recalled: false });
    let lease = Lease {
        account: asks[0].account.clone(),
        round: asks[0].round,
        window: 1,
        window_ends_in_ms: 60_000,
        valid_for_ms: 60_000,
        spend: 0,
        requests: all(LIMIT),
        tokens: None,
        parallel: all(3),
        money: None,
    };
    limits.answered(memory, &asked, &[lease], 1);
}

#[test]
fn workers_that_race_let_in_exactly_the_limit_and_never_more_at_one_time() {
    let memory = Memory::default();
    lease(&memory);
    let (admitted, under_way, most) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut limits = Limits::join(&memory, "envoy", PACE, 0);
                let claim = Claim::new([&key()], "gpt", Amount::default).unwrap();
                for _ in 0..2_000 {
                    let Entry::Open(_) = limits.enter(&memory, &claim, 2) else { continue };
                    admitted.fetch_add(1, Ordering::SeqCst);
                    most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    under_way.fetch_sub(1, Ordering::SeqCst);
                    limits.settle(&memory, &claim, Amount { tokens: 7, money: 0 }, 2);
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), LIMIT);
    assert!(most.into_inner() <= 3);
    assert_eq!(Limits::reserved(&memory, &key().accounts[0].id), (0, Amount::default()));
}

#[test]
fn all_workers_of_a_process_have_one_name() {
    let memory = Memory::default();
    let names = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for at in 0..8 {
            let (memory, names) = (&memory, &names);
            scope.spawn(move || {
                let limits = Limits::join(memory, &format!("name-{at}"), PACE, 0);
                names.lock().unwrap().push(limits.instance().to_owned());
            });
        }
    });
    let names = names.into_inner().unwrap();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
}
