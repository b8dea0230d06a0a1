//! Leases: how several Envoys keep one limit, without asking for every request.
//!
//! The types are the wire contract of `POST /internal/lease`, and part of `POST /internal/sync`. The rules that
//! make limits exact are in `docs/decisions/0020-leases.md`; in short:
//!
//! - A *holder* is one Envoy process ([`LeaseRequest::instance`]); its workers share what it holds.
//! - For every account and resource, a holder may have *used* at most what it was *allowed*. The service sees to it
//!   that all that is allowed, and all that is recorded, stays within the limit.
//! - An ask is a promise: it says how much the holder will have used at most until it has the answer
//!   ([`Demand::hold`]). What it does not hold on to is free at once, and nothing else is.
//! - Requests and tokens are counted in windows. What is allowed holds for each window anew: no call is needed when
//!   one begins, and a holder goes on within its share while the service is away.

use serde::{Deserialize, Serialize};

use crate::json::fields;
use crate::key::AccountId;

/// Path of the call that takes leases and does nothing else.
pub const LEASE_PATH: &str = "/internal/lease";

/// Length of the windows of `rpm_limit` and `tpm_limit`, milliseconds.
pub const WINDOW_MS: u64 = 60_000;

/// Body of [`LEASE_PATH`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Names the Envoy process: the same for all its workers, never used again after its end.
    pub instance: String,
    /// Leases to take, keep or return.
    pub asks: Vec<LeaseAsk>,
}

/// Answers [`LeaseRequest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeaseAnswer {
    /// One for each ask, in their order.
    pub leases: Vec<Lease>,
}
fields!(LeaseAnswer { leases; "leases" });

/// What a holder has used of one account, and what it would like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseAsk {
    /// The account.
    pub account: AccountId,
    /// Grows with every ask of this holder for this account: an ask that was overtaken on its way changes nothing,
    /// and an answer counts only when no later ask was sent.
    pub round: u64,
    /// The window that [`Demand::used`] of requests and tokens counts in: [`Lease::window`], and [`WINDOW_MS`] more
    /// for each that has begun since; 0 before the first answer.
    #[serde(default)]
    pub window: u64,
    /// Requests let in, in this window.
    #[serde(default, skip_serializing_if = "Demand::is_nothing")]
    pub requests: Demand,
    /// Tokens settled in this window, and reserved by requests under way.
    #[serde(default, skip_serializing_if = "Demand::is_nothing")]
    pub tokens: Demand,
    /// Requests in flight.
    #[serde(default, skip_serializing_if = "Demand::is_nothing")]
    pub parallel: Demand,
    /// Picodollars that are reserved by requests under way, or spent and in no batch that was acknowledged or goes
    /// with this very call.
    #[serde(default, skip_serializing_if = "Demand::is_nothing")]
    pub money: Demand,
}

impl LeaseAsk {
    /// An ask that wants nothing: it returns what the holder has.
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

/// What a holder has used of one resource, and what it would like beyond that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Used already.
    pub used: u64,
    /// Needed now, by requests that wait for the answer.
    #[serde(default)]
    pub need: u64,
    /// Wanted at hand, `need` included: about what the next sync periods will use.
    #[serde(default)]
    pub want: u64,
    /// The most that `used` may become before the answer is there, in this window and in later ones: what the holder
    /// was allowed, or less.
    #[serde(default)]
    pub hold: u64,
}

impl Demand {
    /// Whether it says nothing at all.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What a holder may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The account.
    pub account: AccountId,
    /// [`LeaseAsk::round`] of the ask that it answers.
    pub round: u64,
    /// Start of the present window, Unix milliseconds by the service's clock; it serves as a name.
    #[serde(default)]
    pub window: u64,
    /// Time from the answer to the window's end. It lies between this long after the sending of the ask and this
    /// long after the arrival of the answer; what is let in between counts in both windows.
    #[serde(default)]
    pub window_ends_in_ms: u64,
    /// How long the lease holds, counted from the sending of the ask. After that nothing may be used.
    pub valid_for_ms: u64,
    /// Recorded spend of the account, picodollars.
    #[serde(default)]
    pub spend: u64,
    /// Requests per window; absent when they are not limited.
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

/// The most that a holder may have used of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The most that `used` may become, in this window and, until the next answer, in each that follows.
    pub allowed: u64,
    /// The account's limit, for messages and `x-ratelimit-*`.
    pub limit: u64,
    /// What nobody has used yet, this holder's own included, for messages and `x-ratelimit-*`.
    #[serde(default)]
    pub remaining: u64,
    /// Others hold room that they do not use, and will be told so. Who cannot have what it needs should ask again for
    /// two sync periods rather than refuse.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub recalled: bool,
}
fields!(Grant { allowed, limit, remaining, recalled; "allowed", "limit" });
