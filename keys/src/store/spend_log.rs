//! `/spend/logs`: spend by request or by day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use super::sql::placeholders;
use super::{Store, StoreError, get};
use crate::clock;
use crate::money::Picodollars;

/// Maximum number of rows in a response, as in `LiteLLM`.
pub const MOST: usize = 10_000;

/// Selects requests. All fields that are set must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpendFilter {
    /// Hash of the key.
    pub token: Option<String>,
    /// User of that key.
    pub user_id: Option<String>,
    /// `id` of the response, or `x-litellm-call-id`.
    pub request_id: Option<String>,
    /// Started at this time or later.
    pub from: Option<Timestamp>,
    /// Started before this time.
    pub before: Option<Timestamp>,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct SpendRow {
    /// `x-litellm-call-id`.
    pub call_id: String,
    /// Hash of the key; absent for the master key.
    pub token: Option<String>,
    /// User of the key at that time.
    pub user_id: Option<String>,
    /// Team of the key at that time.
    pub team_id: Option<String>,
    /// `chat`, `embedding` or `completion`.
    pub mode: String,
    /// The requested model group.
    pub model_group: String,
    /// Deployment that responded.
    pub deployment_id: String,
    /// `provider/model` that responded.
    pub model: String,
    /// Number of requests that the row sums up.
    pub requests: i64,
    /// Status that the client received.
    pub status: i64,
    /// Prompt tokens.
    pub prompt_tokens: i64,
    /// Completion tokens.
    pub completion_tokens: i64,
    /// Prompt tokens read from a cache.
    pub cached_tokens: i64,
    /// Prompt tokens written to a cache.
    pub cache_write_tokens: i64,
    /// Completion tokens spent on reasoning.
    pub reasoning_tokens: i64,
    /// Cost; absent if the price is unknown.
    pub cost: Option<Picodollars>,
    /// Start of the request.
    pub started_at: Timestamp,
    /// Duration, milliseconds.
    pub duration_ms: i64,
    /// `id` of the response.
    pub answer_id: Option<String>,
    /// The caller's end user.
    pub end_user: Option<String>,
    /// Tags of the request.
    pub tags: Vec<String>,
    /// The client's address.
    pub requester_ip: Option<String>,
    /// `api_base` of the deployment.
    pub api_base: Option<String>,
    /// Alias of the key at that time.
    pub key_alias: Option<String>,
    /// Class and message of the error.
    pub error: Option<(String, String)>,
}

/// Spend on a day (UTC): the total, and by key, user and model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpendDay {
    /// Total.
    pub spend: Picodollars,
    /// By hash of the key.
    pub keys: BTreeMap<String, Picodollars>,
    /// By user.
    pub users: BTreeMap<String, Picodollars>,
    /// By model.
    pub models: BTreeMap<String, Picodollars>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Moment(Timestamp),
}

impl SpendFilter {
    fn conditions(&self) -> (String, Vec<Value<'_>>) {
        let wanted = [
            ("token =", self.token.as_deref().map(Value::Text)),
            ("user_id =", self.user_id.as_deref().map(Value::Text)),
            ("started_at >=", self.from.map(Value::Moment)),
            ("started_at <", self.before.map(Value::Moment)),
        ];
        let mut sql = String::new();
        let mut values = Vec::new();
        for (condition, value) in wanted {
            let Some(value) = value else { continue };
            sql.push_str(if values.is_empty() { " WHERE " } else { " AND " });
            values.push(value);
            sql.push_str(condition);
            sql.push_str(&placeholders(values.len(), 1));
        }
        if let Some(id) = self.request_id.as_deref() {
            sql.push_str(if values.is_empty() { " WHERE " } else { " AND " });
            values.push(Value::Text(id));
            let id = placeholders(values.len(), 1);
            sql.extend(["(answer_id = ", &id, " OR call_id = ", &id, ")"]);
        }
        (sql, values)
    }
}

fn bind<'q>(query: Query<'q, Any, AnyArguments>, values: &[Value<'_>]) -> Query<'q, Any, AnyArguments> {
    values.iter().fold(query, |query, value| match value {
        Value::Text(text) => query.bind((*text).to_owned()),
        Value::Moment(at) => query.bind(at.as_microsecond()),
    })
}

impl Store {
    /// Deletes the oldest rows of requests that started before `before`, at most `most` of them, and returns
    /// their number. Their cost remains in the spend of keys, users and teams.
    pub async fn trim_spend_log(&self, before: Timestamp, most: i64) -> Result<u64, StoreError> {
        let deleted = sqlx::query(
            "DELETE FROM spend_log WHERE (batch_id, position) IN \
             (SELECT batch_id, position FROM spend_log WHERE started_at < $1 ORDER BY started_at LIMIT $2)",
        )
        .bind(before.as_microsecond())
        .bind(most)
        .execute(&self.writers)
        .await?;
        Ok(deleted.rows_affected())
    }

    /// The requests, latest first, at most [`MOST`].
    pub async fn spend_rows(&self, filter: &SpendFilter) -> Result<Vec<SpendRow>, StoreError> {
        let (wanted, values) = filter.conditions();
        let sql = format!(
            "SELECT call_id, token, user_id, team_id, mode, model_group, deployment_id, model, requests, status, \
             prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost, started_at, \
             duration_ms, answer_id, end_user, request_tags, requester_ip, api_base, key_alias, error_class, \
             error_message FROM spend_log{wanted} ORDER BY started_at DESC, batch_id, position LIMIT {MOST}"
        );
        let rows = bind(sqlx::query(AssertSqlSafe(sql)), &values).fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(SpendRow {
                    call_id: get(row, 0)?,
                    token: get(row, 1)?,
                    user_id: get(row, 2)?,
                    team_id: get(row, 3)?,
                    mode: get(row, 4)?,
                    model_group: get(row, 5)?,
                    deployment_id: get(row, 6)?,
                    model: get(row, 7)?,
                    requests: get(row, 8)?,
                    status: get(row, 9)?,
                    prompt_tokens: get(row, 10)?,
                    completion_tokens: get(row, 11)?,
                    cached_tokens: get(row, 12)?,
                    cache_write_tokens: get(row, 13)?,
                    reasoning_tokens: get(row, 14)?,
                    cost: get::<Option<i64>, _>(row, 15)?.map(Picodollars::from_stored),
                    started_at: clock::from_micros(get(row, 16)?),
                    duration_ms: get(row, 17)?,
                    answer_id: get(row, 18)?,
                    end_user: get(row, 19)?,
                    tags: get::<Option<String>, _>(row, 20)?
                        .and_then(|tags| serde_json::from_str(&tags).ok())
                        .unwrap_or_default(),
                    requester_ip: get(row, 21)?,
                    api_base: get(row, 22)?,
                    key_alias: get(row, 23)?,
                    error: get::<Option<String>, _>(row, 24)?.zip(get(row, 25)?),
                })
            })
            .collect()
    }

    /// The totals of every day with spend, by the number of days since 1970.
    pub async fn spend_days(&self, filter: &SpendFilter) -> Result<BTreeMap<i64, SpendDay>, StoreError> {
        let (wanted, values) = filter.conditions();
        // Integer division is the same in both databases, and no request started before 1970.
        let sql = format!(
            "SELECT started_at / 86400000000 AS day, token, user_id, model, CAST(SUM(COALESCE(cost, 0)) AS BIGINT) \
             FROM spend_log{wanted} GROUP BY 1, token, user_id, model"
        );
        let rows = bind(sqlx::query(AssertSqlSafe(sql)), &values).fetch_all(&self.readers).await?;
        let mut days = BTreeMap::<i64, SpendDay>::new();
        for row in &rows {
            let day = days.entry(get(row, 0)?).or_default();
            let spent = Picodollars::from_stored(get(row, 4)?);
            day.spend = day.spend.plus(spent);
            let add = |sums: &mut BTreeMap<String, Picodollars>, name: Option<String>| {
                if let Some(name) = name {
                    let sum = sums.entry(name).or_default();
                    *sum = sum.plus(spent);
                }
            };
            add(&mut day.keys, get(row, 1)?);
            add(&mut day.users, get(row, 2)?);
            // A rejected request has no model.
            add(&mut day.models, Some(get(row, 3)?).filter(|model: &String| !model.is_empty()));
        }
        Ok(days)
    }
}
