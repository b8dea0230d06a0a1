//! STS and the metadata service of AWS, Entra ID and Azure's metadata service, Google's token endpoints and metadata server, on
//! loopback. They check what the real ones check, as far as a client can get it wrong. `make judges` has the clouds' own packages
//! for Python get credentials from them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "it is a part of tests"
)]

mod aws;
mod azure;
mod google;
mod mood;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::{Router, middleware};
use ring::signature::{KeyPair as _, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;

pub use mood::Mood;
use mood::Moods;

/// The private key of the accounts and certificates of tests: `openssl genrsa 2048`.
pub const PRIVATE_KEY: &str = include_str!("../../../keys/tests/google/private-key.pem");

/// A certificate with this key.
pub const CERTIFICATE: &str = include_str!("../../../keys/tests/azure/certificate.pem");

/// All of them at one address.
#[derive(Clone, Debug)]
pub struct Clouds {
    address: String,
    moods: Moods,
    life: aws::Life,
}

impl Clouds {
    /// Starts them in a thread that ends with the process. `address` is where they listen, such as `127.0.0.1:0`.
    pub fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let clouds = Self { address, moods: Moods::default(), life: aws::Life::default() };
        let router = Router::new()
            .merge(aws::router(clouds.life.clone()))
            .merge(azure::router())
            .merge(google::router());
        let router = router.layer(middleware::from_fn_with_state(clouds.moods.clone(), mood::apply));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
            });
        });
        clouds
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on, the keys of machines of AWS are valid for so many seconds.
    pub fn keys_last(&self, seconds: u32) {
        self.life.set(seconds);
    }

    /// From now on, requests that contain this text in their path, query or body are answered in this way.
    pub fn becomes(&self, text: &str, mood: Mood) {
        self.moods.set(text, mood);
    }
}

type Form = BTreeMap<String, String>;

fn form(text: &str) -> Form {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Unix time in seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Whether the time in a claim (RFC 7519: seconds, perhaps with a fraction) is still to come.
fn is_future(claim: &Value) -> bool {
    claim.as_f64().is_some_and(|at| Duration::try_from_secs_f64(at).is_ok_and(|at| at.as_secs() > now()))
}

/// The public key to [`PRIVATE_KEY`].
fn public_key() -> Vec<u8> {
    let PrivateKeyDer::Pkcs8(key) = PrivateKeyDer::from_pem_slice(PRIVATE_KEY.as_bytes()).unwrap() else {
        return Vec::new();
    };
    RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap().public_key().as_ref().to_vec()
}
