//! Content of messages and of tools' results, as parts of a chat.

use crate::json::{JsonStr, JsonString, Object, Raw, Text, Writer, fields, read};
use crate::openai::ErrorBody;

/// A part, flat: which fields it has depends on its type.
pub(super) struct Part<'a> {
    pub(super) kind: Text<'a>,
    pub(super) text: Option<JsonStr<'a>>,
    pub(super) refusal: Option<JsonStr<'a>>,
    image_url: Option<Raw<'a>>,
    detail: Option<Text<'a>>,
    file_id: Option<JsonStr<'a>>,
    file_data: Option<JsonStr<'a>>,
    file_url: Option<JsonStr<'a>>,
    filename: Option<JsonStr<'a>>,
    input_audio: Option<Raw<'a>>,
}
fields!(Part<'a> {
    kind = "type", text, refusal, image_url, detail, file_id, file_data, file_url, filename, input_audio
});

impl<'a> Part<'a> {
    fn of_text(text: JsonStr<'a>) -> Self {
        Self {
            kind: Text("input_text".into()),
            text: Some(text),
            refusal: None,
            image_url: None,
            detail: None,
            file_id: None,
            file_data: None,
            file_url: None,
            filename: None,
            input_audio: None,
        }
    }

    /// Whether it is not text, and no message of a tool may have it.
    pub(super) fn is_media(&self) -> bool {
        matches!(&*self.kind, "input_image" | "input_file" | "input_audio")
    }
}

/// The parts of a content, which may be one text. `at` names it in errors.
pub(super) fn parts<'a>(content: Option<Raw<'a>>, at: &str) -> Result<Vec<Part<'a>>, ErrorBody> {
    let Some(content) = content.filter(|content| !content.is_null()) else { return Ok(Vec::new()) };
    if let Some(text) = JsonStr::of(content) {
        return Ok(vec![Part::of_text(text)]);
    }
    read(content)
        .map_err(|_| ErrorBody::invalid(at.to_owned(), "expected a string or an array of content parts"))
}

/// The text of a content.
pub(super) fn texts<'a>(parts: &'a [Part<'a>]) -> impl Iterator<Item = JsonStr<'a>> {
    parts.iter().filter_map(|part| part.text).filter(|text| !text.is_empty())
}

/// Texts as one string, with line breaks between them.
pub(super) fn write_lines(w: &mut Writer<'_>, texts: &[JsonStr<'_>]) {
    let line_break = JsonString::new("\n");
    let breaks = |at: usize| (at > 0).then(|| line_break.as_str());
    w.joined(texts.iter().enumerate().flat_map(|(at, text)| breaks(at).into_iter().chain([*text])));
}

/// Writes a message; nothing if it has no content.
pub(super) fn write_message(
    w: &mut Writer<'_>,
    role: &str,
    parts: &[Part<'_>],
    at: &str,
) -> Result<(), ErrorBody> {
    if let [part] = parts
        && !part.is_media()
    {
        if let Some(text) = part.text.filter(|text| !text.is_empty()) {
            w.object().key("role").string(role).key("content").raw(text.token()).end_object();
        }
        return Ok(());
    }
    let mut written = Vec::new();
    let mut list = Writer::new(&mut written);
    for (n, part) in parts.iter().enumerate() {
        write_part(&mut list, part, &format!("{at}[{n}]"))?;
    }
    if !written.is_empty() {
        w.object().key("role").string(role).key("content").array().bytes().extend_from_slice(&written);
        w.end_array().end_object();
    }
    Ok(())
}

/// Writes a part. One of an unknown type is left out, unless it has a text.
pub(super) fn write_part(w: &mut Writer<'_>, part: &Part<'_>, at: &str) -> Result<(), ErrorBody> {
    match &*part.kind {
        "input_image" => write_image(w, part, at),
        "input_file" => write_file(w, part, at),
        "input_audio" => {
            if let Some(audio) = part.input_audio {
                w.object().key("type").string("input_audio").key("input_audio").raw(audio.get()).end_object();
            }
            Ok(())
        }
        _ => {
            if let Some(text) = part.text.or(part.refusal).filter(|text| !text.is_empty()) {
                w.object().key("type").string("text").key("text").raw(text.token()).end_object();
            }
            Ok(())
        }
    }
}

fn write_image(w: &mut Writer<'_>, part: &Part<'_>, at: &str) -> Result<(), ErrorBody> {
    let nested = || part.image_url.and_then(Object::of).and_then(|object| JsonStr::of(object.get("url")?));
    let url = part.image_url.and_then(JsonStr::of).or_else(nested);
    let Some(url) = url.filter(|url| !url.is_empty()) else {
        return Err(no_file(part, at, "image_url"));
    };
    w.object().key("type").string("image_url").key("image_url").object().key("url").raw(url.token());
    match part.detail.as_deref() {
        // Chat completions know no larger size.
        Some("original") => w.key("detail").string("high"),
        Some(detail @ ("low" | "high" | "auto")) => w.key("detail").string(detail),
        _ => w,
    };
    w.end_object().end_object();
    Ok(())
}

fn write_file(w: &mut Writer<'_>, part: &Part<'_>, at: &str) -> Result<(), ErrorBody> {
    let Some(data) = part.file_data.or(part.file_url).filter(|data| !data.is_empty()) else {
        return Err(no_file(part, at, "file_data"));
    };
    w.object().key("type").string("file").key("file").object().key("file_data").raw(data.token());
    match part.filename.filter(|name| !name.is_empty()) {
        Some(name) => w.key("filename").raw(name.token()),
        None => w.key("filename").string("document.pdf"),
    };
    w.end_object().end_object();
    Ok(())
}

#[cold]
fn no_file(part: &Part<'_>, at: &str, wanted: &str) -> ErrorBody {
    if part.file_id.is_some() {
        return ErrorBody::invalid(
            format!("{at}.file_id"),
            &format!("uploaded files are not supported for this model; send the file itself in `{wanted}`"),
        );
    }
    ErrorBody::invalid(format!("{at}.{wanted}"), "expected a URL or a data URL")
}
