//! Parts of requests on their way to the gateway's own listener. The root context asks for them: what was used must be
//! heard of even if the client has gone away meanwhile.

use std::rc::Rc;
use std::time::Duration;

use crate::exchange::Head;

use super::held::Passage;
use super::{host, vm};

/// The calls for parts that a root context has made.
#[derive(Default)]
pub(super) struct UnderWay(Vec<Asked>);

struct Asked {
    /// By what its answer is known.
    call: u32,
    passage: Rc<Passage>,
    index: usize,
}

impl UnderWay {
    /// Begins with the requests that were split. `root` is the context to return to.
    pub(super) fn begin(&mut self, root: u32) {
        for passage in vm::with(|vm| vm.split.take()) {
            self.go_on(root, &passage);
        }
    }

    /// Takes the answer to a call; returns whether it was one for a part.
    pub(super) fn answered(&mut self, root: u32, call: u32, body_size: usize) -> bool {
        let Some(at) = self.0.iter().position(|asked| asked.call == call) else { return false };
        let Asked { passage, index, .. } = self.0.swap_remove(at);
        let (status, head) = (host::call_response_status(), host::call_response_head());
        let body = host::call_response_body(body_size);
        passage.call.part_answered(index, status, head, &body, host::now_ms());
        self.go_on(root, &passage);
        true
    }

    /// Asks for as many parts as may be under way, and answers the client when all are there, or one has failed.
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

/// The longest time-out of a call: a day.
const LONGEST_MS: u64 = 86_400_000;
