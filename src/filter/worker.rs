//! What the requests of one worker share: its thread's state.

use core::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use hashbrown::HashMap;

use crate::config::ONWARD_PREFIX;
use crate::exchange::{BodyBudget, Call};
use crate::table::{Endpoint, Table};

use super::Host;
use super::held::Passage;
use super::parts;
use super::streams::Streams;

/// The state of a worker. In wasm it is the state of a VM: if a VM traps, Envoy replaces it with an empty one, its
/// requests and the usage of its last sync period are lost, and every key is verified again.
pub(super) struct Worker {
    tables: RefCell<Tables>,
    /// Request bodies that are held.
    pub(super) bodies: Rc<BodyBudget>,
    /// Requests that wait for capacity.
    pub(super) held: RefCell<Vec<Rc<Passage>>>,
    /// Split requests whose parts are not sent yet.
    pub(super) split: RefCell<Vec<Rc<Passage>>>,
    pub(super) parts: parts::UnderWay,
    pub(super) streams: Streams,
    calls: RefCell<HashMap<u64, Rc<Call>>>,
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
    static WORKER: Worker = Worker {
        tables: RefCell::default(),
        bodies: Rc::default(),
        held: RefCell::default(),
        split: RefCell::default(),
        parts: parts::UnderWay::default(),
        streams: Streams::default(),
        calls: RefCell::default(),
        departed: RefCell::default(),
        secret: OnceCell::new(),
        next_call: Cell::new(1),
        generation: Cell::new(0),
    };
}

/// Runs with this worker's state.
pub(super) fn with<T>(run: impl FnOnce(&Worker) -> T) -> T {
    WORKER.with(run)
}

/// Installs a new table on this worker, if its root has another thread.
pub fn install(table: Rc<Table>) {
    with(|worker| worker.install(table));
}

impl Worker {
    /// The table for new requests.
    pub(super) fn table(&self) -> Option<Rc<Table>> {
        self.tables.borrow().current.clone()
    }

    /// Installs a new table. Returns its generation: only the newest root runs the timer.
    pub(super) fn install(&self, table: Rc<Table>) -> u64 {
        let mut tables = self.tables.borrow_mut();
        tables.previous = tables.current.replace(table);
        self.generation.set(self.generation.get() + 1);
        self.generation.get()
    }

    /// Whether a root is the newest.
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
    pub(super) fn keep<H: Host>(&self, call: Rc<Call>) -> u64 {
        H::shared().serve();
        let number = self.next_call.get();
        self.next_call.set(number + 1);
        self.calls.borrow_mut().insert(number, call);
        number
    }

    /// An admitted request.
    pub(super) fn call(&self, number: u64) -> Option<Rc<Call>> {
        self.calls.borrow().get(&number).cloned()
    }

    /// The path to which a request is redirected.
    pub(super) fn onward<H: Host>(&self, number: u64) -> String {
        format!("http://switchboard{ONWARD_PREFIX}{}/{number}", self.secret::<H>())
    }

    /// A value that is unique to this worker and that no client can guess.
    fn secret<H: Host>(&self) -> &str {
        self.secret.get_or_init(|| H::random_id().unwrap_or_default())
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

    /// Removes a finished request.
    pub(super) fn forget<H: Host>(&self, number: u64) {
        self.calls.borrow_mut().remove(&number);
        self.streams.end::<H>(number);
    }
}
