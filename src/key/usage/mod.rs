//! What requests used, on its way from the filter to the key service.
//!
//! Requests are many and much alike: what they have in common stands in a batch once, and each of them is an array that
//! names it by its place. A request is about 100 bytes so, on the wire as in a worker that waits for the key service.

mod page;

use core::fmt;
use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::TokenHash;

pub use page::UsagePage;

/// What one request used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageEntry<'a> {
    /// `x-litellm-call-id` of the request.
    pub call_id: Cow<'a, str>,
    /// Key that pays; absent for the master key.
    pub token: Option<TokenHash>,
    /// `chat`, `embedding` or `completion`.
    pub mode: Cow<'a, str>,
    /// Model group that was asked for.
    pub model_group: Cow<'a, str>,
    /// Deployment that answered; empty when none did.
    pub deployment_id: Cow<'a, str>,
    /// `provider/model` that answered; empty when none did.
    pub model: Cow<'a, str>,
    /// Requests that this entry adds up; 1 except after a long absence of the key service.
    pub requests: u64,
    /// Status that the client received.
    pub status: u16,
    /// Prompt tokens, cached ones included (`OpenAI`'s basis).
    pub prompt_tokens: u64,
    /// Completion tokens, reasoning included (`OpenAI`'s basis).
    pub completion_tokens: u64,
    /// Part of `prompt_tokens` that was read from a cache.
    pub cached_tokens: u64,
    /// Part of `prompt_tokens` that was written to a cache.
    pub cache_write_tokens: u64,
    /// Part of `completion_tokens` that was reasoning.
    pub reasoning_tokens: u64,
    /// Cost in picodollars (1e-12 USD); absent when the price is not known.
    pub cost_picodollars: Option<u64>,
    /// Start of the request, Unix milliseconds.
    pub started_ms: u64,
    /// From first byte in to last byte out, milliseconds.
    pub duration_ms: u64,
    /// From first byte in to the first event of a stream out, milliseconds; absent where nothing was streamed.
    pub first_token_ms: Option<u64>,
}

impl UsageEntry<'_> {
    /// The same, for longer than what it was read from.
    pub fn into_owned(self) -> UsageEntry<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        UsageEntry {
            call_id: owned(self.call_id),
            mode: owned(self.mode),
            model_group: owned(self.model_group),
            deployment_id: owned(self.deployment_id),
            model: owned(self.model),
            ..self
        }
    }
}

/// Usage that is recorded exactly once, however often it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageBatch {
    /// Unique for ever; recorded in the same transaction as the usage.
    pub id: String,
    tokens: Vec<TokenHash>,
    kinds: Vec<Kind>,
    requests: Vec<Line>,
}

/// What requests have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kind {
    mode: String,
    model_group: String,
    deployment_id: String,
    model: String,
}

/// A request: its own part of a [`UsageEntry`]. Serde reads a struct from an array too, by the order of its fields.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Line {
    kind: u32,
    token: Option<u32>,
    call_id: Box<str>,
    requests: u64,
    status: u16,
    prompt_tokens: u64,
    completion_tokens: u64,
    cached_tokens: u64,
    cache_write_tokens: u64,
    reasoning_tokens: u64,
    cost_picodollars: Option<u64>,
    started_ms: u64,
    duration_ms: u64,
    first_token_ms: Option<u64>,
}

impl UsageBatch {
    /// The batch of these entries.
    pub fn of<'a>(id: impl Into<String>, entries: impl IntoIterator<Item = UsageEntry<'a>>) -> Self {
        let mut page = UsagePage::default();
        entries.into_iter().for_each(|entry| page.add(&entry));
        page.into_batch(id.into())
    }

    /// One entry per request, in the order of their ends.
    pub fn entries(&self) -> impl Iterator<Item = UsageEntry<'_>> {
        // No place is outside of its table: neither a page nor a deserializer makes such a batch.
        self.requests.iter().filter_map(|line| {
            let kind = self.kinds.get(line.kind as usize)?;
            Some(UsageEntry {
                call_id: Cow::Borrowed(&line.call_id),
                token: line.token.and_then(|token| self.tokens.get(token as usize)).copied(),
                mode: Cow::Borrowed(&kind.mode),
                model_group: Cow::Borrowed(&kind.model_group),
                deployment_id: Cow::Borrowed(&kind.deployment_id),
                model: Cow::Borrowed(&kind.model),
                requests: line.requests,
                status: line.status,
                prompt_tokens: line.prompt_tokens,
                completion_tokens: line.completion_tokens,
                cached_tokens: line.cached_tokens,
                cache_write_tokens: line.cache_write_tokens,
                reasoning_tokens: line.reasoning_tokens,
                cost_picodollars: line.cost_picodollars,
                started_ms: line.started_ms,
                duration_ms: line.duration_ms,
                first_token_ms: line.first_token_ms,
            })
        })
    }

    /// The keys that pay, each once.
    pub fn tokens(&self) -> &[TokenHash] {
        &self.tokens
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    fn check(&self) -> Result<(), OutOfTable> {
        let is_there = |line: &Line| {
            (line.kind as usize) < self.kinds.len()
                && line.token.is_none_or(|token| (token as usize) < self.tokens.len())
        };
        match self.requests.iter().position(|line| !is_there(line)) {
            None => Ok(()),
            Some(at) => Err(OutOfTable(at)),
        }
    }
}

/// That request of a batch names a key or a kind that is not in the batch.
struct OutOfTable(usize);

impl fmt::Display for OutOfTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "requests[{}] names a place that is not in `kinds` or `tokens`", self.0)
    }
}

impl<'de> Deserialize<'de> for UsageBatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            id: String,
            tokens: Vec<TokenHash>,
            kinds: Vec<Kind>,
            requests: Vec<Line>,
        }
        let Wire { id, tokens, kinds, requests } = Wire::deserialize(deserializer)?;
        let batch = Self { id, tokens, kinds, requests };
        batch.check().map_err(de::Error::custom)?;
        Ok(batch)
    }
}

impl Serialize for Line {
    /// An array of its fields, in their order.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (
            self.kind,
            self.token,
            &*self.call_id,
            self.requests,
            self.status,
            self.prompt_tokens,
            self.completion_tokens,
            self.cached_tokens,
            self.cache_write_tokens,
            self.reasoning_tokens,
            self.cost_picodollars,
            self.started_ms,
            self.duration_ms,
            self.first_token_ms,
        )
            .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(number: u64, token: Option<u8>, model: &str) -> UsageEntry<'static> {
        UsageEntry {
            call_id: format!("call-\"{number}\u{0}").into(),
            token: token.map(|token| TokenHash::of(&[token])),
            mode: "chat".into(),
            model_group: "group".into(),
            deployment_id: if number.is_multiple_of(3) { "".into() } else { "d".into() },
            model: model.to_owned().into(),
            requests: 1,
            status: 200,
            prompt_tokens: number,
            completion_tokens: number + 1,
            cached_tokens: number + 2,
            cache_write_tokens: number + 3,
            reasoning_tokens: number + 4,
            cost_picodollars: number.is_multiple_of(2).then_some(number + 5),
            started_ms: number + 6,
            duration_ms: number + 7,
            first_token_ms: (!number.is_multiple_of(2)).then_some(number + 8),
        }
    }

    #[test]
    fn what_requests_have_in_common_stands_in_a_batch_once() {
        let entries = [entry(1, Some(7), "openai/a"), entry(2, None, "openai/a")];
        let batch = UsageBatch::of("b", entries);
        let token = TokenHash::of(&[7]);
        assert_eq!(
            serde_json::to_string(&batch).unwrap(),
            [
                r#"{"id":"b","tokens":[""#,
                &token.to_string(),
                r#""],"kinds":[{"mode":"chat","model_group":"group","deployment_id":"d","model":"openai/a"}],"requests":["#,
                r#"[0,0,"call-\"1\u0000",1,200,1,2,3,4,5,null,7,8,9],"#,
                r#"[0,null,"call-\"2\u0000",1,200,2,3,4,5,6,7,8,9,null]]}"#,
            ]
            .concat()
        );
    }

    #[test]
    fn a_request_that_names_what_is_not_in_its_batch_is_refused_with_its_place() {
        let batch = serde_json::to_string(&UsageBatch::of("b", [entry(1, Some(7), "m")])).unwrap();
        for (is, shall_be) in [("[[0,0,", "[[1,0,"), ("[[0,0,", "[[0,1,")] {
            let wrong = batch.replace(is, shall_be);
            assert_ne!(wrong, batch);
            let error = serde_json::from_str::<UsageBatch>(&wrong).unwrap_err().to_string();
            assert!(error.contains("requests[0] names a place"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_batch_brings_what_was_written_down_in_its_order(
            requests in prop::collection::vec((any::<u32>(), prop::option::of(0..9_u8), 0..9_u8), 0..200)
        ) {
            let entries: Vec<_> = requests
                .iter()
                .map(|(number, token, model)| entry((*number).into(), *token, &format!("openai/{model}")))
                .collect();
            let sent = UsageBatch::of("b", entries.clone());
            let text = serde_json::to_string(&sent).unwrap();
            let received: UsageBatch = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(received.entries().collect::<Vec<_>>(), entries);
            prop_assert!(received.tokens.len() <= 9 && received.kinds.len() <= 18);
        }
    }
}
