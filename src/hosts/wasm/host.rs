//! The hostcalls of proxy-wasm, such that none can trap the VM. The SDK's own trait methods unwrap, so a header that is
//! not UTF-8 or a call in the wrong phase would trap; these functions return an error or an empty value.

use core::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hashbrown::HashMap;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, MetricType};

use crate::config::{ATTEMPT_HEADER, CALL_STATE, COMPRESSED_COUNTER};
use crate::exchange::{Head, Headers, Reply};
use crate::filter::{self, Clock, Host};
use crate::limits::{SharedMemory, Version};
use crate::worker::Shared;

/// Envoy's wasm VM.
pub(super) struct Wasm;

/// The tick timer of a root context. It is set also when called from a request's callback.
#[derive(Clone, Default)]
pub(super) struct Ticks(Rc<Cell<u64>>);

impl Clock for Ticks {
    fn period_ms(&self) -> u64 {
        self.0.get()
    }

    fn set_period_ms(&self, period_ms: u64) {
        self.0.set(period_ms);
        let set = hostcalls::set_tick_period(Duration::from_millis(period_ms));
        log_failure("set the period of ticks", set);
    }
}

thread_local! {
    static SHARED: &'static Shared = Box::leak(Box::default());
    /// The queue that wakes the root context.
    static QUEUE: Cell<Option<u32>> = const { Cell::new(None) };
    /// Counters of compressed responses, by provider; `None` if the host has no metrics.
    static COUNTERS: RefCell<HashMap<String, Option<u32>>> = RefCell::default();
}

impl Host for Wasm {
    const HOLDS_STREAMS: bool = true;
    const TELLS_BREAKS: bool = false;
    const ROOT_CALLS: bool = true;

    type Clock = Ticks;

    fn now_ms() -> u64 {
        let now = hostcalls::get_current_time().unwrap_or(SystemTime::UNIX_EPOCH);
        now.duration_since(UNIX_EPOCH).map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
    }

    fn steady_ms() -> u64 {
        coarsetime::Duration::from_ticks(coarsetime::Instant::now().as_ticks()).as_millis()
    }

    fn random_id() -> Option<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        Some(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    fn shared() -> &'static Shared {
        SHARED.with(|shared| *shared)
    }

    fn memory() -> &'static impl SharedMemory {
        &SharedData
    }

    fn request_head() -> Head {
        Head::new(hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default())
    }

    fn response_head() -> Head {
        Head::new(hostcalls::get_map_bytes(MapType::HttpResponseHeaders).unwrap_or_default())
    }

    fn request_header(name: &str) -> Option<String> {
        let value = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, name).ok().flatten()?;
        String::from_utf8(value).ok()
    }

    fn set_request_header(name: &str, value: Option<&str>) {
        let set = hostcalls::set_map_value(MapType::HttpRequestHeaders, name, value);
        log_failure("set a request header", set);
    }

    fn set_response_header(name: &str, value: Option<&str>) {
        let set = hostcalls::set_map_value(MapType::HttpResponseHeaders, name, value);
        log_failure("set a response header", set);
    }

    fn replace_request_headers(headers: &Headers) {
        let pairs = headers.iter().map(|(name, value)| (name, value.as_bytes())).collect();
        log_failure("replace request headers", hostcalls::set_map_bytes(MapType::HttpRequestHeaders, pairs));
    }

    fn replace_response_headers(headers: &Headers) {
        let pairs = headers.iter().map(|(name, value)| (name, value.as_bytes())).collect();
        log_failure(
            "replace response headers",
            hostcalls::set_map_bytes(MapType::HttpResponseHeaders, pairs),
        );
    }

    fn response_status() -> u16 {
        status_in(MapType::HttpResponseHeaders)
    }

    /// Replies of a module have no details.
    fn is_envoys_reply() -> bool {
        let details = property(&["response", "code_details"]).unwrap_or_default();
        !details.is_empty() && details != b"via_upstream"
    }

    fn final_status() -> u16 {
        let code = property(&["response", "code"]).and_then(|bytes| bytes.try_into().ok());
        code.and_then(|bytes| u16::try_from(i64::from_le_bytes(bytes)).ok()).unwrap_or_default()
    }

    fn request_body() -> Vec<u8> {
        buffer(BufferType::HttpRequestBody)
    }

    fn response_body() -> Vec<u8> {
        buffer(BufferType::HttpResponseBody)
    }

    fn replace_request_body(body: &[u8]) {
        let replaced = hostcalls::set_buffer(BufferType::HttpRequestBody, 0, usize::MAX, body);
        log_failure("replace a request body", replaced);
    }

    fn replace_response_body(body: &[u8]) {
        let replaced = hostcalls::set_buffer(BufferType::HttpResponseBody, 0, usize::MAX, body);
        log_failure("replace a response body", replaced);
    }

    /// From the header written by Envoy's `header_mutation` filter, or, if that filter is missing, from the properties
    /// that it reads.
    fn attempt() -> Option<(u64, String)> {
        use crate::config::{METADATA_DEPLOYMENT, METADATA_NAMESPACE};
        if let Some(told) = Self::request_header(ATTEMPT_HEADER) {
            return filter::picked(told);
        }
        let text = |path: &[&str]| property(path).and_then(|value| String::from_utf8(value).ok());
        let number = text(&[CALL_STATE])?.parse().ok()?;
        let path =
            ["xds", "upstream_host_metadata", "filter_metadata", METADATA_NAMESPACE, METADATA_DEPLOYMENT];
        Some((number, text(&path).unwrap_or_default()))
    }

    fn leave_call(number: u64) {
        leave(CALL_STATE, number.to_string().as_bytes());
    }

    fn declare_report(name: &str) {
        // `DeclarePropertyArguments` of Envoy's `declare_property.proto`: `name`, `type` (`Protobuf`), `schema`.
        let mut message = Vec::new();
        for (tag, text) in [(0x0a, name), (0x22, "type.googleapis.com/google.protobuf.Struct")] {
            message.extend([tag, u8::try_from(text.len()).unwrap_or_default()]);
            message.extend(text.as_bytes());
        }
        message.extend([0x18, 0x03]);
        let declared = hostcalls::call_foreign_function("declare_property", Some(&message));
        log_failure("declare a property", declared.map(|_| ()));
    }

    fn leave_report(name: &str, message: &[u8]) {
        leave(name, message);
    }

    fn count_compressed(provider: &str) {
        COUNTERS.with_borrow_mut(|counters| {
            let define = || {
                let name = [COMPRESSED_COUNTER, ".", provider].concat();
                hostcalls::define_metric(MetricType::Counter, &name).ok()
            };
            let counter = counters.entry_ref(provider).or_insert_with(define);
            if let Some(counter) = *counter {
                log_failure("increment a counter", hostcalls::increment_metric(counter, 1));
            }
        });
    }

    fn reply(reply: &Reply) {
        let headers = reply.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let sent = hostcalls::send_http_response(u32::from(reply.status), headers, Some(&reply.body));
        log_failure("send a local response", sent);
    }

    fn resume_request() {
        log_failure("resume a request", hostcalls::resume_http_request());
    }

    fn resume_response() {
        log_failure("resume a response", hostcalls::resume_http_response());
    }

    fn reset_response() {
        log_failure("reset a response", hostcalls::reset_http_response());
    }

    fn write_response(bytes: &[u8]) {
        let written = hostcalls::set_buffer(BufferType::HttpResponseBody, 0, 0, bytes);
        log_failure("write to a response", written);
        Self::resume_response();
    }

    fn call(cluster: &str, headers: &[(&str, &str)], body: &[u8], timeout: Duration) -> Option<u64> {
        let call = hostcalls::dispatch_http_call(cluster, headers.to_vec(), Some(body), vec![], timeout);
        call.ok().map(u64::from)
    }

    fn call_response_status() -> u16 {
        status_in(MapType::HttpCallResponseHeaders)
    }

    fn call_response_head() -> Head {
        Head::new(hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).unwrap_or_default())
    }

    fn call_response_body() -> Vec<u8> {
        buffer(BufferType::HttpCallResponseBody)
    }

    fn act_for(context: u32) -> bool {
        hostcalls::set_effective_context(context).is_ok()
    }

    fn ring() -> bool {
        QUEUE.get().is_some_and(|queue| hostcalls::enqueue_shared_queue(queue, Some(b"")).is_ok())
    }

    /// The root context's ticks are for all streams.
    fn watch() {}

    /// The root context's ticks are for all requests.
    fn hold() {}

    fn wake(root: u32) {
        filter::try_again::<Self>(root);
    }
}

/// Registers the current root context for the queue of this VM. `name` is unique to the VM.
pub(super) fn join_queue(name: &str) {
    QUEUE.set(hostcalls::register_shared_queue(name).ok());
}

/// Removes an item from the queue.
pub(super) fn hush() {
    if let Some(queue) = QUEUE.get() {
        log_failure("empty a queue", hostcalls::dequeue_shared_queue(queue));
    }
}

pub(super) fn plugin_configuration() -> Vec<u8> {
    buffer(BufferType::PluginConfiguration)
}

pub(super) fn root_id() -> Option<String> {
    property(&["plugin_root_id"]).and_then(|id| String::from_utf8(id).ok())
}

/// Envoy's shared data, which all VMs with the same `vm_id` in this process share.
struct SharedData;

impl SharedMemory for SharedData {
    fn read(&self, name: &str) -> (Vec<u8>, Version) {
        let (record, version) = hostcalls::get_shared_data(name).unwrap_or_default();
        (record.unwrap_or_default(), version)
    }

    fn write(&self, name: &str, record: &[u8], version: Version) -> bool {
        // The host interprets a missing version as "overwrite". A wrong version fails if there is a record
        // and succeeds if there is none. Versions count up from 1, so the maximum is never in use.
        let version = Some(version.unwrap_or(u32::MAX));
        hostcalls::set_shared_data(name, Some(record), version).is_ok()
    }
}

fn status_in(map: MapType) -> u16 {
    let status = hostcalls::get_map_value_bytes(map, ":status").ok().flatten();
    status.and_then(|status| core::str::from_utf8(&status).ok()?.parse().ok()).unwrap_or_default()
}

fn leave(name: &str, value: &[u8]) {
    log_failure("set the filter state", hostcalls::set_property(vec![name], Some(value)));
}

fn buffer(kind: BufferType) -> Vec<u8> {
    hostcalls::get_buffer(kind, 0, usize::MAX).ok().flatten().unwrap_or_default()
}

fn property(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}

fn log_failure<T, E: core::fmt::Debug>(what: &str, result: Result<T, E>) {
    if let Err(error) = result {
        log::error!("the host refused to {what}: {error:?}");
    }
}
