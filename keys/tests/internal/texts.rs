//! `/internal/texts`

use serde_json::json;
use switchboard::key::TEXTS_PATH;

use crate::app::TestApp;

#[tokio::test]
async fn tokens_become_texts_by_the_encoding_of_the_models_name() {
    let app = TestApp::new().await;
    for (model, input, texts) in [
        ("text-embedding-3-large", json!([15339, 1917]), json!(["hello world"])),
        ("titan", json!([[15339], [1917]]), json!(["hello", " world"])),
    ] {
        let answer = app.filter(TEXTS_PATH, json!({ "model": model, "input": input })).await.ok();
        assert_eq!(answer, json!({ "texts": texts }));
    }
}

#[tokio::test]
async fn what_is_no_text_is_a_problem_of_the_clients() {
    let app = TestApp::new().await;
    let answer =
        app.filter(TEXTS_PATH, json!({ "model": "m", "input": [[1], [4_000_000_000_u32]] })).await.ok();
    let problem = answer["problem"].as_str().unwrap();
    assert!(problem.contains("array 1") && problem.contains("check_embedding_ctx_length=False"), "{problem}");
}
