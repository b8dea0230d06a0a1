//! Anthropic: Messages.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Dialect, Refusal, pieces, unknown, words};
use crate::model::{Finish, Prompt, Reply, Usage};
use crate::script::Script;

/// See the module.
pub(super) struct Anthropic;

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/messages"]
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        let key = asked.header("x-api-key").or_else(|| asked.bearer());
        if !key.is_some_and(|key| key.starts_with("sk-ant-")) {
            return Err(Refusal::new(401, "invalid x-api-key"));
        }
        match asked.header("anthropic-version") {
            Some("2023-06-01" | "2026-10-21") => {}
            Some(other) => {
                return Err(Refusal::bad(format!("anthropic-version: \"{other}\" is not a valid version")));
            }
            None => return Err(Refusal::bad("anthropic-version: header is required")),
        }
        let prompt = read(&asked.json()?)?;
        let mut script = answer(&prompt, &asked.reply(&prompt));
        script.set("request-id", "req_011CVxyz");
        script.set("anthropic-ratelimit-requests-remaining", "999");
        Ok(script)
    }

    fn error(&self, refusal: &Refusal) -> Script {
        Script::whole(refusal.status, "application/json", error_object(refusal).to_string())
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        event(&error_object(refusal))
    }

    fn more(&self) -> Bytes {
        event(&json!({
            "type": "content_block_delta",
            "index": 0,
            "delta": { "type": "text_delta", "text": "more " },
        }))
    }
}

fn error_object(refusal: &Refusal) -> Value {
    let kind = match refusal.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    };
    json!({
        "type": "error",
        "error": { "type": kind, "message": refusal.message },
        "request_id": "req_011CVxyz",
    })
}

const FIELDS: &[&str] = &[
    "container",
    "context_management",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

fn read(body: &Value) -> Result<Prompt, Refusal> {
    if let Some(name) = unknown(body, FIELDS) {
        return Err(Refusal::bad(format!("{name}: Extra inputs are not permitted")));
    }
    let model = body["model"].as_str().ok_or_else(|| Refusal::bad("model: Field required"))?;
    if body["max_tokens"].as_u64().is_none_or(|tokens| tokens == 0) {
        return Err(Refusal::bad("max_tokens: Field required"));
    }
    if !body["temperature"].is_null()
        && !body["temperature"].as_f64().is_some_and(|value| (0.0..=1.0).contains(&value))
    {
        return Err(Refusal::bad("temperature: Input should be less than or equal to 1"));
    }
    let one_sampler = ["opus-4-1", "-4-5", "-4-6"].iter().any(|words| model.contains(words));
    if one_sampler && !body["temperature"].is_null() && !body["top_p"].is_null() {
        return Err(Refusal::bad(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ));
    }
    if let Value::Array(blocks) = &body["system"] {
        for (index, block) in blocks.iter().enumerate() {
            text_block(block, &format!("system.{index}"))?;
        }
    } else if !body["system"].is_null() && !body["system"].is_string() {
        return Err(Refusal::bad("system: Input should be a valid string or list"));
    }
    if let Some(stops) = body["stop_sequences"].as_array() {
        let blank = |stop: &Value| stop.as_str().is_none_or(|stop| stop.trim().is_empty());
        if stops.iter().any(blank) {
            return Err(Refusal::bad("stop_sequences: each stop sequence must contain non-whitespace"));
        }
    }
    if let Some(name) = unknown(&body["metadata"], &["user_id"]) {
        return Err(Refusal::bad(format!("metadata.{name}: Extra inputs are not permitted")));
    }
    let mut prompt = Prompt {
        model: model.to_owned(),
        stream: body["stream"] == true,
        include_usage: true,
        ..Prompt::default()
    };
    read_messages(body, &mut prompt)?;
    read_tools(body, &mut prompt)?;
    Ok(prompt)
}

fn read_messages(body: &Value, prompt: &mut Prompt) -> Result<(), Refusal> {
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Refusal::bad("messages: at least one message is required"))?;
    if messages[0]["role"] != "user" {
        return Err(Refusal::bad("messages: first message must use the \"user\" role"));
    }
    let mut open_calls: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.{index}");
        if let Some(name) = unknown(message, &["role", "content"]) {
            return Err(Refusal::bad(format!("{at}.{name}: Extra inputs are not permitted")));
        }
        let role = message["role"].as_str().unwrap_or_default();
        if !matches!(role, "user" | "assistant") {
            return Err(Refusal::bad(format!("{at}.role: Input should be 'user' or 'assistant'")));
        }
        prompt.tool_results.clear();
        let blocks = match &message["content"] {
            Value::String(text) if text.is_empty() => {
                return Err(Refusal::bad(format!("{at}: all messages must have non-empty content")));
            }
            Value::String(text) => {
                if role == "user" {
                    prompt.user.clone_from(text);
                }
                &[][..]
            }
            Value::Array(blocks) if !blocks.is_empty() => &blocks[..],
            _ => return Err(Refusal::bad(format!("{at}.content: Field required"))),
        };
        let mut texts = Vec::new();
        let mut calls = Vec::new();
        for (position, block) in blocks.iter().enumerate() {
            let at = format!("{at}.content.{position}");
            match block["type"].as_str().unwrap_or_default() {
                "text" => texts.push(text_block(block, &at)?),
                "image" if role == "user" => check_image(block, &at)?,
                "document" if role == "user" => {}
                "thinking" | "redacted_thinking" if role == "assistant" => {}
                "tool_use" if role == "assistant" => {
                    let id = block["id"].as_str().filter(|id| plain(id));
                    calls.push(
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
                    if !texts.is_empty() {
                        return Err(Refusal::bad(format!("{at}: tool_result blocks must come first")));
                    }
                    open_calls.remove(open);
                    prompt.tool_results.push(result_text(&block["content"]));
                }
                other => {
                    return Err(Refusal::bad(format!(
                        "{at}: Input tag '{other}' does not match any expected tags"
                    )));
                }
            }
        }
        if !open_calls.is_empty() {
            return Err(Refusal::bad(format!(
                "{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {}",
                open_calls.join(", ")
            )));
        }
        if role == "user" && !texts.is_empty() {
            prompt.user = texts.join(" ");
        }
        open_calls = calls;
    }
    if open_calls.is_empty() {
        Ok(())
    } else {
        Err(Refusal::bad(
            "messages: `tool_use` ids were found without `tool_result` blocks immediately after",
        ))
    }
}

fn read_tools(body: &Value, prompt: &mut Prompt) -> Result<(), Refusal> {
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, tool) in tools.iter().enumerate() {
        let name = tool["name"].as_str().filter(|name| plain(name) && name.len() <= 128);
        let name = name.ok_or_else(|| Refusal::bad(format!("tools.{index}.name: should match pattern")))?;
        if tool["input_schema"]["type"] != "object" {
            return Err(Refusal::bad(format!("tools.{index}.input_schema.type: Field required")));
        }
        if ["oneOf", "allOf", "anyOf"].iter().any(|union| tool["input_schema"].get(union).is_some()) {
            return Err(Refusal::bad(format!(
                "tools.{index}.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"
            )));
        }
        prompt.tools.push((name.to_owned(), tool["input_schema"].clone()));
    }
    let used = body["messages"].to_string().contains(r#""type":"tool_use""#);
    if used && tools.is_empty() {
        return Err(Refusal::bad(
            "Requests which include `tool_use` or `tool_result` blocks must define tools",
        ));
    }
    let choice = &body["tool_choice"];
    match choice["type"].as_str() {
        None if choice.is_null() => {}
        Some("auto") => {}
        Some("none") => prompt.tools.clear(),
        Some("any") => prompt.forced = Some(String::new()),
        Some("tool") => prompt.forced = choice["name"].as_str().map(str::to_owned),
        _ => return Err(Refusal::bad("tool_choice: Input should be an object with a known type")),
    }
    if !choice.is_null() && tools.is_empty() {
        return Err(Refusal::bad("tool_choice: may only be specified while providing tools"));
    }
    Ok(())
}

fn text_block<'v>(block: &'v Value, at: &str) -> Result<&'v str, Refusal> {
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
fn plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn answer(prompt: &Prompt, reply: &Reply) -> Script {
    let mut blocks = Vec::new();
    if let Some(text) = &reply.text {
        blocks.push(json!({ "type": "text", "text": text }));
    }
    for (index, call) in reply.tool_calls.iter().enumerate() {
        let id = if call.id.is_empty() { format!("toolu_01{index}abcdefgh") } else { call.id.clone() };
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        blocks.push(json!({ "type": "tool_use", "id": id, "name": call.name, "input": input }));
    }
    let stop_reason = match reply.finish {
        Finish::End => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tools => "tool_use",
        Finish::Refusal => "refusal",
    };
    let mut message = json!({
        "model": prompt.model,
        "id": "msg_01QC4g3HwBThD4BaNtBckFDJ",
        "type": "message",
        "role": "assistant",
        "content": blocks,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": usage(reply.usage, reply.usage.output),
    });
    if !prompt.stream {
        return Script::whole(200, "application/json", message.to_string());
    }
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["usage"] = usage(reply.usage, 1);
    let mut events = vec![event(&json!({ "type": "message_start", "message": message }))];
    for (index, mut block) in blocks.into_iter().enumerate() {
        let is_text = block["type"] == "text";
        let said: Vec<String> = if is_text {
            words(block["text"].as_str().unwrap_or_default()).into_iter().map(str::to_owned).collect()
        } else {
            pieces(&block["input"].to_string())
        };
        block[if is_text { "text" } else { "input" }] = if is_text { json!("") } else { json!({}) };
        events.push(event(&json!({ "type": "content_block_start", "index": index, "content_block": block })));
        if index == 0 {
            events.push(event(&json!({ "type": "ping" })));
        }
        for piece in said {
            let delta = if is_text {
                json!({ "type": "text_delta", "text": piece })
            } else {
                json!({ "type": "input_json_delta", "partial_json": piece })
            };
            events.push(event(&json!({ "type": "content_block_delta", "index": index, "delta": delta })));
        }
        events.push(event(&json!({ "type": "content_block_stop", "index": index })));
    }
    events.push(event(&json!({
        "type": "message_delta",
        "delta": { "stop_reason": stop_reason, "stop_sequence": null },
        "usage": { "output_tokens": reply.usage.output },
    })));
    events.push(event(&json!({ "type": "message_stop" })));
    Script::streamed(200, "text/event-stream; charset=utf-8", events)
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or("error")))
}

fn usage(usage: Usage, output: u64) -> Value {
    json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": output,
        "service_tier": "standard",
    })
}
