//! Header lists, written from nothing: what is not put in here is not sent.

use std::borrow::Cow;

use crate::openai::Usage;
use crate::table::Endpoint;

use super::attempt::Value;
use super::call::Call;
use super::head::Head;
use super::limited::limit_headers;

/// Every header of a message, in the order in which they were set.
#[derive(Debug, Default, Clone)]
pub struct Headers(Vec<(Cow<'static, str>, Value)>);

impl Headers {
    /// The headers of a request to a provider: no client header and nothing of an earlier attempt is handed on.
    pub fn for_request(endpoint: &Endpoint, path: &str, length: usize) -> Self {
        let mut headers = Self(Vec::with_capacity(16));
        headers.set(":method", "POST");
        headers.set(":scheme", endpoint.scheme);
        headers.set(":authority", endpoint.authority.clone());
        headers.set(":path", [&*endpoint.base_path, path].concat());
        headers.set("content-type", "application/json");
        headers.set_length(length);
        headers.set("accept-encoding", "identity");
        headers.set("user-agent", concat!("Switchboard/", env!("CARGO_PKG_VERSION")));
        headers
    }

    /// The headers of an answer to a client.
    pub fn for_answer(status: u16, content_type: &'static str) -> Self {
        let mut headers = Self(Vec::with_capacity(24));
        headers.set(":status", status.to_string());
        headers.set("content-type", content_type);
        headers
    }

    /// Sets a header; one of that name that is there already is replaced.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>> + AsRef<str>, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(header, _)| *header == name.as_ref()) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Sets `content-length`.
    pub fn set_length(&mut self, length: usize) {
        self.set("content-length", length.to_string());
    }

    /// Takes a header out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(header, _)| header != name);
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Of a request to the gateway itself, which is there for certain. `scheme` is the attempt's.
    pub(super) fn for_ourselves(scheme: impl Into<Value>) -> Self {
        let mut headers = Self::default();
        headers.set(":method", "GET");
        headers.set(":scheme", scheme);
        headers.set(":authority", "localhost");
        headers.set(":path", "/health/liveliness");
        headers.set_length(0);
        headers
    }

    pub(super) fn into_pairs(self) -> Vec<(Cow<'static, str>, Value)> {
        self.0
    }
}

/// `x-litellm-*`: what served the request, and what it cost. A stream's cost is not known when its headers go out.
pub(super) fn answer_headers(headers: &mut Headers, call: &Call, endpoint: &Endpoint, usage: Option<&Usage>) {
    let deployment = &endpoint.deployment;
    let attempts = call.progress.borrow().attempts.len();
    headers.set("x-litellm-call-id", call.id.clone());
    headers.set("x-litellm-model-id", deployment.id.clone());
    headers.set("x-litellm-model-name", [&*deployment.provider, "/", &*call.model_of(endpoint)].concat());
    headers.set("x-litellm-model-group", deployment.group.clone());
    if !deployment.api_base.is_empty() {
        headers.set("x-litellm-model-api-base", deployment.api_base.clone());
    }
    headers.set("x-litellm-version", concat!("switchboard-", env!("CARGO_PKG_VERSION")));
    let fallbacks = call.way.borrow().fallbacks();
    headers.set("x-litellm-attempted-retries", attempts.saturating_sub(1 + fallbacks).to_string());
    headers.set("x-litellm-attempted-fallbacks", fallbacks.to_string());
    let cost = usage.map(|usage| call.cost_of(endpoint, usage).unwrap_or_default());
    if let Some(cost) = cost {
        headers.set("x-litellm-response-cost", dollars(cost));
    }
    limit_headers(headers, call, cost.unwrap_or_default());
}

/// What a provider's answer says that a client wants to know: rate limits and `retry-after` under their own names,
/// the rest behind `llm_provider-`.
pub(super) fn passed_on(headers: &mut Headers, head: &Head) {
    for (name, value) in head.iter() {
        let Ok(value) = core::str::from_utf8(value) else { continue };
        if name == "retry-after" || name == "retry-after-ms" || name.starts_with("x-ratelimit-") {
            headers.set(name.to_owned(), value.to_owned());
        }
        if name == "x-request-id" || name == "request-id" {
            headers.set("request-id", value.to_owned());
        }
        let hop_by_hop = matches!(
            name,
            "connection" | "content-length" | "keep-alive" | "set-cookie" | "transfer-encoding" | "upgrade"
        );
        if !hop_by_hop
            && !name.starts_with(':')
            && !name.starts_with("x-envoy-")
            && !name.starts_with("x-switchboard-")
        {
            headers.set(["llm_provider-", name].concat(), value.to_owned());
        }
    }
}

/// Picodollars as dollars, without the noise of a float.
pub(super) fn dollars(pico: u64) -> String {
    let (whole, fraction) = (pico / 1_000_000_000_000, pico % 1_000_000_000_000);
    if fraction == 0 {
        return whole.to_string();
    }
    let digits = fraction.to_string();
    let zeros = "000000000000".get(digits.len()..).unwrap_or_default();
    [&*whole.to_string(), ".", zeros, digits.trim_end_matches('0')].concat()
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
}
