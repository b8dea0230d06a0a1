//! What the filter answers at the same address: described with the rest, so that a client finds all of it in one document.

use serde_json::{Value, json};

/// Its tag, by which its paths are told from those of the key service.
pub const TAG: &str = "models";

/// (path, method, what it does, the field that a body must have besides `model`).
const PATHS: &[(&str, &str, &str, &str)] = &[
    (
        "/v1/chat/completions",
        "post",
        "A model continues a chat; a stream of events where `stream` is true.",
        "messages",
    ),
    ("/v1/completions", "post", "A model continues a text.", "prompt"),
    ("/v1/embeddings", "post", "Vectors of texts.", "input"),
    ("/v1/models", "get", "The models that the key may use.", ""),
    ("/v1/models/{model}", "get", "One of them.", ""),
    ("/v1/model/info", "get", "The deployments, with prices, windows and what they can do.", ""),
    ("/model_group/info", "get", "The models, with prices, windows and what they can do.", ""),
    ("/health", "get", "Which deployments can be asked, as far as their configuration tells.", ""),
];

/// Adds the paths to a document.
pub fn add_to(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, method, summary, required) in PATHS {
        let error = json!({
            "description": "What went wrong.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        });
        let mut operation = json!({
            "tags": [TAG],
            "summary": summary,
            "operationId": format!("{method}{}", path.replace(['/', '{', '}'], "_")),
            "responses": {
                "200": {"description": "As OpenAI's API or LiteLLM Proxy answers.",
                        "content": {"application/json": {"schema": {"type": "object"}}}},
                "400": error, "401": error, "403": error, "429": error,
            },
        });
        if !required.is_empty() {
            let schema = json!({
                "type": "object",
                "required": ["model", required],
                "properties": {"model": {"type": "string"}, *required: {}, "stream": {"type": ["boolean", "null"]}},
            });
            operation["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        if path.contains("{model}") {
            operation["parameters"] = json!([{"name": "model", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}]);
        }
        paths.insert((*path).to_owned(), json!({ *method: operation }));
    }
}
