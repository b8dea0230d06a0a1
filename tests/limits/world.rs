//! Envoys with workers, one key service, and what passes between them, one event after the other.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use switchboard::key::lease::{Lease, LeaseAsk, WINDOW_MS};
use switchboard::key::{Account, AccountId, KeyRecord, TokenHash};
use switchboard::limits::{
    Amount, Charge, Claim, Entry, LeaseCall, Limits, Pace, Resource, SharedMemory, Version,
};

use crate::service::Book;

pub(crate) const PACE: Pace = Pace { sync_ms: 1_000, timeout_ms: 500, grace_ms: 60_000 };

/// The memory of one Envoy. Now and then a write fails, as if another worker had been faster.
#[derive(Default)]
pub(crate) struct Memory {
    records: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    writes: Cell<u32>,
    /// One write in so many fails.
    pub(crate) conflicts: u32,
}

impl SharedMemory for Memory {
    fn read(&self, name: &str) -> (Vec<u8>, Version) {
        let records = self.records.borrow();
        records.get(name).map_or((Vec::new(), None), |(bytes, version)| (bytes.clone(), Some(*version)))
    }

    fn write(&self, name: &str, record: &[u8], version: Version) -> bool {
        self.writes.set(self.writes.get() + 1);
        let mut records = self.records.borrow_mut();
        let known = records.get(name).map(|(_, version)| *version);
        if known != version || (self.conflicts > 0 && self.writes.get().is_multiple_of(self.conflicts)) {
            return false;
        }
        records.insert(name.to_owned(), (record.to_vec(), self.writes.get()));
        true
    }
}

pub(crate) struct Worker {
    limits: Limits,
    /// Charges that wait for a batch, and the batch that was sent.
    owed: Vec<Charge>,
    sent: Option<(String, Vec<Charge>)>,
    running: Vec<(Claim, Amount)>,
    waiting: Vec<(Claim, Amount, u64)>,
    /// Whether a sync call is under way.
    syncing: bool,
    batches: u32,
}

pub(crate) struct Envoy {
    name: String,
    memory: Memory,
    pub(crate) workers: Vec<Option<Worker>>,
}

/// A call to the key service.
struct Message {
    envoy: String,
    worker: usize,
    sent_ms: u64,
    is_sync: bool,
    asks: Vec<LeaseAsk>,
    batch: Option<(String, Vec<Charge>)>,
    asked: Option<LeaseCall>,
    answer: Option<Vec<Lease>>,
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) account: Account,
    key: Arc<KeyRecord>,
    pub(crate) envoys: Vec<Envoy>,
    book: Book,
    batches: Vec<String>,
    calls: Vec<Message>,
    /// Start of a window by the service's clock.
    anchor: u64,
    /// When requests were let in.
    let_in: Vec<u64>,
    /// When tokens were settled, and how many.
    settled: Vec<(u64, u64)>,
    pub(crate) admitted: u64,
    pub(crate) refused: u64,
    pub(crate) away: u64,
    next_envoy: u32,
    /// Refusals must be true to the last unit: one Envoy, and nothing takes time or fails.
    pub(crate) is_calm: bool,
    /// No request uses more than was reserved for it.
    pub(crate) reserves_enough: bool,
    /// What requests have used beyond what was reserved for them.
    beyond: u64,
}

/// What is used before a request comes.
#[derive(Clone, Copy)]
struct State {
    spent: u64,
    reserved: Amount,
    parallel: u64,
}

impl World {
    pub(crate) fn new(account: Account, envoys: usize, workers: usize, conflicts: u32) -> Self {
        let token = TokenHash::of(b"sk-1");
        let account = Account { id: AccountId::of_key(token), ..account };
        let key = Arc::new(KeyRecord { accounts: vec![account.clone()], ..KeyRecord::new(token, "sk-...1") });
        let mut world = Self {
            now: 1_000_000,
            account,
            key,
            envoys: Vec::new(),
            book: Book::default(),
            batches: Vec::new(),
            calls: Vec::new(),
            anchor: 0,
            let_in: Vec::new(),
            settled: Vec::new(),
            admitted: 0,
            refused: 0,
            away: 0,
            next_envoy: 0,
            is_calm: false,
            reserves_enough: false,
            beyond: 0,
        };
        for _ in 0..envoys {
            world.start_envoy(workers, conflicts);
        }
        world
    }

    fn start_envoy(&mut self, workers: usize, conflicts: u32) {
        self.next_envoy += 1;
        let memory = Memory { conflicts, ..Memory::default() };
        let name = format!("envoy-{}", self.next_envoy);
        let workers = (0..workers).map(|_| Some(Worker::start(&memory, &name, self.now))).collect();
        self.envoys.push(Envoy { name, memory, workers });
    }

    /// A request comes.
    pub(crate) fn arrive(&mut self, envoy: usize, worker: usize, reserve: Amount, used: Amount) {
        let claim = Claim::new([&self.key], "gpt", || reserve).expect("a limited key");
        self.enter(envoy, worker, claim, used, self.now);
    }

    fn enter(&mut self, envoy: usize, worker: usize, claim: Claim, used: Amount, since: u64) {
        let now = self.now;
        let before = self.state();
        let Some((memory, running)) = self.worker(envoy, worker) else { return };
        let entry = running.limits.enter_again(memory, &claim, since, now);
        match entry {
            Entry::Open(_) => {
                running.running.push((claim, used));
                self.let_in.push(now);
                self.admitted += 1;
                self.check_admission(before);
            }
            Entry::Refused(_, refusal) => {
                self.refused += 1;
                if self.is_calm {
                    self.check_refusal(refusal.resource, before);
                }
            }
            Entry::Away => {
                self.away += 1;
                assert!(!self.is_calm, "the service was there");
            }
            Entry::Wait => running.waiting.push((claim, used, since)),
        }
    }

    fn state(&self) -> State {
        State { spent: self.spent(), reserved: self.reserved(), parallel: self.parallel() }
    }

    fn check_admission(&self, State { spent, reserved, parallel }: State) {
        if let Some(limit) = self.account.rpm_limit {
            let count = self.let_in.iter().filter(|at| self.is_present(**at)).count() as u64;
            assert!(count <= limit, "{count} requests in a window, of {limit}");
        }
        if let Some(limit) = self.account.tpm_limit {
            let count = self.settled_tokens();
            self.check_amount("tokens", count, reserved.tokens, limit);
        }
        if let Some(limit) = self.account.max_parallel_requests {
            assert!(parallel < limit, "{parallel} under way, of {limit}, and one more");
        }
        if let Some(limit) = self.account.max_budget {
            self.check_amount("picodollars", spent, reserved.money, limit);
        }
    }

    /// What is used by degrees may pass the limit by what is under way, and by nothing else.
    fn check_amount(&self, what: &str, used: u64, reserved: u64, limit: u64) {
        if self.next_envoy == 1 {
            assert!(used < limit, "let in with {used} {what} used of {limit}");
        }
        // Each Envoy may have let in one request that reserved more than was left, and requests use more than they
        // reserved, which other Envoys hear of when they ask.
        let most = limit + u64::from(self.next_envoy) * MOST_MONEY + self.beyond;
        assert!(used + reserved < most, "let in with {used} + {reserved} {what} of {limit}");
    }

    fn check_refusal(&self, resource: Resource, State { spent, reserved, parallel }: State) {
        let (used, limit) = match resource {
            Resource::Money => (spent + reserved.money, self.account.max_budget),
            Resource::Requests => {
                let count = self.let_in.iter().filter(|at| self.is_present(**at)).count();
                (count as u64, self.account.rpm_limit)
            }
            Resource::Tokens => (self.settled_tokens() + reserved.tokens, self.account.tpm_limit),
            Resource::Parallel => (parallel, self.account.max_parallel_requests),
        };
        let limit = limit.expect("a limit");
        assert!(used >= limit, "refused for {resource:?} with {used} used of {limit}");
    }

    fn is_present(&self, at: u64) -> bool {
        let window =
            |time: u64| time.wrapping_sub(self.anchor).cast_signed().div_euclid(WINDOW_MS.cast_signed());
        window(at) == window(self.now)
    }

    fn settled_tokens(&self) -> u64 {
        self.settled.iter().filter(|(at, _)| self.is_present(*at)).map(|(_, tokens)| tokens).sum()
    }

    fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.envoys.iter().flat_map(|envoy| &envoy.workers).flatten()
    }

    /// Recorded, or owed by a worker that lives.
    pub(crate) fn spent(&self) -> u64 {
        let money = |charges: &[Charge]| charges.iter().map(|charge| charge.money).sum::<u64>();
        let owed = |worker: &Worker| {
            let sent = worker.sent.as_ref().filter(|(id, _)| !self.batches.contains(id));
            money(&worker.owed) + sent.map_or(0, |(_, charges)| money(charges))
        };
        self.account.spend + self.workers().map(owed).sum::<u64>()
    }

    /// What all Envoys' requests have reserved.
    fn reserved(&self) -> Amount {
        self.envoys.iter().fold(Amount::default(), |sum, envoy| {
            let (_, reserved) = Limits::reserved(&envoy.memory, &self.account.id);
            Amount { tokens: sum.tokens + reserved.tokens, money: sum.money + reserved.money }
        })
    }

    pub(crate) fn parallel(&self) -> u64 {
        self.workers().map(|worker| worker.running.len() as u64).sum()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.workers().map(|worker| worker.waiting.len()).sum()
    }

    /// A request ends.
    pub(crate) fn finish(&mut self, envoy: usize, worker: usize, which: usize, is_used: bool) {
        let now = self.now;
        let Some((memory, worker)) = self.worker(envoy, worker) else { return };
        if worker.running.is_empty() {
            return;
        }
        let (claim, used) = worker.running.swap_remove(which % worker.running.len());
        let used = if is_used { used } else { Amount::default() };
        let reserved = claim.amount();
        let charges = worker.limits.settle(memory, &claim, used, now);
        worker.owed.extend(charges);
        self.beyond += used.money.saturating_sub(reserved.money);
        self.settled.push((now, used.tokens));
    }

    /// A client goes away while its request waits.
    pub(crate) fn abort(&mut self, envoy: usize, worker: usize) {
        let Some((_, worker)) = self.worker(envoy, worker) else { return };
        worker.waiting.pop();
    }

    /// The clock of a worker: the sync call, and the call for those who wait.
    pub(crate) fn tick(&mut self, envoy: usize, worker: usize, is_sync: bool) {
        let now = self.now;
        let Some((memory, state)) = self.worker(envoy, worker) else { return };
        let mut messages = Vec::new();
        if is_sync && !state.syncing {
            state.limits.tick(memory, now);
            if state.sent.is_none() && !state.owed.is_empty() {
                state.batches += 1;
                let id = format!("{}-{worker}-{}-{}", state.limits.instance(), state.batches, now);
                state.sent = Some((id, std::mem::take(&mut state.owed)));
            }
            let carried = state.sent.iter().flat_map(|(_, charges)| charges.clone()).collect();
            let waiting = state.waiting.iter().map(|(claim, ..)| claim);
            let (asks, asked) = state.limits.ask_in_turn(memory, waiting, carried, now);
            state.syncing = true;
            messages.push((true, asks, asked, state.sent.clone()));
        }
        let waiting = state.waiting.iter().map(|(claim, ..)| claim);
        let (asks, asked) = state.limits.ask_for(memory, waiting, now);
        if !asks.is_empty() {
            messages.push((false, asks, asked, None));
        }
        let name = self.envoys[envoy].name.clone();
        for (is_sync, asks, asked, batch) in messages {
            self.calls.push(Message {
                envoy: name.clone(),
                worker,
                sent_ms: now,
                is_sync,
                asks,
                batch,
                asked: Some(asked),
                answer: None,
            });
        }
        self.retry(envoy, worker);
    }

    /// Those who wait try again.
    pub(crate) fn retry(&mut self, envoy: usize, worker: usize) {
        let Some((_, state)) = self.worker(envoy, worker) else { return };
        for (claim, used, since) in std::mem::take(&mut state.waiting) {
            self.enter(envoy, worker, claim, used, since);
        }
    }

    /// The service hears a call.
    pub(crate) fn hear(&mut self, which: usize) {
        let Some(at) = self.unheard().nth(which) else { return };
        let call = &mut self.calls[at];
        if let Some((id, charges)) = &call.batch
            && !self.batches.contains(id)
        {
            self.batches.push(id.clone());
            self.account.spend += charges.iter().map(|charge| charge.money).sum::<u64>();
        }
        let mut leases = Vec::new();
        for ask in &call.asks {
            let lease = self.book.ask(self.now, &call.envoy, ask, &self.account);
            self.anchor = lease.window;
            leases.push(lease);
        }
        call.answer = Some(leases);
    }

    fn unheard(&self) -> impl Iterator<Item = usize> {
        self.calls.iter().enumerate().filter(|(_, call)| call.answer.is_none()).map(|(at, _)| at)
    }

    /// A call ends for its worker: with the answer, if there is one and it is not lost.
    pub(crate) fn end_call(&mut self, which: usize, is_lost: bool) {
        if self.calls.is_empty() {
            return;
        }
        let mut call = self.calls.swap_remove(which % self.calls.len());
        let is_late = self.now > call.sent_ms + PACE.timeout_ms;
        if call.answer.is_none() && !is_late && !is_lost {
            self.calls.push(call);
            return;
        }
        let Some(envoy) = self.envoys.iter().position(|envoy| envoy.name == call.envoy) else { return };
        let now = self.now;
        let Some((memory, worker)) = self.worker(envoy, call.worker) else { return };
        let Some(asked) = call.asked.take() else { return };
        worker.syncing &= !call.is_sync;
        match call.answer.filter(|_| !is_late && !is_lost) {
            Some(leases) => {
                if let Some((_, charges)) = &call.batch {
                    worker.limits.recorded(memory, charges);
                    worker.sent = None;
                }
                worker.limits.answered(memory, &asked, &leases, now);
            }
            None => worker.limits.unanswered(memory, &asked, now),
        }
        self.retry(envoy, call.worker);
    }

    /// Every call that is under way is heard and answered at once.
    pub(crate) fn answer_all(&mut self) {
        while !self.calls.is_empty() {
            self.hear(0);
            let at = self.calls.iter().position(|call| call.answer.is_some()).unwrap_or_default();
            self.end_call(at, false);
        }
    }

    /// A worker's VM traps, and is replaced by an empty one.
    pub(crate) fn kill_worker(&mut self, envoy: usize, worker: usize) {
        let now = self.now;
        let Envoy { name, memory, workers } = &mut self.envoys[envoy];
        workers[worker] = Some(Worker::start(memory, name, now));
        let name = name.clone();
        self.calls.retain_mut(|call| {
            if call.envoy == name && call.worker == worker {
                call.asked = None;
            }
            call.asked.is_some() || call.answer.is_none()
        });
    }

    /// An Envoy dies, and another one is started.
    pub(crate) fn kill_envoy(&mut self, envoy: usize) {
        let gone = self.envoys.remove(envoy);
        self.start_envoy(gone.workers.len(), gone.memory.conflicts);
    }

    /// Time passes. Workers that live say so every few seconds, whatever else they do.
    pub(crate) fn advance(&mut self, mut time: u64) {
        while time > 0 {
            let step = time.min(if self.is_calm { PACE.sync_ms } else { 5_000 });
            (self.now, time) = (self.now + step, time - step);
            for Envoy { memory, workers, .. } in &mut self.envoys {
                for worker in workers.iter_mut().flatten() {
                    worker.limits.tick(memory, self.now);
                }
            }
            if self.is_calm {
                for worker in 0..self.envoys[0].workers.len() {
                    self.tick(0, worker, true);
                    self.answer_all();
                }
            }
        }
    }

    /// Nothing is under way, and everything is delivered.
    pub(crate) fn rest(&mut self) {
        for second in 0..30 {
            for envoy in 0..self.envoys.len() {
                for worker in 0..self.envoys[envoy].workers.len() {
                    while self.worker(envoy, worker).is_some_and(|(_, state)| !state.running.is_empty()) {
                        self.finish(envoy, worker, 0, true);
                    }
                    if second == 20 {
                        // What a dead worker has reserved is found by the next who comes that way.
                        self.arrive(envoy, worker, Amount::default(), Amount::default());
                    }
                    self.tick(envoy, worker, true);
                }
            }
            self.answer_all();
            self.advance(PACE.sync_ms);
        }
        for envoy in &self.envoys {
            let reserved = Limits::reserved(&envoy.memory, &self.account.id);
            assert_eq!(reserved, (0, Amount::default()), "{}", envoy.name);
        }
        assert_eq!(self.waiting(), 0);
        assert_eq!(self.spent(), self.account.spend, "everything is recorded");
    }

    fn worker(&mut self, envoy: usize, worker: usize) -> Option<(&Memory, &mut Worker)> {
        let Envoy { memory, workers, .. } = self.envoys.get_mut(envoy)?;
        Some((memory, workers.get_mut(worker)?.as_mut()?))
    }
}

/// What a request reserves at most, picodollars.
pub(crate) const MOST_MONEY: u64 = 30;

impl Worker {
    fn start(memory: &Memory, name: &str, now: u64) -> Self {
        Self {
            limits: Limits::join(memory, name, PACE, now),
            owed: Vec::new(),
            sent: None,
            running: Vec::new(),
            waiting: Vec::new(),
            syncing: false,
            batches: 0,
        }
    }
}
