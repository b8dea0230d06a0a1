//! `GET /spend/logs`: returns spend by request or by day.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use switchboard::key::call_type;

use crate::app::App;
use crate::auth::{Caller, Role};
use crate::clock;
use crate::error::ApiError;
use crate::money::Picodollars;
use crate::query::Query;
use crate::store::{MOST_SPEND_ROWS, SpendDay, SpendFilter, SpendRow};
use crate::token::identified;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Returns days if both dates are given (and `summarize` is not false), otherwise rows. Users see only their
/// own.
pub async fn logs(State(app): State<App>, caller: Caller, query: Query) -> Result<Response, ApiError> {
    let mut filter = SpendFilter {
        token: query.text("api_key").map(|key| identified(key).to_string()),
        user_id: query.owned("user_id"),
        request_id: query.owned("request_id"),
        ..SpendFilter::default()
    };
    if !caller.views_all() {
        match (&caller, caller.role()) {
            (Caller::Key { key, .. }, Role::Unknown) => filter.token = Some(key.token.to_string()),
            _ => filter.user_id = caller.user_id().map(str::to_owned),
        }
    }
    let start = query.text("start_date").map(date).transpose()?;
    let end = query.text("end_date").map(date).transpose()?;
    let summarize = query.boolean("summarize", true)?;
    let (Some(start), Some(end)) = (start, end) else { return rows(&app, &filter).await };
    filter.from = Some(start);
    // The last day is part of the range.
    filter.before = end.checked_add(DAY).ok();
    if !summarize {
        return rows(&app, &filter).await;
    }
    let days = app.store.spend_days(&filter).await?;
    let Some((last, _)) = days.last_key_value() else { return Ok(Json(json!([])).into_response()) };
    let last = *last;
    let mut shown: Vec<Value> = days.iter().map(|(day, sums)| summary(*day, sums)).collect();
    // Limited to the last day with spend, because a range of centuries is a mistake.
    let end = end.as_second().div_euclid(86_400);
    shown.extend((last + 1..=end).take(366).map(|day| summary(day, &SpendDay::default())));
    Ok(Json(shown).into_response())
}

async fn rows(app: &App, filter: &SpendFilter) -> Result<Response, ApiError> {
    let rows = app.store.spend_rows(filter).await?;
    let shown: Vec<_> = rows.iter().map(show).collect();
    let truncated = rows.len() == MOST_SPEND_ROWS;
    let headers = truncated.then_some([("x-litellm-spend-logs-truncated", "true")]);
    Ok(match headers {
        Some(headers) => (headers, Json(shown)).into_response(),
        None => Json(shown).into_response(),
    })
}

fn date(text: &str) -> Result<Timestamp, ApiError> {
    let date = text.parse::<Date>().ok().and_then(|date| TimeZone::UTC.to_timestamp(date.into()).ok());
    date.ok_or_else(|| ApiError::bad_request(format!("invalid date '{text}', expected YYYY-MM-DD")))
}

fn summary(day: i64, sums: &SpendDay) -> Value {
    let usd = |sums: &BTreeMap<String, Picodollars>| -> Map<String, Value> {
        sums.iter().map(|(name, spent)| (name.clone(), json!(spent))).collect()
    };
    let mut shown = usd(&sums.keys);
    let day = clock::from_micros(day.saturating_mul(86_400_000_000));
    shown.insert("startTime".to_owned(), json!(day.strftime("%Y-%m-%d").to_string()));
    shown.insert("spend".to_owned(), json!(sums.spend));
    shown.insert("users".to_owned(), Value::Object(usd(&sums.users)));
    shown.insert("models".to_owned(), Value::Object(usd(&sums.models)));
    Value::Object(shown)
}

/// A row as it is returned.
pub fn show(row: &SpendRow) -> Value {
    let end =
        row.started_at.checked_add(SignedDuration::from_millis(row.duration_ms)).unwrap_or(row.started_at);
    let first =
        row.first_token_ms.and_then(|ms| row.started_at.checked_add(SignedDuration::from_millis(ms)).ok());
    let provider = row.model.split_once('/').map(|(provider, _)| provider);
    // A stream that broke off started with status 200.
    let succeeded = (200..400).contains(&row.status) && row.error.is_none();
    let status = if succeeded { "success" } else { "failure" };
    json!({
        "request_id": row.answer_id.as_ref().unwrap_or(&row.call_id),
        "litellm_call_id": row.call_id,
        "call_type": call_type(&row.mode),
        "api_key": row.token.as_deref().unwrap_or_default(),
        "spend": row.cost.unwrap_or_default(),
        "total_tokens": row.prompt_tokens.saturating_add(row.completion_tokens),
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "startTime": clock::iso(row.started_at),
        "endTime": clock::iso(end),
        "request_duration_ms": row.duration_ms,
        "completionStartTime": first.map(clock::iso),
        "model": row.model.split_once('/').map_or(row.model.as_str(), |(_, model)| model),
        "model_id": row.deployment_id,
        "model_group": row.model_group,
        "custom_llm_provider": provider,
        "api_base": row.api_base.as_deref().unwrap_or_default(),
        "user": row.user_id.as_deref().unwrap_or_default(),
        "metadata": {
            "requests": row.requests,
            "usage": {
                "cached_tokens": row.cached_tokens,
                "cache_write_tokens": row.cache_write_tokens,
                "reasoning_tokens": row.reasoning_tokens,
            },
            "user_api_key": row.token.as_deref().unwrap_or_default(),
            "user_api_key_alias": row.key_alias,
            "user_api_key_user_id": row.user_id,
            "user_api_key_team_id": row.team_id,
            "user_api_key_end_user_id": row.end_user,
            "requester_ip_address": row.requester_ip,
            "trace_id": row.trace_id,
            "attempts": row.attempts,
            "status": status,
            "error_information": row.error.as_ref().map(|(class, message)| json!({
                "error_code": row.status.to_string(),
                "error_class": class,
                "llm_provider": provider,
                "error_message": message,
            })),
        },
        "cache_hit": "False",
        "cache_key": "",
        "request_tags": row.tags,
        "team_id": row.team_id,
        "end_user": row.end_user.as_deref().unwrap_or_default(),
        "requester_ip_address": row.requester_ip,
        "messages": {},
        "response": {},
        "session_id": null,
        "status": status,
    })
}
