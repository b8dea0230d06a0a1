//! Requests that try to leave the string, or the field, in which a client's text belongs.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use switchboard::inbound::{GENERATE, Language, MESSAGES, RESPONSES};

use super::folder;

/// The requests of the fixtures.
fn requests(language: &dyn Language) -> Vec<Value> {
    let files = fs::read_dir(folder(language).join("request")).unwrap().map(|entry| entry.unwrap().path());
    let inputs = files.filter(|file| file.to_string_lossy().ends_with(".in.json"));
    let requests: Vec<Value> =
        inputs.filter_map(|file| serde_json::from_slice(&fs::read(file).unwrap()).ok()).collect();
    assert!(requests.len() > 2);
    requests
}

/// The places of all values in a document.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, &format!("{at}/{name}"), all);
            }
        }
        Value::Array(items) => {
            for (n, value) in items.iter().enumerate() {
                places(value, &format!("{at}/{n}"), all);
            }
        }
        _ => {}
    }
}

/// The names of all members, at any depth.
fn names(value: &Value, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            all.insert(name.clone());
            names(value, all);
        }),
        Value::Array(items) => items.iter().for_each(|item| names(item, all)),
        _ => {}
    }
}

#[test]
fn no_value_leaves_its_place_and_no_body_panics() {
    let texts = [
        json!("\"}],\"injected\":{\"a\":[\""),
        json!("\\\",\"injected\":1,\"b\":\"\\"),
        json!("image/png\",\"injected\":\"\n\u{0}"),
        json!(""),
        json!([]),
        json!({}),
        json!([[{}], null]),
        json!(-1e300),
    ];
    for language in [&MESSAGES as &dyn Language, &RESPONSES, &GENERATE] {
        for request in requests(language) {
            let mut all = Vec::new();
            places(&request, "", &mut all);
            for (place, text) in all.iter().flat_map(|place| texts.iter().map(move |text| (place, text))) {
                let mut hostile = request.clone();
                *hostile.pointer_mut(place).unwrap() = text.clone();
                let body = serde_json::to_vec(&hostile).unwrap();
                let counted = (language == &GENERATE as &dyn Language)
                    .then(|| language.counted_request(Cow::Borrowed(&body)));
                for common in counted.into_iter().chain([language.request(Cow::Borrowed(&body))]) {
                    let Ok(common) = common else { continue };
                    let said = || {
                        format!(
                            "{} {place} {text}: {}",
                            language.name(),
                            String::from_utf8_lossy(&common.body)
                        )
                    };
                    let chat: Value =
                        serde_json::from_slice(&common.body).unwrap_or_else(|_| panic!("{}", said()));
                    let mut found = BTreeSet::new();
                    names(&chat, &mut found);
                    assert!(!found.contains("injected"), "{}", said());
                }
            }
        }
    }
}

#[test]
fn nested_tools_do_not_fill_the_stack() {
    for (open, close) in [
        (r#"{"type":"namespace","name":"n","tools":["#, "]}"),
        (r#"{"type":"function","function":"#, "}"),
        // Of two members with one name, one reader takes the first and another the last.
        (r#"{"type":null,"name":"a","type":"function","name":"","function":"#, "}"),
    ] {
        let tools = [&open.repeat(100_000), "{}", &close.repeat(100_000)].concat();
        let body =
            format!(r#"{{"model":"m","input":"x","tools":[{{"type":"function","function":{tools}}}]}}"#);
        let error = RESPONSES.request(Cow::Owned(body.into_bytes())).err().unwrap();
        assert_eq!((error.status, error.param.as_deref()), (400, Some("tools[0]")), "{open}");
        let body = format!(r#"{{"model":"m","input":"x","tools":[{tools}]}}"#);
        let _ = RESPONSES.request(Cow::Owned(body.into_bytes()));
    }
}

#[test]
fn results_of_many_calls_find_them() {
    let count = 20_000;
    let numbered = |item: fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let calls = numbered(|n| format!(r#"{{"functionCall":{{"id":"c{n}","name":"f"}}}}"#));
    // The ids are of no call, so that the order counts.
    let results =
        numbered(|n| format!(r#"{{"functionResponse":{{"id":"r{n}","name":"f","response":{{}}}}}}"#));
    let gemini = format!(
        r#"{{"contents":[{{"role":"model","parts":[{calls}]}},{{"role":"user","parts":[{results}]}}]}}"#
    );
    let calls = numbered(|n| format!(r#"{{"type":"function_call","call_id":"c{n}","name":"f"}}"#));
    let results = numbered(|n| format!(r#"{{"type":"function_call_output","call_id":"c{n}","output":"o"}}"#));
    let responses = format!(r#"{{"model":"m","input":[{calls},{results}]}}"#);
    for (language, body) in [(&GENERATE as &dyn Language, gemini), (&RESPONSES, responses)] {
        let common = language.request(Cow::Owned(body.into_bytes())).ok().unwrap();
        let chat: Value = serde_json::from_slice(&common.body).unwrap();
        let ids: Vec<&str> = chat["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|message| message["tool_call_id"].as_str())
            .collect();
        assert_eq!(ids.len(), count);
        assert!(ids.iter().enumerate().all(|(n, id)| *id == format!("c{n}")), "{}", language.name());
    }
}
