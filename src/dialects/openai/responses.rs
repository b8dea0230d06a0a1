//! `OpenAI`'s Responses API, for clients of the same API: requests and responses pass as they are, except for the model's
//! name and the gateway's own fields. Usage is read on the way.

use super::super::{Body, Outbound, Stream, Target};
use super::error::read_error;
use super::quirks::Quirks;
use super::{json_string, path};
use crate::facts::{Fault, Relay, Sink, Usage, Wire};
use crate::frame::Frame;
use crate::json::{JsonStr, Raw, Splice, Text, Writer, around, fields, read};
use crate::openai::{Memo, Request, is_private, service_tier};

/// Defaults of a deployment that have the same name and meaning in this API.
const DEFAULTS: &[&str] = &[
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "temperature",
    "top_p",
    "user",
];

/// Writes the provider's request.
pub(super) fn request(quirks: &Quirks, request: &Request<'_>, to: &Target<'_>) -> Outbound {
    let object = request.object();
    let mut splice = Splice::new(request.body);
    for member in object.members() {
        if member.is("model") {
            splice.replace(member.value.get(), json_string(to.model));
        } else if member.name().is_some_and(|name| is_private(&name)) {
            splice.remove(member);
        }
    }
    let mut added = Vec::new();
    let mut w = Writer::new(&mut added);
    if object.get("model").is_none() {
        w.key("model").string(to.model);
    }
    for (name, value) in &to.deployment.defaults {
        if DEFAULTS.contains(&name.as_str()) && object.get(name).is_none() {
            w.key(name).raw(value.get());
        }
    }
    if !added.is_empty() {
        splice.append(added);
    }
    Outbound { body: Body::Edited(splice.edits()), path: path::of_responses(quirks, to), headers: Vec::new() }
}

struct Response<'a> {
    id: Option<JsonStr<'a>>,
    model: Option<Raw<'a>>,
    usage: Option<Counts>,
    service_tier: Option<Raw<'a>>,
    error: Option<Raw<'a>>,
    output: Option<Raw<'a>>,
}
fields!(Response<'a> { id, model, usage, service_tier, error, output });

#[derive(Default)]
struct Counts {
    input_tokens: u64,
    input_tokens_details: Option<InputDetails>,
    output_tokens: u64,
    output_tokens_details: Option<OutputDetails>,
}
fields!(Counts { input_tokens, input_tokens_details, output_tokens, output_tokens_details });

#[derive(Default)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}
fields!(InputDetails { cached_tokens, cache_write_tokens });

#[derive(Default)]
struct OutputDetails {
    reasoning_tokens: u64,
}
fields!(OutputDetails { reasoning_tokens });

impl Response<'_> {
    fn usage(&self) -> Option<Usage> {
        let counts = self.usage.as_ref()?;
        let (input, output) = (&counts.input_tokens_details, &counts.output_tokens_details);
        Some(Usage {
            prompt: counts.input_tokens,
            completion: counts.output_tokens,
            cached: input.as_ref().map_or(0, |details| details.cached_tokens),
            cache_write: input.as_ref().map_or(0, |details| details.cache_write_tokens),
            reasoning: output.as_ref().map_or(0, |details| details.reasoning_tokens),
            tier: service_tier(self.service_tier),
            ..Usage::default()
        })
    }
}

/// Relays a complete response, or what else the API answers to a request for a stored one.
pub(super) fn answer(body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
    let response: Response<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    if let Some(error) = response.error.filter(|_| response.output.is_none()) {
        return Err(read_error(500, error));
    }
    if let Some(usage) = response.usage() {
        out.usage(usage);
    }
    let Some(relay) = out.relay(Wire::Responses) else { return Err(not_shared()) };
    if let Some(id) = response.id {
        relay.set_id(id);
    }
    let model = json_string(&memo.model);
    let pieces = match response.model.and_then(|model| around(body, model.get())) {
        Some((before, after)) => vec![before, &model, after],
        None => vec![body],
    };
    if memo.stream {
        stream_whole(&pieces, response.output, relay);
    } else {
        relay.bytes(&pieces);
    }
    relay.end();
    Ok(())
}

/// A complete response as the events of a stream, for a provider that does not stream.
fn stream_whole(response: &[&[u8]], output: Option<Raw<'_>>, relay: &mut dyn Relay) {
    let mut number = 0_u64;
    let mut event = |kind: &str, member: &[&[u8]]| {
        let head = format!(r#"{{"type":"{kind}","sequence_number":{number}"#);
        relay.named_event(kind, &[&[head.as_bytes()], member, &[b"}"]].concat());
        number += 1;
    };
    let whole = [&[&br#","response":"#[..]], response].concat();
    event("response.created", &whole);
    let items: Vec<Raw<'_>> = output.and_then(|output| read(output).ok()).unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        let place = format!(r#","output_index":{index},"item":"#);
        for kind in ["response.output_item.added", "response.output_item.done"] {
            event(kind, &[place.as_bytes(), item.get().as_bytes()]);
        }
    }
    event("response.completed", &whole);
}

/// Relays a stream, event by event.
pub(super) struct Relayed {
    /// The client's model name as a JSON string.
    model: Vec<u8>,
    begun: bool,
}

struct Event<'a> {
    kind: Text<'a>,
    response: Option<Raw<'a>>,
    delta: Option<Raw<'a>>,
    error: Option<Raw<'a>>,
}
fields!(Event<'a> { kind = "type", response, delta, error; "type" });

impl Relayed {
    /// Creates the relay for a response to the request described by `memo`.
    pub(super) fn new(memo: &Memo) -> Self {
        Self { model: json_string(&memo.model), begun: false }
    }
}

impl Stream for Relayed {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        if frame.data == b"[DONE]" {
            return Ok(());
        }
        // Ignored fields are relayed as well, so the whole event must be UTF-8, and its name becomes a line.
        let event: Option<Event<'_>> = core::str::from_utf8(frame.data).ok().and_then(|data| read(data).ok());
        let is_line = |event: &Event<'_>| event.kind.bytes().all(|byte| byte.is_ascii_graphic());
        let event = event.filter(is_line).ok_or_else(|| {
            Fault::garbled("the provider sent a stream event that is not one of a response")
        })?;
        if &*event.kind == "error" {
            let flat = || read::<Raw<'_>>(frame.data).ok();
            let error = event.error.filter(|error| !error.is_null()).or_else(flat);
            return Err(error.map_or_else(
                || Fault::garbled("the provider reported an error without details"),
                |error| read_error(500, error),
            ));
        }
        let mut model = None;
        if let Some(response) = event.response.and_then(|response| read::<Response<'_>>(response).ok()) {
            // Nothing was sent yet, so another deployment may be asked.
            if let ("response.failed", Some(error), false) = (&*event.kind, response.error, self.begun) {
                return Err(read_error(500, error));
            }
            if let Some(usage) = response.usage() {
                out.usage(usage);
            }
            model = response.model;
            if let (Some(id), Some(relay)) = (response.id, out.relay(Wire::Responses)) {
                relay.set_id(id);
            }
        }
        self.begun = true;
        let Some(relay) = out.relay(Wire::Responses) else { return Err(not_shared()) };
        if let Some(words) = event.delta.and_then(JsonStr::of) {
            relay.words(words.inner());
        }
        match model.and_then(|model| around(frame.data, model.get())) {
            Some((before, after)) => relay.named_event(&event.kind, &[before, &self.model, after]),
            None => relay.named_event(&event.kind, &[frame.data]),
        }
        if matches!(&*event.kind, "response.completed" | "response.incomplete" | "response.failed") {
            relay.end();
        }
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

/// [`Memo::wire`] promises a client with this format.
#[cold]
fn not_shared() -> Fault {
    Fault::garbled("the response is in a format that the client does not have")
}
