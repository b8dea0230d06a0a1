//! The wire formats of providers, one file each. A dialect takes bytes and facts and writes bytes. It has no
//! host, clock or log, and does not know other dialects or which providers use it (`providers` does).

mod anthropic;
mod bedrock;
mod claude;
mod cohere;
mod gemini;
mod mock;
mod ollama;
pub mod openai;
mod reranked;
mod tool_schema;
mod wording;
mod words;

pub use anthropic::ANTHROPIC;
pub use bedrock::BEDROCK;
pub use cohere::COHERE;
pub use gemini::GEMINI;
pub use mock::MOCK;
pub use ollama::OLLAMA;
pub use openai::OPENAI;

use std::borrow::Cow;

pub use crate::dialect::{Allowed, Body, Dialect, Mocked, Outbound, Stream, Target};

/// A model's name as a path segment: delimiters are escaped. An `@` before a version is not.
fn path_segment(model: &str) -> Cow<'_, str> {
    use core::fmt::Write as _;

    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~@".contains(c);
    if model.chars().all(is_plain) {
        return Cow::Borrowed(model);
    }
    let mut escaped = String::with_capacity(model.len() + 8);
    for byte in model.bytes() {
        if is_plain(char::from(byte)) {
            escaped.push(char::from(byte));
        } else {
            let written = write!(escaped, "%{byte:02X}");
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
    }
    Cow::Owned(escaped)
}

/// The path of an endpoint below a base URL, which users write with or without the version, or in full.
fn path_below(base: &str, version: &'static str, endpoint: &'static str) -> Cow<'static, str> {
    if base.ends_with(endpoint) {
        Cow::Borrowed("")
    } else if base.ends_with(version) {
        Cow::Borrowed(endpoint)
    } else {
        Cow::Owned(format!("{version}{endpoint}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_may_name_the_version_or_the_whole_path() {
        for base in ["https://api.cohere.com", "https://api.cohere.ai/v2", "http://a/b/v2/chat"] {
            let url = format!("{base}{}", path_below(base, "/v2", "/chat"));
            assert!(url.ends_with("/v2/chat") && url.matches("/v2").count() == 1, "{url}");
        }
    }
}
