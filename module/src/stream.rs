//! A filter in Envoy: one request, or one attempt.

use core::sync::atomic::{AtomicU32, Ordering};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use switchboard::filter::{Action, Downstream, Upstream};
use switchboard::openai::ErrorBody;

use crate::abi::{CallResponse, EnvoyFilter, Way};
use crate::config::{self, Config};
use crate::current::{self, Current, Deferred, LocalReply};
use crate::host::Native;
use crate::metrics::Metrics;
use crate::ticker::{self, TICK, Ticks, WAKE};

/// A stream of Envoy's, seen by one of the two filters.
pub(crate) struct Stream {
    id: u32,
    /// Its configuration's metrics.
    metrics: Metrics,
    role: RefCell<Role>,
    /// Responses to calls that came while a hook was running.
    late: RefCell<VecDeque<(u64, CallResponse)>>,
    /// The ticker knows it.
    is_known: Cell<bool>,
    /// What the response's hook sees is what we are writing.
    is_writing: Cell<bool>,
    /// Envoy has ended it.
    is_over: Cell<bool>,
    /// A hook has panicked: only its end is still processed.
    has_failed: Cell<bool>,
}

#[expect(clippy::large_enum_variant, reason = "one per stream, which is on the heap")]
enum Role {
    Downstream(Downstream<Native>),
    Upstream(Upstream<Native>),
}

/// How the details of a response begin that breaks off because the provider's connection was reset.
const BROKEN: &[u8] = b"upstream_reset_after_response_started";

static NEXT: AtomicU32 = AtomicU32::new(1);

impl Stream {
    pub(crate) fn new(config: &Config) -> Rc<Self> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let role = match &config.role {
            config::Role::Downstream(document) => {
                document.install();
                Role::Downstream(Downstream::new(id, Ticks))
            }
            config::Role::Upstream => Role::Upstream(Upstream::new(id)),
        };
        Rc::new(Self {
            id,
            metrics: config.metrics,
            role: RefCell::new(role),
            late: RefCell::default(),
            is_known: Cell::new(false),
            is_writing: Cell::new(false),
            is_over: Cell::new(false),
            has_failed: Cell::new(false),
        })
    }

    pub(crate) fn on_request_headers(&self, filter: EnvoyFilter, end: bool) -> Action {
        self.run(filter, None, Action::Pause, |role| match role {
            Role::Downstream(request) => request.on_request_headers(end),
            Role::Upstream(attempt) => attempt.on_request_headers(end),
        })
    }

    pub(crate) fn on_request_body(&self, filter: EnvoyFilter, end: bool) -> Action {
        self.run(filter, Some(Way::Request), Action::Pause, |role| match role {
            Role::Downstream(request) => request.on_request_body(filter.body_size(Way::Request), end),
            Role::Upstream(attempt) => attempt.on_request_body(end),
        })
    }

    pub(crate) fn on_request_trailers(&self, filter: EnvoyFilter) -> Action {
        self.run(filter, None, Action::Pause, |role| match role {
            Role::Downstream(request) => request.on_request_trailers(),
            Role::Upstream(attempt) => attempt.on_request_trailers(),
        })
    }

    pub(crate) fn on_response_headers(&self, filter: EnvoyFilter, end: bool) -> Action {
        self.run(filter, None, Action::Continue, |role| match role {
            Role::Downstream(request) => request.on_response_headers(end),
            Role::Upstream(attempt) => attempt.on_response_headers(end),
        })
    }

    pub(crate) fn on_response_body(&self, filter: EnvoyFilter, end: bool) -> Action {
        if self.is_writing.get() {
            return Action::Continue;
        }
        self.run(filter, Some(Way::Response), Action::Continue, |role| match role {
            Role::Downstream(request) => request.on_response_body(end),
            Role::Upstream(attempt) => attempt.on_response_body(end),
        })
    }

    /// The stream is complete, and its access log is due.
    pub(crate) fn on_complete(&self, filter: EnvoyFilter) {
        self.is_over.set(true);
        let end = |role: &mut Role| {
            if let Role::Downstream(request) = role {
                request.on_end();
            }
            Action::Continue
        };
        // After a panic too, so that nothing stays reserved.
        self.run_always(filter, None, end);
    }

    pub(crate) fn on_call_response(&self, filter: EnvoyFilter, call: u64, response: CallResponse) {
        self.late.borrow_mut().push_back((call, response));
        self.hear(filter);
    }

    pub(crate) fn on_event(&self, filter: EnvoyFilter, event: u64) {
        self.run(filter, None, Action::Continue, |role| {
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
        self.run(filter, None, Action::Continue, |role| {
            if let Role::Downstream(request) = role {
                request.on_break();
            }
            Action::Continue
        });
    }

    /// Envoy has destroyed its filter.
    pub(crate) fn destroy(&self) {
        self.is_over.set(true);
        // Does nothing, unless the stream's last hook has panicked.
        if let Ok(mut role) = self.role.try_borrow_mut()
            && let Role::Downstream(request) = &mut *role
        {
            request.on_end();
        }
        if self.is_known.get() {
            ticker::forget(self.id);
        }
    }

    /// A hook has panicked: the stream ends with one response, if `replies`.
    pub(crate) fn panicked(&self, filter: EnvoyFilter, replies: bool) {
        self.has_failed.set(true);
        if replies && !self.is_over.get() {
            fail(filter);
        }
    }

    /// For tests.
    #[cfg(feature = "panic-trigger")]
    pub(crate) fn role(&self) -> &'static str {
        let is_downstream = |role: &Role| matches!(role, Role::Downstream(_));
        if self.role.try_borrow().is_ok_and(|role| is_downstream(&role)) { "downstream" } else { "upstream" }
    }

    /// Runs a hook, and then what it has put off. After a panic it does neither, and returns `failed`.
    fn run(
        &self,
        filter: EnvoyFilter,
        arrives: Option<Way>,
        failed: Action,
        hook: impl FnOnce(&mut Role) -> Action,
    ) -> Action {
        // A request must not go on after a panic. Its response is the one that says so.
        if self.has_failed.get() { failed } else { self.run_always(filter, arrives, hook) }
    }

    fn run_always(
        &self,
        filter: EnvoyFilter,
        arrives: Option<Way>,
        hook: impl FnOnce(&mut Role) -> Action,
    ) -> Action {
        let action = {
            let Ok(mut role) = self.role.try_borrow_mut() else { return Action::Continue };
            let current = Current::Stream { filter, id: self.id, metrics: self.metrics, arrives };
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
        while !self.is_over.get() && !self.has_failed.get() && self.role.try_borrow_mut().is_ok() {
            let Some((call, response)) = self.late.borrow_mut().pop_front() else { return };
            current::set_response(response);
            self.run(filter, None, Action::Continue, |role| {
                match role {
                    Role::Downstream(request) => {
                        request.on_call_response(current::call_number(self.id, call));
                    }
                    Role::Upstream(attempt) => attempt.on_call_response(),
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
        if self.is_over.get() {
            return action;
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

/// Sends the response to a request in which the gateway has failed.
pub(crate) fn fail(filter: EnvoyFilter) {
    let error = ErrorBody::ours("The gateway has failed; see Envoy's log.");
    LocalReply::new(&error.into()).send(filter);
}
