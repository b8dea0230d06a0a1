//! Writes the body of Converse and `ConverseStream`.

use super::super::Target;
use super::super::claude::models::{self as claude, Form};
use super::super::claude::{schema, thinking};
use super::fields::{CONVERSE, Fields};
use super::models::{self, Model, Reasoning};
use super::tools::{JSON_TOOL, Tools};
use super::turns::Turns;
use super::usage::THINKING_PATH;
use crate::json::{JsonStr, Object, Writer};
use crate::openai::{ErrorBody, Memo, Request, ResponseFormat};

/// `OpenAI` parameters with an equivalent, or without effect on the response.
const SUPPORTED: &[&str] = &[
    "function_call",
    "functions",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "service_tier",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "web_search_options",
];

/// Replaces `OpenAI`'s `json_object`, which has no equivalent.
const JSON_NOTE: &str = "Respond with a single JSON object only: no other text and no code fence.";

/// Maximum number of entries in `requestMetadata`.
const METADATA_LIMIT: usize = 16;

/// Writes the body.
pub(super) fn write(request: &Request<'_>, to: &Target<'_>, memo: &mut Memo) -> Result<Vec<u8>, ErrorBody> {
    let model = models::find(to.model);
    check_params(request, to, model)?;
    let messages = request.messages_inlined(&[])?;
    let format = request.response_format()?;
    let forced_tools = model.tools
        && model.forced_tools
        && (model.reasoning != Reasoning::Claude || claude::find(to.model).forced_tools);
    let tools = Tools::of(request, to, model, forced_tools, &messages, format)?;
    let fields = Fields::of(request, to, model, &messages, tools.forced())?;
    let notes = notes(model, &tools, format);

    let mut body = Vec::with_capacity(request.body.len() + request.body.len() / 8 + 512);
    let mut w = Writer::new(&mut body);
    w.object();
    Turns::new(&messages, model, &tools.names, &notes).write(&mut w)?;
    write_inference(&mut w, request, &fields)?;
    tools.write(&mut w, model)?;
    fields.write(&mut w, request, to, &tools)?;
    if fields.counts_thinking() && request.get("additionalModelResponseFieldPaths").is_none() {
        w.key("additionalModelResponseFieldPaths").array().string(THINKING_PATH).end_array();
    }
    write_output_config(&mut w, request, format, model)?;
    write_metadata(&mut w, request);
    write_service_tier(&mut w, request, to)?;
    for name in
        CONVERSE.iter().filter(|name| !matches!(**name, "outputConfig" | "requestMetadata" | "serviceTier"))
    {
        if let Some(own) = request.get(name) {
            w.key(name).raw(own.get());
        }
    }
    w.end_object();

    memo.json_tool = tools.has_json_tool().then(|| JSON_TOOL.to_owned());
    memo.renamed = tools.names.into_renamed();
    Ok(body)
}

fn check_params(request: &Request<'_>, to: &Target<'_>, model: &Model) -> Result<(), ErrorBody> {
    let reasons = match model.reasoning {
        Reasoning::Claude => claude::find(to.model).thinking != Form::Never,
        Reasoning::Never => false,
        _ => true,
    };
    let reasons = reasons || thinking::asks_for_nothing(request);
    let supported: Vec<&str> = SUPPORTED
        .iter()
        .copied()
        .filter(|name| match *name {
            "reasoning_effort" => reasons,
            "web_search_options" => model.grounding,
            _ => true,
        })
        .collect();
    to.check_params(request, &supported)
}

/// Instructions in text, for parameters without an equivalent.
fn notes(model: &Model, tools: &Tools<'_>, format: ResponseFormat<'_>) -> Vec<String> {
    let mut notes: Vec<String> = tools.note().into_iter().collect();
    match format {
        ResponseFormat::JsonObject => notes.push(JSON_NOTE.to_owned()),
        ResponseFormat::JsonSchema { schema, .. } if !model.json_schema && !tools.has_json_tool() => {
            notes.push(format!("{JSON_NOTE} It must conform to this JSON Schema: {}", schema.get()));
        }
        _ => {}
    }
    notes
}

fn write_inference(w: &mut Writer<'_>, request: &Request<'_>, fields: &Fields<'_>) -> Result<(), ErrorBody> {
    let stop: Vec<JsonStr<'_>> = request.stop()?.into_iter().filter(|stop| !stop.is_blank()).collect();
    let before = w.bytes().len();
    w.key("inferenceConfig").object();
    let empty = w.bytes().len();
    if let Some(max_tokens) = fields.max_tokens {
        w.key("maxTokens").number(max_tokens);
    }
    for (name, ours) in [("temperature", "temperature"), ("top_p", "topP")] {
        if let Some((_, value)) = fields.sampling.iter().find(|(given, _)| *given == name) {
            w.key(ours).raw(value);
        }
    }
    if !stop.is_empty() {
        w.key("stopSequences").array();
        for sequence in stop {
            w.raw(sequence.token());
        }
        w.end_array();
    }
    if w.bytes().len() == empty {
        w.bytes().truncate(before);
    } else {
        w.end_object();
    }
    Ok(())
}

/// `outputConfig`: the schema as a string, or the client's own value.
fn write_output_config(
    w: &mut Writer<'_>,
    request: &Request<'_>,
    format: ResponseFormat<'_>,
    model: &Model,
) -> Result<(), ErrorBody> {
    if let Some(own) = request.get("outputConfig") {
        w.key("outputConfig").raw(own.get());
    } else if let ResponseFormat::JsonSchema { name, description, schema, .. } = format
        && model.json_schema
    {
        let mut text = Vec::new();
        schema::write(&mut Writer::new(&mut text), schema, "response_format.json_schema.schema")?;
        let text = String::from_utf8(text).unwrap_or_default();
        w.key("outputConfig").object().key("textFormat").object().key("type").string("json_schema");
        w.key("structure").object().key("jsonSchema").object().key("schema").string(&text);
        if !name.is_empty() {
            w.key("name").raw(name.token());
        }
        if let Some(description) = description.filter(|description| !description.is_empty()) {
            w.key("description").raw(description.token());
        }
        w.end_object().end_object().end_object().end_object();
    }
    Ok(())
}

/// `requestMetadata`: the client's own, or the entries of `metadata` that meet its restrictions.
fn write_metadata(w: &mut Writer<'_>, request: &Request<'_>) {
    if let Some(own) = request.get("requestMetadata") {
        w.key("requestMetadata").raw(own.get());
        return;
    }
    let metadata = request.get("metadata").and_then(Object::of);
    let Some(metadata) = metadata else { return };
    let is_taken = |text: JsonStr<'_>, least: usize| {
        let text = text.inner();
        (least..=256).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" :_@$#=/+,-.".contains(&byte))
    };
    let entries = metadata.members().iter().filter_map(|entry| {
        let value = JsonStr::of(entry.value)?;
        (is_taken(entry.key, 1) && is_taken(value, 0)).then_some((entry.key, value))
    });
    let entries: Vec<_> = entries.take(METADATA_LIMIT).collect();
    if !entries.is_empty() {
        w.key("requestMetadata").object();
        for (key, value) in entries {
            w.raw(key.token());
            w.bytes().push(b':');
            w.raw(value.token());
        }
        w.end_object();
    }
}

fn write_service_tier(w: &mut Writer<'_>, request: &Request<'_>, to: &Target<'_>) -> Result<(), ErrorBody> {
    if let Some(own) = request.get("serviceTier") {
        w.key("serviceTier").raw(own.get());
        return Ok(());
    }
    let Some(tier) = request.text("service_tier")? else { return Ok(()) };
    match tier.inner() {
        "auto" => {}
        tier @ ("default" | "flex" | "priority" | "reserved") => {
            w.key("serviceTier").object().key("type").string(tier).end_object();
        }
        other => return to.refuse_value("service_tier", &format!("service_tier='{other}'")),
    }
    Ok(())
}
