//! The clusters' filter: connects Envoy's callbacks to [`Attempt`] and hostcalls. There is one context per
//! attempt.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use std::rc::Rc;
use std::time::Duration;

use crate::config::NOBODY;
use crate::exchange::{Attempt, Call, HeadStep, Headers, Nobody, Opening, Outgoing, Reply};
use crate::key::{DECODE_PATH, RESOLVE_TIMEOUT_S};

use super::streams::UnderWay;
use super::{host, report, vm};

/// Links a span to its parent: <https://www.w3.org/TR/trace-context/>.
const TRACE_HEADER: &str = "traceparent";

/// An attempt.
pub(super) struct Upstream {
    context: u32,
    attempt: Option<Attempt>,
    /// Set instead if the attempt is at nobody.
    nobody: Option<Nobody>,
    /// The request and its number.
    call: Option<(u64, Rc<Call>)>,
    /// The response, once it is being streamed.
    stream: Option<Rc<UnderWay>>,
    /// `traceparent` of the attempt's span, if tracing is on.
    trace: Option<String>,
}

impl Context for Upstream {
    /// The key service has resolved references or decompressed the response, or failed to.
    fn on_http_call_response(&mut self, _: u32, _: usize, body_size: usize, _: usize) {
        let answer = (host::call_response_status() == 200).then(|| host::call_response_body(body_size));
        if self.attempt.as_ref().is_some_and(|attempt| attempt.encoding().is_some()) {
            if self.decoded(answer.as_deref()) == Action::Continue {
                host::resume_response();
            }
        } else if self.write_anew(answer) == Action::Continue {
            host::resume_request();
        }
    }
}

impl HttpContext for Upstream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let begun = vm::with(|vm| {
            let (number, picked) = host::attempt().ok_or_else(Reply::lost)?;
            let call = vm.call(number).ok_or_else(Reply::lost)?;
            self.call = Some((number, Rc::clone(&call)));
            if picked == NOBODY {
                self.nobody = Some(Nobody::new(call));
                return Ok(None);
            }
            let endpoint = vm.endpoint(&call, &picked).ok_or_else(Reply::unknown_deployment)?;
            Ok(Some(Attempt::new(call, endpoint)))
        });
        match begun {
            Ok(attempt) => self.attempt = attempt,
            Err(reply) => {
                host::reply(&reply);
                return Action::Pause;
            }
        }
        if end_of_stream { self.send() } else { Action::Pause }
    }

    fn on_http_request_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if end_of_stream { self.send() } else { Action::Pause }
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.send()
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        if let Some(nobody) = &self.nobody {
            return if end_of_stream { self.let_go(nobody.response()) } else { Action::Pause };
        }
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        let step = attempt.response_head(host::response_head(), end_of_stream);
        if attempt.encoding().is_some() {
            vm::with(|vm| vm.count_compressed(attempt.provider()));
        }
        match step {
            HeadStep::Pass => Action::Continue,
            HeadStep::Hold => Action::Pause,
            HeadStep::Bare(headers) => self.let_go(headers),
        }
    }

    fn on_http_response_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        if let Some(nobody) = self.nobody.take_if(|_| end_of_stream) {
            host::replace_response_body(body_size, b"");
            return self.let_go(nobody.response());
        }
        if self.nobody.is_some() {
            return Action::Pause;
        }
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        if let Some(encoding) = attempt.encoding() {
            if end_of_stream
                && self.call.as_ref().and_then(|(_, call)| decode(call, encoding, body_size)).is_none()
            {
                return self.decoded(None);
            }
            return Action::Pause;
        }
        if attempt.is_opening() {
            let opening = attempt.open(&host::response_body(body_size), end_of_stream, host::now_ms());
            if let Opening::Begin(headers, events) = opening {
                host::replace_response_body(body_size, &events);
                if let Some(silence) = attempt.silence().filter(|_| !end_of_stream) {
                    self.stream = vm::with(|vm| vm.streams.begin(self.context, silence, events.len()));
                }
                self.complete(end_of_stream);
                let action = self.let_go(headers);
                return if self.stream.is_some() { Action::Pause } else { action };
            }
            if attempt.is_opening() {
                return Action::Pause;
            }
        }
        if attempt.is_streaming() {
            let body = host::response_body(body_size);
            let unsent = self.stream.as_ref().map_or(0, |stream| stream.unsent());
            let (unsent, chunk) = body.split_at_checked(unsent).unwrap_or_default();
            match attempt.response_chunk(chunk, end_of_stream) {
                Some(events) if unsent.is_empty() => host::replace_response_body(body_size, events),
                Some(events) => host::replace_response_body(body_size, &[unsent, events].concat()),
                None => {}
            }
            self.complete(end_of_stream);
            return self.stream.as_ref().map_or(Action::Continue, |stream| stream.pass(end_of_stream));
        }
        if attempt.is_failed() {
            host::replace_response_body(body_size, b"");
        }
        if !attempt.is_holding() {
            return Action::Continue;
        }
        if !end_of_stream {
            return Action::Pause;
        }
        if let Some((headers, body)) = attempt.response_body(&host::response_body(body_size)) {
            host::replace_response_body(body_size, &body);
            self.complete(true);
            return self.let_go(headers);
        }
        Action::Continue
    }
}

impl Upstream {
    pub(super) fn new(context: u32) -> Self {
        Self { context, attempt: None, nobody: None, call: None, stream: None, trace: None }
    }

    /// Handles the decompressed response; `None` if decompression failed.
    fn decoded(&mut self, body: Option<&[u8]>) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Pause };
        let Some((headers, body)) = attempt.decoded(body, host::now_ms()) else { return Action::Pause };
        host::replace_response_body(usize::MAX, &body);
        self.complete(true);
        self.let_go(headers)
    }

    /// Sends the response headers. If the request is redirected, they contain its new location.
    fn let_go(&self, mut headers: Headers) -> Action {
        if let Some((number, call)) = self.call.as_ref().filter(|(_, call)| call.departs()) {
            headers.set("location", vm::with(|vm| vm.onward(*number)));
            // Envoy finds no route for a request without this header. The attempt does not have it, because
            // it is not sent to providers.
            host::set_request_header("x-forwarded-proto", Some("http"));
            host::restore_origin(call);
            // The redirected request belongs to the same trace.
            if let Some(trace) = &self.trace {
                host::set_request_header(TRACE_HEADER, Some(trace));
            }
        }
        host::replace_response_headers(&headers);
        self.ask_for_tokens();
        Action::Continue
    }

    /// An attempt had no access token, or it was rejected: makes the root context request one now.
    fn ask_for_tokens(&self) {
        if self.call.as_ref().is_some_and(|(_, call)| call.table.access_tokens.is_urgent()) {
            vm::with(|vm| vm.streams.ring());
        }
    }

    fn send(&mut self) -> Action {
        if self.call.as_ref().is_some_and(|(_, call)| call.table.settings.spans) {
            self.trace = host::request_header(TRACE_HEADER);
        }
        let outgoing = match (&mut self.attempt, &self.nobody) {
            (Some(attempt), _) => match attempt.request_kept(host::now_ms()) {
                Some(outgoing) => outgoing,
                None => attempt.request(&host::request_body(), host::now_ms()),
            },
            (None, Some(nobody)) => nobody.request(&host::request_head()),
            (None, None) => return Action::Pause,
        };
        self.act(outgoing)
    }

    /// Writes the request again, after its references were resolved or could not be.
    fn write_anew(&mut self, answer: Option<Vec<u8>>) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Pause };
        attempt.resolved(answer);
        let outgoing = attempt.request(&host::request_body(), host::now_ms());
        self.act(outgoing)
    }

    fn act(&mut self, outgoing: Outgoing) -> Action {
        match outgoing {
            Outgoing::Send { headers, body } => {
                host::replace_request_headers(&headers);
                host::replace_request_body(&body);
                self.ask_for_tokens();
                Action::Continue
            }
            Outgoing::Reply(reply) => {
                self.complete(true);
                host::reply(&reply);
                Action::Pause
            }
            Outgoing::Resolve { path, body } => {
                if self.ask(path, &body).is_some() {
                    Action::Pause
                } else {
                    self.write_anew(None)
                }
            }
        }
    }

    /// Calls the key service.
    fn ask(&self, path: &str, body: &[u8]) -> Option<u32> {
        let (_, call) = self.call.as_ref()?;
        let token = call.table.internal_token.reveal();
        // The key service's own timeout is shorter, and its response says what took so long.
        let timeout = Duration::from_secs(u64::from(RESOLVE_TIMEOUT_S) + 5);
        host::post(&call.table.keys.cluster, path, token, body, timeout)
    }

    /// The response is complete, if `last`.
    fn complete(&self, last: bool) {
        if let Some((_, call)) = self.call.as_ref().filter(|_| last) {
            report::for_span(call);
        }
    }
}

/// Asks the key service to decompress the held response.
fn decode(call: &Call, encoding: &str, body_size: usize) -> Option<u32> {
    let (table, about) = (&call.table, ("content-encoding", encoding));
    let timeout = Duration::from_millis(table.keys.timeout_ms.into());
    let body = host::response_body(body_size);
    host::send(&table.keys.cluster, DECODE_PATH, table.internal_token.reveal(), about, &body, timeout)
}
