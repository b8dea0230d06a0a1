//! Answers, whole and as events.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{pieces, words};
use super::event;
use super::request::{Called, Read};
use super::store::{Kept, Store};
use crate::model::{Finish, Reply, ToolCall, Usage};

pub(super) const CREATED: u64 = 1_770_933_892;

/// An answer.
pub(super) struct Made {
    pub(super) response: Value,
    /// The same as events, where they were asked for.
    pub(super) events: Vec<Bytes>,
}

/// Makes the answer to a request, and keeps it where that is asked for.
pub(super) fn made(body: &Value, read: &Read, reply: &Reply, store: &mut Store, owner: &str) -> Made {
    let id = store.new_id("resp");
    let output = output(read, reply, store, owner);
    let is_kept = body["store"] != false;
    store.remember(owner, &output, is_kept);
    let mut response = head(body, read, &id);
    let mut events = Vec::new();
    if read.prompt.stream {
        let mut stream = Events { events: &mut events, count: 0 };
        stream.say("response.created", &json!({ "response": response }));
        stream.say("response.in_progress", &json!({ "response": response }));
        output.iter().enumerate().for_each(|(index, item)| stream.item(index, item));
    }
    let is_cut = matches!(reply.finish, Finish::Length);
    response["status"] = json!(if is_cut { "incomplete" } else { "completed" });
    response["completed_at"] = json!(CREATED + 1);
    response["output"] = json!(output);
    response["usage"] = usage(reply.usage);
    if is_cut {
        response["incomplete_details"] = json!({ "reason": "max_output_tokens" });
        response["completed_at"] = Value::Null;
    }
    if body["background"] == true && !read.prompt.stream {
        response["status"] = json!("queued");
    }
    if read.prompt.stream {
        let kind = if is_cut { "response.incomplete" } else { "response.completed" };
        let mut stream = Events { count: events.len(), events: &mut events };
        stream.say(kind, &json!({ "response": response }));
    }
    if is_kept {
        let previous = body["previous_response_id"].as_str().map(str::to_owned);
        let kept = Kept {
            owner: owner.to_owned(),
            response: response.clone(),
            input: read.input.clone(),
            previous,
            events: events.clone(),
        };
        store.keep(&id, kept);
    }
    Made { response, events }
}

/// The response as it begins.
fn head(body: &Value, read: &Read, id: &str) -> Value {
    let given = |name: &str, otherwise: Value| match &body[name] {
        Value::Null => otherwise,
        value => value.clone(),
    };
    let format = match &body["text"]["format"] {
        Value::Null => json!({ "type": "text" }),
        format => format.clone(),
    };
    let verbosity = body["text"]["verbosity"].as_str().unwrap_or("medium");
    json!({
        "id": id,
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": given("background", json!(false)),
        "completed_at": null,
        "error": null,
        "incomplete_details": null,
        "instructions": body["instructions"],
        "max_output_tokens": body["max_output_tokens"],
        "max_tool_calls": body["max_tool_calls"],
        "model": format!("{}-2026-01-01", read.prompt.model),
        "output": [],
        "parallel_tool_calls": given("parallel_tool_calls", json!(true)),
        "previous_response_id": body["previous_response_id"],
        "prompt_cache_key": body["prompt_cache_key"],
        "reasoning": { "effort": body["reasoning"]["effort"], "summary": body["reasoning"]["summary"] },
        "safety_identifier": body["safety_identifier"],
        "service_tier": "default",
        "store": body["store"] != false,
        "temperature": given("temperature", json!(1.0)),
        "text": { "format": format, "verbosity": verbosity },
        "tool_choice": given("tool_choice", json!("auto")),
        "tools": given("tools", json!([])),
        "top_logprobs": given("top_logprobs", json!(0)),
        "top_p": given("top_p", json!(1.0)),
        "truncation": given("truncation", json!("disabled")),
        "usage": null,
        "user": body["user"],
        "metadata": given("metadata", json!({})),
    })
}

/// The items of the answer: the thought before what came from it.
fn output(read: &Read, reply: &Reply, store: &mut Store, owner: &str) -> Vec<Value> {
    let mut output = Vec::new();
    if let Some(thought) = reply.reasoning.as_deref().filter(|_| read.prompt.thinks) {
        let shown = (!read.prompt.hides_thoughts).then(|| json!({ "type": "summary_text", "text": thought }));
        let mut item = json!({
            "id": store.new_id("rs"),
            "type": "reasoning",
            "summary": shown.into_iter().collect::<Vec<_>>(),
        });
        if read.encrypts {
            item["encrypted_content"] = json!(store.encrypt(owner));
        }
        output.push(item);
    }
    if let Some(text) = &reply.text {
        let part = match reply.finish {
            Finish::Refusal => json!({ "type": "refusal", "refusal": text }),
            _ => json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text }),
        };
        let status = if matches!(reply.finish, Finish::Length) { "incomplete" } else { "completed" };
        output.push(json!({
            "id": store.new_id("msg"),
            "type": "message",
            "status": status,
            "content": [part],
            "role": "assistant",
        }));
    }
    for (index, call) in reply.tool_calls.iter().enumerate() {
        let item = call_item(read, index, call, store);
        output.push(item);
    }
    output
}

/// A call as the kind of its tool wants it.
fn call_item(read: &Read, index: usize, call: &ToolCall, store: &mut Store) -> Value {
    let call_id = read.prompt.call_id("call_", index, call);
    let tool = read.tools.iter().find(|tool| tool.called == call.name);
    let name = tool.map_or(&*call.name, |tool| &*tool.name);
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
    let mut item = match tool.map_or(Called::Function, |tool| tool.kind) {
        Called::Function => json!({
            "id": store.new_id("fc"), "type": "function_call", "status": "completed",
            "arguments": call.arguments, "call_id": call_id, "name": name,
        }),
        Called::Custom => json!({
            "id": store.new_id("ctc"), "type": "custom_tool_call", "status": "completed",
            "call_id": call_id, "input": arguments["input"].as_str().unwrap_or(&call.arguments), "name": name,
        }),
        Called::ToolSearch => json!({
            "id": store.new_id("tsc"), "type": "tool_search_call", "status": "completed",
            "execution": "client", "call_id": call_id, "arguments": arguments,
        }),
    };
    if let Some(namespace) = tool.and_then(|tool| tool.namespace.as_deref()) {
        item["namespace"] = json!(namespace);
    }
    item
}

pub(super) fn usage(usage: Usage) -> Value {
    let input = usage.input + usage.cached + usage.cache_write;
    json!({
        "input_tokens": input,
        "input_tokens_details": { "cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": input + usage.output,
    })
}

/// Events in their order.
struct Events<'e> {
    events: &'e mut Vec<Bytes>,
    count: usize,
}

impl Events<'_> {
    fn say(&mut self, kind: &str, more: &Value) {
        let mut data = json!({ "type": kind, "sequence_number": self.count });
        self.count += 1;
        for (name, value) in more.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        self.events.push(event(&data));
    }

    /// The events of an item: it begins empty, grows, and is done.
    fn item(&mut self, index: usize, item: &Value) {
        let mut empty = item.clone();
        empty["status"] = json!("in_progress");
        let is_search = item["type"] == "tool_search_call";
        for (name, begun) in
            [("content", json!([])), ("summary", json!([])), ("arguments", json!("")), ("input", json!(""))]
        {
            if item.get(name).is_some() && !is_search {
                empty[name] = begun;
            }
        }
        if item["type"] == "reasoning" {
            empty.as_object_mut().expect("an object").remove("status");
        }
        self.say("response.output_item.added", &json!({ "output_index": index, "item": empty }));
        let at = json!({ "item_id": item["id"], "output_index": index });
        for (part_index, part) in item["content"].as_array().into_iter().flatten().enumerate() {
            self.part(&with(&at, &json!({ "content_index": part_index })), part, "content_part");
        }
        for (part_index, part) in item["summary"].as_array().into_iter().flatten().enumerate() {
            self.part(&with(&at, &json!({ "summary_index": part_index })), part, "reasoning_summary_part");
        }
        for (kind, name) in [("function_call", "arguments"), ("custom_tool_call", "input")] {
            let Some(text) = item[name].as_str().filter(|_| item["type"] == kind) else { continue };
            let event = if name == "input" { "custom_tool_call_input" } else { "function_call_arguments" };
            for piece in pieces(text) {
                let delta = json!({ "delta": piece, "obfuscation": "abcdefghijk" });
                self.say(&format!("response.{event}.delta"), &with(&at, &delta));
            }
            self.say(&format!("response.{event}.done"), &with(&at, &json!({ name: text })));
        }
        self.say("response.output_item.done", &json!({ "output_index": index, "item": item }));
    }

    fn part(&mut self, at: &Value, part: &Value, holder: &str) {
        let (event, member) = match part["type"].as_str() {
            Some("refusal") => ("refusal", "refusal"),
            Some("summary_text") => ("reasoning_summary_text", "text"),
            _ => ("output_text", "text"),
        };
        let has_logprobs = event == "output_text";
        let logprobs = if has_logprobs { json!({ "logprobs": [] }) } else { json!({}) };
        let mut empty = part.clone();
        empty[member] = json!("");
        self.say(&format!("response.{holder}.added"), &with(at, &json!({ "part": empty })));
        let text = part[member].as_str().unwrap_or_default();
        for word in words(text) {
            let delta = json!({ "delta": word, "obfuscation": "abcdefghijk" });
            self.say(&format!("response.{event}.delta"), &with(&with(at, &delta), &logprobs));
        }
        self.say(&format!("response.{event}.done"), &with(&with(at, &json!({ member: text })), &logprobs));
        self.say(&format!("response.{holder}.done"), &with(at, &json!({ "part": part })));
    }
}

fn with(one: &Value, other: &Value) -> Value {
    let mut both = one.clone();
    for (name, value) in other.as_object().into_iter().flatten() {
        both[name] = value.clone();
    }
    both
}
