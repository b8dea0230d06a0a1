//! A batch in the making: requests are written down as they end, and what they have in common is found by its hash.

use core::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{Kind, Line, UsageBatch, UsageEntry};

/// A batch in the making.
#[derive(Debug, Default)]
pub struct UsagePage {
    batch: UsageBatch,
    tokens: Places,
    kinds: Places,
    hasher: DefaultHashBuilder,
}

impl UsagePage {
    /// Writes a request down.
    pub fn add(&mut self, entry: &UsageEntry<'_>) {
        let Self { batch, tokens, kinds, hasher } = self;
        let token = entry.token.map(|token| {
            tokens.of(&mut batch.tokens, hasher.hash_one(token), |known| *known == token, || token)
        });
        let kind = kinds.of(
            &mut batch.kinds,
            hasher.hash_one((&entry.model_group, &entry.deployment_id)),
            |known| {
                known.deployment_id == entry.deployment_id
                    && known.model_group == entry.model_group
                    && known.model == entry.model
                    && known.mode == entry.mode
            },
            || Kind {
                mode: entry.mode.to_string(),
                model_group: entry.model_group.to_string(),
                deployment_id: entry.deployment_id.to_string(),
                model: entry.model.to_string(),
            },
        );
        batch.requests.push(Line {
            kind,
            token,
            call_id: Box::from(&*entry.call_id),
            requests: entry.requests,
            status: entry.status,
            prompt_tokens: entry.prompt_tokens,
            completion_tokens: entry.completion_tokens,
            cached_tokens: entry.cached_tokens,
            cache_write_tokens: entry.cache_write_tokens,
            reasoning_tokens: entry.reasoning_tokens,
            cost_picodollars: entry.cost_picodollars,
            started_ms: entry.started_ms,
            duration_ms: entry.duration_ms,
            first_token_ms: entry.first_token_ms,
        });
    }

    /// How many requests are on it.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The batch, complete.
    pub fn into_batch(self, id: String) -> UsageBatch {
        UsageBatch { id, ..self.batch }
    }
}

/// Where in a table its entries are: by their hash.
#[derive(Debug, Default)]
struct Places(HashTable<(u64, u32)>);

impl Places {
    /// The place of an entry, which is made where there is none.
    fn of<T>(
        &mut self,
        table: &mut Vec<T>,
        hash: u64,
        is_it: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> u32 {
        let known = |(_, place): &(u64, u32)| table.get(*place as usize).is_some_and(&is_it);
        if let Some((_, place)) = self.0.find(hash, known) {
            return *place;
        }
        // A page ends long before.
        let place = u32::try_from(table.len()).unwrap_or(u32::MAX);
        table.push(make());
        self.remember(hash, place);
        place
    }

    /// Apart, so that what makes room is there once and not for each kind of table.
    fn remember(&mut self, hash: u64, place: u32) {
        self.0.insert_unique(hash, (hash, place), |(hash, _)| *hash);
    }
}
