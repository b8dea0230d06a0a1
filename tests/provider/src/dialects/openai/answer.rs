//! Answers of chats and completions, whole and streamed.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{pieces, words};
use super::{event, whole};
use crate::model::{Finish, Prompt, Reply, ToolCall, Usage};
use crate::script::Script;

const CREATED: u64 = 1_770_933_892;
const FINGERPRINT: &str = "fp_de604bd877";

pub(super) fn chat(prompt: &Prompt, reply: &Reply) -> Script {
    let calls: Vec<(usize, String, &ToolCall)> = reply
        .tool_calls
        .iter()
        .enumerate()
        .map(|(index, call)| (index, prompt.call_id("call_", index, call), call))
        .collect();
    let thought = reply.reasoning.as_deref().filter(|_| prompt.thinks);
    if !prompt.stream {
        let mut message =
            json!({ "role": "assistant", "content": reply.text, "refusal": null, "annotations": [] });
        if let Some(text) = thought {
            message["reasoning_content"] = json!(text);
        }
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
    for word in words(thought.unwrap_or_default()) {
        say(&json!({ "content": null, "reasoning_content": word }), None);
    }
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

pub(super) fn completion(prompt: &Prompt, reply: &Reply) -> Script {
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

pub(super) fn chunk(model: &str, choices: &Value) -> Value {
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

pub(super) fn choice(delta: &Value, finish: Option<&str>) -> Value {
    json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish })
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
