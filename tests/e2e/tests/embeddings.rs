//! `/v1/embeddings`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_provider::model::embedding;
use serde_json::json;
use switchboard_e2e::world;

#[tokio::test]
async fn a_text_becomes_a_vector_in_every_form_of_the_path() {
    let world = world();
    for path in [
        "/embeddings",
        "/v1/embeddings",
        "/engines/embed/embeddings",
        "/openai/deployments/embed/embeddings?api-version=1",
    ] {
        let case = world.case();
        let input = case.prompt("Hello");
        let body = json!({ "model": "embed", "input": input });
        let answer = world.post(path, &body).await.send().await.expect(200).json();
        assert_eq!(answer["object"], "list", "{path}");
        assert_eq!(answer["model"], "embed", "{path}");
        assert_eq!(answer["data"][0]["object"], "embedding", "{path}");
        assert_eq!(answer["data"][0]["embedding"], json!(embedding(&input, 8)), "{path}");
        assert_eq!(answer["usage"]["prompt_tokens"], 3, "{path}");
        let request = case.request();
        assert_eq!(request.target, "/v1/embeddings", "{path}");
        assert_eq!(request.json()["model"], "text-embedding-3-small", "{path}");
    }
}

#[tokio::test]
async fn lists_base64_and_dimensions_are_the_providers_business() {
    let world = world();
    let case = world.case();
    let inputs = [case.prompt("one"), case.prompt("two")];
    let body = json!({ "model": "embed", "input": inputs, "encoding_format": "base64", "dimensions": 4 });
    let answer = world.post("/v1/embeddings", &body).await.send().await.expect(200).json();
    for (index, input) in inputs.iter().enumerate() {
        let data = &answer["data"][index];
        assert_eq!(data["index"], index);
        let bytes = STANDARD.decode(data["embedding"].as_str().unwrap()).unwrap();
        let vector: Vec<f32> =
            bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        assert_eq!(vector, embedding(input, 4));
    }
}

#[tokio::test]
async fn tokens_pass_untouched() {
    let world = world();
    let body = json!({ "model": "embed", "input": [1, 2, 18_446_744_073_709_551_615_u64] });
    let answer = world.post("/v1/embeddings", &body).await.send().await.expect(200).json();
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(1), "{answer}");
}

#[tokio::test]
async fn a_provider_without_embeddings_is_not_asked_for_them() {
    let world = world();
    let case = world.case();
    let body = json!({ "model": "claude", "input": case.prompt("Hello") });
    let error = world.post("/v1/embeddings", &body).await.send().await.expect(400).error();
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["param"], "model");
    assert!(case.requests().is_empty());
}

#[tokio::test]
async fn an_embedding_without_input_is_refused() {
    let body = json!({ "model": "embed" });
    let error = world().post("/v1/embeddings", &body).await.send().await.expect(400).error();
    assert_eq!(error["message"], "/embeddings: Missing required parameter: 'input'.");
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["param"], "input");
}
