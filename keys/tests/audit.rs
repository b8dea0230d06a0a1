//! `/audit`: who changed what.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header::AUTHORIZATION};
use jiff::SignedDuration;
use serde_json::{Value, json};
use switchboard::key::TokenHash;
use switchboard_keys::duration::Duration;
use switchboard_keys::{clock, housekeeping};

use crate::app::{MASTER_KEY, TestApp, call};

/// All entries, oldest first.
async fn entries(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.get(MASTER_KEY, &format!("/audit?page_size=100&sort_order=asc{query}")).await.ok();
    answer["audit_logs"].as_array().unwrap().clone()
}

/// What was done to what.
fn steps(entries: &[Value]) -> Vec<(&str, &str)> {
    entries
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap(), entry["table_name"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn each_change_of_a_key_is_recorded_with_what_it_changed() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "a", "max_budget": 5, "team_id": "t"})).await;
    app.post("/key/update", json!({"key": key, "max_budget": 7, "key_alias": "a"})).await.ok();
    app.post("/key/update", json!({"key": key, "max_budget": 7})).await.ok();
    app.post("/key/block", json!({"key": key})).await.ok();
    app.post("/key/unblock", json!({"key": key})).await.ok();
    let new = app.post("/key/regenerate", json!({"key": key})).await.ok()["key"].as_str().unwrap().to_owned();
    app.post("/key/delete", json!({"keys": [new]})).await.ok();
    let all = entries(&app, "").await;
    let kinds: Vec<_> = steps(&all).into_iter().map(|(action, _)| action).collect();
    assert_eq!(kinds, ["created", "updated", "blocked", "updated", "rotated", "deleted"]);
    let (hash, new_hash) =
        (TokenHash::of(key.as_bytes()).to_string(), TokenHash::of(new.as_bytes()).to_string());
    for entry in &all {
        assert_eq!(entry["table_name"], "LiteLLM_VerificationToken");
        assert_eq!(entry["changed_by"], "default_user_id");
        assert_eq!(entry["changed_by_api_key"], "litellm_proxy_master_key");
    }
    assert_eq!((&all[0]["object_id"], &all[0]["before_value"]), (&json!(hash), &Value::Null));
    assert_eq!(all[0]["updated_values"]["key_alias"], "a");
    assert_eq!(
        (&all[1]["before_value"], &all[1]["updated_values"]),
        (&json!({"max_budget": 5.0}), &json!({"max_budget": 7.0}))
    );
    assert_eq!(all[3]["updated_values"], json!({"blocked": false}));
    assert_eq!((&all[4]["object_id"], &all[4]["updated_values"]["token"]), (&json!(hash), &json!(new_hash)));
    assert_eq!(
        (&all[5]["before_value"]["max_budget"], &all[5]["updated_values"]),
        (&json!(7.0), &Value::Null)
    );
    assert_eq!(entries(&app, &format!("&object_key_hash={new}")).await.len(), 2, "rotated and deleted");
    let text = String::from_utf8_lossy(&app.stored().await.concat()).into_owned();
    assert!(!text.contains(&key) && !text.contains(&new), "no key is stored in the clear");
}

#[tokio::test]
async fn changes_of_users_teams_members_budgets_and_models_are_recorded() {
    let app = TestApp::with_models().await;
    app.post("/user/new", json!({"user_id": "u", "auto_create_key": false})).await.ok();
    app.post("/user/update", json!({"user_id": "u", "user_role": "proxy_admin"})).await.ok();
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    app.post("/team/member_add", json!({"team_id": "t", "member": {"user_id": "u", "role": "user"}}))
        .await
        .ok();
    app.post("/team/member_update", json!({"team_id": "t", "user_id": "u", "role": "admin"})).await.ok();
    app.post("/team/member_delete", json!({"team_id": "t", "user_id": "u"})).await.ok();
    app.post("/team/block", json!({"team_id": "t"})).await.ok();
    app.key(json!({"team_id": "t"})).await;
    app.post("/team/delete", json!({"team_ids": ["t"]})).await.ok();
    app.post("/budget/new", json!({"budget_id": "b", "max_budget": 1})).await.ok();
    app.post("/budget/update", json!({"budget_id": "b", "max_budget": 2})).await.ok();
    app.post("/budget/delete", json!({"id": "b"})).await.ok();
    let params = json!({"model": "openai/gpt-4o", "api_key": "hush-hush", "rpm": 5});
    let model = json!({"model_name": "m", "litellm_params": params, "model_info": {"id": "m1"}});
    app.post("/model/new", model).await.ok();
    let change = json!({"litellm_params": {"rpm": 6}, "model_info": {"id": "m1"}});
    app.post("/model/update", change).await.ok();
    app.post("/model/delete", json!({"id": "m1"})).await.ok();

    let all = entries(&app, "").await;
    let expected = [
        ("created", "LiteLLM_UserTable"),
        ("updated", "LiteLLM_UserTable"),
        ("created", "LiteLLM_TeamTable"),
        // Whoever creates a team administers it.
        ("created", "LiteLLM_TeamMembership"),
        ("created", "LiteLLM_TeamMembership"),
        ("updated", "LiteLLM_TeamMembership"),
        ("deleted", "LiteLLM_TeamMembership"),
        ("blocked", "LiteLLM_TeamTable"),
        ("created", "LiteLLM_VerificationToken"),
        ("deleted", "LiteLLM_TeamTable"),
        ("created", "LiteLLM_BudgetTable"),
        ("updated", "LiteLLM_BudgetTable"),
        ("deleted", "LiteLLM_BudgetTable"),
        ("created", "LiteLLM_ProxyModelTable"),
        ("updated", "LiteLLM_ProxyModelTable"),
        ("deleted", "LiteLLM_ProxyModelTable"),
    ];
    assert_eq!(steps(&all), expected);
    assert_eq!(all[1]["updated_values"], json!({"user_role": "proxy_admin"}));
    assert_eq!(all[9]["before_value"]["deleted_keys"], 1);
    assert_eq!(all[14]["before_value"]["litellm_params"]["rpm"], 5);
    assert_eq!(all[14]["updated_values"]["litellm_params"]["rpm"], 6);
    assert_eq!(all[13]["updated_values"]["litellm_params"]["api_key"], "[hidden]");
    assert!(!json!(all).to_string().contains("hush"));
    assert_eq!(entries(&app, "&object_team_id=t").await.len(), 8);
    assert_eq!(entries(&app, "&table_name=LiteLLM_BudgetTable&action=updated").await.len(), 1);
}

#[tokio::test]
async fn changes_of_customers_organizations_and_tags_are_recorded() {
    let app = TestApp::new().await;
    app.post("/customer/new", json!({"user_id": "c", "max_budget": 5.0})).await.ok();
    app.post("/customer/block", json!({"user_ids": ["c"]})).await.ok();
    app.post("/customer/delete", json!({"user_ids": ["c"]})).await.ok();
    app.post("/tag/new", json!({"name": "eu"})).await.ok();
    app.post("/tag/delete", json!({"name": "eu"})).await.ok();
    app.post("/organization/new", json!({"organization_alias": "acme"})).await.ok();
    let all = entries(&app, "").await;
    let expected = [
        ("created", "LiteLLM_EndUserTable"),
        ("blocked", "LiteLLM_EndUserTable"),
        ("deleted", "LiteLLM_EndUserTable"),
        ("created", "LiteLLM_TagTable"),
        ("deleted", "LiteLLM_TagTable"),
        ("created", "LiteLLM_OrganizationTable"),
    ];
    assert_eq!(steps(&all)[..6], expected);
    assert_eq!(all[5]["updated_values"]["organization_alias"], "acme");
}

#[tokio::test]
async fn the_author_is_who_calls_and_only_administrators_name_another() {
    let app = TestApp::new().await;
    let alice = app.user("alice", "internal_user").await;
    let send = async |key: &str, alias: &str| {
        let request = Request::post("/key/generate")
            .header(AUTHORIZATION, format!("Bearer {key}"))
            .header("LiteLLM-Changed-By", "bob@example.com")
            .body(Body::from(json!({"key_alias": alias}).to_string()))
            .unwrap();
        call(app.public(), request).await.ok()
    };
    send(&alice, "hers").await;
    send(MASTER_KEY, "his").await;
    let by_alice = entries(&app, "&changed_by=alice").await;
    assert_eq!(by_alice[0]["updated_values"]["key_alias"], "hers");
    assert_eq!(by_alice[0]["changed_by_api_key"], TokenHash::of(alice.as_bytes()).to_string());
    let by_bob = entries(&app, "&changed_by=bob@example.com").await;
    assert_eq!(by_bob.len(), 1);
    assert_eq!(
        (&by_bob[0]["updated_values"]["key_alias"], &by_bob[0]["changed_by_api_key"]),
        (&json!("his"), &json!("litellm_proxy_master_key"))
    );
}

#[tokio::test]
async fn what_fails_leaves_no_entry() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "a"})).await;
    app.key(json!({"key_alias": "b"})).await;
    for (path, body) in [
        ("/key/generate", json!({"key_alias": "a"})),
        ("/key/update", json!({"key": key, "key_alias": "b"})),
        ("/key/update", json!({"key": key, "max_budget": -1})),
        ("/key/delete", json!({"keys": ["sk-none"]})),
    ] {
        assert_ne!(app.post(path, body).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(entries(&app, "").await.len(), 2);
}

#[tokio::test]
async fn entries_are_paged_filtered_and_found_by_id() {
    let app = TestApp::new().await;
    for n in 0..25 {
        app.post("/budget/new", json!({"budget_id": format!("b{n:02}")})).await.ok();
    }
    let page = app.get(MASTER_KEY, "/audit?page=2").await.ok();
    assert_eq!(
        (&page["total"], &page["page"], &page["page_size"], &page["total_pages"]),
        (&json!(25), &json!(2), &json!(10), &json!(3))
    );
    assert_eq!(page["audit_logs"][0]["object_id"], "b14");
    let by_id = app.get(MASTER_KEY, "/audit?sort_by=object_id&sort_order=asc&page_size=1").await.ok();
    assert_eq!(by_id["audit_logs"][0]["object_id"], "b00");
    let entry = &page["audit_logs"][0];
    assert_eq!(app.get(MASTER_KEY, &format!("/audit/{}", entry["id"].as_str().unwrap())).await.ok(), *entry);
    assert_eq!(app.get(MASTER_KEY, "/audit?start_date=2999-01-01").await.ok()["total"], 0);
    assert_eq!(app.get(MASTER_KEY, "/audit?end_date=2999-01-01&object_id=b03").await.ok()["total"], 1);
    let unknown = app.get(MASTER_KEY, "/audit/none").await;
    assert_eq!(
        (unknown.status.as_u16(), &unknown.body["detail"]["message"]),
        (404, &json!("Audit log with ID none not found"))
    );
    for wrong in ["start_date=soon", "sort_by=before_value", "sort_order=up"] {
        assert_eq!(app.get(MASTER_KEY, &format!("/audit?{wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(app.get(MASTER_KEY, "/audit?page_size=101").await.status, 422);
}

#[tokio::test]
async fn old_entries_are_deleted_and_nothing_is_recorded_if_it_is_off() {
    let mut app = TestApp::new().await;
    app.key(json!({})).await;
    let (kept, store) = (Duration::parse("30d").unwrap(), app.app.store.clone());
    let at = |days: i64| clock::now() + SignedDuration::from_hours(24 * days);
    housekeeping::trim_audit_log(&store, kept, at(29)).await.unwrap();
    assert_eq!(entries(&app, "").await.len(), 1);
    housekeeping::trim_audit_log(&store, kept, at(31)).await.unwrap();
    assert_eq!(entries(&app, "").await.len(), 0);
    app.app.audit_log = false;
    let key = app.key(json!({})).await;
    app.send(MASTER_KEY, Method::POST, "/key/block", json!({"key": key}).to_string()).await.ok();
    assert_eq!(entries(&app, "").await.len(), 0);
}
