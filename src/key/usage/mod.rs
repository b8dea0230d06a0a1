//! Usage reports from the filter to the key service.
//!
//! Requests are many and similar, so common values are stored once per batch, and each request is an array
//! that refers to them by index. A request takes about 100 bytes this way, both on the wire and in a worker
//! that waits for the key service.

mod detail;
mod operation;
mod page;

use core::fmt;
use std::borrow::Cow;

use serde::ser::SerializeTuple as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::TokenHash;

pub use detail::{Detail, UsageAttempt, UsageError, clipped};
pub use operation::{call_type, operation_name};
pub use page::UsagePage;

/// The usage of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageEntry<'a> {
    /// `x-litellm-call-id` of the request.
    pub call_id: Cow<'a, str>,
    /// Key that pays; `None` for the master key.
    pub token: Option<TokenHash>,
    /// `chat`, `embedding`, `rerank` …
    pub mode: Cow<'a, str>,
    /// The requested model group.
    pub model_group: Cow<'a, str>,
    /// Deployment that responded; empty if none did.
    pub deployment_id: Cow<'a, str>,
    /// `provider/model` that responded; empty if none did.
    pub model: Cow<'a, str>,
    /// `api_base` of that deployment.
    pub api_base: Cow<'a, str>,
    /// Number of requests that this entry sums up; 1 except after a long outage of the key service.
    pub requests: u64,
    /// Status that the client received.
    pub status: u16,
    /// Prompt tokens, including cached ones (`OpenAI`'s convention).
    pub prompt_tokens: u64,
    /// Completion tokens, including reasoning (`OpenAI`'s convention).
    pub completion_tokens: u64,
    /// Prompt tokens read from a cache.
    pub cached_tokens: u64,
    /// Prompt tokens written to a cache.
    pub cache_write_tokens: u64,
    /// Completion tokens spent on reasoning.
    pub reasoning_tokens: u64,
    /// Cost in picodollars (1e-12 USD); `None` if the price is unknown.
    pub cost_picodollars: Option<u64>,
    /// Start of the request, Unix milliseconds.
    pub started_ms: u64,
    /// From the first byte received to the last byte sent, milliseconds.
    pub duration_ms: u64,
    /// From the first byte received to the first event of a stream sent, milliseconds; `None` if nothing was
    /// streamed.
    pub first_token_ms: Option<u64>,
    /// Further details.
    pub detail: Detail<'a>,
}

impl UsageEntry<'_> {
    /// An owned copy.
    pub fn into_owned(self) -> UsageEntry<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        UsageEntry {
            call_id: owned(self.call_id),
            mode: owned(self.mode),
            model_group: owned(self.model_group),
            deployment_id: owned(self.deployment_id),
            model: owned(self.model),
            api_base: owned(self.api_base),
            detail: self.detail.into_owned(),
            ..self
        }
    }
}

/// Usage that is recorded exactly once, however often it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageBatch {
    /// Globally unique; recorded in the same transaction as the usage.
    pub id: String,
    tokens: Vec<TokenHash>,
    kinds: Vec<Kind>,
    /// Texts that requests refer to by index: addresses, end users, tags, errors.
    texts: Vec<String>,
    requests: Vec<Line>,
}

/// Requests of one batch with the same group have the same key, mode, model group, deployment, model and
/// `api_base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UsageGroup {
    kind: u32,
    token: Option<u32>,
}

/// Values that requests have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kind {
    mode: String,
    model_group: String,
    deployment_id: String,
    model: String,
    #[serde(default)]
    api_base: String,
}

/// A request's own part of a [`UsageEntry`]. Serde also reads a struct from an array, in the order of its
/// fields.
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
    #[serde(default)]
    answer_id: Option<Box<str>>,
    /// An index in `texts`, like those below.
    #[serde(default)]
    requester_ip: Option<u32>,
    #[serde(default)]
    more: Option<Box<More>>,
}

/// Values that few requests have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct More {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    end_user: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    tags: Vec<u32>,
    /// Class and message.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    error: Option<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    trace: Option<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    attempts: Vec<Attempt>,
}

/// The deployment's id and model, the status, when it began, and the error.
type Attempt = (u32, u32, u16, u64, Option<(u32, u32)>);

impl UsageBatch {
    /// Creates a batch from entries.
    pub fn of<'a>(id: impl Into<String>, entries: impl IntoIterator<Item = UsageEntry<'a>>) -> Self {
        let mut page = UsagePage::default();
        entries.into_iter().for_each(|entry| page.add(&entry));
        page.into_batch(id.into())
    }

    /// One entry per request, in the order in which they ended.
    pub fn entries(&self) -> impl Iterator<Item = UsageEntry<'_>> {
        self.grouped().map(|(_, entry)| entry)
    }

    /// The same, each with its group.
    pub fn grouped(&self) -> impl Iterator<Item = (UsageGroup, UsageEntry<'_>)> {
        // No index is out of range: neither pages nor the deserializer create such a batch.
        self.requests.iter().filter_map(|line| {
            let kind = self.kinds.get(line.kind as usize)?;
            let text = |place: u32| {
                Cow::Borrowed(self.texts.get(place as usize).map(String::as_str).unwrap_or_default())
            };
            let more = line.more.as_deref();
            let tags = more.map(|more| more.tags.as_slice()).unwrap_or_default();
            let error = |(class, message)| UsageError { class: text(class), message: text(message) };
            let attempts = more.map(|more| more.attempts.as_slice()).unwrap_or_default();
            let attempts =
                attempts.iter().map(|&(deployment, model, status, began_ms, failed)| UsageAttempt {
                    deployment_id: text(deployment),
                    model: text(model),
                    status,
                    began_ms,
                    error: failed.map(error),
                });
            let group = UsageGroup { kind: line.kind, token: line.token };
            let entry = UsageEntry {
                call_id: Cow::Borrowed(&line.call_id),
                token: line.token.and_then(|token| self.tokens.get(token as usize)).copied(),
                mode: Cow::Borrowed(&kind.mode),
                model_group: Cow::Borrowed(&kind.model_group),
                deployment_id: Cow::Borrowed(&kind.deployment_id),
                model: Cow::Borrowed(&kind.model),
                api_base: Cow::Borrowed(&kind.api_base),
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
                detail: Detail {
                    answer_id: Cow::Borrowed(line.answer_id.as_deref().unwrap_or_default()),
                    end_user: more.and_then(|more| more.end_user).map(text).unwrap_or_default(),
                    tags: tags.iter().map(|tag| text(*tag).into_owned()).collect(),
                    requester_ip: line.requester_ip.map(text).unwrap_or_default(),
                    error: more.and_then(|more| more.error).map(error),
                    trace_id: Cow::Borrowed(more.and_then(|more| more.trace.as_deref()).unwrap_or_default()),
                    attempts: attempts.collect(),
                },
            };
            Some((group, entry))
        })
    }

    /// The keys that pay, without duplicates.
    pub fn tokens(&self) -> &[TokenHash] {
        &self.tokens
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    fn check(&self) -> Result<(), OutOfTable> {
        let is_there = |line: &Line| {
            let is_text = |place: u32| (place as usize) < self.texts.len();
            (line.kind as usize) < self.kinds.len()
                && line.requester_ip.is_none_or(is_text)
                && line.more.as_ref().is_none_or(|more| more.places().all(is_text))
                && line.token.is_none_or(|token| (token as usize) < self.tokens.len())
        };
        match self.requests.iter().position(|line| !is_there(line)) {
            None => Ok(()),
            Some(at) => Err(OutOfTable(at)),
        }
    }
}

/// The request with that index refers to a key or a kind that is not in the batch.
struct OutOfTable(usize);

impl fmt::Display for OutOfTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "requests[{}] has an index out of range of `kinds`, `tokens` or `texts`", self.0)
    }
}

impl More {
    fn places(&self) -> impl Iterator<Item = u32> {
        let both = |(class, message)| [class, message];
        let attempts = self.attempts.iter().flat_map(move |&(deployment, model, _, _, error)| {
            [deployment, model].into_iter().chain(error.into_iter().flat_map(both))
        });
        let error = self.error.into_iter().flat_map(both);
        self.end_user.into_iter().chain(self.tags.iter().copied()).chain(error).chain(attempts)
    }
}

impl<'de> Deserialize<'de> for UsageBatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            id: String,
            tokens: Vec<TokenHash>,
            kinds: Vec<Kind>,
            #[serde(default)]
            texts: Vec<String>,
            requests: Vec<Line>,
        }
        let Wire { id, tokens, kinds, texts, requests } = Wire::deserialize(deserializer)?;
        let batch = Self { id, tokens, kinds, texts, requests };
        batch.check().map_err(de::Error::custom)?;
        Ok(batch)
    }
}

impl Serialize for Line {
    /// Serializes as an array of fields, in order.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_tuple(17)?;
        fields.serialize_element(&self.kind)?;
        fields.serialize_element(&self.token)?;
        fields.serialize_element(&*self.call_id)?;
        fields.serialize_element(&self.requests)?;
        fields.serialize_element(&self.status)?;
        fields.serialize_element(&self.prompt_tokens)?;
        fields.serialize_element(&self.completion_tokens)?;
        fields.serialize_element(&self.cached_tokens)?;
        fields.serialize_element(&self.cache_write_tokens)?;
        fields.serialize_element(&self.reasoning_tokens)?;
        fields.serialize_element(&self.cost_picodollars)?;
        fields.serialize_element(&self.started_ms)?;
        fields.serialize_element(&self.duration_ms)?;
        fields.serialize_element(&self.first_token_ms)?;
        fields.serialize_element(&self.answer_id)?;
        fields.serialize_element(&self.requester_ip)?;
        fields.serialize_element(&self.more)?;
        fields.end()
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
            api_base: "https://a".into(),
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
            detail: Detail {
                answer_id: if number.is_multiple_of(2) {
                    "".into()
                } else {
                    format!("chatcmpl-{number}").into()
                },
                end_user: if number.is_multiple_of(5) { "someone".into() } else { "".into() },
                tags: (0..number % 3).map(|tag| format!("tag-{tag}")).collect(),
                requester_ip: "192.0.2.1".into(),
                error: number.is_multiple_of(7).then(|| UsageError::new("RateLimitError", "too many")),
                trace_id: if number.is_multiple_of(11) { "4bf9".into() } else { "".into() },
                attempts: (0..number / 4 % 3).map(|at| attempt(at, number)).collect(),
            },
        }
    }

    fn attempt(at: u64, number: u64) -> UsageAttempt<'static> {
        UsageAttempt {
            deployment_id: format!("d-{at}").into(),
            model: "openai/a".into(),
            status: if at == 0 { 529 } else { 0 },
            began_ms: number + at,
            error: (at == 0).then(|| UsageError::new("ServiceUnavailableError", "overloaded")),
        }
    }

    #[test]
    fn attempts_refer_to_the_texts_of_their_batch() {
        let detail = Detail { attempts: vec![attempt(0, 5), attempt(1, 5)], ..Detail::default() };
        let batch =
            UsageBatch::of("b", [UsageEntry { detail: detail.clone(), ..entry(1, None, "openai/a") }]);
        let text = serde_json::to_string(&batch).unwrap();
        let attempts = r#"{"attempts":[[0,1,529,5,[2,3]],[4,1,0,6,null]]}"#;
        assert!(text.contains(attempts), "{text}");
        let received: UsageBatch = serde_json::from_str(&text).unwrap();
        assert_eq!(received.entries().next().unwrap().detail, detail);
        assert!(serde_json::from_str::<UsageBatch>(&text.replace("[4,1,0,", "[5,1,0,")).is_err());
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
                r#""],"kinds":[{"mode":"chat","model_group":"group","deployment_id":"d","model":"openai/a","api_base":"https://a"}],"#,
                r#""texts":["192.0.2.1","tag-0","tag-1"],"requests":["#,
                r#"[0,0,"call-\"1\u0000",1,200,1,2,3,4,5,null,7,8,9,"chatcmpl-1",0,{"tags":[1]}],"#,
                r#"[0,null,"call-\"2\u0000",1,200,2,3,4,5,6,7,8,9,null,null,0,{"tags":[1,2]}]]}"#,
            ]
            .concat()
        );
    }

    #[test]
    fn a_request_that_names_what_is_not_in_its_batch_is_refused_with_its_place() {
        let batch = serde_json::to_string(&UsageBatch::of("b", [entry(1, Some(7), "m")])).unwrap();
        for (is, shall_be) in [("[[0,0,", "[[1,0,"), ("[[0,0,", "[[0,1,"), ("\"tags\":[1]", "\"tags\":[2]")] {
            let wrong = batch.replace(is, shall_be);
            assert_ne!(wrong, batch);
            let error = serde_json::from_str::<UsageBatch>(&wrong).unwrap_err().to_string();
            assert!(error.contains("requests[0] has an index out of range"), "{error}");
        }
    }

    #[test]
    fn the_report_of_an_older_filter_is_read() {
        let old = r#"{"id":"b","tokens":[],"kinds":[{"mode":"chat","model_group":"g","deployment_id":"d","model":"openai/a"}],
            "requests":[[0,null,"c",1,200,2,3,4,5,6,7,8,9,null]]}"#;
        let batch: UsageBatch = serde_json::from_str(old).unwrap();
        let entry = batch.entries().next().unwrap();
        assert_eq!((entry.prompt_tokens, entry.detail), (2, Detail::default()));
    }

    #[test]
    fn refusals_that_are_alike_share_a_line_after_the_first_few() {
        let refusal =
            |number: u64| UsageEntry { status: 429, deployment_id: "".into(), ..entry(number, None, "") };
        let batch = UsageBatch::of("b", (0..1_000).map(|number| refusal(number * 7)));
        assert_eq!(batch.len(), page::ALIKE);
        assert_eq!(batch.entries().map(|entry| entry.requests).sum::<u64>(), 1_000);
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
