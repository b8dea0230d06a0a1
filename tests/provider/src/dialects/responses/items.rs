//! Input: strings and items, with what they refer to.

use serde_json::{Value, json};

use super::super::Refusal;
use super::fields;
use super::request::{Offered, check_kind, read_tools};
use super::store::Store;
use super::{invalid_type, invalid_value, missing};
use crate::model::Prompt;

/// What an input says.
pub(super) struct Input {
    pub(super) prompt: Prompt,
    /// The items of this turn.
    pub(super) items: Vec<Value>,
    /// Tools that came as items.
    pub(super) tools: Vec<Offered>,
}

/// The longest id of an item.
const LONGEST_ID: usize = 64;

/// Reads the input of a request, after the conversation that it continues.
pub(super) fn read(body: &Value, store: &Store, owner: &str) -> Result<Input, Refusal> {
    if let Some(conversation) = body["conversation"]["id"].as_str().or(body["conversation"].as_str()) {
        return Err(Refusal::new(404, format!("Conversation with id '{conversation}' not found."))
            .about("conversation"));
    }
    let earlier = match &body["previous_response_id"] {
        Value::Null => Vec::new(),
        Value::String(id) => store.conversation(owner, id)?,
        other => return Err(invalid_type("previous_response_id", "a string", other)),
    };
    let items = match &body["input"] {
        Value::String(text) => vec![message(text)],
        Value::Array(items) => {
            let resolved = items.iter().enumerate().map(|(index, item)| item_of(item, index, store, owner));
            resolved.collect::<Result<Vec<_>, _>>()?
        }
        Value::Null if body["previous_response_id"].is_null() => return Err(missing("input")),
        Value::Null => Vec::new(),
        other => return Err(invalid_type("input", "a string or an array", other)),
    };
    check_pairs(&items, store, owner)?;
    let mut reading = Reading::default();
    for item in earlier.iter().chain(&items) {
        reading.item(item)?;
    }
    if let Some((call, _)) = reading.open.first() {
        return Err(Refusal::bad(format!("No tool output found for function call {call}.")).about("input"));
    }
    Ok(Input { prompt: reading.prompt, items, tools: reading.tools })
}

fn message(text: &str) -> Value {
    let content = json!([{ "type": "input_text", "text": text }]);
    json!({ "type": "message", "role": "user", "content": content, "status": "completed" })
}

/// An item of the request that is in order; one that is kept in place of a reference.
fn item_of(item: &Value, index: usize, store: &Store, owner: &str) -> Result<Value, Refusal> {
    let at = format!("input[{index}]");
    let mut item = item.clone();
    if !item.is_object() {
        return Err(invalid_type(&at, "an object", &item));
    }
    if item["type"].is_null() && !item["role"].is_null() {
        item["type"] = json!("message");
    }
    let kind = check_kind(&item, fields::ITEMS, &at)?;
    let id = item["id"].as_str().map(str::to_owned);
    if let Some(id) = &id {
        let about = format!("{at}.id");
        if id.len() > LONGEST_ID {
            return Err(Refusal::bad(format!(
                "Invalid '{about}': string too long. Expected a string with maximum length 64, but got a string with \
                 length {} instead.",
                id.len()
            ))
            .about(&about)
            .code("string_above_max_length"));
        }
        if !id.starts_with(kind.id) {
            return Err(Refusal::bad(format!(
                "Invalid '{about}': '{id}'. Expected an ID that begins with '{}'.",
                kind.id
            ))
            .about(&about)
            .code("invalid_value"));
        }
    }
    match kind.name {
        "item_reference" => return store.item(owner, &id.unwrap_or_default()).cloned(),
        "message" => item["content"] = content(&item, &at)?,
        "reasoning" | "compaction" => {
            if item["content"].as_array().is_some_and(|content| !content.is_empty()) {
                return Err(Refusal::bad(format!(
                    "Invalid '{at}.content': array too long. Expected an array with maximum length 0, but got an array \
                     with length 1 instead."
                ))
                .about(&format!("{at}.content"))
                .code("array_above_max_length"));
            }
            match item["encrypted_content"].as_str() {
                Some(encrypted) if !store.decrypts(owner, encrypted) => {
                    let shown: String = encrypted.chars().take(8).collect();
                    return Err(Refusal::bad(format!(
                        "The encrypted content {shown}... could not be verified. Reason: Encrypted content could not be \
                         decrypted or parsed."
                    ))
                    .code("invalid_encrypted_content"));
                }
                Some(_) => {}
                // What it says is only known by its id.
                None => return store.item(owner, id.as_deref().unwrap_or_default()).cloned(),
            }
        }
        _ => {}
    }
    Ok(item)
}

/// The content of a message as parts.
fn content(item: &Value, at: &str) -> Result<Value, Refusal> {
    let role = item["role"].as_str().unwrap_or_default();
    let (kinds, kind) = match role {
        "user" | "system" | "developer" => (fields::INPUT_PARTS, "input_text"),
        "assistant" => (fields::OUTPUT_PARTS, "output_text"),
        other => {
            return Err(invalid_value(
                &format!("{at}.role"),
                other,
                "assistant, system, developer, and user",
            ));
        }
    };
    match &item["content"] {
        Value::String(text) => Ok(json!([{ "type": kind, "text": text }])),
        Value::Array(parts) => {
            for (index, part) in parts.iter().enumerate() {
                check_kind(part, kinds, &format!("{at}.content[{index}]"))?;
            }
            Ok(item["content"].clone())
        }
        other => Err(invalid_type(&format!("{at}.content"), "a string or an array", other)),
    }
}

/// Checks that ids are given once, and that thoughts and what came from them are given together.
fn check_pairs(items: &[Value], store: &Store, owner: &str) -> Result<(), Refusal> {
    let id_of = |item: &Value| item["id"].as_str().unwrap_or_default().to_owned();
    for (index, item) in items.iter().enumerate() {
        let id = id_of(item);
        let earlier = items.get(..index).unwrap_or_default();
        if !id.is_empty() && earlier.iter().any(|other| id_of(other) == id) {
            return Err(Refusal::bad(format!(
                "Duplicate item found with id {id}. Remove duplicate items from your input and try again."
            ))
            .about("input"));
        }
        let kind = item["type"].as_str().unwrap_or_default();
        if kind == "reasoning" && !items.get(index + 1).is_some_and(is_of_model) {
            return Err(Refusal::bad(format!(
                "Item '{id}' of type 'reasoning' was provided without its required following item."
            ))
            .about("input"));
        }
        // Only what is kept is known by its id.
        let thought = store.item(owner, &id).ok().and_then(|_| store.thought_of(&id));
        if let Some(thought) = thought
            && !earlier.iter().any(|other| id_of(other) == thought)
        {
            return Err(Refusal::bad(format!(
                "Item '{id}' of type '{kind}' was provided without its required 'reasoning' item: '{thought}'."
            ))
            .about("input"));
        }
    }
    Ok(())
}

fn is_of_model(item: &Value) -> bool {
    let kind = item["type"].as_str().unwrap_or_default();
    item["role"] == "assistant" || kind.ends_with("_call") || kind == "reasoning"
}

/// A conversation that is being read.
#[derive(Default)]
struct Reading {
    prompt: Prompt,
    tools: Vec<Offered>,
    /// Calls without a result.
    open: Vec<(String, &'static str)>,
    /// The item before was a call, or part of the same turn.
    calls: bool,
}

impl Reading {
    fn item(&mut self, item: &Value) -> Result<(), Refusal> {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        match item["type"].as_str().unwrap_or_default() {
            "message" => {
                if item["role"] == "user" {
                    self.prompt.user = text_of(&item["content"]);
                }
                if item["role"] != "assistant" {
                    self.prompt.tool_results.clear();
                    self.calls = false;
                }
            }
            "function_call" => self.call(text("call_id"), "function_call_output"),
            "custom_tool_call" => self.call(text("call_id"), "custom_tool_call_output"),
            "tool_search_call" if item["execution"] == "client" => {
                self.call(text("call_id"), "tool_search_output");
            }
            "tool_search_output" if item["execution"] == "client" => {
                self.tools.extend(read_tools(&item["tools"], "tools")?);
                self.result(&text("call_id"), "tool_search_output", String::new())?;
            }
            kind @ ("function_call_output" | "custom_tool_call_output") => {
                self.result(&text("call_id"), kind, text_of(&item["output"]))?;
            }
            "additional_tools" => self.tools.extend(read_tools(&item["tools"], "tools")?),
            _ => {}
        }
        Ok(())
    }

    fn call(&mut self, id: String, answered_by: &'static str) {
        if !core::mem::replace(&mut self.calls, true) {
            self.prompt.rounds.push(Vec::new());
            self.prompt.tool_results.clear();
        }
        self.open.push((id, answered_by));
    }

    fn result(&mut self, id: &str, kind: &str, text: String) -> Result<(), Refusal> {
        let at = self.open.iter().position(|(open, by)| open == id && *by == kind).ok_or_else(|| {
            Refusal::bad(format!("No tool call found for {} with call_id {id}.", kind.replace('_', " ")))
                .about("input")
        })?;
        self.open.remove(at);
        self.calls = false;
        self.prompt.rounds.last_mut().into_iter().for_each(|round| round.push(text.clone()));
        self.prompt.tool_results.push(text);
        Ok(())
    }
}

/// The text of a string, or of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}
