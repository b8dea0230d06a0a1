//! `OpenAI`'s own language, spoken by most vendors: spliced and relayed, never re-serialised.
//!
//! Upstream gets the client's bytes with the `model` token replaced, the gateway's own fields taken out and the
//! deployment's defaults put in. The answer comes back with its `model` token replaced. Whatever else either side
//! says, known to us or not, passes byte for byte.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Body, Dialect, Outbound, Stream, Target};
use crate::frame::{Frame, Framing};
use crate::json::{JsonStr, JsonString, Object, Splice, Writer, around};
use crate::openai::{
    Answer, ChunkWriter, Class, ErrorBody, Fault, Memo, Operation, Request, Usage, is_private,
};

/// The language of `api.openai.com/v1`.
pub static OPENAI: OpenAi = OpenAi;

/// See the module.
pub struct OpenAi;

impl Dialect for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn operations(&self) -> &'static [Operation] {
        &[Operation::Chat, Operation::Completions, Operation::Embeddings]
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn request(&self, request: &Request<'_>, to: &Target<'_>, _: &mut Memo) -> Result<Outbound, ErrorBody> {
        let object = request.object();
        let mut splice = Splice::new(request.body);
        let mut added = Vec::new();
        let mut w = Writer::new(&mut added);

        let stream = request.stream()?;
        let keeps_metadata = object.get("store").is_some_and(|store| store.get() == "true");
        let mut has_model = false;
        for member in object.members() {
            if member.is("model") {
                has_model = true;
                splice.replace(member.value.get(), json_string(to.model));
            } else if member.is("stream_options")
                || member.is("metadata") && !keeps_metadata
                || member.key.decode().is_some_and(|name| is_private(&name))
            {
                splice.remove(member);
            }
        }
        if !has_model {
            w.key("model").string(to.model);
        }
        if stream && request.operation != Operation::Embeddings {
            // Usage is always asked for: the account must be right even when the client does not look.
            stream_options(object.get("stream_options"), &mut w);
        }
        for (name, value) in request.missing_defaults() {
            w.key(name).raw(value.get());
        }
        if !added.is_empty() {
            splice.append(added);
        }
        let path = match request.operation {
            Operation::Chat => "/chat/completions",
            Operation::Completions => "/completions",
            Operation::Embeddings => "/embeddings",
        };
        Ok(Outbound { path: Cow::Borrowed(path), headers: Vec::new(), body: Body::Bytes(splice.write()) })
    }

    fn answer(&self, body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
        let object = read_object(body)?;
        if let Some(error) = object.get("error") {
            return Err(read_error(500, error));
        }
        let mut splice = Splice::new(body);
        if let Some(model) = object.get("model") {
            splice.replace(model.get(), json_string(&memo.model));
        }
        let usage = object.get("usage").and_then(Usage::parse).unwrap_or_default();
        Ok(Answer { body: splice.write(), usage })
    }

    fn error(&self, status: u16, body: &[u8], _: &Memo) -> Fault {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            error: &'a RawValue,
        }
        match crate::json::parse::<Wire<'_>>(body) {
            Ok(wire) => read_error(status, wire.error),
            Err(_) => Fault::unreadable(status, body),
        }
    }

    fn stream(&self, memo: &Memo) -> Box<dyn Stream> {
        Box::new(Relay {
            model: json_string(&memo.model),
            include_usage: memo.include_usage,
            finished: false,
        })
    }
}

struct Relay {
    /// The client's model name as a JSON string.
    model: Vec<u8>,
    include_usage: bool,
    /// Some choice has said why it ended: vendors that send no `[DONE]` stop after that.
    finished: bool,
}

impl Stream for Relay {
    fn frame(&mut self, frame: Frame<'_>, out: &mut ChunkWriter) -> Result<(), Fault> {
        if frame.data == b"[DONE]" {
            // Upstream's own usage chunk was relayed when it was asked for, so the writer has none to add.
            out.relay(&[b"[DONE]"], 0);
            out.end_relay();
            return Ok(());
        }
        #[derive(Deserialize)]
        struct Chunk<'a> {
            #[serde(borrow, default)]
            model: Option<&'a RawValue>,
            #[serde(borrow, default)]
            choices: Option<&'a RawValue>,
            #[serde(borrow, default)]
            usage: Option<&'a RawValue>,
            #[serde(borrow, default)]
            error: Option<&'a RawValue>,
        }
        // Fields that are passed over are relayed as well: all of the event must be text.
        let chunk: Option<Chunk<'_>> =
            core::str::from_utf8(frame.data).ok().and_then(|data| serde_json::from_str(data).ok());
        let chunk =
            chunk.ok_or_else(|| Fault::garbled("the provider sent a stream event that is not a chunk"))?;
        if let Some(error) = chunk.error {
            return Err(read_error(500, error));
        }
        self.finished |= chunk.choices.is_some_and(has_finish_reason);
        let no_choices = chunk.choices.is_none_or(|choices| choices.get() == "[]");
        if let Some(usage) = chunk.usage.and_then(Usage::parse) {
            out.usage(usage);
            if no_choices && !self.include_usage {
                return Ok(());
            }
        }
        // What a delta adds to the bill if the stream dies: the bytes of its choices, less their frame.
        let produced = chunk.choices.map_or(0, |choices| choices.get().len().saturating_sub(64));
        let other = chunk.model.filter(|model| model.get().as_bytes() != self.model);
        match other.and_then(|model| around(frame.data, model.get())) {
            Some((before, after)) => out.relay(&[before, &self.model, after], produced),
            None => out.relay(&[frame.data], produced),
        }
        Ok(())
    }

    fn end(&mut self, out: &mut ChunkWriter) {
        if self.finished && !out.ended() {
            out.relay(&[b"[DONE]"], 0);
            out.end_relay();
        }
    }
}

/// Looks for a `finish_reason` that is a string, without reading the choices.
fn has_finish_reason(choices: &RawValue) -> bool {
    const KEY: &[u8] = b"\"finish_reason\":";
    let bytes = choices.get().as_bytes();
    memchr::memmem::find_iter(bytes, KEY)
        .any(|at| bytes.get(at + KEY.len()..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\"")))
}

fn stream_options(given: Option<&RawValue>, w: &mut Writer<'_>) {
    w.key("stream_options").object();
    if let Some(options) = given.and_then(|raw| serde_json::from_str::<Object<'_>>(raw.get()).ok()) {
        for option in options.members().iter().filter(|option| !option.is("include_usage")) {
            w.raw(option.key.token());
            w.bytes().push(b':');
            w.raw(option.value.get());
        }
    }
    w.key("include_usage").bool(true).end_object();
}

fn json_string(text: &str) -> Vec<u8> {
    JsonString::new(text).into_bytes()
}

fn read_object(body: &[u8]) -> Result<Object<'_>, Fault> {
    Object::parse(body).map_err(|_| Fault::unreadable(502, body))
}

/// Reads the inside of `{"error": …}` in the forms that vendors give it: an object, a string.
fn read_error(status: u16, error: &RawValue) -> Fault {
    #[derive(Deserialize, Default)]
    struct Wire<'a> {
        #[serde(borrow, default)]
        message: Option<&'a RawValue>,
        #[serde(borrow, default)]
        param: Option<&'a RawValue>,
        #[serde(borrow, default)]
        code: Option<&'a RawValue>,
        #[serde(borrow, default, rename = "type")]
        kind: Option<&'a RawValue>,
    }
    fn text(raw: Option<&RawValue>) -> Option<String> {
        let raw = raw?;
        JsonStr::of(raw).map_or_else(|| Some(raw.get().to_owned()), |s| Some(s.decode()?.into_owned()))
    }
    if let Some(message) = JsonStr::of(error) {
        return Fault::new(Class::of_status(status), message.decode().unwrap_or_default());
    }
    let wire: Wire<'_> = serde_json::from_str(error.get()).unwrap_or_default();
    let code = text(wire.code);
    // Some vendors put the status into the body of a 200, or into a stream.
    let status = match code.as_deref().and_then(|code| code.parse().ok()) {
        Some(in_body @ 400..=599) if status == 500 => in_body,
        _ => status,
    };
    let message = text(wire.message).unwrap_or_else(|| error.get().chars().take(512).collect());
    let kind = text(wire.kind);
    let class = match (code.as_deref(), kind.as_deref()) {
        (Some("context_length_exceeded"), _) => Class::ContextWindowExceeded,
        (Some("content_policy_violation" | "content_filter"), _) => Class::ContentPolicyViolation,
        (Some("rate_limit_exceeded" | "insufficient_quota"), _)
        | (_, Some("rate_limit_error" | "rate_limit_exceeded"))
            if status == 500 =>
        {
            Class::RateLimit
        }
        _ if status == 400 && is_context_window(&message) => Class::ContextWindowExceeded,
        _ => Class::of_status(status),
    };
    let param = text(wire.param).filter(|param| !param.is_empty());
    Fault { param, ..Fault::new(class, message) }
}

/// The words by which vendors without a code say it (`LiteLLM`'s list, `exception_mapping_utils`).
fn is_context_window(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["maximum context length", "context length exceeded", "context_length_exceeded", "string too long"]
        .iter()
        .any(|words| message.contains(words))
}
