//! `/organization/*`, and what the keys of an organization may do and count against.

use axum::http::Method;
use serde_json::{Value, json};
use switchboard::key::{Account, AccountKind};

use crate::app::{MASTER_KEY, TestApp, batch, usage};

const DOLLAR: u64 = 1_000_000_000_000;

fn organization(accounts: Vec<Account>) -> Option<Account> {
    accounts.into_iter().find(|account| account.id.kind == AccountKind::Organization)
}

async fn new(app: &TestApp, id: &str, more: Value) -> Value {
    let mut body = json!({"organization_id": id, "organization_alias": id});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post("/organization/new", body).await.ok()
}

async fn info(app: &TestApp, id: &str) -> Value {
    app.get(MASTER_KEY, &format!("/organization/info?organization_id={id}")).await.ok()
}

#[tokio::test]
async fn its_budget_and_models_hold_for_its_keys_and_those_of_its_teams() {
    let app = TestApp::new().await;
    let start = app.cursor().await;
    let made = new(&app, "o", json!({"max_budget": 5.0, "rpm_limit": 9, "models": ["gpt-4o"]})).await;
    assert_eq!((&made["organization_alias"], &made["models"]), (&json!("o"), &json!(["gpt-4o"])));
    assert!(app.sync(Some(start), None).await.reset, "filters read their keys again");
    app.post("/team/new", json!({"team_id": "t", "organization_id": "o"})).await.ok();
    let own = app.key(json!({"organization_id": "o"})).await;
    let of_team = app.key(json!({"team_id": "t"})).await;
    let other = app.key(json!({})).await;
    for key in [&own, &of_team] {
        let record = app.verify(key).await.key.unwrap();
        assert_eq!(record.organization_models, ["gpt-4o"]);
        let account = organization(record.accounts).unwrap();
        assert_eq!((account.max_budget, account.rpm_limit), (Some(5 * DOLLAR), Some(9)));
    }
    assert_eq!(organization(app.verify(&other).await.key.unwrap().accounts), None);
    let uses = [&own, &of_team, &other].map(|key| usage(Some(key), Some(DOLLAR)));
    for _ in 0..2 {
        app.sync(None, Some(batch("one", uses.to_vec()))).await;
    }
    assert_eq!(info(&app, "o").await["spend"], 2.0);
    let patch = json!({"organization_id": "o", "max_budget": null, "models": []}).to_string();
    app.send(MASTER_KEY, Method::PATCH, "/organization/update", patch).await.ok();
    let record = app.verify(&own).await.key.unwrap();
    assert!(record.organization_models.is_empty());
    assert_eq!(organization(record.accounts).unwrap().max_budget, None, "its rate is left");
}

#[tokio::test]
async fn its_administrators_add_members_and_teams_and_keep_their_keys() {
    let app = TestApp::new().await;
    new(&app, "o", json!({})).await;
    let admin = app.user("boss", "internal_user").await;
    let members = json!([{"user_id": "boss", "role": "org_admin"}, {"user_email": "c@example.com", "role": "internal_user"}]);
    let added =
        app.post("/organization/member_add", json!({"organization_id": "o", "member": members})).await.ok();
    assert_eq!(added["updated_organization_memberships"][0]["user_role"], "org_admin");
    let send = async |path: &str, body: Value| app.send(&admin, Method::POST, path, body.to_string()).await;
    send(
        "/organization/member_add",
        json!({"organization_id": "o", "member": {"user_id": "dave", "role": "internal_user"}}),
    )
    .await
    .ok();
    send("/team/new", json!({"team_id": "t", "organization_id": "o"})).await.ok();
    app.post("/team/new", json!({"team_id": "t2", "organization_id": "o"})).await.ok();
    app.post("/team/new", json!({"team_id": "elsewhere"})).await.ok();
    send("/team/member_add", json!({"team_id": "t2", "member": {"user_id": "dave", "role": "user"}}))
        .await
        .ok();
    let key = app.key(json!({"team_id": "t2", "user_id": "dave"})).await;
    send("/key/block", json!({"key": key})).await.ok();
    let refused = send(
        "/team/member_add",
        json!({"team_id": "elsewhere", "member": {"user_id": "dave", "role": "user"}}),
    )
    .await;
    assert_eq!(refused.status, 403);
    assert_eq!(send("/team/new", json!({"team_id": "mine"})).await.status, 401);
    let shown = app.get(&admin, "/organization/list").await.ok();
    assert_eq!(
        (shown[0]["members"].as_array().unwrap().len(), shown[0]["teams"].as_array().unwrap().len()),
        (3, 2)
    );
    let gone = json!({"organization_id": "o", "user_id": "boss"}).to_string();
    app.send(MASTER_KEY, Method::DELETE, "/organization/member_delete", gone).await.ok();
    assert_eq!(send("/key/unblock", json!({"key": key})).await.status, 403);
    assert_eq!(app.get(&admin, "/organization/list").await.ok(), json!([]));
}

#[tokio::test]
async fn with_an_organization_its_teams_and_the_keys_of_both_are_deleted() {
    let app = TestApp::new().await;
    new(&app, "o", json!({})).await;
    app.post("/team/new", json!({"team_id": "t", "organization_id": "o", "members_with_roles": [{"user_id": "u", "role": "user"}]}))
        .await
        .ok();
    let keys = [app.key(json!({"organization_id": "o"})).await, app.key(json!({"team_id": "t"})).await];
    let other = app.key(json!({"user_id": "u"})).await;
    let body = json!({"organization_ids": ["o"]}).to_string();
    let deleted = app.send(MASTER_KEY, Method::DELETE, "/organization/delete", body).await.ok();
    assert_eq!(deleted[0]["organization_id"], "o");
    for key in &keys {
        assert_eq!(app.verify(key).await.key, None);
    }
    assert!(app.verify(&other).await.key.is_some());
    assert_eq!(app.get(MASTER_KEY, "/team/info?team_id=t").await.status, 404);
    assert_eq!(app.get(MASTER_KEY, "/user/info?user_id=u").await.ok()["teams"], json!([]));
}

#[tokio::test]
async fn what_makes_no_organization_is_refused() {
    let app = TestApp::new().await;
    new(&app, "o", json!({})).await;
    for (method, path, body, status) in [
        (Method::POST, "/organization/new", json!({}), 422),
        (Method::POST, "/organization/new", json!({"organization_id": "o", "organization_alias": "o"}), 400),
        (Method::POST, "/organization/new", json!({"organization_alias": "p", "blocked": true}), 400),
        (Method::POST, "/organization/new", json!({"organization_alias": "p", "max_budget": -1}), 400),
        (Method::PATCH, "/organization/update", json!({"organization_id": "p"}), 404),
        (Method::DELETE, "/organization/delete", json!({"organization_ids": ["o", "p"]}), 404),
        (
            Method::POST,
            "/organization/member_add",
            json!({"organization_id": "o", "member": {"role": "internal_user"}}),
            422,
        ),
        (
            Method::POST,
            "/organization/member_add",
            json!({"organization_id": "o", "member": {"user_id": "u", "role": "boss"}}),
            422,
        ),
        (Method::DELETE, "/organization/member_delete", json!({"organization_id": "o", "user_id": "u"}), 404),
    ] {
        let answer = app.send(MASTER_KEY, method.clone(), path, body.to_string()).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {body}: {}", answer.body);
    }
    info(&app, "o").await;
}
