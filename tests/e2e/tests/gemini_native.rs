//! Google's Gemini API, in front of a provider that has it, too: bytes pass in both directions.

use fake_provider::Step;
use fake_provider::case::Wire;
use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, golden, key_of, languages};

const GROUP: &str = "gemini";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(golden().join(name)).expect("a fixture")
}

/// A request as no other provider would take it, with unusual spaces.
fn question(prompt: &str) -> String {
    format!(
        r#"{{ "contents":[ {{"parts":[{{"text":{}}}]}}], "cachedContent" : "cachedContents/abc","tools":[{{"googleSearch":{{}}}}],
  "safetySettings":[{{"category":"HARM_CATEGORY_HATE_SPEECH","threshold":"BLOCK_NONE"}}],"fieldOfTomorrow":{{"x":1e2}}}}"#,
        json!(prompt)
    )
}

async fn ask(method: &str, body: &str) -> Answer {
    let path = format!("/v1beta/models/{GROUP}:{method}");
    let call =
        languages().stack.client().request(Method::POST, &path).header("content-type", "application/json");
    call.header("x-goog-api-key", languages().key().await).body(body.to_owned()).send().await
}

/// The fixture as the client gets it: with the name that it asked for.
fn renamed(mut response: Value) -> Value {
    if response.get("modelVersion").is_some() {
        response["modelVersion"] = GROUP.into();
    }
    response
}

#[tokio::test]
async fn requests_and_answers_pass_as_they_are() {
    let case = languages().case();
    let given = fixture("response/gemini/text.in.json");
    case.then(Step::wire(Wire::json(200, &given)));
    let body = question(&case.prompt("Hello"));
    let answer = ask("generateContent", &body).await.expect(200);
    assert_eq!(answer.json(), renamed(serde_json::from_slice(&given).expect("JSON")));
    let request = case.request();
    assert_eq!(String::from_utf8_lossy(&request.body), body);
    assert!(request.target.ends_with("/models/gemini-3-pro-preview:generateContent"), "{}", request.target);
    assert_eq!(request.header("x-goog-api-key"), key_of(GROUP));
}

#[tokio::test]
async fn streams_pass_event_by_event_in_both_forms() {
    let given = fixture("stream/gemini/text.in.sse");
    let text = String::from_utf8(given.clone()).expect("UTF-8").replace("\r\n", "\n");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let expected: Vec<Value> = data.map(|data| renamed(serde_json::from_str(data).expect("JSON"))).collect();
    assert!(expected.len() > 1);
    for method in ["streamGenerateContent?alt=sse", "streamGenerateContent"] {
        let case = languages().case();
        case.then(Step::wire(Wire::stream("text/event-stream", [&given[..]])));
        let body = question(&case.prompt("Hello"));
        let answer = ask(method, &body).await.expect(200);
        let told: Vec<Value> = if method.ends_with("sse") {
            let text = answer.text();
            let events =
                text.split_terminator("\r\n\r\n").map(|event| event.strip_prefix("data: ").expect("data"));
            events.map(|data| serde_json::from_str(data).expect("JSON")).collect()
        } else {
            answer.json().as_array().expect("an array").clone()
        };
        assert_eq!(told, expected, "{method}");
        let request = case.request();
        assert_eq!(String::from_utf8_lossy(&request.body), body);
        assert!(request.target.ends_with(":streamGenerateContent?alt=sse"), "{}", request.target);
    }
}

#[tokio::test]
async fn vectors_pass_with_all_that_other_providers_lack() {
    let case = languages().case();
    case.then(Step::wire(Wire::json(200, br#"{"embedding":{"values":[0.5, -1]},"new":1}"#)));
    let body = format!(
        r#"{{"content":{{"parts":[{{"text":{}}},{{"inlineData":{{"mimeType":"image/png","data":"AA=="}}}}]}},"taskType":"RETRIEVAL_QUERY"}}"#,
        json!(case.prompt("a"))
    );
    let answer = ask("embedContent", &body).await.expect(200);
    assert_eq!(answer.text(), r#"{"embedding":{"values":[0.5, -1]},"new":1}"#);
    let mut sent = case.request().json();
    assert_eq!(
        sent.as_object_mut().expect("an object").remove("model"),
        Some(json!("models/gemini-3-pro-preview"))
    );
    assert_eq!(sent, serde_json::from_str::<Value>(&body).expect("JSON"));
}

#[tokio::test]
async fn another_provider_cannot_serve_what_only_googles_api_has() {
    let body = question("Hello");
    let path = "/v1beta/models/openai:generateContent";
    let call =
        languages().stack.client().request(Method::POST, path).header("content-type", "application/json");
    let answer = call.header("x-goog-api-key", languages().key().await).body(body).send().await.expect(400);
    let error = answer.json()["error"].take();
    assert_eq!(error["status"], "INVALID_ARGUMENT");
    assert!(error["message"].as_str().expect("a message").contains("cachedContent"), "{error}");
}
