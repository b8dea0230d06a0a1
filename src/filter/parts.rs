//! Sends the parts of split requests to the gateway's own listener.
//!
//! If the host lets the root make calls, it sends them: then usage is recorded even if the client has disconnected.
//! Otherwise they are calls of the request, and end with it.

use core::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::exchange::Head;

use super::Host;
use super::held::Passage;
use super::{host, worker};

/// The calls for parts.
#[derive(Default)]
pub(super) struct UnderWay(RefCell<Vec<Asked>>);

struct Asked {
    /// The number of the call.
    call: u64,
    passage: Rc<Passage>,
    index: usize,
}

impl UnderWay {
    fn add(&self, asked: Asked) {
        self.0.borrow_mut().push(asked);
    }

    fn take(&self, is_it: impl Fn(&Asked) -> bool) -> Option<Asked> {
        let mut all = self.0.borrow_mut();
        let at = all.iter().position(is_it)?;
        Some(all.swap_remove(at))
    }
}

/// Starts sending the parts of split requests. `root` is the context to return to.
pub(super) fn begin<H: Host>(root: u32) {
    for passage in worker::with(|worker| worker.split.take()) {
        go_on::<H>(Some(root), &passage);
    }
}

/// Handles the response to a call. Returns whether it was for a part. `root` is the context to return to, if any.
pub(super) fn answered<H: Host>(root: Option<u32>, call: u64) -> bool {
    let asked = worker::with(|worker| worker.parts.take(|asked| asked.call == call));
    let Some(Asked { passage, index, .. }) = asked else { return false };
    let (status, head) = (H::call_response_status(), H::call_response_head());
    passage.call.part_answered(index, status, head, &H::call_response_body(), H::now_ms());
    go_on::<H>(root, &passage);
    true
}

/// Sends as many parts as may be in flight. Responds to the client when all are answered, or one has failed.
pub(super) fn go_on<H: Host>(root: Option<u32>, passage: &Rc<Passage>) {
    let call = &passage.call;
    let headers = call.part_headers();
    while let Some((index, body)) = call.next_part() {
        let now_ms = H::now_ms();
        let cluster = call.table.settings.own_cluster.as_deref().unwrap_or_default();
        let timeout = Duration::from_millis(call.deadline_ms().saturating_sub(now_ms).clamp(1, LONGEST_MS));
        match host::ask_ourselves::<H>(cluster, &headers, &body, timeout) {
            Some(call) => {
                let asked = Asked { call, passage: Rc::clone(passage), index };
                worker::with(|worker| worker.parts.add(asked));
            }
            None => call.part_answered(index, 0, Head::default(), &[], now_ms),
        }
    }
    if let Some(reply) = call.joined() {
        passage.answer::<H>(&reply);
        if let Some(root) = root {
            H::act_for(root);
        }
    }
    passage.part_ended::<H>();
}

/// The calls of a request have ended with it.
pub(super) fn abandon<H: Host>(passage: &Passage) {
    let is_its = |asked: &Asked| core::ptr::eq(Rc::as_ptr(&asked.passage), passage);
    while let Some(asked) = worker::with(|worker| worker.parts.take(is_its)) {
        passage.call.part_answered(asked.index, 0, Head::default(), &[], H::now_ms());
    }
}

/// The maximum timeout of a call: one day.
const LONGEST_MS: u64 = 86_400_000;
