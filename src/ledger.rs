//! Usage → batches: what was used since the key service last said that it knows.

use crate::key::{UsageBatch, UsageEntry};

/// Entries that one batch carries at most: a batch must fit into one call.
const BATCH_LIMIT: usize = 2_000;

/// Entries that wait at most. Beyond that (the key service has been away for long) entries of one key and
/// deployment are added up: the money stays exact, the detail of single requests goes.
const WAITING_LIMIT: usize = 20_000;

/// The usage that one worker has not yet delivered.
#[derive(Debug, Default)]
pub struct Ledger {
    waiting: Vec<UsageEntry>,
    sent: Option<UsageBatch>,
}

impl Ledger {
    /// Writes a request down.
    pub fn add(&mut self, entry: UsageEntry) {
        let full = self.waiting.len() >= WAITING_LIMIT;
        match self.waiting.iter_mut().find(|waiting| full && same_account(waiting, &entry)) {
            Some(same) => add_up(same, &entry),
            None => self.waiting.push(entry),
        }
    }

    /// The batch to send now: the one that was not acknowledged, or a new one under a new id.
    pub fn batch(&mut self, new_id: impl FnOnce() -> String) -> Option<&UsageBatch> {
        if self.sent.is_none() && !self.waiting.is_empty() {
            let rest = self.waiting.split_off(self.waiting.len().min(BATCH_LIMIT));
            let entries = core::mem::replace(&mut self.waiting, rest);
            self.sent = Some(UsageBatch { id: new_id(), entries });
        }
        self.sent.as_ref()
    }

    /// The key service has recorded the batch.
    pub fn acknowledged(&mut self) {
        self.sent = None;
    }

    /// Whether more waits than what was sent.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

fn same_account(a: &UsageEntry, b: &UsageEntry) -> bool {
    a.token == b.token && a.deployment_id == b.deployment_id && a.model_group == b.model_group
}

fn add_up(sum: &mut UsageEntry, entry: &UsageEntry) {
    sum.requests = sum.requests.saturating_add(entry.requests);
    sum.prompt_tokens = sum.prompt_tokens.saturating_add(entry.prompt_tokens);
    sum.completion_tokens = sum.completion_tokens.saturating_add(entry.completion_tokens);
    sum.cached_tokens = sum.cached_tokens.saturating_add(entry.cached_tokens);
    sum.cache_write_tokens = sum.cache_write_tokens.saturating_add(entry.cache_write_tokens);
    sum.reasoning_tokens = sum.reasoning_tokens.saturating_add(entry.reasoning_tokens);
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

    #[test]
    fn a_batch_is_sent_again_under_its_id_until_it_is_acknowledged() {
        let mut ledger = Ledger::default();
        ledger.add(entry(1));
        assert_eq!(ledger.batch(|| "a".into()).unwrap().id, "a");
        ledger.add(entry(2));
        let again = ledger.batch(|| "b".into()).unwrap();
        assert_eq!((again.id.as_str(), again.entries.len()), ("a", 1));
        ledger.acknowledged();
        assert_eq!(ledger.batch(|| "b".into()).unwrap().entries[0].cost_picodollars, Some(2));
    }

    #[test]
    fn when_nobody_listens_for_long_memory_stays_bounded_and_the_money_exact() {
        let mut ledger = Ledger::default();
        let count = WAITING_LIMIT as u64 + 500;
        (0..count).for_each(|_| ledger.add(entry(3)));
        assert_eq!(ledger.waiting.len(), WAITING_LIMIT);
        let total: u64 = ledger.waiting.iter().filter_map(|entry| entry.cost_picodollars).sum();
        assert_eq!(total, 3 * count);
        assert_eq!(ledger.waiting.iter().map(|entry| entry.requests).sum::<u64>(), count);
    }
}
