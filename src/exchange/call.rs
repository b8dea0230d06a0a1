//! An admitted request: the state that the downstream and upstream roles share.

use core::cell::{OnceCell, RefCell};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::facts::{Units, Usage};
use crate::inbound::Language;
use crate::key::{Detail, KeyRecord, UsageAttempt, UsageEntry, UsageError};
use crate::limits::within_window;
use crate::openai::Memo;
use crate::price;
use crate::table::{Endpoint, Table};

use super::Reply;
use super::admitted_body::AdmittedBody;
use super::body_budget::Hold;
use super::journey::Journey;
use super::limited::Entered;
use super::origin::Origin;
use super::part_of::PartOf;
use super::parts::Parts;
use super::prompt::Prompt;
use super::request_settings::RequestSettings;
use super::sealed::Pinned;
use super::stored::{Keeping, NativeRequest};

/// Attempts of a request that are reported.
const MOST_ATTEMPTS: usize = 32;

/// An admitted request. Both roles run in the same VM, so the upstream role gets it by reference.
#[derive(Debug)]
pub struct Call {
    /// The table that admitted it.
    pub table: Rc<Table>,
    /// Index of the requested group.
    pub group: usize,
    /// The model's full name, if the group is a wildcard.
    pub model: Option<String>,
    /// Where it is in that group and its fallbacks, and what happens next.
    pub journey: RefCell<Journey>,
    /// The key that pays; `None` for the master key.
    pub key: Option<Arc<KeyRecord>>,
    /// What pays in addition to the key: its end user.
    pub payers: Vec<Arc<KeyRecord>>,
    /// The key's spend when the request arrived, picodollars.
    pub key_spend: u64,
    /// The client's language.
    pub language: &'static dyn Language,
    /// The operation, and what translating the response needs.
    pub memo: Memo,
    /// `x-litellm-call-id`
    pub id: Rc<str>,
    /// `origin`, if a browser sent it. Needed for Envoy's local replies, because attempts overwrite the
    /// request headers.
    pub page: Option<Box<str>>,
    /// The client's path without the query; attempts overwrite the `:path` header.
    pub path: String,
    /// The request's routing settings.
    pub asked: RequestSettings,
    /// End user, tags and client address.
    pub origin: Origin,
    /// What is stored of it together with its response, if that is to be stored.
    pub keeping: Option<Keeping>,
    /// The deployment that alone can serve it.
    pub pinned: Option<Pinned>,
    /// It is about a response that this deployment's provider keeps.
    pub native: Option<NativeRequest>,
    /// The body, until the first attempt takes it.
    pub kept: RefCell<Option<AdmittedBody>>,
    /// What the body counts in the worker's budget, as long as this call exists.
    pub hold: Hold,
    /// Set if it has more inputs than a deployment accepts: its parts are sent instead of it.
    pub parts: RefCell<Option<Parts>>,
    /// The request that it is a part of, which has the account.
    pub part_of: Option<PartOf>,
    /// The length of the prompt.
    pub prompt: Prompt,
    /// The key service's responses for the request's references.
    pub resolved: RefCell<Vec<Vec<u8>>>,
    /// The longest response that it allows over all choices, tokens; 0 if the operation generates no text.
    pub most_completion: Option<u64>,
    /// What it asks for in other units than tokens.
    pub units: Units,
    /// Start, Unix milliseconds.
    pub started_ms: u64,
    /// What is recorded of it.
    pub progress: RefCell<Progress>,
    /// The reservations in its limits, once it was admitted.
    pub entered: OnceCell<Entered>,
}

/// What its attempts have used, and the rest of what is recorded of a request.
#[derive(Debug, Default)]
pub struct Progress {
    /// The attempts, in order.
    pub attempts: Vec<Tried>,
    /// Usage so far.
    pub usage: Usage,
    /// Cost of its parts, picodollars. They may have been served by several deployments.
    pub paid: Option<u64>,
    /// When the first event of a stream was sent to the client, Unix milliseconds.
    pub first_event_ms: Option<u64>,
    /// Estimated number of generated tokens, for streams that report usage only at the end.
    pub produced: u64,
    /// Index in the endpoint's price list of the model that the response named, if the deployment's own name
    /// has no price.
    pub named: Option<usize>,
    /// The reason for the failure, for the spend log: an attempt, a broken stream or a limit.
    pub error: Option<UsageError<'static>>,
    /// `id` of the response.
    pub answer_id: Box<str>,
    /// Id of the trace, if the request is traced.
    pub trace_id: String,
}

/// One attempt.
#[derive(Debug)]
pub struct Tried {
    /// The endpoint.
    pub endpoint: Rc<Endpoint>,
    /// The provider's status; 0 until there is one.
    pub answered: u16,
    /// The status after translation; 0 until there is one.
    pub status: u16,
    /// When its request was written, Unix milliseconds; 0 until it is.
    pub sent_ms: u64,
    /// Why it failed, once another attempt has begun.
    pub error: Option<UsageError<'static>>,
}

impl Tried {
    /// An attempt that begins.
    pub fn new(endpoint: Rc<Endpoint>) -> Self {
        Self { endpoint, answered: 0, status: 0, sent_ms: 0, error: None }
    }

    /// The provider's error status, or the status after translation; 0 if there was no response.
    fn told(&self) -> u16 {
        if self.answered >= 400 { self.answered } else { self.status }
    }
}

impl Call {
    /// Drops a large body while the request waits for capacity. Envoy's buffer still has it.
    pub fn wait(&self) {
        self.kept.borrow_mut().take_if(|kept| !kept.may_wait());
    }

    /// Whether it is a part of another request.
    pub fn is_part(&self) -> bool {
        self.part_of.is_some()
    }

    /// A reply in the client's language.
    pub fn in_language(&self, reply: Reply) -> Reply {
        reply.in_language(self.language, &self.id)
    }

    /// `model_name` of the requested group.
    pub fn group_name(&self) -> &str {
        self.table
            .groups
            .get(self.group)
            .map(|group| self.table.whole(group).public_name())
            .unwrap_or_default()
    }

    /// The requested model: the group's name, with the wildcard resolved.
    pub fn model_name(&self) -> &str {
        self.model.as_deref().unwrap_or_else(|| self.group_name())
    }

    /// The model name to send: the deployment's `*` is replaced by what the group's `*` matched.
    pub fn model_of<'e>(&self, endpoint: &'e Endpoint) -> Cow<'e, str> {
        endpoint.model(self.journey.borrow().wildcard())
    }

    /// Notes the trace of an attempt, from its `traceparent` (`00-TRACE-SPAN-FLAGS`), if it is sampled.
    pub fn told_trace(&self, parent: Option<&str>) {
        let mut parts = parent.unwrap_or_default().split('-').skip(1);
        if let (Some(trace), Some("01")) = (parts.next(), parts.nth(1)) {
            trace.clone_into(&mut self.progress.borrow_mut().trace_id);
        }
    }

    /// All attempts in one word, for a log: `anthropic:529>bedrock:200`. `-` means a failed connection.
    pub fn chain(&self) -> String {
        let mut chain = String::new();
        for tried in &self.progress.borrow().attempts {
            if !chain.is_empty() {
                chain.push('>');
            }
            let told = tried.told();
            chain.push_str(tried.endpoint.provider.name);
            chain.push(':');
            chain.push_str(&if told == 0 { "-".to_owned() } else { told.to_string() });
        }
        chain
    }

    /// The status of the last attempt's response, if there is one.
    pub fn answered_status(&self) -> Option<u16> {
        self.progress.borrow().attempts.last().map(|tried| tried.status).filter(|status| *status > 0)
    }

    /// Passes the usage entry of a finished request to `told`. `status` is what the client received.
    pub fn settle<T>(&self, status: u16, now_ms: u64, told: impl FnOnce(&UsageEntry<'_>) -> T) -> T {
        let progress = self.progress.borrow();
        let last = progress.attempts.last().filter(|_| self.journey.borrow().has_response());
        let endpoint = last.map(|tried| &tried.endpoint);
        let usage = self.used(&progress);
        let model =
            |endpoint: &Rc<Endpoint>| [endpoint.provider.name, "/", &*self.model_of(endpoint)].concat();
        told(&UsageEntry {
            call_id: Cow::Borrowed(&self.id),
            token: self.key.as_ref().map(|key| key.token),
            mode: Cow::Borrowed(self.memo.operation.mode()),
            model_group: Cow::Borrowed(self.model_name()),
            deployment_id: Cow::Borrowed(endpoint.map_or("", |endpoint| &endpoint.deployment.id)),
            model: endpoint.map(model).unwrap_or_default().into(),
            api_base: Cow::Borrowed(endpoint.map_or("", |endpoint| &endpoint.shown.api_base)),
            requests: 1,
            status,
            prompt_tokens: usage.prompt,
            completion_tokens: usage.completion,
            cached_tokens: usage.cached,
            cache_write_tokens: usage.cache_write,
            reasoning_tokens: usage.reasoning,
            cost_picodollars: endpoint.and_then(|endpoint| self.cost_of(endpoint, &usage)),
            started_ms: self.started_ms,
            duration_ms: now_ms.saturating_sub(self.started_ms),
            first_token_ms: progress.first_event_ms.map(|first| first.saturating_sub(self.started_ms)),
            detail: Detail {
                trace_id: Cow::Borrowed(&progress.trace_id),
                attempts: self.attempts(&progress),
                ..self.origin.detail(&progress.answer_id, progress.error.as_ref())
            },
        })
    }

    /// The attempts, if there was more than one. A `*` in the model of an earlier group stays one.
    fn attempts<'a>(&self, progress: &'a Progress) -> Vec<UsageAttempt<'a>> {
        let [_, .., last] = progress.attempts.as_slice() else { return Vec::new() };
        let told = progress.attempts.iter().take(MOST_ATTEMPTS).map(|tried| UsageAttempt {
            deployment_id: Cow::Borrowed(&tried.endpoint.deployment.id),
            model: [tried.endpoint.provider.name, "/", &*self.model_of(&tried.endpoint)].concat().into(),
            status: tried.told(),
            began_ms: tried.sent_ms.saturating_sub(self.started_ms),
            error: if core::ptr::eq(tried, last) { progress.error.clone() } else { tried.error.clone() },
        });
        told.collect()
    }

    /// Cost of the response so far, picodollars; `None` if the price is unknown.
    pub fn cost_of(&self, endpoint: &Endpoint, usage: &Usage) -> Option<u64> {
        if let Some(paid) = self.progress.borrow().paid.filter(|paid| *paid > 0) {
            return Some(paid);
        }
        let sets_price = || endpoint.deployment.price.as_ref().is_some_and(|price| price.custom);
        if let Some(charged) = usage.charged.filter(|_| !sets_price()) {
            return Some(charged);
        }
        let named = || endpoint.prices.get(self.progress.borrow().named?);
        let price = endpoint.price(&self.model_of(endpoint)).or_else(named)?;
        Some(price::cost(price, usage))
    }

    /// Estimated number of prompt tokens. Computed from the body while it is available; later only if noted
    /// before.
    pub fn prompt_tokens(&self) -> u64 {
        let window = self.table.groups.get(self.group).and_then(|group| group.max_input_tokens);
        let kept = || Some(self.kept.borrow().as_ref()?.request(self.memo.operation)?.prompt_tokens());
        within_window(self.prompt.tokens(self.memo.operation, kept), window)
    }

    /// The usage as reported. For a stream that ended before reporting it, missing counts are estimated.
    fn used(&self, progress: &Progress) -> Usage {
        let mut usage = progress.usage;
        if progress.produced > 0 {
            usage.completion = usage.completion.max(progress.produced);
            if usage.prompt == 0 {
                usage.prompt = self.prompt_tokens();
            }
        }
        usage
    }
}
