//! `api_base` → what Envoy connects to and what the filter puts before a path.

use std::net::IpAddr;

use http::Uri;

/// A provider's base URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Name or IP address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether the scheme is https.
    pub tls: bool,
}

impl Address {
    /// Reads `scheme://host[:port][/prefix]`; also gives the base URL without a trailing slash.
    ///
    /// # Errors
    /// What is wrong, without the text: a base URL may hold a password by mistake.
    pub fn parse(base: &str) -> Result<(Self, String), &'static str> {
        let base = base.trim().trim_end_matches('/');
        let uri: Uri = base.parse().map_err(|_| "is not a URL")?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("must start with http:// or https://"),
        };
        let authority = uri.authority().ok_or("has no host")?;
        if authority.as_str().contains('@') {
            return Err("contains a user name or password; use api_key or extra_headers instead");
        }
        if uri.query().is_some() || base.contains('#') {
            return Err("has a query or a fragment; set the version with api_version");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err("has no host");
        }
        // `Authority::port` is silent on a port that is out of range.
        let port =
            match authority.as_str().get(authority.host().len()..).and_then(|rest| rest.strip_prefix(':')) {
                Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or("has an invalid port")?,
                None if tls => 443,
                None => 80,
            };
        Ok((Self { host, port, tls }, base.to_owned()))
    }

    /// Whether no name server is needed.
    pub fn is_ip(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }

    /// The `host` header, and over TLS the name that the certificate must bear.
    ///
    /// Envoy takes both from one field, and a certificate names no port: a TLS port that is not 443 is left out
    /// of the header, as servers that share a port by name (the only ones that look) do not compare it.
    pub fn hostname(&self) -> String {
        let host =
            if self.host.contains(':') && !self.tls { format!("[{}]", self.host) } else { self.host.clone() };
        if self.tls || self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(base: &str) -> (String, u16, bool, String, String) {
        let (address, base) = Address::parse(base).unwrap();
        (address.host.clone(), address.port, address.tls, address.hostname(), base)
    }

    fn row(
        host: &str,
        port: u16,
        tls: bool,
        hostname: &str,
        base: &str,
    ) -> (String, u16, bool, String, String) {
        (host.to_owned(), port, tls, hostname.to_owned(), base.to_owned())
    }

    #[test]
    fn a_base_url_gives_host_port_scheme_and_prefix() {
        assert_eq!(
            address("https://api.openai.com/v1/"),
            row("api.openai.com", 443, true, "api.openai.com", "https://api.openai.com/v1")
        );
        assert_eq!(
            address("http://127.0.0.1:8080"),
            row("127.0.0.1", 8080, false, "127.0.0.1:8080", "http://127.0.0.1:8080")
        );
        assert_eq!(
            address("http://[::1]:8080/x"),
            row("::1", 8080, false, "[::1]:8080", "http://[::1]:8080/x")
        );
        assert_eq!(
            address("https://Example.com:8443"),
            row("example.com", 8443, true, "example.com", "https://Example.com:8443")
        );
    }

    #[test]
    fn what_is_not_a_base_url_is_refused() {
        for base in
            ["", "api.openai.com", "ftp://x", "https://", "https://u:p@x", "https://x?k=1", "http://x:99999"]
        {
            assert!(Address::parse(base).is_err(), "{base}");
        }
    }
}
