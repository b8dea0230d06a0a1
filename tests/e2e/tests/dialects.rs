//! Every way of speaking, through the real Envoy: what the golden fixtures say is what the provider gets and the client
//! reads.

use std::fmt::Write as _;
use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fake_provider::case::Wire;
use fake_provider::{Fault, Recorded, Step};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use switchboard_e2e::{
    AWS_ACCESS_KEY, AWS_SECRET_KEY, AWS_SESSION_TOKEN, AZURE_V1, SIGNED, golden, key_of, languages, question,
    speakers,
};

/// Languages with files of their own, and vendors of whom recorded streams and answers show more.
const DIALECTS: &[&str] =
    &["anthropic", "azure", "bedrock", "cohere", "gemini", "mistral", "ollama", "openai"];

fn fixture(kind: &str, provider: &str, file: &str) -> Option<Vec<u8>> {
    fs::read(golden().join(kind).join(provider).join(file)).ok()
}

/// The provider's stream of that name, and its content type.
fn stream_of(provider: &str, name: &str) -> Option<(Vec<u8>, &'static str)> {
    let types = [
        ("sse", "text/event-stream"),
        ("bin", "application/vnd.amazon.eventstream"),
        ("ndjson", "application/x-ndjson"),
    ];
    types.into_iter().find_map(|(extension, content_type)| {
        Some((fixture("stream", provider, &format!("{name}.in.{extension}"))?, content_type))
    })
}

/// Whose answers a provider gives: its own, or those of the language that it speaks.
fn speaker_of(provider: &str) -> &str {
    if fixture("stream", provider, "text.out.sse").is_some() { provider } else { "openai" }
}

/// Reads a chunk as JavaScript does: half a surrogate pair is a character. Rust has none for it, so it stays the
/// escape that it was.
fn read(data: &str) -> Value {
    serde_json::from_str(&data.replace("\\ud83d", "\\\\ud83d").replace("\\ude00", "\\\\ude00")).unwrap()
}

/// The ids that calls are given here are made of the answer's: their ends remain.
fn without_ids(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_ids),
        Value::Object(members) => members.values_mut().for_each(without_ids),
        Value::String(text) => {
            if let Some((_, number)) = text.strip_prefix("call_").and_then(|rest| rest.rsplit_once('_')) {
                *text = format!("call_{number}");
            }
        }
        _ => {}
    }
}

/// What differs from call to call, taken out.
fn settled(mut answer: Value, group: &str) -> Value {
    assert_eq!(answer["model"], group, "{answer}");
    without_ids(&mut answer);
    let members = answer.as_object_mut().unwrap();
    for name in ["id", "created", "model"] {
        assert!(members.remove(name).is_some(), "no {name}");
    }
    answer
}

fn golden_json(kind: &str, provider: &str, file: &str) -> Value {
    serde_json::from_slice(&fixture(kind, provider, file).unwrap_or_else(|| panic!("{provider}/{file}")))
        .unwrap()
}

/// The chunks of a golden stream, under the group's name.
fn golden_chunks(provider: &str, name: &str) -> Vec<Value> {
    let text = fixture("stream", provider, &format!("{name}.out.sse")).unwrap();
    let text = String::from_utf8(text).unwrap();
    let body = text.strip_suffix("data: [DONE]\n\n").expect("a stream that ends well");
    let data = body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    data.map(|data| settled(read(data), "the-model")).collect()
}

/// Streams and answers that depend on what the request taught are left to the tests of the code.
fn depends_on_the_request(kind: &str, provider: &str, name: &str) -> bool {
    let with: Option<Value> = fixture(kind, provider, &format!("{name}.with.json"))
        .map(|with| serde_json::from_slice(&with).unwrap());
    with.is_some_and(|with| with.as_object().unwrap().keys().any(|key| key != "headers"))
}

#[tokio::test]
async fn the_rich_request_reaches_every_provider_as_its_fixture_says() {
    let world = languages();
    let rich = fs::read_to_string(golden().join("request/rich.json")).unwrap();
    for group in speakers() {
        let case = world.case();
        let (stream, content_type) = stream_of(speaker_of(&group), "text").unwrap();
        case.then(Step::wire(Wire::stream(content_type, [&stream[..]])));
        let asked = rich.replacen("\" and say.\"", &format!("\"{}\"", case.prompt(" and say.")), 1);
        let asked = asked.replacen("\"the-model\"", &format!("\"{group}\""), 1);
        assert_ne!(asked, rich);
        let call = world.post("/v1/chat/completions", &json!({})).await.body(asked);
        let answer = call.send().await;
        assert_eq!(answer.status, 200, "{group}: {}", answer.text());
        assert!(answer.events().is_done(), "{group}: {}", answer.text());

        let request = case.request();
        let sent = String::from_utf8(request.body.to_vec()).unwrap();
        let sent = sent.replacen(&case.prompt(" and say."), " and say.", 1);
        let expected = fixture("request", &group, "rich.out.json").unwrap();
        let mut expected = String::from_utf8(expected).unwrap();
        if group == "openai" {
            // At the tests' address it is any server that is called so.
            expected = expected.replace("\"role\": \"developer\"", "\"role\": \"system\"");
        }
        assert_eq!(sent, expected, "{group}");
        let head = String::from_utf8(fixture("request", &group, "rich.out.head").unwrap()).unwrap();
        let path = head.lines().find_map(|line| line.strip_prefix(":path: ")).unwrap();
        assert_eq!(request.target, format!("/scripted/{group}{path}"));
        is_authorized(&request, &group);
    }
}

/// The credential stands where the provider looks for it, and nowhere else; the client's own key is gone.
fn is_authorized(request: &Recorded, group: &str) {
    let name = match group {
        "anthropic" => "x-api-key",
        "azure" | "azure_ai" | AZURE_V1 => "api-key",
        "gemini" => "x-goog-api-key",
        _ => "authorization",
    };
    let scheme = if name == "authorization" { "Bearer " } else { "" };
    assert_eq!(request.header(name), format!("{scheme}{}", key_of(group)), "{group}");
    let bearers = ["authorization", "api-key", "x-api-key", "x-goog-api-key"];
    let present = bearers.iter().filter(|name| !request.header(name).is_empty()).count();
    assert_eq!(present, 1, "{group}: {}", request.head_text());
}

#[tokio::test]
async fn every_dialect_answers_as_its_fixture_says() {
    let world = languages();
    let mut compared = 0;
    for group in DIALECTS {
        let provider = if fixture("response", group, "text.in.json").is_some() { group } else { "openai" };
        for name in ["text", "full"] {
            let Some(wire) = fixture("response", provider, &format!("{name}.in.json")) else { continue };
            if depends_on_the_request("response", provider, name) {
                continue;
            }
            let case = world.case();
            let step = Step::wire(Wire::json(200, &wire));
            case.then(step.clone()).then(step.with(Fault::Shred { size: 61 }));
            for _ in 0..2 {
                let answer = world.post("/v1/chat/completions", &question(group, &case.prompt("Hi"))).await;
                let answer = answer.send().await.expect(200).json();
                let expected = golden_json("response", provider, &format!("{name}.out.json"));
                assert_eq!(settled(answer, group), settled(expected, "the-model"), "{group}/{name}");
            }
            compared += 1;
        }
    }
    assert!(compared > DIALECTS.len(), "the fixtures `text` and `full` are to be compared");
}

#[tokio::test]
async fn every_dialect_streams_as_its_fixture_says() {
    let world = languages();
    let mut compared = 0;
    for group in DIALECTS {
        let provider = speaker_of(group);
        for name in ["text", "full"] {
            let Some((wire, content_type)) = stream_of(provider, name) else { continue };
            if depends_on_the_request("stream", provider, name) {
                continue;
            }
            let case = world.case();
            let step = Step::wire(Wire::stream(content_type, [&wire[..]]));
            case.then(step.clone()).then(step.with(Fault::Shred { size: 61 }));
            let mut body = question(group, &case.prompt("Hi"));
            body["stream"] = json!(true);
            body["stream_options"] = json!({ "include_usage": true });
            for _ in 0..2 {
                let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200);
                let events = answer.events();
                assert!(events.is_done(), "{group}/{name}: {}", answer.text());
                let data = events.0.iter().filter(|data| *data != "[DONE]");
                let chunks: Vec<Value> = data.map(|data| settled(read(data), group)).collect();
                assert_eq!(chunks, golden_chunks(provider, name), "{group}/{name}");
            }
            compared += 1;
        }
    }
    assert!(compared > DIALECTS.len(), "the fixtures `text` and `full` are to be compared");
}

#[tokio::test]
async fn every_error_of_a_provider_is_told_as_its_fixture_says() {
    let world = languages();
    let mut compared = 0;
    for group in DIALECTS {
        let files = fs::read_dir(golden().join("error").join(group)).unwrap().flatten();
        for path in files.map(|file| file.path()) {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            let Some((name, _)) = file.split_once(".in.") else { continue };
            let status: u16 = name.split('-').next().unwrap().parse().unwrap();
            // What may be asked again is asked again, and nobody here waits for that.
            if depends_on_the_request("error", group, name) || !(400..429).contains(&status) || status == 408
            {
                continue;
            }
            let case = world.case();
            let mut step = Step::wire(Wire::json(status, &fs::read(&path).unwrap()));
            let with =
                fixture("error", group, &format!("{name}.with.json")).unwrap_or_else(|| b"{}".to_vec());
            let with: Value = serde_json::from_slice(&with).unwrap();
            for (name, value) in with["headers"].as_object().into_iter().flatten() {
                let value = value.as_str().unwrap().to_owned();
                step = step.with(Fault::Header { name: name.clone(), value });
            }
            case.then(step);
            let answer =
                world.post("/v1/chat/completions", &question(group, &case.prompt("Hi"))).await.send().await;
            let expected = golden_json("error", group, &format!("{name}.out.json"));
            assert_eq!(answer.json()["error"]["message"], expected["error"]["message"], "{group}/{name}");
            assert_eq!(answer.json()["error"]["type"], expected["error"]["type"], "{group}/{name}");
            assert_eq!(answer.json()["error"]["code"], expected["error"]["code"], "{group}/{name}");
            compared += 1;
        }
    }
    assert!(compared > DIALECTS.len(), "there are errors to compare");
}

#[tokio::test]
async fn azure_is_asked_at_its_newer_address_by_the_deployments_name() {
    let world = languages();
    let case = world.case();
    case.then(Step::wire(Wire::json(200, &fixture("response", "openai", "text.in.json").unwrap())));
    world
        .post("/v1/chat/completions", &question(AZURE_V1, &case.prompt("Hi")))
        .await
        .send()
        .await
        .expect(200);
    let request = case.request();
    assert_eq!(request.target, format!("/scripted/{AZURE_V1}/openai/v1/chat/completions"));
    assert_eq!(request.json()["model"], "my-deployment");
    is_authorized(&request, AZURE_V1);
}

#[tokio::test]
async fn vectors_come_in_the_form_that_was_asked_for() {
    let world = languages();
    for (group, fixture) in [
        (
            "cohere",
            json!({ "id": "1", "embeddings": { "float": [[0.5, -1.0, 0.25]] }, "texts": ["a"],
            "meta": { "billed_units": { "input_tokens": 3.0 } } }),
        ),
        ("gemini", json!({ "embeddings": [{ "values": [0.5, -1, 0.25] }] })),
        ("ollama", json!({ "embeddings": [[0.5, -1, 0.25]], "prompt_eval_count": 3 })),
        (
            "mistral",
            json!({ "object": "list", "model": "m", "usage": { "prompt_tokens": 3, "total_tokens": 3 },
            "data": [{ "object": "embedding", "index": 0, "embedding": [0.5, -1, 0.25] }] }),
        ),
    ] {
        for (format, expected) in [("float", json!([0.5, -1.0, 0.25])), ("base64", json!("AAAAPwAAgL8AAIA+"))]
        {
            let case = world.case();
            let mut fixture = fixture.clone();
            // These two make the base64 themselves.
            if format == "base64" && group == "cohere" {
                fixture["embeddings"] = json!({ "base64": [expected] });
            } else if format == "base64" && group == "mistral" {
                fixture["data"][0]["embedding"] = expected.clone();
            }
            case.then(Step::wire(Wire::json(200, fixture.to_string().as_bytes())));
            let body = json!({ "model": group, "input": case.prompt("a"), "encoding_format": format });
            let answer = world.post("/v1/embeddings", &body).await.send().await.expect(200).json();
            let vector = &answer["data"][0]["embedding"];
            let numbers: Option<Vec<f64>> = vector
                .as_array()
                .map(|vector| vector.iter().map(|number| number.as_f64().unwrap()).collect());
            assert_eq!(numbers.map_or_else(|| vector.clone(), |numbers| json!(numbers)), expected, "{group}");
            if let Some(text) = vector.as_str() {
                assert_eq!(BASE64_STANDARD.decode(text).unwrap().len(), 12, "{group}");
            }
        }
    }
}

/// AWS adds up what it got, as it got it: an Envoy that decoded `%2F` or `%3A`, or changed a header that is signed,
/// would be refused.
#[tokio::test]
async fn a_path_with_escapes_is_signed_as_it_is_sent() {
    let world = languages();
    let case = world.case();
    case.then(Step::wire(Wire::json(200, &fixture("response", "bedrock", "text.in.json").unwrap())));
    world.post("/v1/chat/completions", &question(SIGNED, &case.prompt("Hi"))).await.send().await.expect(200);
    let request = case.request();
    let model = "arn%3Aaws%3Abedrock%3Aeu-central-1"; // The region is the model's own where it names one.
    let model = model.replace("eu-central-1", "us-east-1");
    assert!(request.target.contains(&format!("/model/{model}%3A123456789012%3Ainference-profile%2Fus.")));
    assert_eq!(request.header("x-amz-security-token"), AWS_SESSION_TOKEN);

    let authorization = request.header("authorization");
    let part = |name: &str| {
        let rest = authorization.split_once(&format!("{name}=")).unwrap().1;
        rest.split(',').next().unwrap().to_owned()
    };
    let (credential, signed) = (part("Credential"), part("SignedHeaders"));
    let scope = credential.strip_prefix(AWS_ACCESS_KEY).unwrap().trim_start_matches('/');
    let path = request.target.replace('%', "%25");
    let headers: Vec<String> =
        signed.split(';').map(|name| format!("{name}:{}\n", request.header(name))).collect();
    let headers = headers.concat();
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
    };
    let canonical = format!("POST\n{path}\n\n{headers}\n{signed}\n{}", hex(&Sha256::digest(&request.body)));
    let hash = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", request.header("x-amz-date"));
    let mac = |key: &[u8], text: &str| -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let key =
        scope.split('/').fold(format!("AWS4{AWS_SECRET_KEY}").into_bytes(), |key, part| mac(&key, part));
    assert_eq!(part("Signature"), hex(&mac(&key, &text)), "{canonical}");
}
