//! What other sites, and names that somebody has planted, can do: nothing.

use axum::http::StatusCode;
use serde_json::json;

use super::Browser;
use crate::app::{MASTER_KEY, TestApp};

/// Forms that are about no single key.
const FORMS: [&str; 15] = [
    "/ui/keys/new",
    "/ui/keys/selected",
    "/ui/users/selected",
    "/ui/teams/selected",
    "/ui/budgets/selected",
    "/ui/logout",
    "/ui/users/new",
    "/ui/users/mine/delete",
    "/ui/teams/new",
    "/ui/teams/mine/block",
    "/ui/teams/mine/members/new",
    "/ui/budgets/new",
    "/ui/models/new",
    "/ui/models/mine/delete",
    "/ui/playground",
];

#[tokio::test]
async fn every_page_forbids_what_it_does_not_need() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    for path in ["/ui/keys", "/ui/keys/new", "/ui/login", "/ui/none", "/ui"] {
        let page = browser.get(path).await;
        let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(
            (header("x-content-type-options"), header("cache-control")),
            ("nosniff".into(), "no-store".into())
        );
        assert_eq!(header("referrer-policy"), "same-origin");
        page.hides(" style=");
        page.hides(" onclick=");
        page.hides("<style");
        assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn what_pages_load_is_small_and_kept_by_browsers() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    let page = browser.get("/ui/login").await.ok();
    let addresses = page.text.split('"').filter(|part| part.starts_with("/ui/assets/"));
    let addresses: std::collections::BTreeSet<_> = addresses.map(str::to_owned).collect();
    assert_eq!(addresses.len(), 3, "{addresses:?}");
    let mut size = page.text.len();
    for address in addresses {
        let file = browser.get(&address).await.ok();
        assert!(file.headers["cache-control"].to_str().unwrap().starts_with("public"));
        size += file.text.len();
    }
    assert!(size < 300 * 1024, "{size}");
    assert_eq!(browser.get("/ui/assets/style-000.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_without_the_sessions_token_changes_nothing() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "mine"})).await;
    let token = app.info(&key).await["token"].clone();
    let token = token
        .as_str()
        .map_or_else(|| switchboard::key::TokenHash::of(key.as_bytes()).to_string(), str::to_owned);
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let other = Browser::with(&app, MASTER_KEY).await.get("/ui/keys").await.field("form_token");
    let paths =
        ["block", "unblock", "rotate", "delete", "edit"].map(|action| format!("/ui/keys/{token}/{action}"));
    for path in paths.iter().map(String::as_str).chain(FORMS) {
        for forged in [None, Some(""), Some("0"), Some(other.as_str())] {
            let mut fields =
                vec![("key_alias", "theirs"), ("action", "delete"), ("confirmed", "1"), ("key", &token)];
            fields.extend(forged.map(|forged| ("form_token", forged)));
            assert_eq!(browser.post(path, &fields).await.status, StatusCode::FORBIDDEN, "{path} {forged:?}");
        }
    }
    browser.get("/ui/keys").await.ok().shows("1 key<");
    assert_eq!(app.info(&key).await["key_alias"], "mine");
}

#[tokio::test]
async fn a_form_of_another_site_is_not_accepted_even_with_the_token() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let token = browser.get("/ui/keys").await.field("form_token");
    for header in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "http://evil.test")]
    {
        browser.headers = vec![(header.0, header.1.to_owned())];
        let page = browser.post("/ui/keys/new", &[("form_token", &token), ("key_alias", "theirs")]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{header:?}");
        let page = browser.post("/ui/login", &[("key", MASTER_KEY)]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{header:?}");
    }
    browser.headers = vec![("origin", "http://gateway.test:4000".to_owned())];
    browser.post("/ui/keys/new", &[("form_token", &token), ("key_alias", "mine")]).await.ok();
}

#[tokio::test]
async fn a_link_of_another_site_arrives_with_the_session_at_the_second_request() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    browser.headers = vec![("sec-fetch-site", "cross-site".to_owned())];
    browser.get("/ui/keys?search=a").await.ok().shows("content=\"0; url=/ui/keys?search=a\"");
    browser.headers = vec![("sec-fetch-site", "same-origin".to_owned())];
    assert!(browser.get("/ui/keys").await.location().starts_with("/ui/login"));
}

#[tokio::test]
async fn planted_names_are_text() {
    const PLANTED: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;";
    let app = TestApp::new().await;
    let rtl = "\u{202e}gnp.exe";
    let body = json!({"key_alias": PLANTED, "user_id": PLANTED, "team_id": rtl, "models": [PLANTED, rtl], "tags": [PLANTED],
        "metadata": {PLANTED: PLANTED, "long": "x".repeat(10_000)}});
    let made = app.generate(body).await;
    let token = made["token"].as_str().unwrap();
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let encoded: String = form_urlencoded::byte_serialize(PLANTED.as_bytes()).collect();
    let long = "y".repeat(10_000);
    for path in [
        "/ui/keys".to_owned(),
        format!("/ui/keys?search={encoded}&team={encoded}&user={encoded}"),
        format!("/ui/keys?search={long}"),
        format!("/ui/keys/{token}"),
        format!("/ui/keys/{token}/edit"),
        format!("/ui/keys/{token}/block"),
        format!("/ui/keys/{token}/delete"),
        format!("/ui/keys/{token}/rotate"),
        format!("/ui/keys/{token}?done={encoded}"),
        format!("/ui/keys/{encoded}"),
        format!("/ui/{encoded}"),
        format!("/ui/login?next={encoded}"),
    ] {
        let page = browser.get(&path).await;
        page.hides("<script>alert");
        page.hides("<img src=x");
    }
    // A name that turns the direction of text is kept apart from what follows it.
    browser.get(&format!("/ui/keys/{token}")).await.ok().shows(&format!("<bdi>{rtl}</bdi>"));
    let page = browser.submit("/ui/keys/new", &[("key_alias", PLANTED), ("metadata", PLANTED)]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.hides("<script>alert");
}

#[tokio::test]
async fn planted_users_teams_and_budgets_are_text_and_pages_stay_small() {
    const PLANTED: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;";
    let app = TestApp::new().await;
    let rtl = "\u{202e}gnp.exe";
    let large = json!({"x": "<b>".repeat(3_000)});
    let user = json!({"user_id": PLANTED, "user_alias": rtl, "user_email": PLANTED, "metadata": large, "auto_create_key": false});
    app.post("/user/new", user).await.ok();
    let team =
        json!({"team_id": PLANTED, "team_alias": PLANTED, "models": [PLANTED, rtl], "metadata": large});
    app.post("/team/new", team).await.ok();
    for n in 0..40 {
        let member =
            json!({"user_id": format!("{PLANTED}{n}"), "user_email": format!("{rtl}{n}"), "role": "user"});
        app.post("/team/member_add", json!({"team_id": PLANTED, "member": member})).await.ok();
    }
    app.post("/budget/new", json!({"budget_id": PLANTED})).await.ok();
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let encoded: String = form_urlencoded::byte_serialize(PLANTED.as_bytes()).collect();
    let segment = encoded.replace('+', "%20");
    for path in [
        "/ui/users".to_owned(),
        format!(
            "/ui/users?search={encoded}&role={encoded}&team={encoded}&sort={encoded}&after={encoded}&id={encoded}"
        ),
        format!("/ui/users/{segment}"),
        format!("/ui/users/{segment}/edit"),
        format!("/ui/users/{segment}/delete"),
        "/ui/teams".to_owned(),
        format!("/ui/teams/{segment}"),
        format!("/ui/teams/{segment}/edit"),
        format!("/ui/teams/{segment}/block"),
        format!("/ui/teams/{segment}/members/new"),
        format!("/ui/teams/{segment}/members/edit?user={encoded}0"),
        format!("/ui/teams/{segment}/members/remove?user={encoded}0"),
        "/ui/budgets".to_owned(),
        format!("/ui/budgets/{segment}"),
        format!("/ui/budgets/{segment}/edit"),
        format!("/ui/budgets/{segment}/delete"),
        format!("/ui/models?search={encoded}"),
        format!("/ui/models/{segment}"),
        format!("/ui/playground?model={encoded}"),
        format!("/ui/setup?model={encoded}"),
        format!("/ui/audit?author={encoded}&object={encoded}&since={encoded}"),
        "/ui/audit".to_owned(),
    ] {
        let page = browser.get(&path).await;
        page.hides("<script>alert");
        page.hides("<img src=x");
        assert!(page.text.len() < 300 * 1024, "{path}: {}", page.text.len());
    }
    browser.get(&format!("/ui/users/{segment}")).await.ok().shows(&format!("<bdi>{rtl}</bdi>"));
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let page = browser.submit("/ui/keys/new", &[("key_alias", &"x".repeat(300_000))]).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
}
