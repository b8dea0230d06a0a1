//! Finds the key in a request's headers, in every form that `LiteLLM` accepts and in the same order.

use axum::http::HeaderMap;

/// Headers that contain only a key, checked after `x-litellm-api-key` and `Authorization`: Azure's,
/// Anthropic's, Google's and Azure API Management's.
const BARE: [&str; 4] = ["api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"];

/// The key in the headers.
#[derive(Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// No header has a key.
    Nothing,
    /// An `Authorization` header without a scheme.
    Malformed,
    /// A non-empty key, not validated yet.
    Key(&'a [u8]),
}

/// Reads the first header that is not empty.
pub fn presented(headers: &HeaderMap) -> Presented<'_> {
    let value = |name: &str| {
        headers.get(name).map(|value| value.as_bytes().trim_ascii()).filter(|value| !value.is_empty())
    };
    if let Some(key) = value("x-litellm-api-key") {
        return key_or_nothing(without_scheme(key).unwrap_or(key));
    }
    if let Some(authorization) = value("authorization") {
        // A scheme alone means no key, not a malformed one.
        if [&b"Bearer"[..], b"bearer", b"Basic"].contains(&authorization) {
            return Presented::Nothing;
        }
        return without_scheme(authorization).map_or(Presented::Malformed, key_or_nothing);
    }
    BARE.into_iter().find_map(value).map_or(Presented::Nothing, Presented::Key)
}

/// The text after `Bearer`, or after `Basic`, whose base64 `LiteLLM` does not decode either.
fn without_scheme(value: &[u8]) -> Option<&[u8]> {
    [&b"Bearer "[..], b"bearer ", b"Basic "].into_iter().find_map(|scheme| value.strip_prefix(scheme))
}

fn key_or_nothing(key: &[u8]) -> Presented<'_> {
    match key.trim_ascii() {
        [] => Presented::Nothing,
        key => Presented::Key(key),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(all: &[(&str, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn every_form_of_litellm_is_read() {
        for (name, value) in [
            ("x-litellm-api-key", "sk-1"),
            ("x-litellm-api-key", "Bearer sk-1"),
            ("authorization", "Bearer sk-1"),
            ("authorization", "bearer sk-1"),
            ("authorization", "Basic sk-1"),
            ("api-key", "sk-1"),
            ("x-api-key", "sk-1"),
            ("x-goog-api-key", "sk-1"),
            ("ocp-apim-subscription-key", "sk-1"),
        ] {
            assert_eq!(presented(&headers(&[(name, value)])), Presented::Key(b"sk-1"), "{name}: {value}");
        }
    }

    #[test]
    fn the_first_of_several_headers_counts() {
        let order = [
            "x-litellm-api-key",
            "authorization",
            "api-key",
            "x-api-key",
            "x-goog-api-key",
            "ocp-apim-subscription-key",
        ];
        for (at, first) in order.iter().enumerate() {
            let all: Vec<_> = order[at..]
                .iter()
                .map(|name| (*name, if name == first { "Bearer sk-first" } else { "Bearer sk-later" }))
                .collect();
            let all = headers(&all);
            let Presented::Key(key) = presented(&all) else { panic!("{first}") };
            assert!(key.ends_with(b"sk-first"), "{first}");
        }
    }

    #[test]
    fn an_authorization_without_a_scheme_is_malformed_and_an_empty_one_is_none() {
        assert_eq!(presented(&headers(&[("authorization", "sk-1")])), Presented::Malformed);
        assert_eq!(presented(&headers(&[("authorization", "Bearersk-1")])), Presented::Malformed);
        for value in ["", "Bearer", "Bearer "] {
            assert_eq!(presented(&headers(&[("authorization", value)])), Presented::Nothing, "{value:?}");
        }
        assert_eq!(presented(&headers(&[])), Presented::Nothing);
    }
}
