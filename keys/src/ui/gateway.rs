//! The address under which the browser has reached the gateway.

use axum::http::{HeaderMap, Uri, header};

/// Whether the browser uses https. Envoy sets the header.
pub(super) fn is_https(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

/// The host, as the browser has sent it.
pub(super) fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// The gateway's address, for instructions.
pub(super) fn address(headers: &HeaderMap) -> String {
    let scheme = if is_https(headers) { "https" } else { "http" };
    format!("{scheme}://{}", host(headers).unwrap_or("localhost:4000"))
}

/// Whether a form was sent by a page of this host. Browsers tell; a request without any sign comes from another program, which
/// has no cookie of a browser.
pub(super) fn is_same_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let authority = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let authority = authority.as_ref().and_then(Uri::authority).map(ToString::to_string);
    authority.is_some() && authority.as_deref() == host(headers)
}

/// A page of the console to which a link or a form may lead, or the first page.
pub(super) fn own_page(path: &str) -> &str {
    let is_below =
        path.strip_prefix("/ui").is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let is_clean = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && !path.contains("//");
    if is_below && is_clean && !path.starts_with("/ui/log") { path } else { "/ui" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_form_of_another_site_is_recognised() {
        for (own, pairs) in [
            (true, &[][..]),
            (true, &[("sec-fetch-site", "same-origin")]),
            (false, &[("sec-fetch-site", "cross-site")]),
            (false, &[("sec-fetch-site", "same-site")]),
            (false, &[("sec-fetch-site", "cross-site"), ("origin", "http://g:4000"), ("host", "g:4000")]),
            (true, &[("origin", "http://g:4000"), ("host", "g:4000")]),
            (false, &[("origin", "http://g:4001"), ("host", "g:4000")]),
            (false, &[("origin", "null"), ("host", "g:4000")]),
            (false, &[("origin", "http://g:4000")]),
        ] {
            assert_eq!(is_same_origin(&headers(pairs)), own, "{pairs:?}");
        }
    }

    #[test]
    fn only_pages_of_the_console_are_led_to() {
        for page in ["/ui", "/ui/keys", "/ui/keys?q=a%20b&page=2", "/ui?x=1"] {
            assert_eq!(own_page(page), page);
        }
        for elsewhere in [
            "",
            "/",
            "//evil.test",
            "https://evil.test",
            "/uix",
            "/ui/..//evil.test",
            "/ui/\\evil.test",
            "/ui\\evil",
            "/ui\n/x",
            "/ui/logout",
            "/ui/login?next=/ui",
            "javascript:alert(1)",
            "/ui@evil.test",
            "/ui/ü",
        ] {
            assert_eq!(own_page(elsewhere), "/ui", "{elsewhere:?}");
        }
    }
}
