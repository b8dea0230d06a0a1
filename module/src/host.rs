//! Implements the filter's host with Envoy's C interface.

use core::time::Duration;
use std::sync::{LazyLock, Once};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use switchboard::config::{ATTEMPT_HEADER, CALL_STATE, METADATA_DEPLOYMENT, METADATA_NAMESPACE};
use switchboard::exchange::{Head, Headers, Reply};
use switchboard::filter::{self, Host};
use switchboard::key::UsageEntry;
use switchboard::limits::SharedMemory;
use switchboard::worker::Shared;

use crate::abi::{DETAILS, EnvoyFilter, Way};
use crate::current::{self, Current, LocalReply};
use crate::memory::MEMORY;
use crate::ticker::{self, Ticks};

/// Envoy itself.
pub(crate) struct Native;

static SHARED: LazyLock<Shared> = LazyLock::new(Shared::default);
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Names in the filter state have this prefix, as those of a wasm filter, so that Envoy's configuration is the same.
fn state_name(name: &str) -> String {
    ["wasm.", name].concat()
}

fn head(way: Way) -> Head {
    let owned = |headers: &[(&[u8], &[u8])]| {
        let owned =
            |(name, value): &(&[u8], &[u8])| (String::from_utf8_lossy(name).into_owned(), value.to_vec());
        headers.iter().map(owned).collect()
    };
    Head::new(current::stream().map(|(filter, _)| filter.headers(way, owned)).unwrap_or_default())
}

fn status(way: Way) -> u16 {
    let read = |status: &[u8]| core::str::from_utf8(status).ok()?.parse().ok();
    let status = current::stream().and_then(|(filter, _)| filter.header(way, ":status", read));
    status.flatten().unwrap_or_default()
}

fn set_header(way: Way, name: &str, value: Option<&str>) {
    if let Some((filter, _)) = current::stream() {
        filter.set_header(way, name, value.map(str::as_bytes));
    }
}

/// Changes only what differs.
fn replace_headers(filter: EnvoyFilter, way: Way, headers: &Headers) {
    let (mut kept, mut removed) = (vec![false; headers.iter().count()], Vec::new());
    filter.headers(way, |present| {
        for (name, value) in present {
            let Ok(name) = core::str::from_utf8(name) else { continue };
            let wanted = headers.iter().position(|(wanted, _)| wanted == name);
            match wanted {
                Some(at) => {
                    let is_same =
                        headers.iter().nth(at).is_some_and(|(_, wanted)| wanted.as_bytes() == *value);
                    if let Some(kept) = kept.get_mut(at) {
                        // A name that occurs twice is set once, which removes the other.
                        *kept = is_same && !*kept;
                    }
                }
                None => removed.push(name.to_owned()),
            }
        }
    });
    for name in removed {
        filter.set_header(way, &name, None);
    }
    for ((name, value), _) in headers.iter().zip(kept).filter(|(_, kept)| !kept) {
        filter.set_header(way, name, Some(value.as_bytes()));
    }
}

fn replace_body(way: Way, body: &[u8]) {
    if let Some(Current::Stream { filter, arrives, .. }) = current::current()
        && !filter.replace_body(way, arrives == Some(way), body)
    {
        log::error!("Envoy refused to replace a body");
    }
}

fn body(way: Way) -> Vec<u8> {
    current::stream().map(|(filter, _)| filter.body(way)).unwrap_or_default()
}

impl Host for Native {
    const HOLDS_STREAMS: bool = false;
    const TELLS_BREAKS: bool = true;
    const ROOT_CALLS: bool = false;

    type Clock = Ticks;

    fn now_ms() -> u64 {
        let age = SystemTime::now().duration_since(UNIX_EPOCH);
        age.map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
    }

    fn steady_ms() -> u64 {
        // Not 0: that is before all times.
        u64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn random_id() -> Option<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        Some(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    fn shared() -> &'static Shared {
        &SHARED
    }

    fn memory() -> &'static impl SharedMemory {
        &MEMORY
    }

    fn request_head() -> Head {
        head(Way::Request)
    }

    fn response_head() -> Head {
        head(Way::Response)
    }

    fn request_header(name: &str) -> Option<String> {
        let owned = |value: &[u8]| String::from_utf8(value.to_vec()).ok();
        current::stream()?.0.header(Way::Request, name, owned).flatten()
    }

    fn set_request_header(name: &str, value: Option<&str>) {
        set_header(Way::Request, name, value);
        current::defer(|deferred| deferred.route = true);
    }

    fn set_response_header(name: &str, value: Option<&str>) {
        set_header(Way::Response, name, value);
    }

    fn replace_request_headers(headers: &Headers) {
        if let Some((filter, _)) = current::stream() {
            replace_headers(filter, Way::Request, headers);
        }
    }

    fn replace_response_headers(headers: &Headers) {
        if let Some((filter, _)) = current::stream() {
            replace_headers(filter, Way::Response, headers);
        }
    }

    fn response_status() -> u16 {
        status(Way::Response)
    }

    fn is_envoys_reply() -> bool {
        let is_envoys =
            |details: &[u8]| !details.is_empty() && details != b"via_upstream" && details != DETAILS;
        current::stream().and_then(|(filter, _)| filter.response_details(is_envoys)).unwrap_or_default()
    }

    fn final_status() -> u16 {
        let code = current::stream().and_then(|(filter, _)| filter.response_code());
        code.and_then(|code| u16::try_from(code).ok()).unwrap_or_default()
    }

    fn request_body() -> Vec<u8> {
        body(Way::Request)
    }

    fn response_body() -> Vec<u8> {
        body(Way::Response)
    }

    fn replace_request_body(body: &[u8]) {
        replace_body(Way::Request, body);
    }

    fn replace_response_body(body: &[u8]) {
        replace_body(Way::Response, body);
    }

    /// From the header written by Envoy's `header_mutation` filter, or, if that filter is missing, from where it has it.
    fn attempt() -> Option<(u64, String)> {
        if let Some(told) = Self::request_header(ATTEMPT_HEADER) {
            return filter::picked(told);
        }
        let (filter, _) = current::stream()?;
        let number = String::from_utf8(filter.state(&state_name(CALL_STATE))?).ok()?.parse().ok()?;
        let deployment = filter.endpoint_metadata(METADATA_NAMESPACE, METADATA_DEPLOYMENT);
        Some((number, String::from_utf8(deployment.unwrap_or_default()).ok()?))
    }

    fn leave_call(number: u64) {
        if let Some((filter, _)) = current::stream()
            && !filter.set_state(&state_name(CALL_STATE), number.to_string().as_bytes())
        {
            log::error!("Envoy refused to set the filter state");
        }
    }

    fn declare_report(_: &str) {}

    /// In the dynamic metadata: a module cannot store a message in the filter state.
    fn leave_report(name: &str, message: &[u8]) {
        static TOLD: Once = Once::new();
        if let Some((filter, _)) = current::stream()
            && !filter.set_metadata(name, message)
        {
            TOLD.call_once(|| log::warn!("this Envoy is too old for 'llm' in the access log and for spans"));
        }
    }

    fn count_compressed(provider: &str) {
        if let Some(Current::Stream { filter, metrics, .. }) = current::current() {
            metrics.compressed(filter, provider);
        }
    }

    fn count_refused(status: u16, error: &str) {
        if let Some(Current::Stream { filter, metrics, .. }) = current::current() {
            metrics.refused(filter, status, error);
        }
    }

    fn measure(entry: &UsageEntry<'_>) {
        if let Some(Current::Stream { filter, metrics, .. }) = current::current() {
            metrics.measure(filter, entry);
        }
    }

    fn reply(reply: &Reply) {
        current::defer(|deferred| deferred.reply = Some(LocalReply::new(reply)));
    }

    fn resume_request() {
        current::defer(|deferred| deferred.request = true);
    }

    fn resume_response() {
        current::defer(|deferred| deferred.response = true);
    }

    fn reset_response() {
        current::defer(|deferred| deferred.reset = true);
    }

    fn write_response(bytes: &[u8]) {
        current::defer(|deferred| deferred.write = Some(bytes.to_vec()));
    }

    fn call(cluster: &str, headers: &[(&str, &str)], body: &[u8], timeout: Duration) -> Option<u64> {
        match current::current()? {
            Current::Stream { filter, id, .. } => {
                filter.call(cluster, headers, body, timeout).map(|call| current::call_number(id, call))
            }
            Current::Root(config) => config.call(cluster, headers, body, timeout),
        }
    }

    fn call_response_status() -> u16 {
        current::response(|response| response.status)
    }

    fn call_response_head() -> Head {
        Head::new(current::response(|response| core::mem::take(&mut response.headers)))
    }

    fn call_response_body() -> Vec<u8> {
        current::response(|response| core::mem::take(&mut response.body))
    }

    /// Streams act only for themselves, and so does a root.
    fn act_for(context: u32) -> bool {
        current::stream().map_or(context == 0, |(_, id)| id == context)
    }

    fn ring() -> bool {
        ticker::ring()
    }

    fn watch() {
        if let Some((filter, id)) = current::stream() {
            ticker::watch(id, || filter.scheduler());
            current::defer(|deferred| deferred.known = true);
        }
    }

    fn hold() {
        if let Some((filter, id)) = current::stream() {
            ticker::hold(id, || filter.scheduler());
            current::defer(|deferred| deferred.known = true);
        }
    }

    fn wake(_: u32) {
        ticker::wake();
    }
}
