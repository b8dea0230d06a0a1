//! The files that pages load. Their addresses contain a hash of their contents, so browsers keep them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use switchboard::key::TokenHash;

const STYLE: &str = concat!(include_str!("assets/style.css"), include_str!("assets/charts.css"));
const SCRIPT: &str = include_str!("assets/script.js");
const PLAYGROUND: &str = include_str!("assets/playground.js");
const ICON: &str = include_str!("assets/icon.svg");

fn address(name: &str, text: &str, ending: &str) -> String {
    let hash = TokenHash::of(text.as_bytes()).to_string();
    let hash = hash.get(..12).unwrap_or_default();
    format!("/ui/assets/{name}-{hash}.{ending}")
}

/// The address of the style sheet.
pub(super) fn style() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("style", STYLE, "css"));
    &ADDRESS
}

/// The address of the script.
pub(super) fn script() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("script", SCRIPT, "js"));
    &ADDRESS
}

/// The address of the playground's script.
pub(super) fn playground() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("playground", PLAYGROUND, "js"));
    &ADDRESS
}

/// `GET /ui/assets/{file}`
pub(super) async fn serve(Path(file): Path<String>) -> Response {
    let path = format!("/ui/assets/{file}");
    let (kind, text, life) = match path.as_str() {
        path if path == style() => ("text/css; charset=utf-8", STYLE, "public, max-age=31536000, immutable"),
        path if path == script() => {
            ("text/javascript; charset=utf-8", SCRIPT, "public, max-age=31536000, immutable")
        }
        path if path == playground() => {
            ("text/javascript; charset=utf-8", PLAYGROUND, "public, max-age=31536000, immutable")
        }
        "/ui/assets/icon.svg" => ("image/svg+xml", ICON, "public, max-age=86400"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let fixed = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let headers = [
        fixed(header::CONTENT_TYPE, kind),
        fixed(header::CACHE_CONTROL, life),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // For the icon, which could be opened as a document.
        fixed(header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
    ];
    (headers, text).into_response()
}
