//! What is wrong with a request, and what it asks.

use serde_json::Value;

use super::super::{Refusal, unknown};
use super::messages;
use crate::model::Prompt;

const FIELDS: &[&str] = &[
    "cache_control",
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

/// Fields that are known only together with a beta.
const BETAS: &[(&str, &str)] = &[("context_management", "context-management-2025-06-27")];

/// Members of a tool of the client's.
const TOOL: &[&str] = &[
    "allowed_callers",
    "cache_control",
    "defer_loading",
    "description",
    "eager_input_streaming",
    "input_examples",
    "input_schema",
    "name",
    "strict",
    "type",
];

pub(in super::super) fn read(body: &Value, betas: &[&str]) -> Result<Prompt, Refusal> {
    if body["max_tokens"].as_u64().is_none_or(|tokens| tokens == 0) {
        return Err(Refusal::bad("max_tokens: Field required"));
    }
    read_counted(body, betas)
}

/// As [`read`], without a limit of tokens.
pub(super) fn read_counted(body: &Value, betas: &[&str]) -> Result<Prompt, Refusal> {
    let known = |name: &&str| BETAS.iter().all(|(field, beta)| field != name || betas.contains(beta));
    let fields: Vec<&str> = FIELDS.iter().copied().filter(known).collect();
    if let Some(name) = unknown(body, &fields) {
        return Err(Refusal::bad(format!("{name}: Extra inputs are not permitted")));
    }
    let model = body["model"].as_str().ok_or_else(|| Refusal::bad("model: Field required"))?;
    check_sampling(body, model)?;
    if let Value::Array(blocks) = &body["system"] {
        for (index, block) in blocks.iter().enumerate() {
            messages::text_block(block, &format!("system.{index}"))?;
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
    let thinking = body["thinking"]["type"].as_str().unwrap_or("disabled");
    let budget = body["thinking"]["budget_tokens"].as_u64();
    let limit = body["max_tokens"].as_u64().unwrap_or(u64::MAX);
    if thinking == "enabled" && !budget.is_some_and(|budget| (1024..limit).contains(&budget)) {
        return Err(Refusal::bad(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024, and less than `max_tokens`",
        ));
    }
    let mut prompt = Prompt {
        model: model.to_owned(),
        stream: body["stream"] == true,
        include_usage: true,
        thinks: thinking != "disabled",
        hides_thoughts: body["thinking"]["display"] == "omitted",
        ..Prompt::default()
    };
    messages::read(body, &mut prompt, thinking == "enabled")?;
    read_tools(body, &mut prompt)?;
    Ok(prompt)
}

fn check_sampling(body: &Value, model: &str) -> Result<(), Refusal> {
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
    Ok(())
}

fn read_tools(body: &Value, prompt: &mut Prompt) -> Result<(), Refusal> {
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, tool) in tools.iter().enumerate() {
        let name = tool["name"].as_str().filter(|name| messages::plain(name) && name.len() <= 128);
        let name = name.ok_or_else(|| Refusal::bad(format!("tools.{index}.name: should match pattern")))?;
        // A tool with a version in its type has a schema of Anthropic's.
        if !matches!(tool["type"].as_str(), None | Some("custom")) {
            continue;
        }
        if let Some(name) = unknown(tool, TOOL) {
            return Err(Refusal::bad(format!("tools.{index}.custom.{name}: Extra inputs are not permitted")));
        }
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
