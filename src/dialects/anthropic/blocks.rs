//! Translates parts of a message to content blocks: text, images, documents.

use std::borrow::Cow;

use super::betas::{self, Betas};
use crate::json::{JsonStr, Raw, Writer};
use crate::openai::{Content, ErrorBody, File, ImageUrl, Part};
use base64::Engine as _;

/// Whether the content has a block that can be sent: Anthropic rejects blank text.
pub(super) fn says_something(content: &Content<'_>) -> bool {
    match content {
        Content::None => false,
        Content::Text(text) => !text.is_blank(),
        Content::Parts(parts) => parts.iter().any(part_says_something),
    }
}

fn part_says_something(part: &Part<'_>) -> bool {
    text_of(part).is_none_or(|text| !text.is_blank())
}

/// The text of a textual part.
fn text_of<'a>(part: &Part<'a>) -> Option<JsonStr<'a>> {
    match &*part.kind {
        "text" => Some(part.text.unwrap_or(JsonStr::EMPTY)),
        "refusal" => Some(part.refusal.unwrap_or(JsonStr::EMPTY)),
        _ => None,
    }
}

/// Writes content as blocks.
pub(super) struct Blocks<'w, 'o> {
    pub(super) w: &'w mut Writer<'o>,
    pub(super) betas: &'w mut Betas,
    /// Trims trailing white space of the last text, because the assistant's final turn may not end with it.
    pub(super) trim: bool,
}

impl Blocks<'_, '_> {
    /// Writes the blocks of `content`. The last block gets the message's cache marker. `at` names the message
    /// in errors.
    pub(super) fn content(
        &mut self,
        content: &Content<'_>,
        mark: Option<Raw<'_>>,
        at: &str,
    ) -> Result<(), ErrorBody> {
        match content {
            Content::None => {}
            Content::Text(text) => self.text(*text, mark),
            Content::Parts(parts) => {
                let last = parts.iter().rposition(part_says_something);
                for (n, part) in parts.iter().enumerate() {
                    let mark = part.cache_control.or(mark.filter(|_| Some(n) == last));
                    self.part(part, mark, &format!("{at}.content[{n}]"))?;
                }
            }
        }
        Ok(())
    }

    /// Writes a text, unless it is blank.
    pub(super) fn text(&mut self, text: JsonStr<'_>, mark: Option<Raw<'_>>) {
        if text.is_blank() {
            return;
        }
        self.w.object().key("type").string("text").key("text");
        match self.trim.then(|| text.decode()).flatten() {
            Some(words) if words.ends_with(char::is_whitespace) => self.w.string(words.trim_end()),
            _ => self.w.raw(text.token()),
        };
        self.end(mark);
    }

    fn part(&mut self, part: &Part<'_>, mark: Option<Raw<'_>>, at: &str) -> Result<(), ErrorBody> {
        if let Some(text) = text_of(part) {
            self.text(text, mark);
            return Ok(());
        }
        match (&*part.kind, &part.image_url, &part.file, part.source) {
            ("image_url", Some(image), ..) => self.image_url(image, at)?,
            ("file", _, Some(file), _) => self.file(file, at)?,
            ("image" | "document", .., Some(source)) => self.own(part, source),
            (kind @ ("image_url" | "file" | "image" | "document"), ..) => {
                let field = if matches!(kind, "image" | "document") { "source" } else { kind };
                return Err(ErrorBody::invalid(
                    format!("{at}.{field}"),
                    "missing, but required by the part's 'type'",
                ));
            }
            (kind, ..) => {
                return Err(ErrorBody::invalid(
                    format!("{at}.type"),
                    &format!("the model's provider does not support content of type '{kind}'"),
                ));
            }
        }
        self.end(mark);
        Ok(())
    }

    /// An `image` or `document` that is already in Anthropic's format.
    fn own(&mut self, part: &Part<'_>, source: Raw<'_>) {
        self.w.object().key("type").string(&part.kind).key("source").raw(source.get());
        for (name, value) in [("title", part.title), ("context", part.context), ("citations", part.citations)]
        {
            if let Some(value) = value {
                self.w.key(name).raw(value.get());
            }
        }
    }

    fn image_url(&mut self, image: &ImageUrl<'_>, at: &str) -> Result<(), ErrorBody> {
        let url = image.url;
        if let Some(data) = DataUrl::parse(url) {
            return self.data(&data, None, &format!("{at}.image_url"));
        }
        if !url.inner().starts_with("https:") {
            return Err(ErrorBody::invalid(
                format!("{at}.image_url.url"),
                "the model's provider supports only 'https:' URLs and base64 'data:' URLs",
            ));
        }
        self.url("image", url);
        Ok(())
    }

    fn file(&mut self, file: &File<'_>, at: &str) -> Result<(), ErrorBody> {
        let at = format!("{at}.file");
        match (file.file_data, file.file_id) {
            (Some(data), _) => {
                let bare = || DataUrl { media_type: bare_type(file), data: data.inner() };
                if data.inner().starts_with("https:") {
                    self.url("document", data);
                } else if let Some(data) = DataUrl::parse(data) {
                    self.data(&data, file.filename, &at)?;
                } else if data.inner().starts_with("data:") {
                    return Err(ErrorBody::invalid(
                        format!("{at}.file_data"),
                        "the 'data:' URL must be base64-encoded",
                    ));
                } else {
                    self.data(&bare(), file.filename, &at)?;
                }
            }
            // LiteLLM's clients put a URL here.
            (None, Some(url)) if url.inner().starts_with("https:") => self.url("document", url),
            (None, Some(id)) => {
                self.betas.add(betas::FILES);
                self.w.object().key("type").string("document").key("source").object();
                self.w.key("type").string("file").key("file_id").raw(id.token()).end_object();
            }
            (None, None) => {
                return Err(ErrorBody::invalid(at, "expected 'file_data' or 'file_id'"));
            }
        }
        Ok(())
    }

    fn url(&mut self, kind: &str, url: JsonStr<'_>) {
        self.w.object().key("type").string(kind).key("source").object();
        self.w.key("type").string("url").key("url").raw(url.token()).end_object();
    }

    fn data(&mut self, data: &DataUrl<'_>, title: Option<JsonStr<'_>>, at: &str) -> Result<(), ErrorBody> {
        let media_type: &str = match &*data.media_type {
            "image/jpg" => "image/jpeg",
            other => other,
        };
        if media_type.starts_with("image/") {
            self.base64("image", media_type, data.data);
        } else if media_type.starts_with("text/") {
            let text = decode_text(data.data)
                .ok_or_else(|| ErrorBody::invalid(at.to_owned(), "expected base64-encoded UTF-8 text"))?;
            self.w.object().key("type").string("document").key("source").object();
            self.w.key("type").string("text").key("media_type").string("text/plain");
            self.w.key("data").string(&text).end_object();
        } else {
            self.base64("document", media_type, data.data);
        }
        if let Some(title) = title.filter(|title| !title.is_blank() && !media_type.starts_with("image/")) {
            self.w.key("title").raw(title.token());
        }
        Ok(())
    }

    fn base64(&mut self, kind: &str, media_type: &str, data: &str) {
        self.w.object().key("type").string(kind).key("source").object();
        self.w.key("type").string("base64").key("media_type").string(media_type);
        self.w.key("data").escaped(data).end_object();
    }

    fn end(&mut self, mark: Option<Raw<'_>>) {
        if let Some(mark) = mark {
            self.w.key("cache_control").raw(mark.get());
        }
        self.w.end_object();
    }
}

/// The media type of base64 without a `data:` prefix: the client's, or derived from the file name.
fn bare_type<'a>(file: &File<'a>) -> Cow<'a, str> {
    if let Some(format) = file.format.and_then(JsonStr::decode) {
        return format;
    }
    let name = file.filename.and_then(JsonStr::decode).unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    Cow::Borrowed(match extension.as_deref() {
        Some("txt" | "md" | "csv" | "log") => "text/plain",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        _ => "application/pdf",
    })
}

fn decode_text(data: &str) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(data.replace("\\/", "/")).ok()?;
    String::from_utf8(bytes).ok()
}

/// `data:<media type>;base64,<data>` (RFC 2397) inside a JSON string. It is parsed without decoding the
/// string: the only character of base64 and media types that JSON may escape is the slash.
struct DataUrl<'a> {
    media_type: Cow<'a, str>,
    /// Base64 as written in the JSON token.
    data: &'a str,
}

impl<'a> DataUrl<'a> {
    fn parse(url: JsonStr<'a>) -> Option<Self> {
        let (head, data) = url.inner().strip_prefix("data:")?.split_once(";base64,")?;
        // Parameters (`;name=a.pdf`) are not part of the type.
        let media_type = head.split(';').next().unwrap_or_default();
        let media_type = if media_type.contains('\\') {
            Cow::Owned(media_type.replace("\\/", "/"))
        } else {
            Cow::Borrowed(media_type)
        };
        Some(Self { media_type, data })
    }
}
