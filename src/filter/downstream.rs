//! The listener's filter: connects Envoy's callbacks to [`Admission`] and hostcalls.

use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::config::{PART_HEADER, RETRY_HEADER};
use crate::exchange::{Admission, Call, NoVerdict, Reply, Step};
use crate::key::{TokenHash, VERIFY_PATH, VerifyAnswer, VerifyRequest};
use crate::openai::ErrorBody;

use super::held::{Door, Passage};
use super::root::Clock;
use super::{host, report, vm};

/// One request.
pub(super) struct Downstream {
    context: u32,
    clock: Rc<Clock>,
    admission: Option<Admission>,
    relays: bool,
    passage: Option<Rc<Passage>>,
    /// The reply to a request whose body is dropped.
    dropping: Option<Reply>,
    /// Bytes of it that were dropped.
    dropped: u64,
}

/// The largest body that is dropped to its end, bytes; then the reply comes early.
const MOST_DROPPED: u64 = 64 << 20;

impl HttpContext for Downstream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        self.clock.wake();
        let head = host::request_head();
        #[cfg(feature = "panic-trigger")]
        #[expect(clippy::panic, reason = "this is what the feature is for")]
        if head.get("x-switchboard-panic").is_some() {
            panic!("asked for by a test");
        }
        if let Some(passage) = vm::with(|vm| vm.arrived(head.get(":path")?)) {
            return self.go_on(&passage);
        }
        if let Some(path) = head.path_without_key() {
            host::set_request_header(":path", Some(&path));
        }
        head.forbidden().for_each(|name| host::set_request_header(name, None));
        let begun = vm::with(|vm| {
            let table = vm.table()?;
            Some(Admission::begin(&table, &vm.keyring.borrow(), &head, !end_of_stream, host::now_ms()))
        });
        let Some((admission, step)) = begun else {
            let error = ErrorBody::ours("The gateway has no valid configuration; see Envoy's log.");
            return self.act(Step::Reply(error.into()));
        };
        self.admission = Some(admission);
        let length = if end_of_stream { None } else { head.length() };
        self.dropping = length.and_then(|length| {
            let admission = self.admission.as_mut()?;
            vm::with(|vm| admission.announced(&vm.bodies, length))
        });
        if self.dropping.is_some() { Action::Pause } else { self.act(step) }
    }

    fn on_http_request_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        if self.relays || self.is_forwarded() {
            return Action::Continue;
        }
        if self.dropping.is_none() {
            self.dropping = self.hold(body_size as u64);
        }
        if self.dropping.is_some() {
            return self.drop_body(body_size as u64, end_of_stream);
        }
        if !end_of_stream {
            return Action::Pause;
        }
        self.body_complete()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if self.relays || self.is_forwarded() {
            return Action::Continue;
        }
        if self.dropping.is_some() {
            return self.drop_body(0, true);
        }
        self.body_complete()
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(passage) = self.passage.as_ref().filter(|passage| passage.is_forwarded()) else {
            return Action::Continue;
        };
        let call = &passage.call;
        if call.is_part {
            // An access log filter skips requests with this header, because they are already reported.
            host::set_response_header(PART_HEADER, Some("true"));
        }
        if call.departs() {
            // Envoy does not follow a redirect if it cannot replay the request.
            let reply = call.given_up();
            report::for_span(call);
            host::restore_origin(call);
            host::reply(&reply);
            return Action::Pause;
        }
        if !call.progress.borrow().answered && host::response_status() == 408 {
            let (seconds, error) = call.timed_out();
            if let Some(error) = error {
                report::for_span(call);
                let reply = call.in_language(error.into()).with("x-litellm-timeout", seconds);
                host::reply(&reply.with("x-litellm-call-id", Rc::clone(&call.id)));
                return Action::Pause;
            }
            host::set_response_header("x-litellm-timeout", Some(&seconds));
        }
        let mut progress = call.progress.borrow_mut();
        if !progress.answered {
            // Attempts have overwritten the request's id in Envoy's headers.
            for name in ["x-litellm-call-id", "x-request-id"] {
                host::set_response_header(name, Some(&call.id));
            }
        }
        if progress.marked {
            host::set_response_header(RETRY_HEADER, None);
        }
        let Some(error) = progress.bare.take() else { return Action::Continue };
        drop(progress);
        report::for_span(call);
        host::restore_origin(call);
        host::reply(&call.in_language(error.into()).to_call(&call.id));
        Action::Pause
    }

    fn on_log(&mut self) {
        if let Some(passage) = self.passage.take() {
            passage.leave();
        }
    }
}

impl Context for Downstream {
    fn on_http_call_response(&mut self, _: u32, _: usize, body_size: usize, _: usize) {
        let Some(admission) = &mut self.admission else { return };
        let Some(token) = admission.awaited() else { return };
        let now_ms = host::now_ms();
        let answer = if host::call_response_status() == 200 {
            crate::json::read::<VerifyAnswer>(&*host::call_response_body(body_size)).map_err(|_| NoVerdict)
        } else {
            Err(NoVerdict)
        };
        let answer = answer.map(|answer| vm::with(|vm| vm.keyring.borrow_mut().learn(token, answer, now_ms)));
        let step = admission.verdict(answer, now_ms);
        if self.act(step) == Action::Continue {
            host::resume_request();
        }
    }
}

impl Downstream {
    pub(super) fn new(context: u32, clock: Rc<Clock>) -> Self {
        Self { context, clock, admission: None, relays: false, passage: None, dropping: None, dropped: 0 }
    }

    fn is_forwarded(&self) -> bool {
        self.passage.as_ref().is_some_and(|passage| passage.is_forwarded())
    }

    /// Reports how long the body is by now.
    fn hold(&mut self, bytes: u64) -> Option<Reply> {
        let admission = self.admission.as_mut()?;
        vm::with(|vm| admission.hold(&vm.bodies, bytes))
    }

    /// Drops a body for which there is no memory as it arrives, and replies at its end. With an earlier reply Envoy would
    /// close the connection, and until then, a second later, keep in memory what it has read.
    fn drop_body(&mut self, bytes: u64, end_of_stream: bool) -> Action {
        host::replace_request_body(b"");
        self.dropped += bytes;
        match self.dropping.take_if(|_| end_of_stream || self.dropped > MOST_DROPPED) {
            Some(reply) => self.act(Step::Reply(reply)),
            None => Action::Pause,
        }
    }

    fn body_complete(&mut self) -> Action {
        match &mut self.admission {
            Some(admission) => {
                let step = admission.body_complete();
                self.act(step)
            }
            None => Action::Pause,
        }
    }

    fn act(&mut self, step: Step) -> Action {
        match step {
            Step::Wait => Action::Pause,
            Step::Relay { key } => {
                if key.is_some() {
                    host::set_request_header("x-litellm-api-key", key.as_deref());
                }
                self.relays = true;
                Action::Continue
            }
            Step::Verify(token) => {
                if ask(token).is_some() {
                    return Action::Pause;
                }
                match &mut self.admission {
                    Some(admission) => {
                        let step = admission.verdict(Err(NoVerdict), host::now_ms());
                        self.act(step)
                    }
                    None => Action::Pause,
                }
            }
            Step::Admit => {
                let Some(admission) = &mut self.admission else { return Action::Pause };
                match admission.admit(host::request_body()) {
                    Ok(call) => self.pass(Rc::new(call)),
                    Err(reply) => self.act(Step::Reply(reply)),
                }
            }
            Step::Reply(reply) => {
                self.note_refusal(&reply);
                host::reply(&reply);
                Action::Pause
            }
        }
    }

    /// Records a rejected request with a known key for the spend log.
    fn note_refusal(&self, reply: &Reply) {
        let refusal = |admission: &Admission| {
            let entry = admission.refusal(reply, host::now_ms())?;
            vm::with(|vm| vm.ledger.borrow_mut().add(&entry, Vec::new()));
            Some(())
        };
        self.admission.as_ref().and_then(refusal);
    }

    /// Continues an admitted request that was redirected to another group.
    fn go_on(&mut self, passage: &Rc<Passage>) -> Action {
        let arrived = passage.call.arrive();
        self.passage = Some(Rc::clone(passage));
        if !arrived {
            let reply = passage.call.given_up();
            report::for_span(&passage.call);
            return self.act(Step::Reply(reply));
        }
        passage.forward();
        Action::Continue
    }

    /// Continues a request within its limits; holds it if a lease must be requested first.
    fn pass(&mut self, call: Rc<Call>) -> Action {
        let passage = Rc::new(Passage::new(self.context, call));
        self.passage = Some(Rc::clone(&passage));
        match passage.enter() {
            Door::Open => passage.go(),
            Door::Wait => {
                passage.call.wait();
                vm::with(|vm| vm.held.borrow_mut().push(passage));
                self.clock.hurry();
                Action::Pause
            }
            Door::Closed(reply) => self.act(Step::Reply(reply)),
        }
    }
}

/// Asks the key service for a key.
fn ask(token: TokenHash) -> Option<u32> {
    let table = vm::with(super::vm::Vm::table)?;
    let body = serde_json::to_vec(&VerifyRequest { token }).ok()?;
    let timeout = Duration::from_millis(table.keys.timeout_ms.into());
    host::post(&table.keys.cluster, VERIFY_PATH, table.internal_token.reveal(), &body, timeout)
}
