//! Hostcalls that cannot trap the VM. The SDK's own trait methods unwrap, so a header that is not UTF-8 or a
//! call in the wrong phase would trap; these functions return an error or an empty value.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, MetricType};

use crate::config::{ATTEMPT_HEADER, CALL_STATE};
use crate::exchange::{Call, Head, Headers, Reply};
use crate::limits::{SharedMemory, Version};

/// Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    let now = hostcalls::get_current_time().unwrap_or(SystemTime::UNIX_EPOCH);
    now.duration_since(UNIX_EPOCH).map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds on a monotonic clock that all workers of this process share.
pub(super) fn steady_ms() -> u64 {
    coarsetime::Duration::from_ticks(coarsetime::Instant::now().as_ticks()).as_millis()
}

/// 32 hexadecimal digits from the host's random source; `None` if it has none.
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

/// Restores the `origin` header, which attempts have overwritten and Envoy's CORS filter and local replies
/// need.
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

/// Status of the response to our call; 0 if there was none.
pub(super) fn call_response_status() -> u16 {
    status_in(MapType::HttpCallResponseHeaders)
}

/// Status of the current response.
pub(super) fn response_status() -> u16 {
    status_in(MapType::HttpResponseHeaders)
}

fn status_in(map: MapType) -> u16 {
    let status = hostcalls::get_map_value_bytes(map, ":status").ok().flatten();
    status.and_then(|status| core::str::from_utf8(&status).ok()?.parse().ok()).unwrap_or_default()
}

/// Headers of the response to our call.
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

/// The number of this attempt's request, and the deployment that Envoy selected: from the header written by
/// Envoy's `header_mutation` filter, or, if that filter is missing, from the properties that it reads.
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

/// Stores the request's number in filter state, where its attempts find it. It is never sent, and clients
/// cannot set it.
pub(super) fn leave_call(number: u64) {
    leave(CALL_STATE, number.to_string().as_bytes());
}

/// Declares that a property holds a Protobuf message, so that Envoy can read its fields. Each root context
/// declares it for its requests.
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

/// Stores a value in the request's filter state.
pub(super) fn leave(name: &str, value: &[u8]) {
    log_failure("set the filter state", hostcalls::set_property(vec![name], Some(value)));
}

/// A counter in Envoy's statistics, shared by all workers; `None` if the host has no metrics.
pub(super) fn counter(name: &str) -> Option<u32> {
    hostcalls::define_metric(MetricType::Counter, name).ok()
}

/// Increments a counter.
pub(super) fn count(counter: u32) {
    log_failure("increment a counter", hostcalls::increment_metric(counter, 1));
}

/// Sends a local response.
pub(super) fn reply(reply: &Reply) {
    let headers = reply.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let sent = hostcalls::send_http_response(u32::from(reply.status), headers, Some(&reply.body));
    log_failure("send a local response", sent);
}

/// Posts JSON to the key service. Returns the id of the call.
pub(super) fn post(cluster: &str, path: &str, token: &str, body: &[u8], timeout: Duration) -> Option<u32> {
    send(cluster, path, token, ("content-type", "application/json"), body, timeout)
}

/// Posts any body; `about` is the header that describes it.
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

/// Sends an embedding request to the gateway itself. Returns the id of the call.
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

/// Envoy's shared data, which all VMs with the same `vm_id` in this process share.
pub(super) struct SharedData;

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

/// Sets the tick period of the root context, also when called from a request's callback.
pub(super) fn set_tick_period(period: Duration) {
    log_failure("set the period of ticks", hostcalls::set_tick_period(period));
}

/// Makes another context of this VM current for the following hostcalls, until the callback ends. Returns
/// whether that context exists.
pub(super) fn act_for(context: u32) -> bool {
    hostcalls::set_effective_context(context).is_ok()
}

pub(super) fn resume_request() {
    log_failure("resume a request", hostcalls::resume_http_request());
}

/// Called in a callback of the response, it takes effect when the callback ends.
pub(super) fn resume_response() {
    log_failure("resume a response", hostcalls::resume_http_response());
}

/// Registers the current root context for a queue.
pub(super) fn join_queue(name: &str) -> Option<u32> {
    hostcalls::register_shared_queue(name).ok()
}

/// Adds an item to a queue. Its root context is called as soon as the current event has been processed.
pub(super) fn ring(queue: u32) -> bool {
    hostcalls::enqueue_shared_queue(queue, Some(b"")).is_ok()
}

/// Removes an item from a queue.
pub(super) fn hush(queue: u32) {
    log_failure("empty a queue", hostcalls::dequeue_shared_queue(queue));
}

/// Resets the stream.
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
