//! The segments of the spend log: whoever reads it does not notice them.

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use switchboard::key::UsageEntry;
use switchboard_keys::duration::Duration;
use switchboard_keys::housekeeping::once;
use switchboard_keys::store::{MOST_SPEND_ROWS, SpendFilter};

use crate::app::{MASTER_KEY, TestApp, batch, usage};

/// More than a segment holds.
const MANY: u64 = 5_000;
const BEGIN_MS: u64 = 1_795_000_000_000;

fn at(key: Option<&str>, number: u64) -> UsageEntry<'static> {
    let mut entry = usage(key, Some(1_000_000));
    entry.call_id = format!("call-{number}").into();
    entry.detail.answer_id = format!("answer-{number}").into();
    entry.started_ms = BEGIN_MS + number;
    entry
}

async fn connection(app: &TestApp) -> AnyConnection {
    AnyConnection::connect(&TestApp::url(&app.directory).await).await.unwrap()
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection(app).await).await.unwrap().get(0)
}

/// Four segments: requests 0 to 19,999, every thousandth with the key.
async fn filled() -> (TestApp, String) {
    let app = TestApp::new().await;
    let key = app.key(json!({"user_id": "alice"})).await;
    for part in 0..4 {
        let entries = (part * MANY..(part + 1) * MANY)
            .map(|number| at(number.is_multiple_of(1_000).then_some(key.as_str()), number));
        app.sync(None, Some(batch(&format!("b{part}"), entries.collect()))).await;
    }
    assert_eq!(count(&app, "spend_segment").await, 4);
    (app, key)
}

#[tokio::test]
async fn the_latest_requests_are_listed_across_segments() {
    let (app, _) = filled().await;
    let rows = app.app.store.spend_rows(&SpendFilter::default()).await.unwrap();
    assert_eq!(rows.len(), MOST_SPEND_ROWS);
    let expected = (0..4 * MANY).rev().take(MOST_SPEND_ROWS).map(|number| format!("call-{number}"));
    assert!(rows.iter().map(|row| row.call_id.clone()).eq(expected));
}

#[tokio::test]
async fn a_key_a_user_a_range_and_an_id_are_found_in_every_segment() {
    let (app, key) = filled().await;
    let calls = async |query: &str| -> Vec<Value> {
        let rows = app.get(MASTER_KEY, &format!("/spend/logs?{query}")).await.ok();
        rows.as_array().unwrap().iter().map(|row| row["litellm_call_id"].clone()).collect()
    };
    let all: Vec<_> = (0..20).rev().map(|thousand| json!(format!("call-{}", thousand * 1_000))).collect();
    assert_eq!(calls(&format!("api_key={key}")).await, all);
    assert_eq!(calls("user_id=alice").await, all);
    for number in [0, 4_999, 5_000, 19_999] {
        let call = json!(format!("call-{number}"));
        assert_eq!(calls(&format!("request_id=call-{number}")).await, std::slice::from_ref(&call));
        assert_eq!(calls(&format!("request_id=answer-{number}")).await, [call]);
    }
    assert!(calls("request_id=call-20000").await.is_empty());
    let moment = |number: u64| Timestamp::from_millisecond((BEGIN_MS + number).cast_signed()).unwrap();
    let filter =
        SpendFilter { from: Some(moment(4_998)), before: Some(moment(5_002)), ..SpendFilter::default() };
    let rows = app.app.store.spend_rows(&filter).await.unwrap();
    let found: Vec<_> = rows.iter().map(|row| row.call_id.as_str()).collect();
    assert_eq!(found, ["call-5001", "call-5000", "call-4999", "call-4998"]);
}

#[tokio::test]
async fn nothing_is_left_of_deleted_segments_and_requests_that_come_later_are_logged() {
    let (app, _) = filled().await;
    let keep = Some(Duration::parse("1s").unwrap());
    let after = |ms: u64| Timestamp::from_millisecond((BEGIN_MS + ms).cast_signed()).unwrap();
    once(&app.app.store, keep, after(13_500)).await.unwrap();
    // Two segments are older than a second, and half of the third is.
    assert_eq!((count(&app, "spend_segment").await, count(&app, "spend_request").await), (2, 7_500));
    once(&app.app.store, keep, after(60_000)).await.unwrap();
    for table in ["spend_segment", "spend_kind", "spend_request"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    // The service was still filling the last one.
    app.sync(None, Some(batch("later", vec![at(None, 20_000)]))).await;
    assert_eq!(app.spend_log().await.len(), 1);
}

#[tokio::test]
async fn a_log_of_the_version_before_is_converted() {
    let app = TestApp::new().await;
    let mut connection = connection(&app).await;
    let before = [
        include_str!("../migrations/0001_keys.sql"),
        include_str!("../migrations/0002_accounts.sql"),
        include_str!("../migrations/0005_spend_log.sql"),
    ];
    let uncommented = |line: &'static str| line.split("--").next().unwrap_or_default();
    let before: Vec<_> = before.iter().flat_map(|sql| sql.lines()).map(uncommented).collect();
    let before = before.join("\n");
    let logs = before.split(';').filter(|sql| sql.contains("spend_log"));
    let undo = [
        "DROP VIEW spend_log",
        "DROP TABLE spend_segment",
        "DROP TABLE spend_kind",
        "DROP TABLE spend_request",
        "DROP TABLE usage_series",
        "DROP TABLE usage_rollup",
        "DROP TABLE usage_latency",
        "DROP TABLE usage_failure",
        "DROP TABLE usage_unfilled",
        "DELETE FROM _sqlx_migrations WHERE version IN (7, 13, 14)",
    ];
    for sql in undo.into_iter().chain(logs) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    }
    for (position, (user, model, call)) in
        [("NULL", "a", "c0"), ("'alice'", "a", "c1"), ("'alice'", "a", "c2"), ("'alice'", "b", "c3")]
            .into_iter()
            .enumerate()
    {
        let sql = format!(
            "INSERT INTO spend_log (batch_id, position, call_id, user_id, mode, model_group, deployment_id, model, \
             requests, status, prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, \
             reasoning_tokens, cost, started_at, duration_ms, answer_id, end_user, request_tags, requester_ip, \
             api_base, key_alias, error_class, error_message) VALUES ('b', {position}, '{call}', {user}, 'chat', 'g', \
             'd', 'openai/{model}', 1, 200, 2, 3, 4, 5, 6, 7, {}, 9, 'answer', 'end', '[\"tag\"]', '192.0.2.1', \
             'https://a', 'alias', 'class', 'message')",
            8 - position
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }
    let app = TestApp { app: TestApp::open(&app.directory).await, ..app };
    let rows = app.app.store.spend_rows(&SpendFilter::default()).await.unwrap();
    let shown: Vec<_> =
        rows.iter().map(|row| (row.call_id.as_str(), row.user_id.as_deref(), &*row.model)).collect();
    assert_eq!(
        shown,
        [
            ("c0", None, "openai/a"),
            ("c1", Some("alice"), "openai/a"),
            ("c2", Some("alice"), "openai/a"),
            ("c3", Some("alice"), "openai/b"),
        ]
    );
    assert_eq!((count(&app, "spend_segment").await, count(&app, "spend_kind").await), (1, 3));
    assert!(app.app.store.fill_usage().await.unwrap(), "the log is added to the roll-ups");
    let row = &rows[1];
    assert_eq!(
        (
            row.prompt_tokens,
            row.completion_tokens,
            row.cached_tokens,
            row.cache_write_tokens,
            row.reasoning_tokens
        ),
        (2, 3, 4, 5, 6)
    );
    assert_eq!(
        (
            row.cost.map(switchboard_keys::money::Picodollars::stored),
            row.duration_ms,
            row.requests,
            row.status
        ),
        (Some(7), 9, 1, 200)
    );
    assert_eq!((row.answer_id.as_deref(), row.end_user.as_deref()), (Some("answer"), Some("end")));
    assert_eq!(
        (row.tags.as_slice(), row.requester_ip.as_deref()),
        (&["tag".to_owned()][..], Some("192.0.2.1"))
    );
    assert_eq!((row.api_base.as_deref(), row.key_alias.as_deref()), (Some("https://a"), Some("alias")));
    assert_eq!(row.error, Some(("class".to_owned(), "message".to_owned())));
}
