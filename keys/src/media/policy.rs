//! Determines which hosts a client's URL may name.

use core::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use super::Problem;
use super::address::is_public;

/// Maximum length of a URL, bytes.
const LONGEST: usize = 8 * 1024;

/// Which hosts are allowed: public ones, and those listed by the operator.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Hosts that are allowed whatever their addresses are (`litellm_settings.user_url_allowed_hosts`).
    pub allowed: Vec<AllowedHost>,
    /// All hosts are allowed (`litellm_settings.user_url_validation: false`).
    pub any_host: bool,
}

/// A host as written in URLs, optionally limited to a port: `files.internal`, `10.0.0.12:8080`, `[::1]:443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    host: Host,
    port: Option<u16>,
}

/// The text is not a valid host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAHost(String);

impl fmt::Display for NotAHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid host '{}', expected a form like `files.internal`, `10.0.0.12:8080` or `[::1]:443`",
            self.0
        )
    }
}

impl std::error::Error for NotAHost {}

impl FromStr for AllowedHost {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let not_a_host = || NotAHost(text.to_owned());
        let text = text.trim();
        if let Ok(IpAddr::V6(address)) = text.parse() {
            return Ok(Self { host: Host::Ipv6(address), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| not_a_host())?))
            }
            _ => (text, None),
        };
        let host = Host::parse(host).map_err(|_| not_a_host())?;
        Ok(Self { host, port })
    }
}

/// How a URL may be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From any address of its host.
    Free,
    /// Only from public addresses.
    Guarded,
}

/// Parses a client's URL.
pub(super) fn parse(url: &str) -> Result<Url, Problem> {
    if url.len() > LONGEST {
        return Err(Problem::Url("the URL is too long"));
    }
    Url::parse(url).map_err(|_| Problem::Url("not a valid URL"))
}

impl Policy {
    /// Checks a hop. A literal address is checked here; a name, once it is resolved.
    pub(super) fn way(&self, url: &Url) -> Result<Way, Problem> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Problem::Url("only 'http' and 'https' URLs are supported"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Problem::Url("URLs with a user name or password are not supported"));
        }
        let Some(host) = url.host() else { return Err(Problem::Url("the URL has no host")) };
        let is_allowed = |allowed: &AllowedHost| {
            // A trailing dot does not make it another name.
            let same = match (&allowed.host, &host) {
                (Host::Domain(allowed), Host::Domain(name)) => {
                    allowed.trim_end_matches('.') == name.trim_end_matches('.')
                }
                (Host::Ipv4(allowed), Host::Ipv4(address)) => allowed == address,
                (Host::Ipv6(allowed), Host::Ipv6(address)) => allowed == address,
                _ => false,
            };
            same && allowed.port.is_none_or(|port| url.port_or_known_default() == Some(port))
        };
        if self.any_host || self.allowed.iter().any(is_allowed) {
            return Ok(Way::Free);
        }
        let is_public = match host {
            Host::Domain(_) => true,
            Host::Ipv4(address) => is_public(address.into()),
            Host::Ipv6(address) => is_public(address.into()),
        };
        if is_public { Ok(Way::Guarded) } else { Err(Problem::Unreachable) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(allowed: &[&str], url: &str) -> Result<Way, Problem> {
        let allowed = allowed.iter().map(|host| host.parse().unwrap()).collect();
        Policy { allowed, any_host: false }.way(&parse(url)?)
    }

    #[test]
    fn an_address_is_the_same_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[0:0:0:0:0:0:0:1]",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "169.254.169.254",
            "2852039166",
            "user@127.0.0.1",
            "127.0.0.1.",
        ] {
            assert!(way(&[], &format!("http://{host}/a.png")).is_err(), "{host}");
        }
        assert_eq!(way(&[], "https://93.184.216.34/a.png"), Ok(Way::Guarded));
    }

    #[test]
    fn only_http_is_spoken_and_without_credentials() {
        for url in [
            "file:///etc/passwd",
            "ftp://example.com/a",
            "gopher://example.com/",
            "data:image/png;base64,AA",
            "javascript:1",
            "//example.com/a",
            "example.com/a",
            "https://u@example.com/",
            "https://:p@example.com/",
            "http://",
            "http:///",
        ] {
            assert!(matches!(way(&[], url), Err(Problem::Url(_))), "{url}: {:?}", way(&[], url));
        }
    }

    #[test]
    fn a_host_is_allowed_as_it_stands_in_the_url() {
        let allowed = ["Files.Internal", "10.0.0.12:8080", "[::1]:443", "fd00::1"];
        for url in [
            "http://files.internal/a",
            "https://FILES.INTERNAL.:8443/a",
            "http://10.0.0.12:8080/a",
            "https://[::1]/a",
            "http://[fd00::1]:81/",
        ] {
            assert_eq!(way(&allowed, url), Ok(Way::Free), "{url}");
        }
        for url in ["http://10.0.0.12/a", "http://[::1]/a", "http://10.0.0.13:8080/"] {
            assert_eq!(way(&allowed, url), Err(Problem::Unreachable), "{url}");
        }
        assert_eq!(way(&allowed, "http://x.files.internal/a"), Ok(Way::Guarded));
    }

    #[test]
    fn what_is_no_host_is_told() {
        for text in ["", "a b", "host:port", "http://host", "host:99999"] {
            assert!(text.parse::<AllowedHost>().is_err(), "{text}");
        }
    }
}
