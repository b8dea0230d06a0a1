//! The pages about users.

use axum::http::StatusCode;
use serde_json::json;

use super::Browser;
use crate::app::{MASTER_KEY, TestApp, batch, usage};

#[tokio::test]
async fn users_are_listed_with_their_keys_spend_and_budget() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    browser.get("/ui/users").await.ok().shows("There are no users yet");
    let alice = json!({"user_id": "alice", "user_email": "alice@example.com", "max_budget": 10});
    let key = app.post("/user/new", alice).await.ok()["key"].as_str().unwrap().to_owned();
    app.user("o'neil & <co>", "proxy_admin_viewer").await;
    app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(9_500_000_000_000))]))).await;
    app.post("/team/new", json!({"team_id": "t-77", "team_alias": "Research"})).await.ok();
    app.post("/team/member_add", json!({"team_id": "t-77", "member": {"user_id": "alice", "role": "user"}}))
        .await
        .ok();
    let page = browser.get("/ui/users").await.ok();
    for text in [
        "2 users",
        "alice@example.com",
        "$9.50",
        "$10.00",
        "95% used",
        "proxy admin viewer",
        "o&#39;neil &#38; &#60;co&#62;",
    ] {
        page.shows(text);
    }
    page.shows("/ui/users/o%27neil%20%26%20%3Cco%3E");
    for (search, found) in [
        ("ALICE", 1),
        ("example.com", 1),
        ("admin view", 1),
        ("esear", 1),
        ("t-77", 1),
        ("%", 0),
        ("nobody", 0),
    ] {
        let query: String = form_urlencoded::byte_serialize(search.as_bytes()).collect();
        let page = browser.get(&format!("/ui/users?search={query}")).await.ok();
        page.shows(&format!(">{found} user"));
    }
    browser.get("/ui/users?role=proxy_admin_viewer").await.ok().hides("alice@example.com");
    browser.get("/ui/users?team=none").await.ok().shows("No user matches");
}

#[tokio::test]
async fn many_users_are_divided_into_pages_that_neither_repeat_nor_miss_one() {
    let app = TestApp::new().await;
    for n in 0..120 {
        // Many have the same budget, and some none.
        let budget = (n % 3 != 0).then_some(n % 4);
        let body = json!({"user_id": format!("Ü{n:03}"), "auto_create_key": false, "max_budget": budget});
        app.post("/user/new", body).await.ok();
    }
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    for order in
        ["sort=name&order=asc", "sort=name&order=desc", "sort=budget&order=desc", "sort=spend&order=asc"]
    {
        let (mut path, mut seen, mut pages) = (format!("/ui/users?{order}"), Vec::new(), 0);
        loop {
            let page = browser.get(&path).await.ok();
            page.shows("120 users");
            let links = page.text.split("href=\"/ui/users/%C3%9C").skip(1);
            seen.extend(links.map(|rest| rest.split('"').next().unwrap().to_owned()));
            pages += 1;
            let Some(next) = page.text.split("<a rel=\"next\" href=\"").nth(1) else { break };
            path = next.split('"').next().unwrap().replace("&#38;", "&");
        }
        assert_eq!((pages, seen.len()), (3, 120), "{order}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 120, "{order}");
    }
}

#[tokio::test]
async fn a_user_is_created_changed_and_deleted() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let fields = [
        ("user_id", "ines"),
        ("user_email", "ines@example.com"),
        ("user_role", "internal_user_viewer"),
        ("max_budget", "20"),
    ];
    let made = browser.submit("/ui/users/new", &fields).await;
    assert_eq!(made.location(), "/ui/users/ines?done=user-created");
    let page = browser.get("/ui/users/ines?done=user-created").await.ok();
    for text in ["The user is created.", "ines@example.com", "internal user viewer", "of $20.00"] {
        page.shows(text);
    }
    assert_eq!(app.get(MASTER_KEY, "/user/info?user_id=ines").await.ok()["keys"], json!([]));
    let again = browser.submit("/ui/users/new", &fields).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    again.shows("already exists");
    assert_eq!(again.field("user_email"), "ines@example.com");

    browser.get("/ui/users/ines/edit").await.ok().shows("value=\"internal_user_viewer\" selected");
    let change = [
        ("was.user_role", "internal_user_viewer"),
        ("user_role", "proxy_admin"),
        ("was.max_budget", "20"),
        ("max_budget", "20"),
    ];
    assert!(browser.submit("/ui/users/ines/edit", &change).await.location().ends_with("done=saved"));
    let info = app.get(MASTER_KEY, "/user/info?user_id=ines").await.ok();
    assert_eq!(
        (&info["user_info"]["user_role"], &info["user_info"]["max_budget"]),
        (&json!("proxy_admin"), &json!(20.0))
    );

    let key = app.key(json!({"user_id": "ines"})).await;
    browser.get("/ui/users/ines/delete").await.ok().shows("1 key");
    assert_eq!(browser.submit("/ui/users/ines/delete", &[]).await.location(), "/ui/users?done=user-deleted");
    assert!(app.verify(&key).await.key.is_none());
    let late = [("was.max_budget", "20"), ("max_budget", "30")];
    assert_eq!(browser.submit("/ui/users/ines/edit", &late).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/ui/users/ines").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn users_are_shown_to_whom_the_api_lists_them_and_oneself_to_everybody() {
    for role in ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"] {
        let app = TestApp::new().await;
        let key = app.user("caller", role).await;
        app.user("other", "internal_user").await;
        let said = app.get(&key, "/user/list").await;
        let mut browser = Browser::with(&app, &key).await;
        let page = browser.get("/ui/users").await;
        assert_eq!(page.status, said.status, "{role}");
        let offered = browser.get("/ui/keys").await.ok().text.contains("href=\"/ui/users\"");
        assert_eq!(offered, said.status == StatusCode::OK, "{role}");
        for user in ["caller", "other"] {
            let said = app.get(&key, &format!("/user/info?user_id={user}")).await.status;
            assert_eq!(browser.get(&format!("/ui/users/{user}")).await.status, said, "{role} {user}");
        }
        let edits = role == "proxy_admin";
        for path in ["/ui/users/new", "/ui/users/other/edit", "/ui/users/other/delete"] {
            assert_eq!(browser.get(path).await.status.is_success(), edits, "{role} {path}");
        }
        let page = browser.submit("/ui/users/other/edit", &[("user_role", "proxy_admin")]).await;
        assert_eq!(page.status == StatusCode::SEE_OTHER, edits, "{role}");
        let page = browser.submit("/ui/users/other/delete", &[]).await;
        assert_eq!(page.status == StatusCode::SEE_OTHER, edits, "{role}");
    }
}
