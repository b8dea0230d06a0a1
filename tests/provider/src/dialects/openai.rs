//! `OpenAI`: chat completions, completions, embeddings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Dialect, Refusal, pieces, unknown, words};
use crate::model::{Finish, Prompt, Reply, ToolCall, Usage, embedding};
use crate::script::Script;

const CREATED: u64 = 1_770_933_892;
const FINGERPRINT: &str = "fp_de604bd877";

/// See the module.
pub(super) struct OpenAi;

impl Dialect for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        check_key(asked)?;
        if asked.header("content-type").is_none_or(|kind| !kind.starts_with("application/json")) {
            return Err(Refusal::bad("you must provide a JSON body with content-type application/json"));
        }
        let body = asked.json()?;
        let model =
            body["model"].as_str().ok_or_else(|| Refusal::bad("you must provide a model parameter"))?;
        let mut script = match () {
            () if asked.path.ends_with("/embeddings") => embeddings(&body, model)?,
            () if asked.path.ends_with("/chat/completions") => {
                let prompt = read_chat(&body, model)?;
                chat(&prompt, &asked.reply(&prompt))
            }
            () => {
                let prompt = read_completion(&body, model)?;
                completion(&prompt, &asked.reply(&prompt))
            }
        };
        script.set("x-request-id", "req_8f7d2c");
        script.set("openai-processing-ms", "12");
        script.set("x-ratelimit-remaining-requests", "9999");
        Ok(script)
    }

    fn error(&self, refusal: &Refusal) -> Script {
        let body = json!({ "error": error_object(refusal) });
        Script::whole(
            refusal.status,
            "application/json",
            serde_json::to_vec_pretty(&body).unwrap_or_default(),
        )
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        event(&json!({ "error": error_object(refusal) }))
    }

    fn more(&self) -> Bytes {
        event(&chunk("gpt-endless", &json!([choice(&json!({ "content": "more " }), None)])))
    }
}

fn error_object(refusal: &Refusal) -> Value {
    let kind = match refusal.status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "requests",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let code = refusal.code.as_deref().or(match refusal.status {
        401 => Some("invalid_api_key"),
        404 => Some("model_not_found"),
        429 => Some("rate_limit_exceeded"),
        _ => None,
    });
    json!({ "message": refusal.message, "type": kind, "param": refusal.param, "code": code })
}

fn check_key(asked: &Asked<'_>) -> Result<(), Refusal> {
    let Some(key) = asked.bearer() else {
        return Err(Refusal::new(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header.",
        ));
    };
    if key.starts_with("sk-openai-") {
        return Ok(());
    }
    let last = key.get(key.len().saturating_sub(4)..).unwrap_or_default();
    Err(Refusal::new(401, format!("Incorrect API key provided: ****{last}.")))
}

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
    if let Some(name) = unknown(body, known) {
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
        ..Prompt::default()
    })
}

fn read_completion(body: &Value, model: &str) -> Result<Prompt, Refusal> {
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

fn read_chat(body: &Value, model: &str) -> Result<Prompt, Refusal> {
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
                prompt.tool_results.push(text_of(&message["content"]).unwrap_or_default());
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

fn invalid(param: &str, expected: &str) -> Refusal {
    Refusal::bad(format!("Invalid type for '{param}': expected {expected}."))
        .about(param)
        .code("invalid_type")
}

fn chat(prompt: &Prompt, reply: &Reply) -> Script {
    let calls: Vec<(usize, String, &ToolCall)> = reply
        .tool_calls
        .iter()
        .enumerate()
        .map(|(index, call)| {
            let id = if call.id.is_empty() { format!("call_{index}abcdefghij") } else { call.id.clone() };
            (index, id, call)
        })
        .collect();
    if !prompt.stream {
        let mut message =
            json!({ "role": "assistant", "content": reply.text, "refusal": null, "annotations": [] });
        if !calls.is_empty() {
            message["tool_calls"] = calls
                .iter()
                .map(|(_, id, call)| {
                    let function = json!({ "name": call.name, "arguments": call.arguments });
                    json!({ "id": id, "type": "function", "function": function })
                })
                .collect();
        }
        return whole(&json!({
            "id": "chatcmpl-D8Z5oo6uDh67AD85p73ksdT1KxhE0",
            "object": "chat.completion",
            "created": CREATED,
            "model": dated(&prompt.model),
            "choices": [{
                "index": 0,
                "message": message,
                "logprobs": null,
                "finish_reason": finish_reason(reply.finish),
            }],
            "usage": usage(reply.usage),
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        }));
    }
    let model = dated(&prompt.model);
    let mut events = Vec::new();
    let mut say = |delta: &Value, finish: Option<&str>| {
        let mut chunk = chunk(&model, &json!([choice(delta, finish)]));
        if prompt.include_usage {
            chunk["usage"] = Value::Null;
        }
        events.push(event(&chunk));
    };
    let empty = if reply.text.is_some() { json!("") } else { Value::Null };
    say(&json!({ "role": "assistant", "content": empty, "refusal": null }), None);
    for word in words(reply.text.as_deref().unwrap_or_default()) {
        say(&json!({ "content": word }), None);
    }
    for (index, id, call) in &calls {
        let function = json!({ "name": call.name, "arguments": "" });
        say(
            &json!({ "tool_calls": [{ "index": index, "id": id, "type": "function", "function": function }] }),
            None,
        );
        for piece in pieces(&call.arguments) {
            say(&json!({ "tool_calls": [{ "index": index, "function": { "arguments": piece } }] }), None);
        }
    }
    say(&json!({}), Some(finish_reason(reply.finish)));
    if prompt.include_usage {
        let mut last = chunk(&model, &json!([]));
        last["usage"] = usage(reply.usage);
        events.push(event(&last));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Script::streamed(200, "text/event-stream; charset=utf-8", events)
}

fn completion(prompt: &Prompt, reply: &Reply) -> Script {
    let text = reply.text.clone().unwrap_or_default();
    let object = |text: &str, finish: Option<&str>| {
        json!({
            "id": "cmpl-D8Z5oo6uDh67AD85p73ksdT1KxhE0",
            "object": "text_completion",
            "created": CREATED,
            "model": prompt.model,
            "choices": [{ "text": text, "index": 0, "logprobs": null, "finish_reason": finish }],
        })
    };
    if !prompt.stream {
        let mut answer = object(&text, Some(finish_reason(reply.finish)));
        answer["usage"] = usage(reply.usage);
        return whole(&answer);
    }
    let mut events: Vec<Bytes> = words(&text).into_iter().map(|word| event(&object(word, None))).collect();
    events.push(event(&object("", Some(finish_reason(reply.finish)))));
    if prompt.include_usage {
        let mut last = object("", None);
        last["choices"] = json!([]);
        last["usage"] = usage(reply.usage);
        events.push(event(&last));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Script::streamed(200, "text/event-stream; charset=utf-8", events)
}

fn embeddings(body: &Value, model: &str) -> Result<Script, Refusal> {
    if let Some(name) = unknown(body, &["model", "input", "dimensions", "encoding_format", "user"]) {
        return Err(Refusal::bad(format!("Unrecognized request argument supplied: {name}")).about(name));
    }
    let inputs: Vec<String> = match &body["input"] {
        Value::String(text) if !text.is_empty() => vec![text.clone()],
        Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_u64) => {
            vec![body["input"].to_string()]
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect()
        }
        _ => return Err(invalid("input", "a string or an array of strings or tokens")),
    };
    let base64 = match body["encoding_format"].as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(invalid("encoding_format", "float or base64")),
    };
    let dimensions = match &body["dimensions"] {
        Value::Null => 8,
        value => value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n > 0)
            .ok_or_else(|| invalid("dimensions", "an integer of at least 1"))?,
    };
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = embedding(text, dimensions);
            let vector = if base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                json!(STANDARD.encode(bytes))
            } else {
                json!(vector)
            };
            json!({ "object": "embedding", "index": index, "embedding": vector })
        })
        .collect();
    let tokens = inputs.len() * 3;
    Ok(whole(&json!({
        "object": "list",
        "data": data,
        "model": model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })))
}

fn whole(answer: &Value) -> Script {
    Script::whole(200, "application/json", serde_json::to_vec_pretty(answer).unwrap_or_default())
}

fn chunk(model: &str, choices: &Value) -> Value {
    json!({
        "id": "chatcmpl-D8Z5oo6uDh67AD85p73ksdT1KxhE0",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
    })
}

fn choice(delta: &Value, finish: Option<&str>) -> Value {
    json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish })
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

/// `OpenAI` answers with the snapshot that an alias stands for.
fn dated(model: &str) -> String {
    format!("{model}-2026-01-01")
}

fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::End => "stop",
        Finish::Length => "length",
        Finish::Tools => "tool_calls",
        Finish::Refusal => "content_filter",
    }
}

fn usage(usage: Usage) -> Value {
    let prompt = usage.input + usage.cached + usage.cache_write;
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": { "cached_tokens": usage.cached, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning, "audio_tokens": 0 },
    })
}
