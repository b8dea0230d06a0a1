//! The pages about keys.

use axum::http::StatusCode;
use serde_json::json;

use super::Browser;
use crate::app::{MASTER_KEY, TestApp, batch, usage};

/// The text of the element with this id.
fn inner<'t>(text: &'t str, id: &str) -> &'t str {
    let after = text.split_once(&format!("id=\"{id}\">")).unwrap_or_else(|| panic!("no {id} in {text}")).1;
    after.split('<').next().unwrap()
}

#[tokio::test]
async fn a_key_is_made_used_blocked_rotated_and_deleted() {
    let app = TestApp::new().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    browser.get("/ui/keys").await.ok().shows("There are no keys yet");
    let fields = [
        ("key_alias", "search-prod"),
        ("models", "gpt-4o, claude-sonnet-4-5"),
        ("max_budget", "1,000.50"),
        ("budget_duration", "30d"),
        ("rpm_limit", "600"),
        ("metadata", r#"{"cost_center": "4711"}"#),
    ];
    let page = browser.submit("/ui/keys/new", &fields).await.ok();
    let key = inner(&page.text, "fresh").to_owned();
    page.shows("curl http://gateway.test:4000/v1/chat/completions");
    let info = app.info(&key).await;
    assert_eq!((&info["max_budget"], &info["rpm_limit"]), (&json!(1000.5), &json!(600)));
    assert_eq!(info["models"], json!(["gpt-4o", "claude-sonnet-4-5"]));
    assert_eq!(
        (&info["metadata"]["cost_center"], &info["created_by"]),
        (&json!("4711"), &json!("default_user_id"))
    );

    app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(900_000_000_000_000))]))).await;
    let list = browser.get("/ui/keys?search=SEARCH").await.ok();
    for text in ["1 key<", "search-prod", "$900.00", "$1,000.50", "90% used", "class=\"bar near\""] {
        list.shows(text);
    }
    list.hides(&key);
    let token = list.field("key");
    let page = format!("/ui/keys/{token}");
    browser.get(&page).await.ok().shows("$900.00");

    browser.get(&format!("{page}/block")).await.ok().shows("rejected with 401");
    let done = browser.submit(&format!("{page}/block"), &[]).await;
    let done = done.location().to_owned();
    browser.get(&done).await.ok().shows("The key is blocked.");
    assert!(app.verify(&key).await.key.is_some_and(|key| key.blocked));
    assert!(browser.submit(&format!("{page}/unblock"), &[]).await.location().ends_with("done=unblocked"));

    let fresh = browser.submit(&format!("{page}/rotate"), &[("grace_period", "")]).await.ok();
    let rotated = inner(&fresh.text, "fresh").to_owned();
    assert_ne!(rotated, key);
    assert_eq!(app.info(&rotated).await["key_alias"], "search-prod");
    let token = browser.get("/ui/keys").await.ok().field("key");
    assert!(fresh.text.contains(&format!("/ui/keys/{token}")));

    browser.get(&format!("/ui/keys/{token}/delete")).await.ok().shows("cannot be undone");
    assert_eq!(
        browser.submit(&format!("/ui/keys/{token}/delete"), &[]).await.location(),
        "/ui/keys?done=deleted"
    );
    assert_eq!(browser.get(&format!("/ui/keys/{token}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_typed_is_kept_and_each_error_is_at_its_field() {
    let app = TestApp::new().await;
    app.key(json!({"key_alias": "taken"})).await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    for (fields, error) in [
        (vec![("key_alias", "taken")], "already exists"),
        (vec![("key_alias", "a"), ("max_budget", "much")], "valid number"),
        (vec![("key_alias", "a"), ("max_budget", "-1")], "non-negative"),
        (vec![("key_alias", "a"), ("duration", "soon")], "Unsupported duration"),
        (vec![("key_alias", "a"), ("metadata", "{")], "This is not JSON"),
        (vec![("key_alias", "a"), ("rpm_limit", "1.5")], "valid integer"),
    ] {
        let page = browser.submit("/ui/keys/new", &fields).await;
        assert!([400, 422].contains(&page.status.as_u16()), "{fields:?}");
        page.shows(error);
        page.shows("role=\"alert\"");
        for (name, value) in fields.iter().filter(|(name, _)| *name != "metadata") {
            assert_eq!(page.field(name), *value);
        }
    }
    browser.get("/ui/keys").await.ok().shows("1 key<");
}

#[tokio::test]
async fn an_edit_changes_what_was_changed_on_the_page_and_nothing_else() {
    let app = TestApp::new().await;
    let key = app
        .key(json!({"key_alias": "a", "max_budget": 5, "tags": ["eu"], "metadata": {"k": 1}, "rpm_limit": 7}))
        .await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let token = browser.get("/ui/keys").await.field("key");
    let path = format!("/ui/keys/{token}/edit");
    let page = browser.get(&path).await.ok();
    let was: Vec<(String, String)> = ["key_alias", "models", "max_budget", "rpm_limit", "tags"]
        .into_iter()
        .map(|name| (name.to_owned(), page.field(name)))
        .collect();
    assert_eq!(was[2].1, "5");
    assert_eq!(was[4].1, "eu");
    // Somebody else is faster.
    app.post("/key/update", json!({"key": key, "rpm_limit": 70})).await.ok();
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in &was {
        fields.push((format!("was.{name}"), value.clone()));
        fields.push((name.clone(), if name == "max_budget" { "6".to_owned() } else { value.clone() }));
    }
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert!(browser.submit(&path, &fields).await.location().ends_with("done=saved"));
    let info = app.info(&key).await;
    assert_eq!((&info["max_budget"], &info["rpm_limit"]), (&json!(6.0), &json!(70)));
    assert_eq!((&info["metadata"]["k"], &info["metadata"]["tags"]), (&json!(1), &json!(["eu"])));
    let cleared = [("was.max_budget", "6"), ("max_budget", "")];
    browser.submit(&path, &cleared).await.location();
    assert_eq!(app.info(&key).await["max_budget"], json!(null));
    assert!(browser.submit(&path, &[]).await.location().ends_with("done=unchanged"));
}

#[tokio::test]
async fn a_key_is_found_by_any_part_of_its_name_user_and_team() {
    let app = TestApp::new().await;
    app.key(json!({"key_alias": "search-Prod-01", "user_id": "ines@example.com", "team_id": "t-Discovery"}))
        .await;
    app.key(json!({"key_alias": "other"})).await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    for (search, found) in
        [("prod", 1), ("INES", 1), ("iscov", 1), ("example.com", 1), ("01%20ines", 0), ("%25", 0), ("", 2)]
    {
        let page = browser.get(&format!("/ui/keys?search={search}")).await.ok();
        page.shows(&format!(">{found} key"));
    }
}

#[tokio::test]
async fn a_list_is_sorted_filtered_and_divided_into_pages() {
    let app = TestApp::new().await;
    for n in 0..60 {
        app.key(json!({"key_alias": format!("key-{n:02}"), "spend": n, "team_id": if n % 2 == 0 { "even" } else { "odd" }})).await;
    }
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let first = browser.get("/ui/keys?sort=spend&order=desc").await.ok();
    for text in
        ["60 keys", "key-59", "key-10", "Page 1 of 2", "aria-sort=\"descending\"", "sort=spend&#38;order=asc"]
    {
        first.shows(text);
    }
    first.hides("key-09");
    let second = browser.get("/ui/keys?sort=spend&order=desc&page=2").await.ok();
    second.shows("key-09");
    second.hides("key-10");
    let even = browser.get("/ui/keys?team=even").await.ok();
    even.shows("30 keys");
    even.hides("key-01");
    browser.get("/ui/keys?search=nothing").await.ok().shows("No key matches");
    let wrong = browser.get("/ui/keys?sort=settings").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    wrong.shows("Invalid sort column");
}

#[tokio::test]
async fn several_keys_are_changed_after_a_question() {
    let app = TestApp::new().await;
    let mut tokens = Vec::new();
    for alias in ["a", "b", "c"] {
        let made = app.generate(json!({"key_alias": alias})).await;
        tokens.push(made["token"].as_str().unwrap().to_owned());
    }
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let two = [("key", tokens[0].as_str()), ("key", tokens[1].as_str())];
    let question =
        browser.submit("/ui/keys/selected", &[&two[..], &[("action", "delete")]].concat()).await.ok();
    question.shows("Delete 2 keys?");
    browser.get("/ui/keys").await.ok().shows("3 keys");
    let sure = [&two[..], &[("action", "block"), ("confirmed", "1")]].concat();
    assert_eq!(browser.submit("/ui/keys/selected", &sure).await.location(), "/ui/keys?done=several-blocked");
    browser.get("/ui/keys?status=revoked").await.ok().shows("2 keys");
    let sure = [&two[..], &[("action", "delete"), ("confirmed", "1")]].concat();
    assert_eq!(browser.submit("/ui/keys/selected", &sure).await.location(), "/ui/keys?done=several-deleted");
    browser.get("/ui/keys").await.ok().shows("1 key<");
    let none = browser.submit("/ui/keys/selected", &[("action", "delete")]).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    none.shows("No key is selected");
}
