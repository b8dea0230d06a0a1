//! Carries out what [`Passage`] decides on a request.

use std::rc::Rc;

use crate::config::{CLUSTER_HEADER, MAX_RETRIES_HEADER};
use crate::exchange::{Call, Reply};
use crate::key::UsageEntry;
use crate::worker::{Door, Due, Ended, Passage, Worker};

use super::host::{Action, Host};
use super::this_worker::{common, with};
use super::{parts, report};

/// What to do with a request.
pub(super) enum Step {
    /// Nothing more than this.
    Go(Action),
    /// Hold it; it waits for capacity.
    Wait,
    /// Send this response.
    Reply(Reply),
}

/// Has a request pass its limits. Its stream must be current.
pub(super) fn enter<H: Host>(passage: &Rc<Passage>) -> Step {
    match passage.enter(common::<H>(), H::steady_ms) {
        Door::Open => {
            for account in passage.over_soft_budget() {
                log::warn!("soft budget of {:?} {} exceeded", account.kind, account.id);
            }
            Step::Go(go::<H>(passage))
        }
        Door::Wait => {
            with(|worker| worker.hold(Rc::clone(passage)));
            H::hold();
            Step::Wait
        }
        Door::Refused(account, refusal) => Step::Reply(passage.refused(&account, &refusal, H::now_ms())),
        Door::Unknown => Step::Reply(passage.unknown()),
        Door::Gone => Step::Go(Action::Pause),
    }
}

/// Forwards a request to its deployments, or starts sending its parts if it is split.
fn go<H: Host>(passage: &Rc<Passage>) -> Action {
    if !passage.is_split() {
        forward::<H>(passage);
        return Action::Continue;
    }
    with(|worker| passage.send_parts(worker, H::shared()));
    if !H::ROOT_CALLS {
        parts::go_on::<H>(None, passage);
        return Action::Pause;
    }
    with(|worker| worker.split(Rc::clone(passage)));
    if !H::ring() {
        log::error!("shared queue unavailable: the request waits for the next tick");
    }
    Action::Pause
}

/// Forwards a request. Its stream must be current.
pub(super) fn forward<H: Host>(passage: &Passage) {
    let (leg, number) = with(|worker| passage.forward(worker, H::shared()));
    H::set_request_header(CLUSTER_HEADER, Some(leg.cluster));
    if let Some(retries) = leg.retries {
        H::set_request_header(MAX_RETRIES_HEADER, Some(&retries.to_string()));
    }
    if let Some(retries) = leg.max_retries {
        H::set_request_header("x-envoy-max-retries", Some(&retries.to_string()));
    }
    if let Some(timeout) = leg.timeout_ms {
        H::set_request_header("x-envoy-upstream-rq-per-try-timeout-ms", Some(&timeout.to_string()));
    }
    H::leave_call(number);
}

/// Has the waiting requests of this worker try again. `root` is the context to return to.
pub fn try_again<H: Host>(root: u32) {
    for passage in with(Worker::take_held) {
        if passage.is_waiting() && H::act_for(passage.context()) {
            enter_again::<H>(&passage);
        }
    }
    H::act_for(root);
}

/// Has one waiting request, whose stream is current, try again.
pub(super) fn try_one<H: Host>(passage: &Rc<Passage>) {
    if with(|worker| worker.take_one(passage)) {
        enter_again::<H>(passage);
    }
}

fn enter_again<H: Host>(passage: &Rc<Passage>) {
    match enter::<H>(passage) {
        Step::Go(Action::Continue) => H::resume_request(),
        Step::Go(Action::Pause) | Step::Wait => {}
        Step::Reply(reply) => report::reply::<H>(&reply),
    }
}

/// Sends a response if the client is still waiting. Makes the request's context current.
pub(super) fn answer<H: Host>(passage: &Passage, reply: &Reply) {
    if !passage.is_over() && H::act_for(passage.context()) {
        report::for_span::<H>(&passage.call);
        H::reply(reply);
    }
}

/// The request's stream has ended.
pub(super) fn leave<H: Host>(passage: &Rc<Passage>) {
    with(|worker| {
        if passage.departs(worker) {
            return;
        }
        let call = &passage.call;
        let status = call.answered_status().unwrap_or_else(H::final_status);
        let ended = Ended { status, now_ms: H::now_ms(), abandons: !H::ROOT_CALLS };
        let report = |entry: &UsageEntry<'_>| report::for_log::<H>(call, entry);
        passage.end(worker, common::<H>(), ended, H::steady_ms, report, |entry| measure::<H>(call, entry));
    });
}

/// Measures what is recorded of a request, if the operator wants statistics.
pub(super) fn measure<H: Host>(call: &Call, entry: &UsageEntry<'_>) {
    if call.table.settings.stats {
        H::measure(entry);
    }
}

/// Carries out what is due for an idle stream. It must be current.
pub(super) fn act_on<H: Host>(due: Due) {
    match due {
        Due::Write(words) => H::write_response(&words),
        Due::Reset => H::reset_response(),
    }
}
