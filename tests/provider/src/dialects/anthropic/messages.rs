//! The turns of a request.

use serde_json::Value;

use super::super::{Refusal, unknown};
use crate::model::Prompt;
use crate::state;

/// Reads the turns. A `strict` model demands its thoughts before its calls.
pub(super) fn read(body: &Value, prompt: &mut Prompt, strict: bool) -> Result<(), Refusal> {
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Refusal::bad("messages: at least one message is required"))?;
    if messages[0]["role"] != "user" {
        return Err(Refusal::bad("messages: first message must use the \"user\" role"));
    }
    let mut open_calls: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.{index}");
        if message["role"] == "system" && takes_system_turns(&prompt.model) {
            check_system(message, &at, open_calls.is_empty())?;
            continue;
        }
        if let Some(name) = unknown(message, &["role", "content"]) {
            return Err(Refusal::bad(format!("{at}.{name}: Extra inputs are not permitted")));
        }
        let role = message["role"].as_str().unwrap_or_default();
        if !matches!(role, "user" | "assistant") {
            return Err(Refusal::bad(format!("{at}.role: Input should be 'user' or 'assistant'")));
        }
        let turn = Turn::read(message, role, &at, &mut open_calls)?;
        if !open_calls.is_empty() {
            return Err(Refusal::bad(format!(
                "{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {}",
                open_calls.join(", ")
            )));
        }
        if strict && !turn.calls.is_empty() && !turn.thinks_first {
            return Err(Refusal::bad(format!(
                "{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` \
                 is enabled, a final `assistant` message must start with a thinking block."
            )));
        }
        if !turn.calls.is_empty() {
            prompt.rounds.push(Vec::new());
        }
        if let Some(round) = prompt.rounds.last_mut().filter(|_| !turn.results.is_empty()) {
            round.clone_from(&turn.results);
        }
        prompt.tool_results = turn.results;
        if role == "user" && !turn.texts.is_empty() {
            prompt.user = turn.texts.join(" ");
        }
        open_calls = turn.calls;
    }
    if open_calls.is_empty() {
        Ok(())
    } else {
        Err(Refusal::bad(
            "messages: `tool_use` ids were found without `tool_result` blocks immediately after",
        ))
    }
}

/// Whether a model takes instructions between the turns of a user and its own.
fn takes_system_turns(model: &str) -> bool {
    ["opus-4-8", "opus-5", "sonnet-5"].iter().any(|words| model.contains(words))
}

fn check_system(message: &Value, at: &str, no_open_calls: bool) -> Result<(), Refusal> {
    if let Some(name) = unknown(message, &["role", "content", "output_config", "clear_at"]) {
        return Err(Refusal::bad(format!("{at}.{name}: Extra inputs are not permitted")));
    }
    if !no_open_calls {
        return Err(Refusal::bad(format!(
            "{at}: role 'system' must not come between calls and their results"
        )));
    }
    for (position, block) in message["content"].as_array().into_iter().flatten().enumerate() {
        text_block(block, &format!("{at}.content.{position}"))?;
    }
    Ok(())
}

/// What one turn has.
#[derive(Default)]
struct Turn<'v> {
    texts: Vec<&'v str>,
    calls: Vec<&'v str>,
    results: Vec<String>,
    thinks_first: bool,
}

impl<'v> Turn<'v> {
    fn read(
        message: &'v Value,
        role: &str,
        at: &str,
        open_calls: &mut Vec<&'v str>,
    ) -> Result<Self, Refusal> {
        let blocks = match &message["content"] {
            Value::String(text) if text.is_empty() => {
                return Err(Refusal::bad(format!("{at}: all messages must have non-empty content")));
            }
            Value::String(text) => return Ok(Self { texts: vec![text], ..Self::default() }),
            Value::Array(blocks) if !blocks.is_empty() => blocks,
            _ => return Err(Refusal::bad(format!("{at}.content: Field required"))),
        };
        let kind = |block: &'v Value| block["type"].as_str().unwrap_or_default();
        let thinks_first = matches!(kind(&blocks[0]), "thinking" | "redacted_thinking");
        let mut turn = Self { thinks_first, ..Self::default() };
        for (position, block) in blocks.iter().enumerate() {
            let at = format!("{at}.content.{position}");
            match kind(block) {
                "text" => turn.texts.push(text_block(block, &at)?),
                "image" if role == "user" => check_image(block, &at)?,
                "document" if role == "user" => {}
                "thinking" if role == "assistant" => check_thinking(block, &at)?,
                "redacted_thinking" if role == "assistant" => {}
                "tool_use" if role == "assistant" => {
                    let id = block["id"].as_str().filter(|id| plain(id));
                    turn.calls.push(
                        id.ok_or_else(|| Refusal::bad(format!("{at}.tool_use.id: should match pattern")))?,
                    );
                    if !block["input"].is_object() {
                        return Err(Refusal::bad(format!(
                            "{at}.tool_use.input: Input should be a valid dictionary"
                        )));
                    }
                }
                "tool_result" if role == "user" => {
                    let id = block["tool_use_id"].as_str().unwrap_or_default();
                    let Some(open) = open_calls.iter().position(|call| *call == id) else {
                        return Err(Refusal::bad(format!(
                            "{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                             `tool_result` block must have a corresponding `tool_use` block in the previous message."
                        )));
                    };
                    if !turn.texts.is_empty() {
                        return Err(Refusal::bad(format!("{at}: tool_result blocks must come first")));
                    }
                    open_calls.remove(open);
                    turn.results.push(result_text(&block["content"]));
                }
                other => {
                    return Err(Refusal::bad(format!(
                        "{at}: Input tag '{other}' does not match any expected tags"
                    )));
                }
            }
        }
        Ok(turn)
    }
}

/// A thought comes back with its own signature. Its text may be missing where it was not displayed.
fn check_thinking(block: &Value, at: &str) -> Result<(), Refusal> {
    let signature = block["signature"].as_str().unwrap_or_default();
    let fits = match block["thinking"].as_str() {
        Some("") => state::is_seal(signature),
        Some(text) => signature == state::of_thought(text),
        None => return Err(Refusal::bad(format!("{at}.thinking.thinking: Field required"))),
    };
    if fits { Ok(()) } else { Err(Refusal::bad(format!("{at}: Invalid `signature` in `thinking` block"))) }
}

pub(super) fn text_block<'v>(block: &'v Value, at: &str) -> Result<&'v str, Refusal> {
    match block["text"].as_str() {
        Some("") => Err(Refusal::bad(format!("{at}: text content blocks must be non-empty"))),
        Some(text) if block["type"] == "text" => Ok(text),
        _ => Err(Refusal::bad(format!("{at}.text: Field required"))),
    }
}

fn check_image(block: &Value, at: &str) -> Result<(), Refusal> {
    let source = &block["source"];
    let kind = source["media_type"].as_str().unwrap_or_default();
    match source["type"].as_str() {
        Some("base64") if matches!(kind, "image/jpeg" | "image/png" | "image/gif" | "image/webp") => Ok(()),
        Some("url") if source["url"].as_str().is_some_and(|url| url.starts_with("https://")) => Ok(()),
        _ => Err(Refusal::bad(format!("{at}.image.source: Input should be a base64 image or an https URL"))),
    }
}

fn result_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

/// `^[a-zA-Z0-9_-]+$`
pub(super) fn plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
