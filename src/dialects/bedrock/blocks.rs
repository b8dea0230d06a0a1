//! Translates parts of a message to content blocks: text, images, documents, audio, video, and prompt cache
//! markers.

use crate::json::{JsonStr, Object, Raw, Text, Writer, fields, read};
use crate::openai::{Content, DataUrl, ErrorBody, File, ImageUrl, InputAudio, Part, media_type_of};

/// Whether the content has a block that can be sent: blank text is rejected.
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

/// Whether the content has text.
pub(super) fn has_words(content: &Content<'_>) -> bool {
    match content {
        Content::None => false,
        Content::Text(text) => !text.is_blank(),
        Content::Parts(parts) => parts.iter().filter_map(text_of).any(|text| !text.is_blank()),
    }
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
    /// The model supports `cachePoint`.
    pub(super) caching: bool,
    /// Names of the request's documents so far; they must be unique.
    pub(super) documents: &'w mut Vec<String>,
    /// Trims trailing white space of the last text, because the assistant's final turn may not end with it.
    pub(super) trim: bool,
}

impl Blocks<'_, '_> {
    /// Writes the blocks of `content`, followed by the message's cache marker. `at` names the message in
    /// errors.
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
        self.w.object().key("text");
        match text.decode().filter(|_| self.trim) {
            Some(words) if words.ends_with(char::is_whitespace) => self.w.string(words.trim_end()),
            _ => self.w.raw(text.token()),
        };
        self.w.end_object();
        self.cache_point(mark);
    }

    /// A prompt cache marker is a separate block, after the content to cache.
    pub(super) fn cache_point(&mut self, mark: Option<Raw<'_>>) {
        let Some(mark) = mark.filter(|_| self.caching) else { return };
        let mark: Object<'_> = read(mark).unwrap_or_default();
        self.w.object().key("cachePoint").object().key("type").string("default");
        if let Some(ttl) = mark.get("ttl").and_then(JsonStr::of) {
            self.w.key("ttl").raw(ttl.token());
        }
        self.w.end_object().end_object();
    }

    fn part(&mut self, part: &Part<'_>, mark: Option<Raw<'_>>, at: &str) -> Result<(), ErrorBody> {
        if let Some(text) = text_of(part) {
            self.text(text, mark);
            return Ok(());
        }
        match (&*part.kind, &part.image_url, &part.file, &part.input_audio, part.source) {
            ("image_url", Some(image), ..) => self.image_url(image, &format!("{at}.image_url.url"))?,
            ("file", _, Some(file), ..) => self.file(file, &format!("{at}.file"))?,
            ("input_audio", .., Some(audio), _) => self.audio(audio),
            ("image" | "document", .., Some(source)) => self.own(part, source, &format!("{at}.source"))?,
            (kind @ ("image_url" | "file" | "input_audio" | "image" | "document"), ..) => {
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
        self.cache_point(mark);
        Ok(())
    }

    /// Anthropic's `image` and `document`, which `LiteLLM` passes through.
    fn own(&mut self, part: &Part<'_>, source: Raw<'_>, at: &str) -> Result<(), ErrorBody> {
        struct Wire<'a> {
            kind: Text<'a>,
            media_type: Text<'a>,
            data: Option<JsonStr<'a>>,
        }
        fields!(Wire<'a> { kind = "type", media_type, data; "type" });
        let wire: Result<Wire<'_>, _> = read(source);
        let title = part.title.and_then(JsonStr::of);
        match wire {
            Ok(Wire { kind, media_type, data: Some(data) }) if &*kind == "base64" => {
                self.data(&media_type, Source::Bytes(data.inner()), title, at)
            }
            Ok(Wire { kind, data: Some(data), .. }) if &*kind == "text" => {
                self.data("text/plain", Source::Text(data), title, at)
            }
            _ => Err(ErrorBody::invalid(at.to_owned(), "expected a source of type 'base64' or 'text'")),
        }
    }

    fn image_url(&mut self, image: &ImageUrl<'_>, at: &str) -> Result<(), ErrorBody> {
        match DataUrl::parse(image.url) {
            Some(url) => self.data(&url.media_type, Source::Bytes(url.data), None, at),
            None => self.stored(image.url, None, at),
        }
    }

    fn file(&mut self, file: &File<'_>, at: &str) -> Result<(), ErrorBody> {
        let title = file.filename;
        match (file.file_data, file.file_id) {
            (Some(data), _) => {
                let at = format!("{at}.file_data");
                if let Some(url) = DataUrl::parse(data) {
                    return self.data(&url.media_type, Source::Bytes(url.data), title, &at);
                }
                if data.inner().contains(':') {
                    return self.stored(data, title, &at);
                }
                let said = file.format.and_then(JsonStr::decode);
                let name = title.and_then(JsonStr::decode).unwrap_or_default();
                let media_type =
                    said.as_deref().or_else(|| media_type_of(&name)).unwrap_or("application/pdf");
                self.data(media_type, Source::Bytes(data.inner()), title, &at)
            }
            // LiteLLM's clients put a URL here.
            (None, Some(url)) => self.stored(url, title, &format!("{at}.file_id")),
            (None, None) => Err(ErrorBody::invalid(at.to_owned(), "expected 'file_data' or 'file_id'")),
        }
    }

    /// A file in the provider's own storage. Neither the provider nor the gateway fetches other URLs.
    fn stored(&mut self, url: JsonStr<'_>, title: Option<JsonStr<'_>>, at: &str) -> Result<(), ErrorBody> {
        let text = url.decode().filter(|text| text.starts_with("s3://"));
        let Some(text) = text else {
            return Err(ErrorBody::invalid(
                at.to_owned(),
                "the model's provider supports only base64 'data:' URLs and 's3://' URIs",
            ));
        };
        let Some(media_type) = media_type_of(&text) else {
            return Err(ErrorBody::invalid(
                at.to_owned(),
                "cannot determine the file type from the URI's extension",
            ));
        };
        self.data(media_type, Source::S3(url), title, at)
    }

    fn audio(&mut self, audio: &InputAudio<'_>) {
        self.w.object().key("audio").object().key("format").string(&audio.format);
        Source::Bytes(audio.data.inner()).write(self.w);
        self.w.end_object().end_object();
    }

    fn data(
        &mut self,
        media_type: &str,
        source: Source<'_>,
        title: Option<JsonStr<'_>>,
        at: &str,
    ) -> Result<(), ErrorBody> {
        let Some((kind, format)) = format_of(media_type) else {
            return Err(ErrorBody::invalid(
                at.to_owned(),
                &format!("the model's provider does not support files of type '{media_type}'"),
            ));
        };
        self.w.object().key(kind).object().key("format").string(format);
        if kind == "document" {
            let name = title.and_then(JsonStr::decode).unwrap_or_default();
            let name = self.document_name(&name);
            self.w.key("name").string(&name);
        }
        source.write(self.w);
        self.w.end_object().end_object();
        Ok(())
    }

    /// A name that is unique and has only valid characters (letters, digits, single spaces, hyphens,
    /// brackets).
    fn document_name(&mut self, title: &str) -> String {
        let stem = title.rsplit_once('.').map_or(title, |(stem, _)| stem);
        let letters =
            stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-()[]".contains(c) { c } else { ' ' });
        let letters: String = letters.take(180).collect();
        let words: Vec<&str> = letters.split_ascii_whitespace().collect();
        let stem = if words.is_empty() { "Document".to_owned() } else { words.join(" ") };
        let mut name = stem.clone();
        let mut number = 2_u32;
        while self.documents.contains(&name) {
            name = format!("{stem} ({number})");
            number += 1;
        }
        self.documents.push(name.clone());
        name
    }
}

/// The source of a block's data.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// Base64 as written in the JSON token.
    Bytes(&'a str),
    /// Text of a document.
    Text(JsonStr<'a>),
    /// `s3://` URI.
    S3(JsonStr<'a>),
}

impl Source<'_> {
    fn write(self, w: &mut Writer<'_>) {
        w.key("source").object();
        match self {
            Self::Bytes(data) => w.key("bytes").escaped(data),
            Self::Text(text) => w.key("text").raw(text.token()),
            Self::S3(uri) => w.key("s3Location").object().key("uri").raw(uri.token()).end_object(),
        };
        w.end_object();
    }
}

/// The block type and `format` for a media type.
fn format_of(media_type: &str) -> Option<(&'static str, &'static str)> {
    Some(match media_type {
        "image/png" => ("image", "png"),
        "image/jpeg" => ("image", "jpeg"),
        "image/gif" => ("image", "gif"),
        "image/webp" => ("image", "webp"),
        "application/pdf" => ("document", "pdf"),
        "text/csv" => ("document", "csv"),
        "text/html" => ("document", "html"),
        "text/markdown" => ("document", "md"),
        "text/plain" => ("document", "txt"),
        "application/msword" => ("document", "doc"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => ("document", "docx"),
        "application/vnd.ms-excel" => ("document", "xls"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => ("document", "xlsx"),
        "audio/mp3" | "audio/mpeg" => ("audio", "mp3"),
        "audio/wav" | "audio/x-wav" => ("audio", "wav"),
        "audio/aac" => ("audio", "aac"),
        "audio/flac" => ("audio", "flac"),
        "audio/m4a" => ("audio", "m4a"),
        "audio/ogg" => ("audio", "ogg"),
        "audio/webm" => ("audio", "webm"),
        "video/mp4" => ("video", "mp4"),
        "video/mpeg" => ("video", "mpeg"),
        "video/quicktime" => ("video", "mov"),
        "video/webm" => ("video", "webm"),
        "video/x-matroska" => ("video", "mkv"),
        _ => return None,
    })
}
