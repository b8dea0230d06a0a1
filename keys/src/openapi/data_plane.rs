//! Describes the filter's endpoints, so that a client finds the whole API in one document.

use serde_json::{Value, json};

/// The tag that distinguishes its paths from those of the key service.
pub const TAG: &str = "models";

/// Path, method, summary, and the required body field besides `model`.
const PATHS: &[(&str, &str, &str, &str)] = &[
    (
        "/v1/chat/completions",
        "post",
        "Create a chat completion. Streams server-sent events if `stream` is true.",
        "messages",
    ),
    ("/v1/completions", "post", "Create a text completion.", "prompt"),
    ("/v1/embeddings", "post", "Create embeddings.", "input"),
    ("/v1/moderations", "post", "Classify texts and images as harmful or not.", "input"),
    ("/v1/rerank", "post", "Order documents by their relevance to a query (Cohere's API).", "documents"),
    ("/v2/rerank", "post", "The same, for clients of Cohere's second version.", "documents"),
    ("/v1/images/generations", "post", "Generate images.", "prompt"),
    ("/v1/audio/speech", "post", "Read a text aloud. The response is audio.", "input"),
    ("/v1/responses", "post", "Create a response (OpenAI's Responses API).", "input"),
    ("/v1/responses/compact", "post", "Summarize a conversation for the next request.", "input"),
    ("/v1/responses/input_tokens", "post", "Estimate the tokens of a request for a response.", "input"),
    ("/v1/responses/{id}", "get", "Get a stored response, if `general_settings.store_responses` is set.", ""),
    ("/v1/responses/{id}", "delete", "Delete a stored response.", ""),
    ("/v1/responses/{id}/input_items", "get", "List the input of a stored response.", ""),
    ("/v1/messages", "post", "Create a message (Anthropic's Messages API).", "messages"),
    ("/v1/messages/count_tokens", "post", "Estimate the tokens of a message.", "messages"),
    (
        "/v1beta/models/{model}:generateContent",
        "post",
        "Generate content (Google's Gemini API). The model is in the path.",
        "contents",
    ),
    (
        "/v1beta/models/{model}:streamGenerateContent",
        "post",
        "Generate content as a stream: server-sent events with `alt=sse`, otherwise a JSON array.",
        "contents",
    ),
    ("/v1/models", "get", "List the models that the key can use.", ""),
    ("/v1/models/{model}", "get", "Get a model.", ""),
    ("/v1/model/info", "get", "List deployments with their prices, context windows and capabilities.", ""),
    ("/v2/model/info", "get", "List deployments page by page.", ""),
    (
        "/model_group/info",
        "get",
        "List model groups with their prices, context windows and capabilities.",
        "",
    ),
    ("/health", "get", "Check deployments' configuration. No provider is called.", ""),
    ("/health/services", "get", "Check whether a receiver of telemetry (`?service=otel`) is configured.", ""),
    ("/", "get", "Show the version and where documentation and health checks are. Browsers get a page.", ""),
];

/// Adds the paths to a document.
pub fn add_to(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, method, summary, required) in PATHS {
        let error = json!({
            "description": "Error",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        });
        let mut operation = json!({
            "tags": [TAG],
            "summary": summary,
            "operationId": format!("{method}{}", path.replace(['/', '{', '}', ':'], "_")),
            "responses": {
                "200": {"description": "The response of OpenAI's API or LiteLLM Proxy",
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
            let schema = if path.contains("{model}") {
                json!({"type": "object", "required": [required], "properties": {*required: {}}})
            } else {
                schema
            };
            operation["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        for name in ["model", "id"].iter().filter(|name| path.contains(&format!("{{{name}}}"))) {
            operation["parameters"] = json!([{"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}]);
        }
        let known = paths.entry(*path).or_insert_with(|| json!({}));
        known[*method] = operation;
    }
}
