//! Sessions: how they begin, and what ends them.

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use switchboard_keys::{clock, housekeeping, ui};

use super::Browser;
use crate::app::{MASTER_KEY, TestApp};

#[tokio::test]
async fn whoever_has_not_logged_in_is_asked_for_a_key_and_led_back() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    let page = browser.get("/ui/keys?search=a%26b").await;
    assert_eq!(page.location(), "/ui/login?next=%2Fui%2Fkeys%3Fsearch%3Da%2526b");
    let login = page.location().to_owned();
    let login = browser.get(&login).await.ok();
    assert_eq!(login.field("next"), "/ui/keys?search=a%26b");
    let page = browser.post("/ui/login", &[("key", MASTER_KEY), ("next", &login.field("next"))]).await;
    assert_eq!(page.location(), "/ui/keys?search=a%26b");
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.ends_with("; Path=/ui; HttpOnly; SameSite=Strict"), "{cookie}");
    browser.get("/ui/keys").await.ok().shows("Master key");
}

#[tokio::test]
async fn over_https_the_cookie_is_sent_over_nothing_else() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    browser.headers.push(("x-forwarded-proto", "https".to_owned()));
    let page = browser.post("/ui/login", &[("key", MASTER_KEY)]).await;
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Secure-") && cookie.ends_with("; Secure"), "{cookie}");
    browser.get("/ui/keys").await.ok();
}

#[tokio::test]
async fn the_login_form_leads_to_no_other_site() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    for next in [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "/v1/models",
        "/ui/logout",
    ] {
        let page = browser.post("/ui/login", &[("key", MASTER_KEY), ("next", next)]).await;
        assert_eq!(page.location(), "/ui", "{next}");
        let encoded: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page = browser.get(&format!("/ui/login?next={encoded}")).await.ok();
        assert_eq!(page.field("next"), "/ui", "{next}");
    }
}

#[tokio::test]
async fn a_key_that_the_api_rejects_opens_no_session_and_the_page_says_why() {
    let app = TestApp::new().await;
    let blocked = app.key(json!({})).await;
    app.post("/key/block", json!({"key": blocked})).await.ok();
    let expired = app.key(json!({"duration": "0s"})).await;
    for (key, reason) in [
        ("sk-nobody-has-this-key", "This key does not exist"),
        ("nonsense", "This key does not exist"),
        (blocked.as_str(), "blocked"),
        (expired.as_str(), "Expired"),
    ] {
        let mut browser = Browser::new(&app);
        let page = browser.post("/ui/login", &[("key", key)]).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{key}");
        page.shows(reason);
        page.hides(key);
        assert!(browser.cookie.is_none());
    }
    let page = Browser::new(&app).post("/ui/login", &[("key", " ")]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn after_some_failures_even_the_right_key_has_to_wait() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    browser.headers.push(("x-envoy-external-address", "203.0.113.9".to_owned()));
    for _ in 0..5 {
        let page = browser.post("/ui/login", &[("key", "sk-a-guess-of-the-key")]).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    }
    let page = browser.post("/ui/login", &[("key", MASTER_KEY)]).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    Browser::with(&app, MASTER_KEY).await;
}

#[tokio::test]
async fn logging_out_ends_the_session_also_for_whoever_has_copied_the_cookie() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let mut thief = Browser::new(&app);
    thief.cookie = browser.cookie.clone();
    thief.get("/ui/keys").await.ok();
    let page = browser.submit("/ui/logout", &[]).await;
    assert_eq!(page.location(), "/ui/login");
    assert!(page.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(thief.get("/ui/keys").await.location().starts_with("/ui/login"));
}

#[tokio::test]
async fn a_login_replaces_the_cookie_and_ends_the_session_before() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let planted = browser.cookie.clone();
    browser.post("/ui/login", &[("key", MASTER_KEY)]).await.location();
    assert_ne!(browser.cookie, planted);
    browser.cookie = planted;
    assert!(browser.get("/ui/keys").await.location().starts_with("/ui/login"));
}

#[tokio::test]
async fn a_session_ends_with_its_key() {
    let app = TestApp::new().await;
    let key = app.user("alice", "internal_user").await;
    let mut browser = Browser::with(&app, &key).await;
    browser.get("/ui/keys").await.ok();
    app.post("/key/block", json!({"key": key})).await.ok();
    assert!(browser.get("/ui/keys").await.location().starts_with("/ui/login"));
    app.post("/key/unblock", json!({"key": key})).await.ok();
    browser.get("/ui/keys").await.ok();
    app.post("/key/delete", json!({"keys": [key]})).await.ok();
    assert!(browser.get("/ui/keys").await.location().starts_with("/ui/login"));
}

#[tokio::test]
async fn a_session_ends_with_the_master_key() {
    let mut app = TestApp::new().await;
    let cookie = Browser::with(&app, MASTER_KEY).await.cookie;
    app.app.master_key = switchboard_keys::secret::HashedSecret::new("sk-another-master-key").unwrap();
    let mut browser = Browser::new(&app);
    browser.cookie = cookie;
    assert!(browser.get("/ui/keys").await.location().starts_with("/ui/login"));
}

#[tokio::test]
async fn a_session_ends_after_an_hour_without_a_request_and_in_any_case_after_half_a_day() {
    let app = TestApp::new().await;
    let now = clock::now();
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    housekeeping::once(&app.app.store, None, now + ui::IDLE - SignedDuration::from_secs(5)).await.unwrap();
    browser.get("/ui/keys").await.ok();
    housekeeping::once(&app.app.store, None, now + ui::IDLE + SignedDuration::from_secs(60)).await.unwrap();
    assert!(browser.get("/ui/keys").await.location().starts_with("/ui/login"));

    // Also if nobody has tidied up.
    for (begun, seen, goes_on) in [(0, 0, true), (11, 0, true), (12, 0, false), (2, 1, false)] {
        let ago = |hours: i64| now - SignedDuration::from_hours(hours) - SignedDuration::from_secs(1);
        let id = format!("{begun}-{seen}");
        let hash = switchboard::key::TokenHash::of(id.as_bytes()).to_string();
        let holder = app.app.master_key.proof(&id);
        app.app.store.insert_session(&hash, &format!("master {holder}"), ago(begun)).await.unwrap();
        app.app.store.touch_session(&hash, ago(seen)).await.unwrap();
        browser.cookie = Some(format!("switchboard_session={id}"));
        assert_eq!(browser.get("/ui/keys").await.status == 200, goes_on, "{id}");
    }
}

#[tokio::test]
async fn the_database_has_no_cookie_and_no_hash_of_the_master_key() {
    let app = TestApp::new().await;
    let browser = Browser::with(&app, MASTER_KEY).await;
    let id = browser.cookie.unwrap().split_once('=').unwrap().1.to_owned();
    let hash = switchboard::key::TokenHash::of(MASTER_KEY.as_bytes()).to_string();
    for file in app.stored().await {
        for secret in [&id, &hash] {
            assert!(!file.windows(secret.len()).any(|part| part == secret.as_bytes()));
        }
    }
}
