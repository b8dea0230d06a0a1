//! Anthropic's API on both sides: the client's bytes go to the provider and the provider's to the client, with the edits that
//! the files next to them show.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use switchboard::config::Deployment;
use switchboard::dialects::{Body, Dialect, Target};
use switchboard::exchange::{Streaming, translated};
use switchboard::facts::Wire;
use switchboard::inbound::{Language as _, MESSAGES};
use switchboard::json;
use switchboard::openai::{Memo, Request};
use switchboard::providers::find;

use super::fixtures::{Case, Kind, cuts};
use super::{chats, folder, golden};

/// The provider's request, as its headers and its body, with the settings of `NAME.with.json`.
fn sent(body: &[u8], with: &Value) -> (String, Vec<u8>) {
    let text = |name: &str, default: &'static str| with[name].as_str().unwrap_or(default).to_owned();
    let (provider, model) = (text("provider", "anthropic"), text("model", "claude-opus-5-5"));
    let mut deployment =
        json!({"id": "d", "group": "g", "provider": provider, "model": model, "api_base": ""});
    if let Value::Object(more) = &with["deployment"] {
        deployment.as_object_mut().unwrap().extend(more.clone());
    }
    let deployment: Deployment = json::read(&*deployment.to_string()).unwrap();
    let provider = find(&provider).unwrap();
    let target = Target {
        provider,
        deployment: &deployment,
        model: &model,
        drop_params: true,
        features: &text("features", ""),
        version: &text("version", ""),
        is_fallback: with["is_fallback"] == true,
        allowed: None,
        lacks_search: None,
    };
    let request = Request::parse(MESSAGES.operation(), body).unwrap().with_defaults(&deployment.defaults);
    MESSAGES.check(&request).unwrap();
    let dialect = provider.dialect_of(&model);
    assert_eq!(dialect.wire(), MESSAGES.wire());
    assert!(dialect.can_relay(&request, provider, &model));
    let mut memo = memo(&chats(Kind::Response)[0]);
    memo.stream = request.stream().unwrap();
    let outbound = dialect.relayed(&request, &target, &mut memo).unwrap();
    let mut head = format!(":path: {}\n", outbound.path);
    for (name, value) in &outbound.headers {
        writeln!(head, "{name}: {value}").unwrap();
    }
    match outbound.body {
        Body::Edited(edits) => (head, edits.write(body)),
        Body::Bytes(bytes) => (head, bytes),
        _ => panic!("a body"),
    }
}

fn memo(case: &Case) -> Memo {
    Memo { wire: Some(Wire::Messages), ..case.memo() }
}

fn requests() -> Vec<(String, PathBuf)> {
    let folder = folder(&MESSAGES).join("relayed");
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |file: PathBuf| {
        let name = file.file_name()?.to_str()?.strip_suffix(".in.json")?.to_owned();
        Some((name, folder.clone()))
    };
    files.filter_map(name).collect()
}

#[test]
fn requests_keep_their_bytes_except_for_what_the_files_show() {
    let requests = requests();
    assert!(requests.len() > 5);
    for (name, folder) in requests {
        let body = fs::read(folder.join(format!("{name}.in.json"))).unwrap();
        let with = fs::read(folder.join(format!("{name}.with.json"))).unwrap_or_else(|_| b"{}".to_vec());
        let (head, body) = sent(&body, &serde_json::from_slice(&with).unwrap());
        assert!(json::Object::parse(&body).is_ok(), "{name}: {}", String::from_utf8_lossy(&body));
        golden(&folder.join(format!("{name}.out.head")), head.as_bytes());
        golden(&folder.join(format!("{name}.out.json")), &body);
    }
}

#[test]
fn a_request_for_a_model_that_knows_all_of_it_is_the_clients_except_for_the_models_name() {
    let body = fs::read_to_string(folder(&MESSAGES).join("relayed/claude-code.in.json")).unwrap();
    for provider in ["anthropic", "azure_ai"] {
        let with = json!({"provider": provider, "model": "claude-opus-5-5", "features": "new-2027-01-01", "version": "2026-10-21"});
        let (head, sent) = sent(body.as_bytes(), &with);
        assert_eq!(String::from_utf8(sent).unwrap(), body.replace("\"the-model\"", "\"claude-opus-5-5\""));
        assert!(head.contains("anthropic-beta: new-2027-01-01\nanthropic-version: 2026-10-21\n"), "{head}");
    }
}

#[test]
fn a_cloud_that_fetches_no_media_gets_a_translated_request() {
    let relays = |provider: &str, block: &str| {
        let body =
            format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}],"tools":[{{"url":"url"}}]}}"#);
        let request = Request::parse(MESSAGES.operation(), body.as_bytes()).unwrap();
        let provider = find(provider).unwrap();
        provider.dialect_of("claude-opus-5-5").can_relay(&request, provider, "claude-opus-5-5")
    };
    let by_url = r#"{"type":"image","source":{"type":"url","url":"https://a/b.png"}}"#;
    let inline = r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"#;
    for (provider, fetches) in [("anthropic", true), ("azure_ai", true), ("vertex_ai", false)] {
        for (block, is_by_url) in [
            (by_url.to_owned(), true),
            (format!(r#"{{"type":"tool_result","content":[{by_url}]}}"#), true),
            (inline.to_owned(), false),
            (r#"{"type":"tool_use","input":{"type":"url"}}"#.to_owned(), false),
        ] {
            assert_eq!(relays(provider, &block), fetches || !is_by_url, "{provider}: {block}");
        }
    }
}

/// Replaces the value at a position, counted in depth first, and returns how many are left to count.
fn replace(value: &mut Value, at: usize, with: &Value) -> Option<usize> {
    if at == 0 {
        *value = with.clone();
        return None;
    }
    let children: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        _ => Vec::new(),
    };
    children.into_iter().try_fold(at - 1, |at, child| replace(child, at, with))
}

#[test]
fn a_request_with_anything_anywhere_stays_json_and_nothing_is_edited_twice() {
    let others = [json!(null), json!([]), json!("thinking"), json!([{}])];
    for (name, folder) in requests() {
        let body = fs::read_to_string(folder.join(format!("{name}.in.json"))).unwrap();
        let whole: Value = serde_json::from_str(&body.replace("1e400", "1").replace("\\ud83d", "")).unwrap();
        let with = fs::read(folder.join(format!("{name}.with.json"))).unwrap_or_else(|_| b"{}".to_vec());
        let mut with: Value = serde_json::from_slice(&with).unwrap();
        for model in [with["model"].clone(), json!("claude-sonnet-4-5")] {
            with["model"] = if model.is_null() { json!("claude-opus-5-5") } else { model };
            for other in &others {
                for at in 1.. {
                    let mut changed = whole.clone();
                    if replace(&mut changed, at, other).is_some() {
                        break;
                    }
                    let changed = changed.to_string();
                    let request = Request::parse(MESSAGES.operation(), changed.as_bytes()).unwrap();
                    if MESSAGES.check(&request).is_err() || request.stream().is_err() {
                        continue;
                    }
                    let (_, body) = sent(changed.as_bytes(), &with);
                    assert!(
                        json::Object::parse(&body).is_ok(),
                        "{changed} → {}",
                        String::from_utf8_lossy(&body)
                    );
                }
            }
        }
    }
}

/// A stream as its client gets it.
fn stream(case: &Case, chunks: &[&[u8]]) -> Vec<u8> {
    let dialect: &dyn Dialect = case.dialect();
    let mut streaming = Streaming::new(dialect, &MESSAGES, &memo(case), case.provider.name);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(streaming.feed(chunk, false));
    }
    out.extend_from_slice(streaming.feed(b"", true));
    out
}

fn native(kind: Kind) -> Vec<Case> {
    chats(kind).into_iter().filter(|case| case.provider.name == "anthropic").collect()
}

/// The data of the events.
fn data(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n");
    text.lines().filter_map(|line| Some(line.strip_prefix("data:")?.trim_start().to_owned())).collect()
}

#[test]
fn streams_are_relayed_event_by_event() {
    let mut whole = 0;
    for case in native(Kind::Stream) {
        let out = stream(&case, &[&case.input]);
        golden(&folder(&MESSAGES).join("relayed/stream").join(format!("{}.sse", case.name)), &out);
        let (given, told) = (data(&case.input), data(&out));
        for line in &told {
            let is_own = line.contains(r#""type":"error""#) || line == r#"{"type":"message_stop"}"#;
            let is_start = line.contains("message_start");
            assert!(is_own || is_start || given.contains(line), "{}: {line}", case.path());
            assert!(!is_start || line.contains(r#""model":"the-model""#), "{line}");
        }
        whole += usize::from(told.len() == given.len());
    }
    assert!(whole > 3);
}

#[test]
fn a_relayed_stream_is_the_same_however_it_is_cut_and_ends_once_wherever_it_dies() {
    for case in native(Kind::Stream) {
        let whole = stream(&case, &[&case.input]);
        for (at, pieces) in cuts(&case.input) {
            assert!(stream(&case, &pieces) == whole, "{} cut from {at}", case.path());
        }
        for at in 0..case.input.len() {
            let before = &case.input[..at];
            if at % 16 > 0 && !before.ends_with(b"\n") {
                continue;
            }
            let dead = String::from_utf8(stream(&case, &[before])).unwrap();
            let ends = ["event: message_stop\n", "event: error\n"].map(|end| dead.matches(end).count());
            assert_eq!(ends[0] + ends[1], 1, "{} dead at {at}: {dead}", case.path());
        }
    }
}

#[test]
fn whole_messages_are_relayed_and_their_usage_is_read() {
    let mut relayed = 0;
    for case in native(Kind::Response) {
        let own = translated(case.dialect(), &MESSAGES, &case.input, &case.memo());
        match (translated(case.dialect(), &MESSAGES, &case.input, &memo(&case)), own) {
            (Ok(answer), Ok(own)) => {
                let mut given: Value = serde_json::from_slice(&case.input).unwrap();
                if !given["model"].is_null() {
                    given["model"] = "the-model".into();
                }
                assert_eq!(serde_json::from_slice::<Value>(&answer.body).unwrap(), given, "{}", case.path());
                assert_eq!((answer.usage, answer.id), (own.usage, own.id), "{}", case.path());
                relayed += 1;
            }
            (relayed, own) => assert_eq!(relayed.err(), own.err(), "{}", case.path()),
        }
    }
    assert!(relayed > 3);
}
