//! The clusters' filter: callbacks → [`Attempt`] → hostcalls. One context per attempt.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::exchange::{Attempt, HeadStep, Outgoing, Reply};

use super::{host, vm};

/// One attempt.
#[derive(Default)]
pub(super) struct Upstream {
    attempt: Option<Attempt>,
}

impl Context for Upstream {}

impl HttpContext for Upstream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let begun = vm::with(|vm| {
            let call = host::find_call().and_then(|number| vm.call(number)).ok_or_else(Reply::lost)?;
            let picked = host::picked_deployment().unwrap_or_default();
            let endpoint = vm.endpoint(&call, &picked).ok_or_else(Reply::unknown_deployment)?;
            Ok(Attempt::new(call, endpoint))
        });
        match begun {
            Ok(attempt) => self.attempt = Some(attempt),
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
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        match attempt.response_head(host::response_head(), end_of_stream) {
            HeadStep::Pass => Action::Continue,
            HeadStep::Hold => Action::Pause,
            HeadStep::Stream(headers) | HeadStep::Bare(headers) => {
                host::replace_response_headers(&headers);
                Action::Continue
            }
        }
    }

    fn on_http_response_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Continue };
        if attempt.is_streaming() {
            if let Some(events) = attempt.response_chunk(&host::response_body(body_size), end_of_stream) {
                host::replace_response_body(body_size, events);
            }
            return Action::Continue;
        }
        if !attempt.is_holding() {
            return Action::Continue;
        }
        if !end_of_stream {
            return Action::Pause;
        }
        if let Some((headers, body)) = attempt.response_body(&host::response_body(body_size)) {
            host::replace_response_headers(&headers);
            host::replace_response_body(body_size, &body);
        }
        Action::Continue
    }
}

impl Upstream {
    fn send(&mut self) -> Action {
        let Some(attempt) = &mut self.attempt else { return Action::Pause };
        match attempt.request(&host::request_head(), &host::request_body(), host::now_ms()) {
            Outgoing::Send { headers, body } => {
                host::replace_request_headers(&headers);
                host::replace_request_body(&body);
                Action::Continue
            }
            Outgoing::Reply(reply) => {
                host::reply(&reply);
                Action::Pause
            }
        }
    }
}
