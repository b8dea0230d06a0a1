//! `/model/new` and the rest of that API, and configuration that changes while the key service is away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard_e2e::{Answer, Config, MASTER_KEY, Setup, Stack, question};

const SECRET: &str = "sk-planted-in-a-stored-model";

fn mock(text: &str) -> Value {
    json!({ "model": "mock/any", "mock_response": text })
}

fn config() -> Config {
    Config::new()
        .model_with("in-file", mock("file"), json!({ "id": "file-id" }))
        .section("general_settings", json!({ "store_model_in_db": true }))
}

async fn status(stack: &Stack, model: &str) -> u16 {
    let call = stack.client().post("/v1/chat/completions", &question(model, "Hello"));
    call.key(MASTER_KEY).send().await.status
}

async fn post(stack: &Stack, path: &str, body: Value) -> Answer {
    stack.client().post(path, &body).key(MASTER_KEY).send().await
}

#[tokio::test]
async fn a_model_of_the_api_is_served_when_its_request_is_answered_and_outlives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let stack = Setup::new(&config()).data_dir(data.path()).start();
    let params = json!({ "model": "openai/gpt-4o", "mock_response": "db", "api_key": SECRET });
    let body = json!({ "model_name": "stored", "litellm_params": params, "model_info": { "id": "db-id" } });
    let begun = Instant::now();
    let answer = post(&stack, "/model/new", body.clone()).await.expect(200);
    assert_eq!(status(&stack, "stored").await, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let row = answer.json();
    assert_eq!((&row["model_id"], &row["model_name"]), (&json!("db-id"), &json!("stored")));
    assert!(!answer.text().contains(SECRET), "{}", answer.text());
    post(&stack, "/model/new", body).await.expect(400);
    let info = stack.client().get("/model/info").key(MASTER_KEY).send().await.expect(200).json();
    let stored: Vec<_> =
        info["data"].as_array().unwrap().iter().map(|one| &one["model_info"]["db_model"]).collect();
    assert_eq!(stored, [false, true]);

    let path = "/model/db-id/update";
    let update = stack.client().request(http::Method::PATCH, path).body(r#"{"model_name": "renamed"}"#);
    update.key(MASTER_KEY).send().await.expect(200);
    assert_eq!([status(&stack, "renamed").await, status(&stack, "stored").await], [200, 400]);
    drop(stack);
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(SECRET), "{}", path.display());
    }

    let stack = Setup::new(&config()).data_dir(data.path()).start();
    assert_eq!([status(&stack, "renamed").await, status(&stack, "in-file").await], [200, 200]);
    post(&stack, "/model/delete", json!({ "id": "db-id" })).await.expect(200);
    assert_eq!([status(&stack, "renamed").await, status(&stack, "in-file").await], [400, 200]);
}

#[tokio::test]
async fn models_of_the_file_and_wrong_ones_are_refused_and_change_nothing() {
    let stack = Setup::new(&config()).start();
    let wrong = json!({ "model_name": "wrong", "litellm_params": { "model": "opnai/gpt-4o" } });
    let error = post(&stack, "/model/new", wrong).await.expect(400).error();
    assert!(error["message"].as_str().unwrap().contains("unknown provider 'opnai'"), "{error}");
    let change = json!({ "litellm_params": { "rpm": 1 }, "model_info": { "id": "file-id" } });
    let error = post(&stack, "/model/update", change).await.expect(400).error();
    assert!(error["message"].as_str().unwrap().contains("Model in config"), "{error}");
    let error = post(&stack, "/model/delete", json!({ "id": "file-id" })).await.expect(400).error();
    assert!(error["message"].as_str().unwrap().contains("not found in db"), "{error}");
    let key = stack.key().await;
    let call = stack.client().post("/model/new", &json!({ "model_name": "m", "litellm_params": mock("m") }));
    call.key(&key).send().await.expect(403);
    assert_eq!([status(&stack, "in-file").await, status(&stack, "wrong").await], [200, 400]);
}

#[tokio::test]
async fn a_change_while_the_key_service_is_away_is_used_when_it_is_back() {
    let stack = Setup::new(&config()).start();
    stack.kill(stack.keys_pid().expect("a key service"));
    stack.rewrite(&config().model("later", mock("later")).text());
    assert_eq!(status(&stack, "in-file").await, 200, "Envoy goes on with what it has");
    let patience = Instant::now() + Duration::from_secs(20);
    while status(&stack, "later").await != 200 {
        assert!(Instant::now() < patience, "{}", stack.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
