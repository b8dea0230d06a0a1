//! Spend on parts of an account: on single models, limited by `model_max_budget`, and in time windows, limited by
//! `budget_limits`.
//!
//! A row exists for every model and window that the owner's settings limit, so recording usage is an `UPDATE` of the
//! rows whose name governs the model. The row of a window has a special kind ([`window_kind`]), and the window's
//! duration instead of the model.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::{TokenHash, governs};

use super::accounts::AT_ONCE;
use super::backend::Backend;
use super::charges::ModelName;
use super::sql::Places;
use super::{Owner, Store, StoreError, get};
use crate::clock;
use crate::duration::Duration;
use crate::money::Picodollars;

/// An entry of `model_max_budget`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelBudget {
    /// Model group.
    pub model: String,
    /// USD.
    pub max_budget: Option<f64>,
    /// Its period.
    pub budget_duration: Option<String>,
    /// Requests per minute.
    pub rpm_limit: Option<u64>,
    /// Tokens per minute.
    pub tpm_limit: Option<u64>,
}

/// Spend on a model in the current period, and the next reset.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ModelSpend {
    pub(super) spend: Picodollars,
    pub(super) budget_reset_at: Option<i64>,
}

/// Reads `model_max_budget`: `{"gpt-4o": {"max_budget": 1.0, "budget_duration": "1d"}}`. Also accepts
/// `LiteLLM`'s older form `{"gpt-4o": 1.0}`, its older names `budget_limit` and `time_period`, and numbers in
/// strings.
pub fn budgets(settings: &Map<String, Value>) -> Vec<ModelBudget> {
    let entries = settings.get("model_max_budget").and_then(Value::as_object);
    entries
        .into_iter()
        .flatten()
        .map(|(model, entry)| {
            let field = |names: [&str; 2]| {
                names.into_iter().find_map(|name| entry.get(name).filter(|value| !value.is_null()))
            };
            ModelBudget {
                model: model.clone(),
                max_budget: number(entry).or_else(|| number(field(["max_budget", "budget_limit"])?)),
                budget_duration: field(["budget_duration", "time_period"])
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                rpm_limit: entry.get("rpm_limit").and_then(Value::as_u64),
                tpm_limit: entry.get("tpm_limit").and_then(Value::as_u64),
            }
        })
        .collect()
}

/// Reads `budget_limits`: `[{"budget_duration": "24h", "max_budget": 10.0}]`, several budgets that apply at
/// the same time.
pub fn windows(settings: &Map<String, Value>) -> Vec<(String, f64)> {
    let entries = settings.get("budget_limits").and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let duration = entry.get("budget_duration").and_then(Value::as_str)?;
            Some((duration.to_owned(), number(entry.get("max_budget")?)?))
        })
        .collect()
}

/// Reads `model_rpm_limit` or `model_tpm_limit`: `{"gpt-4o": 10}`. `LiteLLM` stores them in the metadata,
/// where an import leaves them.
pub fn limits(settings: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let of = |map: &Map<String, Value>| map.get(name).and_then(Value::as_object).cloned();
    of(settings).or_else(|| of(settings.get("metadata")?.as_object()?)).unwrap_or_default()
}

/// The kind of the rows of an owner's windows.
pub(super) fn window_kind(kind: &str) -> &'static str {
    match kind {
        "user" => "user_window",
        "team" => "team_window",
        _ => "key_window",
    }
}

/// A model or a window, and its budget period.
type Part = (String, Option<String>);

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Updates the rows of an owner to match its settings. Spend on models that are still limited is kept. With
/// `by_budget`, a budget may limit models that are not in the settings.
pub(super) async fn follow(
    transaction: &mut Transaction<'static, Any>,
    kind: &str,
    id: &str,
    settings: &Map<String, Value>,
    by_budget: bool,
) -> Result<(), StoreError> {
    let models: Vec<Part> =
        budgets(settings).into_iter().map(|budget| (budget.model, budget.budget_duration)).collect();
    follow_parts(transaction, kind, id, &models, by_budget).await?;
    if matches!(kind, "key" | "user" | "team") {
        let windows: Vec<Part> =
            windows(settings).into_iter().map(|(duration, _)| (duration.clone(), Some(duration))).collect();
        follow_parts(transaction, window_kind(kind), id, &windows, false).await?;
    }
    Ok(())
}

async fn follow_parts(
    transaction: &mut Transaction<'static, Any>,
    kind: &str,
    id: &str,
    parts: &[Part],
    by_budget: bool,
) -> Result<(), StoreError> {
    let rows = sqlx::query("SELECT model, budget_duration FROM model_spend WHERE kind = $1 AND id = $2")
        .bind(kind)
        .bind(id)
        .fetch_all(&mut **transaction)
        .await?;
    for row in &rows {
        let model: String = get(row, 0)?;
        let duration: Option<String> = get(row, 1)?;
        let part = parts.iter().find(|(name, _)| *name == model);
        if part.is_none() && !by_budget {
            sqlx::query("DELETE FROM model_spend WHERE kind = $1 AND id = $2 AND model = $3")
                .bind(kind)
                .bind(id)
                .bind(model)
                .execute(&mut **transaction)
                .await?;
        } else if let Some((_, wanted)) = part.filter(|(_, wanted)| *wanted != duration) {
            sqlx::query(
                "UPDATE model_spend SET budget_duration = $1, budget_reset_at = $2 \
                 WHERE kind = $3 AND id = $4 AND model = $5",
            )
            .bind(wanted.clone())
            .bind(next_reset(wanted.as_deref()))
            .bind(kind)
            .bind(id)
            .bind(model)
            .execute(&mut **transaction)
            .await?;
        }
    }
    add(transaction, kind, id, parts).await
}

/// The rows of keys that a budget limits. They are created when a key is first charged, because keys and
/// budgets can be created in any order.
pub(super) async fn follow_budgets(
    transaction: &mut Transaction<'static, Any>,
    keys: &BTreeMap<TokenHash, Owner>,
) -> Result<(), StoreError> {
    let mut known = BTreeMap::new();
    for (token, owner) in keys {
        let Some(budget_id) = owner.budget_id.as_deref() else { continue };
        if !known.contains_key(budget_id) {
            known.insert(budget_id, models_of(transaction, budget_id).await?);
        }
        let models = known.get(budget_id).map(Vec::as_slice).unwrap_or_default();
        add(transaction, "key", &token.to_string(), models).await?;
    }
    Ok(())
}

async fn models_of(
    transaction: &mut Transaction<'static, Any>,
    budget_id: &str,
) -> Result<Vec<Part>, StoreError> {
    let row = sqlx::query("SELECT settings FROM account WHERE kind = 'budget' AND id = $1")
        .bind(budget_id)
        .fetch_optional(&mut **transaction)
        .await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let settings: String = get(&row, 0)?;
    let settings = serde_json::from_str(&settings)
        .map_err(|_| StoreError::Corrupt(format!("invalid settings of the budget {budget_id}")))?;
    Ok(budgets(&settings).into_iter().map(|budget| (budget.model, budget.budget_duration)).collect())
}

async fn add(
    transaction: &mut Transaction<'static, Any>,
    kind: &str,
    id: &str,
    parts: &[Part],
) -> Result<(), StoreError> {
    for (part, duration) in parts {
        sqlx::query(
            "INSERT INTO model_spend (kind, id, model, budget_duration, budget_reset_at, spend) \
             VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT DO NOTHING",
        )
        .bind(kind)
        .bind(id)
        .bind(part.clone())
        .bind(duration.clone())
        .bind(next_reset(duration.as_deref()))
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

fn next_reset(duration: Option<&str>) -> Option<i64> {
    let next = Duration::parse(duration?).ok()?.next_reset(clock::now()).ok()?;
    Some(next.as_microsecond())
}

/// Maps spend per model to the names of the limits that cover the model.
pub(super) async fn governed(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    spent: BTreeMap<ModelName, Picodollars>,
) -> Result<BTreeMap<ModelName, Picodollars>, StoreError> {
    let any = "SELECT kind FROM model_spend WHERE kind IN ('key', 'user', 'team') LIMIT 1";
    if spent.is_empty() || sqlx::query(any).fetch_optional(&mut **transaction).await?.is_none() {
        return Ok(BTreeMap::new());
    }
    let ids: BTreeSet<&str> = spent.keys().map(|(_, id, _)| id.as_str()).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let mut limited: HashMap<(String, String), Vec<String>> = HashMap::new();
    for ids in ids.chunks(AT_ONCE) {
        let list = Places::on(backend).list(ids.len());
        let sql = format!(
            "SELECT kind, id, model FROM model_spend WHERE kind IN ('key', 'user', 'team') AND id IN ({list})"
        );
        let query = ids.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, id| query.bind(*id));
        for row in query.fetch_all(&mut **transaction).await? {
            limited.entry((get(&row, 0)?, get(&row, 1)?)).or_default().push(get(&row, 2)?);
        }
    }
    let mut charged: BTreeMap<ModelName, Picodollars> = BTreeMap::new();
    for ((kind, id, model), money) in spent {
        let names = limited.get(&(kind.to_owned(), id.clone())).map(Vec::as_slice).unwrap_or_default();
        for name in names.iter().filter(|name| governs(name, &model)) {
            let sum = charged.entry((kind, id.clone(), name.clone())).or_default();
            *sum = sum.plus(money);
        }
    }
    Ok(charged)
}

/// Deletes the rows of an owner.
pub(super) async fn forget(
    transaction: &mut Transaction<'static, Any>,
    kind: &str,
    id: &str,
) -> Result<(), StoreError> {
    for table in ["model_spend", "lease"] {
        let sql = format!("DELETE FROM {table} WHERE kind IN ($1, $2) AND id = $3");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(kind).bind(window_kind(kind)).bind(id);
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

/// A key has a new hash: the spend on its parts is kept, and there are no leases for it yet.
pub(super) async fn rename_key(
    transaction: &mut Transaction<'static, Any>,
    old: &str,
    new: &str,
) -> Result<(), StoreError> {
    for sql in [
        "UPDATE model_spend SET id = $1 WHERE kind IN ('key', 'key_window') AND id = $2",
        "DELETE FROM lease WHERE kind IN ('key', 'key_window') AND (id = $1 OR id = $2)",
    ] {
        sqlx::query(sql).bind(new.to_owned()).bind(old.to_owned()).execute(&mut **transaction).await?;
    }
    Ok(())
}

impl Store {
    /// A key's spend in each window of its `budget_limits`, and the next reset.
    pub async fn key_windows(
        &self,
        token: TokenHash,
    ) -> Result<Vec<(String, Picodollars, Option<Timestamp>)>, StoreError> {
        let windows = self.model_spends(window_kind("key"), &token.to_string()).await?;
        let moment = |at: Option<i64>| at.map(clock::from_micros);
        Ok(windows.into_iter().map(|(name, of)| (name, of.spend, moment(of.budget_reset_at))).collect())
    }

    /// Reduces a key's spend in its windows to an amount.
    pub async fn lower_key_windows(&self, token: TokenHash, to: Picodollars) -> Result<(), StoreError> {
        sqlx::query("UPDATE model_spend SET spend = $1 WHERE kind = 'key_window' AND id = $2 AND spend > $3")
            .bind(to.stored())
            .bind(token.to_string())
            .bind(to.stored())
            .execute(&self.writers)
            .await?;
        Ok(())
    }

    /// An owner's spend on each of its limited models; with a [`window_kind`], in each of its windows.
    pub(super) async fn model_spends(
        &self,
        kind: &str,
        id: &str,
    ) -> Result<Vec<(String, ModelSpend)>, StoreError> {
        let rows =
            sqlx::query("SELECT model, spend, budget_reset_at FROM model_spend WHERE kind = $1 AND id = $2")
                .bind(kind)
                .bind(id)
                .fetch_all(&self.readers)
                .await?;
        rows.iter()
            .map(|row| {
                let spend = ModelSpend {
                    spend: Picodollars::from_stored(get(row, 1)?),
                    budget_reset_at: get(row, 2)?,
                };
                Ok((get(row, 0)?, spend))
            })
            .collect()
    }
}
