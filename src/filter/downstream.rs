//! The listener's filter: connects Envoy's callbacks to [`Admission`] and hostcalls.

mod admitted;

use std::rc::Rc;
use std::time::Duration;

use crate::config::{PART_HEADER, RETRY_HEADER};
use crate::exchange::{Admission, Call, LocalReply, NoVerdict, Reply, Step};
use crate::key::{TokenHash, VERIFY_PATH, VerifyAnswer, VerifyRequest};
use crate::openai::ErrorBody;
use crate::worker::{Passage, REST_MS, Worker};

use super::host::{self, Action, Clock, Host};
use super::this_worker::with;
use super::{parts, passage, report};

/// One request.
pub struct Downstream<H: Host> {
    context: u32,
    clock: H::Clock,
    admission: Option<Admission>,
    relays: bool,
    passage: Option<Rc<Passage>>,
    /// An admitted request, while the key service is asked who pays for it.
    unpaid: Option<Call>,
    /// The reply to a request whose body is dropped.
    dropping: Option<Reply>,
    /// Bytes of it that were dropped.
    dropped: u64,
    /// Envoy's own reply and its status, until its body is here.
    local_reply: Option<(LocalReply, u16)>,
}

/// The largest body that is dropped to its end, bytes; then the reply comes early.
const MOST_DROPPED: u64 = 64 << 20;

impl<H: Host> Downstream<H> {
    /// A new request. `context` is what [`Host::act_for`] selects it by.
    pub fn new(context: u32, clock: H::Clock) -> Self {
        Self {
            context,
            clock,
            admission: None,
            relays: false,
            passage: None,
            unpaid: None,
            dropping: None,
            dropped: 0,
            local_reply: None,
        }
    }

    /// The request's headers are there.
    pub fn on_request_headers(&mut self, end_of_stream: bool) -> Action {
        if self.clock.period_ms() == REST_MS {
            self.clock.hurry();
        }
        let head = H::request_head();
        #[cfg(feature = "panic-trigger")]
        #[expect(clippy::panic, reason = "this is what the feature is for")]
        if head.get("x-switchboard-panic").is_some() {
            panic!("asked for by a test");
        }
        if let Some(passage) = with(|worker| worker.arrived(head.get(":path")?)) {
            return self.go_on(&passage);
        }
        if let Some(path) = head.path_without_key() {
            H::set_request_header(":path", Some(&path));
        }
        head.forbidden().for_each(|name| H::set_request_header(name, None));
        let begun = with(Worker::table).map(|table| {
            Admission::begin(&table, &H::shared().keyring(), &head, !end_of_stream, H::now_ms())
        });
        let Some((admission, step)) = begun else {
            let error = ErrorBody::ours("The gateway has no valid configuration; see Envoy's log.");
            return self.act(Step::Reply(error.into()));
        };
        self.admission = Some(admission);
        let length = if end_of_stream { None } else { head.length() };
        self.dropping = length.and_then(|length| {
            let admission = self.admission.as_mut()?;
            with(|worker| admission.announced(&worker.bodies, length))
        });
        if self.dropping.is_some() { Action::Pause } else { self.act(step) }
    }

    /// More of the body is there: `body_size` is the size of all that is held.
    pub fn on_request_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
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

    /// The request has ended with trailers.
    pub fn on_request_trailers(&mut self) -> Action {
        if self.relays || self.is_forwarded() {
            return Action::Continue;
        }
        if self.dropping.is_some() {
            return self.drop_body(0, true);
        }
        self.body_complete()
    }

    /// The response's headers are there.
    pub fn on_response_headers(&mut self, end_of_stream: bool) -> Action {
        let Some(passage) = self.passage.as_ref().filter(|passage| passage.is_forwarded()) else {
            let local = self.admission.as_ref().and_then(Admission::local_reply);
            return self.hold_local_reply(local, end_of_stream);
        };
        if H::TELLS_BREAKS && with(|worker| passage.stream(worker)).is_some() {
            H::watch();
        }
        let call = &passage.call;
        if call.is_part() {
            // An access log filter skips requests with this header, because they are already reported.
            H::set_response_header(PART_HEADER, Some("true"));
        }
        if call.departs() {
            // Envoy does not follow a redirect if it cannot replay the request.
            let reply = call.given_up();
            report::for_span::<H>(call);
            restore_origin::<H>(call);
            H::reply(&reply);
            return Action::Pause;
        }
        let mut local = call.local_reply();
        if !call.journey.borrow().has_response() && H::response_status() == 408 {
            let (seconds, error) = call.timed_out();
            local = match (error, local) {
                (Some(error), Some(local)) => Some(local.instead(error)),
                (Some(error), None) => {
                    report::for_span::<H>(call);
                    let reply = call.in_language(error.into()).with("x-litellm-timeout", seconds);
                    H::reply(&reply.with("x-litellm-call-id", Rc::clone(&call.id)));
                    return Action::Pause;
                }
                (None, local) => local,
            };
            H::set_response_header("x-litellm-timeout", Some(&seconds));
        }
        let mut journey = call.journey.borrow_mut();
        if !journey.has_response() {
            // Attempts have overwritten the request's id in Envoy's headers.
            for name in ["x-litellm-call-id", "x-request-id"] {
                H::set_response_header(name, Some(&call.id));
            }
        }
        if journey.is_marked() {
            H::set_response_header(RETRY_HEADER, None);
        }
        let bare = journey.take_bare();
        drop(journey);
        let Some(error) = bare else {
            return self.hold_local_reply(local, end_of_stream);
        };
        report::for_span::<H>(call);
        restore_origin::<H>(call);
        H::reply(&call.in_language(error.into()).to_call(&call.id));
        Action::Pause
    }

    /// More of the response's body is there.
    pub fn on_response_body(&mut self, end_of_stream: bool) -> Action {
        let Some((local, status)) = self.local_reply.take_if(|_| end_of_stream) else {
            return if self.local_reply.is_some() { Action::Pause } else { Action::Continue };
        };
        if let Some((status, body)) = local.rewritten(status, &H::response_body()) {
            H::set_response_header(":status", Some(&status.to_string()));
            H::set_response_header("content-length", Some(&body.len().to_string()));
            H::replace_response_body(&body);
        }
        Action::Continue
    }

    /// The request has ended.
    pub fn on_end(&mut self) {
        if let Some(passage) = self.passage.take() {
            passage::leave::<H>(&passage);
        }
    }

    /// The provider has reset the connection in the middle of the response, which will be reset too: says so first.
    pub fn on_break(&mut self) {
        let broken = |passage: &Rc<Passage>| with(|worker| passage.broken(worker));
        if let Some(event) = self.passage.as_ref().and_then(broken) {
            H::write_response(&event);
        }
    }

    /// Its stream is ticked ([`Host::watch`]): writes to an idle response what is due.
    pub fn on_tick(&mut self) {
        let stream = |passage: &Rc<Passage>| with(|worker| passage.stream(worker));
        if let Some(due) = self.passage.as_ref().and_then(stream).and_then(|s| s.tick(H::steady_ms())) {
            passage::act_on::<H>(due);
        }
    }

    /// A waiting request may have capacity now.
    pub fn on_wake(&mut self) {
        if let Some(passage) = &self.passage {
            passage::try_one::<H>(passage);
        }
    }

    /// There is a response to a call.
    pub fn on_call_response(&mut self, call: u64) {
        if parts::answered::<H>(None, call) {
            return;
        }
        if let Some(call) = self.unpaid.take() {
            if self.payers_known(call) == Action::Continue {
                H::resume_request();
            }
            return;
        }
        let Some(admission) = &mut self.admission else { return };
        let Some(token) = admission.awaited() else {
            let answer = (H::call_response_status() == 200).then(H::call_response_body);
            let step = admission.recalled(answer.as_deref(), &H::request_body());
            if self.act(step) == Action::Continue {
                H::resume_request();
            }
            return;
        };
        let now_ms = H::now_ms();
        let answer = if H::call_response_status() == 200 {
            crate::json::read::<VerifyAnswer>(&*H::call_response_body()).map_err(|_| NoVerdict)
        } else {
            Err(NoVerdict)
        };
        let answer = answer.map(|answer| H::shared().keyring().learn(token, answer, now_ms));
        let step = admission.verdict(answer, now_ms);
        if self.act(step) == Action::Continue {
            H::resume_request();
        }
    }
}

impl<H: Host> Downstream<H> {
    /// Holds the headers of Envoy's own reply until its body is here, if it has to be rewritten for the client.
    fn hold_local_reply(&mut self, local: Option<LocalReply>, end_of_stream: bool) -> Action {
        let Some(local) = local.filter(|_| !end_of_stream && H::is_envoys_reply()) else {
            return Action::Continue;
        };
        self.local_reply = Some((local, H::response_status()));
        Action::Pause
    }

    fn is_forwarded(&self) -> bool {
        self.passage.as_ref().is_some_and(|passage| passage.is_forwarded())
    }

    /// Reports how long the body is by now.
    fn hold(&mut self, bytes: u64) -> Option<Reply> {
        let admission = self.admission.as_mut()?;
        with(|worker| admission.hold(&worker.bodies, bytes))
    }

    /// Drops a body for which there is no memory as it arrives, and replies at its end. With an earlier reply Envoy would
    /// close the connection, and until then, a second later, keep in memory what it has read.
    fn drop_body(&mut self, bytes: u64, end_of_stream: bool) -> Action {
        H::replace_request_body(b"");
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
                    H::set_request_header("x-litellm-api-key", key.as_deref());
                }
                self.relays = true;
                Action::Continue
            }
            Step::Verify(token) => {
                if ask::<H>(token).is_some() {
                    return Action::Pause;
                }
                match &mut self.admission {
                    Some(admission) => {
                        let step = admission.verdict(Err(NoVerdict), H::now_ms());
                        self.act(step)
                    }
                    None => Action::Pause,
                }
            }
            Step::Admit => {
                let body = H::request_body();
                match self.admission.as_mut().and_then(|admission| admission.recall(&body)) {
                    Some(step) => self.act(step),
                    None => self.admit(body),
                }
            }
            Step::Ask { path, body } => {
                if post::<H>(path, &body).is_some() {
                    return Action::Pause;
                }
                match &mut self.admission {
                    Some(admission) => {
                        let step = admission.recalled(None, b"");
                        self.act(step)
                    }
                    None => Action::Pause,
                }
            }
            Step::Rewrite(body) => {
                if let Some(reply) = self.hold(body.len() as u64) {
                    self.act(Step::Reply(reply))
                } else {
                    H::replace_request_body(&body);
                    self.admit(body)
                }
            }
            Step::Reply(reply) => {
                self.note_refusal(&reply);
                report::reply::<H>(&reply);
                Action::Pause
            }
        }
    }

    /// Records a rejected request with a known key for the spend log.
    fn note_refusal(&self, reply: &Reply) {
        let refusal = |admission: &Admission| {
            let entry = admission.refusal(reply, H::now_ms())?;
            H::shared().ledger().add(&entry, Vec::new());
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
            report::for_span::<H>(&passage.call);
            return self.act(Step::Reply(reply));
        }
        passage::forward::<H>(passage);
        Action::Continue
    }
}

/// Restores the `origin` header, which attempts have overwritten and Envoy's CORS filter and local replies
/// need.
pub(super) fn restore_origin<H: Host>(call: &Call) {
    if let Some(origin) = &call.page {
        H::set_request_header("origin", Some(origin));
    }
}

/// Asks the key service for a key.
fn ask<H: Host>(token: TokenHash) -> Option<u64> {
    post::<H>(VERIFY_PATH, &serde_json::to_vec(&VerifyRequest { token }).ok()?)
}

/// Calls the key service.
fn post<H: Host>(path: &str, body: &[u8]) -> Option<u64> {
    let table = with(Worker::table)?;
    let timeout = Duration::from_millis(table.keys.timeout_ms.into());
    host::post::<H>(&table.keys.cluster, path, table.internal_token.reveal(), body, timeout)
}
