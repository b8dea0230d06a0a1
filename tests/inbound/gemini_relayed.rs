//! Google's API on both sides: the client's bytes go to the provider and the provider's to the client, except for the model's
//! name and the gateway's fields.

use std::fs;

use serde_json::{Value, json};
use switchboard::config::Deployment;
use switchboard::dialects::{Body, Target};
use switchboard::exchange::{Streaming, translated};
use switchboard::facts::Wire;
use switchboard::inbound::{EMBED, EMBED_BATCH, GENERATE, Language, STREAM, STREAM_ARRAY};
use switchboard::openai::{Memo, Operation, Request};
use switchboard::providers::find;

use super::fixtures::{Case, Kind, cuts};
use super::{chats, folder, golden};

const MODEL: &str = "gemini-3-pro-preview";

fn memo(case: &Case) -> Memo {
    Memo { wire: Some(Wire::Contents), ..case.memo() }
}

/// The cases of this API whose events are JSON of their own; half a surrogate pair is none.
fn native(kind: Kind) -> Vec<Case> {
    let is_native = |case: &Case| case.provider.name == "gemini" && case.name != "half-a-surrogate-pair";
    chats(kind).into_iter().filter(is_native).collect()
}

/// Path and body of the provider's request; nothing if it has to be translated.
fn sent(provider: &str, operation: Operation, body: &str, with: &Value) -> Option<(String, String)> {
    let mut deployment =
        json!({"id": "d", "group": "g", "provider": provider, "model": MODEL, "api_base": ""});
    if let Value::Object(more) = with {
        deployment.as_object_mut().unwrap().extend(more.clone());
    }
    let deployment: Deployment = switchboard::json::read(&*deployment.to_string()).unwrap();
    let provider = find(provider).unwrap();
    let target = Target {
        provider,
        deployment: &deployment,
        model: MODEL,
        drop_params: true,
        features: "",
        version: "",
        is_fallback: false,
        allowed: None,
        lacks_search: None,
    };
    let request = Request::parse(operation, body.as_bytes()).unwrap().with_defaults(&deployment.defaults);
    let dialect = provider.dialect_of(MODEL);
    assert_eq!(dialect.wire(), GENERATE.wire());
    if !dialect.can_relay(&request, provider, MODEL) {
        return None;
    }
    let mut memo = memo(&native(Kind::Stream)[0]);
    memo.operation = operation;
    let outbound = dialect.relayed(&request, &target, &mut memo).unwrap();
    let Body::Edited(edits) = outbound.body else { panic!("the client's bytes") };
    Some((outbound.path.into_owned(), String::from_utf8(edits.write(body.as_bytes())).unwrap()))
}

#[test]
fn requests_keep_their_bytes_except_for_what_the_files_show() {
    let folder = folder(&GENERATE).join("relayed");
    let mut count = 0;
    for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        let Some(name) = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".in.json")) else {
            continue;
        };
        count += 1;
        let body = fs::read_to_string(&file).unwrap();
        let with = fs::read(folder.join(format!("{name}.with.json"))).unwrap_or_else(|_| b"{}".to_vec());
        let with: Value = serde_json::from_slice(&with).unwrap();
        let operation = if name.starts_with("embed") { Operation::Embeddings } else { Operation::Chat };
        let (path, body) = sent("gemini", operation, &body, &with).unwrap();
        serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{name}: {error}: {body}"));
        golden(&folder.join(format!("{name}.out.head")), format!(":path: {path}\n").as_bytes());
        golden(&folder.join(format!("{name}.out.json")), body.as_bytes());
    }
    assert!(count > 4);
}

#[test]
fn a_request_with_nothing_of_the_gateways_is_the_clients_byte_for_byte() {
    let rich = fs::read_to_string(folder(&GENERATE).join("relayed/rich.in.json")).unwrap();
    for provider in ["gemini", "vertex_ai"] {
        let (path, body) = sent(provider, Operation::Chat, &rich, &json!({})).unwrap();
        assert_eq!(body, rich);
        assert_eq!(path, format!("/models/{MODEL}:streamGenerateContent?alt=sse"));
    }
}

#[test]
fn what_the_provider_does_not_take_is_translated() {
    // The reasoning of another family, which an earlier answer carried.
    let signature = "eyJ0aGlua2luZ19ibG9ja3MiOlt7InR5cGUiOiJ0aGlua2luZyJ9XX0=";
    let part = json!({"functionCall": {"name": "f", "args": {}}, "thoughtSignature": signature});
    let foreign = json!({"contents": [{"role": "model", "parts": [part]}]}).to_string();
    assert_eq!(sent("gemini", Operation::Chat, &foreign, &json!({})), None);
    // Vertex AI embeds with another method.
    let text = json!({"content": {"parts": [{"text": "a"}]}}).to_string();
    assert_eq!(sent("vertex_ai", Operation::Embeddings, &text, &json!({})), None);
}

/// A stream as its client gets it.
fn stream(case: &Case, language: &'static dyn Language, chunks: &[&[u8]]) -> Vec<u8> {
    let mut streaming = Streaming::new(case.dialect(), language, &memo(case), case.provider.name);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(streaming.feed(chunk, false));
    }
    out.extend_from_slice(streaming.feed(b"", true));
    out
}

/// The data of the events.
fn data(stream: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n");
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

#[test]
fn streams_are_relayed_event_by_event() {
    let mut whole = 0;
    for case in native(Kind::Stream) {
        let out = stream(&case, &STREAM, &[&case.input]);
        golden(&folder(&GENERATE).join("relayed/stream").join(format!("{}.sse", case.name)), &out);
        let (given, told) = (data(&case.input), data(&out));
        for (at, event) in told.iter().enumerate() {
            let mut expected = given.get(at).cloned().unwrap_or_default();
            if expected.get("modelVersion").is_some() {
                expected["modelVersion"] = "the-model".into();
            }
            assert!(event.get("error").is_some() || *event == expected, "{}: {event}", case.path());
        }
        whole += usize::from(told.len() == given.len());
        let array: Value = serde_json::from_slice(&stream(&case, &STREAM_ARRAY, &[&case.input])).unwrap();
        assert_eq!(array, Value::Array(told), "{}", case.path());
    }
    assert!(whole > 5, "{whole}");
}

#[test]
fn a_relayed_stream_is_the_same_however_it_is_cut_and_ends_once_wherever_it_dies() {
    for case in native(Kind::Stream) {
        for language in [&STREAM, &STREAM_ARRAY] {
            let whole = stream(&case, language, &[&case.input]);
            for (at, pieces) in cuts(&case.input) {
                assert!(stream(&case, language, &pieces) == whole, "{} cut from {at}", case.path());
            }
        }
        for at in (0..case.input.len()).step_by(7) {
            let dead = stream(&case, &STREAM, &[&case.input[..at]]);
            let events = data(&dead);
            let failed = events.iter().filter(|event| event.get("error").is_some()).count();
            let is_complete = is_complete(&events);
            assert!((failed == 1) != is_complete, "{} dead at {at}: {events:?}", case.path());
            let array: Value =
                serde_json::from_slice(&stream(&case, &STREAM_ARRAY, &[&case.input[..at]])).unwrap();
            assert_eq!(array, Value::Array(events), "{} dead at {at}", case.path());
        }
    }
}

/// Whether every candidate has ended, or the prompt was blocked.
fn is_complete(events: &[Value]) -> bool {
    let candidates = || events.iter().flat_map(|event| event["candidates"].as_array().into_iter().flatten());
    let index = |candidate: &Value| candidate["index"].as_u64().unwrap_or_default();
    let ended = |index_: u64| candidates().any(|one| index(one) == index_ && one["finishReason"].is_string());
    candidates().next().is_some() && candidates().all(|one| ended(index(one)))
        || events.iter().any(|event| event["promptFeedback"]["blockReason"].is_string())
}

#[test]
fn whole_answers_are_relayed_and_their_usage_is_read() {
    let mut relayed = 0;
    for case in native(Kind::Response) {
        let own = translated(case.dialect(), &GENERATE, &case.input, &case.memo());
        let Ok(answer) = translated(case.dialect(), &GENERATE, &case.input, &memo(&case)) else {
            assert!(own.is_err(), "{}", case.path());
            continue;
        };
        let mut given: Value = serde_json::from_slice(&case.input).unwrap();
        if given.get("modelVersion").is_some() {
            given["modelVersion"] = "the-model".into();
        }
        assert_eq!(serde_json::from_slice::<Value>(&answer.body).unwrap(), given, "{}", case.path());
        // What the model could not finish is an error for others, and its own answer here.
        if let Ok(own) = own {
            assert_eq!((answer.usage, answer.id), (own.usage, own.id), "{}", case.path());
            relayed += 1;
        }
        let streamed = Memo { stream: true, ..memo(&case) };
        let events = translated(case.dialect(), &STREAM, &case.input, &streamed).unwrap();
        assert_eq!(data(&events.body), [given], "{}", case.path());
    }
    assert!(relayed > 5, "{relayed}");
}

#[test]
fn vectors_are_relayed() {
    let dialect = find("gemini").unwrap().dialect;
    for (language, body, tokens) in [
        (&EMBED, r#"{"embedding":{"values":[0.5,1e-3],"new":1},"usageMetadata":{"promptTokenCount":7}}"#, 7),
        (&EMBED_BATCH, "{\n \"embeddings\": [{\"values\": [1]}, {\"values\": [2]}]\n}", 0),
    ] {
        let memo = Memo { operation: Operation::Embeddings, ..memo(&native(Kind::Response)[0]) };
        let answer = translated(dialect, language, body.as_bytes(), &memo).unwrap();
        assert_eq!((answer.body, answer.usage.prompt), (body.as_bytes().to_vec(), tokens));
    }
    let memo = Memo { operation: Operation::Embeddings, ..memo(&native(Kind::Response)[0]) };
    assert!(translated(dialect, &EMBED, br#"{"error":{"code":500}}"#, &memo).is_err());
    assert!(translated(dialect, &EMBED, b"{}", &memo).is_err());
}
