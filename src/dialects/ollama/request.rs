//! Writes the request body.

use super::super::Target;
use super::messages;
use crate::json::{Object, Raw, Writer};
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
    "top_logprobs",
    "top_p",
];

/// Model parameters that go into `options`: those of `OpenAI`'s that keep their name, and the provider's own.
const OPTIONS: &[&str] = &[
    "frequency_penalty",
    "main_gpu",
    "min_p",
    "mirostat",
    "mirostat_eta",
    "mirostat_tau",
    "num_batch",
    "num_ctx",
    "num_gpu",
    "num_keep",
    "num_predict",
    "num_thread",
    "penalize_newline",
    "presence_penalty",
    "repeat_last_n",
    "repeat_penalty",
    "seed",
    "temperature",
    "tfs_z",
    "top_k",
    "top_p",
    "typical_p",
    "use_mmap",
];

/// Parameters that are handled separately.
const KNOWN: &[&str] = &["dimensions", "encoding_format", "format", "options", "think", "thinking"];

/// Models with thinking levels instead of a switch.
const LEVELS: &[&str] = &["gpt-oss"];

/// Writes the body.
pub(super) fn write(request: &Request<'_>, to: &Target<'_>) -> Result<Vec<u8>, ErrorBody> {
    to.check_params(request, SUPPORTED)?;
    let mut body = Vec::with_capacity(request.body.len() + 256);
    let mut w = Writer::new(&mut body);
    // The default is to stream.
    w.object().key("model").string(to.model).key("stream").bool(request.stream()?);
    messages::write(&mut w, &request.messages_inlined(&[])?)?;
    write_tools(&mut w, request)?;
    match (request.get("format"), request.response_format()?) {
        (Some(own), _) => w.key("format").raw(own.get()),
        (None, ResponseFormat::JsonObject) => w.key("format").string("json"),
        (None, ResponseFormat::JsonSchema { schema, .. }) => w.key("format").raw(schema.get()),
        (None, ResponseFormat::Text) => &mut w,
    };
    write_think(&mut w, request, to)?;
    for name in ["logprobs", "top_logprobs"] {
        if let Some(value) = request.get(name) {
            w.key(name).raw(value.get());
        }
    }
    write_options(&mut w, request)?;
    let known: Vec<&str> = KNOWN.iter().chain(OPTIONS).copied().collect();
    request.write_extras(&known, &mut w);
    w.end_object();
    Ok(body)
}

/// Writes `tools`. There is no `tool_choice`, so only the tools that may be called are sent. Forcing a call
/// is not supported.
fn write_tools(w: &mut Writer<'_>, request: &Request<'_>) -> Result<(), ErrorBody> {
    let chosen = request.chosen_tools()?;
    if chosen.tools.is_empty() || chosen.forbidden {
        return Ok(());
    }
    w.key("tools").array();
    for tool in &chosen.tools {
        tool.write(w);
    }
    w.end_array();
    Ok(())
}

/// Writes `think`: the client's own value, or one for `reasoning_effort`.
fn write_think(w: &mut Writer<'_>, request: &Request<'_>, to: &Target<'_>) -> Result<(), ErrorBody> {
    if let Some(own) = request.get("think") {
        w.key("think").raw(own.get());
        return Ok(());
    }
    if let Some(thinking) = request.get("thinking") {
        w.key("think").bool(!thinking.get().contains("\"disabled\""));
        return Ok(());
    }
    let Some(effort) = request.text("reasoning_effort")? else { return Ok(()) };
    let has_levels = LEVELS.iter().any(|name| to.model.contains(name));
    let level = match effort.inner() {
        "none" => {
            w.key("think").bool(false);
            return Ok(());
        }
        "minimal" | "low" => "low",
        "medium" => "medium",
        "high" | "xhigh" | "max" => "high",
        _ => return to.refuse_value("reasoning_effort", "the requested reasoning_effort"),
    };
    if has_levels {
        w.key("think").string(level);
    } else {
        w.key("think").bool(true);
    }
    Ok(())
}

/// Writes `options`: the client's own object, and renamed parameters.
fn write_options(w: &mut Writer<'_>, request: &Request<'_>) -> Result<(), ErrorBody> {
    let given = match request.get("options") {
        None => Object::default(),
        Some(raw) => Object::of(raw).ok_or_else(|| ErrorBody::invalid("options", "expected an object"))?,
    };
    let before = w.bytes().len();
    w.key("options").object();
    let empty = w.bytes().len();
    for member in given.members() {
        w.raw(member.key.token()).bytes().push(b':');
        w.raw(member.value.get());
    }
    let is_free = |name: &str| given.get(name).is_none();
    for (name, value) in OPTIONS.iter().filter_map(|name| Some((*name, request.get(name)?))) {
        if is_free(name) {
            w.key(name).raw(Raw::get(value));
        }
    }
    if let Some(tokens) = request.max_tokens()?
        && is_free("num_predict")
        && request.get("num_predict").is_none()
    {
        w.key("num_predict").number(tokens);
    }
    let stop = request.stop()?;
    if !stop.is_empty() && is_free("stop") {
        w.key("stop").array();
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
