//! Sends the parts of split requests to the gateway's own listener. The root context does this, because usage
//! must be recorded even if the client has disconnected.

use std::rc::Rc;
use std::time::Duration;

use crate::exchange::Head;

use super::held::Passage;
use super::{host, vm};

/// The calls for parts that a root context has made.
#[derive(Default)]
pub(super) struct UnderWay(Vec<Asked>);

struct Asked {
    /// The id of the call.
    call: u32,
    passage: Rc<Passage>,
    index: usize,
}

impl UnderWay {
    /// Starts sending the parts of split requests. `root` is the context to return to.
    pub(super) fn begin(&mut self, root: u32) {
        for passage in vm::with(|vm| vm.split.take()) {
            self.go_on(root, &passage);
        }
    }

    /// Handles the response to a call. Returns whether it was for a part.
    pub(super) fn answered(&mut self, root: u32, call: u32, body_size: usize) -> bool {
        let Some(at) = self.0.iter().position(|asked| asked.call == call) else { return false };
        let Asked { passage, index, .. } = self.0.swap_remove(at);
        let (status, head) = (host::call_response_status(), host::call_response_head());
        let body = host::call_response_body(body_size);
        passage.call.part_answered(index, status, head, &body, host::now_ms());
        self.go_on(root, &passage);
        true
    }

    /// Sends as many parts as may be in flight. Responds to the client when all are answered, or one has
    /// failed.
    fn go_on(&mut self, root: u32, passage: &Rc<Passage>) {
        let call = &passage.call;
        let headers = call.part_headers();
        while let Some((index, body)) = call.next_part() {
            let now_ms = host::now_ms();
            let cluster = call.table.settings.own_cluster.as_deref().unwrap_or_default();
            let timeout =
                Duration::from_millis(call.deadline_ms().saturating_sub(now_ms).clamp(1, LONGEST_MS));
            match host::ask_ourselves(cluster, &headers, &body, timeout) {
                Some(call) => self.0.push(Asked { call, passage: Rc::clone(passage), index }),
                None => call.part_answered(index, 0, Head::default(), &[], now_ms),
            }
        }
        if let Some(reply) = call.joined() {
            passage.answer(&reply);
            host::act_for(root);
        }
        passage.part_ended();
    }
}

/// The maximum timeout of a call: one day.
const LONGEST_MS: u64 = 86_400_000;
