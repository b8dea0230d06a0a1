//! `/internal/responses/*`

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use switchboard::key::{KEEP_PATH, RECALL_PATH, STORED_PATH, TokenHash};
use switchboard_keys::housekeeping::once;
use switchboard_keys::store::{Chain, MOST_CHAIN_BYTES, MOST_RESPONSE_BYTES, RESPONSE_LIFE};

use crate::app::TestApp;

fn token(key: &str) -> String {
    TokenHash::of(key.as_bytes()).to_string()
}

fn response(id: &str, text: &str) -> Value {
    let message = json!({"id": format!("msg_{id}"), "type": "message", "role": "assistant",
        "content": [{"type": "output_text", "text": text}]});
    json!({"id": id, "object": "response", "status": "completed", "output": [message]})
}

/// Stores a response of the key `a` to a text.
async fn keep(app: &TestApp, id: &str, parent: Option<&str>, said: &str) -> bool {
    keep_of(app, "a", id, parent, &json!(said), &response(id, "ok")).await
}

async fn keep_of(
    app: &TestApp,
    key: &str,
    id: &str,
    parent: Option<&str>,
    input: &Value,
    response: &Value,
) -> bool {
    assert_eq!(response["id"], id);
    let call = json!({"token": token(key), "parent": parent, "input": input, "response": response});
    app.filter(KEEP_PATH, call).await.ok()["stored"] == true
}

async fn recall(app: &TestApp, key: &str, previous: Option<&str>, items: &[&str]) -> Value {
    let call = json!({"token": token(key), "previous": previous, "items": items});
    app.filter(RECALL_PATH, call).await.ok()
}

async fn stored(app: &TestApp, key: &str, id: &str, action: &str, query: &str) -> Value {
    let call = json!({"token": token(key), "id": id, "action": action, "query": query});
    app.filter(STORED_PATH, call).await.ok()
}

fn texts(input: &Value) -> Vec<&str> {
    let items = input.as_array().unwrap().iter();
    items.map(|item| item["content"][0]["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_conversation_is_recalled_in_order_and_by_its_key_alone() {
    let app = TestApp::new().await;
    assert!(keep(&app, "resp_1", None, "one").await);
    assert!(keep(&app, "resp_2", Some("resp_1"), "two").await);
    assert!(keep(&app, "resp_other", Some("resp_1"), "another way").await);
    assert!(keep(&app, "resp_3", Some("resp_2"), "three").await);
    let recalled = recall(&app, "a", Some("resp_3"), &[]).await;
    assert_eq!(texts(&recalled["input"]), ["one", "ok", "two", "ok", "three", "ok"]);
    for (key, id) in [("b", "resp_3"), ("a", "resp_4")] {
        let problem = recall(&app, key, Some(id), &[]).await["problem"].take();
        assert_eq!((&problem["status"], &problem["param"]), (&json!(400), &json!("previous_response_id")));
        assert_eq!(problem["message"], format!("Previous response with id '{id}' not found."));
    }
    assert!(!keep_of(&app, "b", "resp_9", Some("resp_3"), &json!("x"), &response("resp_9", "ok")).await);
    // The same id in the hands of another key is another response.
    assert!(keep_of(&app, "b", "resp_1", None, &json!("x"), &response("resp_1", "ok")).await);
    assert!(!keep(&app, "resp_1", None, "again").await, "an id is used once");
}

#[tokio::test]
async fn a_response_without_a_key_belongs_to_the_master_key() {
    let app = TestApp::new().await;
    let call = json!({"input": "one", "response": response("resp_1", "ok")});
    assert_eq!(app.filter(KEEP_PATH, call).await.ok(), json!({"stored": true}));
    let recalled = app.filter(RECALL_PATH, json!({"previous": "resp_1"})).await.ok();
    assert_eq!(texts(&recalled["input"]), ["one", "ok"]);
    assert!(recall(&app, "a", Some("resp_1"), &[]).await["problem"].is_object());
}

#[tokio::test]
async fn a_deleted_link_breaks_the_conversation() {
    let app = TestApp::new().await;
    for (id, parent) in [("resp_1", None), ("resp_2", Some("resp_1")), ("resp_3", Some("resp_2"))] {
        assert!(keep(&app, id, parent, id).await);
    }
    assert!(stored(&app, "b", "resp_1", "delete", "").await["problem"].is_object());
    let deleted = stored(&app, "a", "resp_1", "delete", "").await;
    assert_eq!(deleted["body"], json!({"id": "resp_1", "object": "response", "deleted": true}));
    assert_eq!(stored(&app, "a", "resp_1", "delete", "").await["problem"]["status"], 404);
    assert!(recall(&app, "a", Some("resp_3"), &[]).await["problem"].is_object());
    assert!(recall(&app, "a", None, &["msg_resp_1"]).await["problem"].is_object());
    // The id comes back as a continuation of its own continuation.
    assert!(keep(&app, "resp_1", Some("resp_3"), "circle").await);
    assert!(recall(&app, "a", Some("resp_3"), &[]).await["problem"].is_object());
    assert!(recall(&app, "a", Some("resp_1"), &[]).await["problem"].is_object());
}

#[tokio::test]
async fn items_are_found_by_their_ids() {
    let app = TestApp::new().await;
    let input = json!([{"id": "msg_mine", "role": "user", "content": "one"}]);
    assert!(keep_of(&app, "a", "resp_1", None, &input, &response("resp_1", "ok")).await);
    let recalled = recall(&app, "a", None, &["msg_resp_1", "msg_mine"]).await;
    assert_eq!(recalled["items"]["msg_resp_1"], response("resp_1", "ok")["output"][0]);
    assert_eq!(texts(&json!([recalled["items"]["msg_mine"]])), ["one"]);
    assert_eq!(recalled["input"], json!([]));
    for (key, id) in [("b", "msg_mine"), ("a", "msg_none")] {
        let problem = recall(&app, key, None, &[id]).await["problem"].take();
        assert_eq!(problem["message"], format!("Item with id '{id}' not found."));
    }
}

#[tokio::test]
async fn a_stored_response_is_what_the_client_got() {
    let app = TestApp::new().await;
    let kept =
        r#"{"id":"resp_1","object":"response","z":1.50,"output":[{"id":"msg_1","text":"half \ud83d"}]}"#;
    let call = format!(r#"{{"token":"{}","input":"hi","response":{kept}}}"#, token("a"));
    let request = axum::http::Request::post(KEEP_PATH)
        .header("authorization", format!("Bearer {}", crate::app::INTERNAL_TOKEN))
        .body(call.into())
        .unwrap();
    crate::app::call(switchboard_keys::internal::internal(app.app.clone()), request).await.ok();
    let now = Timestamp::now();
    let row = app.app.store.stored_response(&token("a"), "resp_1", now).await.unwrap().unwrap();
    assert_eq!(row.response, kept);
    assert_eq!(stored(&app, "a", "resp_2", "get", "").await["problem"]["status"], 404);
    assert_eq!(stored(&app, "b", "resp_1", "get", "").await["problem"]["status"], 404);
    assert_eq!(stored(&app, "a", "resp_1", "get", "stream=true").await["problem"]["param"], "stream");
    assert_eq!(stored(&app, "a", "resp_1", "cancel", "").await["problem"]["status"], 400);
    let list = stored(&app, "a", "resp_1", "input_items", "limit=5&include[]=x").await;
    assert_eq!(texts(&list["body"]["data"]), ["hi"]);
    assert_eq!(stored(&app, "a", "resp_1", "input_items", "limit=101").await["problem"]["param"], "limit");
}

#[tokio::test]
async fn nothing_grows_without_bounds() {
    let app = TestApp::new().await;
    let large = "x".repeat(MOST_RESPONSE_BYTES - 400);
    assert!(!keep(&app, "resp_0", None, &"x".repeat(MOST_RESPONSE_BYTES)).await, "a row");
    let mut parent: Option<String> = None;
    let most = usize::try_from(MOST_CHAIN_BYTES).unwrap() / MOST_RESPONSE_BYTES;
    for turn in 1..=most + 1 {
        let id = format!("resp_{turn}");
        assert!(keep(&app, &id, parent.as_deref(), &large).await, "{id}");
        parent = Some(id);
    }
    let before = recall(&app, "a", Some(&format!("resp_{most}")), &[]).await;
    assert_eq!(before["input"].as_array().unwrap().len(), 2 * most);
    let problem = recall(&app, "a", parent.as_deref(), &[]).await["problem"].take();
    assert_eq!((&problem["status"], &problem["param"]), (&json!(413), &json!("previous_response_id")));

    let mut parent: Option<String> = None;
    for turn in 1..=201 {
        let id = format!("resp_short_{turn}");
        assert!(keep(&app, &id, parent.as_deref(), "x").await);
        parent = Some(id);
    }
    assert!(recall(&app, "a", Some("resp_short_200"), &[]).await["problem"].is_null());
    assert_eq!(recall(&app, "a", Some("resp_short_201"), &[]).await["problem"]["status"], 413);
}

#[tokio::test]
async fn a_response_expires_and_is_deleted_soon_after() {
    let app = TestApp::new().await;
    assert!(keep(&app, "resp_1", None, "one").await);
    let (store, now, key) = (&app.app.store, Timestamp::now(), token("a"));
    let late = now + RESPONSE_LIFE + SignedDuration::from_secs(60);
    assert!(store.stored_response(&key, "resp_1", late).await.unwrap().is_none());
    assert_eq!(store.response_chain(&key, "resp_1", late).await.unwrap(), Chain::Missing);
    once(store, None, now).await.unwrap();
    assert!(matches!(store.response_chain(&key, "resp_1", now).await.unwrap(), Chain::Whole(_)));
    once(store, None, late).await.unwrap();
    assert_eq!(store.response_chain(&key, "resp_1", now).await.unwrap(), Chain::Missing);
    assert!(store.responses_with_items(&key, &["msg_resp_1".into()], now).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_stored_for_a_key_goes_with_it_or_with_its_team_or_user() {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    app.post("/user/new", json!({"user_id": "u", "auto_create_key": false})).await.ok();
    let key = app.key(json!({})).await;
    let (of_team, of_user) = (app.key(json!({"team_id": "t"})).await, app.key(json!({"user_id": "u"})).await);
    let stays = app.key(json!({})).await;
    for key in [&key, &of_team, &of_user, &stays] {
        assert!(keep_of(&app, key, "resp_1", None, &json!("one"), &response("resp_1", "ok")).await);
    }
    app.post("/key/delete", json!({"keys": [key]})).await.ok();
    app.post("/team/delete", json!({"team_ids": ["t"]})).await.ok();
    app.post("/user/delete", json!({"user_ids": ["u"]})).await.ok();
    for key in [&key, &of_team, &of_user] {
        assert_eq!(stored(&app, key, "resp_1", "get", "").await["problem"]["status"], 404);
        assert!(recall(&app, key, None, &["msg_resp_1"]).await["problem"].is_object());
    }
    assert!(recall(&app, &stays, Some("resp_1"), &["msg_resp_1"]).await["problem"].is_null());
}
