//! A certificate of an application in Entra ID, which signs the assertions that are exchanged for tokens. `azure_identity`
//! supports certificates only with OpenSSL.
//!
//! Source: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>.

use std::fmt;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::now;

/// How long an assertion is valid, seconds.
const LIFE: u64 = 600;

/// The authority, if `AZURE_AUTHORITY_HOST` is not set.
const USUAL_AUTHORITY: &str = "https://login.microsoftonline.com";

/// A certificate and its key.
pub(super) struct Certificate {
    key: RsaKeyPair,
    thumbprint: String,
    audience: String,
    client: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.client)
    }
}

impl Certificate {
    /// Reads a certificate and its unencrypted RSA key.
    pub(super) fn read(pem: &str, tenant: &str, client: &str) -> Result<Self, &'static str> {
        let certificate =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| "there is no certificate in it")?;
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "there is no private key in it, or it is encrypted")?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err("its private key is not an RSA key"),
        };
        let authority = std::env::var("AZURE_AUTHORITY_HOST").unwrap_or_else(|_| USUAL_AUTHORITY.to_owned());
        Ok(Self {
            key: key.map_err(|_| "its private key is not an RSA key of 2048 to 4096 bits")?,
            thumbprint: BASE64.encode(digest(&SHA256, &certificate)),
            audience: format!("{}/{tenant}/oauth2/v2.0/token", authority.trim_end_matches('/')),
            client: client.to_owned(),
        })
    }

    fn assertion(&self) -> Option<String> {
        let now = now();
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({"aud": self.audience, "iss": self.client, "sub": self.client,
            "jti": format!("{:032x}", rand::random::<u128>()), "nbf": now - 60, "iat": now, "exp": now + LIFE});
        let part = |part: &Value| BASE64.encode(part.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
        Some(format!("{text}.{}", BASE64.encode(signature)))
    }
}

#[async_trait]
impl ClientAssertion for Certificate {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let failed = || Error::with_message(ErrorKind::Credential, "the certificate's key cannot sign");
        self.assertion().ok_or_else(failed)
    }
}
