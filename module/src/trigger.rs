//! For a test: a request with the header `x-switchboard-panic-in: downstream on_http_filter_request_body` has the next such
//! hook panic, once.

use std::sync::{Mutex, PoisonError};

use crate::abi::{EnvoyFilter, Way};

static HOOK: Mutex<String> = Mutex::new(String::new());

/// Arms it, if a request asks for it.
pub(crate) fn set(role: &str, filter: EnvoyFilter) {
    let name = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    if let Some(name) = filter.header(Way::Request, "x-switchboard-panic-in", name)
        && role == "downstream"
    {
        *HOOK.lock().unwrap_or_else(PoisonError::into_inner) = name;
        pull(role, "on_http_filter_request_headers");
    }
}

/// Panics, if it is armed for this hook.
#[expect(clippy::panic, reason = "this is what the feature is for")]
pub(crate) fn pull(role: &str, hook: &str) {
    let mut armed = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    if !armed.is_empty() && *armed == [role, hook].join(" ").trim_start() {
        armed.clear();
        drop(armed);
        panic!("asked for by a test");
    }
}
