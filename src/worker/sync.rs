//! The sync call: what a worker sends to the key service, and how it applies the response.
//!
//! Several calls of a worker may be in flight at the same time: a new configuration creates a new root
//! context, which calls immediately, while the previous one's call is still pending. Both carry the same
//! batch, and both are answered. So a response says which batch it acknowledges, and [`Ledger::acknowledge`]
//! accepts that once.

use crate::key::lease::LeaseAsk;
use crate::key::{SyncAnswer, UsageBatch};
use crate::ledger::{Ledger, Recorded};
use crate::limits::{Claim, LeaseCall, Limits, SharedMemory};

/// The contents of a call.
#[derive(Debug)]
pub(super) struct Told<'l> {
    /// The batch: the unacknowledged one, or a new one.
    pub(super) batch: Option<&'l UsageBatch>,
    /// Name of the Envoy process; empty if no leases are taken.
    pub(super) instance: String,
    /// Leases to take, keep or return.
    pub(super) asks: Vec<LeaseAsk>,
    /// What to remember until the response.
    pub(super) asked: LeaseCall,
}

/// Creates a call. `fresh` becomes the id of a new batch, and must be globally unique; without it the usage
/// waits.
pub(super) fn tell<'l>(
    ledger: &'l mut Ledger,
    limits: Option<&mut Limits>,
    memory: &impl SharedMemory,
    waiting: &mut dyn Iterator<Item = &Claim>,
    fresh: Option<String>,
    now: u64,
) -> Told<'l> {
    let sent = fresh.and_then(|fresh| ledger.batch(|| fresh));
    let batch = sent.map(|sent| &sent.batch);
    let Some(limits) = limits else {
        return Told { batch, instance: String::new(), asks: Vec::new(), asked: LeaseCall::default() };
    };
    let carried = sent.map(|sent| sent.charges.clone()).unwrap_or_default();
    let (asks, asked) = limits.ask_in_turn(memory, waiting, carried, now);
    Told { batch, instance: limits.instance().to_owned(), asks, asked }
}

/// Applies the response to a call. Returns what the key service has recorded of this worker's usage, if anything.
pub(super) fn answered(
    ledger: &mut Ledger,
    limits: Option<&mut Limits>,
    memory: &impl SharedMemory,
    asked: &LeaseCall,
    answer: &SyncAnswer,
    now: u64,
) -> Option<Recorded> {
    let recorded = answer.recorded.as_deref().and_then(|batch| ledger.acknowledge(batch));
    if let Some(limits) = limits {
        if let Some(recorded) = &recorded {
            limits.recorded(memory, &recorded.charges);
        }
        limits.answered(memory, asked, &answer.leases, now);
    }
    recorded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::key::{Account, AccountId, KeyRecord, TokenHash, UsageEntry};
    use crate::limits::Amount;
    use crate::limits::testing::{Memory, PACE};

    /// A call in flight. The service may have received it already, and its response may be in transit.
    struct Call {
        batch: Option<(String, u64)>,
        asked: LeaseCall,
    }

    struct Worker {
        ledger: Ledger,
        limits: Limits,
        memory: Memory,
        claim: Claim,
        account: AccountId,
        /// Calls of this root context and of earlier ones.
        calls: Vec<Call>,
        /// Batches that the service has recorded.
        service: BTreeMap<String, u64>,
        spent: u64,
        ids: u64,
        now: u64,
    }

    impl Worker {
        fn new() -> Self {
            let token = TokenHash::of(b"sk-a");
            let account = Account { max_budget: Some(1 << 40), ..Account::new(AccountId::of_key(token)) };
            let key = KeyRecord { accounts: vec![account.clone()], ..KeyRecord::new(token, "sk-...a") };
            let memory = Memory::default();
            Self {
                ledger: Ledger::default(),
                limits: Limits::join(&memory, "envoy", PACE, 1),
                memory,
                claim: Claim::new([&Arc::new(key)], "gpt", Amount::default).unwrap(),
                account: account.id,
                calls: Vec::new(),
                service: BTreeMap::new(),
                spent: 0,
                ids: 0,
                now: 1,
            }
        }

        fn spend(&mut self, money: u64) {
            let used = Amount { tokens: 0, money };
            let charges = self.limits.settle(&self.memory, &self.claim, used, self.now);
            let entry = UsageEntry { requests: 1, cost_picodollars: Some(money), ..UsageEntry::default() };
            self.ledger.add(&entry, charges);
            self.spent += money;
        }

        /// A root context makes a call, whether or not other calls are in flight, as after a reload.
        fn call(&mut self) {
            self.ids += 1;
            let fresh = Some(format!("b{}", self.ids));
            let (ledger, limits) = (&mut self.ledger, Some(&mut self.limits));
            let told = tell(ledger, limits, &self.memory, &mut core::iter::empty(), fresh, self.now);
            let money = |batch: &UsageBatch| batch.entries().filter_map(|entry| entry.cost_picodollars).sum();
            let batch = told.batch.map(|batch| (batch.id.clone(), money(batch)));
            self.calls.push(Call { batch, asked: told.asked });
        }

        /// The service receives a call, for the first time or again.
        fn hear(&mut self, at: usize) {
            if let Some((id, money)) = &self.calls[at].batch {
                let known = self.service.entry(id.clone()).or_insert(*money);
                assert_eq!(known, money, "a batch never changes under its id");
            }
        }

        fn answer(&mut self, at: usize) {
            self.hear(at);
            let call = self.calls.swap_remove(at);
            let recorded = call.batch.map(|(id, _)| id);
            let answer = SyncAnswer { recorded, ..SyncAnswer::default() };
            let (ledger, limits) = (&mut self.ledger, Some(&mut self.limits));
            answered(ledger, limits, &self.memory, &call.asked, &answer, self.now);
        }

        fn check(&self) {
            let recorded: u64 = self.service.values().sum();
            let unrecorded = Limits::unrecorded(&self.memory, &self.account);
            assert!(recorded + unrecorded >= self.spent, "money is lost");
            assert!(recorded <= self.spent, "money is counted twice");
        }
    }

    #[derive(Clone, Debug)]
    enum Event {
        Spend(u64),
        /// The periodic call, or that of the root context created by a reload.
        Call,
        Hear(prop::sample::Index),
        Answer(prop::sample::Index),
        /// The response is lost: the call is given up, whether or not the service received it.
        Lose(prop::sample::Index),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            3 => (1..50_u64).prop_map(Event::Spend),
            3 => Just(Event::Call),
            1 => any::<prop::sample::Index>().prop_map(Event::Hear),
            3 => any::<prop::sample::Index>().prop_map(Event::Answer),
            1 => any::<prop::sample::Index>().prop_map(Event::Lose),
        ]
    }

    #[test]
    fn a_second_answer_to_one_batch_leaves_the_next_one_under_way() {
        let mut worker = Worker::new();
        worker.spend(10);
        worker.call();
        worker.call(); // a reload
        worker.spend(20);
        worker.answer(0);
        assert_eq!(Limits::unrecorded(&worker.memory, &worker.account), 20);
        worker.call();
        worker.answer(0); // of the call that the reload made, about the first batch
        assert_eq!(Limits::unrecorded(&worker.memory, &worker.account), 20);
        worker.calls.clear(); // the answer about the second batch is lost
        worker.call();
        worker.answer(0);
        assert_eq!((worker.service.values().sum::<u64>(), worker.spent), (30, 30));
        assert_eq!(Limits::unrecorded(&worker.memory, &worker.account), 0);
    }

    proptest! {
        #[test]
        fn every_picodollar_is_recorded_once_whatever_becomes_of_the_calls(
            events in prop::collection::vec(event(), 1..60)
        ) {
            let mut worker = Worker::new();
            for event in events {
                worker.now += 300;
                let count = worker.calls.len();
                match event {
                    Event::Spend(money) => worker.spend(money),
                    Event::Call => worker.call(),
                    Event::Hear(at) if count > 0 => worker.hear(at.index(count)),
                    Event::Answer(at) if count > 0 => worker.answer(at.index(count)),
                    Event::Lose(at) if count > 0 => {
                        let call = worker.calls.swap_remove(at.index(count));
                        worker.limits.unanswered(&worker.memory, &call.asked, worker.now);
                    }
                    _ => {}
                }
                worker.check();
            }
            for _ in 0..100 {
                worker.call();
                while !worker.calls.is_empty() {
                    worker.answer(0);
                }
            }
            prop_assert_eq!(worker.service.values().sum::<u64>(), worker.spent);
            prop_assert_eq!(Limits::unrecorded(&worker.memory, &worker.account), 0);
        }
    }
}
