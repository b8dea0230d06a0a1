//! A batch under construction: requests are added as they end, and common values are found by hash.

use core::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{Kind, Line, More, UsageBatch, UsageEntry};

/// Number of rejections of the same kind that get separate entries; further ones are added to the last.
/// Clients that retry immediately after a 429 must not fill the log.
pub(super) const ALIKE: usize = 20;

/// A batch under construction.
#[derive(Debug, Default)]
pub struct UsagePage {
    batch: UsageBatch,
    tokens: Places,
    kinds: Places,
    texts: Places,
    refusals: Vec<Refusals>,
    hasher: DefaultHashBuilder,
}

/// Requests that were rejected for the same reason.
#[derive(Debug)]
struct Refusals {
    kind: u32,
    token: Option<u32>,
    status: u16,
    count: usize,
    /// The last entry.
    line: usize,
}

impl UsagePage {
    /// Adds a request.
    pub fn add(&mut self, entry: &UsageEntry<'_>) {
        let Self { batch, tokens, kinds, texts, refusals, hasher } = self;
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
                    && known.api_base == entry.api_base
            },
            || Kind {
                mode: entry.mode.to_string(),
                model_group: entry.model_group.to_string(),
                deployment_id: entry.deployment_id.to_string(),
                model: entry.model.to_string(),
                api_base: entry.api_base.to_string(),
            },
        );
        if entry.deployment_id.is_empty() && entry.status >= 400 {
            let alike = |known: &&mut Refusals| {
                (known.kind, known.token, known.status) == (kind, token, entry.status)
            };
            let line = batch.requests.len();
            match refusals.iter_mut().find(alike) {
                Some(known) if known.count >= ALIKE => {
                    if let Some(last) = batch.requests.get_mut(known.line) {
                        last.requests = last.requests.saturating_add(entry.requests);
                    }
                    return;
                }
                Some(known) => (known.count, known.line) = (known.count + 1, line),
                None => refusals.push(Refusals { kind, token, status: entry.status, count: 1, line }),
            }
        }
        let mut text = |text: &str| {
            texts.of(
                &mut batch.texts,
                hasher.hash_one(text),
                |known: &String| known == text,
                || text.to_owned(),
            )
        };
        let filled = |text: &str| !text.is_empty();
        let detail = &entry.detail;
        let requester_ip = Some(&*detail.requester_ip).filter(|ip| filled(ip)).map(&mut text);
        let more = More {
            end_user: Some(&*detail.end_user).filter(|user| filled(user)).map(&mut text),
            tags: detail.tags.iter().map(|tag| text(tag)).collect(),
            error: detail.error.as_ref().map(|error| (text(&error.class), text(&error.message))),
            trace: Some(&*detail.trace_id).filter(|id| filled(id)).map(Box::from),
            attempts: detail
                .attempts
                .iter()
                .map(|attempt| {
                    let (deployment, model) = (text(&attempt.deployment_id), text(&attempt.model));
                    let error = attempt.error.as_ref();
                    let error = error.map(|error| (text(&error.class), text(&error.message)));
                    (deployment, model, attempt.status, attempt.began_ms, error)
                })
                .collect(),
        };
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
            answer_id: Some(&*detail.answer_id).filter(|id| filled(id)).map(Box::from),
            requester_ip,
            more: (more != More::default()).then(|| Box::new(more)),
        });
    }

    /// Number of requests.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether there are no requests.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The complete batch.
    pub fn into_batch(self, id: String) -> UsageBatch {
        UsageBatch { id, ..self.batch }
    }
}

/// An index of a table's entries by hash.
#[derive(Debug, Default)]
struct Places(HashTable<(u64, u32)>);

impl Places {
    /// The position of an entry, added if absent.
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
        // A page ends long before this.
        let place = u32::try_from(table.len()).unwrap_or(u32::MAX);
        table.push(make());
        self.remember(hash, place);
        place
    }

    /// A separate function, so that the code for growing exists only once and not for each table type.
    fn remember(&mut self, hash: u64, place: u32) {
        self.0.insert_unique(hash, (hash, place), |(hash, _)| *hash);
    }
}
