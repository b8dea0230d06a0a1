//! Two Envoys and their key service.

use switchboard::key::{Account, AccountId, AccountKind};
use switchboard::worker::Now;

use crate::envoy::{Envoy, Fate};
use crate::service::Service;

/// A dead Envoy's lease is free after this time, milliseconds.
const VALID_MS: u64 = 60_000;

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Arrive {
        streams: bool,
    },
    AnswerKey {
        is_lost: bool,
    },
    Progress {
        which: usize,
        ends: bool,
        completion: u64,
    },
    Abort(usize),
    Tick(usize),
    Ring,
    Pass(u64),
    /// The machine's clock is set.
    SetClock(i64),
    Hear(usize),
    EndCall(usize, Fate),
    Reload,
    DropRoot,
    CutOff(bool),
    Block(bool),
}

pub(crate) struct World {
    service: Service,
    envoys: Vec<Envoy>,
    parallel: Option<u64>,
    /// The account has a limit, so that its unrecorded money is counted.
    is_limited: bool,
    /// No Envoy has used its lease without contact for longer than it is valid.
    is_exact: bool,
}

impl World {
    pub(crate) fn new(parallel: Option<u64>, budget: Option<u64>) -> Self {
        let id = AccountId { kind: AccountKind::Key, id: String::new(), model: None, window: None };
        let account = Account { max_parallel_requests: parallel, max_budget: budget, ..Account::new(id) };
        let now = Now { steady_ms: 1_000_000, unix_ms: 1_700_000_000_000 };
        let envoys = vec![Envoy::new("one", true, now), Envoy::new("two", false, now)];
        let is_limited = parallel.is_some() || budget.is_some();
        Self { service: Service::new(&account), envoys, parallel, is_limited, is_exact: true }
    }

    pub(crate) fn happen(&mut self, envoy: usize, event: Event) {
        let verified = self.service.verify();
        let at = envoy % self.envoys.len();
        let envoy = &mut self.envoys[at];
        match event {
            Event::Arrive { streams } => envoy.arrive(streams),
            Event::AnswerKey { is_lost } => envoy.answer_key((!is_lost).then_some(verified)),
            Event::Progress { which, ends, completion } => envoy.progress(which, ends, completion),
            Event::Abort(which) => envoy.abort(which),
            Event::Tick(which) => {
                envoy.tick(which);
                envoy.tick_streams();
            }
            Event::Ring => envoy.hear_ring(),
            Event::Pass(ms) => {
                for envoy in &mut self.envoys {
                    envoy.now.steady_ms += ms;
                    envoy.now.unix_ms += ms;
                }
            }
            Event::SetClock(ms) => envoy.now.unix_ms = envoy.now.unix_ms.saturating_add_signed(ms),
            Event::Hear(which) => envoy.hear(which, &mut self.service),
            Event::EndCall(which, fate) => envoy.end_call(which, fate),
            Event::Reload => envoy.reload(),
            Event::DropRoot => envoy.drop_root(),
            Event::CutOff(is_cut_off) => envoy.is_cut_off = is_cut_off,
            Event::Block(is_blocked) => self.service.set_blocked(is_blocked),
        }
        self.check();
    }

    fn check(&mut self) {
        let now_ms = self.envoys[0].now.steady_ms;
        for envoy in &self.envoys {
            envoy.check();
            let heard = self.service.heard_ms.get(&envoy.instance());
            self.is_exact &= envoy.running() == 0 || heard.is_some_and(|heard| now_ms < heard + VALID_MS);
        }
        let running: u64 = self.envoys.iter().map(Envoy::running).sum();
        if let Some(most) = self.parallel.filter(|_| self.is_exact) {
            assert!(running <= most, "{running} requests in flight of {most}: a lease is held twice");
        }
        let ended: u64 = self.envoys.iter().map(|envoy| envoy.requests_ended).sum();
        let spent: u64 = self.envoys.iter().map(|envoy| envoy.spent).sum();
        let unrecorded: u64 = self.envoys.iter().map(|envoy| envoy.unrecorded(&self.service)).sum();
        let (requests, money) = self.service.recorded();
        assert!(requests <= ended, "{requests} requests of {ended} are recorded");
        assert!(money <= spent, "money is counted twice");
        assert!(!self.is_limited || money + unrecorded >= spent, "money is lost");
    }

    pub(crate) fn rest(mut self) {
        for envoy in &mut self.envoys {
            envoy.rest(&mut self.service);
        }
        let ended: u64 = self.envoys.iter().map(|envoy| envoy.requests_ended).sum();
        let spent: u64 = self.envoys.iter().map(|envoy| envoy.spent).sum();
        assert_eq!(self.service.recorded(), (ended, spent), "everything is recorded once");
    }
}
