//! Translates a Messages request to a chat request.

use super::calls::Pending;
use super::changes;
use super::content::{Turn, write_system, write_turn};
use super::names::Renamed;
use super::tools;
use crate::json::{JsonStr, JsonString, Object, Raw, Text, Writer, fields, read};
use crate::openai::ErrorBody;

struct Request<'a> {
    model: Option<Raw<'a>>,
    messages: Option<Vec<Turn<'a>>>,
    max_tokens: Option<Raw<'a>>,
    system: Option<Raw<'a>>,
    stream: Option<Raw<'a>>,
    temperature: Option<Raw<'a>>,
    top_p: Option<Raw<'a>>,
    top_k: Option<Raw<'a>>,
    stop_sequences: Option<Vec<JsonStr<'a>>>,
    tools: Option<Vec<Raw<'a>>>,
    tool_choice: Option<tools::Choice<'a>>,
    thinking: Option<Thinking<'a>>,
    output_config: Option<OutputConfig<'a>>,
    /// The older location of `output_config.format`.
    output_format: Option<Raw<'a>>,
    metadata: Option<Metadata<'a>>,
    service_tier: Option<Text<'a>>,
    speed: Option<Text<'a>>,
    mcp_servers: Option<Raw<'a>>,
    container: Option<Raw<'a>>,
    thread: Option<Raw<'a>>,
}
fields!(Request<'a> {
    model, messages, max_tokens, system, stream, temperature, top_p, top_k, stop_sequences, tools, tool_choice, thinking,
    output_config, output_format, metadata, service_tier, speed, mcp_servers, container,
    thread
});

struct Thinking<'a> {
    kind: Text<'a>,
    budget_tokens: Option<Raw<'a>>,
}
fields!(Thinking<'a> { kind = "type", budget_tokens });

struct OutputConfig<'a> {
    effort: Option<Text<'a>>,
    format: Option<Raw<'a>>,
}
fields!(OutputConfig<'a> { effort, format });

struct Metadata<'a> {
    user_id: Option<JsonStr<'a>>,
}
fields!(Metadata<'a> { user_id });

/// Writes the equivalent chat request, and returns the names of tools that are shorter there.
///
/// Claude Code sends thinking, effort and beta features to every model: parameters that a provider does not
/// support are dropped (`drop_params`), and fields that only Anthropic knows are not sent.
///
/// # Errors
/// 400, with the field: something that only Anthropic stores, or that does not follow the Messages API.
pub(super) fn to_chat(body: &[u8]) -> Result<(Vec<u8>, Renamed), ErrorBody> {
    let object = Object::parse(body).map_err(|error| {
        ErrorBody::bad_request(format!("Invalid JSON payload: {error}")).about("request_body")
    })?;
    if let Some(name) = object.duplicate() {
        return Err(ErrorBody::bad_request(format!("Invalid JSON payload: duplicate field `{name}`"))
            .about("request_body"));
    }
    let request: Request<'_> = read(body).map_err(|error| ErrorBody::bad_request(error.to_string()))?;
    for (name, value) in
        [("mcp_servers", request.mcp_servers), ("container", request.container), ("thread", request.thread)]
    {
        if value.is_some_and(|value| !matches!(value.get(), "null" | "[]" | "{}")) {
            return Err(ErrorBody::invalid(
                name,
                "not supported for this model: it is kept by Anthropic's API alone",
            ));
        }
    }
    let Some(turns) = &request.messages else {
        return Err(ErrorBody::bad_request("messages: Field required").about("messages"));
    };
    let mut out = Vec::with_capacity(body.len() + body.len() / 8 + 256);
    let mut w = Writer::new(&mut out);
    w.object();
    for (name, value) in [
        ("model", request.model),
        ("max_tokens", request.max_tokens),
        ("stream", request.stream),
        ("temperature", request.temperature),
        ("top_p", request.top_p),
        ("top_k", request.top_k),
    ] {
        if let Some(value) = value {
            w.key(name).raw(value.get());
        }
    }
    w.key("messages").array();
    write_system(&mut w, request.system)?;
    let mut pending = Pending::default();
    for (at, turn) in turns.iter().enumerate() {
        let has_more = turns.get(at + 1).is_some_and(Turn::is_users);
        write_turn(&mut w, turn, at, &mut pending, has_more)?;
    }
    pending.close(&mut w);
    w.end_array();
    write_stop(&mut w, request.stop_sequences.as_deref().unwrap_or_default());
    let tools = changes::in_effect(request.tools.as_deref().unwrap_or_default(), turns);
    let renamed = tools::write(&mut w, &tools, request.tool_choice.as_ref())?;
    let effort = effort(&request, turns);
    if let Some(effort) = effort {
        w.key("reasoning_effort").string(effort);
    }
    let format = request.output_config.as_ref().and_then(|config| config.format).or(request.output_format);
    if let Some(schema) = format.and_then(Object::of).and_then(|format| format.get("schema")) {
        w.key("response_format").object().key("type").string("json_schema").key("json_schema").object();
        w.key("name").string("output").key("schema").raw(schema.get()).end_object().end_object();
    }
    if let Some(user) = request.metadata.as_ref().and_then(|metadata| metadata.user_id) {
        w.key("user").string(&pseudonym(user));
        if let Some(session) = session(user) {
            w.key("prompt_cache_key").raw(session.as_str().token());
        }
    }
    match request.service_tier.as_deref() {
        _ if request.speed.as_deref() == Some("fast") => w.key("service_tier").string("priority"),
        Some("standard_only") => w.key("service_tier").string("default"),
        Some("auto") => w.key("service_tier").string("auto"),
        _ => &mut w,
    };
    w.key("drop_params").bool(true).end_object();
    Ok((out, renamed))
}

fn write_stop(w: &mut Writer<'_>, sequences: &[JsonStr<'_>]) {
    // OpenAI rejects white space.
    let mut sequences = sequences.iter().filter(|sequence| !sequence.is_blank()).peekable();
    if sequences.peek().is_some() {
        w.key("stop").array();
        for sequence in sequences {
            w.raw(sequence.token());
        }
        w.end_array();
    }
}

/// `reasoning_effort`: the latest explicit value, or one for the thinking budget (`LiteLLM`'s steps).
fn effort<'r>(request: &'r Request<'_>, turns: &'r [Turn<'_>]) -> Option<&'r str> {
    let thinking = request.thinking.as_ref();
    if thinking.is_some_and(|thinking| &*thinking.kind == "disabled") {
        return None;
    }
    let said = turns.iter().rev().find_map(Turn::effort);
    let config = request.output_config.as_ref().and_then(|config| config.effort.as_deref());
    if let Some(effort) = said.or(config) {
        // Not every model supports Anthropic's levels above `high`.
        return Some(if matches!(effort, "xhigh" | "max") { "high" } else { effort });
    }
    let thinking = thinking.filter(|thinking| &*thinking.kind == "enabled")?;
    let budget: u64 = thinking.budget_tokens.and_then(|budget| budget.get().parse().ok()).unwrap_or_default();
    Some(match budget {
        4096.. => "high",
        2048.. => "medium",
        _ => "low",
    })
}

/// The session in Claude Code's `user_id`, which is JSON in a string: its requests have the same beginning, and `OpenAI` finds it in
/// the cache by such a key.
fn session(user: JsonStr<'_>) -> Option<JsonString> {
    let text = user.decode()?;
    let session = Object::parse(text.as_bytes()).ok()?.get("session_id").and_then(JsonStr::of)?;
    (!session.is_empty() && session.inner().len() <= 64).then(|| JsonString::of(session))
}

/// Claude Code's `user_id` has 150 characters that identify a device and a session; providers accept 64.
fn pseudonym(user: JsonStr<'_>) -> String {
    use sha2::{Digest as _, Sha256};
    let text = user.decode().unwrap_or_default();
    if text.len() <= 64 { text.into_owned() } else { crate::hex::hex(&Sha256::digest(text.as_bytes())) }
}
