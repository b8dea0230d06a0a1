//! The pages about teams, their members and budgets.

use axum::http::StatusCode;
use serde_json::json;

use super::Browser;
use crate::app::{MASTER_KEY, TestApp, batch, usage};

#[tokio::test]
async fn a_team_is_created_changed_blocked_and_deleted() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    browser.get("/ui/teams").await.ok().shows("There are no teams yet");
    let fields =
        [("team_alias", "Search"), ("team_id", "t/1 ü"), ("max_budget", "100"), ("budget_duration", "30d")];
    let made = browser.submit("/ui/teams/new", &fields).await;
    assert_eq!(made.location(), "/ui/teams/t%2F1%20%C3%BC?done=team-created");
    let own = "/ui/teams/t%2F1%20%C3%BC";
    let key = app.key(json!({"team_id": "t/1 ü"})).await;
    app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(90_000_000_000_000))]))).await;
    for page in ["/ui/teams", "/ui/teams?search=SEAR", "/ui/teams?search=t/1&sort=spend&order=desc", own] {
        let page = browser.get(page).await.ok();
        for text in ["Search", "$90.00", "$100.00", "90% used"] {
            page.shows(text);
        }
    }
    browser.get("/ui/teams?search=zzz").await.ok().shows("No team matches");

    let wrong =
        browser.submit(&format!("{own}/edit"), &[("max_budget", "lots"), ("team_alias", "Find")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!((wrong.field("max_budget"), wrong.field("team_alias")), ("lots".into(), "Find".into()));
    let change =
        [("was.team_alias", "Search"), ("team_alias", "Find"), ("was.models", ""), ("models", "gpt-4o, o3")];
    assert!(browser.submit(&format!("{own}/edit"), &change).await.location().ends_with("done=saved"));
    let page = browser.get(own).await.ok();
    page.shows("<bdi>Find</bdi>");
    page.shows("<bdi>o3</bdi>");

    browser.get(&format!("{own}/block")).await.ok().shows("1 key, 1 member");
    browser.submit(&format!("{own}/block"), &[]).await.location();
    assert!(app.verify(&key).await.key.unwrap().team.unwrap().blocked);
    browser.get(own).await.ok().shows("Unblock");
    browser.submit(&format!("{own}/unblock"), &[]).await.location();
    assert!(!app.verify(&key).await.key.unwrap().team.unwrap().blocked);
    browser.get(&format!("{own}/delete")).await.ok().shows("keys are deleted");
    assert_eq!(browser.submit(&format!("{own}/delete"), &[]).await.location(), "/ui/teams?done=team-deleted");
    assert!(app.verify(&key).await.key.is_none());
    assert_eq!(browser.get(own).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn several_teams_are_blocked_and_deleted_after_a_question() {
    let app = TestApp::new().await;
    for team in ["a", "b", "c"] {
        app.post("/team/new", json!({"team_id": team, "team_alias": format!("Team {team}")})).await.ok();
    }
    let key = app.key(json!({"team_id": "a"})).await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    browser.get("/ui/teams").await.ok().shows("name=\"id\" value=\"a\"");
    let two = [("id", "a"), ("id", "b")];
    let with = |more: &[(&'static str, &'static str)]| [&two[..], more].concat();
    let question = browser.submit("/ui/teams/selected", &with(&[("action", "block")])).await.ok();
    for text in ["Block 2 teams?", "Team a", "keys: 1", "name=\"id\" value=\"b\""] {
        question.shows(text);
    }
    assert!(!app.verify(&key).await.key.unwrap().team.unwrap().blocked);
    let sure = with(&[("action", "block"), ("confirmed", "1")]);
    assert_eq!(browser.submit("/ui/teams/selected", &sure).await.location(), "/ui/teams?done=teams-blocked");
    assert!(app.verify(&key).await.key.unwrap().team.unwrap().blocked);
    browser.submit("/ui/teams/selected", &with(&[("action", "unblock")])).await.location();
    assert!(!app.verify(&key).await.key.unwrap().team.unwrap().blocked);
    browser.submit("/ui/teams/selected", &with(&[("action", "delete")])).await.ok().shows("Delete 2 teams?");
    let sure = with(&[("action", "delete"), ("confirmed", "1")]);
    assert_eq!(browser.submit("/ui/teams/selected", &sure).await.location(), "/ui/teams?done=teams-deleted");
    let left = browser.get("/ui/teams").await.ok();
    left.shows("1 team<");
    left.hides("Team a");
    assert!(app.verify(&key).await.key.is_none());
    for wrong in [&[("action", "delete")][..], &[("id", "c"), ("action", "melt")]] {
        assert_eq!(browser.submit("/ui/teams/selected", wrong).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn several_users_and_budgets_are_deleted_by_administrators_alone() {
    let app = TestApp::new().await;
    app.user("alice", "internal_user").await;
    app.user("bob", "internal_user").await;
    for budget in ["small", "large"] {
        app.post("/budget/new", json!({"budget_id": budget, "max_budget": 5})).await.ok();
    }
    let alice = app.key(json!({"user_id": "alice"})).await;
    let bob = app.key(json!({"user_id": "bob"})).await;
    let users = [("id", "alice"), ("action", "delete"), ("confirmed", "1")];
    let budgets = [("id", "small"), ("id", "large"), ("action", "delete")];
    let mut stranger = Browser::with(&app, &bob).await;
    for (path, form) in [
        ("/ui/users/selected", &users[..]),
        ("/ui/budgets/selected", &budgets),
        ("/ui/teams/selected", &[("id", "a"), ("action", "delete"), ("confirmed", "1")]),
    ] {
        let status = stranger.submit(path, form).await.status;
        assert!(matches!(status.as_u16(), 401 | 403), "{path}: {status}");
    }
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let question = browser.submit("/ui/users/selected", &users[..2]).await.ok();
    question.shows("Delete 1 user?");
    assert_eq!(browser.submit("/ui/users/selected", &users).await.location(), "/ui/users?done=users-deleted");
    assert!(app.verify(&alice).await.key.is_none() && app.verify(&bob).await.key.is_some());
    browser.submit("/ui/budgets/selected", &budgets).await.ok().shows("Delete 2 budgets?");
    let sure = [&budgets[..], &[("confirmed", "1")]].concat();
    assert_eq!(
        browser.submit("/ui/budgets/selected", &sure).await.location(),
        "/ui/budgets?done=budgets-deleted"
    );
    browser.get("/ui/budgets").await.ok().shows("There are no budgets yet");
}

#[tokio::test]
async fn members_are_added_changed_and_removed() {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "t", "team_member_budget": 5})).await.ok();
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let user = "o'neil & <co>";
    let fields =
        [("user_id", user), ("role", "admin"), ("max_budget_in_team", "2.50"), ("allowed_models", "gpt-4o")];
    let added = browser.submit("/ui/teams/t/members/new", &fields).await;
    assert_eq!(added.location(), "/ui/teams/t?done=member-added");
    let page = browser.get("/ui/teams/t").await.ok();
    for text in ["o&#39;neil &#38; &#60;co&#62;", "$2.50", "admin", "gpt-4o"] {
        page.shows(text);
    }
    let again = browser.submit("/ui/teams/t/members/new", &fields).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    again.shows("already in team");

    let query = "user=o%27neil+%26+%3Cco%3E";
    let page = browser.get(&format!("/ui/teams/t/members/edit?{query}")).await.ok();
    assert_eq!(
        (page.field("max_budget_in_team"), page.field("allowed_models")),
        ("2.5".into(), "gpt-4o".into())
    );
    let change = [
        ("was.role", "admin"),
        ("role", "user"),
        ("was.max_budget_in_team", "2.5"),
        ("max_budget_in_team", ""),
    ];
    let saved = browser.submit(&format!("/ui/teams/t/members/edit?{query}"), &change).await;
    assert_eq!(saved.location(), "/ui/teams/t?done=saved");
    let info = app.get(MASTER_KEY, "/team/info?team_id=t").await.ok();
    let members = info["team_info"]["members_with_roles"].as_array().unwrap();
    assert!(members.iter().any(|member| member["user_id"] == user && member["role"] == "user"));

    browser
        .get(&format!("/ui/teams/t/members/remove?{query}"))
        .await
        .ok()
        .shows("keys of this team are deleted");
    let removed = browser.submit(&format!("/ui/teams/t/members/remove?{query}"), &[]).await;
    assert_eq!(removed.location(), "/ui/teams/t?done=member-removed");
    browser.get("/ui/teams/t").await.ok().hides("o&#39;neil");
    assert_eq!(browser.get("/ui/teams/t/members/edit?user=nobody").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_budget_is_created_used_changed_and_deleted() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    browser.get("/ui/budgets").await.ok().shows("There are no budgets yet");
    let fields =
        [("budget_id", "free tier"), ("max_budget", "10"), ("budget_duration", "30d"), ("rpm_limit", "60")];
    let made = browser.submit("/ui/budgets/new", &fields).await;
    assert_eq!(made.location(), "/ui/budgets/free%20tier?done=budget-created");
    let key = app.key(json!({"key_alias": "spender", "budget_id": "free tier"})).await;
    app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(8_500_000_000_000))]))).await;
    let page = browser.get("/ui/budgets").await.ok();
    for text in ["1 budget<", "free tier", "$10.00", "30d", "60 requests per minute"] {
        page.shows(text);
    }
    let page = browser.get("/ui/budgets/free%20tier").await.ok();
    for text in ["spender", "$8.50", "85%", "class=\"bar near\""] {
        page.shows(text);
    }
    let change = [("was.max_budget", "10"), ("max_budget", "20")];
    browser.submit("/ui/budgets/free%20tier/edit", &change).await.location();
    let info = app.post("/budget/info", json!({"budgets": ["free tier"]})).await.ok();
    assert_eq!((&info[0]["max_budget"], &info[0]["rpm_limit"]), (&json!(20.0), &json!(60)));
    browser.get("/ui/budgets/free%20tier/delete").await.ok().shows("1 key");
    let deleted = browser.submit("/ui/budgets/free%20tier/delete", &[]).await;
    assert_eq!(deleted.location(), "/ui/budgets?done=budget-deleted");
}

/// Pages, and paths of the API that answer the same question.
#[tokio::test]
async fn each_role_sees_and_does_with_teams_and_budgets_what_the_api_allows() {
    for role in ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"] {
        let app = TestApp::new().await;
        let key = app.user("caller", role).await;
        for (team, place) in [("led", Some("admin")), ("joined", Some("user")), ("other", None)] {
            app.post("/team/new", json!({"team_id": team})).await.ok();
            for (user, place) in [("caller", place), ("fellow", Some("user"))] {
                let Some(place) = place else { continue };
                let member = json!({"team_id": team, "member": {"user_id": user, "role": place}});
                app.post("/team/member_add", member).await.ok();
            }
        }
        app.post("/budget/new", json!({"budget_id": "b"})).await.ok();
        let mut browser = Browser::with(&app, &key).await;
        let listed = app.get(&key, "/team/list").await.ok().as_array().unwrap().len();
        browser.get("/ui/teams").await.ok().shows(&format!("{listed} teams"));
        for team in ["led", "joined", "other"] {
            let said = app.get(&key, &format!("/team/info?team_id={team}")).await.status;
            assert_eq!(browser.get(&format!("/ui/teams/{team}")).await.status, said, "{role} {team}");
            let does = async |browser: &mut Browser, path: &str, fields: &[(&str, &str)]| {
                let page = browser.submit(&format!("/ui/teams/{team}/{path}"), fields).await;
                page.status == StatusCode::SEE_OTHER
            };
            let asked = async |path: &str, body: serde_json::Value| {
                app.send(&key, axum::http::Method::POST, path, body.to_string()).await.status.is_success()
            };
            // The API goes first each time, with a change that can be made twice.
            let may =
                asked("/team/member_update", json!({"team_id": team, "user_id": "fellow", "rpm_limit": 5}))
                    .await;
            let changed = does(&mut browser, "members/edit?user=fellow", &[("rpm_limit", "6")]).await;
            assert_eq!(changed, may, "{role} {team} member_update");
            let may = asked(
                "/team/member_add",
                json!({"team_id": team, "member": {"user_id": "x", "role": "user"}}),
            )
            .await;
            let added = does(&mut browser, "members/new", &[("user_id", "y"), ("role", "user")]).await;
            assert_eq!(added, may, "{role} {team} member_add");
            let may = asked("/team/block", json!({"team_id": team})).await;
            assert_eq!(does(&mut browser, "block", &[]).await, may, "{role} {team} block");
            assert_eq!(does(&mut browser, "unblock", &[]).await, may, "{role} {team} unblock");
            let may = asked("/team/update", json!({"team_id": team, "rpm_limit": 9})).await;
            assert_eq!(does(&mut browser, "edit", &[("rpm_limit", "8")]).await, may, "{role} {team} update");
            assert_eq!(does(&mut browser, "delete", &[]).await, may, "{role} {team} delete");
        }
        let lists = app.get(&key, "/budget/list").await.status;
        assert_eq!(browser.get("/ui/budgets").await.status, lists, "{role}");
        assert_eq!(browser.get("/ui/budgets/b").await.status, lists, "{role}");
        let changed = browser.submit("/ui/budgets/b/edit", &[("max_budget", "3")]).await.status;
        assert_eq!(changed == StatusCode::SEE_OTHER, role == "proxy_admin", "{role}");
        let deleted = browser.submit("/ui/budgets/b/delete", &[]).await.status;
        assert_eq!(deleted == StatusCode::SEE_OTHER, role == "proxy_admin", "{role}");
    }
}
