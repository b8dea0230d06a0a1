//! Leases: let several Envoys enforce a shared limit without a call per request.
//!
//! The types are the wire contract of `POST /internal/lease`, and part of `POST /internal/sync`. The rules that keep
//! limits exact are in `docs/decisions/0020-leases.md`. In short:
//!
//! - A *holder* is an Envoy process ([`LeaseRequest::instance`]); its workers share what it holds.
//! - For every account and resource, a holder may have *used* at most what it is *allowed*. The service ensures that the
//!   sum of what is allowed and what is recorded stays within the limit.
//! - An ask is a promise: it limits what the holder will have used until it receives the response ([`Demand::hold`]).
//!   Only what it does not hold is free immediately.
//! - Requests and tokens are counted in windows. An allowance applies to every window, so no call is needed when a
//!   window starts, and a holder can keep using its share while the service is unavailable.

use serde::{Deserialize, Serialize};

use crate::json::fields;
use crate::key::AccountId;

/// Path of the call that only exchanges leases.
pub const LEASE_PATH: &str = "/internal/lease";

/// Length of the windows of `rpm_limit` and `tpm_limit`, milliseconds.
pub const WINDOW_MS: u64 = 60_000;

/// Body of [`LEASE_PATH`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Name of the Envoy process, which is the same for all its workers and never reused.
    pub instance: String,
    /// Leases to take, keep or return.
    pub asks: Vec<LeaseAsk>,
}

/// Response to [`LeaseRequest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeaseAnswer {
    /// One lease for each ask, in order.
    pub leases: Vec<Lease>,
}
fields!(LeaseAnswer { leases; "leases" });

/// What a holder has used of an account, and what it wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseAsk {
    /// The account.
    pub account: AccountId,
    /// Increases with every ask of this holder for this account. An ask that was overtaken has no effect, and
    /// a response counts only if no later ask was sent.
    pub round: u64,
    /// The window that [`Demand::used`] of requests and tokens refers to: [`Lease::window`] plus
    /// [`WINDOW_MS`] for each window that has started since; 0 before the first response.
    #[serde(default)]
    pub window: u64,
    /// Requests admitted in this window.
    #[serde(default, skip_serializing_if = "Demand::is_nothing")]
    pub requests: Demand,
    /// Tokens settled in this window, and reserved by requests in flight.
    #[serde(default, skip_serializing_if = "Demand::is_nothing")]
    pub tokens: Demand,
    /// Requests in flight.
    #[serde(default, skip_serializing_if = "Demand::is_nothing")]
    pub parallel: Demand,
    /// Picodollars reserved by requests in flight, or spent but not in a batch that was acknowledged or is
    /// sent with this call.
    #[serde(default, skip_serializing_if = "Demand::is_nothing")]
    pub money: Demand,
}

impl LeaseAsk {
    /// An empty ask, which returns everything that the holder has.
    pub fn nothing(account: AccountId, round: u64) -> Self {
        let nothing = Demand::default();
        Self {
            account,
            round,
            window: 0,
            requests: nothing,
            tokens: nothing,
            parallel: nothing,
            money: nothing,
        }
    }
}

/// What a holder has used of a resource, and what it wants in addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Already used.
    pub used: u64,
    /// Needed now by waiting requests.
    #[serde(default)]
    pub need: u64,
    /// Wanted in reserve, including `need`: roughly the use of the next sync periods.
    #[serde(default)]
    pub want: u64,
    /// The maximum of `used` until the response arrives, in this window and later ones: the current
    /// allowance, or less.
    #[serde(default)]
    pub hold: u64,
}

impl Demand {
    /// Whether all values are 0.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What a holder may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The account.
    pub account: AccountId,
    /// [`LeaseAsk::round`] of the corresponding ask.
    pub round: u64,
    /// Start of the current window by the service's clock, Unix milliseconds; it identifies the window.
    #[serde(default)]
    pub window: u64,
    /// Time from the response to the window's end. The end is between this long after the ask was sent and
    /// this long after the response arrived; requests admitted between the two count in both windows.
    #[serde(default)]
    pub window_ends_in_ms: u64,
    /// How long the lease is valid, from the time when the ask was sent. After that nothing may be used.
    pub valid_for_ms: u64,
    /// Recorded spend of the account, picodollars.
    #[serde(default)]
    pub spend: u64,
    /// Requests per window; absent if unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Grant>,
    /// Tokens per window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Grant>,
    /// Requests in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<Grant>,
    /// Picodollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Grant>,
}
fields!(Lease {
    account, round, window, window_ends_in_ms, valid_for_ms, spend, requests, tokens, parallel, money;
    "account", "round", "valid_for_ms"
});

/// The maximum use of a resource by a holder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The maximum of `used`, in this window and, until the next response, in each following one.
    pub allowed: u64,
    /// The account's limit, for messages and `x-ratelimit-*`.
    pub limit: u64,
    /// What is left in total, including this holder's share, for messages and `x-ratelimit-*`.
    #[serde(default)]
    pub remaining: u64,
    /// Other holders have unused capacity and will be told to return it. A holder with unmet need should keep
    /// asking for two sync periods before it rejects requests.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub recalled: bool,
}
fields!(Grant { allowed, limit, remaining, recalled; "allowed", "limit" });
