//! A Responses request as a chat request.

use std::borrow::Cow;
use std::rc::Rc;

use super::compaction;
use super::conversation::Conversation;
use super::echo::{Echo, Settings};
use super::tools::Tools;
use crate::inbound::Common;
use crate::json::{JsonStr, Object, Raw, Text, Writer, fields, read};
use crate::openai::{ErrorBody, is_private};

struct Request<'a> {
    model: Option<Raw<'a>>,
    input: Option<Raw<'a>>,
    instructions: Option<Raw<'a>>,
    stream: Option<Raw<'a>>,
    max_output_tokens: Option<Raw<'a>>,
    max_tool_calls: Option<Raw<'a>>,
    temperature: Option<Raw<'a>>,
    top_p: Option<Raw<'a>>,
    top_logprobs: Option<Raw<'a>>,
    parallel_tool_calls: Option<bool>,
    service_tier: Option<Raw<'a>>,
    safety_identifier: Option<Raw<'a>>,
    user: Option<Raw<'a>>,
    prompt_cache_key: Option<Raw<'a>>,
    prompt_cache_retention: Option<Raw<'a>>,
    prompt_cache_options: Option<Raw<'a>>,
    metadata: Option<Raw<'a>>,
    reasoning: Option<Reasoning<'a>>,
    text: Option<Output<'a>>,
    tools: Option<Raw<'a>>,
    tool_choice: Option<Raw<'a>>,
    include: Option<Vec<Text<'a>>>,
    previous_response_id: Option<Raw<'a>>,
    conversation: Option<Raw<'a>>,
    background: Option<bool>,
    prompt: Option<Raw<'a>>,
}
fields!(Request<'a> {
    model, input, instructions, stream, max_output_tokens, max_tool_calls, temperature, top_p, top_logprobs,
    parallel_tool_calls, service_tier, safety_identifier, user, prompt_cache_key, prompt_cache_retention, prompt_cache_options,
    metadata, reasoning, text, tools, tool_choice, include, previous_response_id, conversation, background, prompt
});

#[derive(Default)]
struct Reasoning<'a> {
    effort: Option<Text<'a>>,
    summary: Option<Text<'a>>,
    generate_summary: Option<Text<'a>>,
}
fields!(Reasoning<'a> { effort, summary, generate_summary });

/// `text`
#[derive(Default)]
struct Output<'a> {
    format: Option<Raw<'a>>,
    verbosity: Option<Raw<'a>>,
}
fields!(Output<'a> { format, verbosity });

/// Writes the chat request that asks for the same, and keeps what the response repeats.
///
/// Clients send settings of `OpenAI`'s models to every model: what a provider lacks is left out (`drop_params`). Fields that
/// are not known are accepted and have no effect. `compacts` says that the answer is a compaction whatever the input asks for.
///
/// # Errors
/// 400, with the field: what needs a store, what runs at `OpenAI` only, or what is not in the form of this API.
pub(super) fn to_chat(body: &[u8], compacts: bool) -> Result<Common<'static>, ErrorBody> {
    let object = Object::parse(body).map_err(|error| unreadable(&error.to_string()))?;
    if let Some(name) = object.duplicate() {
        return Err(unreadable(&format!("duplicate field `{name}`")));
    }
    let request: Request<'_> = read(body).map_err(|error| ErrorBody::bad_request(error.to_string()))?;
    request.check()?;
    let Some(input) = request.input else { return Err(ErrorBody::missing("/responses", "input")) };
    let conversation = Conversation::read(input)?;
    let mut tools = Tools::default();
    let listed: Vec<Raw<'_>> = request
        .tools
        .map_or(Ok(Vec::new()), read)
        .map_err(|_| ErrorBody::invalid("tools", "expected an array of tools"))?;
    for (at, tool) in listed.iter().enumerate() {
        tools.add(*tool, &format!("tools[{at}]"))?;
    }
    for (tool, at) in conversation.tools() {
        tools.add(tool, &at)?;
    }
    let changed = |name| conversation.setting(name);
    let reasoning: Reasoning<'_> = changed("reasoning").and_then(|raw| read(raw).ok()).unwrap_or_default();
    let output: Output<'_> = changed("text").and_then(|raw| read(raw).ok()).unwrap_or_default();
    let first = request.reasoning.as_ref();
    let effort = reasoning.effort.as_deref().or(first.and_then(|first| first.effort.as_deref()));
    let summary = reasoning
        .summary
        .as_deref()
        .or(first.and_then(|first| first.summary.as_deref().or(first.generate_summary.as_deref())));
    let is_streamed = !compacts;
    let compacts = compacts || conversation.asks_for_compaction();
    let format = output.format.or(request.text.as_ref().and_then(|text| text.format));
    let verbosity = output.verbosity.or(request.text.as_ref().and_then(|text| text.verbosity));

    let mut out = Vec::with_capacity(body.len() + body.len() / 8 + 256);
    let mut w = Writer::new(&mut out);
    w.object();
    for (name, value) in [
        ("model", request.model),
        ("stream", request.stream.filter(|_| is_streamed)),
        ("max_completion_tokens", request.max_output_tokens),
        ("temperature", request.temperature),
        ("top_p", request.top_p),
        ("service_tier", request.service_tier),
        ("safety_identifier", request.safety_identifier),
        ("user", request.user),
        ("prompt_cache_key", request.prompt_cache_key),
        ("prompt_cache_retention", request.prompt_cache_retention),
        ("prompt_cache_options", request.prompt_cache_options),
        ("metadata", request.metadata),
        ("verbosity", verbosity),
    ] {
        if let Some(value) = value {
            w.key(name).raw(value.get());
        }
    }
    request.write_logprobs(&mut w);
    w.key("messages").array();
    if let Some(instructions) = request.instructions.and_then(JsonStr::of).filter(|text| !text.is_empty()) {
        w.object().key("role").string("system").key("content").raw(instructions.token()).end_object();
    }
    conversation.write(&mut w, &tools)?;
    if compacts {
        compaction::write_task(&mut w);
        w.end_array();
        tools.write_uncalled(&mut w);
    } else {
        w.end_array();
        tools.write(&mut w, request.tool_choice, request.parallel_tool_calls)?;
    }
    if let Some(effort) = effort {
        w.key("reasoning_effort").string(effort);
    }
    write_format(&mut w, format.filter(|_| !compacts))?;
    // The gateway's own settings.
    for member in object.members() {
        let name = member.name().unwrap_or_default();
        if is_private(&name) && name != "drop_params" && !name.starts_with("prompt_") {
            w.raw(member.key.token()).bytes().push(b':');
            w.raw(member.value.get());
        }
    }
    w.key("drop_params").bool(true).end_object();

    let settings = Settings {
        instructions: request.instructions,
        max_output_tokens: request.max_output_tokens,
        max_tool_calls: request.max_tool_calls,
        metadata: request.metadata,
        parallel_tool_calls: request.parallel_tool_calls,
        effort,
        summary,
        service_tier: request.service_tier,
        temperature: request.temperature,
        format,
        verbosity,
        tool_choice: request.tool_choice,
        tools: request.tools,
        top_logprobs: request.top_logprobs,
        top_p: request.top_p,
        prompt_cache_key: request.prompt_cache_key,
        safety_identifier: request.safety_identifier,
        user: request.user,
    };
    let sources = request.includes("web_search_call.action.sources");
    let dropped = tools.dropped().join(", ");
    let echo = Rc::new(Echo { sources, compacts, dropped, ..Echo::new(&settings, tools.into_named()) });
    Ok(Common { body: Cow::Owned(out), echo: Some(echo) })
}

impl Request<'_> {
    /// Refuses what needs a store.
    fn check(&self) -> Result<(), ErrorBody> {
        const WHOLE: &str =
            "responses are not stored here; send the whole conversation in `input`, with `store: false`";
        if self.previous_response_id.is_some() {
            return Err(
                ErrorBody::invalid("previous_response_id", WHOLE).coded("previous_response_not_found")
            );
        }
        if self.conversation.is_some() {
            return Err(ErrorBody::invalid("conversation", WHOLE));
        }
        if self.background == Some(true) {
            return Err(ErrorBody::invalid(
                "background",
                "responses are not stored here; use `stream: true`, or wait for the response",
            ));
        }
        if self.prompt.is_some() {
            return Err(ErrorBody::invalid(
                "prompt",
                "prompts are not stored here; send the text in `instructions` and `input`",
            ));
        }
        Ok(())
    }

    fn includes(&self, name: &str) -> bool {
        self.include.iter().flatten().any(|included| &**included == name)
    }

    fn write_logprobs(&self, w: &mut Writer<'_>) {
        let count = self.top_logprobs.map(Raw::get).filter(|count| *count != "0");
        let is_included = self.includes("message.output_text.logprobs");
        if count.is_some() || is_included {
            w.key("logprobs").bool(true);
        }
        if let Some(count) = count {
            w.key("top_logprobs").raw(count);
        }
    }
}

fn unreadable(why: &str) -> ErrorBody {
    ErrorBody::bad_request(format!("Invalid JSON payload: {why}")).about("request_body")
}

/// `response_format`: the schema is one level deeper in chat completions.
fn write_format(w: &mut Writer<'_>, format: Option<Raw<'_>>) -> Result<(), ErrorBody> {
    let Some(format) = format else { return Ok(()) };
    let Some(object) = Object::of(format) else {
        return Err(ErrorBody::invalid("text.format", "expected an object with a `type`"));
    };
    match object.get("type").and_then(JsonStr::of).map(JsonStr::inner) {
        Some("json_schema") => {
            w.key("response_format").object().key("type").string("json_schema").key("json_schema").object();
            for member in object.members() {
                if !member.is("type") && !member.value.is_null() {
                    w.raw(member.key.token()).bytes().push(b':');
                    w.raw(member.value.get());
                }
            }
            w.end_object().end_object();
        }
        Some("json_object") => {
            w.key("response_format").object().key("type").string("json_object").end_object();
        }
        Some("text") => {}
        _ => {
            return Err(ErrorBody::invalid(
                "text.format.type",
                "expected `text`, `json_object` or `json_schema`",
            ));
        }
    }
    Ok(())
}
