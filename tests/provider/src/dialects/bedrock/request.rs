//! What is wrong with a request, and what it asks.

use serde_json::Value;

use super::super::{Refusal, unknown};
use crate::model::Prompt;
use crate::state;

const FIELDS: &[&str] = &[
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "inferenceConfig",
    "messages",
    "outputConfig",
    "performanceConfig",
    "requestMetadata",
    "serviceTier",
    "system",
    "toolConfig",
];

const BLOCKS: &[&str] =
    &["cachePoint", "document", "image", "reasoningContent", "text", "toolResult", "toolUse"];

/// What Claude takes beside what Converse has.
const CLAUDE: &[&str] = &["anthropic_beta", "output_config", "thinking", "tool_choice", "top_k"];

pub(super) fn read(body: &Value, model: &str) -> Result<Prompt, Refusal> {
    check_fields(body, "", FIELDS)?;
    let config = &body["inferenceConfig"];
    check_fields(config, "inferenceConfig.", &["maxTokens", "stopSequences", "temperature", "topP"])?;
    if !config["maxTokens"].is_null() && config["maxTokens"].as_u64().is_none_or(|tokens| tokens == 0) {
        return Err(Refusal::bad("Value at 'inferenceConfig.maxTokens' must be greater than or equal to 1"));
    }
    if config["temperature"].as_f64().is_some_and(|value| !(0.0..=1.0).contains(&value)) {
        return Err(Refusal::bad("Value at 'inferenceConfig.temperature' must be less than or equal to 1"));
    }
    for block in body["system"].as_array().into_iter().flatten() {
        check_block(block, "system", &["cachePoint", "guardContent", "text"])?;
    }
    let more = &body["additionalModelRequestFields"];
    if model.contains("anthropic.claude") {
        check_fields(more, "", CLAUDE)?;
    }
    let thinking = more["thinking"]["type"].as_str().unwrap_or("disabled");
    let mut prompt = Prompt {
        model: model.to_owned(),
        include_usage: true,
        thinks: thinking != "disabled",
        ..Prompt::default()
    };
    read_messages(body, &mut prompt, thinking == "enabled")?;
    read_tools(body, &mut prompt)?;
    Ok(prompt)
}

fn check_fields(value: &Value, at: &str, known: &[&str]) -> Result<(), Refusal> {
    match unknown(value, known) {
        Some(name) => Err(Refusal::bad(format!(
            "The model returned the following errors: {at}{name}: Extra inputs are not permitted"
        ))),
        None => Ok(()),
    }
}

/// A block has one member, which is its kind.
fn check_block<'v>(block: &'v Value, at: &str, known: &[&str]) -> Result<(&'v str, &'v Value), Refusal> {
    let members = block.as_object().filter(|members| members.len() == 1);
    let member =
        members.and_then(|members| members.iter().next()).filter(|(kind, _)| known.contains(&kind.as_str()));
    let (kind, value) = member
        .ok_or_else(|| Refusal::bad(format!("Value at '{at}' must be a union with one known member")))?;
    if kind == "text" && value.as_str().is_none_or(|text| text.trim().is_empty()) {
        return Err(Refusal::bad(format!("The text field in the ContentBlock object at {at} is blank.")));
    }
    Ok((kind, value))
}

fn read_messages(body: &Value, prompt: &mut Prompt, strict: bool) -> Result<(), Refusal> {
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages =
        messages.ok_or_else(|| Refusal::bad("Value at 'messages' failed to satisfy: not empty"))?;
    if messages[0]["role"] != "user" {
        return Err(Refusal::bad("A conversation must start with a user message."));
    }
    let mut open: Vec<&str> = Vec::new();
    let mut before = "";
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.{index}");
        check_fields(message, &format!("{at}."), &["content", "role"])?;
        let role = message["role"].as_str().filter(|role| matches!(*role, "user" | "assistant"));
        let role = role.ok_or_else(|| Refusal::bad(format!("{at}.role: unknown role")))?;
        if role == before {
            return Err(Refusal::bad("A conversation must alternate between user and assistant roles."));
        }
        before = role;
        let blocks = message["content"].as_array().filter(|blocks| !blocks.is_empty());
        let blocks = blocks.ok_or_else(|| Refusal::bad(format!("The content field at {at} is empty.")))?;
        let (mut texts, mut calls, mut results) = (Vec::new(), Vec::new(), Vec::new());
        for (position, block) in blocks.iter().enumerate() {
            let at = format!("{at}.content.{position}");
            let (kind, value) = check_block(block, &at, BLOCKS)?;
            match (kind, role) {
                ("text", _) => texts.push(value.as_str().unwrap_or_default()),
                ("toolUse", "assistant") => {
                    let id = value["toolUseId"].as_str().filter(|id| is_id(id));
                    calls.push(id.ok_or_else(|| {
                        Refusal::bad(format!(
                            "Value at '{at}.toolUse.toolUseId' failed to satisfy the pattern"
                        ))
                    })?);
                    if !value["input"].is_object() {
                        return Err(Refusal::bad(format!(
                            "The format of the value at {at}.toolUse.input is invalid."
                        )));
                    }
                }
                ("toolResult", "user") => {
                    let id = value["toolUseId"].as_str().unwrap_or_default();
                    let Some(place) = open.iter().position(|call| *call == id) else {
                        return Err(Refusal::bad(format!(
                            "The number of toolResult blocks at {at} exceeds the number of toolUse blocks of previous turn."
                        )));
                    };
                    open.remove(place);
                    results.push(result_text(&value["content"]));
                }
                ("reasoningContent", "assistant") => check_reasoning(value, &at)?,
                ("image" | "document", "user") | ("cachePoint", _) => {}
                (other, _) => {
                    return Err(Refusal::bad(format!("{at}: {other} is not allowed in a turn of {role}")));
                }
            }
        }
        if !open.is_empty() {
            return Err(Refusal::bad(format!(
                "Expected toolResult blocks at {at} for the following Ids: {}",
                open.join(", ")
            )));
        }
        // A budget of thinking demands the thoughts before calls.
        if strict && !calls.is_empty() && blocks[0]["reasoningContent"].is_null() {
            return Err(Refusal::bad(format!(
                "The model returned the following errors: {at}.content.0.type: Expected `thinking` or \
                 `redacted_thinking`, but found `tool_use`."
            )));
        }
        if !calls.is_empty() {
            prompt.rounds.push(Vec::new());
        }
        if let Some(round) = prompt.rounds.last_mut().filter(|_| !results.is_empty()) {
            round.clone_from(&results);
        }
        prompt.tool_results = results;
        if role == "user" && !texts.is_empty() {
            prompt.user = texts.join(" ");
        }
        open = calls;
    }
    if open.is_empty() { Ok(()) } else { Err(Refusal::bad("Expected toolResult blocks for the last turn")) }
}

fn check_reasoning(value: &Value, at: &str) -> Result<(), Refusal> {
    let said = &value["reasoningText"];
    let text = said["text"].as_str().unwrap_or_default();
    if value["redactedContent"].is_string() || said["signature"] == state::of_thought(text) {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "The model returned the following errors: {at}: Invalid `signature` in `thinking` block"
    )))
}

fn result_text(content: &Value) -> String {
    let blocks = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let told = blocks.iter().map(|block| match block["text"].as_str() {
        Some(text) => text.to_owned(),
        None => block["json"].to_string(),
    });
    told.collect::<Vec<_>>().join(" ")
}

fn read_tools(body: &Value, prompt: &mut Prompt) -> Result<(), Refusal> {
    let config = &body["toolConfig"];
    let tools = config["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    if config.is_null() && !prompt.rounds.is_empty() {
        return Err(Refusal::bad(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
        ));
    }
    if !config.is_null() && tools.is_empty() {
        return Err(Refusal::bad(
            "Value at 'toolConfig.tools' must have a length greater than or equal to 1",
        ));
    }
    for (index, tool) in tools.iter().enumerate() {
        let at = format!("toolConfig.tools.{index}");
        let (kind, tool) = check_block(tool, &at, &["cachePoint", "systemTool", "toolSpec"])?;
        if kind != "toolSpec" {
            continue;
        }
        check_fields(tool, &format!("{at}."), &["description", "inputSchema", "name", "strict"])?;
        let name = tool["name"].as_str().filter(|name| is_name(name));
        let name =
            name.ok_or_else(|| Refusal::bad(format!("Value at '{at}.toolSpec.name' failed the pattern")))?;
        if tool["description"] == "" {
            return Err(Refusal::bad(format!(
                "Value at '{at}.toolSpec.description' must have a length of at least 1"
            )));
        }
        let schema = &tool["inputSchema"]["json"];
        if schema["type"] != "object" {
            return Err(Refusal::bad(format!(
                "The value at {at}.toolSpec.inputSchema.json.type must be object"
            )));
        }
        if ["oneOf", "allOf", "anyOf"].iter().any(|union| schema.get(union).is_some()) {
            return Err(Refusal::bad(format!("{at}: input_schema does not support oneOf, allOf, or anyOf")));
        }
        prompt.tools.push((name.to_owned(), schema.clone()));
    }
    let (choice, _) = match &config["toolChoice"] {
        Value::Null => return Ok(()),
        choice => check_block(choice, "toolConfig.toolChoice", &["any", "auto", "tool"])?,
    };
    prompt.forced = match choice {
        "any" => Some(String::new()),
        "tool" => config["toolChoice"]["tool"]["name"].as_str().map(str::to_owned),
        _ => None,
    };
    Ok(())
}

/// `[a-zA-Z0-9_.:-]{1,64}`
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-'))
}

/// `[a-zA-Z0-9_-]{1,64}`
fn is_name(name: &str) -> bool {
    is_id(name) && !name.contains(['.', ':'])
}
