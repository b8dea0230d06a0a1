//! State shared by the contexts of one worker's VM.

use core::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use hashbrown::HashMap;

use crate::config::{COMPRESSED_COUNTER, ONWARD_PREFIX};
use crate::exchange::{BodyBudget, Call};
use crate::keyring::Keyring;
use crate::ledger::Ledger;
use crate::limits::{Limits, Pace};
use crate::table::{Endpoint, Table};

use super::held::Passage;
use super::host::{self, SharedData};
use super::streams::Streams;

/// The state of a VM. If a VM traps, Envoy replaces it with an empty one: its requests and the usage of its
/// last sync period are lost, and every key is verified again.
pub(super) struct Vm {
    tables: RefCell<Tables>,
    pub(super) keyring: RefCell<Keyring>,
    pub(super) ledger: RefCell<Ledger>,
    /// Request bodies that are held.
    pub(super) bodies: Rc<BodyBudget>,
    /// `None` until the first configuration.
    pub(super) limits: RefCell<Option<Limits>>,
    /// Requests that wait for capacity.
    pub(super) held: RefCell<Vec<Rc<Passage>>>,
    /// Split requests whose parts are not sent yet.
    pub(super) split: RefCell<Vec<Rc<Passage>>>,
    pub(super) streams: Streams,
    calls: RefCell<HashMap<u64, Rc<Call>>>,
    /// Counters of compressed responses, by provider.
    compressed: RefCell<HashMap<&'static str, Option<u32>>>,
    /// Requests that are being redirected to another group.
    departed: RefCell<HashMap<u64, Rc<Passage>>>,
    /// A value that no client can guess.
    secret: OnceCell<String>,
    next_call: Cell<u64>,
    generation: Cell<u64>,
}

#[derive(Default)]
struct Tables {
    current: Option<Rc<Table>>,
    /// While Envoy replaces clusters, an endpoint may still belong to the previous table.
    previous: Option<Rc<Table>>,
}

thread_local! {
    static VM: Vm = Vm {
        tables: RefCell::default(),
        keyring: RefCell::new(Keyring::new(1, 0)),
        ledger: RefCell::default(),
        bodies: Rc::default(),
        limits: RefCell::default(),
        held: RefCell::default(),
        split: RefCell::default(),
        streams: Streams::default(),
        calls: RefCell::default(),
        compressed: RefCell::default(),
        departed: RefCell::default(),
        secret: OnceCell::new(),
        next_call: Cell::new(1),
        generation: Cell::new(0),
    };
}

/// Period of the sync call, milliseconds.
pub(super) fn sync_period_ms(table: &Table) -> u64 {
    table.keys.sync_interval_ms.max(50).into()
}

/// Runs with this VM's state.
pub(super) fn with<T>(run: impl FnOnce(&Vm) -> T) -> T {
    VM.with(run)
}

impl Vm {
    /// The table for new requests.
    pub(super) fn table(&self) -> Option<Rc<Table>> {
        self.tables.borrow().current.clone()
    }

    /// Installs a new table. Returns its generation: only the newest root context runs the timer.
    pub(super) fn install(&self, table: Table) -> u64 {
        self.keyring.borrow_mut().resize(table.keys.cache_size as usize, table.keys.grace_s);
        let pace = Pace {
            sync_ms: sync_period_ms(&table),
            timeout_ms: table.keys.timeout_ms.into(),
            grace_ms: u64::from(table.keys.grace_s) * 1000,
        };
        let mut limits = self.limits.borrow_mut();
        match (&mut *limits, host::random_id()) {
            (Some(limits), _) => limits.set_pace(pace),
            (joined, Some(id)) => *joined = Some(Limits::join(&SharedData, &id, pace, host::steady_ms())),
            (None, None) => {
                log::error!("the host provides no random source: keys with limits cannot be served");
            }
        }
        drop(limits);
        let mut tables = self.tables.borrow_mut();
        tables.previous = tables.current.replace(Rc::new(table));
        self.generation.set(self.generation.get() + 1);
        self.generation.get()
    }

    /// Whether a root context is the newest.
    pub(super) fn is_current(&self, generation: u64) -> bool {
        self.generation.get() == generation
    }

    /// The deployment with that id, from the request's own table or an adjacent one.
    pub(super) fn endpoint(&self, call: &Call, id: &str) -> Option<Rc<Endpoint>> {
        let tables = self.tables.borrow();
        let others = tables.current.iter().chain(&tables.previous);
        core::iter::once(&call.table).chain(others).find_map(|table| table.endpoint(id).cloned())
    }

    /// Stores an admitted request for its attempts. Returns the number by which they find it.
    pub(super) fn keep(&self, call: Rc<Call>) -> u64 {
        let number = self.next_call.get();
        self.next_call.set(number + 1);
        self.calls.borrow_mut().insert(number, call);
        number
    }

    /// Whether there was no request and no key lookup yet, so there is nothing to report or to receive.
    pub(super) fn has_served_nobody(&self) -> bool {
        self.next_call.get() == 1 && self.keyring.borrow().is_empty()
    }

    /// An admitted request.
    pub(super) fn call(&self, number: u64) -> Option<Rc<Call>> {
        self.calls.borrow().get(&number).cloned()
    }

    /// The path to which a request is redirected.
    pub(super) fn onward(&self, number: u64) -> String {
        format!("http://switchboard{ONWARD_PREFIX}{}/{number}", self.secret())
    }

    /// A value that is unique to this VM and that no client can guess.
    pub(super) fn secret(&self) -> &str {
        self.secret.get_or_init(|| host::random_id().unwrap_or_default())
    }

    /// Stores a request until its redirect arrives.
    pub(super) fn depart(&self, number: u64, passage: Rc<Passage>) {
        self.departed.borrow_mut().insert(number, passage);
    }

    /// The request that was redirected to that path. Clients cannot guess the path.
    pub(super) fn arrived(&self, path: &[u8]) -> Option<Rc<Passage>> {
        let path = core::str::from_utf8(path.strip_prefix(ONWARD_PREFIX.as_bytes())?).ok()?;
        let (secret, number) = path.split_once('/')?;
        let is_ours = self.secret.get().is_some_and(|own| !own.is_empty() && own == secret);
        let number: u64 = number.parse().ok().filter(|_| is_ours)?;
        self.departed.borrow_mut().remove(&number)
    }

    /// Counts a response that the provider has compressed, for `switchboard doctor`.
    pub(super) fn count_compressed(&self, provider: &'static str) {
        let named = || host::counter(&[COMPRESSED_COUNTER, ".", provider].concat());
        if let Some(counter) = *self.compressed.borrow_mut().entry(provider).or_insert_with(named) {
            host::count(counter);
        }
    }

    /// Removes a finished request.
    pub(super) fn forget(&self, number: u64) {
        self.calls.borrow_mut().remove(&number);
    }
}
