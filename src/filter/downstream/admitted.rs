//! From an admitted request to its limits: the key service is asked for accounts that the request names and that the worker
//! does not know.

use std::rc::Rc;

use super::super::host::{Action, Clock, Host};
use super::super::passage;
use super::{Downstream, post};
use crate::exchange::{Call, Reply, Step};
use crate::key::{KeyChange, PAYERS_PATH, PayersAnswer, PayersRequest, VerifyAnswer};
use crate::worker::Passage;

impl<H: Host> Downstream<H> {
    pub(super) fn admit(&mut self, body: Vec<u8>) -> Action {
        let Some(admission) = &mut self.admission else { return Action::Pause };
        match admission.admit(body) {
            Ok(call) => self.charge(call),
            Err(reply) => self.act(Step::Reply(reply)),
        }
    }

    /// Continues an admitted request; holds it if it names accounts that this worker does not know.
    fn charge(&mut self, mut call: Call) -> Action {
        let accounts = call.find_payers(&H::shared().keyring(), H::now_ms());
        if accounts.is_empty() {
            return self.pass(call);
        }
        let body = serde_json::to_vec(&PayersRequest { accounts }).unwrap_or_default();
        if post::<H>(PAYERS_PATH, &body).is_none() {
            return self.refuse(call, |call| call.limits_unknown().to_call(&call.id));
        }
        self.unpaid = Some(call);
        Action::Pause
    }

    /// The key service was asked who pays for a request.
    pub(super) fn payers_known(&mut self, mut call: Call) -> Action {
        let body = if H::call_response_status() == 200 { H::call_response_body() } else { Vec::new() };
        let Ok(PayersAnswer { records, cursor }) = crate::json::read(&*body) else {
            return self.refuse(call, |call| call.limits_unknown().to_call(&call.id));
        };
        let now_ms = H::now_ms();
        for KeyChange { token, key } in records {
            let payer = H::shared().keyring().learn(token, VerifyAnswer { key, cursor }, now_ms);
            call.payers.extend(payer);
        }
        self.pass(call)
    }

    /// Rejects an admitted request.
    fn refuse(&mut self, call: Call, reply: impl FnOnce(&Call) -> Reply) -> Action {
        let reply = reply(&call);
        self.passage = Some(Rc::new(Passage::new(self.context, Rc::new(call), H::shared(), H::steady_ms)));
        self.act(Step::Reply(reply))
    }

    /// Continues a request within its limits; holds it if a lease must be requested first.
    fn pass(&mut self, call: Call) -> Action {
        if let Some(reply) = call.barred() {
            return self.refuse(call, |_| reply);
        }
        let passage = Rc::new(Passage::new(self.context, Rc::new(call), H::shared(), H::steady_ms));
        self.passage = Some(Rc::clone(&passage));
        match passage::enter::<H>(&passage) {
            passage::Step::Go(action) => action,
            passage::Step::Wait => {
                passage.call.wait();
                self.clock.hurry();
                Action::Pause
            }
            passage::Step::Reply(reply) => self.act(Step::Reply(reply)),
        }
    }
}
