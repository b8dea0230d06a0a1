//! The headers of responses to clients.

use core::fmt::Write as _;
use std::borrow::Cow;
use std::rc::Rc;

use crate::facts::Usage;
pub(super) use crate::headers::Headers;
use crate::headers::Value;
use crate::table::Endpoint;

use super::call::Call;
use super::head::Head;
use super::limited::limit_headers;
use super::retry_after::RetryAfter;

/// Says how the tokens of a prompt were counted, if no provider counted them: [`ESTIMATE`].
pub(super) const COUNT_HEADER: &str = "x-switchboard-token-count";

/// The value of [`COUNT_HEADER`].
pub(super) const ESTIMATE: &str = "estimate";

/// Adds `x-litellm-*` headers: what served the request and what it cost. A stream's cost is not known yet
/// when its headers are sent.
pub(super) fn answer_headers(headers: &mut Headers, call: &Call, endpoint: &Endpoint, usage: Option<&Usage>) {
    let shown = &endpoint.shown;
    let attempts = call.progress.borrow().attempts.len();
    headers.add("x-litellm-call-id", Rc::clone(&call.id));
    // The SDKs expose it as `_request_id`.
    headers.add("x-request-id", Rc::clone(&call.id));
    headers.add("x-litellm-model-id", Rc::clone(&shown.id));
    headers.add(
        "x-litellm-model-name",
        match call.model_of(endpoint) {
            Cow::Borrowed(_) => Rc::clone(&shown.model).into(),
            Cow::Owned(model) => Value::from([&*endpoint.deployment.provider, "/", &model].concat()),
        },
    );
    headers.add("x-litellm-model-group", Rc::clone(&shown.group));
    if !shown.api_base.is_empty() {
        headers.add("x-litellm-model-api-base", Rc::clone(&shown.api_base));
    }
    headers.add("x-litellm-version", concat!("switchboard-", env!("CARGO_PKG_VERSION")));
    for (name, value) in call.language.headers(&call.memo) {
        headers.add(name, value);
    }
    let fallbacks = call.journey.borrow().fallbacks();
    headers.add("x-litellm-attempted-retries", small(attempts.saturating_sub(1 + fallbacks)));
    headers.add("x-litellm-attempted-fallbacks", small(fallbacks));
    let cost = usage.map(|usage| call.cost_of(endpoint, usage).unwrap_or_default());
    if let Some(cost) = cost {
        headers.add("x-litellm-response-cost", dollars(cost));
    }
    limit_headers(headers, call, cost.unwrap_or_default());
}

/// Formats a count that is usually 0.
fn small(count: usize) -> Value {
    if count == 0 { "0".into() } else { count.to_string().into() }
}

/// Copies headers of the provider's response: all of them with the prefix `llm_provider-`, and rate limits,
/// `x-should-retry` and `retry-after` also under their own names. `asked_ms` is when the request arrived.
pub(super) fn passed_on(headers: &mut Headers, head: Head, asked_ms: u64) {
    if let Some(wait) = RetryAfter::of(&head, asked_ms) {
        wait.write(headers);
    }
    for (name, value) in head.into_pairs() {
        let Ok(value) = String::from_utf8(value) else { continue };
        if name == "x-request-id" || name == "request-id" {
            headers.set("request-id", value.clone());
        }
        let hop_by_hop = matches!(
            &*name,
            "connection" | "content-length" | "keep-alive" | "set-cookie" | "transfer-encoding" | "upgrade"
        );
        if !hop_by_hop
            && !name.starts_with(':')
            && !name.starts_with("x-envoy-")
            && !name.starts_with("x-switchboard-")
        {
            let ours = ["llm_provider-", &name].concat();
            // SDKs read the second before the status.
            if name.starts_with("x-ratelimit-") || name == "x-should-retry" {
                headers.set(name, value.clone());
            }
            headers.set(ours, value);
        }
    }
}

/// Formats picodollars as dollars, exactly.
pub(super) fn dollars(pico: u64) -> String {
    let (whole, mut fraction) = (pico / 1_000_000_000_000, pico % 1_000_000_000_000);
    // Enough for most values, and for the `.0` that Python adds.
    let mut text = String::with_capacity(20);
    let written = write!(text, "{whole}");
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
    if fraction > 0 {
        text.push('.');
    }
    let mut unit = 100_000_000_000;
    while fraction > 0 {
        let digit = u8::try_from(fraction / unit).unwrap_or_default();
        text.push(char::from(b'0' + digit));
        fraction %= unit;
        unit /= 10;
    }
    text
}

/// Parses the output of [`dollars`].
pub(super) fn picodollars(dollars: &str) -> Option<u64> {
    let (whole, fraction) = dollars.split_once('.').unwrap_or((dollars, ""));
    let whole: u64 = whole.parse().ok()?;
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 12)?;
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    whole.checked_mul(1_000_000_000_000)?.checked_add(fraction * 10_u64.pow(12 - digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_exactly() {
        assert_eq!(dollars(3_000_000_000), "0.003");
        assert_eq!(dollars(0), "0");
        assert_eq!(dollars(12_000_000_000_001), "12.000000000001");
    }

    #[test]
    fn money_is_read_back_as_it_was_written() {
        for pico in [0, 1, 999, 3_000_000_000, 12_000_000_000_001, 1_000_000_000_000, u64::MAX] {
            assert_eq!(picodollars(&dollars(pico)), Some(pico));
        }
        for text in ["", "x", "-1", "1.2345678901234", "99999999999999999999"] {
            assert_eq!(picodollars(text), None, "{text}");
        }
    }
}
