//! The clusters' filter: connects Envoy's callbacks to [`Attempt`] and hostcalls. There is one context per
//! attempt.

use core::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use crate::config::NOBODY;
use crate::exchange::{Attempt, Call, HeadStep, Headers, Nobody, Opening, Outgoing, Reply};
use crate::key::{DECODE_PATH, KEEP_TIMEOUT_MS, RESOLVE_TIMEOUT_S};
use crate::worker::{Chunk, Streamed};

use super::downstream::restore_origin;
use super::host::{self, Action, Host};
use super::report;
use super::this_worker::with;

/// Links a span to its parent: <https://www.w3.org/TR/trace-context/>.
const TRACE_HEADER: &str = "traceparent";

/// An attempt.
pub struct Upstream<H: Host> {
    context: u32,
    attempt: Option<Attempt>,
    /// Set instead if the attempt is at nobody.
    nobody: Option<Nobody>,
    /// The request and its number.
    call: Option<(u64, Rc<Call>)>,
    /// The response, once it is being streamed.
    stream: Option<Rc<Streamed>>,
    /// The end of a response that waits until the response is stored: its headers, unless they are sent, and the bytes.
    kept: Option<(Option<Headers>, Vec<u8>)>,
    /// A response waits because the key service may have a newer credential than the provider has rejected.
    is_doubting: bool,
    /// `traceparent` of the attempt's span, if tracing is on.
    trace: Option<String>,
    host: PhantomData<H>,
}

impl<H: Host> Upstream<H> {
    /// A new attempt. `context` is what [`Host::act_for`] selects it by.
    pub fn new(context: u32) -> Self {
        Self {
            context,
            attempt: None,
            nobody: None,
            call: None,
            stream: None,
            kept: None,
            is_doubting: false,
            trace: None,
            host: PhantomData,
        }
    }

    /// The key service has resolved references, handed out a credential, decompressed the response or stored it, or failed
    /// to.
    pub fn on_call_response(&mut self) {
        let answer = (H::call_response_status() == 200).then(H::call_response_body);
        if let Some((headers, body)) = self.kept.take() {
            self.stored(headers, body, answer.as_deref());
            H::resume_response();
        } else if core::mem::take(&mut self.is_doubting) {
            if let Some(attempt) = &mut self.attempt {
                attempt.resolved(answer);
            }
            self.respond(&H::response_body());
            H::resume_response();
        } else if self.attempt.as_ref().is_some_and(|attempt| attempt.encoding().is_some()) {
            if self.decoded(answer.as_deref()) == Action::Continue {
                H::resume_response();
            }
        } else if self.write_anew(answer) == Action::Continue {
            H::resume_request();
        }
    }

    /// The request's headers are there.
    pub fn on_request_headers(&mut self, end_of_stream: bool) -> Action {
        #[cfg(feature = "panic-trigger")]
        #[expect(clippy::panic, reason = "this is what the feature is for")]
        if H::request_header("x-panic-in-attempt").is_some() {
            panic!("asked for by a test");
        }
        let begun = with(|worker| {
            let (number, picked) = H::attempt().ok_or_else(Reply::lost)?;
            let call = worker.call(number).ok_or_else(Reply::lost)?;
            self.call = Some((number, Rc::clone(&call)));
            if picked == NOBODY {
                self.nobody = Some(Nobody::new(call));
                return Ok(None);
            }
            let endpoint = worker
                .endpoint(&call, &picked)
                .ok_or_else(|| call.in_language(Reply::unknown_deployment()).to_call(&call.id))?;
            Ok(Some(Attempt::new(call, endpoint)))
        });
        match begun {
            Ok(attempt) => self.attempt = attempt,
            Err(reply) => {
                H::reply(&reply);
                return Action::Pause;
            }
        }
        if end_of_stream { self.send() } else { Action::Pause }
    }

    /// More of the request's body is there.
    pub fn on_request_body(&mut self, end_of_stream: bool) -> Action {
        if end_of_stream { self.send() } else { Action::Pause }
    }

    /// The request has ended with trailers.
    pub fn on_request_trailers(&mut self) -> Action {
        self.send()
    }

    /// The response's headers are there.
    pub fn on_response_headers(&mut self, end_of_stream: bool) -> Action {
        if let Some(nobody) = &self.nobody {
            return if end_of_stream { self.let_go(nobody.response()) } else { Action::Pause };
        }
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        let step = attempt.response_head(H::response_head(), end_of_stream);
        if attempt.encoding().is_some() {
            H::count_compressed(attempt.provider());
        }
        match step {
            HeadStep::Pass => Action::Continue,
            HeadStep::Hold => Action::Pause,
            HeadStep::Bare(headers) => self.let_go(headers),
            HeadStep::Relay(headers) => {
                self.complete(true);
                self.let_go(headers)
            }
        }
    }

    /// More of the response's body is there.
    pub fn on_response_body(&mut self, end_of_stream: bool) -> Action {
        if let Some(nobody) = self.nobody.take_if(|_| end_of_stream) {
            H::replace_response_body(b"");
            return self.let_go(nobody.response());
        }
        if self.nobody.is_some() || self.kept.is_some() {
            return Action::Pause;
        }
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        if let Some(encoding) = attempt.encoding() {
            if end_of_stream && self.call.as_ref().and_then(|(_, call)| decode::<H>(call, encoding)).is_none()
            {
                return self.decoded(None);
            }
            return Action::Pause;
        }
        if attempt.is_opening() {
            let opening = attempt.open(&H::response_body(), end_of_stream, H::now_ms());
            if let Opening::Begin(mut headers, mut events) = opening {
                if self.keep(Some(&mut headers), &mut events) {
                    return Action::Pause;
                }
                H::replace_response_body(&events);
                let silence = self.attempt.as_ref().and_then(Attempt::silence).filter(|_| !end_of_stream);
                if let (Some(silence), Some((number, _))) = (silence, &self.call) {
                    let whose = (self.context, *number);
                    let held = H::HOLDS_STREAMS.then_some(events.len());
                    self.stream =
                        with(|worker| worker.begin_stream(whose, silence, held, H::TELLS_BREAKS, H::ring));
                }
                self.complete(end_of_stream);
                let action = self.let_go(headers);
                return if H::HOLDS_STREAMS && self.stream.is_some() { Action::Pause } else { action };
            }
            if attempt.is_opening() {
                return Action::Pause;
            }
        }
        if attempt.is_streaming() {
            let body = H::response_body();
            let unsent = self.stream.as_ref().map_or(0, |stream| stream.unsent());
            let (unsent, chunk) = body.split_at_checked(unsent).unwrap_or_default();
            let keeps = attempt.keeps();
            match attempt.response_chunk(chunk, end_of_stream) {
                Some(events) if keeps => {
                    let mut events = [unsent, events].concat();
                    if self.keep(None, &mut events) {
                        return Action::Pause;
                    }
                    H::replace_response_body(&events);
                }
                Some(events) if unsent.is_empty() => H::replace_response_body(events),
                Some(events) => H::replace_response_body(&[unsent, events].concat()),
                None => {}
            }
            self.complete(end_of_stream);
            return match self.stream.as_ref().map_or(Chunk::Pass, |stream| stream.pass(end_of_stream)) {
                Chunk::Pass => Action::Continue,
                Chunk::Release => {
                    H::resume_response();
                    Action::Pause
                }
            };
        }
        if attempt.is_failed() {
            H::replace_response_body(b"");
        }
        if !attempt.is_holding() {
            return Action::Continue;
        }
        if !end_of_stream {
            return Action::Pause;
        }
        let body = H::response_body();
        if let Some((path, question)) = attempt.doubt(&body)
            && self.ask(path, &question, Duration::from_secs(RESOLVE_TIMEOUT_S.into())).is_some()
        {
            self.is_doubting = true;
            return Action::Pause;
        }
        self.respond(&body)
    }
}

impl<H: Host> Upstream<H> {
    /// Sends the response whose whole body was held.
    fn respond(&mut self, body: &[u8]) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        let Some((mut headers, mut body)) = attempt.response_body(body) else { return Action::Continue };
        if self.keep(Some(&mut headers), &mut body) {
            return Action::Pause;
        }
        H::replace_response_body(&body);
        self.complete(true);
        self.let_go(headers)
    }

    /// Handles the decompressed response; `None` if decompression failed.
    fn decoded(&mut self, body: Option<&[u8]>) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Pause };
        let Some((mut headers, mut body)) = attempt.decoded(body, H::now_ms()) else { return Action::Pause };
        if self.keep(Some(&mut headers), &mut body) {
            return Action::Pause;
        }
        H::replace_response_body(&body);
        self.complete(true);
        self.let_go(headers)
    }

    /// Has the key service store the response, if this is its end and it is to be stored. Then these bytes, and the headers
    /// before them, must wait. If the key service cannot be called, they say that the response is not stored.
    fn keep(&mut self, headers: Option<&mut Headers>, end: &mut Vec<u8>) -> bool {
        let Some(attempt) = &self.attempt else { return false };
        let Some((path, row)) = attempt.keep(end) else { return false };
        if self.ask(path, &row, Duration::from_millis(KEEP_TIMEOUT_MS)).is_some() {
            // Nothing may be written to the stream while it waits.
            self.stream = None;
            self.kept = Some((headers.map(|headers| headers.clone()), core::mem::take(end)));
            return true;
        }
        *end = attempt.kept(core::mem::take(end), None);
        if let Some(headers) = headers {
            headers.fit_length(end.len());
        }
        false
    }

    /// Sends the end of a response after the key service has stored it, or has not.
    fn stored(&self, headers: Option<Headers>, end: Vec<u8>, answer: Option<&[u8]>) {
        let Some(attempt) = &self.attempt else { return };
        let end = attempt.kept(end, answer);
        H::replace_response_body(&end);
        self.complete(true);
        if let Some(mut headers) = headers {
            headers.fit_length(end.len());
            self.let_go(headers);
        }
    }

    /// Sends the response headers. If the request is redirected, they contain its new location.
    fn let_go(&self, mut headers: Headers) -> Action {
        if let Some((number, call)) = self.call.as_ref().filter(|(_, call)| call.departs()) {
            headers.set("location", with(|worker| worker.onward(*number, H::random_id)));
            // Envoy finds no route for a request without this header. The attempt does not have it, because
            // it is not sent to providers.
            H::set_request_header("x-forwarded-proto", Some("http"));
            restore_origin::<H>(call);
            // The redirected request belongs to the same trace.
            if let Some(trace) = &self.trace {
                H::set_request_header(TRACE_HEADER, Some(trace));
            }
        }
        H::replace_response_headers(&headers);
        Action::Continue
    }

    fn send(&mut self) -> Action {
        if let Some((_, call)) = self.call.as_ref().filter(|(_, call)| call.table.settings.spans) {
            self.trace = H::request_header(TRACE_HEADER);
            call.told_trace(self.trace.as_deref());
        }
        let outgoing = match (&mut self.attempt, &self.nobody) {
            (Some(attempt), _) => match attempt.request_kept(H::now_ms()) {
                Some(outgoing) => outgoing,
                None => attempt.request(&H::request_body(), H::now_ms()),
            },
            (None, Some(nobody)) => nobody.request(&H::request_head()),
            (None, None) => return Action::Pause,
        };
        self.act(outgoing)
    }

    /// Writes the request again, after its references were resolved or could not be.
    fn write_anew(&mut self, answer: Option<Vec<u8>>) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Pause };
        attempt.resolved(answer);
        let outgoing = attempt.request(&H::request_body(), H::now_ms());
        self.act(outgoing)
    }

    fn act(&mut self, outgoing: Outgoing) -> Action {
        match outgoing {
            Outgoing::Send { headers, body } => {
                H::replace_request_headers(&headers);
                // A request without a body has no buffer for one.
                if !body.is_empty() || !H::request_body().is_empty() {
                    H::replace_request_body(&body);
                }
                Action::Continue
            }
            Outgoing::Reply(reply) => {
                self.complete(true);
                H::reply(&reply);
                Action::Pause
            }
            Outgoing::Resolve { path, body } => {
                // The key service's own timeout is shorter, and its response says what took so long.
                let timeout = Duration::from_secs(u64::from(RESOLVE_TIMEOUT_S) + 5);
                if self.ask(path, &body, timeout).is_some() { Action::Pause } else { self.write_anew(None) }
            }
        }
    }

    /// Calls the key service.
    fn ask(&self, path: &str, body: &[u8], timeout: Duration) -> Option<u64> {
        let (_, call) = self.call.as_ref()?;
        let token = call.table.internal_token.reveal();
        host::post::<H>(&call.table.keys.cluster, path, token, body, timeout)
    }

    /// The response is complete, if `last`.
    fn complete(&self, last: bool) {
        if let Some((number, call)) = self.call.as_ref().filter(|_| last) {
            if H::TELLS_BREAKS {
                with(|worker| worker.end_stream(*number));
            }
            report::for_span::<H>(call);
        }
    }
}

/// Asks the key service to decompress the held response.
fn decode<H: Host>(call: &Call, encoding: &str) -> Option<u64> {
    let (table, about) = (&call.table, ("content-encoding", encoding));
    let timeout = Duration::from_millis(table.keys.timeout_ms.into());
    let body = H::response_body();
    host::send::<H>(&table.keys.cluster, DECODE_PATH, table.internal_token.reveal(), about, &body, timeout)
}
