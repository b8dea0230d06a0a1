//! Hostcalls, byte-safe: a client's header that is no UTF-8, or a call out of phase, must not trap the VM. The
//! SDK's own trait methods unwrap; these return what there is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use crate::config::{ATTEMPT_HEADER, CALL_STATE};
use crate::exchange::{Call, Head, Headers, Reply};
use crate::limits::{SharedMemory, Version};

/// Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    let now = hostcalls::get_current_time().unwrap_or(SystemTime::UNIX_EPOCH);
    now.duration_since(UNIX_EPOCH).map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds on a clock that never jumps, the same for all workers of this process.
pub(super) fn steady_ms() -> u64 {
    coarsetime::Duration::from_ticks(coarsetime::Instant::now().as_ticks()).as_millis()
}

/// 32 hexadecimal digits from the host's random source; nothing when it has none.
pub(super) fn random_id() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

pub(super) fn request_head() -> Head {
    Head::new(hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default())
}

pub(super) fn response_head() -> Head {
    Head::new(hostcalls::get_map_bytes(MapType::HttpResponseHeaders).unwrap_or_default())
}

pub(super) fn request_header(name: &str) -> Option<String> {
    let value = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, name).ok().flatten()?;
    String::from_utf8(value).ok()
}

pub(super) fn set_request_header(name: &str, value: Option<&str>) {
    log_failure("set a request header", hostcalls::set_map_value(MapType::HttpRequestHeaders, name, value));
}

/// Tells Envoy again which page asks: its filters and replies name it, and the attempts have taken it away.
pub(super) fn restore_origin(call: &Call) {
    if let Some(origin) = &call.page {
        set_request_header("origin", Some(origin));
    }
}

pub(super) fn set_response_header(name: &str, value: Option<&str>) {
    log_failure("set a response header", hostcalls::set_map_value(MapType::HttpResponseHeaders, name, value));
}

pub(super) fn replace_request_headers(headers: &Headers) {
    let pairs = headers.iter().map(|(name, value)| (name, value.as_bytes())).collect();
    log_failure("replace request headers", hostcalls::set_map_bytes(MapType::HttpRequestHeaders, pairs));
}

pub(super) fn replace_response_headers(headers: &Headers) {
    let pairs = headers.iter().map(|(name, value)| (name, value.as_bytes())).collect();
    log_failure("replace response headers", hostcalls::set_map_bytes(MapType::HttpResponseHeaders, pairs));
}

pub(super) fn request_body() -> Vec<u8> {
    buffer(BufferType::HttpRequestBody, usize::MAX)
}

pub(super) fn response_body(size: usize) -> Vec<u8> {
    buffer(BufferType::HttpResponseBody, size)
}

pub(super) fn call_response_body(size: usize) -> Vec<u8> {
    buffer(BufferType::HttpCallResponseBody, size)
}

pub(super) fn plugin_configuration() -> Vec<u8> {
    buffer(BufferType::PluginConfiguration, usize::MAX)
}

pub(super) fn replace_request_body(body: &[u8]) {
    let replaced = hostcalls::set_buffer(BufferType::HttpRequestBody, 0, usize::MAX, body);
    log_failure("replace a request body", replaced);
}

pub(super) fn replace_response_body(size: usize, body: &[u8]) {
    let replaced = hostcalls::set_buffer(BufferType::HttpResponseBody, 0, size, body);
    log_failure("replace a response body", replaced);
}

/// Status of the answer to a call of ours; 0 when there was none.
pub(super) fn call_response_status() -> u16 {
    status_in(MapType::HttpCallResponseHeaders)
}

/// Status of the answer that is on its way.
pub(super) fn response_status() -> u16 {
    status_in(MapType::HttpResponseHeaders)
}

fn status_in(map: MapType) -> u16 {
    let status = hostcalls::get_map_value_bytes(map, ":status").ok().flatten();
    status.and_then(|status| core::str::from_utf8(&status).ok()?.parse().ok()).unwrap_or_default()
}

/// Headers of the answer to a call of ours.
pub(super) fn call_response_head() -> Head {
    Head::new(hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).unwrap_or_default())
}

/// Status that the client received.
pub(super) fn final_status() -> u16 {
    let code = property(&["response", "code"]).and_then(|bytes| bytes.try_into().ok());
    code.and_then(|bytes| u16::try_from(i64::from_le_bytes(bytes)).ok()).unwrap_or_default()
}

pub(super) fn root_id() -> Option<String> {
    property(&["plugin_root_id"]).and_then(|id| String::from_utf8(id).ok())
}

/// The number of this attempt's request, and the deployment that Envoy has picked for it: from the header that Envoy's own
/// filter has written, or, in an Envoy without that filter, from where it would have them.
pub(super) fn attempt() -> Option<(u64, String)> {
    use crate::config::{METADATA_DEPLOYMENT, METADATA_NAMESPACE};
    if let Some(mut told) = request_header(ATTEMPT_HEADER) {
        let (number, deployment) = told.split_once(' ')?;
        let (number, begins) = (number.parse().ok()?, told.len() - deployment.len());
        told.drain(..begins);
        return Some((number, told));
    }
    let text = |path: &[&str]| property(path).and_then(|value| String::from_utf8(value).ok());
    let number = text(&[CALL_STATE])?.parse().ok()?;
    let path = ["xds", "upstream_host_metadata", "filter_metadata", METADATA_NAMESPACE, METADATA_DEPLOYMENT];
    Some((number, text(&path).unwrap_or_default()))
}

/// Leaves the request's number where its attempts, which see the same stream info, find it. It never touches the
/// wire, and no client can set it.
pub(super) fn leave_call(number: u64) {
    leave(CALL_STATE, number.to_string().as_bytes());
}

/// Tells Envoy that a property holds a Protobuf message of that type, whose fields it can then read. Each root context
/// says it for the requests that it serves.
pub(super) fn declare_message(name: &str, schema: &str) {
    // `DeclarePropertyArguments` of Envoy's `declare_property.proto`: `name`, `type` (`Protobuf`), `schema`.
    let mut message = Vec::new();
    for (tag, text) in [(0x0a, name), (0x22, schema)] {
        message.extend([tag, u8::try_from(text.len()).unwrap_or_default()]);
        message.extend(text.as_bytes());
    }
    message.extend([0x18, 0x03]);
    let declared = hostcalls::call_foreign_function("declare_property", Some(&message));
    log_failure("declare a property", declared.map(|_| ()));
}

/// Leaves a value in the request's filter state.
pub(super) fn leave(name: &str, value: &[u8]) {
    log_failure("set the filter state", hostcalls::set_property(vec![name], Some(value)));
}

/// Answers by ourselves.
pub(super) fn reply(reply: &Reply) {
    let headers = reply.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let sent = hostcalls::send_http_response(u32::from(reply.status), headers, Some(&reply.body));
    log_failure("send a local response", sent);
}

/// Posts JSON to the key service; returns what its answer will be known by.
pub(super) fn post(cluster: &str, path: &str, token: &str, body: &[u8], timeout: Duration) -> Option<u32> {
    send(cluster, path, token, ("content-type", "application/json"), body, timeout)
}

/// The same with any body; `about` is the header that says what it is.
pub(super) fn send(
    cluster: &str,
    path: &str,
    token: &str,
    about: (&str, &str),
    body: &[u8],
    timeout: Duration,
) -> Option<u32> {
    let authorization = format!("Bearer {token}");
    let headers = vec![
        (":method", "POST"),
        (":path", path),
        (":authority", cluster),
        ("authorization", &authorization),
        about,
    ];
    hostcalls::dispatch_http_call(cluster, headers, Some(body), vec![], timeout).ok()
}

/// Asks the gateway itself for embeddings; returns what the answer will be known by.
pub(super) fn ask_ourselves(
    cluster: &str,
    more: &[(&'static str, String)],
    body: &[u8],
    timeout: Duration,
) -> Option<u32> {
    let mut headers = vec![
        (":method", "POST"),
        (":path", "/v1/embeddings"),
        (":authority", cluster),
        ("content-type", "application/json"),
    ];
    headers.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
    hostcalls::dispatch_http_call(cluster, headers, Some(body), vec![], timeout).ok()
}

/// Envoy's shared data: one for all VMs of that `vm_id` in this process.
pub(super) struct SharedData;

impl SharedMemory for SharedData {
    fn read(&self, name: &str) -> (Vec<u8>, Version) {
        let (record, version) = hostcalls::get_shared_data(name).unwrap_or_default();
        (record.unwrap_or_default(), version)
    }

    fn write(&self, name: &str, record: &[u8], version: Version) -> bool {
        // For the host, no version means "in any case". A version that is not the record's fails where there is a
        // record, and succeeds where there is none. Versions count up from 1: the last one of all is not in use.
        let version = Some(version.unwrap_or(u32::MAX));
        hostcalls::set_shared_data(name, Some(record), version).is_ok()
    }
}

/// Calls the root context of this filter so often. In a request's callback too it is the root's period that changes.
pub(super) fn set_tick_period(period: Duration) {
    log_failure("set the period of ticks", hostcalls::set_tick_period(period));
}

/// Makes the hostcalls that follow act on another context of this VM, until the callback ends. Returns whether there
/// is that context.
pub(super) fn act_for(context: u32) -> bool {
    hostcalls::set_effective_context(context).is_ok()
}

pub(super) fn resume_request() {
    log_failure("resume a request", hostcalls::resume_http_request());
}

/// In a callback of the answer, what it holds goes out when the callback ends.
pub(super) fn resume_response() {
    log_failure("resume a response", hostcalls::resume_http_response());
}

/// The queue of that name, of which the root context whose callback this is hears.
pub(super) fn join_queue(name: &str) -> Option<u32> {
    hostcalls::register_shared_queue(name).ok()
}

/// Puts something into a queue: its root context is called as soon as this callback and what led to it are over.
pub(super) fn ring(queue: u32) -> bool {
    hostcalls::enqueue_shared_queue(queue, Some(b"")).is_ok()
}

/// Takes something out of a queue.
pub(super) fn hush(queue: u32) {
    log_failure("empty a queue", hostcalls::dequeue_shared_queue(queue));
}

/// Breaks the stream off.
pub(super) fn reset_response() {
    log_failure("reset a response", hostcalls::reset_http_response());
}

fn buffer(kind: BufferType, size: usize) -> Vec<u8> {
    hostcalls::get_buffer(kind, 0, size).ok().flatten().unwrap_or_default()
}

fn property(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}

fn log_failure<T, E: core::fmt::Debug>(what: &str, result: Result<T, E>) {
    if let Err(error) = result {
        log::error!("the host refused to {what}: {error:?}");
    }
}
