//! Messages, whole and streamed.

use serde_json::{Value, json};

use super::super::{pieces, words};
use super::event;
use crate::model::{Finish, Prompt, Reply, Usage};
use crate::script::Script;
use crate::state;

pub(in super::super) fn answer(prompt: &Prompt, reply: &Reply) -> Script {
    let blocks = blocks(prompt, reply);
    let stop_reason = match reply.finish {
        Finish::End => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tools => "tool_use",
        Finish::Refusal => "refusal",
    };
    let mut message = json!({
        "model": prompt.model,
        // Clients take two messages with one id for one message.
        "id": format!("msg_01QC4g3HwBThD4BaNtBckF{:02}", prompt.rounds.len()),
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
    for (index, block) in blocks.into_iter().enumerate() {
        let (start, deltas) = split(block);
        events.push(event(&json!({ "type": "content_block_start", "index": index, "content_block": start })));
        if index == 0 {
            events.push(event(&json!({ "type": "ping" })));
        }
        events.extend(
            deltas.iter().map(|delta| {
                event(&json!({ "type": "content_block_delta", "index": index, "delta": delta }))
            }),
        );
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

fn blocks(prompt: &Prompt, reply: &Reply) -> Vec<Value> {
    let mut blocks = Vec::new();
    if let Some(text) = reply.reasoning.as_deref().filter(|_| prompt.thinks) {
        let shown = if prompt.hides_thoughts { "" } else { text };
        blocks.push(json!({ "type": "thinking", "thinking": shown, "signature": state::of_thought(text) }));
    }
    if let Some(text) = &reply.text {
        blocks.push(json!({ "type": "text", "text": text }));
    }
    for (index, call) in reply.tool_calls.iter().enumerate() {
        let id = prompt.call_id("toolu_01", index, call);
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        blocks.push(json!({ "type": "tool_use", "id": id, "name": call.name, "input": input }));
    }
    blocks
}

/// A block as it begins, and what is added to it.
fn split(mut block: Value) -> (Value, Vec<Value>) {
    let owned = |text: &Value| text.as_str().unwrap_or_default().to_owned();
    match block["type"].as_str() {
        Some("text") => {
            let text = owned(&block["text"]);
            block["text"] = json!("");
            (
                block,
                words(&text).into_iter().map(|word| json!({ "type": "text_delta", "text": word })).collect(),
            )
        }
        Some("thinking") => {
            let (text, signature) = (owned(&block["thinking"]), owned(&block["signature"]));
            block["thinking"] = json!("");
            block["signature"] = json!("");
            let words =
                words(&text).into_iter().map(|word| json!({ "type": "thinking_delta", "thinking": word }));
            let last = json!({ "type": "signature_delta", "signature": signature });
            (block, words.chain([last]).collect())
        }
        _ => {
            let input = block["input"].to_string();
            block["input"] = json!({});
            let piece = |piece| json!({ "type": "input_json_delta", "partial_json": piece });
            (block, pieces(&input).into_iter().map(piece).collect())
        }
    }
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
