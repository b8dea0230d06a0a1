//! Requests: read as strictly as `OpenAI` reads them.

use serde_json::{Value, json};

use super::super::{Refusal, unknown};
use super::fields::{self, Kind};
use super::items::{self, Input};
use super::store::Store;
use super::{invalid_type, invalid_value, missing, unknown_parameter};
use crate::model::Prompt;

/// A request that is in order.
pub(super) struct Read {
    pub(super) prompt: Prompt,
    /// The input of this turn, with an id for every item.
    pub(super) input: Vec<Value>,
    pub(super) tools: Vec<Offered>,
    pub(super) encrypts: bool,
}

/// A tool that the model may call.
#[derive(Clone)]
pub(super) struct Offered {
    /// What the model calls it.
    pub(super) called: String,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) kind: Called,
    schema: Value,
}

/// What a call becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    Function,
    Custom,
    ToolSearch,
}

/// Reads a request for an answer.
pub(super) fn read(body: &Value, store: &mut Store, owner: &str) -> Result<Read, Refusal> {
    let model = check(body, fields::REQUEST)?;
    let thinks = thinks(&model);
    check_numbers(body, thinks)?;
    check_reasoning(body, thinks)?;
    check_text(body)?;
    let stream = flag(body, "stream", false)?;
    if !stream && !body["stream_options"].is_null() {
        return Err(Refusal::bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
            .about("stream_options"));
    }
    let is_kept = flag(body, "store", true)?;
    if flag(body, "background", false)? && !is_kept {
        return Err(Refusal::bad("Background mode requires 'store' to be true.").about("background"));
    }
    for (index, name) in body["include"].as_array().into_iter().flatten().enumerate() {
        let name = name.as_str().unwrap_or_default();
        if !fields::INCLUDE.contains(&name) {
            let supported = fields::INCLUDE.join(", ");
            return Err(invalid_value(&format!("include[{index}]"), name, &supported));
        }
    }
    let Input { mut prompt, mut items, tools: more } = items::read(body, store, owner)?;
    let mut tools = read_tools(&body["tools"], "tools")?;
    tools.extend(more);
    for item in &mut items {
        if item["id"].is_null() {
            let prefix =
                fields::ITEMS.iter().find(|kind| item["type"] == kind.name).map_or("", |kind| kind.id);
            item["id"] = json!(store.new_id(if prefix.is_empty() { "item" } else { prefix }));
        }
    }
    choose(body, &tools, &mut prompt)?;
    prompt.model = model;
    prompt.stream = stream;
    prompt.include_usage = true;
    prompt.thinks = thinks && body["reasoning"]["effort"] != "none";
    prompt.hides_thoughts = body["reasoning"]["summary"].is_null();
    let encrypts =
        body["include"].as_array().is_some_and(|names| names.contains(&json!("reasoning.encrypted_content")));
    Ok(Read { prompt, input: items, tools, encrypts })
}

/// Reads a request that only asks how long it is.
pub(super) fn read_counted(body: &Value, store: &Store, owner: &str) -> Result<(), Refusal> {
    let model = check(body, fields::COUNTED)?;
    check_reasoning(body, thinks(&model))?;
    read_tools(&body["tools"], "tools")?;
    items::read(body, store, owner).map(|_| ())
}

/// Reads a request that compacts a conversation.
pub(super) fn read_compacted(body: &Value, store: &Store, owner: &str) -> Result<(), Refusal> {
    check(body, fields::COMPACTED)?;
    items::read(body, store, owner).map(|_| ())
}

/// Checks the fields, and gives the model.
fn check(body: &Value, known: &[&str]) -> Result<String, Refusal> {
    if let Some(name) = unknown(body, known) {
        return Err(unknown_parameter(name));
    }
    match &body["model"] {
        Value::String(model) => Ok(model.clone()),
        Value::Null => Err(missing("model")),
        other => Err(invalid_type("model", "a string", other)),
    }
}

/// Whether the model reasons.
fn thinks(model: &str) -> bool {
    ["gpt-5", "gpt-6", "o1", "o3", "o4"].iter().any(|family| model.starts_with(family))
}

fn unsupported(name: &str) -> Refusal {
    Refusal::bad(format!("Unsupported parameter: '{name}' is not supported with this model."))
        .about(name)
        .code("unsupported_parameter")
}

fn check_numbers(body: &Value, thinks: bool) -> Result<(), Refusal> {
    for (name, low, high) in [("temperature", 0.0, 2.0), ("top_p", 0.0, 1.0), ("top_logprobs", 0.0, 20.0)] {
        let value = &body[name];
        if value.is_null() {
            continue;
        }
        if thinks && name != "top_logprobs" && body["reasoning"]["effort"] != "none" {
            return Err(unsupported(name));
        }
        let number = value.as_f64().ok_or_else(|| invalid_type(name, "a decimal", value))?;
        if !(low..=high).contains(&number) {
            return Err(Refusal::bad(format!("Invalid '{name}': expected a value from {low} to {high}."))
                .about(name)
                .code("decimal_above_max_value"));
        }
    }
    match &body["max_output_tokens"] {
        Value::Null => Ok(()),
        value => match value.as_u64() {
            None => Err(invalid_type("max_output_tokens", "an integer", value)),
            Some(tokens) if tokens < 16 => Err(Refusal::bad(format!(
                "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got {tokens} \
                 instead."
            ))
            .about("max_output_tokens")
            .code("integer_below_min_value")),
            Some(_) => Ok(()),
        },
    }
}

fn check_reasoning(body: &Value, thinks: bool) -> Result<(), Refusal> {
    let reasoning = &body["reasoning"];
    if let Some(name) = unknown(reasoning, &["context", "effort", "generate_summary", "mode", "summary"]) {
        return Err(unknown_parameter(&format!("reasoning.{name}")));
    }
    let given = |name: &str| !reasoning[name].is_null();
    if !thinks && (given("effort") || given("summary")) {
        return Err(unsupported(if given("effort") { "reasoning.effort" } else { "reasoning.summary" }));
    }
    let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    match reasoning["effort"].as_str() {
        Some(effort) if !efforts.contains(&effort) => {
            Err(invalid_value("reasoning.effort", effort, &efforts.join(", ")))
        }
        _ => Ok(()),
    }
}

fn check_text(body: &Value) -> Result<(), Refusal> {
    let text = &body["text"];
    if let Some(name) = unknown(text, &["format", "verbosity"]) {
        return Err(unknown_parameter(&format!("text.{name}")));
    }
    let format = &text["format"];
    match format["type"].as_str() {
        None if format.is_null() => Ok(()),
        Some("text" | "json_object") => Ok(()),
        Some("json_schema") => {
            if let Some(name) = unknown(format, &["description", "name", "schema", "strict", "type"]) {
                return Err(unknown_parameter(&format!("text.format.{name}")));
            }
            let missed = ["name", "schema"].into_iter().find(|name| format[name].is_null());
            missed.map_or(Ok(()), |name| Err(missing(&format!("text.format.{name}"))))
        }
        other => Err(invalid_value(
            "text.format.type",
            other.unwrap_or_default(),
            "text, json_schema, json_object",
        )),
    }
}

/// Checks the members of a tool, an item or a part against those of its type.
pub(super) fn check_kind<'k>(value: &Value, kinds: &'k [Kind], at: &str) -> Result<&'k Kind, Refusal> {
    let name = match &value["type"] {
        Value::String(name) => name,
        Value::Null => return Err(missing(&format!("{at}.type"))),
        other => return Err(invalid_type(&format!("{at}.type"), "a string", other)),
    };
    let kind = kinds.iter().find(|kind| kind.name == name).ok_or_else(|| {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
        invalid_value(&format!("{at}.type"), name, &names.join(", "))
    })?;
    let known: Vec<&str> = [kind.required, kind.optional, &["id", "type"]].concat();
    if let Some(name) = unknown(value, &known) {
        return Err(unknown_parameter(&format!("{at}.{name}")));
    }
    // `parameters` of a function may be null.
    match kind.required.iter().find(|name| value.get(**name).is_none()) {
        Some(name) => Err(missing(&format!("{at}.{name}"))),
        None => Ok(kind),
    }
}

/// Reads a list of tools.
pub(super) fn read_tools(tools: &Value, at: &str) -> Result<Vec<Offered>, Refusal> {
    let mut offered = Vec::new();
    for (index, tool) in tools.as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}[{index}]");
        let kind = check_kind(tool, fields::TOOLS, &at)?;
        if kind.name == "namespace" {
            let namespace = tool["name"].as_str().unwrap_or_default();
            for member in read_tools(&tool["tools"], &format!("{at}.tools"))? {
                let called = match namespace {
                    "functions" => member.name.clone(),
                    _ => format!("{namespace}__{}", member.name),
                };
                offered.push(Offered { called, namespace: Some(namespace.to_owned()), ..member });
            }
            continue;
        }
        let name = tool["name"].as_str().unwrap_or_default();
        if kind.required.contains(&"name") && !is_name(name) {
            return Err(Refusal::bad(format!(
                "Invalid '{at}.name': string does not match pattern. Expected a string that matches the pattern \
                 '^[a-zA-Z0-9_-]+$'."
            ))
            .about(&format!("{at}.name"))
            .code("invalid_value"));
        }
        let text = json!({ "type": "object", "properties": { "input": { "type": "string" } } });
        let (kind, name, schema) = match kind.name {
            "function" => (Called::Function, name, tool["parameters"].clone()),
            "custom" => (Called::Custom, name, text),
            "tool_search" if tool["execution"] == "client" => {
                (Called::ToolSearch, "tool_search", tool["parameters"].clone())
            }
            _ => continue,
        };
        offered.push(Offered {
            called: name.to_owned(),
            name: name.to_owned(),
            namespace: None,
            kind,
            schema,
        });
    }
    Ok(offered)
}

fn is_name(name: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !name.is_empty() && name.len() <= 64 && name.bytes().all(is_safe)
}

/// Reads `tool_choice`.
fn choose(body: &Value, tools: &[Offered], prompt: &mut Prompt) -> Result<(), Refusal> {
    prompt.tools = tools.iter().map(|tool| (tool.called.clone(), tool.schema.clone())).collect();
    let choice = &body["tool_choice"];
    let kind = choice["type"].as_str().unwrap_or_default();
    match choice {
        Value::Null => {}
        Value::String(choice) => match choice.as_str() {
            "auto" => {}
            "none" => prompt.tools.clear(),
            "required" => prompt.forced = Some(String::new()),
            other => return Err(invalid_value("tool_choice", other, "none, auto, required")),
        },
        Value::Object(_) if matches!(kind, "function" | "custom") => {
            let name = choice["name"].as_str().ok_or_else(|| missing("tool_choice.name"))?;
            if !tools.iter().any(|tool| tool.name == name) {
                return Err(Refusal::bad(format!("Tool choice '{kind}' not found in 'tools' parameter."))
                    .about("tool_choice"));
            }
            prompt.forced = Some(name.to_owned());
        }
        Value::Object(_) if kind == "allowed_tools" => {
            let allowed = choice["tools"].as_array().cloned().unwrap_or_default();
            prompt.tools.retain(|(name, _)| allowed.iter().any(|tool| tool["name"] == name.as_str()));
            prompt.forced = (choice["mode"] == "required").then(String::new);
        }
        Value::Object(_) => {
            let offered =
                body["tools"].as_array().is_some_and(|tools| tools.iter().any(|tool| tool["type"] == kind));
            if !offered {
                return Err(Refusal::bad(format!("Tool choice '{kind}' not found in 'tools' parameter."))
                    .about("tool_choice"));
            }
        }
        other => return Err(invalid_type("tool_choice", "a string or an object", other)),
    }
    Ok(())
}

fn flag(body: &Value, name: &str, otherwise: bool) -> Result<bool, Refusal> {
    match &body[name] {
        Value::Null => Ok(otherwise),
        Value::Bool(flag) => Ok(*flag),
        other => Err(invalid_type(name, "a boolean", other)),
    }
}
