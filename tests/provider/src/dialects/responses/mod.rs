//! `OpenAI`'s Responses, with the state that they have: responses and items are kept for the account that made them, and
//! nobody else can name them or read what is encrypted.

mod answer;
mod fields;
mod items;
mod request;
mod store;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::openai::{self, check_key};
use super::{Asked, Dialect, Refusal};
use crate::script::Script;
use store::Store;

/// See the module.
pub(super) struct Responses;

/// Where the paths of a response begin.
const BASE: &str = "/v1/responses";

impl Dialect for Responses {
    fn name(&self) -> &'static str {
        "responses"
    }

    fn paths(&self) -> &'static [&'static str] {
        &[BASE]
    }

    fn takes(&self, method: &Method) -> bool {
        matches!(*method, Method::GET | Method::POST | Method::DELETE)
    }

    fn account<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (account, below) = path.rsplit_once(BASE)?;
        (below.is_empty() || below.starts_with('/')).then(|| account.trim_matches('/'))
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        check_key(asked)?;
        let owner = [
            self.account(asked.path).unwrap_or_default(),
            asked.bearer().or_else(|| asked.header("api-key")).unwrap_or_default(),
        ]
        .join(" ");
        let (_, below) = asked.path.rsplit_once(BASE).unwrap_or_default();
        let below: Vec<&str> = below.split('/').skip(1).collect();
        let mut store = store::shared();
        let mut script = match (asked.method, &below[..]) {
            (&Method::POST, []) => create(&mut store, &owner, asked)?,
            (&Method::POST, ["input_tokens"]) => count(&store, &owner, asked)?,
            (&Method::POST, ["compact"]) => compact(&mut store, &owner, asked)?,
            (&Method::GET, [id]) => retrieve(&mut store, &owner, id, asked.query)?,
            (&Method::DELETE, [id]) => {
                store.delete(&owner, id)?;
                whole(&json!({ "id": id, "object": "response", "deleted": true }))
            }
            (&Method::POST, [id, "cancel"]) => whole(store.cancel(&owner, id)?),
            (&Method::GET, [id, "input_items"]) => whole(&store.input_items(&owner, id, asked.query)?),
            _ => return Err(Refusal::new(405, format!("Not allowed to {} that", asked.method))),
        };
        script.set("x-request-id", "req_8f7d2d");
        script.set("openai-processing-ms", "12");
        script.set("openai-version", "2020-10-01");
        Ok(script)
    }

    fn error(&self, refusal: &Refusal) -> Script {
        let body = json!({ "error": error_object(refusal) });
        Script::whole(refusal.status, "application/json", format!("{body:#}"))
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        let error = error_object(refusal);
        event(&json!({
            "type": "error",
            "sequence_number": 3,
            "code": error["code"].as_str().unwrap_or("server_error"),
            "message": error["message"],
            "param": error["param"],
        }))
    }

    fn more(&self) -> Bytes {
        event(&json!({
            "type": "response.output_text.delta",
            "sequence_number": 9,
            "item_id": "msg_endless",
            "output_index": 0,
            "content_index": 0,
            "delta": "more ",
            "logprobs": [],
            "obfuscation": "abcdefghijk",
        }))
    }
}

/// An error. That something is not found has no code here.
fn error_object(refusal: &Refusal) -> Value {
    let mut error = openai::error_object(refusal);
    if refusal.status == 404 {
        error["code"] = json!(refusal.code);
    }
    error
}

/// The body of a request.
fn body(asked: &Asked<'_>) -> Result<Value, Refusal> {
    if asked.header("content-type").is_none_or(|kind| !kind.starts_with("application/json")) {
        return Err(Refusal::bad("you must provide a JSON body with content-type application/json"));
    }
    asked.json()
}

fn create(store: &mut Store, owner: &str, asked: &Asked<'_>) -> Result<Script, Refusal> {
    let body = body(asked)?;
    let read = request::read(&body, store, owner)?;
    let reply = asked.reply(&read.prompt);
    let made = answer::made(&body, &read, &reply, store, owner);
    Ok(if read.prompt.stream {
        Script::streamed(200, "text/event-stream; charset=utf-8", made.events)
    } else {
        whole(&made.response)
    })
}

fn count(store: &Store, owner: &str, asked: &Asked<'_>) -> Result<Script, Refusal> {
    let body = body(asked)?;
    request::read_counted(&body, store, owner)?;
    let tokens = asked.body.len() / 4;
    Ok(whole(&json!({ "object": "response.input_tokens", "input_tokens": tokens })))
}

/// A conversation becomes its last user turn and one encrypted item.
fn compact(store: &mut Store, owner: &str, asked: &Asked<'_>) -> Result<Script, Refusal> {
    let body = body(asked)?;
    request::read_compacted(&body, store, owner)?;
    let (id, encrypted) = (store.new_id("cmp"), store.encrypt(owner));
    let compaction = json!({ "id": id, "type": "compaction", "encrypted_content": encrypted });
    Ok(whole(&json!({
        "id": store.new_id("resp"),
        "object": "response.compaction",
        "created_at": answer::CREATED,
        "output": [compaction],
        "usage": answer::usage(crate::Usage::default()),
    })))
}

fn retrieve(store: &mut Store, owner: &str, id: &str, query: &str) -> Result<Script, Refusal> {
    let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let known = ["api-version", "include", "include[]", "include_obfuscation", "starting_after", "stream"];
    if let Some((name, _)) = pairs.iter().find(|(name, _)| !known.contains(name)) {
        return Err(unknown_parameter(name));
    }
    let value = |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    if value("stream") != Some("true") {
        return Ok(whole(store.retrieve(owner, id)?));
    }
    let after =
        value("starting_after").map_or(0, |after| after.parse::<usize>().map_or(0, |after| after + 1));
    let events = store.events(owner, id)?.get(after..).unwrap_or_default().to_vec();
    Ok(Script::streamed(200, "text/event-stream; charset=utf-8", events))
}

fn whole(answer: &Value) -> Script {
    Script::whole(200, "application/json", format!("{answer:#}"))
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or("error")))
}

fn unknown_parameter(name: &str) -> Refusal {
    Refusal::bad(format!("Unknown parameter: '{name}'.")).about(name).code("unknown_parameter")
}

fn missing(name: &str) -> Refusal {
    Refusal::bad(format!("Missing required parameter: '{name}'."))
        .about(name)
        .code("missing_required_parameter")
}

fn invalid_type(name: &str, expected: &str, found: &Value) -> Refusal {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Refusal::bad(format!("Invalid type for '{name}': expected {expected}, but got {found} instead."))
        .about(name)
        .code("invalid_type")
}

fn invalid_value(name: &str, found: &str, supported: &str) -> Refusal {
    Refusal::bad(format!("Invalid value: '{found}'. Supported values are: {supported}."))
        .about(name)
        .code("invalid_value")
}
