//! Writes the request body.

use super::super::Target;
use super::messages;
use crate::json::{Raw, Writer};
use crate::openai::{ErrorBody, Request, ResponseFormat};

/// `OpenAI` parameters with an equivalent.
const SUPPORTED: &[&str] = &[
    "frequency_penalty",
    "function_call",
    "functions",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

/// How many stop sequences are accepted.
const MOST_STOPS: usize = 5;

/// Parameters that are renamed or handled separately.
const KNOWN: &[&str] = &["k", "p", "strict_tools", "thinking", "top_k"];

/// Thinking budgets by effort, tokens (`LiteLLM`'s).
const BUDGETS: &[(&str, u64)] =
    &[("minimal", 128), ("low", 1024), ("medium", 2048), ("high", 4096), ("xhigh", 8192), ("max", 16384)];

/// Writes the body.
pub(super) fn write(request: &Request<'_>, to: &Target<'_>) -> Result<Vec<u8>, ErrorBody> {
    to.check_params(request, SUPPORTED)?;
    let mut body = Vec::with_capacity(request.body.len() + 256);
    let mut w = Writer::new(&mut body);
    w.object().key("model").string(to.model);
    // If absent, the default depends on the version of the API.
    w.key("stream").bool(request.stream()?);
    messages::write(&mut w, &request.messages()?)?;
    let has_tools = write_tools(&mut w, request)?;
    write_format(&mut w, request, to, has_tools)?;
    write_thinking(&mut w, request, to)?;
    if let Some(tokens) = request.max_tokens()? {
        w.key("max_tokens").number(tokens);
    }
    for name in ["temperature", "seed", "frequency_penalty", "presence_penalty", "logprobs"] {
        if let Some(value) = request.get(name) {
            w.key(name).raw(value.get());
        }
    }
    for (name, theirs) in [("top_p", "p"), ("top_k", "k")] {
        if let Some(value) = request.get(theirs).or_else(|| request.get(name)) {
            w.key(theirs).raw(value.get());
        }
    }
    let stop = request.first_stops(MOST_STOPS)?;
    if !stop.is_empty() {
        w.key("stop_sequences").array();
        for sequence in stop {
            w.raw(sequence.token());
        }
        w.end_array();
    }
    request.write_extras(KNOWN, &mut w);
    w.end_object();
    Ok(body)
}

/// Writes `tools`, `tool_choice` and `strict_tools`. Returns whether there are any.
fn write_tools(w: &mut Writer<'_>, request: &Request<'_>) -> Result<bool, ErrorBody> {
    let chosen = request.chosen_tools()?;
    if chosen.tools.is_empty() {
        return Ok(false);
    }
    w.key("tools").array();
    for tool in &chosen.tools {
        tool.write(w);
    }
    w.end_array();
    if chosen.required || chosen.forbidden {
        w.key("tool_choice").string(if chosen.required { "REQUIRED" } else { "NONE" });
    }
    match request.get("strict_tools") {
        Some(own) => {
            w.key("strict_tools").raw(own.get());
        }
        None if chosen.tools.iter().any(|tool| tool.strict == Some(true)) => {
            w.key("strict_tools").bool(true);
        }
        None => {}
    }
    Ok(true)
}

/// Writes `response_format`. A schema goes below `json_object`.
fn write_format(
    w: &mut Writer<'_>,
    request: &Request<'_>,
    to: &Target<'_>,
    has_tools: bool,
) -> Result<(), ErrorBody> {
    let schema: Option<Raw<'_>> = match request.response_format()? {
        ResponseFormat::Text => return Ok(()),
        ResponseFormat::JsonObject => None,
        ResponseFormat::JsonSchema { schema, .. } => Some(schema),
    };
    if has_tools {
        return to.refuse_value("response_format", "response_format together with tools");
    }
    w.key("response_format").object().key("type").string("json_object");
    if let Some(schema) = schema {
        w.key("json_schema").raw(schema.get());
    }
    w.end_object();
    Ok(())
}

/// Writes `thinking`: the client's own value, or one for `reasoning_effort`.
fn write_thinking(w: &mut Writer<'_>, request: &Request<'_>, to: &Target<'_>) -> Result<(), ErrorBody> {
    if let Some(own) = request.get("thinking") {
        // Anthropic's name for the budget, which clients written for LiteLLM send.
        w.key("thinking").raw(&own.get().replace("\"budget_tokens\"", "\"token_budget\""));
        return Ok(());
    }
    let Some(effort) = request.text("reasoning_effort")? else { return Ok(()) };
    if effort.inner() == "none" {
        w.key("thinking").object().key("type").string("disabled").end_object();
        return Ok(());
    }
    let Some((_, budget)) = BUDGETS.iter().find(|(known, _)| *known == effort.inner()) else {
        return to.refuse_value("reasoning_effort", "the requested reasoning_effort");
    };
    w.key("thinking").object().key("type").string("enabled").key("token_budget").number(*budget).end_object();
    Ok(())
}
