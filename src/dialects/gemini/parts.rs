//! Translates parts of a message to `parts`: text, and media inline or by URL.

use std::borrow::Cow;

use crate::json::{JsonStr, Writer};
use crate::openai::{Content, DataUrl, ErrorBody, File, ImageUrl, Part, media_type_of};

/// The resolution of images (`image_url.detail`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Media {
    /// Set for each part; otherwise the request sets it for all of them.
    pub(super) each: bool,
}

/// The highest resolution of any image, for a request that sets it for all.
pub(super) fn closest<'m>(messages: impl Iterator<Item = &'m Content<'m>>) -> Option<&'static str> {
    let parts = messages.flat_map(|content| match content {
        Content::Parts(parts) => parts.as_slice(),
        _ => &[],
    });
    let asked = parts.filter_map(|part| level(part.image_url.as_ref()?)).map(|(rank, _)| rank);
    LEVELS.get(asked.max()?).map(|(_, level)| *level)
}

/// Names of the levels of `detail`, in ascending order.
const LEVELS: &[(&str, &str)] = &[
    ("low", "MEDIA_RESOLUTION_LOW"),
    ("medium", "MEDIA_RESOLUTION_MEDIUM"),
    ("high", "MEDIA_RESOLUTION_HIGH"),
];

fn level(image: &ImageUrl<'_>) -> Option<(usize, &'static str)> {
    let detail = image.detail?;
    let rank = LEVELS.iter().position(|(ours, _)| *ours == detail.inner())?;
    LEVELS.get(rank).map(|(_, level)| (rank, *level))
}

/// Whether the content has a part that can be sent: empty text is rejected.
pub(super) fn says_something(content: &Content<'_>) -> bool {
    match content {
        Content::None => false,
        Content::Text(text) => !text.is_empty(),
        Content::Parts(parts) => parts.iter().any(|part| text_of(part).is_none_or(|text| !text.is_empty())),
    }
}

/// The text of a textual part.
pub(super) fn text_of<'a>(part: &Part<'a>) -> Option<JsonStr<'a>> {
    match &*part.kind {
        "text" => Some(part.text.unwrap_or(JsonStr::EMPTY)),
        "refusal" => Some(part.refusal.unwrap_or(JsonStr::EMPTY)),
        _ => None,
    }
}

/// Writes the parts of `content`. `at` names the message in errors.
pub(super) fn write(
    w: &mut Writer<'_>,
    content: &Content<'_>,
    media: Media,
    at: &str,
) -> Result<(), ErrorBody> {
    match content {
        Content::None => {}
        Content::Text(text) => write_text(w, *text),
        Content::Parts(parts) => {
            for (n, part) in parts.iter().enumerate() {
                match text_of(part) {
                    Some(text) => write_text(w, text),
                    None => write_media(w, part, media, &format!("{at}.content[{n}]"))?,
                }
            }
        }
    }
    Ok(())
}

/// Writes a text, unless it is empty.
pub(super) fn write_text(w: &mut Writer<'_>, text: JsonStr<'_>) {
    if !text.is_empty() {
        w.object().key("text").raw(text.token()).end_object();
    }
}

/// Writes a part that is not text.
pub(super) fn write_media(
    w: &mut Writer<'_>,
    part: &Part<'_>,
    media: Media,
    at: &str,
) -> Result<(), ErrorBody> {
    match (&*part.kind, &part.image_url, &part.input_audio, &part.file) {
        ("image_url", Some(image), ..) => {
            image_url(w, image, at)?;
            if let Some((_, level)) = level(image).filter(|_| media.each) {
                w.reopen_object().key("mediaResolution").object().key("level").string(level).end_object();
                w.end_object();
            }
            Ok(())
        }
        ("input_audio", _, Some(audio), _) => {
            inline(w, &format!("audio/{}", &*audio.format), audio.data.inner());
            Ok(())
        }
        ("file", .., Some(file)) => write_file(w, file, at),
        (kind @ ("image_url" | "input_audio" | "file"), ..) => {
            Err(ErrorBody::invalid(format!("{at}.{kind}"), "missing, but required by the part's 'type'"))
        }
        (kind, ..) => Err(ErrorBody::invalid(
            format!("{at}.type"),
            &format!("the model's provider does not support content of type '{kind}'"),
        )),
    }
}

fn image_url(w: &mut Writer<'_>, image: &ImageUrl<'_>, at: &str) -> Result<(), ErrorBody> {
    if let Some(data) = DataUrl::parse(image.url) {
        inline(w, &data.media_type, data.data);
        return Ok(());
    }
    if !is_fetched(image.url) {
        return Err(ErrorBody::invalid(
            format!("{at}.image_url.url"),
            "the model's provider supports only 'https:' and 'gs:' URLs and base64 'data:' URLs",
        ));
    }
    // The type is required, and most URLs without an extension are photos.
    from_url(w, image.url, image.format, "image/jpeg");
    Ok(())
}

fn write_file(w: &mut Writer<'_>, file: &File<'_>, at: &str) -> Result<(), ErrorBody> {
    let at = format!("{at}.file");
    match (file.file_data, file.file_id) {
        (Some(data), _) if is_fetched(data) => from_url(w, data, file.format, "application/pdf"),
        (Some(data), _) => match DataUrl::parse(data) {
            Some(data) => inline(w, &data.media_type, data.data),
            None if data.inner().starts_with("data:") => {
                return Err(ErrorBody::invalid(
                    format!("{at}.file_data"),
                    "the 'data:' URL must be base64-encoded",
                ));
            }
            None => {
                let name = file.filename.and_then(JsonStr::decode).unwrap_or_default();
                let format = file.format.and_then(JsonStr::decode);
                let usual = || Cow::Borrowed(media_type_of(&name).unwrap_or("application/pdf"));
                inline(w, &format.unwrap_or_else(usual), data.inner());
            }
        },
        // The id of a file that was uploaded to the provider is a URL.
        (None, Some(id)) if is_fetched(id) => from_url(w, id, file.format, "application/pdf"),
        (None, Some(_)) => {
            return Err(ErrorBody::invalid(
                format!("{at}.file_id"),
                "the model's provider supports only 'https:' and 'gs:' URLs for files",
            ));
        }
        (None, None) => return Err(ErrorBody::invalid(at, "expected 'file_data' or 'file_id'")),
    }
    Ok(())
}

/// Whether the provider fetches the URL.
fn is_fetched(url: JsonStr<'_>) -> bool {
    ["https:", "gs:"].iter().any(|scheme| url.inner().starts_with(scheme))
}

pub(super) fn inline(w: &mut Writer<'_>, media_type: &str, data: &str) {
    w.object().key("inlineData").object().key("mimeType").string(media_type);
    w.key("data").escaped(data).end_object().end_object();
}

fn from_url(w: &mut Writer<'_>, url: JsonStr<'_>, format: Option<JsonStr<'_>>, usual: &str) {
    let decoded = url.decode().unwrap_or_default();
    w.object().key("fileData").object().key("mimeType");
    match format {
        Some(format) => w.raw(format.token()),
        None => w.string(media_type_of(&decoded).unwrap_or(usual)),
    };
    w.key("fileUri").raw(url.token()).end_object().end_object();
}
