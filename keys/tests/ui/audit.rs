//! The pages about the audit log.

use axum::http::StatusCode;
use serde_json::json;

use super::Browser;
use crate::app::{MASTER_KEY, TestApp};

#[tokio::test]
async fn changes_of_pages_and_of_the_api_are_shown_with_their_authors() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    browser.get("/ui/audit").await.ok().shows("Nothing has been changed yet");
    let boss = app.user("boss", "proxy_admin").await;
    let mut her = Browser::with(&app, &boss).await;
    her.submit("/ui/keys/new", &[("key_alias", "search-prod"), ("max_budget", "5")]).await.ok();
    let token = her.get("/ui/keys?search=search-prod").await.field("key");
    her.submit(&format!("/ui/keys/{token}/edit"), &[("was.max_budget", "5"), ("max_budget", "9")])
        .await
        .location();
    let page = browser.get("/ui/audit?author=boss").await.ok();
    for text in ["2 changes", "search-prod", "max_budget: 5.0 → 9.0", "created", "updated"] {
        page.shows(text);
    }
    page.hides("Master key with");
    browser.get("/ui/audit?author=master+key").await.ok().shows("2 changes");
    browser.get("/ui/audit?kind=LiteLLM_UserTable").await.ok().shows("1 change<");
    browser.get(&format!("/ui/audit?object={token}&action=updated")).await.ok().shows("1 change<");
    browser.get("/ui/audit?since=2999-01-01").await.ok().shows("No change matches");
    let today = switchboard_keys::clock::iso(switchboard_keys::clock::now())[..10].to_owned();
    browser.get(&format!("/ui/audit?since={today}&until={today}")).await.ok().shows("4 changes");
    let entry = page.text.split("href=\"/ui/audit/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = browser.get(&format!("/ui/audit/{entry}")).await.ok();
    for text in ["boss", "<code>max_budget</code>", "5.0", "9.0", &format!("/ui/keys/{token}")] {
        page.shows(text);
    }
    assert_eq!(browser.get("/ui/audit/none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_log_is_shown_to_whom_the_api_shows_it_and_planted_names_are_text() {
    const PLANTED: &str = "<script>alert(1)</script>\"'>";
    let app = TestApp::new().await;
    let long = "y".repeat(10_000);
    app.key(json!({"key_alias": PLANTED, "metadata": {PLANTED: [PLANTED], "long": long}})).await;
    for role in ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"] {
        let key = app.user(role, role).await;
        let mut browser = Browser::with(&app, &key).await;
        let page = browser.get("/ui/audit").await;
        assert_eq!(page.status, app.get(&key, "/audit").await.status, "{role}");
        let offered = browser.get("/ui/keys").await.text.contains("href=\"/ui/audit\"");
        assert_eq!(offered, page.status == StatusCode::OK, "{role}");
    }
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let list = browser.get("/ui/audit?kind=LiteLLM_VerificationToken").await.ok();
    list.hides("<script>alert");
    for part in list.text.split("href=\"/ui/audit/").skip(1) {
        let page = browser.get(&format!("/ui/audit/{}", part.split('"').next().unwrap())).await.ok();
        page.hides("<script>alert");
        page.hides(&long);
    }
}
