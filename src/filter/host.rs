//! What a host gives to the filter. There is no dynamic dispatch: a build has one host.
//!
//! As in proxy-wasm, most functions act on the *current* stream: the one whose callback is running, or the one that
//! [`Host::act_for`] has selected. None of them panics: in the wrong phase they return an empty value or do nothing.

use core::time::Duration;

use crate::exchange::{Head, Headers, Reply};
use crate::key::UsageEntry;
use crate::limits::SharedMemory;
use crate::worker::Shared;

/// What to do with a stream after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Pass on the headers, or everything that is held.
    Continue,
    /// Hold it.
    Pause,
}

/// The tick timer of a root, which its requests can speed up.
pub trait Clock: Clone + Default + 'static {
    /// The period, milliseconds; 0 before it was set.
    fn period_ms(&self) -> u64;

    /// Sets the period, milliseconds.
    fn set_period_ms(&self, period_ms: u64);

    /// Ticks as soon as possible.
    fn hurry(&self) {
        self.set(1);
    }

    /// Sets the period, if it is another one.
    fn set(&self, period_ms: u64) {
        if self.period_ms() != period_ms {
            self.set_period_ms(period_ms);
        }
    }
}

/// A host.
pub trait Host: Sized + 'static {
    /// A stream can be written to only while its data is held, so every chunk of a stream is held and released.
    const HOLDS_STREAMS: bool;

    /// Tells of streams whose provider has reset the connection ([`Downstream::on_break`](super::Downstream::on_break)).
    const TELLS_BREAKS: bool;
    /// Calls for the parts of a request are made by the root, so that they outlive the request.
    const ROOT_CALLS: bool;

    /// The tick timer of a root.
    type Clock: Clock;

    /// Unix milliseconds.
    fn now_ms() -> u64;
    /// Milliseconds on a monotonic clock that all workers of this process share.
    fn steady_ms() -> u64;
    /// 32 hexadecimal digits from a random source; `None` if there is none.
    fn random_id() -> Option<String>;

    /// What the threads share that share a root.
    fn shared() -> &'static Shared;
    /// The memory that all workers of this process share.
    fn memory() -> &'static impl SharedMemory;

    /// All request headers.
    fn request_head() -> Head;
    /// All response headers.
    fn response_head() -> Head;
    /// A request header, if it is UTF-8.
    fn request_header(name: &str) -> Option<String>;
    /// Sets a request header, or removes it.
    fn set_request_header(name: &str, value: Option<&str>);
    /// Sets a response header, or removes it.
    fn set_response_header(name: &str, value: Option<&str>);
    /// Replaces all request headers.
    fn replace_request_headers(headers: &Headers);
    /// Replaces all response headers.
    fn replace_response_headers(headers: &Headers);
    /// Status of the current response; 0 if there is none.
    fn response_status() -> u16;
    /// Whether the current response is Envoy's own, and not one of a provider or of [`Host::reply`].
    fn is_envoys_reply() -> bool;
    /// Status that the client received; 0 if there is none.
    fn final_status() -> u16;

    /// The request body that is held, including what has just arrived.
    fn request_body() -> Vec<u8>;
    /// The response body that is held, including what has just arrived.
    fn response_body() -> Vec<u8>;
    /// Replaces all that [`Host::request_body`] returns.
    fn replace_request_body(body: &[u8]);
    /// Replaces all that [`Host::response_body`] returns.
    fn replace_response_body(body: &[u8]);

    /// The number of this attempt's request, and the deployment that Envoy selected.
    fn attempt() -> Option<(u64, String)>;
    /// Stores the request's number where its attempts find it. It is never sent, and clients cannot set it.
    fn leave_call(number: u64);
    /// Declares that the filter state of that name is a `google.protobuf.Struct`. Every root declares it.
    fn declare_report(name: &str);
    /// Stores such a message in the request's filter state.
    fn leave_report(name: &str, message: &[u8]);
    /// Counts a response that a provider has compressed, in Envoy's statistics.
    fn count_compressed(provider: &str);
    /// Counts a request that the gateway has refused with that type of error, in the host's statistics, if it has labels.
    fn count_refused(_status: u16, _error: &str) {}
    /// Measures a request that has ended, in the host's statistics, if it has histograms with labels.
    fn measure(_entry: &UsageEntry<'_>) {}

    /// Sends a local response.
    fn reply(reply: &Reply);
    /// Resumes a request.
    fn resume_request();
    /// Resumes a response. Called in a callback of the response, it takes effect when the callback ends.
    fn resume_response();
    /// Resets the stream.
    fn reset_response();
    /// Writes to a response that is being streamed, and idle.
    fn write_response(bytes: &[u8]);

    /// Sends a request to a cluster. Returns the number of the call, for the callback with its response.
    fn call(cluster: &str, headers: &[(&str, &str)], body: &[u8], timeout: Duration) -> Option<u64>;
    /// Status of the response to a call; 0 if there was none.
    fn call_response_status() -> u16;
    /// Headers of the response to a call.
    fn call_response_head() -> Head;
    /// Body of the response to a call.
    fn call_response_body() -> Vec<u8>;

    /// Makes another stream or root of this thread current until the callback ends. Returns whether it exists.
    fn act_for(context: u32) -> bool;
    /// Has [`Root::rung`](super::Root::rung) called as soon as the current event has been processed. Returns whether
    /// it will be.
    fn ring() -> bool;
    /// The current request needs ticks, because its response may be idle for long.
    fn watch();
    /// The current request waits for capacity.
    fn hold();
    /// Has all waiting requests try again. `root` is the context to return to.
    fn wake(root: u32);
}

/// The attempt that Envoy's `header_mutation` filter describes in a header: the request's number and the deployment.
pub fn picked(mut told: String) -> Option<(u64, String)> {
    let (number, deployment) = told.split_once(' ')?;
    let (number, begins) = (number.parse().ok()?, told.len() - deployment.len());
    told.drain(..begins);
    Some((number, told))
}

/// Posts JSON to the key service. Returns the number of the call.
pub(super) fn post<H: Host>(
    cluster: &str,
    path: &str,
    token: &str,
    body: &[u8],
    timeout: Duration,
) -> Option<u64> {
    send::<H>(cluster, path, token, ("content-type", "application/json"), body, timeout)
}

/// Posts any body; `about` is the header that describes it.
pub(super) fn send<H: Host>(
    cluster: &str,
    path: &str,
    token: &str,
    about: (&str, &str),
    body: &[u8],
    timeout: Duration,
) -> Option<u64> {
    let authorization = ["Bearer ", token].concat();
    let headers = [
        (":method", "POST"),
        (":path", path),
        (":authority", cluster),
        ("authorization", &*authorization),
        about,
    ];
    H::call(cluster, &headers, body, timeout)
}

/// Sends an embedding request to the gateway itself. Returns the number of the call.
pub(super) fn ask_ourselves<H: Host>(
    cluster: &str,
    more: &[(&'static str, String)],
    body: &[u8],
    timeout: Duration,
) -> Option<u64> {
    let mut headers = vec![
        (":method", "POST"),
        (":path", "/v1/embeddings"),
        (":authority", cluster),
        ("content-type", "application/json"),
    ];
    headers.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
    H::call(cluster, &headers, body, timeout)
}
