//! Slows down whoever tries keys in the login form.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;

/// Failures that have no consequence.
const FREE: u32 = 5;

/// The longest wait.
const MOST: Duration = Duration::from_mins(1);

/// When failures are forgotten.
const MEMORY: Duration = Duration::from_mins(15);

/// Addresses that are remembered at most.
const MOST_ADDRESSES: usize = 10_000;

/// Failed logins by address. Each key service counts those that it has seen itself. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Attempts(Arc<Mutex<HashMap<String, Failures>>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Attempts {
    /// How long this address must still wait.
    pub fn wait(&self, address: &str) -> Option<Duration> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = failures.get(address)?;
        let over = failures.count.checked_sub(FREE)?;
        let pause = Duration::from_secs(1u64.checked_shl(over).unwrap_or(u64::MAX)).min(MOST);
        pause.checked_sub(failures.last.elapsed()).filter(|left| !left.is_zero())
    }

    /// A login from this address has failed.
    pub fn failed(&self, address: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_ADDRESSES {
            all.retain(|_, failures| failures.last.elapsed() < MEMORY);
        }
        if all.len() >= MOST_ADDRESSES
            && let Some(oldest) =
                all.iter().min_by_key(|(_, failures)| failures.last).map(|(of, _)| of.clone())
        {
            all.remove(&oldest);
        }
        let now = Instant::now();
        let failures = all.entry(address.to_owned()).or_insert(Failures { count: 0, last: now });
        let is_old = failures.last.elapsed() >= MEMORY;
        *failures = Failures { count: if is_old { 1 } else { failures.count.saturating_add(1) }, last: now };
    }

    /// A login from this address has succeeded.
    pub fn succeeded(&self, address: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
    }
}

/// The client's address as Envoy has seen it; clients cannot set this header. It is absent for clients in private networks, which
/// share one count. Of an IPv6 address, the network counts.
pub fn address(headers: &HeaderMap) -> String {
    let address = headers.get("x-envoy-external-address").and_then(|value| value.to_str().ok());
    match address.map(str::parse::<IpAddr>) {
        Some(Ok(IpAddr::V6(address))) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some(Ok(address)) => address.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_some_failures_an_address_waits_and_others_do_not() {
        let attempts = Attempts::default();
        for _ in 0..FREE - 1 {
            attempts.failed("a");
        }
        assert_eq!(attempts.wait("a"), None);
        attempts.failed("a");
        let first = attempts.wait("a").unwrap();
        attempts.failed("a");
        assert!(attempts.wait("a").unwrap() > first);
        for _ in 0..100 {
            attempts.failed("a");
        }
        assert!(attempts.wait("a").unwrap() <= MOST);
        assert_eq!(attempts.wait("b"), None);
        attempts.succeeded("a");
        assert_eq!(attempts.wait("a"), None);
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let attempts = Attempts::default();
        for n in 0..MOST_ADDRESSES + 50 {
            attempts.failed(&n.to_string());
        }
        assert_eq!(attempts.0.lock().unwrap().len(), MOST_ADDRESSES);
    }

    #[test]
    fn an_address_is_envoys_word_and_of_ipv6_the_network() {
        let of = |name: &'static str, value: &str| {
            address(&HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]))
        };
        assert_eq!(of("x-envoy-external-address", "203.0.113.9"), "203.0.113.9");
        assert_eq!(of("x-envoy-external-address", "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(of("x-envoy-external-address", "forged"), "");
        assert_eq!(of("x-forwarded-for", "203.0.113.9"), "");
    }
}
