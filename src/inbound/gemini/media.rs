//! `inlineData` and `fileData`, as content parts of a chat.

use super::proto::{Fields, standard_base64};
use crate::json::{JsonStr, Writer};
use crate::openai::ErrorBody;

/// Writes a part's media, and says whether there are any.
pub(super) fn write(w: &mut Writer<'_>, part: &Fields<'_>, detail: Option<&str>) -> Result<bool, ErrorBody> {
    if let Some(media) = part.fields("inlineData")? {
        write_inline(w, &media, detail)?;
    } else if let Some(file) = part.fields("fileData")? {
        write_file(w, &file, detail)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn media_type(media: &Fields<'_>) -> Result<String, ErrorBody> {
    let text = media.text("mimeType")?.and_then(JsonStr::decode).unwrap_or_default();
    Ok(text.into_owned())
}

fn write_inline(w: &mut Writer<'_>, media: &Fields<'_>, detail: Option<&str>) -> Result<(), ErrorBody> {
    let media_type = media_type(media)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/.+-;=_ ".contains(c);
    if media_type.is_empty() || !media_type.chars().all(is_plain) {
        return Err(ErrorBody::invalid(media.place("mimeType"), "expected a media type such as 'image/png'"));
    }
    let data = media.text("data")?.unwrap_or(JsonStr::EMPTY);
    let data = standard_base64(data.inner());
    let url = || format!("data:{media_type};base64,{data}");
    match media_type.split_once('/') {
        Some(("image", _)) => write_image(
            w,
            |w| {
                w.escaped(&url());
            },
            None,
            detail,
        ),
        Some(("audio", kind)) if matches!(kind, "wav" | "x-wav" | "mp3" | "mpeg") => {
            let format = if kind.ends_with("wav") { "wav" } else { "mp3" };
            w.object().key("type").string("input_audio").key("input_audio").object();
            w.key("data").escaped(&data).key("format").string(format).end_object().end_object();
        }
        _ => {
            w.object().key("type").string("file").key("file").object();
            w.key("filename").string(&file_name(&media_type)).key("file_data").escaped(&url());
            w.end_object().end_object();
        }
    }
    Ok(())
}

/// A name that says the type, which some providers read from it.
fn file_name(media_type: &str) -> String {
    let kind = media_type.split(';').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let extension = if kind == "plain" { "txt" } else { kind };
    ["file.", extension].concat()
}

fn write_file(w: &mut Writer<'_>, file: &Fields<'_>, detail: Option<&str>) -> Result<(), ErrorBody> {
    let media_type = media_type(file)?;
    let Some(url) = file.text("fileUri")? else {
        return Err(ErrorBody::invalid(file.place("fileUri"), "expected a URL"));
    };
    if media_type.starts_with("image/") {
        write_image(
            w,
            |w| {
                w.raw(url.token());
            },
            Some(&media_type),
            detail,
        );
        return Ok(());
    }
    w.object().key("type").string("file").key("file").object().key("file_data").raw(url.token());
    if !media_type.is_empty() {
        w.key("format").string(&media_type);
    }
    w.end_object().end_object();
    Ok(())
}

fn write_image(
    w: &mut Writer<'_>,
    url: impl FnOnce(&mut Writer<'_>),
    format: Option<&str>,
    detail: Option<&str>,
) {
    w.object().key("type").string("image_url").key("image_url").object();
    url(w.key("url"));
    for (name, value) in [("format", format), ("detail", detail)] {
        if let Some(value) = value {
            w.key(name).string(value);
        }
    }
    w.end_object().end_object();
}
