//! Usage → batches: what was used since the key service last said that it knows.

use hashbrown::HashMap;

use crate::key::{AccountId, TokenHash, UsageBatch, UsageEntry};
use crate::limits::Charge;

/// Entries that one batch carries at most: a batch must fit into one call.
const BATCH_LIMIT: usize = 2_000;

/// Entries that wait each for itself. Beyond that (the key service has been away for long, or is slower than the
/// requests come) those of one key and deployment are added up: the money stays exact, the detail of single requests
/// goes.
const WAITING_LIMIT: usize = 20_000;

/// The usage that one worker has not yet delivered.
#[derive(Debug, Default)]
pub struct Ledger {
    waiting: Vec<Line>,
    /// Where the sums are among those that wait: with thousands waiting, a search for every request would cost more
    /// than the request.
    sums: HashMap<Payer, usize>,
    sent: Option<Sent>,
}

/// Whose requests are added up: key, deployment, group.
type Payer = (Option<TokenHash>, String, String);

/// A request, and what the limited accounts that it counts against have to pay for it.
#[derive(Debug)]
struct Line {
    entry: UsageEntry,
    charges: Vec<Charge>,
}

#[derive(Debug)]
struct Sent {
    batch: UsageBatch,
    charges: Vec<Charge>,
}

impl Ledger {
    /// Writes a request down, and what it costs the limited accounts that it counts against.
    pub fn add(&mut self, entry: UsageEntry, charges: Vec<Charge>) {
        let line = Line { entry, charges };
        if self.waiting.len() >= WAITING_LIMIT {
            let entry = &line.entry;
            let payer = (entry.token, entry.deployment_id.clone(), entry.model_group.clone());
            let next = self.waiting.len();
            let at = self.sums.entry(payer).or_insert(next);
            match self.waiting.get_mut(*at).filter(|sum| same_accounts(sum, &line)) {
                Some(sum) => return add_up(sum, &line),
                None => *at = next,
            }
        }
        self.waiting.push(line);
    }

    /// The batch to send now: the one that was not acknowledged, or a new one under a new id.
    pub fn batch(&mut self, new_id: impl FnOnce() -> String) -> Option<&UsageBatch> {
        if self.sent.is_none() && !self.waiting.is_empty() {
            let rest = self.waiting.split_off(self.waiting.len().min(BATCH_LIMIT));
            let lines = core::mem::replace(&mut self.waiting, rest);
            self.sums.clear();
            let (mut entries, mut charges) = (Vec::with_capacity(lines.len()), Charges::default());
            for line in lines {
                entries.push(line.entry);
                charges.add(line.charges);
            }
            let batch = UsageBatch { id: new_id(), entries };
            self.sent = Some(Sent { batch, charges: charges.into_vec() });
        }
        self.sent.as_ref().map(|sent| &sent.batch)
    }

    /// What each limited account pays with the batch.
    pub fn charges(&self) -> &[Charge] {
        self.sent.as_ref().map(|sent| sent.charges.as_slice()).unwrap_or_default()
    }

    /// The key service has recorded the batch. Says whether it was full and more waits: then the next should go at once,
    /// for requests come faster than periods carry them away.
    pub fn acknowledged(&mut self) -> bool {
        let sent = self.sent.take();
        sent.is_some_and(|sent| sent.batch.entries.len() >= BATCH_LIMIT) && !self.waiting.is_empty()
    }
}

/// Sums by account.
#[derive(Default)]
struct Charges(HashMap<AccountId, u64>);

impl Charges {
    fn add(&mut self, charges: Vec<Charge>) {
        for Charge { account, money } in charges {
            let sum = self.0.entry(account).or_default();
            *sum = sum.saturating_add(money);
        }
    }

    fn into_vec(self) -> Vec<Charge> {
        self.0.into_iter().map(|(account, money)| Charge { account, money }).collect()
    }
}

/// Whether both are charged to the same accounts: those of a key may have changed in between.
fn same_accounts(a: &Line, b: &Line) -> bool {
    let is_same = |(a, b): (&Charge, &Charge)| a.account == b.account;
    a.charges.len() == b.charges.len() && a.charges.iter().zip(&b.charges).all(is_same)
}

fn add_up(sum: &mut Line, line: &Line) {
    for (sum, charge) in sum.charges.iter_mut().zip(&line.charges) {
        sum.money = sum.money.saturating_add(charge.money);
    }
    let (sum, entry) = (&mut sum.entry, &line.entry);
    sum.requests = sum.requests.saturating_add(entry.requests);
    sum.prompt_tokens = sum.prompt_tokens.saturating_add(entry.prompt_tokens);
    sum.completion_tokens = sum.completion_tokens.saturating_add(entry.completion_tokens);
    sum.cached_tokens = sum.cached_tokens.saturating_add(entry.cached_tokens);
    sum.cache_write_tokens = sum.cache_write_tokens.saturating_add(entry.cache_write_tokens);
    sum.reasoning_tokens = sum.reasoning_tokens.saturating_add(entry.reasoning_tokens);
    // Times are of one request, and a sum has many.
    sum.first_token_ms = None;
    sum.cost_picodollars = match (sum.cost_picodollars, entry.cost_picodollars) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(cost: u64) -> UsageEntry {
        UsageEntry { requests: 1, cost_picodollars: Some(cost), ..UsageEntry::default() }
    }

    fn charges(money: u64) -> Vec<Charge> {
        vec![Charge { account: AccountId::of_member("t", "u"), money }]
    }

    #[test]
    fn a_batch_is_sent_again_under_its_id_until_it_is_acknowledged() {
        let mut ledger = Ledger::default();
        ledger.add(entry(1), vec![]);
        assert_eq!(ledger.batch(|| "a".into()).unwrap().id, "a");
        ledger.add(entry(2), charges(2));
        let again = ledger.batch(|| "b".into()).unwrap();
        assert_eq!((again.id.as_str(), again.entries.len()), ("a", 1));
        ledger.acknowledged();
        assert_eq!(ledger.charges(), []);
        assert_eq!(ledger.batch(|| "b".into()).unwrap().entries[0].cost_picodollars, Some(2));
        assert_eq!(ledger.charges(), charges(2));
    }

    #[test]
    fn more_than_a_batch_carries_is_not_left_for_the_next_period() {
        let mut ledger = Ledger::default();
        (0..=BATCH_LIMIT).for_each(|_| ledger.add(entry(1), vec![]));
        ledger.batch(|| "a".into());
        assert!(ledger.acknowledged());
        ledger.batch(|| "b".into());
        ledger.add(entry(1), vec![]);
        assert!(!ledger.acknowledged(), "that one may wait for its turn");
    }

    #[test]
    fn when_nobody_listens_for_long_memory_stays_bounded_and_the_money_exact() {
        let mut ledger = Ledger::default();
        let count = WAITING_LIMIT as u64 + 500;
        (0..count).for_each(|_| ledger.add(entry(3), charges(3)));
        assert_eq!(ledger.waiting.len(), WAITING_LIMIT + 1);
        let total: u64 = ledger.waiting.iter().filter_map(|line| line.entry.cost_picodollars).sum();
        assert_eq!(total, 3 * count);
        let charged: u64 =
            ledger.waiting.iter().flat_map(|line| &line.charges).map(|charge| charge.money).sum();
        assert_eq!(charged, 3 * count);
        assert_eq!(ledger.waiting.iter().map(|line| line.entry.requests).sum::<u64>(), count);
    }

    #[test]
    fn each_key_deployment_and_set_of_accounts_has_a_sum_of_its_own_also_after_a_batch() {
        let mut ledger = Ledger::default();
        (0..WAITING_LIMIT).for_each(|_| ledger.add(entry(1), vec![]));
        let of = |deployment: &str| UsageEntry { deployment_id: deployment.to_owned(), ..entry(5) };
        let mut expected = WAITING_LIMIT as u64;
        for round in 1..=3_u64 {
            for _ in 0..100 {
                ledger.add(of("a"), vec![]);
                ledger.add(of("b"), charges(5));
            }
            (0..100).for_each(|_| ledger.add(of("b"), vec![]));
            expected += 1_500;
            assert!(ledger.waiting.len() <= WAITING_LIMIT + 3, "round {round}");
            let sent = ledger.batch(|| round.to_string()).unwrap();
            expected -= sent.entries.iter().filter_map(|entry| entry.cost_picodollars).sum::<u64>();
            ledger.acknowledged();
            let waits: u64 = ledger.waiting.iter().filter_map(|line| line.entry.cost_picodollars).sum();
            assert_eq!(waits, expected, "round {round}");
        }
    }
}
