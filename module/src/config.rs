//! A filter's configuration in Envoy, and the root that belongs to it.

use core::sync::atomic::{AtomicU64, Ordering};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hashbrown::HashMap;
use switchboard::config::{DOWNSTREAM_ROOT, UPSTREAM_ROOT};
use switchboard::filter::{self, Root};
use switchboard::table::{ConfigError, Table};

use crate::abi::{self, CallResponse, EnvoyConfig};
use crate::current::{self, Current};
use crate::host::Native;
use crate::metrics::Metrics;
use crate::ticker::{self, RING, START, TICK, Ticks};

/// One use of the filter in Envoy's configuration.
pub(crate) struct Config {
    id: u64,
    pub(crate) role: Role,
    pub(crate) metrics: Metrics,
}

/// The role of the filter.
pub(crate) enum Role {
    /// Of the listener.
    Downstream(Arc<Document>),
    /// Of the clusters.
    Upstream,
}

/// A document of the launcher. Every worker makes its own table of it.
pub(crate) struct Document {
    text: Vec<u8>,
    /// Later documents have larger numbers.
    number: u64,
}

static NEXT: AtomicU64 = AtomicU64::new(1);
/// The documents in use.
static DOCUMENTS: Mutex<Vec<Weak<Document>>> = Mutex::new(Vec::new());
/// Configurations that have ended, perhaps on the thread of a worker.
static ENDED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

type SharedRoot = Rc<RefCell<Root<Native>>>;

thread_local! {
    /// The roots, on the main thread, by the number of their configurations.
    static ROOTS: RefCell<HashMap<u64, SharedRoot>> = RefCell::default();
    /// Responses that came while their root was busy.
    static LATE: RefCell<VecDeque<(u64, CallResponse)>> = RefCell::default();
    /// The number of the document of this worker's table.
    static INSTALLED: Cell<u64> = const { Cell::new(0) };
}

/// The module was loaded.
pub(crate) fn begin() {
    struct Logger;

    impl log::Log for Logger {
        fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
            abi::logs(metadata.level())
        }

        fn log(&self, record: &log::Record<'_>) {
            if self.enabled(record.metadata()) {
                abi::log(record.level(), &record.args().to_string());
            }
        }

        fn flush(&self) {}
    }

    // It fails if Envoy loads the module again, and then there is a logger.
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

impl Document {
    /// The document with that text, which may be in use already.
    fn new(text: &[u8]) -> Result<Arc<Self>, ConfigError> {
        parse(text)?;
        let mut documents = DOCUMENTS.lock().unwrap_or_else(PoisonError::into_inner);
        documents.retain(|document| document.strong_count() > 0);
        let known = documents.iter().filter_map(Weak::upgrade).find(|document| document.text == text);
        Ok(known.unwrap_or_else(|| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let document = Arc::new(Self { text: text.to_vec(), number });
            documents.push(Arc::downgrade(&document));
            document
        }))
    }

    /// Its table for this thread.
    fn table(&self) -> Option<Rc<Table>> {
        let table = parse(&self.text).inspect_err(|error| log::error!("{error}")).ok()?;
        Some(Rc::new(table))
    }

    /// Installs it on this worker, if it is newer than what the worker has.
    pub(crate) fn install(&self) {
        if INSTALLED.get() < self.number {
            INSTALLED.set(self.number);
            if let Some(table) = self.table() {
                filter::install(table);
            }
        }
    }
}

fn parse(text: &[u8]) -> Result<Table, ConfigError> {
    filter::table::<Native>(text, |name| std::env::var(name).ok())
}

impl Config {
    /// The configuration of that role; `None` if it is not valid.
    pub(crate) fn new(envoy: EnvoyConfig, name: &[u8], text: &[u8]) -> Option<Arc<Self>> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (role, metrics) = match core::str::from_utf8(name) {
            Ok(DOWNSTREAM_ROOT) => {
                let document = Document::new(text).inspect_err(|error| log::error!("{error}")).ok()?;
                // The root makes calls, for which Envoy is not ready yet.
                let scheduler = envoy.scheduler()?;
                scheduler.commit(START);
                ticker::add_root(id, scheduler);
                (Role::Downstream(document), Metrics::of_requests(envoy))
            }
            Ok(UPSTREAM_ROOT) => (Role::Upstream, Metrics::of_attempts(envoy)),
            other => {
                log::error!("filter_name must be '{DOWNSTREAM_ROOT}' or '{UPSTREAM_ROOT}', but is {other:?}");
                return None;
            }
        };
        Some(Arc::new(Self { id, role, metrics }))
    }

    /// Envoy has destroyed its configuration, on any thread.
    pub(crate) fn end(&self) {
        ticker::remove_root(self.id);
        ENDED.lock().unwrap_or_else(PoisonError::into_inner).push(self.id);
    }

    /// The main thread has time for an event.
    pub(crate) fn on_event(&self, envoy: EnvoyConfig, event: u64) {
        for ended in ENDED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            ROOTS.with_borrow_mut(|roots| roots.remove(&ended));
        }
        match event {
            START => self.start(envoy),
            TICK => self.run(envoy, Root::on_tick),
            RING => self.run(envoy, Root::rung),
            _ => {}
        }
    }

    /// There is a response to a call.
    pub(crate) fn on_call_response(&self, envoy: EnvoyConfig, call: u64, response: CallResponse) {
        LATE.with_borrow_mut(|late| late.push_back((call, response)));
        self.hear(envoy);
    }

    fn start(&self, envoy: EnvoyConfig) {
        let Role::Downstream(document) = &self.role else { return };
        let Some(table) = document.table() else { return };
        let (root, _) = current::enter(Current::Root(envoy), || Root::new(0, Ticks, table));
        ROOTS.with_borrow_mut(|roots| roots.insert(self.id, Rc::new(RefCell::new(root))));
        self.hear(envoy);
    }

    fn run(&self, envoy: EnvoyConfig, hook: impl FnOnce(&mut Root<Native>)) {
        let Some(root) = ROOTS.with_borrow(|roots| roots.get(&self.id).cloned()) else { return };
        if let Ok(mut root) = root.try_borrow_mut() {
            current::enter(Current::Root(envoy), || hook(&mut root));
        }
        self.hear(envoy);
    }

    /// Handles responses, unless the root is busy, so that someone will do it after.
    fn hear(&self, envoy: EnvoyConfig) {
        let Some(root) = ROOTS.with_borrow(|roots| roots.get(&self.id).cloned()) else { return };
        let Ok(mut root) = root.try_borrow_mut() else { return };
        while let Some((call, response)) = LATE.with_borrow_mut(VecDeque::pop_front) {
            current::set_response(response);
            current::enter(Current::Root(envoy), || root.on_call_response(call));
        }
    }
}
