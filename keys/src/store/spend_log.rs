//! `/spend/logs`: spend by request or by day.
//!
//! A query first finds the segments of the log that can have what it wants, and then reads only those.

use core::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use super::sql::placeholders;
use super::{Store, StoreError, get};
use crate::clock;
use crate::money::Picodollars;

/// Maximum number of rows in a response, as in `LiteLLM`.
pub const MOST: usize = 10_000;

/// Segments per query.
const SEGMENTS: usize = 16;

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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpendRow {
    /// `x-litellm-call-id`.
    pub call_id: String,
    /// Hash of the key; absent for the master key.
    pub token: Option<String>,
    /// User of the key at that time.
    pub user_id: Option<String>,
    /// Team of the key at that time.
    pub team_id: Option<String>,
    /// `chat`, `embedding`, `rerank` …
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
    /// Time to the first event of a stream, milliseconds.
    pub first_token_ms: Option<i64>,
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
    /// Id of the trace.
    pub trace_id: Option<String>,
    /// The attempts, if there was more than one.
    pub attempts: Vec<SpendAttempt>,
}

/// An attempt at a deployment, in JSON as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpendAttempt {
    /// The deployment.
    pub deployment_id: String,
    /// `provider/model`
    pub model: String,
    /// Status of the response; 0 if there was none.
    pub status: u16,
    /// From the start of the request, milliseconds.
    pub began_ms: u64,
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
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(i64),
}

/// Conditions of a query, and their values in order.
#[derive(Default)]
pub(super) struct Conditions<'a> {
    sql: Vec<String>,
    values: Vec<Value<'a>>,
}

impl<'a> Conditions<'a> {
    /// Adds a condition on a value, whose places are `$`.
    pub(super) fn add(&mut self, condition: &str, value: Value<'a>) {
        self.values.push(value);
        self.sql.push(condition.replace('$', &placeholders(self.values.len(), 1)));
    }

    /// Adds a condition without a value.
    pub(super) fn sql(&mut self, condition: &str) {
        self.sql.push(condition.to_owned());
    }

    /// Adds a condition on several numbers, whose places are `$`, in order.
    pub(super) fn all(&mut self, condition: &str, numbers: &[i64]) {
        let mut sql = String::new();
        let mut parts = condition.split('$');
        sql.extend(parts.next());
        for (number, part) in numbers.iter().zip(parts) {
            self.values.push(Value::Number(*number));
            sql.extend([&placeholders(self.values.len(), 1), part]);
        }
        self.sql.push(sql);
    }

    /// Adds that a column has one of these numbers.
    pub(super) fn any(&mut self, column: &str, numbers: &[i64]) {
        let places = placeholders(self.values.len() + 1, numbers.len());
        self.values.extend(numbers.iter().copied().map(Value::Number));
        self.sql.push(format!("{column} IN ({places})"));
    }

    /// The conditions added so far as a clause; later ones form another.
    pub(super) fn clause(&mut self) -> String {
        let sql = core::mem::take(&mut self.sql).join(" AND ");
        if sql.is_empty() { sql } else { format!(" WHERE {sql}") }
    }

    pub(super) fn query(&self, sql: String) -> Query<'static, Any, AnyArguments> {
        self.values.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
            Value::Text(text) => query.bind((*text).to_owned()),
            Value::Number(number) => query.bind(*number),
        })
    }
}

impl SpendFilter {
    fn moments(&self) -> [Option<Value<'_>>; 2] {
        [self.from, self.before].map(|at| at.map(|at| Value::Number(at.as_microsecond())))
    }

    fn texts(&self) -> [Option<Value<'_>>; 3] {
        [&self.token, &self.user_id, &self.request_id].map(|text| text.as_deref().map(Value::Text))
    }

    /// Segments that can have such requests.
    pub(super) fn select_segments<'a>(&'a self, conditions: &mut Conditions<'a>) {
        const KIND: &str = "EXISTS (SELECT 1 FROM spend_kind WHERE spend_kind.segment = spend_segment.id AND";
        const REQUEST: &str =
            "EXISTS (SELECT 1 FROM spend_request WHERE spend_request.segment = spend_segment.id AND";
        let ([from, before], [token, user, id]) = (self.moments(), self.texts());
        for (value, condition) in [
            (from, "last_at >= $"),
            (before, "first_at < $"),
            (token, &format!("{KIND} token = $)")),
            (user, &format!("{KIND} user_id = $)")),
            (id, &format!("({REQUEST} answer_id = $) OR {REQUEST} call_id = $))")),
        ] {
            if let Some(value) = value {
                conditions.add(condition, value);
            }
        }
    }

    /// Such requests.
    pub(super) fn select_requests<'a>(&'a self, conditions: &mut Conditions<'a>) {
        let ([from, before], [token, user, id]) = (self.moments(), self.texts());
        for (value, condition) in [
            (from, "started_at >= $"),
            (before, "started_at < $"),
            (token, "token = $"),
            (user, "user_id = $"),
            (id, "(answer_id = $ OR call_id = $)"),
        ] {
            if let Some(value) = value {
                conditions.add(condition, value);
            }
        }
    }
}

/// The columns of [`read_row`].
pub(super) const ROW: &str = "call_id, token, user_id, team_id, mode, model_group, deployment_id, model, requests, status, \
    prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost, started_at, duration_ms, \
    answer_id, end_user, request_tags, requester_ip, api_base, key_alias, error_class, error_message, first_token_ms, trace_id, attempts";

/// A row of the log.
pub(super) fn read_row(row: &AnyRow) -> Result<SpendRow, StoreError> {
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
        first_token_ms: get(row, 26)?,
        trace_id: get(row, 27)?,
        attempts: get::<Option<String>, _>(row, 28)?
            .and_then(|attempts| serde_json::from_str(&attempts).ok())
            .unwrap_or_default(),
    })
}

impl Store {
    /// Deletes rows of requests that started before `before`: the oldest segment, if it has no later ones (`true`),
    /// otherwise those in segments that also have later ones. Their cost remains in the spend of keys, users and
    /// teams.
    pub async fn trim_spend_log(&self, before: Timestamp) -> Result<bool, StoreError> {
        let before = before.as_microsecond();
        let mut transaction = self.write().await?;
        // The second condition is for a segment that another service has just extended.
        let old = sqlx::query(
            "DELETE FROM spend_segment WHERE last_at < $1 AND id = \
             (SELECT id FROM spend_segment WHERE last_at < $1 ORDER BY id LIMIT 1) RETURNING id",
        )
        .bind(before)
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(old) = &old {
            let id: i64 = get(old, 0)?;
            for sql in
                ["DELETE FROM spend_request WHERE segment = $1", "DELETE FROM spend_kind WHERE segment = $1"]
            {
                sqlx::query(sql).bind(id).execute(&mut *transaction).await?;
            }
        } else {
            // Locks the segments, so that nobody adds requests to them meanwhile.
            let begun =
                sqlx::query("UPDATE spend_segment SET first_at = $1 WHERE first_at < $1 RETURNING id")
                    .bind(before)
                    .fetch_all(&mut *transaction)
                    .await?;
            for row in &begun {
                sqlx::query("DELETE FROM spend_request WHERE segment = $1 AND started_at < $2")
                    .bind(get::<i64, _>(row, 0)?)
                    .bind(before)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        self.commit(transaction).await?;
        Ok(old.is_some())
    }

    /// The requests, latest first, at most [`MOST`].
    pub async fn spend_rows(&self, filter: &SpendFilter) -> Result<Vec<SpendRow>, StoreError> {
        let mut conditions = Conditions::default();
        filter.select_segments(&mut conditions);
        let sql =
            format!("SELECT id, last_at FROM spend_segment{} ORDER BY last_at DESC", conditions.clause());
        let mut segments: Vec<(i64, Timestamp)> = Vec::new();
        for row in conditions.query(sql).fetch_all(&self.readers).await? {
            segments.push((get(&row, 0)?, clock::from_micros(get(&row, 1)?)));
        }
        let mut rows: Vec<SpendRow> = Vec::new();
        for segments in segments.chunks(SEGMENTS) {
            // The latest request of these and of all further segments is earlier than all rows.
            let latest = segments.first().map(|(_, latest)| *latest);
            if rows.len() == MOST && latest < rows.last().map(|row| row.started_at) {
                break;
            }
            let ids: Vec<_> = segments.iter().map(|(id, _)| *id).collect();
            rows.extend(self.rows_of(&ids, filter).await?);
            rows.sort_by_key(|row| Reverse(row.started_at));
            rows.truncate(MOST);
        }
        Ok(rows)
    }

    async fn rows_of(&self, segments: &[i64], filter: &SpendFilter) -> Result<Vec<SpendRow>, StoreError> {
        let mut conditions = Conditions::default();
        conditions.any("segment", segments);
        filter.select_requests(&mut conditions);
        let sql = format!(
            "SELECT {ROW} FROM spend_log{} ORDER BY started_at DESC, segment, position LIMIT {MOST}",
            conditions.clause()
        );
        let rows = conditions.query(sql).fetch_all(&self.readers).await?;
        rows.iter().map(read_row).collect()
    }

    /// The totals of every day with spend, by the number of days since 1970.
    pub async fn spend_days(&self, filter: &SpendFilter) -> Result<BTreeMap<i64, SpendDay>, StoreError> {
        let mut conditions = Conditions::default();
        filter.select_segments(&mut conditions);
        let segments = conditions.clause();
        filter.select_requests(&mut conditions);
        conditions.sql.push(format!("segment IN (SELECT id FROM spend_segment{segments})"));
        // Integer division is the same in both databases, and no request started before 1970.
        let sql = format!(
            "SELECT started_at / 86400000000 AS day, token, user_id, model, CAST(SUM(COALESCE(cost, 0)) AS BIGINT) \
             FROM spend_log{} GROUP BY 1, token, user_id, model",
            conditions.clause()
        );
        let rows = conditions.query(sql).fetch_all(&self.readers).await?;
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
