//! The log: filters, pages, one request, files.

use serde_json::{Value, json};
use switchboard::key::{TokenHash, UsageAttempt, UsageEntry, UsageError};

use super::overview::now_ms;
use super::{Browser, Page};
use crate::app::{MASTER_KEY, TestApp, batch, usage};

fn request(key: Option<&str>, number: u64) -> UsageEntry<'static> {
    UsageEntry {
        call_id: format!("call-{number}.").into(),
        started_ms: now_ms() - 3_600_000 + number * 1_000,
        ..usage(key, Some(number * 10_000_000_000))
    }
}

/// The calls on a page, in order.
fn calls(page: &Page) -> Vec<u64> {
    let links = page.text.split("/ui/requests/call-").skip(1);
    links.map(|rest| rest.split('.').next().unwrap().parse().unwrap()).collect()
}

fn next(page: &Page) -> Option<String> {
    let link = page.text.split("rel=\"next\" href=\"").nth(1)?;
    Some(link.split('"').next()?.replace("&#38;", "&"))
}

/// 120 requests, in reports that come one after the other; every tenth by alice failed.
async fn world() -> (TestApp, String) {
    let app = TestApp::new().await;
    app.user("alice", "internal_user").await;
    let alice = app.key(json!({"user_id": "alice", "key_alias": "of-alice"})).await;
    let bob = app.key(json!({"user_id": "bob", "team_id": null})).await;
    for part in 0..6 {
        let entries = (part * 20..part * 20 + 20).map(|number| {
            let mut entry = request(Some(if number % 10 == 0 { &alice } else { &bob }), number);
            if number % 10 == 0 {
                entry.status = 429;
                entry.model_group = "claude".into();
                entry.model = "anthropic/claude-4".into();
                entry.detail.error = Some(UsageError::new("RateLimitError", "Slow 100% down"));
                entry.duration_ms = 9_000;
            }
            entry
        });
        app.sync(None, Some(batch(&format!("b{part}"), entries.collect()))).await;
    }
    (app, alice)
}

#[tokio::test]
async fn pages_go_back_in_time_without_a_gap_while_new_requests_come() {
    let (app, _) = world().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let mut page = browser.get("/ui/requests").await.ok();
    let mut seen = calls(&page);
    assert_eq!(seen.len(), 50);
    app.sync(None, Some(batch("new", vec![request(None, 500)]))).await;
    while let Some(link) = next(&page) {
        page = browser.get(&link).await.ok();
        seen.extend(calls(&page));
    }
    assert_eq!(seen, (0..120).rev().collect::<Vec<_>>());
    assert_eq!(calls(&browser.get("/ui/requests").await.ok())[0], 500);
}

#[tokio::test]
async fn requests_with_the_same_time_are_each_shown_once() {
    let app = TestApp::new().await;
    let at = now_ms() - 1_000;
    for part in 0..4 {
        let entries =
            (0..30).map(|number| UsageEntry { started_ms: at, ..request(None, part * 30 + number) });
        app.sync(None, Some(batch(&format!("b{part}"), entries.collect()))).await;
    }
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let mut page = browser.get("/ui/requests").await.ok();
    let mut seen = calls(&page);
    while let Some(link) = next(&page) {
        page = browser.get(&link).await.ok();
        seen.extend(calls(&page));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..120).collect::<Vec<_>>());
}

#[tokio::test]
async fn filters_select_and_keep_what_was_typed() {
    let (app, alice) = world().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let tens: Vec<u64> = (0..12).rev().map(|ten| ten * 10).collect();
    let token = TokenHash::of(alice.as_bytes()).to_string();
    for query in [
        "user=alice".to_owned(),
        format!("key={alice}"),
        format!("key={token}"),
        "model=claude".to_owned(),
        "model=anthropic%2Fclaude-4".to_owned(),
        "provider=anthropic".to_owned(),
        "status=failure".to_owned(),
        "status=4xx".to_owned(),
        "status=429".to_owned(),
        "error=slow+100%25".to_owned(),
        "error=ratelimit".to_owned(),
        "duration=5".to_owned(),
    ] {
        let page = browser.get(&format!("/ui/requests?{query}")).await.ok();
        assert_eq!(calls(&page), tens, "{query}");
    }
    for query in
        ["status=5xx", "team=red", "deployment=none", "error=1000", "provider=anthro", "to=2020-01-01"]
    {
        let page = browser.get(&format!("/ui/requests?{query}")).await.ok();
        assert_eq!(calls(&page), [0; 0], "{query}");
        page.shows("No request matches");
    }
    assert_eq!(calls(&browser.get("/ui/requests?cost=1.19").await.ok()), [119]);
    let page = browser.get("/ui/requests?cost=much&model=claude").await;
    assert_eq!(page.status, 400);
    page.shows("&#39;much&#39; is not a number");
    assert_eq!(page.field("model"), "claude");
}

#[tokio::test]
async fn a_member_sees_only_their_requests_whatever_the_filter() {
    let (app, alice) = world().await;
    let mut browser = Browser::with(&app, &alice).await;
    let tens: Vec<u64> = (0..12).rev().map(|ten| ten * 10).collect();
    for query in ["", "user=bob"] {
        let page = browser.get(&format!("/ui/requests?{query}")).await.ok();
        assert_eq!(calls(&page), tens, "{query}");
    }
    browser.get("/ui/requests/call-10.").await.ok();
    assert_eq!(browser.get("/ui/requests/call-11.").await.status, 404);
    let file = browser.get("/ui/requests/export?format=csv&user=bob").await.ok();
    assert_eq!(file.text.lines().count(), 1 + tens.len());
}

#[tokio::test]
async fn a_request_has_its_times_tokens_and_how_its_cost_is_computed() {
    let app = TestApp::new().await;
    let mut entry = usage(None, Some(3_000_000_000));
    entry.started_ms = now_ms();
    entry.first_token_ms = Some(234);
    entry.detail.answer_id = "chatcmpl-9".into();
    entry.detail.tags = vec!["blue".to_owned()].into();
    app.sync(None, Some(batch("b", vec![entry]))).await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    for id in ["call-1", "chatcmpl-9"] {
        let page = browser.get(&format!("/ui/requests/{id}")).await.ok();
        for text in [
            "$0.003",
            "1.23 s",
            "First token after 234 ms",
            "1.00 s",
            "$2.50 per million",
            "$1.25 per million",
            "$10.00 per million",
            "With the price list of this key service.",
            "master key",
            "blue",
            "gpt-4o",
        ] {
            page.shows(text);
        }
    }
    assert_eq!(browser.get("/ui/requests/none").await.status, 404);
}

#[tokio::test]
async fn a_request_that_was_retried_shows_its_chain_of_attempts_and_its_trace() {
    let (app, alice) = world().await;
    let mut entry = request(Some(&alice), 800);
    (entry.duration_ms, entry.deployment_id) = (900, "second".into());
    entry.detail.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".into();
    let attempt = |deployment: &'static str, status, began_ms| UsageAttempt {
        deployment_id: deployment.into(),
        model: "openai/gpt-4o".into(),
        status,
        began_ms,
        error: None,
    };
    entry.detail.attempts = vec![
        UsageAttempt {
            error: Some(UsageError::new("Overloaded", "<b>busy</b>")),
            ..attempt("first", 529, 3)
        },
        attempt("gone", 0, 250),
        attempt("second", 200, 700),
    ];
    let reported = entry.detail.attempts.clone();
    app.sync(None, Some(batch("retried", vec![entry]))).await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let page = browser.get("/ui/requests/call-800.").await.ok();
    for text in [
        "3 attempts",
        "<code>first</code>",
        ">529</span>",
        "Overloaded",
        "&#60;b&#62;busy&#60;/b&#62;",
        "no response",
        "450 ms",
        "/ui/models/second",
        "4bf92f3577b34da6a3ce929d0e0e4736",
    ] {
        page.shows(text);
    }
    // Whoever may not see the models has no links to them.
    let page = Browser::with(&app, &alice).await.get("/ui/requests/call-800.").await.ok();
    page.shows("<code>second</code>");
    page.hides("/ui/models/");
    let logged = app.get(MASTER_KEY, "/spend/logs?request_id=call-800.").await.ok();
    let logged = &logged[0]["metadata"];
    assert_eq!(logged["attempts"].as_array().unwrap().len(), reported.len());
    assert_eq!(logged["attempts"][0]["error"], json!(["Overloaded", "<b>busy</b>"]));
    assert_eq!(logged["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    // One attempt is not reported, and shown all the same.
    let page = browser.get("/ui/requests/call-3.").await.ok();
    page.shows("<h2>Attempt</h2>");
}

#[tokio::test]
async fn files_have_every_row_and_no_formula() {
    let (app, _) = world().await;
    let mut odd = request(None, 700);
    odd.call_id = "=1+1".into();
    odd.detail.end_user = "@SUM(A1),\"x\"".into();
    app.sync(None, Some(batch("odd", vec![odd]))).await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let file = browser.get("/ui/requests/export?format=csv").await.ok();
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"requests.csv\"");
    assert_eq!(file.text.lines().count(), 1 + 121);
    file.shows(",'=1+1,");
    file.shows("\"'@SUM(A1),\"\"x\"\"\"");
    let file = browser.get("/ui/requests/export?format=jsonl&status=failure").await.ok();
    assert_eq!(file.headers["content-type"], "application/x-ndjson");
    let rows: Vec<Value> = file.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 12);
    assert_eq!(rows[0]["litellm_call_id"], "call-110.");
    assert_eq!(browser.get("/ui/requests/export?cost=x").await.status, 400);
}
