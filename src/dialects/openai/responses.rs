//! `OpenAI`'s Responses API, for clients of the same API: requests and responses pass as they are, except for the model's
//! name and the gateway's own fields. Usage is read on the way.

use super::super::{Body, Outbound, Stream, Target};
use super::error::read_error;
use super::quirks::Quirks;
use super::{charges, json_string, path};
use crate::facts::{Fault, Relay, Sink, Usage, Wire};
use crate::frame::Frame;
use crate::json::{JsonStr, JsonString, Object, Raw, Splice, Text, Writer, around, fields, read};
use crate::openai::{Memo, Names, Request, is_private, service_tier};

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

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A response.
    Create,
    /// The number of tokens.
    Count,
    /// A compaction of the conversation.
    Compact,
}

impl Endpoint {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Create => "/responses",
            Self::Count => "/responses/input_tokens",
            Self::Compact => "/responses/compact",
        }
    }
}

/// Writes the provider's request. Only a response has settings that a deployment may have defaults for.
pub(super) fn request(
    quirks: &Quirks,
    request: &Request<'_>,
    to: &Target<'_>,
    endpoint: Endpoint,
) -> Outbound {
    let object = request.object();
    let mut splice = Splice::new(request.body);
    for member in object.members() {
        if member.is("model") {
            splice.replace(member.value.get(), json_string(to.model));
        } else if member.name().is_some_and(|name| is_private(&name))
            // A compaction is never streamed.
            || endpoint == Endpoint::Compact && member.is("stream")
        {
            splice.remove(member);
        }
    }
    let mut added = Vec::new();
    let mut w = Writer::new(&mut added);
    if object.get("model").is_none() {
        w.key("model").string(to.model);
    }
    for (name, value) in &to.deployment.defaults {
        if endpoint == Endpoint::Create && DEFAULTS.contains(&name.as_str()) && object.get(name).is_none() {
            w.key(name).raw(value.get());
        }
    }
    if !added.is_empty() {
        splice.append(added);
    }
    Outbound {
        body: Body::Edited(splice.edits()),
        path: path::of_responses(quirks, to, endpoint),
        headers: Vec::new(),
    }
}

/// The number in an answer to a request that only counts.
pub(super) fn count(body: &[u8]) -> Option<u64> {
    struct Count {
        input_tokens: Option<u64>,
    }
    fields!(Count { input_tokens });
    read::<Count>(body).ok()?.input_tokens
}

/// A response, a list of input items, or what is left of a deleted response.
struct Response<'a> {
    id: Option<JsonStr<'a>>,
    model: Option<Raw<'a>>,
    usage: Option<Counts>,
    service_tier: Option<Raw<'a>>,
    error: Option<Raw<'a>>,
    output: Option<Raw<'a>>,
    tools: Option<Raw<'a>>,
    previous_response_id: Option<Raw<'a>>,
    data: Option<Raw<'a>>,
    first_id: Option<Raw<'a>>,
    last_id: Option<Raw<'a>>,
}
fields!(Response<'a> {
    id, model, usage, service_tier, error, output, tools, previous_response_id, data, first_id, last_id
});

/// What of an item has names for clients.
struct Item<'a> {
    id: Option<Raw<'a>>,
    encrypted_content: Option<Raw<'a>>,
}
fields!(Item<'a> { id, encrypted_content });

/// Edits of what the client gets: its own name of the model, and its own names of what the provider keeps.
struct Shown<'m, 'a> {
    names: &'m dyn Names,
    splice: Splice<'a>,
}

impl<'a> Shown<'_, 'a> {
    fn id(&mut self, id: Option<Raw<'a>>) {
        let Some(id) = id.and_then(JsonStr::of).filter(|id| !id.is_empty()) else { return };
        if let Some(own) = id.decode() {
            self.splice.replace(id.token(), json_string(&self.names.id(&own)));
        }
    }

    fn item(&mut self, item: Raw<'a>) {
        let Ok(item) = read::<Item<'a>>(item) else { return };
        self.id(item.id);
        let mark = self.names.mark();
        if let Some(content) = item.encrypted_content.and_then(JsonStr::of).filter(|_| !mark.is_empty()) {
            self.splice.replace(content.token(), ["\"", mark, content.inner(), "\""].concat().into_bytes());
        }
    }

    fn response(&mut self, response: &Response<'a>) {
        for id in [response.previous_response_id, response.first_id, response.last_id] {
            self.id(id);
        }
        for items in [response.output, response.data].into_iter().flatten() {
            let items: Vec<Raw<'a>> = read(items).unwrap_or_default();
            for item in items {
                self.item(item);
            }
        }
    }
}

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
        let charges = self.output.map(|items| charges::of_items(items, self.tools)).unwrap_or_default();
        Some(Usage {
            prompt: counts.input_tokens,
            completion: counts.output_tokens,
            cached: input.as_ref().map_or(0, |details| details.cached_tokens),
            cache_write: input.as_ref().map_or(0, |details| details.cache_write_tokens),
            reasoning: output.as_ref().map_or(0, |details| details.reasoning_tokens),
            tier: service_tier(self.service_tier),
            ..charges
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
    let mut splice = Splice::new(body);
    if let Some(model) = response.model {
        splice.replace(model.get(), json_string(&memo.model));
    }
    if let Some(names) = &memo.names {
        let mut shown = Shown { names: &**names, splice };
        shown.response(&response);
        splice = shown.splice;
    }
    if let Some(id) = response.id {
        let shown = JsonString::of(id);
        let shown = named(id, memo).unwrap_or(shown);
        splice.replace(id.token(), shown.as_str().token().as_bytes().to_vec());
        relay.set_id(shown.as_str());
    }
    let told = splice.write();
    if memo.stream {
        stream_whole(&told, relay);
    } else {
        relay.bytes(&[&told]);
    }
    relay.end();
    Ok(())
}

/// The client's name for an id, if it has one.
fn named(id: JsonStr<'_>, memo: &Memo) -> Option<JsonString> {
    let names = memo.names.as_ref().filter(|_| !id.is_empty())?;
    Some(JsonString::new(&names.id(&id.decode()?)))
}

/// A complete response as the events of a stream, for a provider that does not stream.
fn stream_whole(response: &[u8], relay: &mut dyn Relay) {
    let mut number = 0_u64;
    let mut event = |kind: &str, member: &[&[u8]]| {
        let head = format!(r#"{{"type":"{kind}","sequence_number":{number}"#);
        relay.named_event(kind, &[&[head.as_bytes()], member, &[b"}"]].concat());
        number += 1;
    };
    let whole = [&br#","response":"#[..], response];
    event("response.created", &whole);
    let output = Object::parse(response).ok().and_then(|response| response.get("output"));
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
    memo: Memo,
    begun: bool,
    /// The item of the last event: the provider's id and the client's.
    item: (Box<str>, JsonString),
}

struct Event<'a> {
    kind: Text<'a>,
    response: Option<Raw<'a>>,
    item: Option<Raw<'a>>,
    item_id: Option<Raw<'a>>,
    delta: Option<Raw<'a>>,
    error: Option<Raw<'a>>,
}
fields!(Event<'a> { kind = "type", response, item, item_id, delta, error; "type" });

impl Relayed {
    /// Creates the relay for a response to the request described by `memo`.
    pub(super) fn new(memo: &Memo) -> Self {
        Self { memo: memo.clone(), begun: false, item: ("".into(), JsonString::new("")) }
    }

    /// The client's name for the item of an event. Many events in a row are about the same item.
    fn item_name(&mut self, id: JsonStr<'_>) -> Option<&JsonString> {
        if *self.item.0 != *id.inner() {
            self.item = (id.inner().into(), named(id, &self.memo)?);
        }
        self.memo.names.as_ref().map(|_| &self.item.1)
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
        let mut splice = Splice::new(frame.data);
        if let Some(response) = event.response.and_then(|response| read::<Response<'_>>(response).ok()) {
            // Nothing was sent yet, so another deployment may be asked.
            if let ("response.failed", Some(error), false) = (&*event.kind, response.error, self.begun) {
                return Err(read_error(500, error));
            }
            if let Some(usage) = response.usage() {
                out.usage(usage);
            }
            if let Some(model) = response.model {
                splice.replace(model.get(), json_string(&self.memo.model));
            }
            if let Some(id) = response.id {
                let shown = named(id, &self.memo).unwrap_or_else(|| JsonString::of(id));
                if let Some(relay) = out.relay(Wire::Responses) {
                    relay.set_id(shown.as_str());
                }
                splice.replace(id.token(), shown.into_bytes());
            }
            if let Some(names) = &self.memo.names {
                let mut shown = Shown { names: &**names, splice };
                shown.response(&response);
                splice = shown.splice;
            }
        }
        if let (Some(item), Some(names)) = (event.item, &self.memo.names) {
            let mut shown = Shown { names: &**names, splice };
            shown.item(item);
            splice = shown.splice;
        }
        self.begun = true;
        let Some(relay) = out.relay(Wire::Responses) else { return Err(not_shared()) };
        if let Some(words) = event.delta.and_then(JsonStr::of) {
            relay.words(words.inner());
        }
        let kind = &*event.kind;
        let id = event.item_id.and_then(JsonStr::of);
        let about = id.and_then(|id| Some((around(frame.data, id.token())?, self.item_name(id)?)));
        match about {
            // Most events.
            Some(((before, after), name)) if splice.is_empty() => {
                relay.named_event(kind, &[before, name.as_str().token().as_bytes(), after]);
            }
            None if splice.is_empty() => relay.named_event(kind, &[frame.data]),
            about => {
                if let (Some(id), Some((_, name))) = (id, about) {
                    splice.replace(id.token(), name.as_str().token().as_bytes().to_vec());
                }
                relay.named_event(kind, &[&splice.write()]);
            }
        }
        if matches!(kind, "response.completed" | "response.incomplete" | "response.failed") {
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
