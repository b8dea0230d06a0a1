//! Stores the records of accounts in the shared memory on a fixed number of shelves.
//!
//! Envoy's shared data cannot delete a name (`proxy_set_shared_data` has no counterpart that removes), but
//! keys come and go for years. So records do not have their own names. An account's name is hashed to a
//! shelf, which holds the records of the accounts in use. Unused ones are removed, so the memory is
//! proportional to what is in use.

use super::asking::Pace;
use super::codec::{Decoder, Encoder};
use super::record::Record;
use super::roster::Roster;
use super::shared::{SharedMemory, SharedRecord, change};

/// Number of shelves: accounts in use at the same time rarely share one.
const SHELVES: u64 = 4_096;

/// Shelves that are inspected at a time.
const AT_ONCE: u64 = 32;

/// A shelf.
#[derive(Debug, Default)]
struct Shelf {
    /// The highest round of all removed records, because the key service ignores asks of earlier rounds.
    round: u64,
    /// Names and encoded records.
    records: Vec<(String, Vec<u8>)>,
}

/// Changes an account's record. `change` may run several times, as in [`super::shared::change`].
pub(super) fn change_record<T>(
    memory: &impl SharedMemory,
    account: &str,
    mut apply: impl FnMut(&mut Record) -> T,
) -> T {
    change(memory, &name(shelf_of(account)), |shelf: &mut Shelf| {
        let at = shelf.records.iter().position(|(name, _)| name == account);
        let fresh = || Record { round: shelf.round, answered: shelf.round, ..Record::default() };
        let known = at.and_then(|at| Record::read(&shelf.records.get(at)?.1));
        let before = known.unwrap_or_else(fresh);
        let mut record = before.clone();
        let result = apply(&mut record);
        if record != before {
            let written = record.write();
            match at.and_then(|at| shelf.records.get_mut(at)) {
                Some((_, known)) => *known = written,
                None => shelf.records.push((account.to_owned(), written)),
            }
        }
        result
    })
}

/// An account's current record.
pub(super) fn read_record(memory: &impl SharedMemory, account: &str) -> Record {
    let shelf = Shelf::decode(&memory.read(&name(shelf_of(account))).0).unwrap_or_default();
    let known = shelf.records.iter().find(|(name, _)| name == account);
    known.and_then(|(_, record)| Record::read(record)).unwrap_or_default()
}

/// Inspects some shelves, starting at `next`, and removes unused records. Returns where to continue.
pub(super) fn tidy(memory: &impl SharedMemory, next: u64, roster: &Roster, now: u64, pace: Pace) -> u64 {
    for shelf in (next..next + AT_ONCE).map(|shelf| shelf % SHELVES) {
        let name = name(shelf);
        // Most are empty. A shelf that was used contains at least a round and a count.
        if memory.read(&name).0.len() > 4 {
            change(memory, &name, |shelf: &mut Shelf| shelf.tidy(roster, now, pace));
        }
    }
    (next + AT_ONCE) % SHELVES
}

impl Shelf {
    fn tidy(&mut self, roster: &Roster, now: u64, pace: Pace) {
        let round = &mut self.round;
        self.records.retain(|(_, record)| {
            let Some(mut record) = Record::read(record) else { return false };
            record.remove_dead(roster);
            record.roll(now);
            let is_over = record.is_over(now, pace);
            if is_over {
                *round = (*round).max(record.round);
            }
            !is_over
        });
    }
}

impl SharedRecord for Shelf {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let (round, count) = (decoder.number()?, decoder.number()?);
        let mut records = Vec::new();
        for _ in 0..count {
            let name = String::from_utf8(decoder.bytes()?.to_vec()).ok()?;
            records.push((name, decoder.bytes()?.to_vec()));
        }
        Some(Self { round, records })
    }

    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.numbers(&[self.round, self.records.len() as u64]);
        for (name, record) in &self.records {
            encoder.bytes(name.as_bytes());
            encoder.bytes(record);
        }
        encoder.finish()
    }
}

/// FNV-1a with 64 bits, which is the same in every worker.
fn shelf_of(account: &str) -> u64 {
    let hash = account.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    hash % SHELVES
}

/// The number is the version of the format, so that a build with another format does not read this one.
fn name(shelf: u64) -> String {
    format!("limits/2/{shelf}")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Memory, PACE};
    use super::*;

    fn tidy_all(memory: &Memory, now: u64) {
        let mut next = 0;
        for _ in 0..SHELVES / AT_ONCE {
            next = tidy(memory, next, &Roster::default(), now, PACE);
        }
        assert_eq!(next, 0);
    }

    #[test]
    fn accounts_that_are_gone_leave_no_memory_behind() {
        let memory = Memory::default();
        let mut largest = 0;
        for generation in 1..=20_u64 {
            let now = generation * 1_000_000;
            for account in 0..2_000 {
                change_record(&memory, &format!("k{generation}-{account}"), |record| {
                    record.used_ms = now;
                    record.spend = 7;
                });
            }
            if generation == 2 {
                largest = memory.bytes();
            }
            assert!(generation < 2 || memory.bytes() <= largest + largest / 4, "{}", memory.bytes());
            assert_eq!(read_record(&memory, &format!("k{generation}-7")).spend, 7);
            tidy_all(&memory, now + 100_000);
        }
        assert!((memory.bytes() as u64) < SHELVES * 20);
    }

    #[test]
    fn what_still_counts_is_kept_and_rounds_go_on_after_it_is_gone() {
        let memory = Memory::default();
        change_record(&memory, "used", |record| record.used_ms = 99_000);
        change_record(&memory, "counted", |record| {
            record.used_ms = 1;
            record.window.ends_by_ms = 200_000;
            record.let_in.add(1, false);
        });
        change_record(&memory, "owing", |record| record.change_share(0, |share| share.unrecorded = 5));
        change_record(&memory, "gone", |record| (record.round, record.answered) = (41, 41));
        // A roster that does not know a VM yet considers it alive.
        tidy_all(&memory, 100_000);
        for account in ["used", "counted", "owing"] {
            assert_ne!(read_record(&memory, account), Record::default(), "{account}");
        }
        assert_eq!(read_record(&memory, "gone"), Record::default());
        change_record(&memory, "gone", |record| {
            assert_eq!((record.round, record.answered), (41, 41), "the key service knows of 41 rounds");
        });
    }
}
