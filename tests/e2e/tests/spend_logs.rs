//! `/spend/logs`: one row per request, whether it was served, failed or refused.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_e2e::{MASTER_KEY, question, world};

/// The row of that call among those that are found by `request_id`, once it is reported.
async fn row(request_id: &str, call_id: &str) -> Value {
    for _ in 0..100 {
        let client = world().stack.client();
        let rows = client.get(&format!("/spend/logs?request_id={request_id}")).key(MASTER_KEY).send().await;
        let rows = rows.expect(200).json();
        // The provider gives every answer the same id.
        if let Some(row) = rows.as_array().unwrap().iter().find(|row| row["litellm_call_id"] == call_id) {
            return row.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no row for {request_id} after ten seconds");
}

#[tokio::test]
async fn a_served_request_is_found_by_the_id_of_its_answer_with_whom_it_was_for() {
    let world = world();
    for (model, stream) in [("gpt-4o", false), ("gpt-4o", true), ("claude", false), ("claude", true)] {
        let mut body = question(model, &world.case().prompt("Hi"));
        body["user"] = json!("alice");
        body["metadata"] = json!({ "tags": ["blue", "green"] });
        body["stream"] = json!(stream);
        let call = world.stack.client().post("/v1/chat/completions", &body).key(world.key().await);
        let answer = call.send().await.expect(200);
        let text = answer.text();
        let (_, rest) = text.split_once("\"id\":").expect("an id");
        let (id, _) = rest.trim_start().trim_start_matches('"').split_once('"').unwrap();
        let row = row(id, &answer.header("x-litellm-call-id")).await;
        assert_eq!(row["request_id"], id);
        assert_eq!(row["end_user"], "alice", "{row}");
        assert_eq!(row["request_tags"], json!(["blue", "green"]), "{row}");
        assert_eq!(row["requester_ip_address"], "127.0.0.1", "{row}");
        assert_eq!(row["status"], "success", "{row}");
        assert!(row["api_base"].as_str().unwrap().starts_with("http://"), "{row}");
    }
}

#[tokio::test]
async fn a_row_has_the_tags_of_the_key_and_the_team_too() {
    let world = world();
    let team = json!({ "team_id": "tagged", "tags": ["team"] });
    world.stack.client().post("/team/new", &team).key(MASTER_KEY).send().await.expect(200);
    let fields = json!({ "team_id": "tagged", "metadata": { "tags": ["key", "own"] } });
    let made = world.stack.generate_key(fields).await;
    let mut body = question("gpt-4o", &world.case().prompt("Hi"));
    body["metadata"] = json!({ "tags": ["own"] });
    let call = world.stack.client().post("/v1/chat/completions", &body).key(made["key"].as_str().unwrap());
    call.header("x-litellm-call-id", "tagged-call").send().await.expect(200);
    let row = row("tagged-call", "tagged-call").await;
    assert_eq!(row["request_tags"], json!(["own", "key", "team"]), "{row}");
}

#[tokio::test]
async fn a_refused_request_has_a_row_that_says_why() {
    let world = world();
    let made = world.stack.generate_key(json!({ "models": ["claude"], "key_alias": "only-claude" })).await;
    let body = question("gpt-4o", &world.case().prompt("Hi"));
    let call = world.stack.client().post("/v1/chat/completions", &body).key(made["key"].as_str().unwrap());
    call.header("x-litellm-call-id", "refused-call").send().await.expect(403);
    let row = row("refused-call", "refused-call").await;
    assert_eq!(row["status"], "failure", "{row}");
    assert_eq!(row["model_group"], "gpt-4o", "{row}");
    assert_eq!(row["metadata"]["user_api_key_alias"], "only-claude", "{row}");
    assert_eq!(row["metadata"]["error_information"]["error_code"], "403", "{row}");
    assert_eq!(row["spend"], 0.0, "{row}");
}
