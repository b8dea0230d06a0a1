//! A filter in Envoy: one request, or one attempt.

use core::sync::atomic::{AtomicU32, Ordering};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use switchboard::filter::{Action, Downstream, Upstream};
use switchboard::openai::ErrorBody;

use crate::abi::{CallResponse, Counter, EnvoyFilter, Way};
use crate::config::{self, Config};
use crate::current::{self, Current, Deferred, LocalReply};
use crate::host::Native;
use crate::ticker::{self, TICK, Ticks, WAKE};

/// A stream of Envoy's, seen by one of the two filters.
pub(crate) struct Stream {
    id: u32,
    /// Its configuration's counter of compressed responses.
    compressed: Option<Counter>,
    role: RefCell<Role>,
    /// Responses to calls that came while a hook was running.
    late: RefCell<VecDeque<(u64, CallResponse)>>,
    /// The ticker knows it.
    is_known: Cell<bool>,
    /// What the response's hook sees is what we are writing.
    is_writing: Cell<bool>,
    /// Envoy has ended it.
    is_over: Cell<bool>,
}

#[expect(clippy::large_enum_variant, reason = "one per stream, which is on the heap")]
enum Role {
    Downstream(Downstream<Native>),
    Upstream(Upstream<Native>),
    /// After a panic.
    Dead,
}

/// How the details of a response begin that breaks off because the provider's connection was reset.
const BROKEN: &[u8] = b"upstream_reset_after_response_started";

static NEXT: AtomicU32 = AtomicU32::new(1);

impl Stream {
    pub(crate) fn new(config: &Config) -> Rc<Self> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (role, compressed) = match &config.role {
            config::Role::Downstream(document) => {
                document.install();
                (Role::Downstream(Downstream::new(id, Ticks)), None)
            }
            config::Role::Upstream(compressed) => (Role::Upstream(Upstream::new(id)), *compressed),
        };
        Rc::new(Self {
            id,
            compressed,
            role: RefCell::new(role),
            late: RefCell::default(),
            is_known: Cell::new(false),
            is_writing: Cell::new(false),
            is_over: Cell::new(false),
        })
    }

    pub(crate) fn on_request_headers(&self, filter: EnvoyFilter, end: bool) -> Action {
        self.run(filter, None, |role| match role {
            Role::Downstream(request) => request.on_request_headers(end),
            Role::Upstream(attempt) => attempt.on_request_headers(end),
            Role::Dead => Action::Pause,
        })
    }

    pub(crate) fn on_request_body(&self, filter: EnvoyFilter, end: bool) -> Action {
        self.run(filter, Some(Way::Request), |role| match role {
            Role::Downstream(request) => request.on_request_body(filter.body_size(Way::Request), end),
            Role::Upstream(attempt) => attempt.on_request_body(end),
            Role::Dead => Action::Pause,
        })
    }

    pub(crate) fn on_request_trailers(&self, filter: EnvoyFilter) -> Action {
        self.run(filter, None, |role| match role {
            Role::Downstream(request) => request.on_request_trailers(),
            Role::Upstream(attempt) => attempt.on_request_trailers(),
            Role::Dead => Action::Pause,
        })
    }

    pub(crate) fn on_response_headers(&self, filter: EnvoyFilter, end: bool) -> Action {
        self.run(filter, None, |role| match role {
            Role::Downstream(request) => request.on_response_headers(end),
            Role::Upstream(attempt) => attempt.on_response_headers(end),
            Role::Dead => Action::Continue,
        })
    }

    pub(crate) fn on_response_body(&self, filter: EnvoyFilter, end: bool) -> Action {
        if self.is_writing.get() {
            return Action::Continue;
        }
        self.run(filter, Some(Way::Response), |role| match role {
            Role::Downstream(request) => request.on_response_body(end),
            Role::Upstream(attempt) => attempt.on_response_body(end),
            Role::Dead => Action::Continue,
        })
    }

    /// The stream is complete, and its access log is due.
    pub(crate) fn on_complete(&self, filter: EnvoyFilter) {
        self.run(filter, None, |role| {
            if let Role::Downstream(request) = role {
                request.on_end();
            }
            Action::Continue
        });
        self.is_over.set(true);
    }

    pub(crate) fn on_call_response(&self, filter: EnvoyFilter, call: u64, response: CallResponse) {
        self.late.borrow_mut().push_back((call, response));
        self.hear(filter);
    }

    pub(crate) fn on_event(&self, filter: EnvoyFilter, event: u64) {
        self.run(filter, None, |role| {
            match (role, event) {
                (Role::Downstream(request), TICK) => request.on_tick(),
                (Role::Downstream(request), WAKE) => request.on_wake(),
                _ => {}
            }
            Action::Continue
        });
    }

    /// Envoy sends a response of its own, for that reason.
    pub(crate) fn on_local_reply(&self, filter: EnvoyFilter, details: &[u8]) {
        if !details.starts_with(BROKEN) {
            return;
        }
        self.run(filter, None, |role| {
            if let Role::Downstream(request) = role {
                request.on_break();
            }
            Action::Continue
        });
    }

    /// Envoy has destroyed its filter.
    pub(crate) fn destroy(&self) {
        self.is_over.set(true);
        if self.is_known.get() {
            ticker::forget(self.id);
        }
    }

    /// A hook has panicked: the stream ends with one response.
    pub(crate) fn panicked(&self, filter: EnvoyFilter) {
        if let Ok(mut role) = self.role.try_borrow_mut() {
            *role = Role::Dead;
        }
        if !self.is_over.get() {
            let error = ErrorBody::ours("The gateway has failed; see Envoy's log.");
            LocalReply::new(&error.into()).send(filter);
        }
    }

    /// Runs a hook, and then what it has put off.
    fn run(
        &self,
        filter: EnvoyFilter,
        arrives: Option<Way>,
        hook: impl FnOnce(&mut Role) -> Action,
    ) -> Action {
        let action = {
            let Ok(mut role) = self.role.try_borrow_mut() else { return Action::Continue };
            let current = Current::Stream { filter, id: self.id, compressed: self.compressed, arrives };
            let (action, deferred) = current::enter(current, || hook(&mut role));
            let is_downstream = matches!(*role, Role::Downstream(_));
            drop(role);
            self.perform(filter, deferred, action, is_downstream)
        };
        self.hear(filter);
        action
    }

    /// Handles responses to calls, unless a hook is running, which does it after.
    fn hear(&self, filter: EnvoyFilter) {
        while !self.is_over.get() && self.role.try_borrow_mut().is_ok() {
            let Some((call, response)) = self.late.borrow_mut().pop_front() else { return };
            current::set_response(response);
            self.run(filter, None, |role| {
                match role {
                    Role::Downstream(request) => request.on_call_response(number(self.id, call)),
                    Role::Upstream(attempt) => attempt.on_call_response(),
                    Role::Dead => {}
                }
                Action::Continue
            });
        }
    }

    fn perform(
        &self,
        filter: EnvoyFilter,
        deferred: Deferred,
        action: Action,
        is_downstream: bool,
    ) -> Action {
        if deferred.known {
            self.is_known.set(true);
        }
        if let Some(reply) = deferred.reply {
            reply.send(filter);
            return Action::Pause;
        }
        if deferred.route && is_downstream {
            filter.clear_route();
        }
        if let Some(bytes) = deferred.write {
            self.is_writing.set(true);
            filter.send_data(&bytes);
            self.is_writing.set(false);
        }
        if deferred.reset && !self.is_over.get() {
            filter.reset();
        }
        if deferred.request && !self.is_over.get() {
            filter.resume(Way::Request);
        }
        if deferred.response && !self.is_over.get() {
            filter.resume(Way::Response);
        }
        action
    }
}

/// The number of a call that is unique in this process.
pub(crate) fn number(stream: u32, call: u64) -> u64 {
    (u64::from(stream) << 32) | (call & 0xffff_ffff)
}
