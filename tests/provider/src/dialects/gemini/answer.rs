//! Candidates, whole and streamed.

use serde_json::{Value, json};

use super::super::words;
use super::event;
use crate::model::{Finish, Prompt, Reply, Usage};
use crate::script::Script;
use crate::state;

/// `framed` asks for events; without it, a stream is one array.
pub(super) fn answer(prompt: &Prompt, reply: &Reply, framed: bool) -> Script {
    let mut thoughts = Vec::new();
    if let Some(text) = reply.reasoning.as_deref().filter(|_| prompt.thinks) {
        thoughts.push(json!({ "text": text, "thought": true }));
    }
    let mut calls = Vec::new();
    for (index, call) in reply.tool_calls.iter().enumerate() {
        let args: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        let mut part = json!({ "functionCall": { "name": call.name, "args": args } });
        if generation(&prompt.model) >= 3 {
            part["functionCall"]["id"] = prompt.call_id("", index, call).into();
            // Of parallel calls only the first has one.
            if index == 0 {
                part["thoughtSignature"] = state::of_call(&call.name, &args).into();
            }
        }
        calls.push(part);
    }
    let text = reply.text.as_deref().unwrap_or_default();
    if !prompt.stream {
        let said = (!text.is_empty()).then(|| json!({ "text": text }));
        let parts: Vec<Value> = thoughts.into_iter().chain(said).chain(calls).collect();
        let answer = chunk(&prompt.model, &parts, Some(reply));
        return Script::whole(200, "application/json; charset=UTF-8", answer.to_string());
    }
    let said = words(text).into_iter().map(|word| json!({ "text": word }));
    let mut chunks: Vec<Value> =
        thoughts.into_iter().chain(said).map(|part| chunk(&prompt.model, &[part], None)).collect();
    if !calls.is_empty() {
        chunks.push(chunk(&prompt.model, &calls, None));
    }
    chunks.push(chunk(&prompt.model, &[json!({ "text": "" })], Some(reply)));
    if framed {
        return Script::streamed(200, "text/event-stream", chunks.iter().map(event).collect());
    }
    let last = chunks.len() - 1;
    let pieces = chunks.iter().enumerate().map(|(index, chunk)| {
        let (before, after) = (if index == 0 { "[" } else { "" }, if index == last { "]" } else { "," });
        format!("{before}{chunk}{after}\r\n").into()
    });
    Script::streamed(200, "application/json; charset=UTF-8", pieces.collect())
}

/// One response; with `end`, the last one.
pub(super) fn chunk(model: &str, parts: &[Value], end: Option<&Reply>) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    let usage = end.map_or_else(Usage::default, |reply| reply.usage);
    let prompt = usage.input + usage.cached + usage.cache_write;
    let mut counts = json!({ "promptTokenCount": prompt, "totalTokenCount": prompt });
    if let Some(reply) = end {
        candidate["finishReason"] = json!(match reply.finish {
            // Calls have no reason of their own.
            Finish::End | Finish::Tools => "STOP",
            Finish::Length => "MAX_TOKENS",
            Finish::Refusal => "SAFETY",
        });
        counts["candidatesTokenCount"] = json!(usage.output - usage.reasoning);
        counts["totalTokenCount"] = json!(prompt + usage.output);
        // What is 0 is left out.
        for (name, tokens) in
            [("thoughtsTokenCount", usage.reasoning), ("cachedContentTokenCount", usage.cached)]
        {
            if tokens > 0 {
                counts[name] = json!(tokens);
            }
        }
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": counts,
        "modelVersion": model,
        "responseId": "mAitaLmkHPPlz7IPvtfUqQ4",
    })
}

/// 3 for `gemini-3-pro-preview`; 0 where the name does not say it.
pub(super) fn generation(model: &str) -> u32 {
    let digits = model.strip_prefix("gemini-").unwrap_or_default();
    digits
        .split(|letter: char| !letter.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}
