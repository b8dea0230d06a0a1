//! Writes the request by splicing the client's bytes.

use core::fmt::Write as _;
use std::borrow::Cow;

use super::super::Target;
use super::json_string;
use super::models::{self, Gate};
use super::quirks::{Effort, Format, Names, Quirks};
use super::{formats, messages, tools};
use crate::json::{Edits, JsonStr, Member, Object, Raw, Splice, Writer, read};
use crate::openai::{ErrorBody, Operation, Request, embedded_image, is_empty_array, is_private};

/// Parameters of `/completions` that chat does not support.
const PROMPT_ONLY: &[&str] = &["best_of", "echo", "logprobs", "suffix"];

/// Parameters of chats that `/completions` does not support.
const CHAT_ONLY: &[&str] = &[
    "audio",
    "function_call",
    "functions",
    "logprobs",
    "modalities",
    "parallel_tool_calls",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "service_tier",
    "store",
    "tool_choice",
    "tools",
    "top_logprobs",
    "verbosity",
    "web_search_options",
];

/// How a parameter is handled.
#[derive(Clone, PartialEq, Eq)]
enum Fate {
    Keep,
    Drop,
    /// Renamed.
    Rename(&'static str),
    /// Replaced by this JSON value.
    Value(Vec<u8>),
    /// Replaced by this JSON member.
    Member(Vec<u8>),
}

/// Writes the body.
pub(super) fn write(quirks: &Quirks, request: &Request<'_>, to: &Target<'_>) -> Result<Edits, ErrorBody> {
    Work::new(quirks, request, to)?.write()
}

struct Work<'w, 'a> {
    quirks: &'w Quirks,
    request: &'w Request<'a>,
    to: &'w Target<'w>,
    gate: Gate,
    /// The prompt is sent as a chat.
    over_chat: bool,
    /// The chat is sent as a prompt.
    over_text: bool,
    keeps_metadata: bool,
    /// `tools` is empty, which is rejected, as is a tool choice without tools.
    no_tools: bool,
    lacks: &'static [&'static str],
    renames: &'static [(&'static str, &'static str)],
}

impl<'w, 'a> Work<'w, 'a> {
    fn new(quirks: &'w Quirks, request: &'w Request<'a>, to: &'w Target<'w>) -> Result<Self, ErrorBody> {
        let is_text = request.operation.generates_text();
        let performed = performed(quirks, request.operation);
        let over_chat = request.operation == Operation::Completions && performed == Operation::Chat;
        let over_text = request.operation == Operation::Chat && performed == Operation::Completions;
        let model = models::find(quirks.models, to.base_model()).filter(|_| is_text);
        let other = quirks.others.iter().find(|other| other.operation == request.operation);
        let (lacks, renames) = match request.operation {
            Operation::Embeddings => (quirks.embedding.lacks, quirks.embedding.renames),
            _ if is_text => (quirks.lacks, quirks.renames),
            _ => other.map(|other| (other.lacks, other.renames)).unwrap_or_default(),
        };
        if is_text {
            if !quirks.searches && request.get("web_search_options").is_some() {
                // Servers that do not search ignore it.
                to.note_no_search(request)?;
            }
            to.check_params_by(request, &|name| {
                !(lacks.contains(&name)
                    || model.is_some_and(|model| model.lacks.contains(&name))
                    || over_chat && PROMPT_ONLY.contains(&name)
                    || over_text && CHAT_ONLY.contains(&name))
            })?;
        } else {
            for name in lacks.iter().filter(|name| **name != "user" && request.get(name).is_some()) {
                to.refuse_value(name, name)?;
            }
        }
        let mut gate = model.map(|model| model.gate(request, to)).transpose()?.unwrap_or_default();
        gate.drops.extend(model.into_iter().flat_map(|model| model.lacks));
        let keeps_metadata = request.object().get("store").is_some_and(|store| store.get() == "true");
        let no_tools = request.object().get("tools").is_some_and(is_empty_array);
        Ok(Self { quirks, request, to, gate, over_chat, over_text, keeps_metadata, no_tools, lacks, renames })
    }

    fn write(&self) -> Result<Edits, ErrorBody> {
        let request = self.request;
        let mut splice = Splice::new(request.body);
        let mut added = Vec::new();
        let mut w = Writer::new(&mut added);
        let members = request.object().members();
        let mut has_model = false;
        let mut sent: Vec<Cow<'_, str>> = Vec::with_capacity(members.len());
        for member in members {
            if member.is("model") {
                has_model = true;
                splice.replace(member.value.get(), self.model());
                continue;
            }
            let name = member.name().unwrap_or_default();
            match self.fate(&name, member.value)? {
                Fate::Keep => self.look_inside(&name, member, &mut splice)?,
                Fate::Drop => {
                    splice.remove(member);
                    continue;
                }
                Fate::Rename(other) => splice.replace(member.key.token(), json_string(other)),
                Fate::Value(json) => splice.replace(member.value.get(), json),
                Fate::Member(json) => {
                    splice.remove(member);
                    w.raw(&String::from_utf8_lossy(&json));
                    continue;
                }
            }
            sent.push(name);
        }
        if !has_model {
            w.key("model").raw(&String::from_utf8_lossy(&self.model()));
        }
        if self.over_chat {
            messages::write_prompt(request, &mut w)?;
        }
        if self.over_text {
            messages::write_text(request, self.to, &mut w)?;
        }
        let streams = request.operation.generates_text() && request.stream()?;
        if streams && self.quirks.stream_options {
            // Usage is always requested, because it is needed for billing even if the client does not want
            // it.
            stream_options(request.object().get("stream_options"), &mut w);
        }
        self.write_defaults(&sent, &mut w)?;
        if !added.is_empty() {
            splice.append(added);
        }
        Ok(splice.edits())
    }

    /// The deployment's and the vendor's defaults for absent parameters.
    fn write_defaults(&self, sent: &[Cow<'_, str>], w: &mut Writer<'_>) -> Result<(), ErrorBody> {
        let is_sent =
            |name: &str| sent.iter().any(|known| known == name || self.renamed(known) == Some(name));
        for (name, value) in self.request.missing_defaults() {
            if is_sent(name) {
                continue;
            }
            match self.fate(name, value)? {
                Fate::Drop => {}
                Fate::Keep => {
                    w.string(name).bytes().push(b':');
                    w.raw(value.get());
                }
                Fate::Rename(other) if is_sent(other) => {}
                Fate::Rename(other) => {
                    w.key(other).raw(value.get());
                }
                Fate::Value(json) => {
                    w.key(name).raw(&String::from_utf8_lossy(&json));
                }
                Fate::Member(json) => {
                    w.raw(&String::from_utf8_lossy(&json));
                }
            }
        }
        let adds = match self.request.operation {
            Operation::Embeddings => self.quirks.embedding.adds,
            _ if self.request.operation.generates_text() => self.quirks.adds,
            _ => &[],
        };
        for (name, json) in adds {
            if self.request.get(name).is_none() {
                w.key(name).raw(json);
            }
        }
        if self.gate.no_effort {
            w.key("reasoning_effort").string("none");
        }
        Ok(())
    }

    fn model(&self) -> Vec<u8> {
        let model = self.to.model;
        let model = match self.quirks.names {
            Names::Model => model,
            Names::Unversioned => model.split_once('@').map_or(model, |(name, _)| name),
            Names::Nothing => "",
        };
        if model.contains('/') || self.quirks.model_prefix.is_empty() {
            return json_string(model);
        }
        json_string(&format!("{}{model}", self.quirks.model_prefix))
    }

    fn renamed(&self, name: &str) -> Option<&'static str> {
        if self.over_text && name == "max_completion_tokens" {
            return Some("max_tokens");
        }
        if self.gate.completion_tokens && name == "max_tokens" {
            return Some("max_completion_tokens");
        }
        self.renames.iter().find(|(asked, _)| *asked == name).map(|(_, sent)| *sent)
    }

    fn fate(&self, name: &str, value: Raw<'_>) -> Result<Fate, ErrorBody> {
        let embeds = self.request.operation == Operation::Embeddings;
        if value.is_null()
            || name == "stream_options"
            || name == "metadata" && !self.keeps_metadata && !embeds
            || is_private(name)
            || self.lacks.contains(&name)
            || self.to.drop_params && self.quirks.rejects.contains(&name)
            || self.gate.drops.contains(&name)
            || matches!(name, "tools" | "functions") && is_empty_array(value)
            || self.no_tools && is_idle_choice(name, value)
            || self.gate.no_effort && name == "reasoning_effort"
            || self.over_chat && (name == "prompt" || PROMPT_ONLY.contains(&name))
            || self.over_text && (name == "messages" || CHAT_ONLY.contains(&name))
        {
            return Ok(Fate::Drop);
        }
        if let Some(other) = self.renamed(name) {
            // If both are present: the newer name in the client's body wins, else the vendor's own.
            let both = self.request.object().get(other).is_some();
            return Ok(if both && name != "max_completion_tokens" {
                Fate::Drop
            } else {
                Fate::Rename(other)
            });
        }
        if name == "max_tokens"
            && self.renamed("max_completion_tokens").is_some()
            && self.request.object().get("max_completion_tokens").is_some()
        {
            return Ok(Fate::Drop);
        }
        match self.request.operation {
            Operation::Embeddings => self.embedding_fate(name, value),
            _ if self.request.operation.generates_text() => self.chat_fate(name, value),
            _ => Ok(Fate::Keep),
        }
    }

    fn embedding_fate(&self, name: &str, value: Raw<'_>) -> Result<Fate, ErrorBody> {
        match (name, self.quirks.embedding.format) {
            ("encoding_format", Format::Floats) => return Ok(Fate::Drop),
            ("encoding_format", Format::Base64OrNothing) if value.get() == r#""float""# => {
                return Ok(Fate::Drop);
            }
            // Images as the vendor writes them, and as `data:` URLs.
            ("input", _) if self.quirks.embedding.images && value.get().contains('{') => {}
            ("input", _) if self.quirks.embedding.images && value.get().contains(":image") => {
                return Ok(Fate::Value(objects(&self.request.inputs()?)));
            }
            ("input", _) if !self.quirks.embedding.tokens => {
                let texts = self.request.texts()?;
                if !value.get().contains('"') {
                    return Ok(Fate::Value(text_array(&texts)));
                }
            }
            _ => {}
        }
        Ok(Fate::Keep)
    }

    fn chat_fate(&self, name: &str, value: Raw<'_>) -> Result<Fate, ErrorBody> {
        let word = JsonStr::of(value).map(JsonStr::inner);
        if let Some((param, _, theirs)) =
            self.quirks.words.iter().find(|(param, ours, _)| *param == name && Some(*ours) == word)
        {
            if theirs.is_empty() {
                self.to.refuse_value(param, &format!("{param}='{}'", word.unwrap_or_default()))?;
                return Ok(Fate::Drop);
            }
            return Ok(Fate::Value(json_string(theirs)));
        }
        match name {
            "temperature" => {
                let number = |text: &str| text.parse::<f64>().ok();
                let too_high = |most: &&str| number(value.get()) > number(most);
                if let Some(most) = self.quirks.most_temperature.filter(too_high) {
                    return Ok(Fate::Value(most.as_bytes().to_vec()));
                }
            }
            "stop" if self.quirks.stop_array && word.is_some() => {
                return Ok(Fate::Value(format!("[{}]", value.get()).into_bytes()));
            }
            "stop" => {
                let Some(most) = self.quirks.most_stops.filter(|_| word.is_none()) else {
                    return Ok(Fate::Keep);
                };
                let all: Vec<Raw<'_>> = read(value).unwrap_or_default();
                if all.len() > most {
                    let first: Vec<&str> = all.iter().take(most).map(|stop| stop.get()).collect();
                    return Ok(Fate::Value(format!("[{}]", first.join(",")).into_bytes()));
                }
            }
            "top_logprobs" if self.quirks.counted_logprobs => return Ok(Fate::Drop),
            "logprobs" if self.quirks.counted_logprobs && value.get() == "true" => {
                let count = self.request.get("top_logprobs").map_or("1", Raw::get);
                return Ok(Fate::Value(count.as_bytes().to_vec()));
            }
            "reasoning_effort" => return Ok(self.effort(word.unwrap_or_default(), value)),
            "tool_choice" => {
                if let Some(json) = tools::choice(self.quirks, self.request)? {
                    return Ok(Fate::Value(json));
                }
            }
            "response_format" => {
                if let Some(json) = formats::replaced(self.quirks.formats, self.request)? {
                    return Ok(Fate::Value(json));
                }
            }
            _ => {}
        }
        Ok(Fate::Keep)
    }

    /// How `reasoning_effort` is sent.
    fn effort(&self, word: &str, value: Raw<'_>) -> Fate {
        if self.quirks.effort != Effort::Same && self.request.object().get("thinking").is_some() {
            return Fate::Drop;
        }
        let off = word == "none";
        let switch = if off { "disabled" } else { "enabled" };
        let mut json = format!(r#""thinking":{{"type":"{switch}"}}"#);
        match self.quirks.effort {
            Effort::Same => Fate::Keep,
            Effort::Thinking => Fate::Member(json.into_bytes()),
            Effort::ThinkingAndEffort => {
                if !off {
                    let _ = write!(json, r#","reasoning_effort":{}"#, value.get());
                }
                Fate::Member(json.into_bytes())
            }
            Effort::Flag(name) => Fate::Member(format!(r#""{name}":{}"#, !off).into_bytes()),
        }
    }

    /// Edits inside a parameter that is kept.
    fn look_inside(&self, name: &str, member: &Member<'a>, splice: &mut Splice<'_>) -> Result<(), ErrorBody> {
        match name {
            "messages" => messages::mend(self.quirks, self.request, self.to, member.value, splice),
            "tools" => tools::mend(self.quirks, self.request, member.value, splice),
            _ => Ok(()),
        }
    }
}

/// Whether a tool parameter has no effect because there are no tools. A choice that forces a call is kept, so
/// that the vendor reports the client's mistake.
fn is_idle_choice(name: &str, value: Raw<'_>) -> bool {
    name == "parallel_tool_calls"
        || matches!(name, "tool_choice" | "function_call") && matches!(value.get(), "\"auto\"" | "\"none\"")
}

/// Whether a vendor has an endpoint.
/// The operation that the vendor performs for a request: one without `/completions` or without chats gets the other.
pub(super) fn performed(quirks: &Quirks, operation: Operation) -> Operation {
    match operation {
        Operation::Completions if !has(quirks, operation) => Operation::Chat,
        Operation::Chat if !has(quirks, operation) => Operation::Completions,
        _ => operation,
    }
}

/// Whether the vendor has an endpoint.
pub(super) fn has(quirks: &Quirks, operation: Operation) -> bool {
    quirks.endpoints.iter().any(|(there, _)| *there == operation)
}

fn text_array(texts: &[JsonStr<'_>]) -> Vec<u8> {
    let mut json = Vec::new();
    let mut w = Writer::new(&mut json);
    w.array();
    for text in texts {
        w.raw(text.token());
    }
    w.end_array();
    json
}

/// Texts and images, each as an object.
fn objects(inputs: &[JsonStr<'_>]) -> Vec<u8> {
    let mut json = Vec::new();
    let mut w = Writer::new(&mut json);
    w.array();
    for input in inputs {
        match embedded_image(*input) {
            Some(image) => w.object().key("image").escaped(image.data),
            None => w.object().key("text").raw(input.token()),
        };
        w.end_object();
    }
    w.end_array();
    json
}

fn stream_options(given: Option<Raw<'_>>, w: &mut Writer<'_>) {
    w.key("stream_options").object();
    if let Some(options) = given.and_then(|raw| read::<Object<'_>>(raw).ok()) {
        for option in options.members().iter().filter(|option| !option.is("include_usage")) {
            w.raw(option.key.token());
            w.bytes().push(b':');
            w.raw(option.value.get());
        }
    }
    w.key("include_usage").bool(true).end_object();
}
