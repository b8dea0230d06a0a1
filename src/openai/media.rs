//! URLs and media types of the images, audio and files in messages.

use std::borrow::Cow;

use crate::json::JsonStr;

/// `data:<media type>;base64,<data>` (RFC 2397) inside a JSON string. It is parsed without decoding the
/// string: the only character of base64 and media types that JSON may escape is the slash.
#[derive(Clone, Debug)]
pub struct DataUrl<'a> {
    /// The media type without its parameters.
    pub media_type: Cow<'a, str>,
    /// Base64 as written in the JSON token, without quotes.
    pub data: &'a str,
}

impl<'a> DataUrl<'a> {
    /// Parses a URL; `None` if it is not a `data:` URL or not base64.
    pub fn parse(url: JsonStr<'a>) -> Option<Self> {
        let (head, data) = url.inner().strip_prefix("data:")?.split_once(";base64,")?;
        // Parameters (`;name=a.pdf`) are not part of the type.
        let media_type = head.split(';').next().unwrap_or_default();
        let media_type = if media_type.contains('\\') {
            Cow::Owned(media_type.replace("\\/", "/"))
        } else {
            Cow::Borrowed(media_type)
        };
        Some(Self { media_type: usual(media_type), data })
    }
}

/// Corrects media types that clients commonly get wrong.
fn usual(media_type: Cow<'_, str>) -> Cow<'_, str> {
    if media_type == "image/jpg" { Cow::Borrowed("image/jpeg") } else { media_type }
}

/// The media type for the extension of a file name or URL.
pub fn media_type_of(name: &str) -> Option<&'static str> {
    let path = name.split(['?', '#']).next().unwrap_or_default();
    let (_, extension) = path.rsplit('/').next().unwrap_or_default().rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "aac" => "audio/aac",
        "csv" => "text/csv",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "flac" => "audio/flac",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "html" | "htm" => "text/html",
        "jpg" | "jpeg" => "image/jpeg",
        "m4a" => "audio/m4a",
        "md" => "text/markdown",
        "mkv" => "video/x-matroska",
        "mov" => "video/quicktime",
        "mp3" => "audio/mp3",
        "mp4" => "video/mp4",
        "mpeg" | "mpg" => "video/mpeg",
        "ogg" => "audio/ogg",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "txt" | "log" => "text/plain",
        "wav" => "audio/wav",
        "webm" => "video/webm",
        "webp" => "image/webp",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(json: &str) -> JsonStr<'_> {
        crate::json::read(json).unwrap()
    }

    #[test]
    fn a_data_url_is_taken_apart_without_its_escapes_and_parameters() {
        let url = DataUrl::parse(token(r#""data:image\/jpg;name=a.jpg;base64,AA\/B""#)).unwrap();
        assert_eq!((&*url.media_type, url.data), ("image/jpeg", r"AA\/B"));
        assert!(DataUrl::parse(token(r#""data:text/plain,hello""#)).is_none());
        assert!(DataUrl::parse(token(r#""https://a/b.png""#)).is_none());
    }

    #[test]
    fn an_extension_tells_the_type_and_a_query_or_a_host_does_not() {
        assert_eq!(media_type_of("https://a.com/b.PNG?x=.pdf"), Some("image/png"));
        assert_eq!(media_type_of("report.pdf"), Some("application/pdf"));
        assert_eq!(media_type_of("https://example.gif/cat"), None);
        assert_eq!(media_type_of("cat"), None);
    }
}
