//! Roll-ups: they are the sums of the spend log, whatever is reported in which order and how often.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use switchboard::key::{UsageEntry, UsageError};
use switchboard_keys::duration::Duration;
use switchboard_keys::housekeeping::roll_up;
use switchboard_keys::store::{By, Scope, SpendFilter, SpendRow, Sums, Unit, UsageQuery, UsageRow, hour_of};

use crate::app::{TestApp, batch, usage};

const HOUR_MS: u64 = 3_600_000;
/// 2026-11-30T22:00:00Z: two hours before the end of a day and of a month.
const BEGIN_MS: u64 = 1_796_076_000_000;
const ALWAYS: (i64, i64) = (0, 10_000_000);

fn all(scope: Scope, unit: Unit, by: &[By]) -> UsageQuery {
    UsageQuery::new(scope, unit, ALWAYS.0, ALWAYS.1).by(by)
}

/// The sums of the log, by whatever `of` says.
fn sums<K: Ord>(rows: &[SpendRow], of: impl Fn(&SpendRow) -> Vec<K>) -> BTreeMap<K, Sums> {
    let mut sums = BTreeMap::<K, Sums>::new();
    for row in rows {
        let failed = row.error.is_some() || !(200..400).contains(&row.status);
        let timed = !row.deployment_id.is_empty() && row.requests == 1;
        let first = row.first_token_ms.filter(|_| timed);
        let one = Sums {
            requests: row.requests,
            successes: if failed { 0 } else { row.requests },
            spend: row.cost.unwrap_or_default().stored(),
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            cached_tokens: row.cached_tokens,
            cache_write_tokens: row.cache_write_tokens,
            reasoning_tokens: row.reasoning_tokens,
            cache_hits: if row.cached_tokens > 0 { row.requests } else { 0 },
            timed_requests: i64::from(timed),
            duration_ms: if timed { row.duration_ms } else { 0 },
            streamed_requests: i64::from(first.is_some()),
            first_token_ms: first.unwrap_or_default(),
        };
        for of in of(row) {
            sums.entry(of).or_default().add(&one);
        }
    }
    sums
}

fn time(row: &SpendRow, unit: Unit) -> i64 {
    unit.begin(hour_of(row.started_at))
}

fn by_time(rows: Vec<UsageRow>) -> BTreeMap<(i64, Vec<String>), Sums> {
    rows.into_iter().map(|row| ((row.at, row.of), row.sums)).collect()
}

/// Compares every scope and unit with the log.
async fn assert_equal(app: &TestApp) {
    let store = &app.app.store;
    let log = store.spend_rows(&SpendFilter::default()).await.unwrap();
    for unit in [Unit::Hour, Unit::Day, Unit::Month] {
        let read = async |scope, by: &[By]| by_time(store.usage(&all(scope, unit, by)).await.unwrap());
        let of = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();

        assert_eq!(
            read(Scope::All, &[By::Time, By::ModelGroup, By::Model, By::Deployment]).await,
            sums(&log, |row| vec![(
                time(row, unit),
                of(&[&row.model_group, &row.model, &row.deployment_id])
            )]),
            "all, {unit:?}"
        );
        assert_eq!(
            read(Scope::Key, &[By::Time, By::Name, By::User, By::Team, By::Model]).await,
            sums(&log, |row| vec![(
                time(row, unit),
                of(&[&text(&row.token), &text(&row.user_id), &text(&row.team_id), &row.model])
            )]),
            "keys, {unit:?}"
        );
        for (scope, name) in [
            (Scope::User, (|row| row.user_id.clone()) as fn(&SpendRow) -> Option<String>),
            (Scope::Team, |row| row.team_id.clone()),
        ] {
            assert_eq!(
                read(scope, &[By::Time, By::Name]).await,
                sums(&log, |row| name(row).map(|name| (time(row, unit), of(&[&name]))).into_iter().collect()),
                "{scope:?}, {unit:?}"
            );
        }
        if unit != Unit::Hour {
            assert_eq!(
                read(Scope::EndUser, &[By::Time, By::Name, By::Token]).await,
                sums(&log, |row| {
                    let end_user = row.end_user.as_ref();
                    end_user
                        .map(|name| (time(row, unit), of(&[name, &text(&row.token)])))
                        .into_iter()
                        .collect()
                }),
                "end users, {unit:?}"
            );
            assert_eq!(
                read(Scope::Tag, &[By::Time, By::Name]).await,
                sums(&log, |row| row.tags.iter().map(|tag| (time(row, unit), of(&[tag]))).collect()),
                "tags, {unit:?}"
            );
        }
        // The failures and the histograms cover the same requests.
        let failed: i64 = store
            .usage_failures(&all(Scope::All, unit, &[]))
            .await
            .unwrap()
            .iter()
            .map(|failures| failures.requests)
            .sum();
        let total = store.usage(&all(Scope::All, unit, &[])).await.unwrap().pop().unwrap_or_default().sums;
        assert_eq!(failed, total.failures());
        let latency = store.usage_latency(&all(Scope::All, unit, &[])).await.unwrap();
        let [durations, first_tokens] = latency.into_values().next().unwrap_or_default();
        assert_eq!(
            (durations.requests(), first_tokens.requests()),
            (total.timed_requests, total.streamed_requests)
        );
    }
}

/// A request by some numbers.
fn request(keys: &[String], numbers: (u8, u64, u64, u16)) -> UsageEntry<'static> {
    let (who, minutes, cost, what) = numbers;
    let key = keys.get(usize::from(who)).map(String::as_str);
    let mut entry = usage(key, (!cost.is_multiple_of(5)).then_some(cost));
    entry.call_id = format!("call-{who}-{minutes}-{cost}-{what}").into();
    entry.started_ms = BEGIN_MS + minutes * 60_000;
    entry.duration_ms = cost % 20_000;
    entry.first_token_ms = what.is_multiple_of(3).then_some(cost % 3_000);
    entry.cached_tokens = u64::from(what % 4) * 100;
    if what.is_multiple_of(2) {
        entry.model_group = "claude".into();
        entry.model = "anthropic/claude".into();
        entry.deployment_id = "d2".into();
    }
    if what.is_multiple_of(7) {
        entry.status = 429;
        entry.deployment_id = "".into();
        entry.requests = u64::from(what % 3) + 1;
        entry.detail.error = Some(UsageError::new("RateLimitError", "slow down"));
    }
    if what.is_multiple_of(5) {
        entry.detail.end_user = format!("end-{}", what % 2).into();
    }
    if what.is_multiple_of(4) {
        entry.detail.tags = vec!["blue".to_owned(), format!("t{}", what % 3)].into();
    }
    entry
}

/// Keys: with a user and a team, with a user, with tags, alone.
async fn keys(app: &TestApp) -> Vec<String> {
    app.post("/team/new", json!({"team_id": "red"})).await.ok();
    let mut keys = Vec::new();
    for body in [
        json!({"user_id": "alice", "team_id": "red"}),
        json!({"user_id": "alice"}),
        json!({"metadata": {"tags": ["blue", "of-key"]}}),
        json!({}),
    ] {
        keys.push(app.key(body).await);
    }
    keys
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn roll_ups_equal_the_log_after_any_reports(
        batches in prop::collection::vec(
            (0_u8..6, prop::collection::vec((0_u8..6, 0_u64..240, 0_u64..2_000_000_000, 0_u16..1_000), 0..40)),
            1..8,
        ),
        together in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let app = TestApp::new().await;
            let keys = keys(&app).await;
            // Few ids: some batches are repeated, others have an id that is taken.
            let reports = batches.into_iter().map(|(id, numbers)| {
                let entries = numbers.into_iter().map(|numbers| request(&keys, numbers)).collect();
                app.sync(None, Some(batch(&format!("b{id}"), entries)))
            });
            if together {
                futures_util::future::join_all(reports).await;
            } else {
                for report in reports {
                    report.await;
                }
            }
            assert_equal(&app).await;
        });
    }
}

/// A few requests in two hours, two days, two months.
async fn used() -> TestApp {
    let app = TestApp::new().await;
    let keys = keys(&app).await;
    let numbers = (0..60)
        .map(|number: u16| (u8::try_from(number % 5).unwrap(), u64::from(number) * 4, 1_000_000, number));
    let entries = numbers.map(|numbers| request(&keys, numbers)).collect();
    app.sync(None, Some(batch("b", entries))).await;
    app
}

async fn execute(app: &TestApp, statements: &[&str]) {
    let mut connection = AnyConnection::connect(&TestApp::url(&app.directory).await).await.unwrap();
    for sql in statements {
        sqlx::raw_sql(AssertSqlSafe((*sql).to_owned())).execute(&mut connection).await.unwrap();
    }
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let mut connection = AnyConnection::connect(&TestApp::url(&app.directory).await).await.unwrap();
    let sql = format!("SELECT COUNT(*) FROM {table}");
    sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap().get(0)
}

#[tokio::test]
async fn a_log_from_before_the_roll_ups_is_added_once() {
    let app = used().await;
    let filled = count(&app, "usage_rollup").await;
    let clear = [
        "DELETE FROM usage_rollup",
        "DELETE FROM usage_latency",
        "DELETE FROM usage_failure",
        "DELETE FROM usage_series",
        "INSERT INTO usage_unfilled SELECT id FROM spend_segment",
    ];
    execute(&app, &clear).await;
    assert!(app.app.store.is_filling_usage().await.unwrap());
    for _ in 0..2 {
        roll_up(&app.app.store, None, "2026-12-02T00:00:00Z".parse().unwrap()).await.unwrap();
        assert_eq!(count(&app, "usage_rollup").await, filled);
        assert_equal(&app).await;
    }
    assert!(!app.app.store.is_filling_usage().await.unwrap());
}

#[tokio::test]
async fn roll_ups_are_deleted_when_all_of_them_is_too_old_and_hours_sooner() {
    let app = used().await;
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let requests = async |unit| {
        let rows = app.app.store.usage(&all(Scope::All, unit, &[By::Time])).await.unwrap();
        rows.iter().map(|row| row.sums.requests).collect::<Vec<_>>()
    };
    let before = [requests(Unit::Hour).await, requests(Unit::Day).await, requests(Unit::Month).await];
    assert_eq!(before.each_ref().map(Vec::len), [4, 2, 2]);
    let week = Duration::parse("7d").unwrap();
    // A week after 23:30 of the first day, which is not over then.
    roll_up(&app.app.store, Some(week), at("2026-12-07T23:30:00Z")).await.unwrap();
    assert_eq!(requests(Unit::Hour).await, before[0][1..]);
    assert_eq!(requests(Unit::Day).await, before[1]);
    assert_eq!(requests(Unit::Month).await, before[2]);
    // A week after the second day's beginning.
    roll_up(&app.app.store, Some(week), at("2026-12-08T00:00:00Z")).await.unwrap();
    assert_eq!(requests(Unit::Day).await, before[1][1..]);
    assert_eq!(requests(Unit::Month).await, before[2][1..]);
    // Without a setting, hours are kept for a quarter of a year.
    roll_up(&app.app.store, None, at("2027-06-01T00:00:00Z")).await.unwrap();
    assert_eq!(requests(Unit::Hour).await, [0; 0]);
    assert_eq!(requests(Unit::Day).await, before[1][1..]);
}

#[tokio::test]
async fn absurd_counts_do_not_block_a_report_or_a_query() {
    let app = TestApp::new().await;
    for id in ["b1", "b2", "b3"] {
        let mut entry = usage(None, Some(u64::MAX));
        (entry.prompt_tokens, entry.requests, entry.started_ms) = (u64::MAX, u64::MAX / 8, u64::MAX);
        let plain = usage(None, Some(1));
        app.sync(None, Some(batch(id, vec![entry.clone(), entry, plain]))).await;
    }
    let query = UsageQuery::new(Scope::All, Unit::Month, 0, i64::MAX);
    let used = app.app.store.usage(&query).await.unwrap();
    assert!(used[0].sums.requests > 1 << 40, "{used:?}");
}

#[tokio::test]
async fn groups_with_the_highest_spend_come_first_and_filters_select() {
    let app = TestApp::new().await;
    let keys = keys(&app).await;
    let mut entries = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let cost = u64::try_from(at + 1).unwrap() * 10;
        entries.push(UsageEntry { started_ms: BEGIN_MS, ..usage(Some(key), Some(cost)) });
        entries.push(UsageEntry { started_ms: BEGIN_MS + HOUR_MS, ..usage(Some(key), Some(cost)) });
    }
    app.sync(None, Some(batch("b", entries))).await;
    let store = &app.app.store;
    let top = store.usage(&all(Scope::Key, Unit::Day, &[By::Name]).limit(2)).await.unwrap();
    assert_eq!(top.iter().map(|row| row.sums.spend).collect::<Vec<_>>(), [80, 60]);
    let of_alice = all(Scope::Key, Unit::Hour, &[By::Time]).only(By::User, vec!["alice".to_owned()]);
    let hours: Vec<_> = store.usage(&of_alice).await.unwrap().iter().map(|row| row.sums.spend).collect();
    assert_eq!(hours, [30, 30]);
    let none = all(Scope::Key, Unit::Hour, &[]).only(By::User, Vec::new());
    assert_eq!(store.usage(&none).await.unwrap(), []);
    let total = store.usage(&all(Scope::All, Unit::Day, &[])).await.unwrap();
    assert_eq!(total[0].sums.spend, 200);
}
