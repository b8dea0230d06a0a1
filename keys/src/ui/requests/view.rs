//! A request as pages show it.

use super::super::show::{Moment, count, duration, usd};
use crate::store::SpendRow;
use crate::usage::provider;

/// A request.
#[derive(Debug)]
pub(super) struct RequestView {
    pub(super) id: String,
    pub(super) at: Moment,
    pub(super) model_group: String,
    pub(super) model: String,
    pub(super) provider: String,
    pub(super) key: Option<String>,
    pub(super) key_name: String,
    pub(super) status: i64,
    /// `success` or `failure`.
    pub(super) outcome: &'static str,
    pub(super) tokens: String,
    pub(super) cost: String,
    pub(super) duration: String,
    pub(super) first_token: Option<String>,
    pub(super) error: Option<(String, String)>,
    /// Requests that the row sums up, if it is more than one.
    pub(super) several: Option<String>,
}

impl RequestView {
    pub(super) fn of(row: &SpendRow) -> Self {
        let succeeded = (200..400).contains(&row.status) && row.error.is_none();
        let key_name = match (&row.key_alias, &row.token) {
            (Some(alias), _) => alias.clone(),
            (None, Some(token)) => format!("{}…", token.get(..12).unwrap_or(token)),
            (None, None) => "master key".to_owned(),
        };
        Self {
            id: row.call_id.clone(),
            at: Moment::of(row.started_at),
            model_group: row.model_group.clone(),
            model: row.model.clone(),
            provider: provider(&row.model).to_owned(),
            key: row.token.clone(),
            key_name,
            status: row.status,
            outcome: if succeeded { "success" } else { "failure" },
            tokens: count(row.prompt_tokens.saturating_add(row.completion_tokens)),
            cost: row.cost.map_or_else(|| "unknown".to_owned(), |cost| usd(cost.usd())),
            duration: duration(row.duration_ms),
            first_token: row.first_token_ms.map(duration),
            error: row.error.clone(),
            several: (row.requests > 1).then(|| count(row.requests)),
        }
    }
}
