//! Collects usage in batches until the key service acknowledges it.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::key::{AccountId, Detail, TokenHash, UsageBatch, UsageEntry, UsagePage};
use crate::limits::Charge;

/// Maximum number of entries per batch, so that a batch fits in a call.
const BATCH_LIMIT: usize = 2_000;

/// Number of batches that wait with separate entries. Beyond that (the key service has been unavailable for
/// long, or is too slow), entries of the same key and deployment are summed up: amounts stay exact, but
/// details of single requests are lost.
const WAITING_LIMIT: usize = 10;

/// The usage that a worker has not delivered yet.
#[derive(Debug, Default)]
pub struct Ledger {
    /// All full except the last.
    pages: VecDeque<Page>,
    sums: Vec<Sum>,
    /// Positions of the sums; a linear search over thousands of them would cost more than the request.
    places: HashMap<Payer, usize>,
    sent: Option<Sent>,
}

/// Maximum number of sums that are told apart by end users and tags, which clients choose.
const NAMED_LIMIT: usize = 10_000;

/// What is summed up together: key, deployment, group, end user and tags.
type Payer = (Option<TokenHash>, String, String, String);

/// A batch under construction, and its charges to limited accounts.
#[derive(Debug, Default)]
struct Page {
    usage: UsagePage,
    charges: HashMap<AccountId, u64>,
}

/// A sum of requests.
#[derive(Debug)]
struct Sum {
    entry: UsageEntry<'static>,
    charges: Vec<Charge>,
}

/// A batch in flight.
#[derive(Debug)]
pub struct Sent {
    /// The usage.
    pub batch: UsageBatch,
    /// What each limited account is charged for it.
    pub charges: Vec<Charge>,
}

/// The effect of an acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What each limited account was charged.
    pub charges: Vec<Charge>,
    /// What each key has spent with it, picodollars.
    pub spent: Vec<(TokenHash, u64)>,
    /// The batch was full and more usage is waiting. The next one should be sent immediately, because usage
    /// arrives faster than one batch per period.
    pub more_waits: bool,
}

impl Ledger {
    /// Adds a request and its charges to limited accounts.
    pub fn add(&mut self, entry: &UsageEntry<'_>, charges: Vec<Charge>) {
        let is_full = self.pages.back().is_none_or(|page| page.usage.len() >= BATCH_LIMIT);
        if is_full && self.pages.len() >= WAITING_LIMIT {
            return self.add_up(entry, charges);
        }
        self.write(entry, charges);
    }

    fn write(&mut self, entry: &UsageEntry<'_>, charges: Vec<Charge>) {
        if self.pages.back().is_none_or(|page| page.usage.len() >= BATCH_LIMIT) {
            self.pages.push_back(Page::default());
        }
        let Some(page) = self.pages.back_mut() else { return };
        page.usage.add(entry);
        for Charge { account, money } in charges {
            let sum = page.charges.entry(account).or_default();
            *sum = sum.saturating_add(money);
        }
    }

    fn add_up(&mut self, entry: &UsageEntry<'_>, charges: Vec<Charge>) {
        let Detail { end_user, tags, .. } = &entry.detail;
        let next = self.sums.len();
        let named = if next < NAMED_LIMIT {
            core::iter::once(&**end_user)
                .chain(tags.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join("\0")
        } else {
            String::new()
        };
        let payer = (entry.token, entry.deployment_id.to_string(), entry.model_group.to_string(), named);
        let at = self.places.entry(payer).or_insert(next);
        if let Some(sum) = self.sums.get_mut(*at).filter(|sum| same_accounts(&sum.charges, &charges)) {
            return sum.add(entry, &charges);
        }
        *at = next;
        self.sums.push(Sum { entry: entry.clone().into_owned(), charges });
    }

    /// The batch to send now: the unacknowledged one, or a new one with a new id.
    pub fn batch(&mut self, new_id: impl FnOnce() -> String) -> Option<&Sent> {
        if self.sent.is_none()
            && let Some(Page { usage, charges }) = self.pages.pop_front()
        {
            let charges = charges.into_iter().map(|(account, money)| Charge { account, money });
            self.sent = Some(Sent { batch: usage.into_batch(new_id()), charges: charges.collect() });
            self.places.clear();
            for Sum { entry, charges } in core::mem::take(&mut self.sums) {
                self.write(&entry, charges);
            }
        }
        self.sent.as_ref()
    }

    /// The key service has recorded that batch. `None` if it is not the batch in flight, because another
    /// response has already acknowledged it, or it is unknown.
    pub fn acknowledge(&mut self, batch: &str) -> Option<Recorded> {
        let sent = self.sent.take_if(|sent| sent.batch.id == batch)?;
        let more_waits = sent.batch.len() >= BATCH_LIMIT && !self.pages.is_empty();
        Some(Recorded { spent: spent_by_key(&sent.batch), charges: sent.charges, more_waits })
    }
}

fn spent_by_key(batch: &UsageBatch) -> Vec<(TokenHash, u64)> {
    let mut spent: HashMap<TokenHash, u64> = HashMap::new();
    for entry in batch.entries() {
        if let (Some(token), Some(cost @ 1..)) = (entry.token, entry.cost_picodollars) {
            let sum = spent.entry(token).or_default();
            *sum = sum.saturating_add(cost);
        }
    }
    spent.into_iter().collect()
}

/// Whether both are charged to the same accounts, which may have changed in between.
fn same_accounts(a: &[Charge], b: &[Charge]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.account == b.account)
}

impl Sum {
    fn add(&mut self, entry: &UsageEntry<'_>, charges: &[Charge]) {
        for (sum, charge) in self.charges.iter_mut().zip(charges) {
            sum.money = sum.money.saturating_add(charge.money);
        }
        let sum = &mut self.entry;
        for (sum, count) in [
            (&mut sum.requests, entry.requests),
            (&mut sum.prompt_tokens, entry.prompt_tokens),
            (&mut sum.completion_tokens, entry.completion_tokens),
            (&mut sum.cached_tokens, entry.cached_tokens),
            (&mut sum.cache_write_tokens, entry.cache_write_tokens),
            (&mut sum.reasoning_tokens, entry.reasoning_tokens),
        ] {
            *sum = sum.saturating_add(count);
        }
        // These belong to a single request.
        sum.first_token_ms = None;
        let Detail { end_user, tags, .. } = core::mem::take(&mut sum.detail);
        if end_user == entry.detail.end_user && tags == entry.detail.tags {
            sum.detail = Detail { end_user, tags, ..Detail::default() };
        }
        sum.cost_picodollars = match (sum.cost_picodollars, entry.cost_picodollars) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST_ENTRIES: usize = WAITING_LIMIT * BATCH_LIMIT;

    fn entry(cost: u64) -> UsageEntry<'static> {
        UsageEntry { requests: 1, cost_picodollars: Some(cost), ..UsageEntry::default() }
    }

    fn charges(money: u64) -> Vec<Charge> {
        vec![Charge { account: AccountId::of_member("t", "u"), money }]
    }

    /// Takes everything as acknowledged batches.
    fn deliver(ledger: &mut Ledger) -> (Vec<UsageEntry<'static>>, u64) {
        let (mut entries, mut charged) = (Vec::new(), 0);
        while let Some(sent) = ledger.batch(|| "x".into()) {
            entries.extend(sent.batch.entries().map(UsageEntry::into_owned));
            charged += sent.charges.iter().map(|charge| charge.money).sum::<u64>();
            ledger.acknowledge("x").unwrap();
        }
        (entries, charged)
    }

    fn cost<'a>(entries: impl IntoIterator<Item = UsageEntry<'a>>) -> u64 {
        entries.into_iter().filter_map(|entry| entry.cost_picodollars).sum()
    }

    #[test]
    fn a_batch_is_sent_again_under_its_id_until_it_is_acknowledged() {
        let mut ledger = Ledger::default();
        ledger.add(&entry(1), vec![]);
        assert_eq!(ledger.batch(|| "a".into()).unwrap().batch.id, "a");
        ledger.add(&entry(2), charges(2));
        let again = ledger.batch(|| "b".into()).unwrap();
        assert_eq!((again.batch.id.as_str(), again.batch.len()), ("a", 1));
        assert_eq!(again.charges, []);
        ledger.acknowledge("a").unwrap();
        let next = ledger.batch(|| "b".into()).unwrap();
        assert_eq!((next.batch.id.as_str(), cost(next.batch.entries())), ("b", 2));
        assert_eq!(next.charges, charges(2));
    }

    #[test]
    fn what_requests_of_one_batch_cost_an_account_is_one_charge() {
        let mut ledger = Ledger::default();
        (0..3).for_each(|_| ledger.add(&entry(2), charges(2)));
        assert_eq!(ledger.batch(|| "a".into()).unwrap().charges, charges(6));
    }

    #[test]
    fn more_than_a_batch_carries_is_not_left_for_the_next_period() {
        let mut ledger = Ledger::default();
        (0..=BATCH_LIMIT).for_each(|_| ledger.add(&entry(1), vec![]));
        ledger.batch(|| "a".into());
        assert!(ledger.acknowledge("a").unwrap().more_waits);
        ledger.batch(|| "b".into());
        ledger.add(&entry(1), vec![]);
        assert!(!ledger.acknowledge("b").unwrap().more_waits, "that one may wait for its turn");
    }

    #[test]
    fn an_acknowledgement_counts_once_and_for_its_batch_alone() {
        let mut ledger = Ledger::default();
        ledger.add(&entry(1), charges(1));
        ledger.batch(|| "a".into());
        assert_eq!(ledger.acknowledge("a").unwrap().charges, charges(1));
        ledger.add(&entry(2), charges(2));
        ledger.batch(|| "b".into());
        assert_eq!(ledger.acknowledge("a"), None, "the answer to the same batch, sent twice");
        assert_eq!(ledger.batch(|| "c".into()).unwrap().batch.id, "b", "still under way");
    }

    #[test]
    fn when_nobody_listens_for_long_memory_stays_bounded_and_the_money_exact() {
        let mut ledger = Ledger::default();
        let count = MOST_ENTRIES as u64 + 500;
        (0..count).for_each(|_| ledger.add(&entry(3), charges(3)));
        assert_eq!((ledger.pages.len(), ledger.sums.len()), (WAITING_LIMIT, 1));
        let (entries, charged) = deliver(&mut ledger);
        assert_eq!(entries.len(), MOST_ENTRIES + 1);
        assert_eq!(entries.iter().map(|entry| entry.requests).sum::<u64>(), count);
        assert_eq!(cost(entries), 3 * count);
        assert_eq!(charged, 3 * count);
    }

    #[test]
    fn sums_keep_the_end_users_that_pay() {
        let mut ledger = Ledger::default();
        (0..MOST_ENTRIES).for_each(|_| ledger.add(&entry(0), vec![]));
        let of = |end_user: String, tag: &str| {
            let detail =
                Detail { end_user: end_user.into(), tags: vec![tag.to_owned()].into(), ..Detail::default() };
            UsageEntry { detail, ..entry(1) }
        };
        for round in 0..3 {
            for user in 0..5 {
                ledger.add(&of(format!("u-{user}"), "t"), charges(round));
            }
        }
        assert_eq!(ledger.sums.len(), 5);
        (0..2 * NAMED_LIMIT).for_each(|user| ledger.add(&of(user.to_string(), "many"), vec![]));
        assert!(ledger.sums.len() <= NAMED_LIMIT + 1, "{}", ledger.sums.len());
        let (entries, _) = deliver(&mut ledger);
        let spent = |user: &str| cost(entries.iter().filter(|entry| entry.detail.end_user == user).cloned());
        assert_eq!((spent("u-0"), spent("u-4")), (3, 3));
        assert_eq!(cost(entries.iter().cloned()), 15 + 2 * NAMED_LIMIT as u64);
    }

    #[test]
    fn each_key_deployment_and_set_of_accounts_has_a_sum_of_its_own_also_after_a_batch() {
        let mut ledger = Ledger::default();
        (0..MOST_ENTRIES).for_each(|_| ledger.add(&entry(1), vec![]));
        let of = |deployment: &str| UsageEntry { deployment_id: deployment.to_owned().into(), ..entry(5) };
        let (mut delivered, mut added) = (0, MOST_ENTRIES as u64);
        for round in 1..=3_u64 {
            // The space that an acknowledged batch has freed.
            (1..round).for_each(|_| (0..BATCH_LIMIT - 3).for_each(|_| ledger.add(&entry(0), vec![])));
            for _ in 0..100 {
                ledger.add(&of("a"), vec![]);
                ledger.add(&of("b"), charges(5));
            }
            (0..100).for_each(|_| ledger.add(&of("b"), vec![]));
            added += 1_500;
            assert!(ledger.sums.len() <= 4, "round {round}: {} sums", ledger.sums.len());
            delivered += cost(ledger.batch(|| round.to_string()).unwrap().batch.entries());
            ledger.acknowledge(&round.to_string()).unwrap();
            assert!(ledger.pages.len() <= WAITING_LIMIT, "round {round}");
        }
        let (rest, charged) = deliver(&mut ledger);
        assert_eq!(delivered + cost(rest), added);
        assert_eq!(charged, 1_500);
    }
}
