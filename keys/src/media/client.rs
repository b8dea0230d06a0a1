//! The HTTP client. It connects only to checked addresses, follows redirects itself, and limits what it
//! reads.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION,
    USER_AGENT,
};
use axum::http::{Request, Response, StatusCode};
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use tower::Service;
use url::{Host, Url};

use super::address::is_public;
use super::policy::{self, Policy, Way};
use super::{Left, Lookup, Medium, Problem, kind};

/// Maximum number of redirects.
pub(super) const MOST_REDIRECTS: usize = 5;

/// Timeout for connecting.
const CONNECT_TIME_OUT: Duration = Duration::from_secs(5);

type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// Two clients, so that a connection of one is never reused for a URL of the other.
pub(super) struct Client {
    policy: Policy,
    lookup: Lookup,
    /// For hosts whose addresses are not restricted.
    free: OnceLock<Http<Connector, Empty<Bytes>>>,
    /// For hosts whose addresses must be public.
    guarded: OnceLock<Http<Connector, Empty<Bytes>>>,
}

impl Client {
    pub(super) fn new(policy: Policy, lookup: Lookup) -> Self {
        Self { policy, lookup, free: OnceLock::new(), guarded: OnceLock::new() }
    }

    /// Fetches a file. Returns whether it may be cached. Subtracts what it reads from `left`.
    pub(super) async fn get(&self, url: &str, most: usize, left: &Left) -> Result<(Medium, bool), Problem> {
        let mut url = policy::parse(url)?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.ask(&url).await?;
            let status = response.status();
            let header = |name| response.headers().get(name).and_then(|value: &_| value.to_str().ok());
            if status.is_redirection() {
                let location = header(LOCATION).ok_or(Problem::Status(status.as_u16()))?;
                url = url
                    .join(location)
                    .map_err(|_| Problem::Url("the redirect location is not a valid URL"))?;
                continue;
            }
            if status != StatusCode::OK {
                return Err(Problem::Status(status.as_u16()));
            }
            let may_be_kept = !header(CACHE_CONTROL).is_some_and(|said| said.contains("no-store"));
            return Ok((read(response, &url, most, left).await?, may_be_kept));
        }
        Err(Problem::Redirects)
    }

    /// Whether a URL's host is allowed, or has only public addresses.
    pub(super) async fn permits(&self, url: &str) -> bool {
        let Ok(url) = policy::parse(url) else { return false };
        match (self.policy.way(&url), url.host()) {
            (Ok(Way::Guarded), Some(Host::Domain(name))) => {
                let addresses = (self.lookup)(name.to_owned()).await.unwrap_or_default();
                !addresses.is_empty() && addresses.into_iter().all(is_public)
            }
            (way, _) => way.is_ok(),
        }
    }

    /// One hop.
    async fn ask(&self, url: &Url) -> Result<Response<Incoming>, Problem> {
        let way = self.policy.way(url).inspect_err(|_| {
            tracing::warn!(host = url.host_str(), "client URL refused");
        })?;
        let client = match way {
            Way::Free => self.free.get_or_init(|| self.connect(false)),
            Way::Guarded => self.guarded.get_or_init(|| self.connect(true)),
        };
        let request = Request::get(url.as_str())
            .header(USER_AGENT, "switchboard")
            .header(ACCEPT_ENCODING, "identity")
            .body(Empty::new())
            .map_err(|_| Problem::Url("not a valid URL"))?;
        client.request(request).await.map_err(|error| {
            let cause = deepest(&error);
            tracing::warn!(host = url.host_str(), %cause, "cannot fetch client URL");
            if error.is_connect() { Problem::Unreachable } else { Problem::Broken }
        })
    }

    fn connect(&self, guarded: bool) -> Http<Connector, Empty<Bytes>> {
        let resolver = Resolver { lookup: Lookup::clone(&self.lookup), guarded };
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIME_OUT));
        http.set_nodelay(true);
        let https = match HttpsConnectorBuilder::new().with_native_roots() {
            Ok(https) => https,
            Err(error) => {
                tracing::warn!(%error, "no system CA certificates found; using Mozilla's");
                HttpsConnectorBuilder::new().with_webpki_roots()
            }
        };
        let https = https.https_or_http().enable_http1().wrap_connector(http);
        // A host is rarely asked for a second file.
        Http::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https)
    }
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Resolves names. If guarded, a name with any address that is not public is rejected. The checked addresses
/// are used for connecting, without a second lookup.
#[derive(Clone)]
struct Resolver {
    lookup: Lookup,
    guarded: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (addresses, guarded) = ((self.lookup)(name.as_str().to_owned()), self.guarded);
        Box::pin(async move {
            let addresses = addresses.await?;
            if let Some(address) = addresses.iter().find(|address| guarded && !is_public(**address)) {
                return Err(io::Error::other(format!("address {address} is not public")));
            }
            let addresses: Vec<_> =
                addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(addresses.into_iter())
        })
    }
}

/// Reads a body and encodes it to base64.
async fn read(response: Response<Incoming>, url: &Url, most: usize, left: &Left) -> Result<Medium, Problem> {
    let (parts, mut body) = response.into_parts();
    let header = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if header(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::Compressed);
    }
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(Problem::Size(most));
    }
    let said = header(CONTENT_TYPE);
    let kind_of = |head: &[u8]| kind::of(head, said, url.path()).map_err(Problem::Type);
    let mut head = Vec::with_capacity(kind::HEAD);
    let mut media_type = None;
    let mut size = 0_usize;
    let capacity = length.unwrap_or_default().div_ceil(3) * 4;
    let mut encoder = EncoderWriter::new(Vec::with_capacity(capacity), &STANDARD);
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|_| Problem::Broken)?.into_data() else { continue };
        size += chunk.len();
        if size > most {
            return Err(Problem::Size(most));
        }
        left.take(chunk.len())?;
        if media_type.is_none() {
            head.extend_from_slice(&chunk);
            if head.len() >= kind::HEAD {
                media_type = Some(kind_of(head.get(..kind::HEAD).unwrap_or_default())?);
            }
        }
        encoder.write_all(&chunk).map_err(|_| Problem::Broken)?;
    }
    let media_type = match media_type {
        Some(media_type) => media_type,
        None => kind_of(&head)?,
    };
    let base64 = encoder.finish().map_err(|_| Problem::Broken)?.into();
    Ok(Medium { media_type, base64 })
}
