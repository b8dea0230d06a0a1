//! `/team/*`

use axum::http::Method;
use serde_json::{Value, json};
use switchboard::key::{AccountId, AccountKind};

use crate::app::{MASTER_KEY, TestApp, batch, error, usage};

async fn info(app: &TestApp, team: &str) -> Value {
    app.get(MASTER_KEY, &format!("/team/info?team_id={team}")).await.ok()
}

#[tokio::test]
async fn a_team_is_made_and_shown_with_its_keys_and_members() {
    let app = TestApp::new().await;
    let sent = json!({"team_id": "t", "team_alias": "core", "max_budget": 9.0, "models": ["gpt-4o"],
        "members_with_roles": [{"user_id": "alice", "role": "admin"}]});
    let made = app.post("/team/new", sent).await.ok();
    assert_eq!(
        (&made["team_id"], &made["team_alias"], &made["blocked"]),
        (&json!("t"), &json!("core"), &json!(false))
    );
    assert_eq!(
        made["members_with_roles"][0],
        json!({"user_id": "alice", "user_email": null, "role": "admin"})
    );
    app.key(json!({"team_id": "t", "key_alias": "teams"})).await;
    let shown = info(&app, "t").await;
    assert_eq!(shown["team_id"], "t");
    assert_eq!(shown["team_info"]["max_budget"], 9.0);
    assert_eq!(shown["keys"][0]["key_alias"], "teams");
    assert_eq!(shown["team_memberships"][0]["user_id"], "alice");
    let again = app.post("/team/new", json!({"team_id": "t"})).await;
    let message = "{'error': 'Team id = t already exists. Please use a different team id.'}";
    assert_eq!(again, error(400, "invalid_request_error", message, None));
    let unknown = app.get(MASTER_KEY, "/team/info?team_id=none").await;
    let message = "{'error': 'Team not found, passed team id: none.'}";
    assert_eq!(unknown, error(404, "invalid_request_error", message, None));
}

#[tokio::test]
async fn the_filter_hears_of_the_team_of_a_key() {
    let app = TestApp::new().await;
    let key = app.key(json!({"team_id": "t"})).await;
    assert_eq!(app.verify(&key).await.key.unwrap().team, None, "a team that is not there");
    let start = app.cursor().await;
    let sent = json!({"team_id": "t", "team_alias": "core", "models": ["m"], "tpm_limit": 5,
        "model_aliases": {"best": "gpt-4o"}, "model_rpm_limit": {"gpt-4o": 2}});
    app.post("/team/new", sent).await.ok();
    let told = app.sync(Some(start), None).await.changes;
    let record = told[0].key.clone().unwrap();
    let team = record.team.clone().unwrap();
    assert_eq!(
        (team.alias.as_deref(), team.blocked, &team.models),
        (Some("core"), false, &vec!["m".to_owned()])
    );
    assert_eq!(team.aliases, [("best".to_owned(), "gpt-4o".to_owned())]);
    let of = |model: &str| -> Vec<Option<u64>> {
        let accounts = record.accounts.iter().filter(|account| account.id.covers(model));
        accounts
            .filter(|account| account.id.kind == AccountKind::Team)
            .map(|account| account.rpm_limit)
            .collect()
    };
    assert_eq!(of("other"), [None]);
    assert_eq!(of("gpt-4o"), [None, Some(2)]);

    app.post("/team/block", json!({"team_id": "t"})).await.ok();
    assert!(app.verify(&key).await.key.unwrap().team.unwrap().blocked);
    assert_eq!(app.post("/team/unblock", json!({"team_id": "t"})).await.ok()["blocked"], false);
    assert_eq!(app.post("/team/block", json!({"team_id": "none"})).await.status, 404);
}

#[tokio::test]
async fn only_what_is_sent_changes() {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "t", "team_alias": "old", "max_budget": 9.0})).await.ok();
    let answer = app.post("/team/update", json!({"team_id": "t", "rpm_limit": 4})).await.ok();
    assert_eq!(answer["team_id"], "t");
    assert_eq!(answer["data"]["rpm_limit"], 4);
    assert_eq!((&answer["data"]["team_alias"], &answer["data"]["max_budget"]), (&json!("old"), &json!(9.0)));
    let message = "{'error': 'soft_budget (9.0) must be strictly lower than max_budget (9.0)'}";
    let soft = app.post("/team/update", json!({"team_id": "t", "soft_budget": 9})).await;
    assert_eq!(soft, error(400, "invalid_request_error", message, None));
    assert_eq!(app.post("/team/update", json!({"team_id": "none"})).await.status, 404);
    assert_eq!(app.post("/team/update", json!({})).await.status, 422);
}

#[tokio::test]
async fn members_have_a_budget_of_their_own_in_the_team() {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "t", "max_budget": 50.0, "team_member_budget": 7.0})).await.ok();
    let member = json!({"user_email": "bob@example.com", "user_id": "bob", "role": "user"});
    let sent = json!({"team_id": "t", "member": member, "max_budget_in_team": 2.0, "budget_duration": "1d"});
    let answer = app.post("/team/member_add", sent.clone()).await.ok();
    assert_eq!(answer["updated_users"][0]["user_id"], "bob");
    assert_eq!(answer["updated_team_memberships"][0]["litellm_budget_table"]["max_budget"], 2.0);
    let message = "User already in team. Member: user_id=bob";
    let again = app.post("/team/member_add", sent).await;
    assert_eq!(again, error(400, "team_member_already_in_team", message, Some("user_id")));

    let key = app.key(json!({"team_id": "t", "user_id": "bob"})).await;
    app.sync(None, Some(batch("b", vec![usage(Some(&key), Some(1_000_000_000_000))]))).await;
    let accounts = app.verify(&key).await.key.unwrap().accounts;
    let find = |id: &AccountId| accounts.iter().find(|account| account.id == *id).unwrap();
    let bob = find(&AccountId::of_member("t", "bob"));
    assert_eq!((bob.max_budget, bob.spend), (Some(2_000_000_000_000), 1_000_000_000_000));
    let team = find(&AccountId { kind: AccountKind::Team, id: "t".into(), model: None, window: None });
    assert_eq!((team.max_budget, team.spend), (Some(50_000_000_000_000), 1_000_000_000_000));
    let memberships = info(&app, "t").await["team_memberships"].take();
    let bob = memberships.as_array().unwrap().iter().find(|place| place["user_id"] == "bob").unwrap();
    assert_eq!(bob["spend"], 1.0);

    let carol = json!([{"user_id": "carol", "role": "user"}]);
    app.post("/team/member_add", json!({"team_id": "t", "member": carol})).await.ok();
    let key = app.key(json!({"team_id": "t", "user_id": "carol"})).await;
    let accounts = app.verify(&key).await.key.unwrap().accounts;
    let carol = accounts.iter().find(|account| account.id.kind == AccountKind::TeamMember).unwrap();
    assert_eq!(carol.max_budget, Some(7_000_000_000_000), "what the team gives every member");
}

#[tokio::test]
async fn what_a_team_gives_its_members_starts_again_as_the_team_says() {
    let app = TestApp::new().await;
    let team = json!({"team_id": "t", "team_member_budget": 7.0, "team_member_budget_duration": "1d"});
    app.post("/team/new", team).await.ok();
    let member =
        json!({"team_id": "t", "member": {"user_id": "bob", "role": "user"}, "allowed_models": ["gpt-4o"]});
    app.post("/team/member_add", member).await.ok();
    let key = app.key(json!({"team_id": "t", "user_id": "bob"})).await;
    let duration = async || {
        let record = app.verify(&key).await.key.unwrap();
        assert_eq!(record.user_models, ["gpt-4o"], "the member's models, though the key has a team");
        let member =
            record.accounts.iter().find(|account| account.id.kind == AccountKind::TeamMember).unwrap();
        assert!(member.budget_reset_at.is_some());
        member.budget_duration.clone()
    };
    assert_eq!(duration().await.as_deref(), Some("1d"));
    app.post("/team/update", json!({"team_id": "t", "team_member_budget_duration": "7d"})).await.ok();
    assert_eq!(duration().await.as_deref(), Some("7d"));
    let wrong =
        app.post("/team/update", json!({"team_id": "t", "team_member_budget_duration": "soon"})).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn a_member_is_changed_by_id_or_address_and_only_as_far_as_is_sent() {
    let app = TestApp::new().await;
    let team = json!({"team_id": "t", "team_member_budget": 7.0, "team_member_budget_duration": "30d"});
    app.post("/team/new", team).await.ok();
    let member = json!({"user_id": "bob", "user_email": "Bob@example.com", "role": "user"});
    app.post("/team/member_add", json!({"team_id": "t", "member": member})).await.ok();
    let key = app.key(json!({"team_id": "t", "user_id": "bob"})).await;
    let start = app.cursor().await;
    let sent = json!({"team_id": "t", "user_id": "bob", "role": "admin", "max_budget_in_team": 2.5,
        "budget_duration": "1d", "rpm_limit": 3, "tpm_limit": 50, "allowed_models": ["gpt-4o"]});
    let answer = app.post("/team/member_update", sent).await.ok();
    let right = json!({"team_id": "t", "user_id": "bob", "user_email": "Bob@example.com", "max_budget_in_team": 2.5,
        "budget_duration": "1d", "rpm_limit": 3, "tpm_limit": 50, "allowed_models": ["gpt-4o"]});
    assert_eq!(answer, right);
    let told = app.sync(Some(start), None).await.changes;
    let record = told.iter().find_map(|change| change.key.clone()).unwrap();
    assert_eq!(record.user_models, ["gpt-4o"]);
    let limits = |record: &switchboard::key::KeyRecord| {
        let member =
            record.accounts.iter().find(|account| account.id.kind == AccountKind::TeamMember).unwrap();
        (member.max_budget, member.rpm_limit, member.tpm_limit, member.budget_duration.clone())
    };
    assert_eq!(limits(&record), (Some(2_500_000_000_000), Some(3), Some(50), Some("1d".into())));
    assert_eq!(info(&app, "t").await["team_info"]["members_with_roles"][0]["role"], "admin");

    let by_address = json!({"team_id": "t", "user_email": "bob@EXAMPLE.com", "rpm_limit": null});
    let answer = app.post("/team/member_update", by_address).await.ok();
    assert_eq!((&answer["rpm_limit"], &answer["tpm_limit"]), (&json!(null), &json!(50)));
    let own = json!({"team_id": "t", "user_id": "bob", "max_budget_in_team": null, "budget_duration": null});
    app.post("/team/member_update", own).await.ok();
    let record = app.verify(&key).await.key.unwrap();
    let of_team = (Some(7_000_000_000_000), None, Some(50), Some("30d".into()));
    assert_eq!(limits(&record), of_team, "what the team sets for its members");

    for (wrong, status) in [
        (json!({"team_id": "t"}), 422),
        (json!({"user_id": "bob"}), 422),
        (json!({"team_id": "none", "user_id": "bob"}), 400),
        (json!({"team_id": "t", "user_id": "carol"}), 400),
        (json!({"team_id": "t", "user_email": "carol@example.com"}), 400),
        (json!({"team_id": "t", "user_id": "bob", "role": "boss"}), 422),
        (json!({"team_id": "t", "user_id": "bob", "max_budget_in_team": -1}), 400),
        (json!({"team_id": "t", "user_id": "bob", "budget_duration": "soon"}), 400),
    ] {
        assert_eq!(app.post("/team/member_update", wrong.clone()).await.status, status, "{wrong}");
    }
}

#[tokio::test]
async fn a_removed_member_loses_its_keys_in_the_team_and_keeps_its_others() {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let members = json!([{"user_id": "bob", "user_email": "bob@example.com", "role": "user"},
        {"user_id": "carol", "role": "user"}]);
    app.post("/team/member_add", json!({"team_id": "t", "member": members})).await.ok();
    let key = |user: &str, team: Option<&str>| app.key(json!({"team_id": team, "user_id": user}));
    let (in_team, personal) = (key("bob", Some("t")).await, key("bob", None).await);
    let (of_carol, of_team) = (key("carol", Some("t")).await, app.key(json!({"team_id": "t"})).await);
    let answer =
        app.post("/team/member_delete", json!({"team_id": "t", "user_email": "bob@example.com"})).await.ok();
    let left: Vec<_> =
        answer["members_with_roles"].as_array().unwrap().iter().map(|member| &member["user_id"]).collect();
    assert_eq!(left, ["default_user_id", "carol"]);
    assert_eq!(app.verify(&in_team).await.key, None);
    for key in [personal, of_carol, of_team] {
        assert!(app.verify(&key).await.key.is_some());
    }
    let message = "{'error': 'User not found in team'}";
    let again = app.post("/team/member_delete", json!({"team_id": "t", "user_id": "bob"})).await;
    assert_eq!(again, error(400, "invalid_request_error", message, None));
    let message = "{'error': 'Team id=none does not exist in db'}";
    let unknown = app.post("/team/member_delete", json!({"team_id": "none", "user_id": "bob"})).await;
    assert_eq!(unknown, error(400, "invalid_request_error", message, None));
}

#[tokio::test]
async fn a_member_must_be_named_with_its_role() {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    for member in
        [json!({"role": "user"}), json!({"user_id": "a"}), json!({"user_id": "a", "role": "boss"}), json!(5)]
    {
        let answer = app.post("/team/member_add", json!({"team_id": "t", "member": member})).await;
        assert_eq!(answer.status, 422, "{member}");
    }
    assert_eq!(app.post("/team/member_add", json!({"team_id": "t"})).await.status, 422);
}

#[tokio::test]
async fn an_administrator_of_a_team_manages_it_and_a_member_does_not() {
    let app = TestApp::new().await;
    let boss = app.user("boss", "internal_user").await;
    let bob = app.user("bob", "internal_user").await;
    let members = json!([{"user_id": "boss", "role": "admin"}, {"user_id": "bob", "role": "user"}]);
    app.post("/team/new", json!({"team_id": "t", "members_with_roles": members})).await.ok();
    let key = app.key(json!({"team_id": "t", "user_id": "carol", "spend": 1.0})).await;
    let call = async |who: &str, path: &str, body: Value| {
        app.send(who, Method::POST, path, body.to_string()).await.status.as_u16()
    };
    for (path, body, refused) in [
        ("/team/member_add", json!({"team_id": "t", "member": {"user_id": "new", "role": "user"}}), 403),
        ("/key/block", json!({"key": key}), 403),
        ("/key/unblock", json!({"key": key}), 403),
        ("/key/update", json!({"key": key, "max_budget": 1.0}), 403),
        (&format!("/key/{key}/reset_spend"), json!({"reset_to": 0}), 403),
        ("/key/delete", json!({"keys": [key]}), 403),
    ] {
        assert_eq!(call(&bob, path, body.clone()).await, refused, "{path}");
        assert_eq!(call(&boss, path, body).await, 200, "{path}");
    }
    for path in ["/team/block", "/team/unblock"] {
        assert_eq!(
            call(&boss, path, json!({"team_id": "t"})).await,
            401,
            "{path} is for proxy administrators"
        );
    }
    app.get(&bob, "/team/info?team_id=t").await.ok();
    let outsider = app.user("out", "internal_user").await;
    assert_eq!(app.get(&outsider, "/team/info?team_id=t").await.status, 403);
}

#[tokio::test]
async fn teams_are_listed_to_their_members_alone() {
    let app = TestApp::new().await;
    let alice = app.user("alice", "internal_user").await;
    for (team, alias, organization) in [("t1", "b", json!(null)), ("t2", "a", json!("o"))] {
        app.post("/team/new", json!({"team_id": team, "team_alias": alias, "organization_id": organization}))
            .await
            .ok();
    }
    let member = json!({"team_id": "t1", "member": {"user_id": "alice", "role": "user"}});
    app.post("/team/member_add", member).await.ok();
    let ids = |answer: Value| -> Vec<String> {
        let teams = answer.as_array().unwrap().iter();
        teams.map(|team| team["team_id"].as_str().unwrap().to_owned()).collect()
    };
    let list = async |who: &str, query: &str| app.get(who, &format!("/team/list{query}")).await.ok();
    assert_eq!(ids(list(MASTER_KEY, "").await), ["t2", "t1"]);
    assert_eq!(ids(list(MASTER_KEY, "?organization_id=o").await), ["t2"]);
    assert_eq!(ids(list(MASTER_KEY, "?organization_id=default_organization").await), ["t1"]);
    assert_eq!(ids(list(MASTER_KEY, "?user_id=alice").await), ["t1"]);
    assert_eq!(ids(list(&alice, "").await), ["t1"]);
    assert_eq!(app.get(&alice, "/team/list?user_id=bob").await.status, 401);
}

#[tokio::test]
async fn a_deleted_team_takes_its_keys_along() {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let key = app.key(json!({"team_id": "t"})).await;
    let start = app.cursor().await;
    let answer = app.post("/team/delete", json!({"team_ids": ["t"]})).await.ok();
    assert_eq!(answer, json!({"deleted_teams": ["t"]}));
    assert_eq!(app.get(&key, "/key/info").await.status, 401);
    assert_eq!(app.sync(Some(start), None).await.changes[0].key, None);
    assert_eq!(app.post("/team/delete", json!({"team_ids": ["t"]})).await.status, 404);
}

#[tokio::test]
async fn a_change_of_a_team_with_very_many_keys_makes_the_filters_forget_all() {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    for _ in 0..1001 {
        app.key(json!({"team_id": "t"})).await;
    }
    let start = app.cursor().await;
    app.post("/team/block", json!({"team_id": "t"})).await.ok();
    let told = app.sync(Some(start), None).await;
    assert!(told.reset);
    assert!(!app.sync(Some(told.cursor), None).await.reset);
}
