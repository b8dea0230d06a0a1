//! A login that has begun: what the browser keeps until the provider leads it back.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;

use super::super::gateway::{is_https, own_page};

const NAME: &str = "switchboard_login";

/// The same with a name that browsers accept only over https.
const SECURE_NAME: &str = "__Secure-switchboard_login";

/// How long a login may take, seconds.
const LIFE: u32 = 600;

/// A login that has begun in a browser.
#[derive(Clone)]
pub(super) struct Pending {
    /// What the provider has to return.
    pub(super) state: String,
    /// What proves to the provider that the code is for this login.
    pub(super) verifier: String,
    /// The page that was wanted.
    pub(super) next: String,
}

fn random() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn name(headers: &HeaderMap) -> &'static str {
    if is_https(headers) { SECURE_NAME } else { NAME }
}

impl Pending {
    pub(super) fn random(next: &str) -> Self {
        Self { state: random(), verifier: random(), next: next.to_owned() }
    }

    /// From a request's cookies.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let name = name(headers);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let value = pairs.find(|(of, _)| *of == name)?.1;
        let mut parts = value.split('.');
        let (state, verifier, next) = (parts.next()?, parts.next()?, parts.next()?);
        let next = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        Some(Self {
            state: state.to_owned(),
            verifier: verifier.to_owned(),
            next: own_page(&next).to_owned(),
        })
    }

    /// Whether this login has that state.
    pub(super) fn began(&self, state: &str) -> bool {
        !state.is_empty() && bool::from(self.state.as_bytes().ct_eq(state.as_bytes()))
    }

    /// The verifier's hash, which the provider gets first (RFC 7636).
    pub(super) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()))
    }

    /// The header that sets the cookie. `Lax`, because the request that needs it comes from the provider's site.
    pub(super) fn set(&self, headers: &HeaderMap) -> HeaderValue {
        let next = BASE64_URL_SAFE_NO_PAD.encode(&self.next);
        cookie(headers, &format!("{}.{}.{next}", self.state, self.verifier), LIFE)
    }
}

/// The header that deletes the cookie.
pub(super) fn unset(headers: &HeaderMap) -> HeaderValue {
    cookie(headers, "", 0)
}

fn cookie(headers: &HeaderMap, value: &str, life: u32) -> HeaderValue {
    let secure = if is_https(headers) { "; Secure" } else { "" };
    let name = name(headers);
    let text = format!("{name}={value}; Path=/ui/sso; HttpOnly; SameSite=Lax; Max-Age={life}{secure}");
    // Only base64 and constants.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_returns_what_it_got_and_leads_to_no_other_site() {
        for (next, kept) in [("/ui/keys?search=a.b", "/ui/keys?search=a.b"), ("//evil.test", "/ui")] {
            let pending = Pending::random(next);
            let set = pending.set(&HeaderMap::new());
            let set = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            let again = Pending::of(&HeaderMap::from_iter([(header::COOKIE, set.parse().unwrap())])).unwrap();
            assert!(again.began(&pending.state) && !again.began("") && !again.began("x"));
            assert_eq!((again.verifier.as_str(), again.next.as_str()), (pending.verifier.as_str(), kept));
        }
        assert!(Pending::of(&HeaderMap::new()).is_none());
    }
}
