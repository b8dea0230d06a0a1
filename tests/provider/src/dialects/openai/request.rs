//! Requests: read as strictly as `OpenAI` reads them.

use serde_json::{Value, json};

use super::super::{Refusal, unknown};
use crate::model::Prompt;

const CHAT_FIELDS: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// Reads what every completion has, and refuses what no completion may have.
fn read_common(body: &Value, model: &str, known: &[&str]) -> Result<Prompt, Refusal> {
    // DeepSeek overlooks what it does not know.
    if let Some(name) = unknown(body, known).filter(|_| !thinks(model)) {
        let refusal = Refusal::bad(format!("Unrecognized request argument supplied: {name}"));
        return Err(refusal.about(name).code("unknown_parameter"));
    }
    let stream = flag(body, "stream")?;
    if !stream && !body["stream_options"].is_null() {
        return Err(Refusal::bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
            .about("stream_options"));
    }
    for (name, low, high) in [
        ("temperature", 0.0, 2.0),
        ("top_p", 0.0, 1.0),
        ("frequency_penalty", -2.0, 2.0),
        ("presence_penalty", -2.0, 2.0),
    ] {
        if !body[name].is_null() && !body[name].as_f64().is_some_and(|value| (low..=high).contains(&value)) {
            return Err(invalid(name, &format!("a decimal between {low} and {high}")));
        }
    }
    for name in ["max_tokens", "max_completion_tokens", "n"] {
        if !body[name].is_null() && body[name].as_u64().is_none_or(|value| value == 0) {
            return Err(invalid(name, "an integer of at least 1"));
        }
    }
    Ok(Prompt {
        model: model.to_owned(),
        stream,
        include_usage: body["stream_options"]["include_usage"] == true,
        thinks: thinks(model) && body["thinking"]["type"] != "disabled",
        ..Prompt::default()
    })
}

pub(super) fn read_completion(body: &Value, model: &str) -> Result<Prompt, Refusal> {
    let known: Vec<&str> = CHAT_FIELDS
        .iter()
        .copied()
        .filter(|name| *name != "messages")
        .chain(["prompt", "suffix", "echo"])
        .collect();
    let mut prompt = read_common(body, model, &known)?;
    prompt.user = match &body["prompt"] {
        Value::String(text) => text.clone(),
        Value::Array(list) if !list.is_empty() => list[0].as_str().unwrap_or("tokens").to_owned(),
        _ => return Err(invalid("prompt", "a string or an array")),
    };
    Ok(prompt)
}

pub(super) fn read_chat(body: &Value, model: &str) -> Result<Prompt, Refusal> {
    let mut prompt = read_common(body, model, CHAT_FIELDS)?;
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| invalid("messages", "an array with at least one message"))?;
    let mut open_calls: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.[{index}]");
        let role = message["role"].as_str().unwrap_or_default();
        if role != "tool" && !open_calls.is_empty() {
            return Err(Refusal::bad(format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
                open_calls.join(", ")
            ))
            .about(&format!("{at}.role")));
        }
        match role {
            "system" | "developer" => {
                text_of(&message["content"]).ok_or_else(|| invalid(&format!("{at}.content"), "text"))?;
            }
            "user" => {
                prompt.tool_results.clear();
                prompt.user =
                    text_of(&message["content"]).ok_or_else(|| invalid(&format!("{at}.content"), "text"))?;
            }
            "assistant" => {
                let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
                if !calls.is_empty() {
                    check_reasoning(message, prompt.thinks, &at)?;
                    prompt.rounds.push(Vec::new());
                }
                if message["content"].is_null() && calls.is_empty() {
                    return Err(invalid(&format!("{at}.content"), "a string"));
                }
                open_calls.extend(calls.iter().filter_map(|call| call["id"].as_str()));
                prompt.tool_results.clear();
            }
            "tool" => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                let Some(open) = open_calls.iter().position(|call| *call == id) else {
                    return Err(Refusal::bad(
                        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message \
                         with 'tool_calls'.",
                    )
                    .about(&format!("{at}.role")));
                };
                open_calls.remove(open);
                let result = text_of(&message["content"]).unwrap_or_default();
                prompt.rounds.last_mut().into_iter().for_each(|round| round.push(result.clone()));
                prompt.tool_results.push(result);
            }
            other => {
                return Err(Refusal::bad(format!("Invalid value: '{other}'.")).about(&format!("{at}.role")));
            }
        }
    }
    if !open_calls.is_empty() {
        return Err(Refusal::bad(
            "An assistant message with 'tool_calls' must be followed by tool messages.",
        )
        .about("messages"));
    }
    read_tools(body, &mut prompt)?;
    Ok(prompt)
}

/// Whether it is a model of `DeepSeek`'s, which speaks this dialect and shows its thoughts.
fn thinks(model: &str) -> bool {
    model.contains("deepseek")
}

/// A model that thinks demands its thoughts with its calls; others know nothing of it.
fn check_reasoning(message: &Value, thinks: bool, at: &str) -> Result<(), Refusal> {
    if thinks && message["reasoning_content"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::bad(format!(
            "Missing `reasoning_content` field in the assistant message at {at}: in the thinking mode it must be passed \
             back to the API."
        )));
    }
    Ok(())
}

fn read_tools(body: &Value, prompt: &mut Prompt) -> Result<(), Refusal> {
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    if body["tools"] == json!([]) {
        return Err(Refusal::bad("Invalid 'tools': empty array. Expected an array with minimum length 1.")
            .about("tools"));
    }
    for (index, tool) in tools.iter().enumerate() {
        let function = &tool["function"];
        match function["name"].as_str() {
            Some(name) if tool["type"] == "function" && !name.is_empty() && name.len() <= 64 => {
                prompt.tools.push((name.to_owned(), function["parameters"].clone()));
            }
            _ => return Err(invalid(&format!("tools[{index}]"), "a function with a name")),
        }
    }
    if tools.is_empty() {
        for name in ["tool_choice", "parallel_tool_calls"] {
            if !body[name].is_null() {
                return Err(
                    Refusal::bad(format!("'{name}' is only allowed when 'tools' are specified.")).about(name)
                );
            }
        }
    }
    match &body["tool_choice"] {
        Value::String(choice) if choice == "none" => prompt.tools.clear(),
        Value::String(choice) if choice == "required" => prompt.forced = Some(String::new()),
        Value::Object(choice) => {
            prompt.forced = choice.get("function").and_then(|f| f["name"].as_str()).map(str::to_owned);
        }
        _ => {}
    }
    Ok(())
}

fn text_of(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) if !parts.is_empty() => {
            let known = ["text", "image_url", "input_audio", "file", "refusal"];
            let valid =
                parts.iter().all(|part| part["type"].as_str().is_some_and(|kind| known.contains(&kind)));
            valid.then(|| parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    }
}

fn flag(body: &Value, name: &str) -> Result<bool, Refusal> {
    match &body[name] {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        _ => Err(invalid(name, "a boolean")),
    }
}

pub(super) fn invalid(param: &str, expected: &str) -> Refusal {
    Refusal::bad(format!("Invalid type for '{param}': expected {expected}."))
        .about(param)
        .code("invalid_type")
}
