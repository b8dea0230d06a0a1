//! Spend and limits of users, teams, members and budgets.

use serde_json::{Map, Value};

use super::show::{Bar, Moment, count, usd};
use crate::store::AccountRow;

/// A budget, and how much of it is spent.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) limit: String,
    pub(super) bar: Bar,
    pub(super) period: Option<String>,
    pub(super) resets: Option<Moment>,
}

impl Budget {
    /// The budget of an account.
    pub(super) fn of(account: &AccountRow) -> Option<Self> {
        let limit = account.max_budget?;
        Some(Self {
            limit: usd(limit),
            bar: Bar::of(account.spend.usd(), limit),
            period: account.budget_duration.clone(),
            resets: account.budget_reset_at.map(Moment::of),
        })
    }
}

/// The rate limits in the settings, with labels.
pub(super) fn limits(settings: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let limit = |name: &str, label| Some((label, count(settings.get(name)?.as_i64()?)));
    [
        limit("rpm_limit", "Requests per minute"),
        limit("tpm_limit", "Tokens per minute"),
        limit("max_parallel_requests", "Parallel requests"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The metadata as it is shown, if there is any.
pub(super) fn metadata(settings: &Map<String, Value>) -> Option<String> {
    let metadata = settings.get("metadata")?.as_object().filter(|metadata| !metadata.is_empty())?;
    serde_json::to_string_pretty(metadata).ok()
}
