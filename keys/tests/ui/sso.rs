//! Logging in with an `OpenID` Connect provider, which these tests play.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use switchboard_keys::sso::Settings;
use tokio::net::TcpListener;

use super::{Browser, Page};
use crate::app::{MASTER_KEY, TestApp};

/// A provider where one person has logged in.
#[derive(Clone, Default)]
struct Issuer {
    claims: Arc<Mutex<Value>>,
    /// The challenge of the login, once its code was issued.
    challenge: Arc<Mutex<String>>,
}

async fn token(State(issuer): State<Issuer>, headers: HeaderMap, body: String) -> (StatusCode, Json<Value>) {
    let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error })));
    let own = format!("Basic {}", BASE64_STANDARD.encode("gateway:hush%2Fhush"));
    if headers["authorization"] != own.as_str()
        || form["redirect_uri"] != "http://gateway.test:4000/ui/sso/callback"
    {
        return refused("invalid_client");
    }
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
    // A code can be used once.
    let expected = std::mem::take(&mut *issuer.challenge.lock().unwrap());
    if form["code"] != "the-code" || challenge != expected {
        return refused("invalid_grant");
    }
    (StatusCode::OK, Json(json!({"access_token": "the-token", "token_type": "Bearer"})))
}

async fn userinfo(State(issuer): State<Issuer>, headers: HeaderMap) -> Json<Value> {
    assert_eq!(headers["authorization"], "Bearer the-token");
    Json(issuer.claims.lock().unwrap().clone())
}

impl Issuer {
    /// A key service whose people log in with a new provider.
    async fn with(more: &[(&str, &str)]) -> (TestApp, Self) {
        let issuer = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/token", post(token)).route("/me", get(userinfo));
        let router = router.with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let variable = |name: &str| match name {
            "GENERIC_CLIENT_ID" => Some("gateway".to_owned()),
            "GENERIC_CLIENT_SECRET" => Some("hush/hush".to_owned()),
            "GENERIC_AUTHORIZATION_ENDPOINT" => Some(format!("{address}/authorize?tenant=a")),
            "GENERIC_TOKEN_ENDPOINT" => Some(format!("{address}/token")),
            "GENERIC_USERINFO_ENDPOINT" => Some(format!("{address}/me")),
            name => more.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned()),
        };
        let mut app = TestApp::new().await;
        app.app.sso = Settings::from_variables(variable).unwrap().map(Arc::new);
        (app, issuer)
    }

    /// Begins a login, and returns where the provider leads back to.
    async fn begin(&self, browser: &mut Browser, next: &str) -> String {
        let page = browser.get(&format!("/ui/sso/login?next={next}")).await;
        let cookie = page.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        let address: url::Url = page.location().parse().unwrap();
        let query: HashMap<String, String> = address.query_pairs().into_owned().collect();
        assert_eq!((query["tenant"].as_str(), query["response_type"].as_str()), ("a", "code"));
        assert_eq!(query["code_challenge_method"], "S256");
        self.challenge.lock().unwrap().clone_from(&query["code_challenge"]);
        format!("/ui/sso/callback?code=the-code&state={}", query["state"])
    }

    /// Logs in somebody about whom the provider says this.
    async fn log_in(&self, browser: &mut Browser, claims: Value) -> Page {
        *self.claims.lock().unwrap() = claims;
        let back = self.begin(browser, "/ui/keys").await;
        browser.get(&back).await
    }
}

#[tokio::test]
async fn whoever_logs_in_becomes_a_user_with_role_and_teams_and_is_led_to_the_page() {
    let roles = r#"{"proxy_admin": ["admins"], "internal_user": ["staff"]}"#;
    let (app, issuer) = Issuer::with(&[("GENERIC_ROLE_MAPPINGS_ROLES", roles)]).await;
    for team in ["search", "support"] {
        app.post("/team/new", json!({"team_id": team})).await.ok();
    }
    let mut browser = Browser::new(&app);
    browser.get("/ui/login?next=/ui/keys").await.ok().shows("/ui/sso/login?next=%2Fui%2Fkeys");
    let claims = json!({"preferred_username": "ines", "email": "ines@example.com", "groups": ["staff", "search", "none"]});
    let page = issuer.log_in(&mut browser, claims).await.ok();
    page.shows("url=/ui/keys");
    let cookies: Vec<_> =
        page.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(
        cookies
            .iter()
            .any(|cookie| cookie.starts_with("switchboard_session=") && cookie.ends_with("SameSite=Strict"))
    );
    assert!(cookies.iter().any(|cookie| cookie.starts_with("switchboard_login=;")));
    let page = browser.get("/ui/keys").await.ok();
    page.shows("ines");
    page.shows("internal user");
    let info = app.get(MASTER_KEY, "/user/info?user_id=ines").await.ok();
    assert_eq!(
        (&info["user_info"]["user_role"], &info["user_info"]["user_email"]),
        (&json!("internal_user"), &json!("ines@example.com"))
    );
    assert_eq!(info["teams"].as_array().unwrap().len(), 1);
    assert_eq!(info["teams"][0]["team_id"], "search");
    let entries = app.get(MASTER_KEY, "/audit?changed_by=single+sign-on").await.ok();
    assert_eq!(entries["total"], 2);

    // A key of hers, made without a key.
    browser.submit("/ui/keys/new", &[("key_alias", "hers")]).await.ok();
    let made = app.get(MASTER_KEY, "/audit?changed_by=ines").await.ok();
    assert_eq!(made["audit_logs"][0]["changed_by_api_key"], "");
    assert_eq!(made["audit_logs"][0]["updated_values"]["user_id"], "ines");

    // Later she is in other groups.
    let claims = json!({"preferred_username": "ines", "groups": ["admins", "support"]});
    issuer.log_in(&mut browser, claims).await.ok();
    browser.get("/ui/users").await.ok().shows("proxy admin");
    let info = app.get(MASTER_KEY, "/user/info?user_id=ines").await.ok();
    assert_eq!(info["teams"].as_array().unwrap().len(), 1);
    assert_eq!(info["teams"][0]["team_id"], "support");

    app.post("/user/delete", json!({"user_ids": ["ines"]})).await.ok();
    assert!(
        browser.get("/ui/keys").await.location().starts_with("/ui/login"),
        "the session ends with the user"
    );
}

#[tokio::test]
async fn a_login_that_another_browser_has_begun_is_rejected() {
    let (app, issuer) = Issuer::with(&[]).await;
    *issuer.claims.lock().unwrap() = json!({"preferred_username": "mallory"});
    let mut theirs = Browser::new(&app);
    let back = issuer.begin(&mut theirs, "/ui").await;
    let mut victim = Browser::new(&app);
    let page = victim.get(&back).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.shows("not begun in this browser");
    issuer.begin(&mut victim, "/ui").await;
    assert_eq!(victim.get("/ui/sso/callback?code=the-code&state=").await.status, StatusCode::FORBIDDEN);
    assert!(victim.get("/ui/keys").await.location().starts_with("/ui/login"));
    assert_eq!(app.get(MASTER_KEY, "/user/list").await.ok()["total"], 0);
}

#[tokio::test]
async fn a_code_works_once_and_what_the_provider_refuses_is_said() {
    let (app, issuer) = Issuer::with(&[]).await;
    *issuer.claims.lock().unwrap() = json!({"preferred_username": "ines"});
    let mut browser = Browser::new(&app);
    let back = issuer.begin(&mut browser, "/ui").await;
    let cookie = browser.cookie.clone();
    browser.get(&back).await.ok();
    browser.cookie = cookie;
    let page = browser.get(&back).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.shows("has expired");
    let back = issuer
        .begin(&mut browser, "//evil.test")
        .await
        .replace("code=the-code", "error=access_denied&error_description=%3Cscript%3E");
    let page = browser.get(&back).await;
    page.shows("access_denied: &#60;script&#62;");
    assert_eq!(page.field("next"), "/ui");
}

#[tokio::test]
async fn claims_decide_who_may_log_in() {
    let (app, issuer) =
        Issuer::with(&[("ALLOWED_EMAIL_DOMAINS", "example.com"), ("PROXY_ADMIN_ID", "root")]).await;
    for (claims, text) in [
        (json!({"preferred_username": "a", "email": "a@evil.test"}), "ALLOWED_EMAIL_DOMAINS"),
        (
            json!({"preferred_username": "a", "email": "a@example.com", "email_verified": false}),
            "ALLOWED_EMAIL_DOMAINS",
        ),
        (json!({"preferred_username": "a"}), "ALLOWED_EMAIL_DOMAINS"),
        (json!({"email": "a@example.com"}), "GENERIC_USER_ID_ATTRIBUTE"),
        (json!({"preferred_username": "default_user_id", "email": "a@example.com"}), "reserved"),
    ] {
        let mut browser = Browser::new(&app);
        let page = issuer.log_in(&mut browser, claims.clone()).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{claims}");
        page.shows(text);
    }
    assert_eq!(app.get(MASTER_KEY, "/user/list").await.ok()["total"], 0);
    for (id, role) in [("someone", "internal_user_viewer"), ("root", "proxy_admin")] {
        let mut browser = Browser::new(&app);
        issuer.log_in(&mut browser, json!({"preferred_username": id, "email": "A@Example.com"})).await.ok();
        let info = app.get(MASTER_KEY, &format!("/user/info?user_id={id}")).await.ok();
        assert_eq!(info["user_info"]["user_role"], role);
    }
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_login() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    browser.get("/ui/login").await.ok().hides("single sign-on");
    assert_eq!(browser.get("/ui/sso/login").await.location(), "/ui/login");
    assert_eq!(browser.get("/ui/sso/callback?code=x&state=y").await.location(), "/ui/login");
}
