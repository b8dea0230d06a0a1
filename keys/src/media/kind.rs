//! Detects the media type of a file: by its first bytes, or otherwise by the server's `content-type` and the
//! URL.

use switchboard::openai::media_type_of;

/// How many bytes of a file are inspected.
pub(super) const HEAD: usize = 8 * 1024;

/// Types that some provider supports: as detected, and under the name that providers use.
const TAKEN: &[(&str, &str)] = &[
    ("application/msword", "application/msword"),
    ("application/pdf", "application/pdf"),
    ("application/vnd.ms-excel", "application/vnd.ms-excel"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("audio/aac", "audio/aac"),
    ("audio/flac", "audio/flac"),
    ("audio/m4a", "audio/m4a"),
    ("audio/mpeg", "audio/mpeg"),
    ("audio/ogg", "audio/ogg"),
    ("audio/wav", "audio/wav"),
    ("audio/x-flac", "audio/flac"),
    ("audio/x-wav", "audio/wav"),
    ("image/avif", "image/avif"),
    ("image/gif", "image/gif"),
    ("image/heic", "image/heic"),
    ("image/heif", "image/heif"),
    ("image/jpeg", "image/jpeg"),
    ("image/png", "image/png"),
    ("image/webp", "image/webp"),
    ("video/mp4", "video/mp4"),
    ("video/mpeg", "video/mpeg"),
    ("video/quicktime", "video/quicktime"),
    ("video/webm", "video/webm"),
    ("video/x-matroska", "video/x-matroska"),
];

/// Text types, which cannot be detected from the bytes.
const TEXTS: &[(&str, &str)] = &[
    ("application/json", "text/plain"),
    ("text/csv", "text/csv"),
    ("text/html", "text/html"),
    ("text/markdown", "text/markdown"),
    ("text/plain", "text/plain"),
    ("text/xml", "text/plain"),
];

/// Legacy Office documents all start with these bytes; the server's `content-type` distinguishes them.
const OLE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

fn known(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(found, _)| *found == name).map(|(_, usual)| *usual)
}

/// The media type of a file that starts with `head`. `said` is the server's `content-type`.
///
/// # Errors
/// The unsupported type that it is.
pub(super) fn of(head: &[u8], said: Option<&str>, path: &str) -> Result<&'static str, String> {
    let said = said.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let found = infer::get(head).map(|found| found.mime_type());
    if let Some(usual) = found.and_then(|found| known(TAKEN, found)) {
        return Ok(usual);
    }
    let named = media_type_of(path).unwrap_or_default();
    if head.starts_with(OLE) {
        let office = [said.as_str(), named];
        let office =
            office.iter().find(|name| matches!(**name, "application/msword" | "application/vnd.ms-excel"));
        return office
            .and_then(|name| known(TAKEN, name))
            .ok_or_else(|| "unknown document format".to_owned());
    }
    if is_text(head) {
        let html = found.filter(|found| *found == "text/html");
        let stored = matches!(said.as_str(), "" | "application/octet-stream" | "binary/octet-stream");
        let name = html.unwrap_or(if stored { named } else { &said });
        if let Some(usual) = known(TEXTS, name) {
            return Ok(usual);
        }
    }
    Err(match (found, said.as_str()) {
        (Some(found), _) => found.to_owned(),
        (None, "") => "unknown".to_owned(),
        (None, said) => format!("'{said}'"),
    })
}

/// Whether these are the first bytes of UTF-8 text.
fn is_text(head: &[u8]) -> bool {
    match core::str::from_utf8(head) {
        Ok(text) => !text.contains('\0'),
        // A character may be cut off at the end.
        Err(error) => error.error_len().is_none() && !head.contains(&0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn the_bytes_go_before_the_servers_word() {
        assert_eq!(of(PNG, Some("image/jpeg"), "/a.gif"), Ok("image/png"));
        assert_eq!(of(PNG, Some("application/octet-stream"), "/a"), Ok("image/png"));
        assert_eq!(of(b"\xff\xd8\xff\xe0\0\x10JFIF", None, "/a"), Ok("image/jpeg"));
        assert_eq!(of(b"%PDF-1.7\n", Some("text/plain"), "/a"), Ok("application/pdf"));
        assert_eq!(of(b"RIFF\x24\0\0\0WAVEfmt ", None, "/a"), Ok("audio/wav"));
    }

    #[test]
    fn texts_are_told_by_the_server_or_the_url() {
        assert_eq!(of(b"a,b\n1,2\n", Some("text/csv; charset=utf-8"), "/a"), Ok("text/csv"));
        assert_eq!(of(b"# Title\n", Some("binary/octet-stream"), "/readme.md"), Ok("text/markdown"));
        assert_eq!(of("ä".as_bytes().split_at(1).0, Some("text/plain"), "/a"), Ok("text/plain"));
        assert_eq!(of(b"<!DOCTYPE html><html>", Some("text/plain"), "/a.png"), Ok("text/html"));
    }

    #[test]
    fn what_no_provider_takes_is_named() {
        let program = [b"\x7fELF\x02\x01\x01", &[0; 64][..]].concat();
        assert!(of(&program, Some("image/png"), "/a.png").unwrap_err().contains("x-executable"));
        assert!(of(b"\x1f\x8b\x08\0\0\0", Some("image/png"), "/a.png").unwrap_err().contains("gzip"));
        assert!(of(b"\0\x01\x02", Some("image/png"), "/a.png").unwrap_err().contains("'image/png'"));
        assert!(of(b"<svg xmlns=''/>", Some("image/svg+xml"), "/a.svg").unwrap_err().contains("svg"));
        assert_eq!(of(b"", None, "/a"), Err("unknown".to_owned()));
    }
}
