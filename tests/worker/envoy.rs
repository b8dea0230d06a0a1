//! An Envoy process with one worker: carries out what the worker's state machine returns, and checks it.

use std::rc::Rc;

use switchboard::exchange::{Admission, Attempt, Head, NoVerdict, Step};
use switchboard::key::{TokenHash, VerifyAnswer};
use switchboard::limits::Limits;
use switchboard::table::Table;
use switchboard::worker::{
    Chunk, Common, Door, Due, Effect, Ended, Now, Passage, Root, Shared, Ticket, Worker,
};

use crate::memory::Memory;
use crate::request::{self, PATIENCE_MS, Request, State, Stream};
use crate::service::{KEY, Service};

/// The period of the sync call, milliseconds.
pub(crate) const SYNC_MS: u64 = 1_000;
/// The timeout of a call, milliseconds.
pub(crate) const TIMEOUT_MS: u64 = 500;
/// How long a request waits for capacity at most, milliseconds.
const LONGEST_WAIT_MS: u64 = 3 * SYNC_MS + TIMEOUT_MS;

const DOCUMENT: &str = r#"{
  "version": 1,
  "keys": {"cluster": "keys", "token_env": "INTERNAL", "master_key_env": "MASTER",
           "sync_interval_ms": 1000, "timeout_ms": 500, "grace_s": 60, "cache_size": 100},
  "settings": {"num_retries": 2, "most_retries": 6, "max_fallbacks": 5, "cooldown_s": 5.0, "timeout_ms": 20000},
  "groups": [{"name": "gpt", "cluster": "group:gpt", "mode": "chat"}],
  "deployments": [{"id": "gpt-1", "group": "gpt", "provider": "openai", "model": "gpt-4o", "keepalive_ms": 3000,
                   "api_base": "https://api.one/v1", "api_key_env": "KEY",
                   "price": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}]
}"#;

/// A call in flight.
struct InFlight {
    ticket: Ticket,
    path: &'static str,
    body: Vec<u8>,
    sent_ms: u64,
    /// The response, once the key service has heard the call.
    response: Option<Vec<u8>>,
}

/// A root and its calls.
struct Rooted {
    root: Root,
    calls: Vec<InFlight>,
    period_ms: u64,
}

pub(crate) struct Envoy {
    name: String,
    ids: std::cell::Cell<u64>,
    memory: Memory,
    shared: Shared,
    worker: Worker,
    /// The newest one is the last.
    roots: Vec<Rooted>,
    requests: Vec<Request>,
    contexts: u32,
    /// It can write to a stream only while it holds it, as proxy-wasm.
    holds: bool,
    /// A request has rung, and the root was not told yet.
    has_rung: std::cell::Cell<bool>,
    pub(crate) now: Now,
    /// Calls cannot be made at all.
    pub(crate) is_cut_off: bool,
    /// Requests that were forwarded and have ended, and what they have spent, picodollars.
    pub(crate) requests_ended: u64,
    pub(crate) spent: u64,
}

impl Envoy {
    pub(crate) fn new(name: &str, holds: bool, now: Now) -> Self {
        let mut envoy = Self {
            name: name.to_owned(),
            ids: std::cell::Cell::new(0),
            memory: Memory::default(),
            shared: Shared::default(),
            worker: Worker::default(),
            roots: Vec::new(),
            requests: Vec::new(),
            contexts: 0,
            holds,
            has_rung: std::cell::Cell::new(false),
            now,
            is_cut_off: false,
            requests_ended: 0,
            spent: 0,
        };
        envoy.reload();
        envoy
    }

    fn common(&self) -> Common<'_, Memory> {
        Common { shared: &self.shared, memory: &self.memory }
    }

    fn fresh(&self) -> String {
        self.ids.set(self.ids.get() + 1);
        format!("{}-{}", self.name, self.ids.get())
    }

    /// The name by which the key service knows it.
    pub(crate) fn instance(&self) -> String {
        self.shared.limits().as_ref().unwrap().instance().to_owned()
    }

    /// The configuration is loaded again.
    pub(crate) fn reload(&mut self) {
        let env = |name: &str| Some(format!("the value of {name}, which is long enough"));
        let table = Rc::new(Table::parse(DOCUMENT.as_bytes(), env).unwrap());
        let root = Root::new(&self.worker, self.common(), table, Some(self.fresh()), self.now);
        self.roots.push(Rooted { root, calls: Vec::new(), period_ms: 0 });
        self.run(self.roots.len() - 1);
    }

    /// An old configuration is gone, with the calls of its root.
    pub(crate) fn drop_root(&mut self) {
        if self.roots.len() > 1 {
            self.roots.remove(0);
        }
    }

    /// The timer of a root fires.
    pub(crate) fn tick(&mut self, which: usize) {
        let at = which % self.roots.len();
        self.roots[at].root.tick();
        let before = self.roots[at].calls.len();
        self.run(at);
        let is_newest = at + 1 == self.roots.len();
        let made = &self.roots[at].calls[before.min(self.roots[at].calls.len())..];
        assert!(
            is_newest || made.iter().all(|call| !call.path.contains("sync")),
            "only the newest root syncs"
        );
        for request in &self.requests {
            if let State::Waiting(_) = &request.state {
                let waited = self.now.steady_ms - request.since_ms;
                assert!(waited < LONGEST_WAIT_MS, "it waits for {waited} ms");
            }
        }
        let period = self.roots[at].period_ms;
        let is_hurried = !self.shared.waiting().is_empty();
        assert!(
            if is_hurried { period == 5 } else { (1..=10_000).contains(&period) },
            "a period of {period} ms"
        );
        let has_heard = self.shared.keyring().has_heard();
        assert!(has_heard || period <= SYNC_MS, "it rests, and was never told that the key service is there");
    }

    /// The root is told that someone has rung.
    pub(crate) fn hear_ring(&mut self) {
        if self.has_rung.take() {
            let at = self.roots.len() - 1;
            self.roots[at].root.rung(&self.worker);
            self.run(at);
        }
    }

    fn run(&mut self, at: usize) {
        loop {
            let Rooted { root, .. } = &mut self.roots[at];
            let common = Common { shared: &self.shared, memory: &self.memory };
            let ids = &self.ids;
            let fresh = || {
                ids.set(ids.get() + 1);
                Some(format!("{}-{}", self.name, ids.get()))
            };
            let Some(effect) = root.poll(&self.worker, common, self.now, fresh) else { return };
            self.carry_out(at, effect);
        }
    }

    fn carry_out(&mut self, at: usize, effect: Effect) {
        match effect {
            Effect::Call { ticket, .. } if self.is_cut_off => {
                let common = Common { shared: &self.shared, memory: &self.memory };
                self.roots[at].root.not_sent(common, ticket, self.now);
            }
            Effect::Call { ticket, path, body } => {
                let calls = &mut self.roots[at].calls;
                assert!(calls.iter().all(|call| call.ticket != ticket), "each call has its own ticket");
                let sent_ms = self.now.steady_ms;
                calls.push(InFlight { ticket, path, body, sent_ms, response: None });
            }
            Effect::Wake => self.wake(),
            Effect::SendParts => assert!(self.worker.take_split().is_empty(), "no request was split"),
            Effect::Release(context) => {
                let stream = self.stream(context).expect("only a stream is released");
                stream.releases += 1;
                assert_eq!(stream.releases, 1, "the first chunk is released once");
            }
            Effect::Stream(context, due) => self.act_on(context, &due),
            Effect::Period(period_ms) => self.roots[at].period_ms = period_ms,
            Effect::Error(message) => assert!(message.starts_with("invalid response from the key service")),
        }
    }

    /// All requests that wait try again.
    fn wake(&mut self) {
        let held = self.worker.take_held();
        let waiting: Vec<_> = self
            .requests
            .iter()
            .filter_map(|request| match &request.state {
                State::Waiting(passage) => Some(Rc::as_ptr(passage)),
                _ => None,
            })
            .collect();
        for passage in &waiting {
            let count = held.iter().filter(|held| Rc::as_ptr(held) == *passage).count();
            assert_eq!(count, 1, "a waiting request is among those that try again, once");
        }
        assert_eq!(held.len(), waiting.len(), "and nobody else");
        for passage in held {
            let at = self.requests.iter().position(|r| r.context == passage.context()).unwrap();
            self.enter(at, passage);
        }
    }

    /// A request arrives.
    pub(crate) fn arrive(&mut self, streams: bool) {
        let table = self.worker.table().unwrap();
        let authorization = format!("Bearer {KEY}");
        let head =
            [(":method", "POST"), (":path", "/v1/chat/completions"), ("authorization", &authorization)];
        let head = Head::new(head.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec());
        let (mut admission, step) =
            Admission::begin(&table, &self.shared.keyring(), &head, true, self.now.unix_ms);
        self.contexts += 1;
        let context = self.contexts;
        let at = self.requests.len();
        let later = admission.body_complete();
        let state = State::Joining(Box::new(admission));
        self.requests.push(Request { context, streams, since_ms: 0, number: 0, state, outcomes: 0 });
        match step {
            Step::Verify(_) => assert!(matches!(later, Step::Wait)),
            Step::Wait => self.act(at, &later),
            step => self.act(at, &step),
        }
    }

    fn act(&mut self, at: usize, step: &Step) {
        match step {
            Step::Admit => {
                let request = &mut self.requests[at];
                let State::Joining(admission) = &mut request.state else { panic!("admitted twice") };
                match admission.admit(request::body(request.streams)) {
                    Ok(call) => {
                        let now_ms = self.now.steady_ms;
                        request.since_ms = now_ms;
                        let passage = Passage::new(request.context, Rc::new(call), &self.shared, || now_ms);
                        self.enter(at, Rc::new(passage));
                    }
                    Err(_) => self.replied(at),
                }
            }
            Step::Reply(_) => self.replied(at),
            _ => panic!("a chat request is admitted or refused"),
        }
    }

    /// A request gets a response of the gateway's own, and ends.
    fn replied(&mut self, at: usize) {
        self.requests[at].outcomes += 1;
        self.finish(at, 0);
    }

    fn enter(&mut self, at: usize, passage: Rc<Passage>) {
        let now = self.now;
        let door = passage.enter(self.common(), || now.steady_ms);
        let request = &mut self.requests[at];
        match door {
            Door::Open => {
                let (_, number) = passage.forward(&self.worker, &self.shared);
                request.number = number;
                let call = self.worker.call(number).expect("its attempts find it");
                let endpoint = self.worker.endpoint(&call, "gpt-1").expect("and its deployment");
                let mut attempt = Attempt::new(call, endpoint);
                request::send(&mut attempt, request.streams, now.unix_ms);
                request.state = State::Running(passage, Box::new(attempt));
                request.outcomes += 1;
            }
            Door::Wait => {
                self.worker.hold(Rc::clone(&passage));
                request.state = State::Waiting(passage);
            }
            Door::Refused(account, refusal) => {
                passage.refused(&account, &refusal, now.unix_ms);
                request.state = State::Waiting(passage);
                self.replied(at);
            }
            Door::Unknown => {
                passage.unknown();
                request.state = State::Waiting(passage);
                self.replied(at);
            }
            Door::Gone => panic!("a request that does not wait tried again"),
        }
    }

    /// The stream of a request ends. `spent` is what it has spent, picodollars.
    fn finish(&mut self, at: usize, spent: u64) {
        let request = &mut self.requests[at];
        let state = std::mem::replace(&mut request.state, State::Over);
        let Some(passage) = state.passage().cloned() else { return };
        let was_forwarded = passage.is_forwarded();
        assert!(!passage.departs(&self.worker), "it has no fallback");
        let now = self.now;
        let ended = Ended { status: 200, now_ms: now.unix_ms, abandons: false };
        let mut reported = 0;
        let report = |_: &switchboard::key::UsageEntry<'_>| reported += 1;
        passage.end(&self.worker, self.common(), ended, || now.steady_ms, report, |_| {});
        assert_eq!(reported, 1, "the access log gets its line");
        let door = passage.enter(self.common(), || now.steady_ms);
        assert_eq!(door, Door::Gone, "what has ended does not go on");
        assert_eq!(self.requests[at].outcomes, u32::from(was_forwarded || self.requests[at].outcomes > 0));
        if was_forwarded {
            self.requests_ended += 1;
            self.spent += spent;
        } else {
            // A refusal is recorded too, as a request that has cost nothing.
            self.requests_ended += u64::from(passage.call.progress.borrow().error.is_some());
        }
    }

    /// The key service answers the oldest request that waits for a key, or does not.
    pub(crate) fn answer_key(&mut self, answer: Option<VerifyAnswer>) {
        let waits = |request: &Request| matches!(request.state, State::Joining(_));
        let Some(at) = self.requests.iter().position(waits) else { return };
        let State::Joining(admission) = &mut self.requests[at].state else { return };
        let token = TokenHash::of(KEY.as_bytes());
        let now_ms = self.now.unix_ms;
        let verdict = match answer {
            Some(answer) => Ok(self.shared.keyring().learn(token, answer, now_ms)),
            None => Err(NoVerdict),
        };
        let step = admission.verdict(verdict, now_ms);
        self.act(at, &step);
    }

    /// The provider says something to one of the requests that run.
    pub(crate) fn progress(&mut self, which: usize, ends: bool, completion: u64) {
        let runs = |request: &Request| matches!(request.state, State::Running(..) | State::Streaming(..));
        let running: Vec<usize> = (0..self.requests.len()).filter(|at| runs(&self.requests[*at])).collect();
        let Some(at) = running.get(which % running.len().max(1)).copied() else { return };
        let (now, holds) = (self.now, self.holds);
        let request = &mut self.requests[at];
        match std::mem::replace(&mut request.state, State::Over) {
            State::Running(passage, mut attempt) if !request.streams => {
                request::answer(&mut attempt, completion);
                request.state = State::Running(passage, attempt);
                self.finish(at, request::cost(completion));
            }
            State::Running(passage, mut attempt) => {
                let bytes = request::begin(&mut attempt, now.unix_ms);
                let silence = attempt.silence().expect("a stream");
                let ring = || {
                    self.has_rung.set(true);
                    true
                };
                let (held, whose) = (holds.then_some(bytes), (request.context, request.number));
                let watched = self.worker.begin_stream(whose, silence, held, !holds, ring);
                let stream = Stream {
                    watched,
                    heard_ms: now.steady_ms,
                    is_ended: false,
                    is_reset: false,
                    releases: 0,
                };
                request.state = State::Streaming(passage, attempt, stream);
            }
            State::Streaming(passage, mut attempt, mut stream) => {
                if ends {
                    request::end(&mut attempt, completion);
                } else {
                    request::go_on(&mut attempt);
                }
                if let Some(watched) = &stream.watched {
                    let chunk = watched.pass(ends);
                    assert!(holds || chunk == Chunk::Pass, "this host holds nothing");
                    assert_eq!(watched.unsent(), 0, "the first chunk is on its way");
                    stream.releases = 1;
                }
                stream.heard_ms = now.steady_ms;
                request.state = State::Streaming(passage, attempt, stream);
                if ends {
                    self.finish(at, request::cost(completion));
                }
            }
            state => request.state = state,
        }
    }

    /// A client leaves.
    pub(crate) fn abort(&mut self, which: usize) {
        let is_there = |request: &Request| !matches!(request.state, State::Over);
        let there: Vec<usize> = (0..self.requests.len()).filter(|at| is_there(&self.requests[*at])).collect();
        let Some(at) = there.get(which % there.len().max(1)).copied() else { return };
        self.cut(at);
    }

    /// A request ends before its response. What a stream has produced is billed.
    fn cut(&mut self, at: usize) {
        let spent = self.requests[at].state.passage().map_or(0, |passage| {
            passage.call.settle(0, self.now.unix_ms, |entry| entry.cost_picodollars.unwrap_or_default())
        });
        self.finish(at, spent);
    }

    fn stream(&mut self, context: u32) -> Option<&mut Stream> {
        self.requests.iter_mut().find(|request| request.context == context).and_then(|request| {
            match &mut request.state {
                State::Streaming(_, _, stream) => Some(stream),
                _ => None,
            }
        })
    }

    fn act_on(&mut self, context: u32, due: &Due) {
        let now_ms = self.now.steady_ms;
        let stream = self.stream(context).expect("only a stream is written to");
        let silent_ms = now_ms - stream.heard_ms;
        match due {
            Due::Write(words) if words.starts_with(b":") => {
                assert!(!stream.is_ended, "a comment after the end");
                assert!(silent_ms >= 3_000, "a comment after {silent_ms} ms");
            }
            Due::Write(words) => {
                assert!(words.starts_with(b"data: {\"error\""), "{}", String::from_utf8_lossy(words));
                assert!(!stream.is_ended, "a second end");
                assert!(silent_ms >= PATIENCE_MS, "the end after {silent_ms} ms");
                stream.is_ended = true;
            }
            Due::Reset => {
                assert!(stream.is_ended, "a reset without an error event");
                assert!(!stream.is_reset, "a second reset");
                stream.is_reset = true;
            }
        }
    }

    /// A host that can always write ticks each stream itself.
    pub(crate) fn tick_streams(&mut self) {
        for context in 1..=self.contexts {
            let watched = self.stream(context).and_then(|stream| stream.watched.clone());
            let Some(watched) = watched.filter(|_| !self.holds) else { continue };
            if let Some(due) = watched.tick(self.now.steady_ms) {
                self.act_on(context, &due);
            }
        }
    }

    /// The key service hears a call.
    pub(crate) fn hear(&mut self, which: usize, service: &mut Service) {
        let mut calls = self.roots.iter_mut().flat_map(|root| &mut root.calls).collect::<Vec<_>>();
        let count = calls.len();
        let Some(call) = calls.get_mut(which % count.max(1)) else { return };
        let response = service.hear(call.path, &call.body, self.now.steady_ms);
        call.response.get_or_insert(response);
    }

    /// A call ends for its root: with its response, with a garbled one, or with none.
    pub(crate) fn end_call(&mut self, which: usize, fate: Fate) {
        let calls = self.roots.iter().enumerate();
        let places: Vec<_> =
            calls.flat_map(|(root, held)| (0..held.calls.len()).map(move |at| (root, at))).collect();
        let Some((root, at)) = places.get(which % places.len().max(1)).copied() else { return };
        let call = self.roots[root].calls.swap_remove(at);
        let is_late = self.now.steady_ms > call.sent_ms + TIMEOUT_MS;
        let body = match (fate, call.response) {
            (Fate::Garbled, Some(_)) => Some(b"{\"cursor\":".to_vec()),
            (Fate::Answered | Fate::Repeated, response) if !is_late => response,
            _ => None,
        };
        for _ in 0..if fate == Fate::Repeated { 2 } else { 1 } {
            let common = Common { shared: &self.shared, memory: &self.memory };
            self.roots[root].root.answered(&self.worker, common, call.ticket, body.as_deref(), self.now);
            self.run(root);
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.roots.iter().map(|root| root.calls.len()).sum()
    }

    /// Requests that were forwarded and have not ended.
    pub(crate) fn running(&self) -> u64 {
        let runs = |request: &&Request| matches!(request.state, State::Running(..) | State::Streaming(..));
        self.requests.iter().filter(runs).count() as u64
    }

    /// What holds after every event.
    pub(crate) fn check(&self) {
        let waiting = |request: &&Request| matches!(request.state, State::Waiting(_));
        let count = self.requests.iter().filter(waiting).count();
        assert_eq!(self.shared.waiting().claims().count(), count, "each waiting request has one claim");
        for request in &self.requests {
            assert!(request.outcomes <= 1, "{} outcomes of a request", request.outcomes);
        }
    }

    /// Picodollars that its requests have spent and the key service has not acknowledged.
    pub(crate) fn unrecorded(&self, service: &Service) -> u64 {
        Limits::unrecorded(&self.memory, service.account())
    }

    /// Its clients are served or leave, and the key service hears all that it has to say.
    pub(crate) fn rest(&mut self, service: &mut Service) {
        self.is_cut_off = false;
        while self.requests.iter().any(|request| !matches!(request.state, State::Over)) {
            self.abort(0);
        }
        assert!(self.worker.take_held().is_empty(), "nobody waits");
        for _ in 0..40 {
            self.now.steady_ms += SYNC_MS;
            self.now.unix_ms += SYNC_MS;
            for root in 0..self.roots.len() {
                self.tick(root);
            }
            while self.calls() > 0 {
                self.hear(0, service);
                self.end_call(0, Fate::Answered);
            }
        }
        let (parallel, reserved) = Limits::reserved(&self.memory, service.account());
        assert_eq!((parallel, reserved.money, reserved.tokens), (0, 0, 0), "nothing is reserved");
        assert!((1..=1_000).all(|number| self.worker.call(number).is_none()), "no request is kept");
        assert_eq!(self.unrecorded(service), 0, "all is recorded");
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// The response arrives twice.
    Repeated,
    /// The response is no JSON.
    Garbled,
    /// There is none, whether or not the key service has heard the call.
    Lost,
}
