//! The cookie of a session.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use switchboard::key::TokenHash;

use super::gateway::is_https;

const NAME: &str = "switchboard_session";

/// The same with a name that browsers accept only over https.
const SECURE_NAME: &str = "__Secure-switchboard_session";

/// The secret in a session's cookie.
#[derive(Clone)]
pub(super) struct SessionId(String);

impl core::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SessionId")
    }
}

impl SessionId {
    /// 256 bits from the operating system's generator.
    pub(super) fn random() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    /// From a request's cookies.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let name = name(headers);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let id = pairs.find(|(of, _)| *of == name)?.1;
        (!id.is_empty()).then(|| Self(id.to_owned()))
    }

    /// What the database has.
    pub(super) fn stored(&self) -> String {
        TokenHash::of(self.0.as_bytes()).to_string()
    }

    /// The token in every form of this session. A page of another site cannot know it.
    pub(super) fn form_token(&self) -> String {
        TokenHash::of(format!("form {}", self.0).as_bytes()).to_string()
    }

    /// A salt that nobody else knows.
    pub(super) fn salt(&self) -> &str {
        &self.0
    }

    /// The header that sets the cookie.
    pub(super) fn set(&self, request: &HeaderMap) -> HeaderValue {
        cookie(request, &self.0, "")
    }
}

/// The header that deletes the cookie.
pub(super) fn unset(request: &HeaderMap) -> HeaderValue {
    cookie(request, "", "; Max-Age=0")
}

fn name(request: &HeaderMap) -> &'static str {
    if is_https(request) { SECURE_NAME } else { NAME }
}

fn cookie(request: &HeaderMap, value: &str, more: &str) -> HeaderValue {
    let secure = if is_https(request) { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/ui; HttpOnly; SameSite=Strict{secure}{more}", name(request));
    // Only base64 and constants.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others_and_by_its_whole_name() {
        let found = |line: &str| SessionId::of(&headers(&[(header::COOKIE, line)])).map(|id| id.0);
        assert_eq!(found("a=b; switchboard_session=x; c=d").as_deref(), Some("x"));
        assert_eq!(found("a=switchboard_session; xswitchboard_session=x; switchboard_session="), None);
    }

    #[test]
    fn over_https_the_cookie_is_secure_and_a_plain_one_does_not_count() {
        let https = header::HeaderName::from_static("x-forwarded-proto");
        let request = headers(&[(https.clone(), "https"), (header::COOKIE, "switchboard_session=x")]);
        assert!(SessionId::of(&request).is_none());
        let id = SessionId::random();
        let header = id.set(&request).to_str().unwrap().to_owned();
        assert!(header.ends_with("; Path=/ui; HttpOnly; SameSite=Strict; Secure"), "{header}");
        let sent = header.split(';').next().unwrap().to_owned();
        let again = SessionId::of(&headers(&[(https, "https"), (header::COOKIE, &sent)])).unwrap();
        assert_eq!(again.stored(), id.stored());
        let plain = id.set(&HeaderMap::new()).to_str().unwrap().to_owned();
        assert!(plain.starts_with("switchboard_session=") && !plain.contains("Secure"), "{plain}");
    }
}
