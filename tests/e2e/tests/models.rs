//! What can be asked besides models: lists, health, and paths that nobody answers.

use serde_json::{Value, json};
use switchboard_e2e::{MASTER_KEY, world};

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn models_are_listed_with_what_is_known_of_them() {
    let world = world();
    for path in ["/v1/models", "/models"] {
        let list = world.stack.client().get(path).key(world.key().await).send().await.expect(200).json();
        assert_eq!(list["object"], "list");
        let ids = ids(&list);
        for id in ["gpt-4o", "claude", "embed", "demo", "gpt-alias"] {
            assert_eq!(ids.iter().filter(|listed| **listed == id).count(), 1, "{id} in {ids:?}");
        }
        assert!(!ids.contains(&"gpt-hidden"), "{ids:?}");
        let model = list["data"].as_array().unwrap().iter().find(|model| model["id"] == "gpt-4o").unwrap();
        assert_eq!(model["object"], "model");
        assert_eq!(model["created"], 1_677_610_602);
        assert_eq!(model["owned_by"], "openai");
        assert_eq!(model["mode"], "chat");
        assert_eq!(model["max_input_tokens"], 128_000);
        assert_eq!(model["max_output_tokens"], 16_384);
    }
}

#[tokio::test]
async fn a_key_sees_only_the_models_that_it_may_use() {
    let world = world();
    let key = world.stack.generate_key(json!({ "models": ["claude", "vectors"] })).await;
    let key = key["key"].as_str().unwrap();
    let client = world.stack.client();
    let list = client.get("/v1/models").key(key).send().await.expect(200).json();
    let mut seen = ids(&list);
    seen.sort_unstable();
    assert_eq!(seen, ["claude", "embed"]);
    client.get("/v1/models/claude").key(key).send().await.expect(200);
    let denied = client.get("/v1/models/gpt-4o").key(key).send().await.expect(404).json();
    assert_eq!(denied["detail"], "The model `gpt-4o` does not exist or is not accessible");
}

#[tokio::test]
async fn one_model_can_be_looked_up() {
    let world = world();
    let client = world.stack.client();
    for path in ["/v1/models/gpt-4o", "/models/gpt-4o"] {
        let model = client.get(path).key(MASTER_KEY).send().await.expect(200).json();
        assert_eq!((&model["id"], &model["object"]), (&json!("gpt-4o"), &json!("model")));
    }
    let missing = client.get("/v1/models/zzz").key(MASTER_KEY).send().await.expect(404).json();
    assert_eq!(missing, json!({ "detail": "The model `zzz` does not exist or is not accessible" }));
}

#[tokio::test]
async fn lists_need_a_key() {
    for path in ["/v1/models", "/v1/models/gpt-4o", "/model/info"] {
        let error = world().stack.client().get(path).send().await.expect(401).error();
        assert_eq!(error["type"], "auth_error", "{path}");
    }
}

#[tokio::test]
async fn model_info_tells_the_deployments_and_no_credential() {
    let world = world();
    let answer = world.stack.client().get("/model/info").key(MASTER_KEY).send().await.expect(200);
    let info = answer.json();
    let entry =
        info["data"].as_array().unwrap().iter().find(|entry| entry["model_info"]["id"] == "gpt-4o-at-home");
    let entry = entry.unwrap_or_else(|| panic!("{info:#}"));
    assert_eq!(entry["model_name"], "gpt-4o");
    assert_eq!(entry["litellm_params"]["model"], "openai/gpt-4o");
    assert_eq!(entry["litellm_params"]["api_base"], format!("{}/v1", world.provider.base()));
    for secret in ["sk-openai", "sk-ant", "SWITCHBOARD_SECRET"] {
        assert!(!answer.text().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn health_is_told_to_everybody() {
    let client = world().stack.client();
    for path in ["/health/liveliness", "/health/liveness"] {
        assert_eq!(client.get(path).send().await.expect(200).text(), "\"I'm alive!\"");
    }
    let ready = client.get("/health/readiness").send().await.expect(200).json();
    assert_eq!(ready, json!({ "status": "healthy", "db": "connected" }));
}

#[tokio::test]
async fn well_known_models_have_windows_and_abilities_without_any_model_info() {
    let client = world().stack.client();
    let info = client.get("/v1/model/info").key(MASTER_KEY).send().await.expect(200).json();
    let claude = info["data"].as_array().unwrap().iter().find(|entry| entry["model_name"] == "claude");
    let claude = &claude.unwrap_or_else(|| panic!("{info:#}"))["model_info"];
    assert_eq!(
        (&claude["max_input_tokens"], &claude["max_output_tokens"]),
        (&json!(200_000), &json!(64_000))
    );
    assert_eq!((&claude["mode"], &claude["litellm_provider"]), (&json!("chat"), &json!("anthropic")));
    for name in ["supports_vision", "supports_function_calling", "supports_prompt_caching"] {
        assert_eq!(claude[name], true, "{name}: {claude}");
    }
    let path = "/model_group/info?model_group=instruct";
    let group = client.get(path).key(MASTER_KEY).send().await.expect(200).json()["data"][0].take();
    assert_eq!((&group["mode"], &group["max_output_tokens"]), (&json!("completion"), &json!(4096)));
    assert_eq!(
        (&group["supports_vision"], &group["supports_function_calling"]),
        (&json!(false), &json!(false))
    );
}

#[tokio::test]
async fn deployments_come_page_by_page_to_whom_asks_for_pages() {
    let client = world().stack.client();
    let get = async |path: &str| client.get(path).key(MASTER_KEY).send().await;
    let first = get("/v2/model/info?size=2").await.expect(200).json();
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    assert_eq!((&first["current_page"], &first["size"]), (&json!(1), &json!(2)));
    let total = first["total_count"].as_u64().unwrap();
    assert_eq!(first["total_pages"], total.div_ceil(2));
    let all = get("/model/info").await.expect(200).json();
    assert_eq!(all["data"].as_array().unwrap().len() as u64, total);
    let found = get("/v2/model/info?search=CLAUDE-F").await.expect(200).json();
    assert_eq!((&found["total_count"], &found["data"][0]["model_name"]), (&json!(1), &json!("claude-first")));
    get("/v2/model/info?page=0").await.expect(400);
}

#[tokio::test]
async fn an_id_that_nobody_chose_is_a_model_too() {
    let client = world().stack.client();
    let info = client.get("/v1/model/info").key(MASTER_KEY).send().await.expect(200).json();
    let entry = info["data"].as_array().unwrap().iter().find(|entry| entry["model_name"] == "demo").unwrap();
    let id = entry["model_info"]["id"].as_str().unwrap();
    let answer = world().chat(id, "Hello").await.expect(200);
    assert_eq!(
        (answer.header("x-litellm-model-id"), answer.header("x-litellm-model-group")),
        (id.to_owned(), "demo".to_owned())
    );
}

#[tokio::test]
async fn the_root_says_what_this_is_and_where_the_rest_is() {
    let client = world().stack.client();
    let page = client.get("/").header("accept", "text/html,*/*;q=0.8").send().await.expect(303);
    assert_eq!(page.header("location"), "/ui");
    let told = client.get("/").send().await.expect(200);
    assert_eq!(told.header("content-type"), "application/json");
    let told = told.json();
    assert_eq!((&told["name"], &told["version"]), (&json!("switchboard"), &json!(env!("CARGO_PKG_VERSION"))));
    for path in [&told["api"]["page"], &told["api"]["openapi"], &told["health"]["liveness"]] {
        client.get(path.as_str().unwrap()).send().await.expect(200);
    }
}

#[tokio::test]
async fn what_load_testers_and_tools_ask_first_is_answered_without_a_key() {
    let client = world().stack.client();
    assert_eq!(client.get("/test").send().await.expect(200).json(), json!({ "route": "/test" }));
    let routes = client.get("/routes").send().await.expect(200).json();
    let routes = routes["routes"].as_array().unwrap();
    for (path, method) in
        [("/v1/chat/completions", "POST"), ("/key/generate", "POST"), ("/health/liveliness", "GET")]
    {
        let route = routes.iter().find(|route| route["path"] == path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(route["methods"], json!([method]));
    }
}
