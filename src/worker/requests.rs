//! What the requests of one worker share.

use core::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use hashbrown::HashMap;

use crate::config::ONWARD_PREFIX;
use crate::exchange::{BodyBudget, Call, Silence};
use crate::table::{Endpoint, Table};

use super::parts::PartCalls;
use super::passage::Passage;
use super::shared::Shared;
use super::streams::{Streamed, Streams};

/// The state of a worker. In wasm it is the state of a VM: if a VM traps, Envoy replaces it with an empty one, its
/// requests and the usage of its last sync period are lost, and every key is verified again.
#[derive(Debug, Default)]
pub struct Worker {
    tables: RefCell<Tables>,
    /// Request bodies that are held.
    pub bodies: Rc<BodyBudget>,
    /// Requests that wait for capacity.
    held: RefCell<Vec<Rc<Passage>>>,
    /// Split requests whose parts are not sent yet.
    split: RefCell<Vec<Rc<Passage>>>,
    /// Calls for parts.
    pub parts: PartCalls,
    /// Streams that may become idle.
    pub streams: Streams,
    forwarded: RefCell<HashMap<u64, Forwarded>>,
    /// Requests that are being redirected to another group.
    departed: RefCell<HashMap<u64, Rc<Passage>>>,
    /// A value that no client can guess.
    secret: OnceCell<String>,
    /// The number of the last request that was forwarded.
    last: Cell<u64>,
    generation: Cell<u64>,
}

#[derive(Debug, Default)]
struct Tables {
    current: Option<Rc<Table>>,
    /// While Envoy replaces clusters, an endpoint may still belong to the previous table.
    previous: Option<Rc<Table>>,
}

/// A request that its attempts find by its number.
#[derive(Debug)]
struct Forwarded {
    call: Rc<Call>,
    /// Its response, while it is being streamed, if the host reports streams that break.
    stream: Option<Rc<Streamed>>,
}

impl Worker {
    /// The table for new requests.
    pub fn table(&self) -> Option<Rc<Table>> {
        self.tables.borrow().current.clone()
    }

    /// Installs a new table. Returns its generation: only the newest root calls the key service.
    pub fn install(&self, table: Rc<Table>) -> u64 {
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
    pub fn endpoint(&self, call: &Call, id: &str) -> Option<Rc<Endpoint>> {
        let tables = self.tables.borrow();
        let others = tables.current.iter().chain(&tables.previous);
        core::iter::once(&call.table).chain(others).find_map(|table| table.endpoint(id).cloned())
    }

    /// Stores an admitted request for its attempts. Returns the number by which they find it.
    pub(super) fn keep(&self, shared: &Shared, call: Rc<Call>) -> u64 {
        shared.serve();
        let number = self.last.get() + 1;
        self.last.set(number);
        self.forwarded.borrow_mut().insert(number, Forwarded { call, stream: None });
        number
    }

    /// A request that was forwarded.
    pub fn call(&self, number: u64) -> Option<Rc<Call>> {
        Some(Rc::clone(&self.forwarded.borrow().get(&number)?.call))
    }

    /// Removes a finished request.
    pub(super) fn forget(&self, number: u64) {
        self.forwarded.borrow_mut().remove(&number);
    }

    /// Starts watching the response of a request; the other arguments are those of [`Streams::begin`]. If `tells` says
    /// that the host reports streams that break, the response is found by the request's number.
    pub fn begin_stream(
        &self,
        (context, number): (u32, u64),
        silence: Silence,
        held: Option<usize>,
        tells: bool,
        wake_root: impl FnOnce() -> bool,
    ) -> Option<Rc<Streamed>> {
        let stream = self.streams.begin(context, silence, held, wake_root)?;
        if tells && let Some(forwarded) = self.forwarded.borrow_mut().get_mut(&number) {
            forwarded.stream = Some(Rc::clone(&stream));
        }
        Some(stream)
    }

    /// The response of a request, while it is being streamed, if the host reports streams that break.
    pub(super) fn stream(&self, number: u64) -> Option<Rc<Streamed>> {
        self.forwarded.borrow().get(&number)?.stream.clone()
    }

    /// The response of a request is complete, or will be reset. Returns it if it was not complete.
    pub fn end_stream(&self, number: u64) -> Option<Rc<Streamed>> {
        self.forwarded.borrow_mut().get_mut(&number)?.stream.take()
    }

    /// A request waits for capacity.
    pub fn hold(&self, passage: Rc<Passage>) {
        self.held.borrow_mut().push(passage);
    }

    /// The requests that wait for capacity; whoever takes them has them try again.
    pub fn take_held(&self) -> Vec<Rc<Passage>> {
        self.held.take()
    }

    /// Whether one request waits for capacity. If so, the caller has it try again.
    pub fn take_one(&self, passage: &Rc<Passage>) -> bool {
        let mut held = self.held.borrow_mut();
        let at = held.iter().position(|other| Rc::ptr_eq(other, passage));
        at.map(|at| held.swap_remove(at)).is_some()
    }

    /// A split request waits for the root, which sends its parts.
    pub fn split(&self, passage: Rc<Passage>) {
        self.split.borrow_mut().push(passage);
    }

    /// The split requests whose parts are to be sent.
    pub fn take_split(&self) -> Vec<Rc<Passage>> {
        self.split.take()
    }

    /// The path to which a request is redirected. `fresh` gives a value that no client can guess.
    pub fn onward(&self, number: u64, fresh: impl FnOnce() -> Option<String>) -> String {
        let secret = self.secret.get_or_init(|| fresh().unwrap_or_default());
        format!("http://switchboard{ONWARD_PREFIX}{secret}/{number}")
    }

    /// Stores a request until its redirect arrives.
    pub(super) fn depart(&self, number: u64, passage: Rc<Passage>) {
        self.departed.borrow_mut().insert(number, passage);
    }

    /// The request that was redirected to that path. Clients cannot guess the path.
    pub fn arrived(&self, path: &[u8]) -> Option<Rc<Passage>> {
        let path = core::str::from_utf8(path.strip_prefix(ONWARD_PREFIX.as_bytes())?).ok()?;
        let (secret, number) = path.split_once('/')?;
        let is_ours = self.secret.get().is_some_and(|own| !own.is_empty() && own == secret);
        let number: u64 = number.parse().ok().filter(|_| is_ours)?;
        self.departed.borrow_mut().remove(&number)
    }
}
