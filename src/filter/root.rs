//! The root: passes a host's events on to [`worker::Root`], and carries out its effects.

use std::rc::Rc;
use std::time::Duration;

use crate::table::Table;
use crate::worker::{self, Effect, Ticket};

use super::host::{self, Clock, Host};
use super::this_worker::{common, now, with};
use super::{parts, passage};

/// The root of the downstream role. There is one per configuration; the newest one makes the calls.
pub struct Root<H: Host> {
    context: u32,
    clock: H::Clock,
    root: worker::Root,
    /// Calls in flight, by the host's numbers.
    calls: Vec<(u64, Ticket)>,
}

impl<H: Host> Root<H> {
    /// A root with a table. It calls the key service at once. `context` is what [`Host::act_for`] selects it by.
    pub fn new(context: u32, clock: H::Clock, table: Rc<Table>) -> Self {
        let root = with(|worker| worker::Root::new(worker, common::<H>(), table, H::random_id(), now::<H>()));
        let mut root = Self { context, clock, root, calls: Vec::new() };
        root.run();
        root
    }

    /// The timer has fired.
    pub fn on_tick(&mut self) {
        self.root.tick();
        self.run();
    }

    /// Someone has rung ([`Host::ring`]).
    pub fn rung(&mut self) {
        with(|worker| self.root.rung(worker));
        self.run();
    }

    /// There is a response to a call.
    pub fn on_call_response(&mut self, call: u64) {
        if parts::answered::<H>(Some(self.context), call) {
            return;
        }
        let Some(at) = self.calls.iter().position(|(other, _)| *other == call) else { return };
        let (_, ticket) = self.calls.swap_remove(at);
        let body = (H::call_response_status() == 200).then(H::call_response_body);
        with(|worker| self.root.answered(worker, common::<H>(), ticket, body.as_deref(), now::<H>()));
        self.run();
    }
}

impl<H: Host> Root<H> {
    fn run(&mut self) {
        let now = now::<H>();
        let next =
            |root: &mut worker::Root| with(|worker| root.poll(worker, common::<H>(), now, H::random_id));
        while let Some(effect) = next(&mut self.root) {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Call { ticket, path, body } => match post::<H>(path, &body) {
                Some(call) => self.calls.push((call, ticket)),
                None => self.root.not_sent(common::<H>(), ticket, now::<H>()),
            },
            Effect::Wake => H::wake(self.context),
            Effect::SendParts => parts::begin::<H>(self.context),
            Effect::Release(context) => self.act_for(context, H::resume_response),
            Effect::Stream(context, due) => self.act_for(context, || passage::act_on::<H>(due)),
            Effect::Period(period_ms) => self.clock.set(period_ms),
            Effect::Error(message) => log::error!("{message}"),
        }
    }

    /// Acts for another context, if it still exists.
    fn act_for(&self, context: u32, act: impl FnOnce()) {
        if H::act_for(context) {
            act();
        }
        H::act_for(self.context);
    }
}

fn post<H: Host>(path: &str, body: &[u8]) -> Option<u64> {
    let table = with(worker::Worker::table)?;
    let timeout = Duration::from_millis(table.keys.timeout_ms.into());
    host::post::<H>(&table.keys.cluster, path, table.internal_token.reveal(), body, timeout)
}
