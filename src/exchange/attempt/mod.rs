//! The upstream role: one attempt at one deployment, with the request and the response translated.
//!
//! Envoy's router has selected the endpoint. Each retry is a new `Attempt`. It gets the client's body again,
//! but with the headers of the previous attempt, so every attempt replaces all headers.

mod amended;
mod count;
mod credential;
mod errors;
mod fitted;
mod form;
mod keep;
mod native;
mod relayed;
mod request;
mod resolve;
mod stream;

use std::rc::Rc;

use crate::auth::Absent;
use crate::config::{SearchSize, ServiceTier};
use crate::credentials::Value;
use crate::dialects::Dialect;
use crate::facts::{Fault, Usage};
use crate::frame::is_event;
use crate::openai::{Answer, EmbeddingWriter, Memo, Operation, Wanted};
use crate::table::Endpoint;

use super::call::{Call, Tried};
use super::head::Head;
use super::headers::{Headers, answer_headers, passed_on};
use super::{Reply, Streaming, named, translated};

/// One attempt.
pub struct Attempt {
    call: Rc<Call>,
    endpoint: Rc<Endpoint>,
    dialect: &'static dyn Dialect,
    memo: Memo,
    /// The request's own `extra_headers`.
    extra_headers: Vec<(String, String)>,
    /// The price is known only if the response names the model.
    is_unpriced: bool,
    /// The requested service tier, used if the response does not report one.
    tier: Option<ServiceTier>,
    /// Context size of the web search that the request allows, if any. Citations in the answer then mean a search.
    search: Option<SearchSize>,
    /// The search was left out, because the provider has none.
    lacks_search: bool,
    /// The answer cites pages of the web.
    cites: bool,
    /// The provider answers before the model does (`background: true` of the Responses API).
    in_background: bool,
    /// `content-encoding` of a compressed response, until it is decoded.
    encoding: Option<String>,
    phase: Phase,
    /// References that were missing when the request was written.
    wanted: Option<Wanted>,
    /// Whether the key service was asked for them.
    asked: bool,
    /// The credential that was handed out for the deployment and sent.
    used: Option<Rc<Value>>,
    /// Whether the key service was asked for the credential.
    has_asked: bool,
    /// The key service is being asked for it.
    awaits_credential: bool,
    /// When the request was written, Unix milliseconds.
    now_ms: u64,
}

enum Phase {
    /// The request is not written yet.
    Begun,
    /// Waiting for the response.
    Sent,
    /// No provider was called, because of this error. The client gets it whatever the response is: Envoy
    /// retries only after an upstream response.
    Raised(Fault),
    /// The same, for a deployment without a credential.
    Absent(Absent),
    /// The response is held until it is complete.
    Whole { status: u16, head: Head },
    /// The response will be streamed. Its headers are held until the first event, because a retry is possible
    /// until then.
    Opening { status: u16, head: Head, streaming: Box<Streaming>, read: usize },
    /// The response is being streamed.
    Streaming(Box<Streaming>),
    /// A stream started with an error, which was returned as one. The rest of the stream is dropped.
    Failed,
    /// Done.
    Closed,
}

/// What to send.
#[derive(Debug)]
pub enum Outgoing {
    /// Send this request, with all headers replaced.
    Send {
        /// All headers.
        headers: Headers,
        /// The body.
        body: Vec<u8>,
    },
    /// Send nothing; respond with this.
    Reply(Reply),
    /// Call the key service first, and pass its response to [`Attempt::resolved`].
    Resolve {
        /// Path of the call.
        path: &'static str,
        /// Its body.
        body: Vec<u8>,
    },
}

/// What to do with the response headers.
#[derive(Debug)]
pub enum HeadStep {
    /// Hold them until the body is complete.
    Hold,
    /// The response has no body, but the client needs one: send these headers now. The downstream role writes
    /// the body.
    Bare(Headers),
    /// Send these headers now, and pass the body on as it arrives.
    Relay(Headers),
    /// Leave them unchanged.
    Pass,
}

/// The state of a stream's beginning.
#[derive(Debug)]
pub enum Opening {
    /// Keep holding.
    Wait,
    /// Send these headers, and replace all held bytes with these.
    Begin(Headers, Vec<u8>),
}

impl Attempt {
    /// Creates an attempt at a deployment.
    pub fn new(call: Rc<Call>, endpoint: Rc<Endpoint>) -> Self {
        let memo = call.memo.clone();
        let mut progress = call.progress.borrow_mut();
        let error = progress.error.take();
        if let Some(before) = progress.attempts.last_mut() {
            before.error = error;
        }
        progress.attempts.push(Tried::new(Rc::clone(&endpoint)));
        progress.named = None;
        drop(progress);
        call.journey.borrow_mut().begin();
        let model = call.model_of(&endpoint);
        let dialect = endpoint.provider.dialect_of(&model);
        let is_unpriced = !endpoint.prices.is_empty() && endpoint.price(&model).is_none();
        drop(model);
        Self {
            call,
            endpoint,
            dialect,
            memo,
            extra_headers: Vec::new(),
            is_unpriced,
            tier: None,
            search: None,
            lacks_search: false,
            cites: false,
            in_background: false,
            encoding: None,
            phase: Phase::Begun,
            wanted: None,
            asked: false,
            used: None,
            has_asked: false,
            awaits_credential: false,
            now_ms: 0,
        }
    }

    /// Handles the response headers. `bare` says that no body follows.
    pub fn response_head(&mut self, head: Head, bare: bool) -> HeadStep {
        match &self.phase {
            Phase::Sent => {}
            Phase::Raised(_) => return HeadStep::Hold,
            Phase::Absent(absent) => {
                let (headers, _) = self.absent_headers(absent);
                self.phase = Phase::Failed;
                return self.bare(headers);
            }
            _ => return HeadStep::Pass,
        }
        let status = head.text(":status").and_then(|status| status.parse().ok()).unwrap_or(502);
        if let Some(tried) = self.call.progress.borrow_mut().attempts.last_mut() {
            tried.answered = status;
        }
        let read = self.dialect.answer_headers();
        self.memo.headers.extend(read.iter().filter_map(|name| Some((*name, head.text(name)?.to_owned()))));
        if bare {
            let fault = self.read_fault(status, b"");
            let (headers, _) = self.fault_headers(&fault, head);
            self.phase = Phase::Closed;
            return self.bare(headers);
        }
        if self.memo.operation.is_binary() && (200..300).contains(&status) {
            return HeadStep::Relay(self.relayed_head(head));
        }
        let encoding =
            head.text("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity"));
        self.encoding = encoding.map(str::to_owned);
        // Ignore the content type; `open` looks at the body.
        if !self.memo.stream || !(200..300).contains(&status) {
            self.phase = Phase::Whole { status, head };
            return HeadStep::Hold;
        }
        let streaming =
            Streaming::new(self.dialect, self.call.language, &self.memo, self.endpoint.provider.name);
        self.phase = Phase::Opening { status, head, streaming: Box::new(streaming), read: 0 };
        HeadStep::Hold
    }

    /// The provider's name.
    pub fn provider(&self) -> &'static str {
        self.endpoint.provider.name
    }

    /// The `content-encoding`, if the response, streamed or not, must be decompressed as a whole first.
    pub fn encoding(&self) -> Option<&str> {
        self.encoding.as_deref()
    }

    /// Handles the decompressed response, or `None` if decompression failed. Returns the client's headers and
    /// body.
    pub fn decoded(&mut self, body: Option<&[u8]>, now_ms: u64) -> Option<(Headers, Vec<u8>)> {
        let encoding = self.encoding.take()?;
        let Some(body) = body else {
            let head = match core::mem::replace(&mut self.phase, Phase::Closed) {
                Phase::Whole { head, .. } | Phase::Opening { head, .. } => head,
                _ => Head::default(),
            };
            let why = " and cannot be decompressed: the coding is unsupported, the data is invalid, or it is larger than 32 MiB";
            let what = ["the provider's response is compressed with ", &encoding, why].concat();
            return Some(self.told(&Fault::garbled(what), head));
        };
        if !self.is_opening() {
            return self.response_body(body);
        }
        match self.open(body, true, now_ms) {
            Opening::Begin(headers, events) => Some((headers, events)),
            // It was not a stream.
            Opening::Wait => self.response_body(body),
        }
    }

    fn bare(&self, mut headers: Headers) -> HeadStep {
        headers.remove("content-length");
        self.call.journey.borrow_mut().set_bare();
        HeadStep::Bare(headers)
    }

    /// Handles the complete response after [`HeadStep::Hold`]. Returns the client's headers and body.
    pub fn response_body(&mut self, body: &[u8]) -> Option<(Headers, Vec<u8>)> {
        let (status, head) = match core::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Whole { status, head } => (status, head),
            Phase::Raised(fault) => return Some(self.told(&fault, Head::default())),
            _ => return None,
        };
        if self.memo.counts {
            return Some(self.counted(status, body));
        }
        let answer = if (200..300).contains(&status) {
            self.read_answer(body)
        } else {
            Err(self.read_fault(status, body))
        };
        Some(match answer {
            Ok(Answer { body: told, usage, id }) => {
                self.hear_model(|| named::in_answer(body));
                self.hear_citations(body);
                let usage = self.billed(usage);
                let mut headers = if self.memo.stream {
                    Headers::for_stream(self.call.language.stream_type())
                } else {
                    Headers::for_answer(200, "application/json")
                };
                if let Some(kind) = head.text("content-type").filter(|_| self.memo.operation.is_transcript())
                {
                    headers.set("content-type", kind.to_owned());
                }
                headers.set_length(told.len());
                answer_headers(&mut headers, &self.call, &self.endpoint, Some(&usage));
                self.name_dropped(&mut headers);
                passed_on(&mut headers, head, self.call.started_ms);
                self.note(200);
                let mut progress = self.call.progress.borrow_mut();
                (progress.usage, progress.answer_id) = (usage, id);
                drop(progress);
                (headers, told)
            }
            Err(fault) => self.told(&fault, head),
        })
    }

    /// Usage with the service tier added.
    fn served(&self, usage: Usage) -> Usage {
        // A provider that does not count its searches cites what it has found.
        let searches = if usage.searches == 0 { self.cites.into() } else { usage.searches };
        let search_size = usage.search_size.or(self.search);
        Usage { tier: usage.tier.or(self.tier), searches, search_size, ..usage }
    }

    /// Looks for citations in an answer, or in a chunk of it, where the provider may have searched the web.
    fn hear_citations(&mut self, answer: &[u8]) {
        if self.search.is_some() && !self.cites {
            self.cites = memchr::memmem::find(answer, b"url_citation").is_some();
        }
    }

    /// Records the model that the response names, if the price depends on it.
    fn hear_model<T: AsRef<str>>(&mut self, named: impl FnOnce() -> Option<T>) {
        if !self.is_unpriced {
            return;
        }
        let Some(model) = named() else { return };
        self.is_unpriced = false;
        let at = self.endpoint.prices.find(&self.endpoint.deployment.provider, model.as_ref());
        self.call.progress.borrow_mut().named = at;
        self.endpoint.usual_price.set(at);
    }

    /// Whether the response is being streamed.
    pub fn is_streaming(&self) -> bool {
        matches!(self.phase, Phase::Streaming(_))
    }

    /// Whether the response is held until it is complete.
    pub fn is_holding(&self) -> bool {
        matches!(self.phase, Phase::Whole { .. } | Phase::Raised(_))
    }

    /// Whether further bytes are dropped.
    pub fn is_failed(&self) -> bool {
        matches!(self.phase, Phase::Failed)
    }

    /// Whether the response is held until a stream's first event.
    pub fn is_opening(&self) -> bool {
        matches!(self.phase, Phase::Opening { .. })
    }

    fn read_answer(&self, body: &[u8]) -> Result<Answer, Fault> {
        if !self.memo.stream && is_event(body.trim_ascii_start()) {
            return Err(Fault::garbled("the provider sent a stream that was not requested"));
        }
        let mut answer = translated(self.dialect, self.call.language, body, &self.memo)?;
        answer.usage.units = answer.usage.units.or(self.call.units);
        if self.memo.operation != Operation::Embeddings {
            return Ok(answer);
        }
        if answer.usage.prompt == 0 {
            EmbeddingWriter::recount(&mut answer, self.call.prompt_tokens());
        }
        if self.memo.wire.is_some() {
            return Ok(answer);
        }
        Ok(self.call.language.embeddings(answer))
    }

    fn read_fault(&self, status: u16, body: &[u8]) -> Fault {
        let status = if (200..300).contains(&status) { 502 } else { status };
        self.dialect.error(status, body, &self.memo)
    }

    /// The request is being written.
    fn begin(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        if let Some(tried) = self.call.progress.borrow_mut().attempts.last_mut() {
            tried.sent_ms = now_ms;
        }
    }

    fn note(&self, status: u16) {
        if status < 400 {
            // No retry will follow, and the response may take long, so free the memory.
            self.call.resolved.take();
        }
        self.call.journey.borrow_mut().serve();
        if let Some(tried) = self.call.progress.borrow_mut().attempts.last_mut() {
            tried.status = status;
        }
    }
}
