//! The tables in `conformance/`, case by case: what clients are told, word for word.

use std::collections::BTreeMap;
use std::sync::Arc;

use fake_provider::{Case, Step};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use switchboard_e2e::{MASTER_KEY, World, world};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const TABLES: [(&str, &str); 6] = [
    ("1-keys", include_str!("../conformance/1-keys.json")),
    ("2-models", include_str!("../conformance/2-models.json")),
    ("3-limits", include_str!("../conformance/3-limits.json")),
    ("4-requests", include_str!("../conformance/4-requests.json")),
    ("5-key-api", include_str!("../conformance/5-key-api.json")),
    ("6-provider", include_str!("../conformance/6-provider.json")),
];

/// How many cases run at the same time. Some have timeouts, so they must not wait for 150 others on a small machine.
const AT_ONCE: usize = 8;

/// Names that stand for what `/key/generate` answered.
const KEY_NAMES: [&str; 3] = ["key", "token", "key_name"];

/// One case; `conformance/README.md` says what the fields mean.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: String,
    differs: Option<String>,
    #[serde(default)]
    each: Vec<Map<String, Value>>,
    #[serde(default)]
    key: Map<String, Value>,
    #[serde(default)]
    provider: Vec<Value>,
    #[serde(default)]
    given: Vec<Given>,
    ask: Ask,
    answer: Expected,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    ask: Ask,
    #[serde(default)]
    answer: Expected,
    #[serde(default)]
    keep: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    #[serde(default = "chat")]
    request: String,
    #[serde(default = "own_key")]
    key: Value,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    text: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    error: Option<Value>,
    body: Option<Value>,
    #[serde(default)]
    asked: usize,
}

impl Default for Expected {
    fn default() -> Self {
        Self { status: ok(), headers: BTreeMap::new(), error: None, body: None, asked: 0 }
    }
}

fn chat() -> String {
    "POST /v1/chat/completions".to_owned()
}

fn own_key() -> Value {
    json!("{key}")
}

fn ok() -> u16 {
    200
}

#[tokio::test]
async fn clients_are_told_what_the_tables_say() {
    let world = world();
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    let mut cases = JoinSet::new();
    for (table, text) in TABLES {
        let entries: Vec<Entry> =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{table}: {error}"));
        for entry in entries {
            let reason = entry.differs.as_deref().unwrap_or("none is needed");
            assert!(!reason.is_empty(), "{table}, {}: say why it differs", entry.case);
            let each = if entry.each.is_empty() { vec![Map::new()] } else { entry.each.clone() };
            for names in each {
                let entry = entry.clone();
                let at_once = Arc::clone(&at_once);
                cases.spawn(async move {
                    let _turn = at_once.acquire_owned().await;
                    let name = format!("{table}, {}, {names:?}", entry.case);
                    Run::begin(world, names).case(&entry).await.err().map(|wrong| format!("{name}: {wrong}"))
                });
            }
        }
    }
    let wrong: Vec<String> = cases.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A case that is being run.
struct Run {
    world: &'static World,
    provider: Case,
    /// What `{name}` stands for.
    names: Map<String, Value>,
}

impl Run {
    fn begin(world: &'static World, mut names: Map<String, Value>) -> Self {
        let provider = world.case();
        names.insert("master".to_owned(), json!(MASTER_KEY));
        names.insert("prompt".to_owned(), json!(provider.prompt("Hello")));
        Self { world, provider, names }
    }

    async fn case(mut self, entry: &Entry) -> Result<(), String> {
        for step in &entry.provider {
            let step = serde_json::from_value::<Step>(filled(step, &self.names));
            self.provider.then(step.map_err(|error| error.to_string())?);
        }
        for Given { ask, answer, keep } in &entry.given {
            let told = self.ask(entry, ask, answer).await.map_err(|wrong| format!("given: {wrong}"))?;
            for (name, pointer) in keep {
                let value = told.pointer(pointer).ok_or_else(|| format!("no {pointer} in {told}"))?;
                self.names.insert(name.clone(), value.clone());
            }
        }
        self.ask(entry, &entry.ask, &entry.answer).await?;
        match self.provider.requests().len() {
            asked if asked == entry.answer.asked => Ok(()),
            asked => Err(format!("the provider was asked {asked} times, not {}", entry.answer.asked)),
        }
    }

    /// Sends a request and compares the answer.
    async fn ask(&mut self, entry: &Entry, ask: &Ask, expected: &Expected) -> Result<Value, String> {
        let needs = format!("{ask:?} {expected:?}");
        let needs_key = KEY_NAMES.iter().any(|name| needs.contains(&format!("{{{name}}}")));
        if needs_key && !self.names.contains_key("key") {
            let fields = self.filled(&Value::Object(entry.key.clone()));
            let made = self.world.stack.generate_key(fields).await;
            for name in KEY_NAMES {
                self.names.insert(name.to_owned(), made[name].clone());
            }
        }
        let request = self.text(&ask.request);
        let (method, path) = request.split_once(' ').ok_or("a method and a path")?;
        let method = Method::try_from(method).map_err(|error| error.to_string())?;
        let mut call = self.world.stack.client().request(method, path);
        if let Value::String(key) = &ask.key {
            call = call.key(&self.text(key));
        }
        for (name, value) in &ask.headers {
            call = call.header(name, self.text(value));
        }
        if !request.starts_with("GET") {
            call = call.header("content-type", "application/json").body(match (&ask.text, &ask.body) {
                (Some(text), _) => self.text(text),
                (None, Some(body)) => self.filled(body).to_string(),
                (None, None) => self.filled(&turn()).to_string(),
            });
        }
        let answer = call.send().await;
        let told = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        if answer.status != expected.status {
            return Err(format!("{}, not {}: {}", answer.status, expected.status, answer.text()));
        }
        for (name, value) in &expected.headers {
            let there = answer.headers.get(name).map(|_| answer.header(name));
            let same = match (value, &there) {
                (Some(pattern), Some(there)) => matches(pattern, there, &mut self.names),
                (None, None) => true,
                _ => false,
            };
            if !same {
                return Err(format!("the header {name} is {there:?}, not {value:?}"));
            }
        }
        let mut body = expected.body.clone();
        if let Some(error) = &expected.error {
            let mut error = error.clone();
            error["code"] = json!(expected.status.to_string());
            body = Some(json!({ "error": error }));
        }
        match body {
            Some(body) if !same(&body, &told, &mut self.names) => {
                Err(format!("{}, not {}", answer.text(), self.filled(&body)))
            }
            _ => Ok(told),
        }
    }

    fn text(&self, text: &str) -> String {
        match filled(&json!(text), &self.names) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    fn filled(&self, value: &Value) -> Value {
        filled(value, &self.names)
    }
}

/// What is sent where a case does not say.
fn turn() -> Value {
    json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "{prompt}" }] })
}

/// The value with every `{name}` replaced that stands for something. A text that is nothing else becomes its value.
fn filled(value: &Value, names: &Map<String, Value>) -> Value {
    match value {
        Value::String(text) => {
            let whole = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            if let Some(value) = whole.and_then(|name| names.get(name)) {
                return value.clone();
            }
            let texts = names.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
            json!(texts.fold(text.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value)))
        }
        Value::Array(items) => items.iter().map(|item| filled(item, names)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), filled(value, names))).collect())
        }
        other => other.clone(),
    }
}

/// Whether a value is what the table says: the same fields, the same elements, texts by [`matches`].
fn same(expected: &Value, told: &Value, names: &mut Map<String, Value>) -> bool {
    match (filled(expected, names), told) {
        (Value::String(pattern), Value::String(text)) => matches(&pattern, text, names),
        (Value::Array(expected), Value::Array(told)) => {
            expected.len() == told.len()
                && expected.iter().zip(told).all(|(expected, told)| same(expected, told, names))
        }
        (Value::Object(expected), Value::Object(told)) => {
            expected.len() == told.len()
                && expected
                    .iter()
                    .all(|(name, value)| told.get(name).is_some_and(|told| same(value, told, names)))
        }
        (expected, told) => expected == *told,
    }
}

/// Whether a text is what the table says. `{…}` is any text; `{seconds}` a number from 1 to 60; `{moment}` is a moment
/// in UTC, and from then on that moment.
fn matches(pattern: &str, text: &str, names: &mut Map<String, Value>) -> bool {
    let pattern = match filled(&json!(pattern), names) {
        Value::String(pattern) => pattern,
        other => other.to_string(),
    };
    if pattern == "{seconds}" {
        return text.parse().is_ok_and(|seconds: u64| (1..=60).contains(&seconds));
    }
    if let Some((before, after)) = pattern.split_once("{moment}") {
        let moment = text.strip_prefix(before).and_then(|text| text.strip_suffix(after)).unwrap_or_default();
        let form: String =
            moment.chars().map(|sign| if sign.is_ascii_digit() { '0' } else { sign }).collect();
        names.insert("moment".to_owned(), json!(moment));
        return form == "0000-00-00 00:00:00 UTC";
    }
    let mut parts = pattern.split("{…}");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn a_text_is_the_pattern_or_is_not() {
    let mut names = Map::from_iter([("name".to_owned(), json!("bob"))]);
    for (pattern, text, expected) in [
        ("as it is", "as it is", true),
        ("as it is", "as it is.", false),
        ("{'error': '{name}'}", "{'error': 'bob'}", true),
        ("{…} and {…}!", "this and that!", true),
        ("{…} and {…}!", "this and that", false),
        ("from {…}", "this from that", false),
        ("{seconds}", "61", false),
        ("at {moment}", "at 2026-11-22 13:09:04 UTC", true),
        ("{moment}", "2026-11-22 13:09:05 UTC", false),
    ] {
        assert_eq!(matches(pattern, text, &mut names), expected, "{pattern}: {text}");
    }
}
