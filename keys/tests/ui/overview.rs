//! The overview: figures, charts and tables of what was used, and whose.

use jiff::Timestamp;
use serde_json::json;
use switchboard::key::{UsageEntry, UsageError};

use super::Browser;
use crate::app::{MASTER_KEY, TestApp, batch, usage};

const HOUR_MS: u64 = 3_600_000;

pub(super) fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap()
}

fn spent(key: Option<&str>, call: &str, dollars: u64) -> UsageEntry<'static> {
    let call = call.to_owned();
    let at = now_ms() - now_ms() % HOUR_MS;
    UsageEntry { call_id: call.into(), started_ms: at, ..usage(key, Some(dollars * 1_000_000_000_000)) }
}

/// alice spent 9 of 10 in a team, bob 4; a request of bob's was rejected.
async fn world() -> (TestApp, String, String) {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "red", "team_alias": "The Reds"})).await.ok();
    app.user("alice", "internal_user").await;
    app.user("bob", "internal_user").await;
    let alice = app
        .key(json!({"user_id": "alice", "team_id": "red", "key_alias": "of-alice", "max_budget": 10}))
        .await;
    let bob = app.key(json!({"user_id": "bob", "key_alias": "of-bob"})).await;
    let mut claude = spent(Some(&bob), "c2", 4);
    claude.model_group = "claude".into();
    claude.model = "anthropic/claude-4".into();
    let mut rejected = spent(Some(&bob), "c3", 0);
    (rejected.status, rejected.cost_picodollars) = (429, None);
    rejected.detail.error = Some(UsageError::new("RateLimitError", "slow down"));
    app.sync(None, Some(batch("b", vec![spent(Some(&alice), "c1", 9), claude, rejected]))).await;
    (app, alice, bob)
}

#[tokio::test]
async fn an_administrator_sees_all_usage_in_its_parts() {
    let (app, ..) = world().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    assert_eq!(browser.get("/ui").await.location(), "/ui/overview");
    for range in ["24h", "7d", "30d", "90d", "12mo", "odd"] {
        let page = browser.get(&format!("/ui/overview?range={range}")).await.ok();
        for text in ["$13.00", "33.3% of the requests", "RateLimitError", "gpt-4o", "claude", "40.0%"] {
            page.shows(text);
        }
        assert!(page.text.len() < 200 * 1024, "{}", page.text.len());
    }
    for (by, names) in [
        ("model", ["gpt-4o", "claude"]),
        ("provider", ["openai", "anthropic"]),
        ("key", ["of-alice", "of-bob"]),
        ("user", ["alice", "bob"]),
        ("team", ["The Reds", "Others"]),
    ] {
        let page = browser.get(&format!("/ui/overview?by={by}")).await.ok();
        for name in names {
            page.shows(name);
        }
        page.shows(&format!("Usage by {by}"));
    }
    let page = browser.get("/ui/overview").await.ok();
    page.shows("of-alice</bdi>");
    page.shows("90%");
    page.shows("Deployments with errors in this and the last hour");
    page.shows("p95 ");
}

#[tokio::test]
async fn every_figure_leads_to_the_rows_behind_it() {
    let (app, ..) = world().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let page = browser.get("/ui/overview?range=24h&by=key").await.ok();
    let links: std::collections::BTreeSet<_> = page
        .text
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| link.starts_with("/ui/requests?"))
        .map(|link| link.replace("&#38;", "&"))
        .collect();
    assert!(links.len() > 25, "a link for each hour and each figure: {links:?}");
    for link in &links {
        browser.get(link).await.ok();
    }
    let failed = links.iter().find(|link| link.contains("status=429")).unwrap();
    let rows = browser.get(failed).await.ok();
    rows.shows("/ui/requests/c3\"");
    rows.hides("/ui/requests/c1\"");
}

#[tokio::test]
async fn a_member_sees_only_what_is_theirs() {
    let (app, alice, _) = world().await;
    let mut browser = Browser::with(&app, &alice).await;
    for by in ["model", "key", "team", "user", "provider"] {
        let page = browser.get(&format!("/ui/overview?by={by}")).await.ok();
        page.shows("$9.00");
        for text in
            ["$13.00", "of-bob", "bob", "claude", "RateLimitError", "Deployments with errors", "By team"]
        {
            page.hides(text);
        }
    }
    let page = browser.get("/ui/overview").await.ok();
    page.shows("of-alice</bdi>");
    page.shows("of the latest 1 requests");
}

#[tokio::test]
async fn a_key_without_a_user_sees_itself_and_one_for_other_paths_nothing() {
    let (app, ..) = world().await;
    let lonely = app.key(json!({"key_alias": "lonely"})).await;
    app.sync(None, Some(batch("lonely", vec![spent(Some(&lonely), "c9", 2)]))).await;
    let page = Browser::with(&app, &lonely).await.get("/ui/overview").await.ok();
    page.shows("$2.00");
    page.hides("$13.00");
    let held = app.key(json!({"user_id": "alice", "allowed_routes": ["/key/list", "/key/info"]})).await;
    let mut browser = Browser::with(&app, &held).await;
    assert_eq!(browser.get("/ui").await.location(), "/ui/keys");
    assert_eq!(browser.get("/ui/overview").await.status, 403);
    let keys = browser.get("/ui/keys").await.ok();
    keys.hides("/ui/overview");
    keys.hides("/ui/requests");
}

#[tokio::test]
async fn an_empty_range_says_what_to_do() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    browser.get("/ui/overview").await.ok().shows("Show the last 12 months");
    browser.get("/ui/overview?range=12mo").await.ok().shows("Create a key");
}

#[tokio::test]
async fn planted_names_are_texts() {
    let app = TestApp::new().await;
    let evil = "<script>alert(1)</script>\"'&\u{202e}";
    let key = app.key(json!({"key_alias": evil, "user_id": evil, "max_budget": 1})).await;
    let mut entry = spent(Some(&key), "call<b>", 5);
    entry.model_group = evil.into();
    entry.deployment_id = evil.into();
    entry.model = format!("{evil}/{evil}").into();
    entry.status = 500;
    entry.detail.error = Some(UsageError::new(evil, evil));
    entry.detail.end_user = evil.into();
    entry.detail.tags = vec![evil.to_owned()].into();
    app.sync(None, Some(batch("b", vec![entry]))).await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let mut pages = Vec::new();
    for by in ["model", "provider", "key", "user"] {
        pages.push(browser.get(&format!("/ui/overview?by={by}")).await.ok());
    }
    pages.push(browser.get("/ui/requests").await.ok());
    pages.push(browser.get("/ui/requests/call%3Cb%3E").await.ok());
    for page in pages {
        page.hides("<script>alert");
        page.hides("call<b>");
        page.hides("\"'&\u{202e}");
        page.hides(" style=");
        page.shows("alert(1)");
    }
}
