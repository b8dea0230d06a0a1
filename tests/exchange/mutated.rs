//! Whatever a client sends, it is told what is wrong with it: none of it is a fault of the gateway's.

#[path = "../fixtures/mod.rs"]
mod fixtures;

use std::rc::Rc;
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use switchboard::exchange::{Admission, Attempt, Outgoing, Reply, Step};
use switchboard::table::Table;

use crate::support::{MASTER, NOW_MS, keyring, post};
use fixtures::{Kind, cases, speakers};

/// What stands in the place of a value until the request is text.
const HOLE: &str = "the hole";

/// What may stand there, some of it no JSON that can be written otherwise.
const WRONG: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e999",
    "-0",
    "99999999999999999999",
    r#""""#,
    r#""text""#,
    r#""\ud800""#,
    r#""\u0000""#,
    "[]",
    "[null]",
    "[[]]",
    "[0]",
    "{}",
    r#"{"":null}"#,
    r#"{"type":"text"}"#,
    r#"{"type":7}"#,
    r#"{"a":1,"a":2}"#,
    "tru",
    r#"{"a""#,
    "",
    "\u{1}",
];

/// A table in which every way of speaking has a model of its own name.
fn table() -> Rc<Table> {
    let mut document = json!({
        "version": 1,
        "keys": {"cluster": "keys", "token_env": "INTERNAL", "master_key_env": "MASTER", "sync_interval_ms": 1000,
                 "timeout_ms": 500, "grace_s": 60, "cache_size": 100},
        "settings": {"num_retries": 0, "most_retries": 0, "max_fallbacks": 0, "cooldown_s": 5.0, "timeout_ms": 600_000},
        "groups": [], "deployments": [],
    });
    for row in speakers().filter(|row| row.token_source.is_empty()) {
        let base = if row.base.is_empty() { "https://provider.example" } else { row.base };
        let model = match row.name {
            "anthropic" => "claude-sonnet-4-5",
            "bedrock" => "us.amazon.nova-pro-v1:0",
            "gemini" => "gemini-2.5-flash",
            _ => "the-model",
        };
        document["groups"].as_array_mut().unwrap().push(json!({"name": row.name, "cluster": row.name}));
        document["deployments"].as_array_mut().unwrap().push(json!({
            "id": row.name, "group": row.name, "provider": row.name, "model": model, "api_base": base,
            "api_key_env": "KEY", "options": [["aws_region_name", "us-east-1"], ["api_version", "2025-02-01-preview"]],
        }));
    }
    let env = |name: &str| Some(if name == "MASTER" { MASTER.to_owned() } else { "secret".to_owned() });
    Rc::new(Table::parse(document.to_string().as_bytes(), env).unwrap())
}

thread_local! {
    static TABLE: Rc<Table> = table();
}

static INPUTS: OnceLock<Vec<Value>> = OnceLock::new();

/// Every place in a value, by its pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{at}/{n}"), found));
        }
        Value::Object(members) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members.iter().for_each(|(name, item)| places(item, &format!("{at}/{}", escaped(name)), found));
        }
        _ => {}
    }
}

/// Whose fault an answer says it is: the client's, or an answer's that there is.
fn is_told(reply: &Reply) -> bool {
    (200..500).contains(&reply.status)
}

/// Sends a body to every way of speaking. Gives those that the gateway takes for its own fault.
fn faults(table: &Rc<Table>, path: &str, body: &[u8], model: &str) -> Option<String> {
    let (mut admission, _) = Admission::begin(table, &keyring(vec![]), &post(path, MASTER), true, NOW_MS);
    if !matches!(admission.body_complete(), Step::Admit) {
        return Some("it is not admitted".to_owned());
    }
    let call = match admission.admit(body) {
        Err(reply) if is_told(&reply) => return None,
        Err(reply) => return Some(format!("admission: {}", String::from_utf8_lossy(&reply.body))),
        Ok(call) => Rc::new(call),
    };
    let endpoint = Rc::clone(table.endpoint(model)?);
    match Attempt::new(call, endpoint).request(body, NOW_MS) {
        Outgoing::Reply(reply) if !is_told(&reply) => {
            Some(format!("{model}: {}", String::from_utf8_lossy(&reply.body)))
        }
        _ => None,
    }
}

fn check(table: &Rc<Table>, path: &str, body: &[u8], model: &str) {
    if let Some(fault) = faults(table, path, body, model) {
        panic!("{path} {fault}\nis the answer to {}", String::from_utf8_lossy(body));
    }
}

proptest! {
    #[test]
    fn a_wrong_value_anywhere_in_a_request_is_the_clients_fault(
        which in any::<Index>(),
        at in proptest::collection::vec(any::<Index>(), 1..3),
        wrong in select(WRONG),
        path in select(&["/v1/chat/completions", "/v1/completions", "/v1/embeddings"][..]),
    ) {
        let table = TABLE.with(Rc::clone);
        let inputs = INPUTS.get_or_init(|| {
            cases(Kind::Request).iter().filter_map(|case| serde_json::from_slice(&case.input).ok()).collect()
        });
        let mut request = inputs[which.index(inputs.len())].clone();
        for at in &at {
            let mut found = Vec::new();
            places(&request, "", &mut found);
            *request.pointer_mut(&found[at.index(found.len())]).unwrap() = Value::from(HOLE);
        }
        let models: Vec<String> = table.groups.iter().map(|group| group.name.clone()).collect();
        for model in models {
            if let Some(members) = request.as_object_mut()
                && members.get("model").is_none_or(|model| model != HOLE)
            {
                members.insert("model".to_owned(), model.clone().into());
            }
            let body = request.to_string().replace(&format!("\"{HOLE}\""), wrong);
            check(&table, path, body.as_bytes(), &model);
        }
    }
}

#[test]
fn bytes_that_are_no_text_and_depths_without_end_are_the_clients_fault() {
    let deep = |open: &str, close: &str| {
        format!(
            r#"{{"model":"MODEL","messages":[{{"role":"user","content":"hi"}}],"tools":[{{"type":"function","function":{{"name":"f","parameters":{}1{}}}}}]}}"#,
            open.repeat(4_000),
            close.repeat(4_000)
        )
    };
    let bodies = [
        br#"{"model":"MODEL","messages":[{"role":"user","content":"X"}]}"#.map(|byte| if byte == b'X' { 0xff } else { byte }).to_vec(),
        deep("[", "]").into_bytes(),
        deep(r#"{"a":"#, "}").into_bytes(),
        deep(r#"{"properties":{"a":"#, "}}").into_bytes(),
        deep(r#"{"anyOf":["#, "]}").into_bytes(),
        deep(r#"{"items":"#, "}").into_bytes(),
    ];
    for body in bodies {
        // As much stack as a worker's VM has.
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let checked = thread.spawn(move || {
            let table = table();
            for group in &table.groups {
                let at = body.windows(5).position(|word| word == b"MODEL").unwrap();
                let body = [&body[..at], group.name.as_bytes(), &body[at + 5..]].concat();
                check(&table, "/v1/chat/completions", &body, &group.name);
            }
        });
        checked.unwrap().join().unwrap();
    }
}
