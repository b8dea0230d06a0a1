//! Claude's own format on Bedrock: the events of a stream are in messages of an AWS event stream, and the client gets them as
//! from Anthropic.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use switchboard::config::Deployment;
use switchboard::dialects::{BEDROCK, Body, Dialect, Target};
use switchboard::exchange::{Streaming, translated};
use switchboard::facts::Wire;
use switchboard::frame::{Framer, Framing};
use switchboard::inbound::{Language as _, MESSAGES};
use switchboard::json;
use switchboard::openai::{Memo, Request};
use switchboard::providers::find;

use super::chats;
use super::eventstream;
use super::fixtures::{Case, Kind};

fn memo(case: &Case) -> Memo {
    Memo { wire: Some(Wire::Messages), ..case.memo() }
}

/// Anthropic's own streams that split into events.
fn native() -> Vec<Case> {
    let is_native = |case: &Case| case.provider.name == "anthropic";
    chats(Kind::Stream).into_iter().filter(is_native).collect()
}

fn message(kind: (&str, &str), payload: &Value) -> Vec<u8> {
    let headers =
        [(kind.0, kind.1), (":content-type", "application/json"), (":message-type", kind_of(kind.0))];
    eventstream::message(&headers, payload.to_string().as_bytes())
}

fn kind_of(header: &str) -> &'static str {
    if header == ":event-type" { "event" } else { "exception" }
}

/// The same events as Bedrock sends them.
fn framed(events: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut each = |data: &[u8]| {
        let data = String::from_utf8_lossy(data).replace(
            r#"{"type":"message_stop"}"#,
            r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}"#,
        );
        let bytes = BASE64_STANDARD.encode(data);
        out.extend_from_slice(&message((":event-type", "chunk"), &json!({ "bytes": bytes, "p": "abcd" })));
    };
    let mut framer = Framer::new(Framing::Sse);
    framer.feed(events, |frame| each(frame.data)).unwrap();
    framer.end(|frame| each(frame.data)).unwrap();
    out
}

fn stream(dialect: &dyn Dialect, case: &Case, chunks: &[&[u8]]) -> String {
    let mut streaming = Streaming::new(dialect, &MESSAGES, &memo(case), "bedrock");
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(streaming.feed(chunk, false));
    }
    out.extend_from_slice(streaming.feed(b"", true));
    String::from_utf8(out).unwrap()
}

#[test]
fn events_in_base64_are_the_events_of_anthropic_however_they_are_cut() {
    let mut complete = 0;
    for case in native() {
        let messages = framed(&case.input);
        let whole = stream(&BEDROCK, &case, &[&messages]);
        assert_eq!(whole, stream(case.dialect(), &case, &[&case.input]), "{}", case.path());
        complete += usize::from(whole.contains("event: message_stop\n"));
        // Messages of long streams are alike.
        for at in (0..messages.len()).step_by(if messages.len() > 4096 { 13 } else { 1 }) {
            let (before, after) = messages.split_at(at);
            assert!(stream(&BEDROCK, &case, &[before, after]) == whole, "{} cut at {at}", case.path());
        }
    }
    assert!(complete > 3);
}

#[test]
fn a_stream_that_dies_or_fails_ends_in_an_error() {
    let case = native()
        .into_iter()
        .find(|case| stream(case.dialect(), case, &[&case.input]).contains("message_stop"));
    let case = case.unwrap();
    let messages = framed(&case.input);
    let dead = stream(&BEDROCK, &case, &[&messages[..messages.len() / 2]]);
    assert!(dead.ends_with("}\n\n") && dead.matches("event: error\n").count() == 1, "{dead}");
    let exception =
        message((":exception-type", "throttlingException"), &json!({ "message": "Too many requests" }));
    let begun = framed(b"data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n");
    let failed = stream(&BEDROCK, &case, &[&begun, &exception]);
    assert!(failed.contains("rate_limit_error") && failed.contains("Too many requests"), "{failed}");
    let odd = message((":event-type", "chunk"), &json!({ "bytes": "%%%" }));
    assert!(stream(&BEDROCK, &case, &[&odd]).contains("event: error\n"));
}

#[test]
fn a_whole_message_passes_and_one_in_place_of_a_stream_is_an_error() {
    let case = chats(Kind::Response).into_iter().find(|case| case.provider.name == "anthropic").unwrap();
    let own = translated(case.dialect(), &MESSAGES, &case.input, &memo(&case)).unwrap();
    let told = translated(&BEDROCK, &MESSAGES, &case.input, &memo(&case)).unwrap();
    assert_eq!((told.body, told.usage, told.id), (own.body, own.usage, own.id));
    let streams = Memo { stream: true, ..memo(&case) };
    assert!(translated(&BEDROCK, &MESSAGES, &case.input, &streams).is_err());
}

#[test]
fn requests_that_only_converse_can_serve_are_translated() {
    let provider = find("bedrock").unwrap();
    let relays = |model: &str, more: &str| {
        let hi = r#","messages":[{"role":"user","content":"hi"}]"#;
        let messages = if more.contains("messages") { "" } else { hi };
        let body = format!(r#"{{"max_tokens":9{messages}{more}}}"#);
        let request = Request::parse(MESSAGES.operation(), body.as_bytes()).unwrap();
        BEDROCK.can_relay(&request, provider, model)
    };
    let claude = "us.anthropic.claude-sonnet-4-6";
    assert!(relays(claude, "") && relays(claude, r#","tools":[{"name":"f","input_schema":{}}],"new":1"#));
    for (model, more) in [
        ("us.amazon.nova-pro-v1:0", ""),
        ("converse/us.anthropic.claude-sonnet-4-6", ""),
        ("anthropic.claude-v2", ""),
        (claude, r#","tools":[{"type":"web_search_20250305","name":"web_search"}]"#),
        (claude, r#","output_config":{"format":{"type":"json_schema"}}"#),
        (
            claude,
            r#","messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a/b.png"}}]}]"#,
        ),
    ] {
        assert!(!relays(model, more), "{model} {more}");
    }
    let deployed = |defaults: Value| {
        let deployment = json!({"id": "d", "group": "g", "provider": "bedrock", "model": claude, "api_base": "", "defaults": defaults});
        let deployment: Deployment = json::read(&*deployment.to_string()).unwrap();
        BEDROCK.has_wire(&deployment)
    };
    assert!(deployed(json!([["temperature", 0.5]])));
    assert!(
        !deployed(json!([["guardrailConfig", { "guardrailIdentifier": "g" }]])),
        "a guardrail is never left out"
    );
}

#[test]
fn a_count_is_a_whole_request_in_base64_for_the_model_itself() {
    let body = br#"{"model":"claude","stream":true,"messages":[{"role":"user","content":"hi"}],"new":1}"#;
    let request = Request::parse(MESSAGES.operation(), body).unwrap();
    let deployment = json!({"id": "d", "group": "g", "provider": "bedrock", "model": "x", "api_base": ""});
    let deployment: Deployment = json::read(&*deployment.to_string()).unwrap();
    let target = Target {
        provider: find("bedrock").unwrap(),
        deployment: &deployment,
        model: "us.anthropic.claude-sonnet-4-6",
        drop_params: true,
        features: "",
        version: "",
        is_fallback: false,
        allowed: None,
        lacks_search: None,
    };
    let mut memo = Memo { counts: true, ..memo(&chats(Kind::Response)[0]) };
    let outbound = BEDROCK.relayed(&request, &target, &mut memo).unwrap();
    assert_eq!(outbound.path, "/model/anthropic.claude-sonnet-4-6/count-tokens");
    let Body::Bytes(sent) = outbound.body else { panic!("bytes") };
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    let inside = BASE64_STANDARD.decode(sent["input"]["invokeModel"]["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        String::from_utf8(inside).unwrap(),
        r#"{"messages":[{"role":"user","content":"hi"}],"anthropic_version":"bedrock-2023-05-31","max_tokens":1}"#
    );
    assert_eq!(BEDROCK.count(br#"{"inputTokens": 4711}"#), Some(4711));
}
