//! Translates turns and their blocks to chat messages.

use std::borrow::Cow;

use super::assistant::write_assistant;
use super::calls::Pending;
use crate::json::{JsonStr, JsonString, Raw, Text, Writer, fields, read};
use crate::openai::{ErrorBody, quoted};

/// `messages[]`
pub(super) struct Turn<'a> {
    role: Text<'a>,
    pub(super) content: Option<Raw<'a>>,
    output_config: Option<OutputConfig<'a>>,
}
fields!(Turn<'a> { role, content, output_config; "role" });

struct OutputConfig<'a> {
    effort: Option<Text<'a>>,
}
fields!(OutputConfig<'a> { effort });

impl Turn<'_> {
    /// Whether it may have results of calls.
    pub(super) fn is_users(&self) -> bool {
        &*self.role == "user"
    }

    /// `output_config.effort` of a system turn, which overrides the request's.
    pub(super) fn effort(&self) -> Option<&str> {
        self.output_config.as_ref()?.effort.as_deref()
    }
}

/// A content block, as a flat struct; which fields are set depends on its type.
pub(super) struct Block<'a> {
    pub(super) kind: Text<'a>,
    pub(super) text: Option<JsonStr<'a>>,
    pub(super) source: Option<Raw<'a>>,
    pub(super) title: Option<JsonStr<'a>>,
    pub(super) url: Option<JsonStr<'a>>,
    pub(super) id: Option<JsonStr<'a>>,
    pub(super) name: Option<JsonStr<'a>>,
    pub(super) input: Option<Raw<'a>>,
    pub(super) tool_use_id: Option<JsonStr<'a>>,
    pub(super) tool_name: Option<JsonStr<'a>>,
    pub(super) content: Option<Raw<'a>>,
    pub(super) is_error: bool,
    pub(super) thinking: Option<JsonStr<'a>>,
    pub(super) signature: Option<JsonStr<'a>>,
    pub(super) data: Option<JsonStr<'a>>,
    pub(super) cache_control: Option<Raw<'a>>,
}
fields!(Block<'a> {
    kind = "type", text, source, title, url, id, name, input, tool_use_id, tool_name, content, is_error, thinking, signature,
    data, cache_control; "type"
});

/// Claude Code's first block of the system prompt, which changes with every request and has no meaning for a
/// model.
const BILLING: &str = "x-anthropic-billing-header:";

/// The blocks of a content, which may also be a string. `at` names it in errors.
pub(super) fn blocks<'a>(content: Option<Raw<'a>>, at: &str) -> Result<Vec<Block<'a>>, ErrorBody> {
    let Some(content) = content else { return Ok(Vec::new()) };
    if let Some(text) = JsonStr::of(content) {
        return Ok(if text.is_empty() { Vec::new() } else { vec![Block::text(text)] });
    }
    let items: Vec<Raw<'a>> = read(content)
        .map_err(|_| ErrorBody::invalid(at.to_owned(), "expected a string or an array of content blocks"))?;
    let block = |(n, raw): (usize, Raw<'a>)| {
        read(raw)
            .map_err(|_| ErrorBody::invalid(format!("{at}.{n}"), "expected a content block with a `type`"))
    };
    items.into_iter().enumerate().map(block).collect()
}

impl<'a> Block<'a> {
    fn text(text: JsonStr<'a>) -> Self {
        Self {
            kind: Text("text".into()),
            text: Some(text),
            source: None,
            title: None,
            url: None,
            id: None,
            name: None,
            input: None,
            tool_use_id: None,
            tool_name: None,
            content: None,
            is_error: false,
            thinking: None,
            signature: None,
            data: None,
            cache_control: None,
        }
    }

    pub(super) fn is(&self, kind: &str) -> bool {
        &*self.kind == kind
    }
}

/// Writes the system prompt as the first message.
pub(super) fn write_system(w: &mut Writer<'_>, system: Option<Raw<'_>>) -> Result<(), ErrorBody> {
    let blocks = blocks(system, "system")?;
    let texts = blocks.iter().filter(|block| {
        block.text.is_some_and(|text| !text.is_empty() && !text.inner().starts_with(BILLING))
    });
    write_texts(w, "system", &texts.collect::<Vec<_>>());
    Ok(())
}

/// Writes a text message: a string, or parts if some have a cache marker.
fn write_texts(w: &mut Writer<'_>, role: &str, blocks: &[&Block<'_>]) {
    if blocks.is_empty() {
        return;
    }
    w.object().key("role").string(role).key("content");
    if blocks.iter().any(|block| block.cache_control.is_some()) {
        w.array();
        for block in blocks {
            write_text(w, block.text.unwrap_or(JsonStr::EMPTY), block.cache_control);
        }
        w.end_array();
    } else {
        let texts: Vec<JsonString> =
            blocks.iter().filter_map(|block| block.text.map(JsonString::of)).collect();
        w.joined(lines(&texts));
    }
    w.end_object();
}

/// Texts separated by line breaks.
pub(super) fn lines(texts: &[JsonString]) -> impl Iterator<Item = JsonStr<'_>> {
    let line_break = "\"\\n\"";
    texts.iter().enumerate().flat_map(move |(at, text)| {
        let before = (at > 0).then(|| read(line_break).unwrap_or(JsonStr::EMPTY));
        before.into_iter().chain([text.as_str()])
    })
}

pub(super) fn write_text(w: &mut Writer<'_>, text: JsonStr<'_>, mark: Option<Raw<'_>>) {
    w.object().key("type").string("text").key("text").raw(text.token());
    write_mark(w, mark);
    w.end_object();
}

pub(super) fn write_mark(w: &mut Writer<'_>, mark: Option<Raw<'_>>) {
    if let Some(mark) = mark {
        w.key("cache_control").raw(mark.get());
    }
}

/// Writes a turn as one or several messages. `pending` are the calls of the turns before it; `has_more`: the next turn may
/// have more of their results.
pub(super) fn write_turn<'a>(
    w: &mut Writer<'_>,
    turn: &Turn<'a>,
    at: usize,
    pending: &mut Pending<'a>,
    has_more: bool,
) -> Result<(), ErrorBody> {
    let at = format!("messages.{at}.content");
    let blocks = blocks(turn.content, &at)?;
    match &*turn.role {
        // Claude Code reports changes in the middle of a conversation this way; `[]` is empty.
        "system" => {
            let texts = blocks.iter().filter(|block| block.text.is_some_and(|text| !text.is_empty()));
            let texts: Vec<&Block<'_>> = texts.collect();
            pending.or_now(w, |w| write_texts(w, "system", &texts));
            Ok(())
        }
        "assistant" => {
            pending.close(w);
            write_assistant(w, &blocks);
            pending.open(blocks.iter().filter(|block| block.is("tool_use")).filter_map(|block| block.id));
            Ok(())
        }
        "user" => write_user(w, &blocks, &at, pending, has_more),
        other => Err(ErrorBody::invalid(
            at.replace("content", "role"),
            &format!("`{}` is not one of `user`, `assistant`, `system`", quoted(other)),
        )),
    }
}

/// A user's turn. Tool results become separate messages and come first, directly after the calls. Images in
/// results, which a `tool` message cannot contain, follow in a user message.
fn write_user<'a>(
    w: &mut Writer<'_>,
    blocks: &[Block<'a>],
    at: &str,
    pending: &mut Pending<'a>,
    has_more: bool,
) -> Result<(), ErrorBody> {
    let mut shown: Vec<Block<'_>> = Vec::new();
    let mut said: Vec<(usize, &Block<'_>)> = Vec::new();
    for (n, block) in blocks.iter().enumerate() {
        if !block.is("tool_result") {
            said.push((n, block));
            continue;
        }
        let id = block.tool_use_id.unwrap_or(JsonStr::EMPTY);
        let is_of_block = |other: &&Block<'_>| {
            other.is("tool_result") && other.tool_use_id.is_some_and(|other| other.token() == id.token())
        };
        // Of several results of a call, the last one counts.
        if blocks.iter().skip(n + 1).any(|other| is_of_block(&other)) {
            continue;
        }
        if pending.take(id) {
            write_result(w, block, &format!("{at}.{n}"), &mut shown)?;
        } else {
            said.push((n, block));
        }
    }
    if !has_more {
        pending.close(w);
    }
    if said.is_empty() && shown.is_empty() {
        return Ok(());
    }
    pending.or_now(w, |w| write_said(w, &shown, &said, at))
}

/// Writes what the user says and shows.
fn write_said(
    w: &mut Writer<'_>,
    shown: &[Block<'_>],
    said: &[(usize, &Block<'_>)],
    at: &str,
) -> Result<(), ErrorBody> {
    w.object().key("role").string("user").key("content");
    if let ([], [(_, Block { kind, text: Some(text), cache_control: None, .. })]) = (shown, said)
        && &**kind == "text"
    {
        w.raw(text.token()).end_object();
        return Ok(());
    }
    w.array();
    for block in shown {
        write_part(w, block, at)?;
    }
    for (n, block) in said {
        write_part(w, block, &format!("{at}.{n}"))?;
    }
    w.end_array().end_object();
    Ok(())
}

fn write_result<'a>(
    w: &mut Writer<'_>,
    result: &Block<'a>,
    at: &str,
    shown: &mut Vec<Block<'a>>,
) -> Result<(), ErrorBody> {
    let before = shown.len();
    let mut texts = result_texts(result, at, shown)?;
    if texts.is_empty() {
        // OpenAI rejects an empty result.
        texts.push(JsonString::new(if shown.len() == before { "(no output)" } else { "(see the image)" }));
    }
    w.object().key("role").string("tool").key("tool_call_id");
    w.raw(result.tool_use_id.unwrap_or(JsonStr::EMPTY).token()).key("content");
    // A tool message has no error flag.
    let error = result.is_error.then(|| JsonString::new("Error: "));
    w.joined(error.iter().map(JsonString::as_str).chain(lines(&texts)));
    write_mark(w, result.cache_control);
    w.end_object();
    Ok(())
}

/// The texts of a tool's result. Its images and documents are added to `shown`.
fn result_texts<'a>(
    result: &Block<'a>,
    at: &str,
    shown: &mut Vec<Block<'a>>,
) -> Result<Vec<JsonString>, ErrorBody> {
    let mut texts: Vec<JsonString> = Vec::new();
    for block in blocks(result.content, &format!("{at}.content"))? {
        match (&*block.kind, block.text) {
            ("tool_reference", _) => {
                let name = block.tool_name.and_then(JsonStr::decode).unwrap_or_default();
                texts.push(JsonString::new(&format!("Tool {name} is now available.")));
            }
            ("image" | "document", _) => shown.push(block),
            (_, Some(text)) => texts.push(JsonString::of(text)),
            ("search_result", None) => texts.push(JsonString::new(&search_result(&block))),
            (_, None) => {}
        }
    }
    Ok(texts)
}

fn search_result(block: &Block<'_>) -> String {
    let title = block.title.and_then(JsonStr::decode).unwrap_or_default();
    let source = block.source.and_then(JsonStr::of).and_then(JsonStr::decode).unwrap_or_default();
    let texts = blocks(block.content, "").unwrap_or_default();
    let texts: Vec<Cow<'_, str>> =
        texts.iter().filter_map(|block| block.text.and_then(JsonStr::decode)).collect();
    [&*title, "\n", &*source, "\n", &texts.join("\n")].concat()
}

/// `source` of an image or a document.
struct Source<'a> {
    kind: Text<'a>,
    media_type: Option<JsonStr<'a>>,
    data: Option<JsonStr<'a>>,
    url: Option<JsonStr<'a>>,
    content: Option<Raw<'a>>,
}
fields!(Source<'a> { kind = "type", media_type, data, url, content; "type" });

fn write_part(w: &mut Writer<'_>, block: &Block<'_>, at: &str) -> Result<(), ErrorBody> {
    match &*block.kind {
        "image" | "document" => return write_media(w, block, at),
        "search_result" => {
            write_text(w, JsonString::new(&search_result(block)).as_str(), block.cache_control);
        }
        // Its call is not in the conversation.
        "tool_result" => {
            let mut shown = Vec::new();
            let texts = result_texts(block, at, &mut shown)?;
            if !texts.is_empty() {
                w.object().key("type").string("text").key("text").joined(lines(&texts));
                write_mark(w, block.cache_control);
                w.end_object();
            }
            for block in &shown {
                write_media(w, block, at)?;
            }
        }
        _ => {
            // Unknown kinds of blocks have nothing that another model could read.
            if let Some(text) = block.text.filter(|text| !text.is_empty()) {
                write_text(w, text, block.cache_control);
            }
        }
    }
    Ok(())
}

fn write_media(w: &mut Writer<'_>, block: &Block<'_>, at: &str) -> Result<(), ErrorBody> {
    let refused = |why: &str| ErrorBody::invalid(format!("{at}.source"), why);
    let source: Source<'_> = block
        .source
        .and_then(|raw| read(raw).ok())
        .ok_or_else(|| refused("expected an object with a `type`"))?;
    let url = match (&*source.kind, source.data, source.url) {
        ("base64", Some(data), _) => {
            let media_type = source.media_type.map_or("image/png", JsonStr::inner);
            ["\"data:", media_type, ";base64,", data.inner(), "\""].concat()
        }
        ("url", _, Some(url)) => url.token().to_owned(),
        ("text", Some(text), _) => {
            write_text(w, text, block.cache_control);
            return Ok(());
        }
        ("content", ..) => {
            for text in blocks(source.content, at)?.iter().filter_map(|block| block.text) {
                write_text(w, text, None);
            }
            return Ok(());
        }
        ("file", ..) => {
            return Err(refused("files of Anthropic's Files API are not supported for this model"));
        }
        _ => return Err(refused("expected `base64` with `data`, `url` with `url`, or `text` with `data`")),
    };
    if block.is("image") {
        w.object()
            .key("type")
            .string("image_url")
            .key("image_url")
            .object()
            .key("url")
            .raw(&url)
            .end_object();
    } else {
        w.object().key("type").string("file").key("file").object().key("file_data").raw(&url);
        let name = block.title.filter(|title| !title.is_empty());
        match name {
            Some(name) => w.key("filename").raw(name.token()),
            None => w.key("filename").string("document.pdf"),
        };
        w.end_object();
    }
    write_mark(w, block.cache_control);
    w.end_object();
    Ok(())
}
