//! Requests with files: transcriptions, translations, edits of images.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::{Asked, Refusal};
use super::request::invalid;
use super::whole;
use crate::script::Script;

/// A field: its name, whether it is a file, and its bytes.
type Field<'a> = (String, bool, &'a [u8]);

/// Reads a form as a strict server does: the boundary is that of the header.
fn read<'a>(asked: &Asked<'a>) -> Option<Vec<Field<'a>>> {
    let kind = asked.header("content-type")?.strip_prefix("multipart/form-data; boundary=")?;
    let mark = format!("--{}", kind.trim_matches('"'));
    let find = |bytes: &[u8], what: &[u8]| memchr::memmem::find(bytes, what);
    let mut fields = Vec::new();
    let mut rest = asked.body.strip_prefix(mark.as_bytes())?;
    loop {
        if rest.starts_with(b"--") {
            return Some(fields);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let head = find(rest, b"\r\n\r\n")?;
        let headers = String::from_utf8_lossy(&rest[..head]).into_owned();
        let name = headers.split("name=\"").nth(1)?.split('"').next()?.to_owned();
        let content = &rest[head + 4..];
        let end = find(content, format!("\r\n{mark}").as_bytes())?;
        fields.push((name, headers.contains("filename=\""), &content[..end]));
        rest = &content[end + 2 + mark.len()..];
    }
}

pub(super) fn answer(asked: &Asked<'_>) -> Result<Script, Refusal> {
    let Some(fields) = read(asked) else {
        return Err(Refusal::bad("Could not parse multipart form"));
    };
    let known = [
        "file",
        "model",
        "language",
        "prompt",
        "response_format",
        "temperature",
        "timestamp_granularities[]",
        "image",
        "image[]",
        "mask",
        "n",
        "size",
        "quality",
        "background",
    ];
    if let Some((name, ..)) = fields.iter().find(|(name, ..)| !known.contains(&name.as_str())) {
        return Err(Refusal::bad(format!("Unknown parameter: '{name}'.")).about(name));
    }
    let field = |name: &str| fields.iter().find(|(known, ..)| known == name).map(|(.., bytes)| *bytes);
    let text = |name: &str| field(name).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    let file = fields.iter().find(|(_, is_file, _)| *is_file).map(|(.., bytes)| *bytes);
    let (Some(file), false) = (file, text("model").is_empty()) else {
        return Err(invalid("file", "a file, and a model"));
    };
    if asked.path.ends_with("/edits") {
        let count: usize = text("n").parse().unwrap_or(1);
        let data = vec![json!({ "b64_json": STANDARD.encode(file) }); count];
        let usage = json!({
            "input_tokens": 110, "output_tokens": 100 * count, "total_tokens": 110 + 100 * count,
            "input_tokens_details": { "text_tokens": 10, "image_tokens": 100 },
        });
        return Ok(whole(&json!({ "created": 1_700_000_000, "data": data, "usage": usage })));
    }
    let heard = format!("{} heard {} bytes", text("model"), file.len());
    Ok(match text("response_format") {
        "text" => Script::whole(200, "text/plain; charset=utf-8", format!("{heard}\n")),
        "verbose_json" => whole(
            &json!({ "task": "transcribe", "language": "en", "duration": 8.5, "text": heard, "segments": [] }),
        ),
        _ if text("model").starts_with("gpt") => whole(&json!({
            "text": heard,
            "usage": { "type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59,
                       "input_token_details": { "text_tokens": 0, "audio_tokens": 14 } },
        })),
        _ => whole(&json!({ "text": heard, "usage": { "type": "duration", "seconds": 9 } })),
    })
}
