//! Sends the parts of split requests to the gateway's own listener.
//!
//! If the host lets the root make calls, it sends them: then usage is recorded even if the client has disconnected.
//! Otherwise they are calls of the request, and end with it.

use std::rc::Rc;
use std::time::Duration;

use crate::exchange::Head;
use crate::key::UsageEntry;
use crate::worker::{PartCall, Passage, Worker};

use super::this_worker::{common, with};
use super::{Host, host, passage};

/// Starts sending the parts of split requests. `root` is the context to return to.
pub(super) fn begin<H: Host>(root: u32) {
    for passage in with(Worker::take_split) {
        go_on::<H>(Some(root), &passage);
    }
}

/// Handles the response to a call. Returns whether it was for a part. `root` is the context to return to, if any.
pub(super) fn answered<H: Host>(root: Option<u32>, call: u64) -> bool {
    let Some(PartCall { passage, index, .. }) = with(|worker| worker.parts.take(call)) else { return false };
    let (status, head) = (H::call_response_status(), H::call_response_head());
    passage.call.part_answered(index, status, head, &H::call_response_body(), H::now_ms());
    go_on::<H>(root, &passage);
    true
}

/// Sends as many parts as may be in flight. Responds to the client when all are answered, or one has failed.
pub(super) fn go_on<H: Host>(root: Option<u32>, whole: &Rc<Passage>) {
    let call = &whole.call;
    let headers = call.part_headers();
    while let Some((index, body)) = call.next_part() {
        let now_ms = H::now_ms();
        let cluster = call.table.settings.own_cluster.as_deref().unwrap_or_default();
        let timeout = Duration::from_millis(call.deadline_ms().saturating_sub(now_ms).clamp(1, LONGEST_MS));
        match host::ask_ourselves::<H>(cluster, &headers, &body, timeout) {
            Some(call) => {
                with(|worker| worker.parts.add(PartCall { call, passage: Rc::clone(whole), index }));
            }
            None => call.part_answered(index, 0, Head::default(), &[], now_ms),
        }
    }
    // Where calls end with their request, a failure waits for the parts in flight, whose usage would be lost.
    let is_due = H::ROOT_CALLS || !call.awaits_parts();
    if let Some(reply) = is_due.then(|| call.joined()).flatten() {
        passage::answer::<H>(whole, &reply);
        if let Some(root) = root {
            H::act_for(root);
        }
    }
    let measure = |entry: &UsageEntry<'_>| passage::measure::<H>(call, entry);
    with(|worker| whole.part_ended(worker, common::<H>(), H::now_ms(), H::steady_ms, measure));
}

/// The maximum timeout of a call: one day.
const LONGEST_MS: u64 = 86_400_000;
