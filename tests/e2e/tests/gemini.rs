//! Google's Gemini API, in front of providers of other languages.

use fake_provider::faults::CutHow;
use fake_provider::{Fault, Reply, Step, Usage};
use serde_json::{Value, json};
use switchboard_e2e::{Answer, world};

const MODELS: [&str; 2] = ["gpt-4o", "claude"];

async fn ask(model: &str, method: &str, body: &Value) -> Answer {
    let world = world();
    let key = world.key().await;
    let path = format!("/v1beta/models/{model}:{method}");
    world.stack.client().post(&path, body).header("x-goog-api-key", key).send().await
}

fn question(prompt: &str) -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": prompt }] }] })
}

/// The events of a stream.
fn events(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    let event =
        |event: &str| serde_json::from_str(event.strip_prefix("data: ").expect("data")).expect("JSON");
    text.split_terminator("\r\n\r\n").map(event).collect()
}

fn said<'e>(events: impl IntoIterator<Item = &'e Value>) -> String {
    events
        .into_iter()
        .flat_map(|event| event["candidates"][0]["content"]["parts"].as_array().into_iter().flatten())
        .filter_map(|part| part["text"].as_str())
        .collect()
}

#[tokio::test]
async fn a_question_is_answered_with_a_candidate() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let usage = Usage { input: 10, cached: 5, cache_write: 0, output: 9, reasoning: 0 };
        case.then(Step::reply(Reply::text("Bonjour").usage(usage)));
        let answer = ask(model, "generateContent", &question(&case.prompt("Hello"))).await.expect(200);
        assert!(!answer.header("x-litellm-call-id").is_empty());
        let response = answer.json();
        let candidate = &response["candidates"][0];
        assert_eq!(
            candidate["content"],
            json!({ "parts": [{ "text": "Bonjour" }], "role": "model" }),
            "{model}"
        );
        assert_eq!(candidate["finishReason"], "STOP", "{model}");
        assert_eq!(response["modelVersion"], model, "the client sees the name that it asked for");
        let usage = &response["usageMetadata"];
        assert_eq!(usage["promptTokenCount"], 15, "with what was cached: {usage}");
        assert_eq!(
            (&usage["cachedContentTokenCount"], &usage["candidatesTokenCount"]),
            (&json!(5), &json!(9))
        );
    }
}

#[tokio::test]
async fn a_stream_is_events_or_one_array() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let body = question(&case.prompt("Count to three"));
        let expected = format!("You said: {}", case.prompt("Count to three"));
        let answer = ask(model, "streamGenerateContent?alt=sse", &body).await.expect(200);
        assert_eq!(answer.header("content-type"), "text/event-stream", "{model}");
        let streamed = events(&answer);
        assert_eq!(said(&streamed), expected, "{model}");
        let end = streamed.last().expect("events");
        assert_eq!(end["candidates"][0]["finishReason"], "STOP", "{end}");
        assert!(
            end["usageMetadata"]["candidatesTokenCount"].as_u64().is_some_and(|tokens| tokens > 0),
            "{end}"
        );

        let answer = ask(model, "streamGenerateContent", &body).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json", "{model}");
        let array = answer.json();
        assert_eq!(said(array.as_array().expect("an array")), expected, "{model}");
    }
}

#[tokio::test]
async fn a_function_is_called_and_its_result_comes_back() {
    let world = world();
    let schema = json!({
        "type": "OBJECT",
        "properties": { "city": { "type": "STRING" }, "unit": { "type": "STRING", "enum": ["C", "F"] } },
        "required": ["city"],
    });
    for model in MODELS {
        let case = world.case();
        let mut body = question(&case.prompt("How is the weather?"));
        body["tools"] = json!([{ "functionDeclarations": [
            { "name": "weather", "description": "Tells the weather.", "parameters": schema },
        ] }]);
        let response = ask(model, "generateContent", &body).await.expect(200).json();
        let content = &response["candidates"][0]["content"];
        let call = &content["parts"][0]["functionCall"];
        assert_eq!(call["args"], json!({ "city": "Paris", "unit": "C" }), "{response}");
        let turns = body["contents"].as_array_mut().expect("turns");
        turns.push(content.clone());
        // Clients may leave ids out.
        turns.push(json!({ "role": "user", "parts": [
            { "functionResponse": { "name": "weather", "response": { "output": "12 degrees" } } },
        ] }));
        let response = ask(model, "generateContent", &body).await.expect(200).json();
        assert_eq!(said([&response]), r#"The tool says: {"output":"12 degrees"}"#, "{response}");
        assert!(case.requests().iter().all(|request| request.refused.is_empty()), "{:#?}", case.requests());
    }
}

#[tokio::test]
async fn errors_are_googles() {
    let world = world();
    let client = world.stack.client();
    let error = |answer: Answer, status: &str| {
        let body = answer.json();
        assert_eq!(body["error"]["status"], status, "{body}");
        assert_eq!(body["error"]["code"], answer.status, "{body}");
        body["error"]["message"].as_str().expect("a message").to_owned()
    };
    let path = "/v1beta/models/gpt-4o:generateContent";
    let body = question("Hello");
    error(client.post(path, &body).send().await.expect(401), "UNAUTHENTICATED");
    let unknown = client.post(path, &body).header("x-goog-api-key", "sk-unknown").send().await;
    error(unknown.expect(401), "UNAUTHENTICATED");
    error(ask("no-such-model", "generateContent", &body).await.expect(400), "INVALID_ARGUMENT");
    error(ask("wrong-key", "generateContent", &body).await.expect(401), "UNAUTHENTICATED");
    error(ask("gpt-4o", "generateContent", &json!({})).await.expect(400), "INVALID_ARGUMENT");
    let told = error(ask("gpt-4o", "predict", &body).await.expect(404), "NOT_FOUND");
    assert!(told.contains("Models have the methods generateContent,"), "{told}");
    let case = world.case();
    case.then(Step::status(429));
    let busy = ask("gpt-4o", "streamGenerateContent?alt=sse", &question(&case.prompt("Hello"))).await;
    error(busy.expect(429), "RESOURCE_EXHAUSTED");
}

#[tokio::test]
async fn a_key_may_be_in_the_query() {
    let world = world();
    let (client, key) = (world.stack.client(), world.key().await);
    let path = |key: &str| format!("/v1beta/models/demo:generateContent?key={key}");
    let response = client.post(&path(key), &question("Hello")).send().await.expect(200).json();
    assert_eq!(said([&response]), "Hello from the demo model.");
    client.post(&path("sk-unknown"), &question("Hello")).send().await.expect(401);
    client.get(&format!("/v1beta/models?key={key}")).send().await.expect(200);
    // No other language has it there.
    client.get(&format!("/v1/models?key={key}")).send().await.expect(401);
}

#[tokio::test]
async fn prompts_are_counted_texts_embedded_and_models_listed() {
    let world = world();
    let counted = ask("claude", "countTokens", &question("How many tokens are in this?")).await;
    let tokens = counted.expect(200).json()["totalTokens"].as_u64().expect("a number");
    assert!((6..20).contains(&tokens), "{tokens}");

    let text = |text: &str| json!({ "content": { "parts": [{ "text": text }] } });
    let vector = ask("embed", "embedContent", &text("a")).await.expect(200).json();
    assert!(vector["embedding"]["values"][0].is_number(), "{vector}");
    let batch = json!({ "requests": [text("a"), text("b")] });
    let vectors = ask("embed", "batchEmbedContents", &batch).await.expect(200).json();
    assert_eq!(vectors["embeddings"].as_array().map(Vec::len), Some(2), "{vectors}");

    let (client, key) = (world.stack.client(), world.key().await);
    let get = |path: &str| client.get(path).header("x-goog-api-key", key);
    let list = get("/v1beta/models?pageSize=50").send().await.expect(200).json();
    let model = |list: &Value| {
        let models = list["models"].as_array().expect("models").clone();
        models.into_iter().find(|model| model["name"] == "models/gpt-4o")
    };
    let listed = model(&list).expect("the model");
    assert_eq!(listed["inputTokenLimit"], 128_000, "{listed}");
    assert_eq!(get("/v1beta/models/gpt-4o").send().await.expect(200).json(), listed);
    assert_eq!(get("/v1beta/models/none").send().await.expect(404).json()["error"]["status"], "NOT_FOUND");
    // Newer SDKs ask below /v1, and say who they are.
    let sdk = get("/v1/models").header("x-goog-api-client", "google-genai-sdk/1.0").send().await;
    assert_eq!(model(&sdk.expect(200).json()), Some(listed));
}

#[tokio::test]
async fn a_key_may_be_for_these_routes_only() {
    let world = world();
    let client = world.stack.client();
    let key = world.stack.generate_key(json!({ "allowed_routes": ["google_routes"] })).await;
    let key = key["key"].as_str().expect("a key");
    for method in ["generateContent", "streamGenerateContent", "countTokens"] {
        let path = format!("/v1beta/models/demo:{method}?key={key}");
        client.post(&path, &question("Hello")).send().await.expect(200);
    }
    client.get(&format!("/v1beta/models?key={key}")).send().await.expect(200);
    let chat = json!({ "model": "demo", "messages": [{ "role": "user", "content": "Hello" }] });
    client.post("/v1/chat/completions", &chat).key(key).send().await.expect(403);
    let other = world.stack.generate_key(json!({ "allowed_routes": ["openai_routes"] })).await;
    let path = "/v1beta/models/demo:generateContent";
    let refused =
        client.post(path, &question("Hello")).key(other["key"].as_str().expect("a key")).send().await;
    assert_eq!(refused.expect(403).json()["error"]["status"], "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error() {
    let world = world();
    for model in MODELS {
        for method in ["streamGenerateContent?alt=sse", "streamGenerateContent"] {
            let case = world.case();
            case.then(
                Step::reply(Reply::text("One two three four five six"))
                    .with(Fault::Cut { after: 6, how: CutHow::Clean }),
            );
            let answer = ask(model, method, &question(&case.prompt("Count"))).await.expect(200);
            let events = if method.contains("sse") {
                events(&answer)
            } else {
                answer.json().as_array().expect("an array").clone()
            };
            let last = events.last().expect("events");
            assert_eq!(last["error"]["status"], "INTERNAL", "{model}: {last}");
            assert!(!answer.text().contains("finishReason"), "{model}: {}", answer.text());
        }
    }
}
