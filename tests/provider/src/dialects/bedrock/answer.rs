//! Messages, whole and streamed.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{pieces, words};
use crate::eventstream::event;
use crate::model::{Finish, Prompt, Reply, Usage};
use crate::script::Script;
use crate::state;

pub(super) fn answer(prompt: &Prompt, reply: &Reply) -> Script {
    let thought = reply.reasoning.as_deref().filter(|_| prompt.thinks);
    let calls: Vec<(String, &str, &str)> = reply
        .tool_calls
        .iter()
        .enumerate()
        .map(|(index, call)| {
            let id = prompt.call_id("tooluse_", index, call);
            (id, call.name.as_str(), call.arguments.as_str())
        })
        .collect();
    let stop = match reply.finish {
        Finish::End => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tools => "tool_use",
        Finish::Refusal => "content_filtered",
    };
    if prompt.stream {
        return Script::streamed(
            200,
            "application/vnd.amazon.eventstream",
            events(thought, reply.text.as_deref(), &calls, stop, reply.usage),
        );
    }
    let mut content = Vec::new();
    if let Some(text) = thought {
        let text = json!({ "text": text, "signature": state::of_thought(text) });
        content.push(json!({ "reasoningContent": { "reasoningText": text } }));
    }
    content.extend(reply.text.as_ref().map(|text| json!({ "text": text })));
    for (id, name, arguments) in calls {
        let input: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
        content.push(json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } }));
    }
    let body = json!({
        "metrics": { "latencyMs": 100 },
        "output": { "message": { "content": content, "role": "assistant" } },
        "stopReason": stop,
        "usage": usage(reply.usage),
    });
    Script::whole(200, "application/json", body.to_string())
}

fn events(
    thought: Option<&str>,
    text: Option<&str>,
    calls: &[(String, &str, &str)],
    stop: &str,
    used: Usage,
) -> Vec<Bytes> {
    let mut events = vec![event("messageStart", &json!({ "role": "assistant" }))];
    let mut index = 0;
    let end = |events: &mut Vec<Bytes>, index: &mut usize| {
        events.push(event("contentBlockStop", &json!({ "contentBlockIndex": *index })));
        *index += 1;
    };
    if let Some(thought) = thought {
        for word in words(thought) {
            events.push(delta(index, &json!({ "reasoningContent": { "text": word } })));
        }
        let signature = state::of_thought(thought);
        events.push(delta(index, &json!({ "reasoningContent": { "signature": signature } })));
        end(&mut events, &mut index);
    }
    if let Some(text) = text {
        events.extend(words(text).into_iter().map(|word| delta(index, &json!({ "text": word }))));
        end(&mut events, &mut index);
    }
    for (id, name, arguments) in calls {
        let start = json!({ "toolUse": { "toolUseId": id, "name": name } });
        events.push(event("contentBlockStart", &json!({ "contentBlockIndex": index, "start": start })));
        for piece in pieces(arguments) {
            events.push(delta(index, &json!({ "toolUse": { "input": piece } })));
        }
        end(&mut events, &mut index);
    }
    events.push(event("messageStop", &json!({ "stopReason": stop })));
    events.push(event("metadata", &json!({ "usage": usage(used), "metrics": { "latencyMs": 100 } })));
    events
}

pub(super) fn delta(index: usize, delta: &Value) -> Bytes {
    event("contentBlockDelta", &json!({ "contentBlockIndex": index, "delta": delta, "p": "abcdefghijk" }))
}

fn usage(usage: Usage) -> Value {
    json!({
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.cached + usage.cache_write + usage.output,
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": usage.cache_write,
    })
}
