//! Teams: their administrators, what plain members are permitted, and users without a role.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{MASTER_KEY, TestApp, error};

async fn team(app: &TestApp, team: &str, members: &[(&str, &str)]) {
    let members: Vec<_> = members.iter().map(|(user, role)| json!({"user_id": user, "role": role})).collect();
    app.post("/team/new", json!({"team_id": team, "members_with_roles": members})).await.ok();
}

#[tokio::test]
async fn a_plain_member_makes_keys_in_a_team_only_where_it_is_permitted() {
    let app = TestApp::new().await;
    let bob = app.user("bob", "internal_user").await;
    team(&app, "t", &[("bob", "user"), ("boss", "admin")]).await;
    let generate = async || app.send(&bob, Method::POST, "/key/generate", r#"{"team_id": "t"}"#).await;
    let message = "Team member does not have permissions for endpoint: /key/generate. You only have access to the following \
                   endpoints: ['/key/info', '/key/health'] for team t. To create keys for this team, please ask your proxy \
                   admin to check the team member permission settings and update the settings to allow team member users to \
                   create keys.";
    assert_eq!(generate().await, error(401, "team_member_permission_error", message, Some("/key/generate")));
    let boss = app.user("boss2", "internal_user").await;
    let member = json!({"team_id": "t", "member": {"user_id": "boss2", "role": "admin"}});
    app.post("/team/member_add", member).await.ok();
    let permissions = json!({"team_id": "t", "team_member_permissions": ["/key/generate"]}).to_string();
    assert_eq!(
        app.send(&bob, Method::POST, "/team/permissions_update", permissions.clone()).await.status,
        403
    );
    app.send(&boss, Method::POST, "/team/permissions_update", permissions).await.ok();
    generate().await.ok();
}

#[tokio::test]
async fn permissions_are_listed_with_all_that_there_are() {
    let app = TestApp::new().await;
    team(&app, "t", &[]).await;
    let listed = app.get(MASTER_KEY, "/team/permissions_list?team_id=t").await.ok();
    assert_eq!(listed["team_member_permissions"], json!(["/key/info", "/key/health"]));
    let all = listed["all_available_permissions"].as_array().unwrap();
    assert!(all.contains(&json!("/key/generate")) && !all.contains(&json!("/key/block")), "{all:?}");
    for path in ["/team/new", "/team/update", "/team/permissions_update"] {
        let team = if path == "/team/new" { "u" } else { "t" };
        let answer =
            app.post(path, json!({"team_id": team, "team_member_permissions": ["/key/block"]})).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["error"]["param"]),
            (400, &json!("team_member_permissions"))
        );
    }
    assert_eq!(app.get(MASTER_KEY, "/team/permissions_list?team_id=none").await.status, 404);
    assert_eq!(app.get(MASTER_KEY, "/team/permissions_list").await.status, 422);
    assert_eq!(app.post("/team/permissions_update", json!({"team_id": "t"})).await.status, 422);
    let updated =
        json!({"team_id": "t", "team_member_permissions": ["/key/update", "/key/{key_id}/regenerate"]});
    app.post("/team/permissions_update", updated.clone()).await.ok();
    let listed = app.get(MASTER_KEY, "/team/permissions_list?team_id=t").await.ok();
    assert_eq!(listed["team_member_permissions"], updated["team_member_permissions"]);
}

#[tokio::test]
async fn a_member_that_left_has_the_permissions_of_nobody() {
    let app = TestApp::new().await;
    let bob = app.user("bob", "internal_user").await;
    let key = app.key(json!({"user_id": "bob", "team_id": "t"})).await;
    let body = json!({"team_id": "t", "team_member_permissions": ["/key/update"]});
    app.post("/team/new", body).await.ok();
    let update = json!({"key": key, "metadata": {}}).to_string();
    assert_eq!(app.send(&bob, Method::POST, "/key/update", update).await.status, 401);
}

#[tokio::test]
async fn members_read_each_others_keys_and_see_the_aliases_of_their_team() {
    let app = TestApp::new().await;
    let bob = app.user("bob", "internal_user").await;
    team(&app, "t", &[("bob", "user")]).await;
    team(&app, "other", &[]).await;
    let fellow = app.key(json!({"user_id": "carol", "team_id": "t", "key_alias": "carols"})).await;
    let service = app.key(json!({"team_id": "t", "key_alias": "service"})).await;
    let strange = app.key(json!({"team_id": "other", "key_alias": "strange"})).await;
    for key in [&fellow, &service] {
        app.get(&bob, &format!("/key/info?key={key}")).await.ok();
    }
    assert_eq!(app.get(&bob, &format!("/key/info?key={strange}")).await.status, 403);
    assert_eq!(app.get(&bob, "/key/aliases").await.ok()["aliases"], json!(["carols", "service"]));
    let asked = json!({"keys": [fellow, strange]}).to_string();
    let shown = app.send(&bob, Method::POST, "/v2/key/info", asked).await.ok();
    assert_eq!(shown["info"].as_array().unwrap().len(), 1);
    assert_eq!(app.get(&bob, "/team/info?team_id=t").await.ok()["keys"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn whoever_makes_a_team_administers_it() {
    let app = TestApp::new().await;
    let made = app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let admin = |user: &str| json!([{"user_id": user, "user_email": null, "role": "admin"}]);
    assert_eq!(made["members_with_roles"], admin("default_user_id"));
    let boss = app.user("boss", "proxy_admin").await;
    let made = app.send(&boss, Method::POST, "/team/new", "{}").await.ok();
    assert_eq!(made["members_with_roles"], admin("boss"));
    let said =
        json!({"team_id": "u", "members_with_roles": [{"user_id": "default_user_id", "role": "user"}]});
    assert_eq!(app.post("/team/new", said).await.ok()["members_with_roles"][0]["role"], "user");
    let users = app.get(MASTER_KEY, "/user/list").await.ok();
    let ids = |user: &Value| user["user_id"].as_str().unwrap().to_owned();
    let ids: Vec<_> = users["users"].as_array().unwrap().iter().map(ids).collect();
    assert_eq!(ids, ["boss"], "the holder of the master key is no row");
}

#[tokio::test]
async fn a_user_without_a_role_is_an_internal_user() {
    let app = TestApp::new().await;
    let made = app.post("/user/new", json!({"user_id": "alice"})).await.ok();
    let key = made["key"].as_str().unwrap();
    app.send(key, Method::POST, "/key/generate", "{}").await.ok();
    // So is one that came into being as a member of a team.
    team(&app, "t", &[("bob", "user")]).await;
    let bob = app.key(json!({"user_id": "bob"})).await;
    app.send(&bob, Method::POST, "/key/generate", "{}").await.ok();
}

#[tokio::test]
async fn an_update_makes_a_user_that_is_not_there() {
    let app = TestApp::new().await;
    let answer = app.post("/user/update", json!({"user_id": "alice", "max_budget": 2.0})).await.ok();
    assert_eq!((&answer["user_id"], &answer["data"]["max_budget"]), (&json!("alice"), &json!(2.0)));
    assert_eq!(app.get(MASTER_KEY, "/user/info?user_id=alice").await.ok()["keys"], json!([]));
    let made = app.post("/user/update", json!({"user_email": "bob@example.com"})).await.ok();
    let again = app.post("/user/update", json!({"user_email": "BOB@example.com", "rpm_limit": 1})).await.ok();
    assert_eq!(made["user_id"], again["user_id"]);
    let key = json!({"user_id": "alice", "key_alias": "x"});
    assert_eq!(app.post("/user/update", key).await.body["error"]["param"], "key_alias");
}
