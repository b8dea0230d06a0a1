use serde_json::{Value, json};
use switchboard::key::TokenHash;

use crate::app::{MASTER_KEY, TestApp, error};

fn hashes(keys: &[String]) -> Vec<Value> {
    keys.iter().map(|key| json!(TokenHash::of(key.as_bytes()))).collect()
}

#[tokio::test]
async fn pages_hold_every_key_once_the_newest_first() {
    let app = TestApp::new().await;
    let mut keys = Vec::new();
    for _ in 0..23 {
        keys.push(app.key(json!({})).await);
    }
    let mut listed = Vec::new();
    for page in 1..=3 {
        let answer = app.get(MASTER_KEY, &format!("/key/list?page={page}&size=10")).await.ok();
        assert_eq!(answer["total_count"], 23);
        assert_eq!(answer["total_pages"], 3);
        assert_eq!(answer["current_page"], page);
        listed.extend(answer["keys"].as_array().unwrap().clone());
    }
    keys.reverse();
    assert_eq!(listed, hashes(&keys));
    assert_eq!(app.get(MASTER_KEY, "/key/list?page=4&size=10").await.ok()["keys"], json!([]));
}

#[tokio::test]
async fn filters_narrow_what_is_listed() {
    let app = TestApp::new().await;
    let alice = app.key(json!({"user_id": "alice", "key_alias": "Prod_one", "team_id": "t"})).await;
    let bob = app.key(json!({"user_id": "bob", "blocked": true, "organization_id": "o"})).await;
    let old = app.key(json!({"duration": "0s", "key_alias": "prodXone"})).await;
    let hash = TokenHash::of(bob.as_bytes());
    for (query, expected) in [
        ("user_id=alice", vec![&alice]),
        ("team_id=t", vec![&alice]),
        ("organization_id=o", vec![&bob]),
        (&format!("key_hash={hash}"), vec![&bob]),
        ("key_alias=Prod_one", vec![&alice]),
        ("search=prod_one", vec![&alice]),
        ("search=PROD", vec![&alice, &old]),
        (&format!("search={hash}"), vec![&bob]),
        ("status=active", vec![&alice]),
        ("status=expired", vec![&old]),
        ("status=revoked", vec![&bob]),
        ("expires=active", vec![&alice, &bob]),
        ("user_id=carol", vec![]),
    ] {
        let answer = app.get(MASTER_KEY, &format!("/key/list?sort_order=asc&{query}")).await.ok();
        let expected: Vec<_> = expected.into_iter().cloned().collect();
        assert_eq!(answer["keys"], json!(hashes(&expected)), "{query}");
    }
}

#[tokio::test]
async fn a_search_follows_names_as_they_change() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "Nightly 50%_\"x\"", "user_id": "u-ada", "team_id": "t"})).await;
    app.key(json!({})).await;
    let found = async |text: &str| {
        let path = format!("/key/list?search={text}");
        app.get(MASTER_KEY, &path).await.ok()["total_count"].as_u64().unwrap()
    };
    for text in ["nigh", "GHTLY", "50%25_", "%25_%22x", "ada", "u-", "t", "%22x%22"] {
        assert_eq!(found(text).await, 1, "{text}");
    }
    for text in ["nightlx", "50x", "%25%25%25", "adat", "xyz", "%22%22%22"] {
        assert_eq!(found(text).await, 0, "{text}");
    }
    app.post("/key/update", json!({"key": key, "key_alias": "Weekly"})).await.ok();
    assert_eq!([found("nightly").await, found("weekly").await], [0, 1]);
    app.post("/key/regenerate", json!({"key": key})).await.ok();
    assert_eq!(found("weekly").await, 1);
    let list = app.get(MASTER_KEY, "/key/list?search=weekly").await.ok();
    app.post("/key/delete", json!({"keys": [list["keys"][0]]})).await.ok();
    assert_eq!(found("weekly").await, 0);
}

#[tokio::test]
async fn the_full_object_is_shown_when_it_is_asked_for() {
    let app = TestApp::new().await;
    app.key(json!({"key_alias": "full", "spend": 2.0})).await;
    app.key(json!({"spend": 3.0})).await;
    let list = "/key/list?return_full_object=true&sort_by=spend&sort_order=asc";
    let answer = app.get(MASTER_KEY, list).await.ok();
    assert_eq!(answer["keys"][0]["key_alias"], "full");
    assert_eq!(answer["keys"][1]["spend"], 3.0);
    assert_eq!(answer["keys"][0]["token"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn what_cannot_be_listed_so_is_told() {
    let app = TestApp::new().await;
    for query in ["page=0", "size=101", "size=x", "return_full_object=maybe"] {
        assert_eq!(app.get(MASTER_KEY, &format!("/key/list?{query}")).await.status, 422, "{query}");
    }
    for query in ["sort_by=token%3BDROP", "sort_order=up", "status=odd", "expires=odd"] {
        assert_eq!(app.get(MASTER_KEY, &format!("/key/list?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_user_lists_its_own_keys_and_those_of_teams_that_it_administers() {
    let app = TestApp::new().await;
    let mine = app.user("alice", "internal_user").await;
    let others = app.key(json!({"user_id": "bob"})).await;
    let team = app.key(json!({"user_id": "bob", "team_id": "t"})).await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let list = async |query: &str| app.get(&mine, &format!("/key/list?sort_order=asc{query}")).await;
    assert_eq!(list("").await.ok()["keys"], json!(hashes(std::slice::from_ref(&mine))));
    let refused = |message: &str, param| error(403, "bad_request_error", message, Some(param));
    let bob = list("&user_id=bob").await;
    assert_eq!(bob, refused("You are not authorized to check another user's keys", "user_id"));
    let t = list("&team_id=t").await;
    assert_eq!(t, refused("You are not authorized to check this team's keys", "team_id"));

    let member = json!({"team_id": "t", "member": {"user_id": "alice", "role": "admin"}});
    app.post("/team/member_add", member).await.ok();
    assert_eq!(list("").await.ok()["keys"], json!(hashes(&[mine.clone(), team])));

    let nobody = app.get(&app.key(json!({})).await, "/key/list").await;
    let message =
        "You are not authorized to access this endpoint. No 'user_id' is associated with your API key.";
    assert_eq!(nobody, refused(message, "user_id"));
    assert_eq!(app.get(&others, "/key/list").await, refused(message, "user_id"), "a user that is not there");
}

#[tokio::test]
async fn aliases_come_in_their_alphabets_order() {
    let app = TestApp::new().await;
    for alias in ["c", "a", "b"] {
        app.key(json!({"key_alias": alias})).await;
    }
    app.key(json!({})).await;
    let answer = app.get(MASTER_KEY, "/key/aliases?size=2").await.ok();
    let page =
        json!({"aliases": ["a", "b"], "total_count": 3, "current_page": 1, "total_pages": 2, "size": 2});
    assert_eq!(answer, page);
    assert_eq!(app.get(MASTER_KEY, "/key/aliases?search=C").await.ok()["aliases"], json!(["c"]));
}
