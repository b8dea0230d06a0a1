use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use switchboard::key::UsageEntry;
use switchboard_keys::duration::Duration;
use switchboard_keys::housekeeping::once;

use crate::app::{TestApp, batch, usage};

fn moment(text: &serde_json::Value) -> Timestamp {
    text.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_budget_starts_again_at_its_moment_and_not_before() {
    let app = TestApp::new().await;
    let made = app.generate(json!({"budget_duration": "1d"})).await;
    let key = made["key"].as_str().unwrap();
    app.sync(None, Some(batch("b1", vec![usage(Some(key), Some(1_000_000_000_000))]))).await;
    let reset = moment(&made["budget_reset_at"]);

    once(&app.app.store, None, reset - SignedDuration::from_secs(1)).await.unwrap();
    assert_eq!(app.info(key).await["spend"], 1.0);

    once(&app.app.store, None, reset).await.unwrap();
    let info = app.info(key).await;
    assert_eq!(info["spend"], 0.0);
    assert_eq!(info["total_spend"], 1.0);
    assert_eq!(moment(&info["budget_reset_at"]), reset + SignedDuration::from_hours(24));
}

#[tokio::test]
async fn a_service_that_slept_for_a_month_starts_a_budget_again_once() {
    let app = TestApp::new().await;
    let made = app.generate(json!({"budget_duration": "1h"})).await;
    let later = moment(&made["budget_reset_at"]) + SignedDuration::from_hours(24 * 31);
    once(&app.app.store, None, later).await.unwrap();
    let next = moment(&app.info(made["key"].as_str().unwrap()).await["budget_reset_at"]);
    assert!(next > later && next <= later + SignedDuration::from_hours(1));
}

#[tokio::test]
async fn a_clock_that_jumps_starts_no_budget_twice_and_brings_no_key_back() {
    let app = TestApp::new().await;
    let made = app.generate(json!({"budget_duration": "1d", "duration": "30d"})).await;
    let key = made["key"].as_str().unwrap();
    let spend = async |id: &str| {
        app.sync(None, Some(batch(id, vec![usage(Some(key), Some(1_000_000_000_000))]))).await;
    };
    spend("b1").await;
    let reset = moment(&made["budget_reset_at"]);
    once(&app.app.store, None, reset).await.unwrap();
    spend("b2").await;
    // Back by two days, and past the same moment again.
    for at in [reset - SignedDuration::from_hours(48), reset, reset + SignedDuration::from_secs(1)] {
        once(&app.app.store, None, at).await.unwrap();
        assert_eq!(app.info(key).await["spend"], 1.0, "{at}");
    }
    assert_eq!(app.info(key).await["expires"], made["expires"], "whatever the clock said meanwhile");
    spend("b1").await;
    assert_eq!(app.info(key).await["total_spend"], 2.0, "a batch is remembered");
}

#[tokio::test]
async fn the_id_of_a_batch_is_remembered_for_a_week() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let send = || app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(1_000_000_000_000))])));
    send().await;
    let now = Timestamp::now();
    once(&app.app.store, None, now + SignedDuration::from_hours(7 * 24 - 1)).await.unwrap();
    send().await;
    assert_eq!(app.info(&key).await["spend"], 1.0);
    assert_eq!(app.app.store.forget_batches(now + SignedDuration::from_hours(1)).await.unwrap(), 1);
}

#[tokio::test]
async fn rows_of_the_spend_log_go_after_their_retention_and_what_they_cost_stays() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let at = |started_ms| UsageEntry { started_ms, ..usage(Some(&key), Some(1_000_000_000_000)) };
    let (old, new) = (1_795_000_000_000, 1_795_000_000_000 + 3_600_000);
    app.sync(None, Some(batch("b1", vec![at(old), at(new)]))).await;
    let now = Timestamp::from_millisecond(new.cast_signed()).unwrap() + SignedDuration::from_mins(30);

    once(&app.app.store, None, now).await.unwrap();
    assert_eq!(app.spend_log().await.len(), 2, "without a retention rows are kept");
    once(&app.app.store, Some(Duration::parse("1h").unwrap()), now).await.unwrap();
    let rows = app.spend_log().await;
    assert_eq!(rows.iter().map(|row| &row["started_at"]).collect::<Vec<_>>(), [new * 1000]);
    assert_eq!(app.info(&key).await["spend"], 2.0);
}

#[tokio::test]
async fn a_trim_of_the_spend_log_that_is_long_overdue_ends_in_one_round() {
    let app = TestApp::new().await;
    let entries = (0..4_500).map(|number| UsageEntry { started_ms: number, ..usage(None, Some(1)) });
    app.sync(None, Some(batch("b1", entries.collect()))).await;
    once(&app.app.store, Some(Duration::parse("1d").unwrap()), Timestamp::now()).await.unwrap();
    assert_eq!(app.spend_log().await.len(), 0);
}

#[tokio::test]
async fn without_a_spend_log_spend_is_counted_all_the_same() {
    let mut app = TestApp::new().await;
    app.app.spend_log = false;
    let key = app.key(json!({})).await;
    app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(1_000_000_000_000))]))).await;
    assert_eq!(app.spend_log().await.len(), 0);
    assert_eq!(app.info(&key).await["spend"], 1.0);
}
