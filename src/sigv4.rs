//! AWS Signature Version 4: signs the method, the path, some headers and the body; valid for a few minutes.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>. The
//! path is signed as sent, with one more level of encoding (for every service except S3): `%3A` on the wire
//! is `%253A` here, and no proxy may unescape it. Implemented here because `aws-sigv4` depends on an HTTP
//! stack; verified by AWS's own test suite (`tests/sigv4.rs`).

use core::cell::RefCell;
use core::fmt;
use core::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::headers::Headers;
use crate::hex::hex;
use crate::secret::Secret;
use crate::uri;

/// The identity and scope of a signature.
pub struct Signer<'a> {
    /// `aws_access_key_id`
    pub id: &'a Secret,
    /// `aws_secret_access_key`
    pub key: &'a Secret,
    /// `aws_session_token` of temporary credentials.
    pub token: Option<&'a Secret>,
    /// Region, such as `us-east-1`.
    pub region: &'a str,
    /// The service's name in signatures, which may differ from its host name.
    pub service: &'a str,
    /// The key of the day, shared by everything that signs with the same secret.
    pub signing_key: &'a SigningKey,
}

/// The key derived from a secret for a day, a region and a service. Deriving it takes four of the five HMACs
/// of a signature, so it is cached until the day or the secret changes.
#[derive(Default)]
pub struct SigningKey(RefCell<Option<(String, Secret, Hmac<Sha256>)>>);

impl SigningKey {
    /// The key for `scope`, such as `20150830/us-east-1/iam/aws4_request`. Its two HMAC blocks are already
    /// computed.
    fn of(&self, scope: &str, secret: &Secret) -> Hmac<Sha256> {
        let mut kept = self.0.borrow_mut();
        if let Some((_, _, key)) = kept.as_ref().filter(|(known, of, _)| known == scope && of == secret) {
            return key.clone();
        }
        let text = ["AWS4", secret.reveal()].concat();
        let key = scope.split('/').fold(keyed(text.as_bytes()), |key, part| keyed(&sealed(key, part)));
        *kept = Some((scope.to_owned(), secret.clone(), key.clone()));
        key
    }
}

impl fmt::Debug for SigningKey {
    /// Hides the key, which can sign for a day.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// Headers that are signed if present. Proxies do not change them.
const SIGNED: &[&str] = &["content-type", "host", "x-amz-date", "x-amz-security-token"];

impl Signer<'_> {
    /// Signs a request: adds `x-amz-date`, `x-amz-security-token` and `authorization`. The body's digest is
    /// signed; only S3 requires it as a header.
    pub fn sign(&self, headers: &mut Headers, body: &[u8], now_ms: u64) {
        let time = timestamp(now_ms);
        let digest = hex(&Sha256::digest(body));
        headers.set("x-amz-date", time.clone());
        if let Some(token) = self.token {
            headers.set("x-amz-security-token", token.reveal().to_owned());
        }
        let value = |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value);
        let on_wire = |name: &&'static str| match *name {
            "host" => Some(("host", value(":authority")?)),
            name => Some((name, value(name)?)),
        };
        let signed: Vec<(&str, &str)> = SIGNED.iter().filter_map(on_wire).collect();
        let request = canonical_request(
            value(":method").unwrap_or_default(),
            value(":path").unwrap_or_default(),
            &signed,
            &digest,
        );
        let authorization = self.authorization(&request, &signed, &time);
        headers.set("authorization", authorization);
    }

    /// The `authorization` header. `request` is the [`canonical_request`], `signed` the headers that it
    /// covers, sorted by name, and `time` is `x-amz-date`.
    pub fn authorization(&self, request: &str, signed: &[(&str, &str)], time: &str) -> String {
        let date = time.get(..8).unwrap_or_default();
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(request)));
        let key = self.signing_key.of(&scope, self.key);
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={}",
            self.id.reveal(),
            names(signed),
            hex(&sealed(key, &to_sign))
        )
    }
}

/// The text that is signed.
///
/// `path` is the request target as sent; a query in it must already be encoded. `signed` are lowercase header
/// names with their values, sorted by name. `digest` is the SHA-256 of the body in hexadecimal.
pub fn canonical_request(method: &str, path: &str, signed: &[(&str, &str)], digest: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut out = format!("{method}\n");
    uri::encode(path, b"/", &mut out);
    out.push('\n');
    // A query has one or two pairs. The standard library's sort would be one percent of the module's size.
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let pair = pair.split_once('=').unwrap_or((pair, ""));
        pairs.insert(pairs.partition_point(|other| *other <= pair), pair);
    }
    for (at, (name, value)) in pairs.iter().enumerate() {
        let and = if at > 0 { "&" } else { "" };
        push(&mut out, format_args!("{and}{name}={value}"));
    }
    out.push('\n');
    for (name, value) in signed {
        out.extend([name, ":"]);
        for (at, word) in value.split_ascii_whitespace().enumerate() {
            out.extend([if at > 0 { " " } else { "" }, word]);
        }
        out.push('\n');
    }
    out.extend(["\n", &names(signed), "\n", digest]);
    out
}

/// `YYYYMMDDTHHMMSSZ`
fn timestamp(now_ms: u64) -> String {
    let seconds = now_ms / 1000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Converts days to a Gregorian date. Years start in March here, so that a leap day is the last day:
    // <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

fn names(signed: &[(&str, &str)]) -> String {
    signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC accepts keys of any length, so this cannot fail.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()))
}

fn sealed(mut key: Hmac<Sha256>, text: &str) -> [u8; 32] {
    key.update(text.as_bytes());
    key.finalize().into_bytes().into()
}

/// A secret for another purpose that does not reveal this one: HMAC-SHA-256 in hexadecimal.
pub fn derived(secret: &Secret, purpose: &str) -> Secret {
    Secret::new(hex(&sealed(keyed(secret.reveal().as_bytes()), purpose)))
}

fn push(out: &mut String, text: core::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_for_its_day_its_region_and_its_service_alone() {
        let (kept, secret) = (SigningKey::default(), Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
        let scopes = ["20150830/us-east-1/iam/aws4_request", "20150831/us-east-1/iam/aws4_request"];
        let sign = |scope| hex(&sealed(kept.of(scope, &secret), "text"));
        let signatures = scopes.map(sign);
        assert_ne!(signatures[0], signatures[1]);
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-key.html
        let key = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9";
        let key: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&key[2 * at..2 * at + 2], 16).unwrap()).collect();
        assert_eq!(signatures[0], hex(&sealed(keyed(&key), "text")));
        assert_eq!(scopes.map(sign), signatures);
        assert_eq!(format!("{kept:?}"), "SigningKey");
    }

    #[test]
    fn a_time_is_written_as_its_date() {
        for (seconds, written) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (1_795_348_800, "20261122T120000Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(timestamp(seconds * 1000 + 999), written);
        }
    }
}
