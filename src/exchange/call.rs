//! One admitted request: what the downstream role knows and the upstream role needs, and the way back.

use core::cell::{OnceCell, RefCell};
use std::borrow::Cow;
use std::rc::Rc;

use crate::facts::Usage;
use crate::key::{KeyRecord, UsageEntry, UsageError};
use crate::limits::within_window;
use crate::openai::Memo;
use crate::price;
use crate::table::{Endpoint, Table};

use super::asked::Asked;
use super::fallback::{Failed, Way};
use super::kept::Kept;
use super::limited::Entered;
use super::origin::Origin;
use super::parts::Parts;
use super::prompt::Prompt;

/// An admitted request. Both roles run in one VM, so the upstream role gets it by reference.
#[derive(Debug)]
pub struct Call {
    /// The table that admitted it.
    pub table: Rc<Table>,
    /// Index of the group that was asked for.
    pub group: usize,
    /// Where it is on its way through that group and its fallbacks.
    pub way: RefCell<Way>,
    /// Who pays; nobody when it is the master key.
    pub key: Option<Rc<KeyRecord>>,
    /// What this worker had spent with the key since it learned of it, when the request came, picodollars.
    pub key_spent: u64,
    /// What is asked for, and what the answer needs of it.
    pub memo: Memo,
    /// `x-litellm-call-id`
    pub id: Rc<str>,
    /// `origin`, of a page in a browser: what Envoy answers to by itself, once attempts have written other headers.
    pub page: Option<Box<str>>,
    /// What the client called, without the query; attempts write other paths into its place.
    pub path: String,
    /// The request's own `drop_params`.
    pub drop_params: Option<bool>,
    /// What it says of its own routing.
    pub asked: Asked,
    /// Whom it is for.
    pub origin: Origin,
    /// The body, until the first attempt takes it.
    pub kept: RefCell<Option<Kept>>,
    /// It asks for more than a deployment takes at once: then its parts are asked for, and it goes nowhere itself.
    pub parts: RefCell<Option<Parts>>,
    /// It is a part of another request, which has the account.
    pub is_part: bool,
    /// How long its prompt is.
    pub prompt: Prompt,
    /// What the key service has resolved of what the request refers to: its answers.
    pub resolved: RefCell<Vec<Vec<u8>>>,
    /// Longest answer that it allows, all choices together, tokens; 0 where there are no words to be answered.
    pub most_completion: Option<u64>,
    /// Start, Unix milliseconds.
    pub started_ms: u64,
    /// What has happened since.
    pub progress: RefCell<Progress>,
    /// What it has reserved of the limits that it counts against, once it was let in.
    pub entered: OnceCell<Entered>,
}

/// What has happened to a request.
#[derive(Debug, Default)]
pub struct Progress {
    /// The attempts in their order.
    pub attempts: Vec<Tried>,
    /// What was used, as far as it is known.
    pub usage: Usage,
    /// What parts of it cost, picodollars. Several deployments may have served them.
    pub paid: Option<u64>,
    /// When the first event of a stream went to the client, Unix milliseconds.
    pub first_event_ms: Option<u64>,
    /// Tokens of the model's words so far, estimated, where a stream counts none before its end.
    pub produced: u64,
    /// Where in the endpoint's price list the model is that the answer named, where the deployment's own name tells no
    /// price.
    pub named: Option<usize>,
    /// An attempt was answered without a body: the downstream role writes this one.
    pub bare: Option<crate::openai::ErrorBody>,
    /// The last attempt has an answer. If it is not the last after all, the next attempt takes this back.
    pub answered: bool,
    /// The error of the last attempt that had an answer.
    pub failed: Option<Failed>,
    /// Why the request failed, for the spend log: an attempt, a stream that broke off, a limit.
    pub error: Option<UsageError<'static>>,
    /// `id` of the answer.
    pub answer_id: Box<str>,
    /// That answer asks Envoy's router for another attempt; if it goes to the client, the mark must go.
    pub marked: bool,
}

/// One attempt.
#[derive(Debug)]
pub struct Tried {
    /// Whom it went to.
    pub endpoint: Rc<Endpoint>,
    /// The provider's status; 0 as long as there is none.
    pub answered: u16,
    /// What came back, in the client's terms; 0 as long as nothing did.
    pub status: u16,
}

impl Call {
    /// It must wait for room: a large body waits in Envoy's buffer alone.
    pub fn wait(&self) {
        self.kept.borrow_mut().take_if(|kept| !kept.may_wait());
    }

    /// `model_name` of the group that was asked for.
    pub fn group_name(&self) -> &str {
        self.table
            .groups
            .get(self.group)
            .map(|group| self.table.whole(group).name.as_str())
            .unwrap_or_default()
    }

    /// The model in a deployment's words: its `*` is what the group's `*` matched.
    pub fn model_of<'e>(&self, endpoint: &'e Endpoint) -> Cow<'e, str> {
        endpoint.model(self.way.borrow().wildcard())
    }

    /// All attempts in one word, for a log: `anthropic:529>bedrock:200`. `-` stands for a connection that failed.
    pub fn chain(&self) -> String {
        let mut chain = String::new();
        for tried in &self.progress.borrow().attempts {
            if !chain.is_empty() {
                chain.push('>');
            }
            let told = if tried.answered >= 400 { tried.answered } else { tried.status };
            chain.push_str(tried.endpoint.provider.name);
            chain.push(':');
            chain.push_str(&if told == 0 { "-".to_owned() } else { told.to_string() });
        }
        chain
    }

    /// What the last attempt told the client, if it did.
    pub fn answered_status(&self) -> Option<u16> {
        self.progress.borrow().attempts.last().map(|tried| tried.status).filter(|status| *status > 0)
    }

    /// Tells the account of the request, once it is over. `status` is what the client received.
    pub fn settle<T>(&self, status: u16, now_ms: u64, told: impl FnOnce(&UsageEntry<'_>) -> T) -> T {
        let progress = self.progress.borrow();
        let last = progress.attempts.last().filter(|_| progress.answered);
        let endpoint = last.map(|tried| &tried.endpoint);
        let usage = self.used(&progress);
        let model =
            |endpoint: &Rc<Endpoint>| [endpoint.provider.name, "/", &*self.model_of(endpoint)].concat();
        told(&UsageEntry {
            call_id: Cow::Borrowed(&self.id),
            token: self.key.as_ref().map(|key| key.token),
            mode: Cow::Borrowed(self.memo.operation.mode()),
            model_group: Cow::Borrowed(self.group_name()),
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
            detail: self.origin.detail(&progress.answer_id, progress.error.as_ref()),
        })
    }

    /// What the answer cost so far, picodollars; nothing where the price is not known.
    pub fn cost_of(&self, endpoint: &Endpoint, usage: &Usage) -> Option<u64> {
        if let Some(paid) = self.progress.borrow().paid.filter(|paid| *paid > 0) {
            return Some(paid);
        }
        let named = || endpoint.prices.get(self.progress.borrow().named?);
        let price = endpoint.price(&self.model_of(endpoint)).or_else(named)?;
        Some(price::cost(price, usage))
    }

    /// Tokens of its prompt, estimated. While the body is there it is read; later it must have been noted.
    pub fn prompt_tokens(&self) -> u64 {
        let window = self.table.groups.get(self.group).and_then(|group| group.max_input_tokens);
        let kept = || Some(self.kept.borrow().as_ref()?.request(self.memo.operation)?.prompt_tokens());
        within_window(self.prompt.tokens(self.memo.operation, kept), window)
    }

    /// Usage as counted. Of a stream that died before it was counted, what is missing is estimated.
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
