//! The limits of customers, tags and organizations: their own, or those of a budget that they refer to.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::clock;
use crate::error::ApiError;
use crate::fields::required;
use crate::routes::account::apply;
use crate::routes::schema::{Row, read, says_something};
use crate::store::{AccountRow, Kind};

/// Limits that are settings.
const SETTINGS: [&str; 4] = ["soft_budget", "max_parallel_requests", "tpm_limit", "rpm_limit"];

/// Rejects a budget of an account's own together with one that it refers to.
pub(super) fn check(sent: &Map<String, Value>) -> Result<(), ApiError> {
    let has = |field: &str| sent.get(field).is_some_and(says_something);
    if has("max_budget") && has("budget_id") {
        return Err(ApiError::invalid_field(
            "budget_id",
            "Set either 'max_budget' or 'budget_id', not both.",
        ));
    }
    Ok(())
}

/// Changes the account that the field `id` of a body names. Fields that are not sent stay unchanged, `null` removes a limit, and a
/// budget that the account is to refer to replaces its own.
///
/// # Errors
/// A field is invalid, or `missing`, if there is no such account.
pub(super) async fn update(
    app: &App,
    (kind, id, rows): (Kind, &str, &[Row]),
    body: Map<String, Value>,
    by: &str,
    missing: fn(&str) -> ApiError,
) -> Result<AccountRow, ApiError> {
    let sent = read(rows, body)?;
    let id = required(&sent, id).map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    check(&sent)?;
    let change = |account: &mut AccountRow| {
        if sent.get("budget_id").is_some_and(says_something) {
            account.max_budget = None;
            account.budget_duration = None;
            account.budget_reset_at = None;
        }
        apply(account, rows, &sent)
    };
    let account = app.store.update_account(kind, id, by, change).await?;
    let account = account.ok_or_else(|| missing(id))?;
    tracing::info!(kind = kind.name(), id, "updated");
    Ok(account)
}

/// The budget that an account refers to.
pub(super) async fn of(app: &App, account: &AccountRow) -> Result<Option<AccountRow>, ApiError> {
    Ok(match &account.budget_id {
        Some(id) => app.store.account(Kind::Budget, id).await?,
        None => None,
    })
}

/// The limits as returned to clients; `null` if there are none.
pub(super) fn show(account: &AccountRow, budget: Option<&AccountRow>) -> Value {
    let period = if account.budget_duration.is_some() { Some(account) } else { budget };
    let mut limits = Map::new();
    limits.insert("max_budget".to_owned(), json!(account.max_budget.or_else(|| budget?.max_budget)));
    limits.insert(
        "budget_duration".to_owned(),
        json!(period.and_then(|period| period.budget_duration.as_ref())),
    );
    for name in SETTINGS {
        let of = |row: &AccountRow| row.settings.get(name).filter(|value| !value.is_null()).cloned();
        limits.insert(name.to_owned(), json!(of(account).or_else(|| of(budget?))));
    }
    if limits.values().all(Value::is_null) {
        return Value::Null;
    }
    let reset_at = period.and_then(|period| period.budget_reset_at).map(clock::iso);
    limits.insert("budget_id".to_owned(), json!(account.budget_id));
    limits.insert("budget_reset_at".to_owned(), json!(reset_at));
    Value::Object(limits)
}
