//! Leases hold their promise: any number of Envoys, calls that are slow, lost or overtaken, Envoys that die, and the
//! limits are never passed.
//!
//! The holders here are what `docs/decisions/0020-leases.md` asks of a filter, in its simplest form. The observer sees
//! everything at once, by the service's clock.

use std::collections::BTreeMap;

use proptest::prelude::*;
use switchboard::key::lease::{Demand, Lease, LeaseAsk, WINDOW_MS};
use switchboard::key::{Account, AccountId, AccountKind};
use switchboard_keys::lease::Book;

const HOLDERS: usize = 3;
const RPM: u64 = 7;
const TPM: u64 = 40;
const PARALLEL: u64 = 3;
const BUDGET: u64 = 100;

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Time goes by, milliseconds.
    Wait(u64),
    /// Time goes by until so many milliseconds after one second before the window's end.
    WaitForEdge(u64),
    /// So many small requests come and go.
    Burst { holder: usize, count: u64 },
    /// A client asks an Envoy to let a request in, which takes so many tokens and reserves so much money.
    Request { holder: usize, tokens: u64, money: u64 },
    /// A request ends, having cost this share (of 4) of what it reserved.
    End { holder: usize, share: u64 },
    /// An Envoy syncs, wanting so much at hand and needing so much now.
    Sync { holder: usize, want: u64, need: u64 },
    /// A call or an answer that is under way arrives.
    Arrive(usize),
    /// It is lost.
    Lose(usize),
    /// An Envoy is killed; another takes its place.
    Kill(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let holder = 0..HOLDERS;
    let step = prop_oneof![
        3 => prop_oneof![0..500_u64, 0..20_000_u64, 30_000..60_001_u64].prop_map(Step::Wait),
        1 => (0..2000_u64).prop_map(Step::WaitForEdge),
        4 => (holder.clone(), 1..6_u64).prop_map(|(holder, count)| Step::Burst { holder, count }),
        8 => (holder.clone(), 0..12_u64, 0..30_u64)
            .prop_map(|(holder, tokens, money)| Step::Request { holder, tokens, money }),
        4 => (holder.clone(), 0..=4_u64).prop_map(|(holder, share)| Step::End { holder, share }),
        6 => (holder.clone(), 0..12_u64, 0..4_u64)
            .prop_map(|(holder, want, need)| Step::Sync { holder, want, need }),
        12 => any::<usize>().prop_map(Step::Arrive),
        1 => any::<usize>().prop_map(Step::Lose),
        1 => holder.prop_map(Step::Kill),
    ];
    prop::collection::vec(step, 1..150)
}

/// What one holder may use of something that is counted in windows.
#[derive(Clone, Copy, Debug, Default)]
struct Windowed {
    used: u64,
    cap: u64,
    /// Used since the window may have ended.
    next: u64,
}

impl Windowed {
    fn roll(&mut self) {
        *self = Self { used: self.next, cap: self.cap, next: 0 };
    }

    fn take(&mut self, units: u64, in_both: bool) {
        self.used += units;
        self.next += if in_both { units } else { 0 };
    }

    fn demand(&mut self, need: u64, want: u64) -> Demand {
        self.cap = self.cap.min(self.used + want.max(need));
        Demand { used: self.used, need, want, hold: self.cap }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Gauge {
    used: u64,
    cap: u64,
}

impl Gauge {
    /// `apart` is used, but goes with a batch in the same call.
    fn demand(&mut self, need: u64, want: u64, apart: u64) -> Demand {
        self.cap = self.cap.min(self.used + want.max(need));
        Demand { used: self.used - apart, need, want, hold: self.cap.saturating_sub(apart) }
    }
}

/// One Envoy process.
#[derive(Clone, Debug, Default)]
struct Holder {
    name: String,
    round: u64,
    valid_until: u64,
    window: u64,
    /// The window ends between these moments.
    ends: (u64, u64),
    requests: Windowed,
    tokens: Windowed,
    parallel: Gauge,
    money: Gauge,
    /// Money reserved by each request under way.
    under_way: Vec<u64>,
    /// Spent, and not sent yet.
    unsent: u64,
    /// Sent, and not acknowledged: the batch's number and money.
    batch: Option<(u64, u64)>,
}

impl Holder {
    fn roll(&mut self, now: u64) {
        while self.window > 0 && now >= self.ends.1 {
            self.window += WINDOW_MS;
            self.ends = (self.ends.0 + WINDOW_MS, self.ends.1 + WINDOW_MS);
            self.requests.roll();
            self.tokens.roll();
        }
    }

    fn admit(&mut self, now: u64, tokens: u64, money: u64) -> bool {
        self.roll(now);
        let both = now >= self.ends.0;
        let fits = now < self.valid_until
            && self.requests.used < self.requests.cap
            && self.tokens.used + tokens <= self.tokens.cap
            && self.parallel.used < self.parallel.cap
            && self.money.used + money <= self.money.cap;
        if fits {
            self.requests.take(1, both);
            self.tokens.take(tokens, both);
            self.parallel.used += 1;
            self.money.used += money;
            self.under_way.push(money);
        }
        fits
    }

    fn end(&mut self, share: u64) {
        let Some(reserved) = self.under_way.pop() else { return };
        let spent = reserved * share / 4;
        self.parallel.used -= 1;
        self.money.used -= reserved - spent;
        self.unsent += spent;
    }

    fn sync(&mut self, now: u64, want: u64, need: u64, batches: &mut u64) -> Call {
        self.roll(now);
        if self.batch.is_none() && self.unsent > 0 {
            *batches += 1;
            self.batch = Some((*batches, self.unsent));
            self.unsent = 0;
        }
        self.round += 1;
        let in_batch = self.batch.map_or(0, |(_, money)| money);
        Call {
            sent: now,
            holder: self.name.clone(),
            batch: self.batch,
            ask: LeaseAsk {
                account: account(0).id,
                round: self.round,
                window: self.window,
                requests: self.requests.demand(need, want),
                tokens: self.tokens.demand(need * 4, want * 4),
                parallel: self.parallel.demand(need, want, 0),
                money: self.money.demand(need * 8, want * 8, in_batch),
            },
        }
    }

    fn answered(&mut self, now: u64, sent: u64, batch: Option<(u64, u64)>, lease: &Lease) {
        self.roll(now);
        if let Some((number, money)) = batch
            && self.batch.is_some_and(|(waiting, _)| waiting == number)
        {
            self.batch = None;
            self.money.used -= money;
            self.money.cap = self.money.cap.saturating_sub(money);
        }
        if lease.round != self.round {
            return;
        }
        let expired = now >= self.valid_until;
        // An answer to an overtaken ask is an older answer to the newer one.
        self.valid_until = self.valid_until.max(sent + lease.valid_for_ms);
        if lease.window > self.window {
            if expired {
                (self.requests, self.tokens) = (Windowed::default(), Windowed::default());
            } else {
                self.requests.roll();
                self.tokens.roll();
            }
            self.window = lease.window;
        }
        if lease.window == self.window {
            self.ends = (sent + lease.window_ends_in_ms, now + lease.window_ends_in_ms);
        }
        for (windowed, grant) in [(&mut self.requests, lease.requests), (&mut self.tokens, lease.tokens)] {
            windowed.cap = grant.unwrap().allowed;
        }
        self.parallel.cap = lease.parallel.unwrap().allowed;
        self.money.cap = lease.money.unwrap().allowed;
    }
}

/// A sync call under way.
#[derive(Clone, Debug)]
struct Call {
    sent: u64,
    holder: String,
    batch: Option<(u64, u64)>,
    ask: LeaseAsk,
}

enum Message {
    Call(Box<Call>),
    Answer(Box<(Call, Lease)>),
}

fn account(spend: u64) -> Account {
    let id = AccountId { kind: AccountKind::Team, id: "t".into(), model: None, window: None };
    Account {
        max_budget: Some(BUDGET),
        spend,
        rpm_limit: Some(RPM),
        tpm_limit: Some(TPM),
        max_parallel_requests: Some(PARALLEL),
        ..Account::new(id)
    }
}

#[derive(Default)]
struct World {
    now: u64,
    book: Book,
    holders: Vec<Holder>,
    born: usize,
    under_way: Vec<Message>,
    batches: u64,
    recorded: BTreeMap<u64, u64>,
    /// Money that was out when a lease ran out, and requests that were under way: nobody can hold them back any
    /// more, and others may have been given what they take.
    excused: u64,
    excused_requests: u64,
    /// Every request that was let in: when, tokens.
    let_in: Vec<(u64, u64)>,
}

impl World {
    fn new() -> Self {
        let mut world = Self { now: 1_000_000, ..Self::default() };
        for _ in 0..HOLDERS {
            let holder = world.newborn();
            world.holders.push(holder);
        }
        world
    }

    fn newborn(&mut self) -> Holder {
        self.born += 1;
        Holder { name: format!("envoy-{}", self.born), ..Holder::default() }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Wait(ms) => {
                let until = self.now + ms;
                for holder in &self.holders {
                    if (self.now..until).contains(&holder.valid_until) || holder.valid_until == until {
                        self.excused += holder.money.used;
                        self.excused_requests += holder.parallel.used;
                    }
                }
                self.now = until;
            }
            Step::WaitForEdge(after) => {
                let passed = self.now.saturating_sub(self.book.window()) % WINDOW_MS;
                self.step(Step::Wait((WINDOW_MS - passed + after).saturating_sub(1000)));
            }
            Step::Burst { holder, count } => {
                for _ in 0..count {
                    self.step(Step::Request { holder, tokens: 1, money: 0 });
                    self.step(Step::End { holder, share: 0 });
                }
            }
            Step::Request { holder, tokens, money } => {
                if self.holders[holder].admit(self.now, tokens, money) {
                    self.let_in.push((self.now, tokens));
                }
            }
            Step::End { holder, share } => self.holders[holder].end(share),
            Step::Sync { holder, want, need } => {
                let call = self.holders[holder].sync(self.now, want, need, &mut self.batches);
                self.under_way.push(Message::Call(Box::new(call)));
            }
            Step::Arrive(which) => self.arrive(which),
            Step::Lose(which) => {
                if !self.under_way.is_empty() {
                    self.under_way.swap_remove(which % self.under_way.len());
                }
            }
            Step::Kill(holder) => {
                let newborn = self.newborn();
                let dead = core::mem::replace(&mut self.holders[holder], newborn);
                self.excused += dead.money.used;
            }
        }
    }

    fn arrive(&mut self, which: usize) {
        if self.under_way.is_empty() {
            return;
        }
        match self.under_way.swap_remove(which % self.under_way.len()) {
            Message::Call(call) => {
                let call = *call;
                if let Some((number, money)) = call.batch {
                    self.recorded.insert(number, money);
                }
                let account = account(self.recorded.values().sum());
                let lease = self.book.ask(self.now, &call.holder, &call.ask, &account);
                self.under_way.push(Message::Answer(Box::new((call, lease))));
            }
            Message::Answer(answer) => {
                let (call, lease) = *answer;
                let now = self.now;
                if let Some(holder) = self.holders.iter_mut().find(|holder| holder.name == call.holder) {
                    holder.answered(now, call.sent, call.batch, &lease);
                }
            }
        }
    }

    fn observe(&self) {
        let window = self.book.window();
        let start = if window == 0 { 0 } else { self.now - (self.now - window) % WINDOW_MS };
        let here: Vec<_> = self.let_in.iter().filter(|(at, _)| *at >= start).collect();
        assert!(here.len() as u64 <= RPM, "requests in a window: {}", here.len());
        let tokens: u64 = here.iter().map(|(_, tokens)| tokens).sum();
        assert!(tokens <= TPM, "tokens in a window: {tokens}");
        let valid = || self.holders.iter().filter(|holder| self.now < holder.valid_until);
        let parallel: u64 = valid().map(|holder| holder.parallel.used).sum();
        assert!(parallel <= PARALLEL + self.excused_requests, "requests under way: {parallel}");
        let recorded: u64 = self.recorded.values().sum();
        let unrecorded = |holder: &Holder| {
            let sent = holder.batch.filter(|(number, _)| self.recorded.contains_key(number));
            holder.money.used - sent.map_or(0, |(_, money)| money)
        };
        let out: u64 = valid().map(unrecorded).sum();
        assert!(
            recorded + out <= BUDGET + self.excused,
            "money: {recorded} recorded, {out} out, {} excused",
            self.excused
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn limits_are_never_passed_whatever_happens(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.observe();
        }
    }

    #[test]
    fn at_rest_nothing_is_held_and_everything_is_free(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        // Every request ends at no cost, every call arrives, everybody syncs twice, wanting nothing.
        for _ in 0..2 {
            for holder in 0..world.holders.len() {
                while !world.holders[holder].under_way.is_empty() {
                    world.step(Step::End { holder, share: 0 });
                }
                world.step(Step::Sync { holder, want: 0, need: 0 });
            }
            while !world.under_way.is_empty() {
                world.step(Step::Arrive(0));
            }
        }
        // The dead are forgotten after their time, and a window has passed.
        world.step(Step::Wait(2 * WINDOW_MS));
        let spent: u64 = world.recorded.values().sum();
        let ask = |want: u64| {
            let all = Demand { need: want, want, ..Demand::default() };
            let nothing = LeaseAsk::nothing(account(0).id, 1);
            LeaseAsk { requests: all, tokens: all, parallel: all, money: all, ..nothing }
        };
        let lease = world.book.ask(world.now, "new", &ask(1000), &account(spent));
        prop_assert_eq!(lease.requests.unwrap().allowed, RPM);
        prop_assert_eq!(lease.tokens.unwrap().allowed, TPM);
        prop_assert_eq!(lease.parallel.unwrap().allowed, PARALLEL);
        prop_assert_eq!(lease.money.unwrap().allowed, BUDGET.saturating_sub(spent));
    }

    #[test]
    fn who_needs_something_gets_it_within_a_sync_period_while_room_is_left(
        limit in 1..50_u64, holders in 2..6_usize, hoards in prop::collection::vec(0..60_u64, 6), need in 1..10_u64,
    ) {
        // Everybody takes what it can, uses none of it, and goes on wanting it.
        let account = Account { rpm_limit: Some(limit), ..Account::new(account(0).id) };
        let mut book = Book::default();
        let now = 1_000_000;
        let mut ask = |at: u64, holder: &str, round: u64, need: u64, want: u64, hold: u64| {
            let requests = Demand { need, want, hold, ..Demand::default() };
            let ask = LeaseAsk { window: now, requests, ..LeaseAsk::nothing(account.id.clone(), round) };
            book.ask(now + at, holder, &ask, &account).requests.unwrap()
        };
        let mut held = vec![0; holders];
        let names: Vec<_> = (0..holders).map(|at| format!("h{at}")).collect();
        for at in 0..holders {
            held[at] = ask(0, &names[at], 1, 0, hoards[at], 0).allowed;
        }
        let first = ask(0, "needy", 1, need, need, 0);
        prop_assert!(first.allowed == need || first.recalled || need > limit);
        for round in 2..4 {
            for at in 0..holders {
                held[at] = ask(1000, &names[at], round, 0, hoards[at], held[at]).allowed;
            }
        }
        prop_assert_eq!(ask(1001, "needy", 2, need, need, first.allowed).allowed, need.min(limit));
    }
}
