//! The headers of a request, and the key in them.

use crate::openai::ErrorBody;

/// Request headers. Names are lowercase; values are bytes, because a client may send any.
#[derive(Clone, Debug, Default)]
pub struct Head(Vec<(String, Vec<u8>)>);

impl Head {
    /// Takes the headers that the host read.
    pub fn new(headers: Vec<(String, Vec<u8>)>) -> Self {
        Self(headers)
    }

    /// The first value for a name.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_slice())
    }

    /// A value, if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| core::str::from_utf8(value).ok())
    }

    /// `content-length`.
    pub fn length(&self) -> Option<u64> {
        self.text("content-length")?.parse().ok()
    }

    /// All values for a name as one list (RFC 9110, section 5.3); `None` if there are none.
    pub fn joined(&self, name: &str) -> Option<String> {
        let values = self.0.iter().filter(|(header, _)| header == name);
        let values = values.filter_map(|(_, value)| core::str::from_utf8(value).ok());
        values.fold(None, |list: Option<String>, value| match list {
            None => Some(value.to_owned()),
            Some(list) => Some([&list, ",", value].concat()),
        })
    }

    /// Headers in this request that only the gateway may set for Envoy and that must be removed. Two names of
    /// Envoy's own are exempt: it overwrites them with the client's address, and they do not affect routing.
    pub fn forbidden(&self) -> impl Iterator<Item = &str> {
        let internal = |name: &str| {
            name.starts_with("x-switchboard-")
                || name.starts_with("x-envoy-")
                    && !matches!(name, "x-envoy-internal" | "x-envoy-external-address")
        };
        self.0.iter().map(|(name, _)| name.as_str()).filter(move |name| internal(name))
    }

    /// The path without the client's key, if it is in the query. It replaces the path before anything logs or forwards it.
    pub fn path_without_key(&self) -> Option<String> {
        super::path::without_key(self.text(":path")?)
    }

    /// All headers.
    pub(super) fn into_pairs(self) -> Vec<(String, Vec<u8>)> {
        self.0
    }
}

/// The key of a request.
///
/// `LiteLLM`'s precedence: its own header, `Authorization`, then the headers of other vendors' SDKs.
/// `key_header` is `general_settings.litellm_key_header_name`, `in_query` the key in the path's query, which comes last.
///
/// # Errors
/// 401 if there is none, or a token without a scheme.
pub(super) fn presented_key<'h>(
    head: &'h Head,
    key_header: Option<&str>,
    in_query: &'h str,
) -> Result<&'h [u8], ErrorBody> {
    const ALONE: &[&str] = &["api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"];
    let filled = |name: &str| head.get(name).filter(|value| !value.is_empty());
    if let Some(key) = key_header.and_then(filled).or_else(|| filled("x-litellm-api-key")) {
        return Ok(bearer(key).unwrap_or(key).trim_ascii());
    }
    if let Some(authorization) = filled("authorization") {
        return bearer(authorization).map(<[u8]>::trim_ascii).ok_or_else(|| {
            unauthorized(
                "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.",
            )
        });
    }
    ALONE
        .iter()
        .find_map(|name| filled(name))
        .or_else(|| Some(in_query.as_bytes()).filter(|key| !key.is_empty()))
        .map(|key| bearer(key).unwrap_or(key).trim_ascii())
        .ok_or_else(|| unauthorized("Authentication Error, No api key passed in."))
}

/// `401 auth_error`
pub(super) fn unauthorized(message: impl Into<String>) -> ErrorBody {
    ErrorBody::new(401, "auth_error", message)
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    // Like LiteLLM, strip `Basic` without decoding it: the result is a key that does not start with `sk-`.
    [&b"Bearer "[..], b"bearer ", b"Basic "].iter().find_map(|scheme| value.strip_prefix(*scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(headers: &[(&str, &str)]) -> Result<String, String> {
        let head = Head::new(headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect());
        presented_key(&head, None, "")
            .map(|key| String::from_utf8(key.to_vec()).unwrap())
            .map_err(|error| error.message)
    }

    #[test]
    fn every_header_form_presents_a_key_in_the_order_of_precedence() {
        assert_eq!(key(&[("authorization", "Bearer sk-1"), ("x-litellm-api-key", "sk-2")]).unwrap(), "sk-2");
        assert_eq!(key(&[("x-litellm-api-key", "Bearer sk-2")]).unwrap(), "sk-2");
        assert_eq!(key(&[("api-key", "sk-3"), ("authorization", "bearer sk-1")]).unwrap(), "sk-1");
        for name in ["api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"] {
            assert_eq!(key(&[(name, "sk-4")]).unwrap(), "sk-4", "{name}");
        }
    }

    #[test]
    fn a_key_in_the_query_comes_last_and_is_taken_out_of_the_path() {
        let head = |headers: &[(&str, &str)]| {
            Head::new(headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect())
        };
        assert_eq!(presented_key(&head(&[]), None, "sk-5").unwrap(), b"sk-5");
        assert_eq!(presented_key(&head(&[("x-goog-api-key", "sk-4")]), None, "sk-5").unwrap(), b"sk-4");
        let path = |path: &str| head(&[(":path", path)]).path_without_key();
        let rest = |path: &str| Some(path.to_owned());
        assert_eq!(
            path("/v1beta/models/m:generateContent?key=sk-1"),
            rest("/v1beta/models/m:generateContent")
        );
        assert_eq!(
            path("/v1/models/m:streamGenerateContent?alt=sse&k%65y=sk-1&key=sk-2"),
            rest("/v1/models/m:streamGenerateContent?alt=sse")
        );
        assert_eq!(path("/v1beta/models?pageSize=5&key=sk-1"), rest("/v1beta/models?pageSize=5"));
        assert_eq!(
            path("/gemini/v1beta/models/m:countTokens?key="),
            rest("/gemini/v1beta/models/m:countTokens")
        );
        // The SDK sends its key to every path, and a header may say that the client speaks this language.
        for other in [
            "/v1/models",
            "/v1beta/files",
            "/upload/v1beta/files",
            "/v1beta/models/m:predict",
            "/v1beta/models/",
        ] {
            assert_eq!(path(&format!("{other}?key=sk-1")), rest(other));
        }
        for other in ["/key/info?key=sk-1", "/v1beta/models?monkey=1", "/v1beta/models"] {
            assert_eq!(path(other), None, "{other}");
        }
    }

    #[test]
    fn no_key_and_a_bare_token_are_told_apart() {
        assert!(key(&[]).unwrap_err().contains("No api key passed in."));
        assert!(key(&[("authorization", "sk-1")]).unwrap_err().contains("Malformed API Key"));
    }
}
