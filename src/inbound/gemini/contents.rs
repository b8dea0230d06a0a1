//! `contents` and `systemInstruction`, as messages of a chat.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::media;
use super::proto::Fields;
use super::signature::Signature;
use crate::json::{JsonStr, JsonString, Raw, Writer};
use crate::openai::ErrorBody;

/// One of `contents`.
struct Turn<'a> {
    is_model: bool,
    at: String,
    parts: Vec<Fields<'a>>,
}

impl<'a> Turn<'a> {
    fn of(content: &Fields<'a>) -> Result<Self, ErrorBody> {
        let is_model = match &*content.word("role")? {
            "model" => true,
            // The role of results in older versions of the API.
            "" | "user" | "function" => false,
            _ => return Err(ErrorBody::invalid(content.place("role"), "expected 'user' or 'model'")),
        };
        Ok(Self { is_model, at: content.place("parts"), parts: content.messages("parts")? })
    }
}

/// Writes `systemInstruction` as the first message.
pub(super) fn write_system(w: &mut Writer<'_>, request: &Fields<'_>) -> Result<(), ErrorBody> {
    let Some(raw) = request.get("systemInstruction") else { return Ok(()) };
    let mut texts: Vec<JsonStr<'_>> = Vec::new();
    if let Some(text) = JsonStr::of(raw) {
        texts.push(text);
    } else {
        for part in Fields::of(raw, "systemInstruction")?.messages("parts")? {
            texts.extend(part.text("text")?);
        }
    }
    texts.retain(|text| !text.is_empty());
    if !texts.is_empty() {
        let line_break = JsonString::new("\n");
        let lines = texts
            .iter()
            .enumerate()
            .flat_map(|(n, text)| (n > 0).then_some(line_break.as_str()).into_iter().chain([*text]));
        w.object().key("role").string("system").key("content").joined(lines).end_object();
    }
    Ok(())
}

/// Writes `contents`. `detail` is the resolution of its images.
pub(super) fn write(w: &mut Writer<'_>, request: &Fields<'_>, detail: Option<&str>) -> Result<(), ErrorBody> {
    let contents = request.messages("contents")?;
    if contents.is_empty() {
        return Err(ErrorBody::bad_request("contents is not specified").about("contents"));
    }
    let turns: Vec<Turn<'_>> = contents.iter().map(Turn::of).collect::<Result<_, _>>()?;
    let mut calls = Calls::default();
    // Clients that stream append every event to their history as a content of its own.
    for (number, run) in turns.chunk_by(|a, b| a.is_model && b.is_model).enumerate() {
        match run {
            [turn] if !turn.is_model => write_user(w, turn, number, &mut calls, detail)?,
            run => write_model(w, run, number, &mut calls)?,
        }
    }
    Ok(())
}

/// The calls that wait for a result. Ids are optional: without them, results belong to calls by name and order.
#[derive(Default)]
struct Calls {
    /// The id of each call of the turn, until its result has come.
    open: Vec<Option<String>>,
    /// Positions of the calls with an id, and with a name.
    by_id: HashMap<String, VecDeque<usize>>,
    by_name: HashMap<String, VecDeque<usize>>,
}

impl Calls {
    fn add(&mut self, id: String, name: String) {
        let at = self.open.len();
        self.by_id.entry(id.clone()).or_default().push_back(at);
        self.by_name.entry(name).or_default().push_back(at);
        self.open.push(Some(id));
    }

    /// Takes the call that a result is of; `None` if there is none.
    fn take(&mut self, id: Option<&str>, name: &str) -> Option<String> {
        let Self { open, by_id, by_name } = self;
        let of_id = id.and_then(|id| by_id.get_mut(id));
        of_id.and_then(|calls| next(open, calls)).or_else(|| next(open, by_name.get_mut(name)?))
    }
}

/// The first of these calls that is still open.
fn next(open: &mut [Option<String>], calls: &mut VecDeque<usize>) -> Option<String> {
    while let Some(at) = calls.pop_front() {
        if let Some(id) = open.get_mut(at).and_then(Option::take) {
            return Some(id);
        }
    }
    None
}

/// What the model said in one turn.
#[derive(Default)]
struct Said {
    texts: Vec<JsonString>,
    thoughts: Vec<JsonString>,
    /// Signatures of the text.
    signatures: Vec<String>,
    /// Reasoning of another model, a JSON array.
    blocks: Option<String>,
    /// The same without a signature; clients may send their thoughts as well.
    carried: Vec<JsonString>,
    /// `tool_calls`
    calls: Vec<u8>,
}

impl Said {
    fn hear(&mut self, part: &Fields<'_>, id: String, calls: &mut Calls) -> Result<(), ErrorBody> {
        let signature = part.text("thoughtSignature")?.and_then(Signature::read);
        if let Some(call) = part.fields("functionCall")? {
            return self.hear_call(&call, signature, id, calls);
        }
        if let Some(text) = part.text("text")? {
            let texts = if part.is("thought") { &mut self.thoughts } else { &mut self.texts };
            texts.push(JsonString::of(text));
        }
        for text in code(part)? {
            self.texts.push(JsonString::new(&text));
        }
        match signature {
            Some(Signature::Own(own)) if !part.is("thought") => self.signatures.push(own),
            Some(Signature::Blocks(blocks)) => self.blocks = Some(blocks),
            Some(Signature::Text(text)) => self.carried.push(text),
            _ => {}
        }
        Ok(())
    }

    fn hear_call(
        &mut self,
        call: &Fields<'_>,
        signature: Option<Signature>,
        id: String,
        calls: &mut Calls,
    ) -> Result<(), ErrorBody> {
        let name = call.text("name")?.and_then(JsonStr::decode).unwrap_or_default();
        if name.is_empty() {
            return Err(ErrorBody::invalid(call.place("name"), "expected the name of a function"));
        }
        let given = call.text("id")?.and_then(JsonStr::decode);
        let id = given.map_or(id, std::borrow::Cow::into_owned);
        let args = call.fields("args")?;
        let mut w = Writer::new(&mut self.calls);
        w.object().key("id").string(&id).key("type").string("function").key("function").object();
        w.key("name").string(&name).key("arguments");
        w.string(if args.is_some() { call.get("args").map_or("{}", Raw::get) } else { "{}" }).end_object();
        match signature {
            Some(Signature::Own(own)) => {
                w.key("provider_specific_fields").object().key("thought_signature").string(&own).end_object();
            }
            Some(Signature::Blocks(blocks)) => self.blocks = Some(blocks),
            Some(Signature::Text(text)) => self.carried.push(text),
            None => {}
        }
        Writer::new(&mut self.calls).end_object();
        calls.add(id, name.into_owned());
        Ok(())
    }

    fn write(&self, w: &mut Writer<'_>) {
        if self.texts.is_empty() && self.calls.is_empty() {
            return;
        }
        w.object().key("role").string("assistant").key("content");
        if self.texts.is_empty() {
            w.raw("null");
        } else {
            w.joined(self.texts.iter().map(JsonString::as_str));
        }
        let thoughts = if self.carried.is_empty() { &self.thoughts } else { &self.carried };
        if !thoughts.is_empty() {
            w.key("reasoning_content").joined(thoughts.iter().map(JsonString::as_str));
        }
        if let Some(blocks) = &self.blocks {
            w.key("thinking_blocks").raw(blocks);
        }
        if !self.calls.is_empty() {
            w.key("tool_calls").array().bytes().extend_from_slice(&self.calls);
            w.end_array();
        }
        if !self.signatures.is_empty() {
            w.key("provider_specific_fields").object().key("thought_signatures").array();
            for signature in &self.signatures {
                w.string(signature);
            }
            w.end_array().end_object();
        }
        w.end_object();
    }
}

/// Code that the provider ran, and its output, as text that every model can read.
fn code(part: &Fields<'_>) -> Result<Vec<String>, ErrorBody> {
    let mut texts = Vec::new();
    for (name, field) in [("executableCode", "code"), ("codeExecutionResult", "output")] {
        if let Some(code) = part.fields(name)? {
            let language = code.word("language")?;
            let text = code.text(field)?.and_then(JsonStr::decode).unwrap_or_default();
            texts.push(format!("\n```{language}\n{text}\n```\n"));
        }
    }
    Ok(texts)
}

fn write_model(
    w: &mut Writer<'_>,
    run: &[Turn<'_>],
    number: usize,
    calls: &mut Calls,
) -> Result<(), ErrorBody> {
    let mut said = Said::default();
    *calls = Calls::default();
    for (n, part) in run.iter().flat_map(|turn| &turn.parts).enumerate() {
        said.hear(part, format!("call_{number}_{n}"), calls)?;
    }
    said.write(w);
    Ok(())
}

/// A user's turn: results of tools come first, right after the calls. Media in results, which a `tool` message cannot hold,
/// follow in the user's message.
fn write_user(
    w: &mut Writer<'_>,
    turn: &Turn<'_>,
    number: usize,
    calls: &mut Calls,
    detail: Option<&str>,
) -> Result<(), ErrorBody> {
    let mut content = Vec::new();
    let mut lone = None;
    let mut count = 0;
    for (n, part) in turn.parts.iter().enumerate() {
        if let Some(result) = part.fields("functionResponse")? {
            write_result(w, &result, &format!("call_{number}_{n}"), calls)?;
            for part in result.messages("parts")? {
                media::write(&mut Writer::new(&mut content), &part, detail)?;
                count += 1;
            }
            continue;
        }
        if let Some(text) = part.text("text")? {
            Writer::new(&mut content)
                .object()
                .key("type")
                .string("text")
                .key("text")
                .raw(text.token())
                .end_object();
            lone = Some(text);
            count += 1;
        }
        for text in code(part)? {
            Writer::new(&mut content)
                .object()
                .key("type")
                .string("text")
                .key("text")
                .string(&text)
                .end_object();
            count += 1;
        }
        count += usize::from(media::write(&mut Writer::new(&mut content), part, detail)?);
        if part.get("functionCall").is_some() {
            let why = "a function call belongs into a content with the role 'model'";
            return Err(ErrorBody::invalid(format!("{}[{n}]", turn.at), why));
        }
    }
    if content.is_empty() {
        return Ok(());
    }
    w.object().key("role").string("user").key("content");
    match lone {
        Some(text) if count == 1 => w.raw(text.token()),
        _ => {
            w.array().bytes().extend_from_slice(&content);
            w.end_array()
        }
    };
    w.end_object();
    Ok(())
}

fn write_result(
    w: &mut Writer<'_>,
    result: &Fields<'_>,
    made: &str,
    calls: &mut Calls,
) -> Result<(), ErrorBody> {
    let name = result.text("name")?.and_then(JsonStr::decode).unwrap_or_default();
    let given = result.text("id")?.and_then(JsonStr::decode);
    let call = calls.take(given.as_deref(), &name);
    w.object().key("role").string("tool").key("tool_call_id");
    match (&call, &given) {
        (Some(id), _) => w.string(id),
        (None, Some(id)) => w.string(id),
        (None, None) => w.string(made),
    };
    if call.is_none() && !name.is_empty() {
        // Without its call, only the name says what it is the result of.
        w.key("name").string(&name);
    }
    w.key("content").string(result.get("response").map_or("{}", Raw::get)).end_object();
    Ok(())
}
