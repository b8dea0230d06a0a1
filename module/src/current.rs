//! What the host's functions act on: the stream or the root whose hook is running. And what they put off until the
//! hook's own code has ended, because Envoy may call other hooks of the same filter meanwhile.

use std::cell::{Cell, RefCell};

use switchboard::exchange::Reply;

use crate::abi::{CallResponse, EnvoyConfig, EnvoyFilter, Way};
use crate::metrics::Metrics;

/// Whose hook is running.
#[derive(Clone, Copy)]
pub(crate) enum Current {
    /// A filter's.
    Stream {
        /// Envoy's filter.
        filter: EnvoyFilter,
        /// The number of the stream.
        id: u32,
        /// Its configuration's metrics.
        metrics: Metrics,
        /// The body of which a part arrives with this hook.
        arrives: Option<Way>,
    },
    /// A root's, on the main thread.
    Root(EnvoyConfig),
}

/// What is done after a hook.
#[derive(Default)]
pub(crate) struct Deferred {
    /// Send this response.
    pub(crate) reply: Option<LocalReply>,
    /// Pick the route again, because request headers have changed.
    pub(crate) route: bool,
    /// Resume the request.
    pub(crate) request: bool,
    /// Resume the response.
    pub(crate) response: bool,
    /// Write to the response.
    pub(crate) write: Option<Vec<u8>>,
    /// Reset the stream.
    pub(crate) reset: bool,
    /// The stream is known to the ticker.
    pub(crate) known: bool,
}

/// A local response.
pub(crate) struct LocalReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl LocalReply {
    /// The same, owned.
    pub(crate) fn new(reply: &Reply) -> Self {
        let owned = reply.headers.iter().map(|(name, value)| ((**name).to_owned(), (**value).to_owned()));
        Self { status: reply.status, headers: owned.collect(), body: reply.body.clone() }
    }

    /// Sends it.
    pub(crate) fn send(&self, filter: EnvoyFilter) {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        filter.send_response(self.status, &headers, &self.body);
    }
}

thread_local! {
    static CURRENT: Cell<Option<Current>> = const { Cell::new(None) };
    static DEFERRED: RefCell<Deferred> = RefCell::default();
    static RESPONSE: RefCell<CallResponse> = RefCell::default();
}

/// Runs a hook for a stream or a root. Returns what it has put off.
pub(crate) fn enter<T>(current: Current, run: impl FnOnce() -> T) -> (T, Deferred) {
    /// Hooks nest; what was current before is current again, after a panic too.
    struct Outer(Option<Current>, Deferred);

    impl Drop for Outer {
        fn drop(&mut self) {
            CURRENT.set(self.0);
            DEFERRED.set(core::mem::take(&mut self.1));
        }
    }

    let outer = Outer(CURRENT.replace(Some(current)), DEFERRED.take());
    let result = run();
    let deferred = DEFERRED.take();
    drop(outer);
    (result, deferred)
}

/// Whose hook is running; `None` outside hooks.
pub(crate) fn current() -> Option<Current> {
    CURRENT.get()
}

/// The filter and the number of the stream whose hook is running.
pub(crate) fn stream() -> Option<(EnvoyFilter, u32)> {
    match CURRENT.get()? {
        Current::Stream { filter, id, .. } => Some((filter, id)),
        Current::Root(_) => None,
    }
}

/// Puts something off until the hook has ended.
pub(crate) fn defer(what: impl FnOnce(&mut Deferred)) {
    DEFERRED.with_borrow_mut(what);
}

/// Sets the response to the call that the next hook is about.
pub(crate) fn set_response(response: CallResponse) {
    RESPONSE.set(response);
}

/// Reads the response to the call that the hook is about.
pub(crate) fn response<T>(read: impl FnOnce(&mut CallResponse) -> T) -> T {
    RESPONSE.with_borrow_mut(read)
}

/// The number of a call that is unique in this process.
pub(crate) fn call_number(stream: u32, call: u64) -> u64 {
    (u64::from(stream) << 32) | (call & 0xffff_ffff)
}
