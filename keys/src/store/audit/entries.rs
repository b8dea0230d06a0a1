//! Writes the entries of the audit log: what each change is said to be.

use serde_json::{Map, Value, json};
use sqlx::{Any, Transaction};

use crate::audit::{Action, Change, Values, author, cleaned};
use crate::clock;
use crate::store::StoreError;
use crate::store::accounts::AccountRow;
use crate::store::key_row::KeyRow;
use crate::store::kind::Kind;
use crate::store::stored_models::ModelRow;
use crate::token::random_id;

/// `LiteLLM`'s name of the keys' table.
const KEYS: &str = "LiteLLM_VerificationToken";

/// `LiteLLM`'s name of the models' table.
const MODELS: &str = "LiteLLM_ProxyModelTable";

/// Writes an entry, if the change has an author.
async fn record(transaction: &mut Transaction<'static, Any>, change: Change) -> Result<(), StoreError> {
    let Some(author) = author() else { return Ok(()) };
    let text = |values: Option<Values>| values.map(|values| Value::Object(values).to_string());
    sqlx::query(
        "INSERT INTO audit_log (id, updated_at, changed_by, changed_by_api_key, action, table_name, object_id, new_id, team_id, \
         before_value, updated_values) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(random_id())
    .bind(clock::now().as_microsecond())
    .bind(author.name)
    .bind(author.key)
    .bind(change.action.name())
    .bind(change.table)
    .bind(change.object_id)
    .bind(change.new_id)
    .bind(change.team_id)
    .bind(text(change.before))
    .bind(text(change.after))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Whether the change that is being written has an author.
pub(in crate::store) fn is_recorded() -> bool {
    author().is_some()
}

/// Adds what is known, under the names of the API.
fn with(mut values: Values, columns: impl IntoIterator<Item = (&'static str, Value)>) -> Values {
    let columns = columns.into_iter().filter(|(_, value)| !value.is_null());
    values.extend(columns.map(|(name, value)| (name.to_owned(), value)));
    values
}

/// What is said of a key.
pub(in crate::store) fn of_key(key: &KeyRow) -> Values {
    with(
        cleaned(&key.settings),
        [
            ("token", json!(key.token.to_string())),
            ("key_name", json!(key.key_name)),
            ("key_alias", json!(key.key_alias)),
            ("user_id", json!(key.user_id)),
            ("team_id", json!(key.team_id)),
            ("organization_id", json!(key.organization_id)),
            ("budget_id", json!(key.budget_id)),
            ("max_budget", json!(key.max_budget)),
            ("budget_duration", json!(key.budget_duration)),
            ("budget_reset_at", json!(key.budget_reset_at.map(clock::iso))),
            ("spend", json!(key.spend)),
            ("expires", json!(key.expires_at.map(clock::iso))),
            ("blocked", json!(key.blocked.unwrap_or_default())),
        ],
    )
}

/// What is said of an account.
pub(in crate::store) fn of_account(account: &AccountRow) -> Values {
    let (id, alias, role) = match account.kind {
        Kind::User => ("user_id", "user_alias", "user_role"),
        Kind::Team => ("team_id", "team_alias", "role"),
        Kind::Budget => ("budget_id", "alias", "role"),
        Kind::Organization => ("organization_id", "organization_alias", "role"),
        _ => ("id", "alias", "role"),
    };
    let values = with(
        cleaned(&account.settings),
        [
            ("team_id", json!(account.team_id)),
            ("user_id", json!(account.user_id)),
            (alias, json!(account.alias)),
            (role, json!(account.role)),
            ("user_email", json!(account.email)),
            ("organization_id", json!(account.organization_id)),
            ("budget_id", json!(account.budget_id)),
            ("max_budget", json!(account.max_budget)),
            ("budget_duration", json!(account.budget_duration)),
            ("budget_reset_at", json!(account.budget_reset_at.map(clock::iso))),
            ("spend", json!(account.spend)),
            ("blocked", json!(account.blocked)),
        ],
    );
    match account.kind {
        Kind::TeamMember => values,
        _ => with(values, [(id, json!(account.id))]),
    }
}

/// What is said of a model, with its parameters as they are not encrypted.
pub(in crate::store) fn of_model(model: &ModelRow, params: &Map<String, Value>) -> Values {
    with(
        Values::new(),
        [
            ("model_name", json!(model.name)),
            ("litellm_params", Value::Object(cleaned(params))),
            ("model_info", Value::Object(cleaned(&model.info))),
        ],
    )
}

/// `LiteLLM`'s name of the table for accounts of this kind.
fn table(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "LiteLLM_UserTable",
        Kind::Team => "LiteLLM_TeamTable",
        Kind::TeamMember => "LiteLLM_TeamMembership",
        Kind::Budget => "LiteLLM_BudgetTable",
        Kind::Customer => "LiteLLM_EndUserTable",
        Kind::Organization => "LiteLLM_OrganizationTable",
        Kind::OrganizationMember => "LiteLLM_OrganizationMembership",
        Kind::Tag => "LiteLLM_TagTable",
        // Changed by `config.yaml` alone, and never recorded.
        Kind::Gateway => "gateway",
    }
}

/// The team that an account is or belongs to.
fn team_of(account: &AccountRow) -> Option<&str> {
    if account.kind == Kind::Team { Some(&account.id) } else { account.team_id.as_deref() }
}

/// An account was added.
pub(in crate::store) async fn account_created(
    transaction: &mut Transaction<'static, Any>,
    account: &AccountRow,
) -> Result<(), StoreError> {
    if !is_recorded() {
        return Ok(());
    }
    let change = Change::created(table(account.kind), account.id.as_str(), of_account(account));
    record(transaction, change.in_team(team_of(account))).await
}

/// An account was changed; it was `before`.
pub(in crate::store) async fn account_updated(
    transaction: &mut Transaction<'static, Any>,
    before: &Values,
    account: &AccountRow,
) -> Result<(), StoreError> {
    match Change::updated(table(account.kind), account.id.as_str(), before, &of_account(account)) {
        Some(change) => record(transaction, change.in_team(team_of(account))).await,
        None => Ok(()),
    }
}

/// An account was deleted, and so many keys with it.
pub(in crate::store) async fn account_deleted(
    transaction: &mut Transaction<'static, Any>,
    account: &AccountRow,
    keys: usize,
) -> Result<(), StoreError> {
    if !is_recorded() {
        return Ok(());
    }
    let mut values = of_account(account);
    if keys > 0 {
        values.insert("deleted_keys".to_owned(), json!(keys));
    }
    let change = Change::deleted(table(account.kind), account.id.as_str(), values);
    record(transaction, change.in_team(team_of(account))).await
}

/// A key was added.
pub(in crate::store) async fn key_created(
    transaction: &mut Transaction<'static, Any>,
    key: &KeyRow,
) -> Result<(), StoreError> {
    if !is_recorded() {
        return Ok(());
    }
    let change = Change::created(KEYS, key.token.to_string(), of_key(key));
    record(transaction, change.in_team(key.team_id.as_deref())).await
}

/// A key was changed; it was `before`.
pub(in crate::store) async fn key_updated(
    transaction: &mut Transaction<'static, Any>,
    before: &Values,
    key: &KeyRow,
) -> Result<(), StoreError> {
    match Change::updated(KEYS, key.token.to_string(), before, &of_key(key)) {
        Some(change) => record(transaction, change.in_team(key.team_id.as_deref())).await,
        None => Ok(()),
    }
}

/// A key has another secret; it was `before`, with the hash `old`.
pub(in crate::store) async fn key_rotated(
    transaction: &mut Transaction<'static, Any>,
    old: &str,
    before: &Values,
    key: &KeyRow,
) -> Result<(), StoreError> {
    let Some(change) = Change::updated(KEYS, old, before, &of_key(key)) else { return Ok(()) };
    let change = Change {
        action: Action::Rotated,
        new_id: Some(key.token.to_string()),
        ..change.in_team(key.team_id.as_deref())
    };
    record(transaction, change).await
}

/// A key was deleted.
pub(in crate::store) async fn key_deleted(
    transaction: &mut Transaction<'static, Any>,
    key: &KeyRow,
) -> Result<(), StoreError> {
    if !is_recorded() {
        return Ok(());
    }
    let change = Change::deleted(KEYS, key.token.to_string(), of_key(key));
    record(transaction, change.in_team(key.team_id.as_deref())).await
}

/// A model was added, changed or deleted.
pub(in crate::store) async fn model(
    transaction: &mut Transaction<'static, Any>,
    id: &str,
    before: Option<Values>,
    after: Option<Values>,
) -> Result<(), StoreError> {
    let change = match (before, after) {
        (None, Some(after)) => Some(Change::created(MODELS, id, after)),
        (Some(before), Some(after)) => Change::updated(MODELS, id, &before, &after),
        (Some(before), None) => Some(Change::deleted(MODELS, id, before)),
        (None, None) => None,
    };
    match change {
        Some(change) => record(transaction, change).await,
        None => Ok(()),
    }
}
