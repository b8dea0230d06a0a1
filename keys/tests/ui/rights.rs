//! The console allows what the API allows: each role with each action, on keys of its own and of others.

use axum::http::Method;
use serde_json::{Value, json};

use super::Browser;
use crate::app::TestApp;

const ROLES: [&str; 4] = ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"];

/// What is done, how the API is asked for it, and how the console is.
const ACTIONS: [(&str, &str, &str); 6] = [
    ("info", "/key/info", ""),
    ("edit", "/key/update", "/edit"),
    ("block", "/key/block", "/block"),
    ("unblock", "/key/unblock", "/unblock"),
    ("rotate", "/key/regenerate", "/rotate"),
    ("delete", "/key/delete", "/delete"),
];

/// Keys in every relation to the caller, who is called `caller`.
async fn keys(app: &TestApp) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    for (whose, body) in [
        ("given", json!({"user_id": "caller"})),
        ("others", json!({"user_id": "somebody"})),
        ("own in a team", json!({"user_id": "caller", "team_id": "joined"})),
        ("of a fellow", json!({"user_id": "somebody", "team_id": "joined"})),
        ("of a led team", json!({"user_id": "somebody", "team_id": "led"})),
    ] {
        let made = app.generate(body).await;
        keys.push((whose, made["token"].as_str().unwrap().to_owned()));
    }
    keys
}

async fn world(role: &str) -> (TestApp, String) {
    let app = TestApp::new().await;
    let caller = app.user("caller", role).await;
    for (team, place) in [("joined", "user"), ("led", "admin")] {
        app.post("/team/new", json!({"team_id": team})).await.ok();
        let member = json!({"team_id": team, "member": {"user_id": "caller", "role": place}});
        app.post("/team/member_add", member).await.ok();
    }
    (app, caller)
}

fn body(path: &str, token: &str) -> Value {
    match path {
        "/key/delete" => json!({"keys": [token]}),
        "/key/update" => json!({"key": token, "rpm_limit": 5}),
        _ => json!({"key": token}),
    }
}

#[tokio::test]
async fn each_role_may_do_on_pages_what_it_may_do_by_the_api() {
    let mut compared = 0;
    for role in ROLES {
        let (app, caller) = world(role).await;
        for (name, path, page) in ACTIONS {
            let (for_api, for_console) = (keys(&app).await, keys(&app).await);
            let mut browser = Browser::with(&app, &caller).await;
            for ((whose, by_api), (_, by_console)) in for_api.iter().zip(&for_console) {
                let said = if path == "/key/info" {
                    app.get(&caller, &format!("{path}?key={by_api}")).await
                } else {
                    app.send(&caller, Method::POST, path, body(path, by_api).to_string()).await
                };
                let allowed = said.status.is_success();
                let shown = browser.get(&format!("/ui/keys/{by_console}")).await;
                let offered = shown.text.contains(&format!("/ui/keys/{by_console}{page}\""));
                let address = format!("/ui/keys/{by_console}{page}");
                let done = if page.is_empty() {
                    shown
                } else {
                    browser.submit(&address, &[("was.rpm_limit", ""), ("rpm_limit", "5")]).await
                };
                // A form that is shown again has its own status.
                let done_well = done.status.is_success() || done.status.is_redirection();
                assert_eq!(done_well, allowed, "{role} {name} {whose}: {} and {}", said.body, done.text);
                if !allowed {
                    assert_eq!(done.status, said.status, "{role} {name} {whose}");
                }
                if !["info", "unblock"].contains(&name) {
                    assert_eq!(offered, allowed, "{role} {name} {whose}: what is offered");
                }
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 4 * 6 * 5);
}

#[tokio::test]
async fn a_list_has_the_keys_that_the_api_lists() {
    for role in ROLES {
        let (app, caller) = world(role).await;
        keys(&app).await;
        let mut browser = Browser::with(&app, &caller).await;
        let total = app.get(&caller, "/key/list").await.ok()["total_count"].as_u64().unwrap();
        browser.get("/ui/keys").await.ok().shows(&format!("{total} keys"));
        let makes = app.send(&caller, Method::POST, "/key/generate", "{}").await.status.is_success();
        let page = browser.get("/ui/keys").await;
        assert_eq!(page.text.contains("Create key"), makes, "{role}");
        assert_eq!(browser.get("/ui/keys/new").await.status.is_success(), makes, "{role}");
        assert_eq!(browser.submit("/ui/keys/new", &[]).await.status.is_success(), makes, "{role}");
    }
}

#[tokio::test]
async fn a_key_without_a_user_sees_itself() {
    let app = TestApp::new().await;
    let made = app.generate(json!({"key_alias": "lonely"})).await;
    let other = app.generate(json!({"key_alias": "other"})).await;
    let mut browser = Browser::with(&app, made["key"].as_str().unwrap()).await;
    let own = format!("/ui/keys/{}", made["token"].as_str().unwrap());
    assert_eq!(browser.get("/ui/keys").await.location(), own);
    let page = browser.get(&own).await.ok();
    page.shows("lonely");
    page.hides("/edit");
    assert_eq!(browser.get(&format!("/ui/keys/{}", other["token"].as_str().unwrap())).await.status, 403);
    assert_eq!(browser.get("/ui/keys/new").await.status, 401);
}

#[tokio::test]
async fn a_key_for_some_paths_alone_has_the_pages_of_those() {
    let app = TestApp::new().await;
    app.user("boss", "proxy_admin").await;
    let held = app.key(json!({"user_id": "boss", "allowed_routes": ["/key/list", "/key/info"]})).await;
    let other = app.generate(json!({"key_alias": "other"})).await;
    let token = other["token"].as_str().unwrap();
    let mut browser = Browser::with(&app, &held).await;
    let list = browser.get("/ui/keys").await.ok();
    list.hides("Create key");
    browser.get(&format!("/ui/keys/{token}")).await.ok().hides("/delete");
    for path in [
        format!("/ui/keys/{token}/delete"),
        format!("/ui/keys/{token}/block"),
        format!("/ui/keys/{token}/rotate"),
    ] {
        assert_eq!(browser.submit(&path, &[]).await.status, 403, "{path}");
    }
    let models = app.key(json!({"user_id": "boss", "allowed_routes": ["llm_api_routes"]})).await;
    let mut browser = Browser::with(&app, &models).await;
    let page = browser.get("/ui/keys").await;
    assert_eq!(page.status, 403);
    page.shows("Not allowed");
}
