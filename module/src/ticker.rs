//! The thread that ticks: HTTP filters of Envoy have no timers. It has the newest root called on the main thread, and
//! streams that may be idle on their workers' threads.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use switchboard::filter::Clock;

use crate::abi::Scheduler;

/// An event: the period has passed.
pub(crate) const TICK: u64 = 1;
/// An event: a waiting request may have capacity.
pub(crate) const WAKE: u64 = 2;
/// An event: someone has rung.
pub(crate) const RING: u64 = 3;
/// An event: the root is to be created.
pub(crate) const START: u64 = 4;

/// The period of ticks of streams.
const STREAMS: Duration = Duration::from_millis(100);

static PERIOD_MS: AtomicU64 = AtomicU64::new(0);
static STATE: Mutex<Option<State>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();
static THREAD: Once = Once::new();

struct State {
    /// By the number of their configurations. The last one is ticked.
    roots: Vec<(u64, Scheduler)>,
    root_due: Instant,
    streams: HashMap<u32, Stream>,
    streams_due: Instant,
}

struct Stream {
    scheduler: Scheduler,
    ticks: bool,
    waits: bool,
}

impl State {
    fn new() -> Self {
        let now = Instant::now();
        Self { roots: Vec::new(), root_due: now, streams: HashMap::new(), streams_due: now }
    }

    /// Commits what is due. Returns until when there is nothing to do.
    fn tick(&mut self, now: Instant) -> Option<Instant> {
        let mut next = None;
        if let (Some((_, root)), period @ 1..) = (self.roots.last(), PERIOD_MS.load(Ordering::Relaxed)) {
            if self.root_due <= now {
                root.commit(TICK);
                self.root_due = now + Duration::from_millis(period);
            }
            next = Some(self.root_due);
        }
        if self.streams.values().any(|stream| stream.ticks) {
            if self.streams_due <= now {
                for stream in self.streams.values().filter(|stream| stream.ticks) {
                    stream.scheduler.commit(TICK);
                }
                self.streams_due = now + STREAMS;
            }
            next = Some(next.map_or(self.streams_due, |root| root.min(self.streams_due)));
        }
        next
    }
}

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with<T>(run: impl FnOnce(&mut State) -> T) -> T {
    run(state().get_or_insert_with(State::new))
}

fn run() {
    let mut held = state();
    loop {
        let next = held.get_or_insert_with(State::new).tick(Instant::now());
        held = match next {
            Some(due) => {
                let wait = due.saturating_duration_since(Instant::now());
                CHANGED.wait_timeout(held, wait).map_or_else(|error| error.into_inner().0, |(held, _)| held)
            }
            None => CHANGED.wait(held).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// Adds a root, which becomes the one that is ticked.
pub(crate) fn add_root(config: u64, scheduler: Scheduler) {
    with(|state| state.roots.push((config, scheduler)));
    THREAD.call_once(|| {
        if let Err(error) = std::thread::Builder::new().name("switchboard".to_owned()).spawn(run) {
            log::error!("no thread for the timer, so nothing reaches the key service: {error}");
        }
    });
    CHANGED.notify_one();
}

/// Removes a root.
pub(crate) fn remove_root(config: u64) {
    with(|state| state.roots.retain(|(other, _)| *other != config));
}

/// Has the newest root called as soon as possible. Returns whether there is one.
pub(crate) fn ring() -> bool {
    with(|state| state.roots.last().map(|(_, root)| root.commit(RING)).is_some())
}

/// Ticks a stream until it is forgotten.
pub(crate) fn watch(stream: u32, scheduler: impl FnOnce() -> Option<Scheduler>) {
    know(stream, scheduler, |stream| stream.ticks = true);
    CHANGED.notify_one();
}

/// Wakes a stream once, with the next [`wake`].
pub(crate) fn hold(stream: u32, scheduler: impl FnOnce() -> Option<Scheduler>) {
    know(stream, scheduler, |stream| stream.waits = true);
}

fn know(stream: u32, scheduler: impl FnOnce() -> Option<Scheduler>, change: impl FnOnce(&mut Stream)) {
    with(|state| {
        if let Some(known) = state.streams.get_mut(&stream) {
            change(known);
        } else if let Some(scheduler) = scheduler() {
            let mut known = Stream { scheduler, ticks: false, waits: false };
            change(&mut known);
            state.streams.insert(stream, known);
        }
    });
}

/// Wakes all streams that wait for capacity.
pub(crate) fn wake() {
    with(|state| {
        for stream in state.streams.values_mut().filter(|stream| stream.waits) {
            stream.waits = false;
            stream.scheduler.commit(WAKE);
        }
    });
}

/// Forgets a stream that has ended.
pub(crate) fn forget(stream: u32) {
    with(|state| state.streams.remove(&stream));
}

/// The period of the root's ticks. There is one for all roots, because only the newest one is ticked.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ticks;

impl Clock for Ticks {
    fn period_ms(&self) -> u64 {
        PERIOD_MS.load(Ordering::Relaxed)
    }

    fn set_period_ms(&self, period_ms: u64) {
        with(|state| {
            PERIOD_MS.store(period_ms, Ordering::Relaxed);
            state.root_due = Instant::now() + Duration::from_millis(period_ms);
        });
        CHANGED.notify_one();
    }
}
