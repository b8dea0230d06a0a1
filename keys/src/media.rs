//! Fetches media by URL for providers that accept only inline data. The filter cannot, because it has no
//! sockets.
//!
//! The URL comes from a client, and this service can reach hosts that the client cannot. So every hop of a
//! fetch is checked before anything is sent to it ([`policy`]), connections are made only to addresses that
//! were checked (`client`), and responses are limited in size and time and must have a supported media type
//! (`kind`).

mod address;
mod client;
mod kind;
pub mod policy;

use core::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use moka::future::Cache;
use switchboard::key::RESOLVE_TIMEOUT_S;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use client::Client;
use policy::Policy;

/// `LiteLLM`'s variable for the maximum size, MB; 0 disables fetching.
pub const SIZE_ENV: &str = "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB";

/// Default maximum size of a file, MiB. Providers accept at most 5 to 20 inline.
pub const USUAL_SIZE_MB: f64 = 20.0;

/// Maximum total size of a request's files, bytes. Envoy accepts a response of 32 MiB to a filter's call
/// (`http.async_response_buffer_limit`), and base64 turns three bytes into four.
const MOST_TOGETHER: usize = 23 << 20;

/// Maximum number of URLs per request.
const MOST_URLS: usize = 100;

/// Maximum number of concurrent requests. They use up to this many times [`MOST_TOGETHER`] of memory, in
/// base64.
const REQUESTS: usize = 8;

/// Maximum number of concurrent fetches per request.
const AT_ONCE: usize = 4;

/// Timeout of a request, slightly less than the caller's.
pub const TIME_OUT: Duration = Duration::from_secs(RESOLVE_TIMEOUT_S as u64);

/// Size of the cache in bytes, and how long a file is kept: a chat sends its images again in every turn.
const CACHE: (u64, Duration) = (64 << 20, Duration::from_mins(5));

/// Converts MiB to bytes, limited to the maximum of a request.
pub fn bytes(mib: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float is cut off to what fits"
    )]
    let bytes = (mib * f64::from(1 << 20)) as usize;
    bytes.min(MOST_TOGETHER)
}

/// Resolves a name to addresses.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// What is fetched, and from where.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which hosts are allowed.
    pub policy: Policy,
    /// Maximum size of a file, bytes; 0 disables fetching.
    pub most_bytes: usize,
    /// Timeout of a request.
    pub time_out: Duration,
}

/// Fetches media. Clones share the cache and the limits.
#[derive(Clone)]
pub struct Media(Arc<Inner>);

struct Inner {
    most_bytes: usize,
    time_out: Duration,
    client: Client,
    cache: Cache<String, Medium>,
    requests: Semaphore,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Media({} bytes at most)", self.0.most_bytes)
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes in base64.
    pub base64: Bytes,
}

/// A file and where it came from.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The file.
    pub medium: Medium,
    /// It was in the cache.
    pub from_cache: bool,
}

/// Why a file could not be fetched. The message is for the client that sent the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The operator has disabled fetching.
    Disabled,
    /// The URL is invalid.
    Url(&'static str),
    /// No connection: the name does not exist, the address is not allowed, or the connection failed. These
    /// are not distinguished, because a client could otherwise map the service's network.
    Unreachable,
    /// A status other than 200.
    Status(u16),
    /// The connection failed, or the response is invalid HTTP.
    Broken,
    /// Too many redirects.
    Redirects,
    /// The body is compressed, which was not requested.
    Compressed,
    /// Larger than this many bytes.
    Size(usize),
    /// The request's files exceed this many bytes in total.
    Together(usize),
    /// No provider supports that type.
    Type(String),
    /// The timeout has expired.
    Slow(Duration),
    /// The request has more URLs than this.
    Many(usize),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: &usize| {
            format!("{:.4} MiB", f64::from(u32::try_from(*bytes).unwrap_or(u32::MAX)) / f64::from(1 << 20))
        };
        let mib = |bytes| mib(bytes).replace(".0000", "");
        match self {
            Self::Disabled => write!(f, "fetching URLs is disabled ({SIZE_ENV}=0)"),
            Self::Url(why) => f.write_str(why),
            Self::Unreachable => f.write_str(
                "cannot connect to the host, or it is not allowed; to allow hosts in private networks, list them in \
litellm_settings.user_url_allowed_hosts",
            ),
            Self::Status(status) => write!(f, "the server answered with status {status}"),
            Self::Broken => f.write_str("the server's response is incomplete or invalid"),
            Self::Redirects => write!(f, "more than {} redirects", client::MOST_REDIRECTS),
            Self::Compressed => f.write_str("the server sent a compressed response that was not requested"),
            Self::Size(most) => write!(f, "it is larger than {}", mib(most)),
            Self::Together(most) => {
                write!(f, "the request's files exceed {} in total", mib(most))
            }
            Self::Type(found) => write!(
                f,
                "unsupported file type: {found}; expected an image, document, audio or video type that providers accept"
            ),
            Self::Slow(time_out) => write!(f, "not received within {time_out:?}"),
            Self::Many(most) => write!(f, "the request has more than {most} URLs"),
        }
    }
}

impl Problem {
    /// A short name, for metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Url(_) => "invalid_url",
            Self::Unreachable => "unreachable",
            Self::Status(_) => "status",
            Self::Broken => "broken",
            Self::Redirects => "redirects",
            Self::Compressed => "compressed",
            Self::Size(_) | Self::Together(_) => "too_large",
            Self::Type(_) => "unsupported_type",
            Self::Slow(_) => "timeout",
            Self::Many(_) => "too_many",
        }
    }
}

impl Media {
    /// Uses the system's resolver.
    pub fn new(settings: Settings) -> Self {
        Self::with_lookup(
            settings,
            Arc::new(|name| {
                Box::pin(async move {
                    let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
                    Ok(addresses.map(|address| address.ip()).collect())
                })
            }),
        )
    }

    /// Uses another resolver.
    pub fn with_lookup(settings: Settings, lookup: Lookup) -> Self {
        let (size, life) = CACHE;
        let weight = |url: &String, medium: &Medium| {
            u32::try_from(url.len() + medium.base64.len()).unwrap_or(u32::MAX)
        };
        Self(Arc::new(Inner {
            most_bytes: settings.most_bytes.min(MOST_TOGETHER),
            time_out: settings.time_out,
            client: Client::new(settings.policy, lookup),
            cache: Cache::builder().weigher(weight).max_capacity(size).time_to_live(life).build(),
            requests: Semaphore::new(REQUESTS),
        }))
    }

    /// Fetches the files of a request.
    pub async fn fetch(&self, urls: &[String]) -> Vec<Result<Fetched, Problem>> {
        if urls.len() > MOST_URLS {
            return urls.iter().map(|_| Err(Problem::Many(MOST_URLS))).collect();
        }
        let slow = || Err(Problem::Slow(self.0.time_out));
        let deadline = Instant::now() + self.0.time_out;
        let Ok(_permit) = timeout_at(deadline, self.0.requests.acquire()).await else {
            return urls.iter().map(|_| slow()).collect();
        };
        let left = Left(AtomicUsize::new(MOST_TOGETHER));
        let left = &left;
        let fetches = urls.iter().cloned().map(|url| async move {
            let fetched = timeout_at(deadline, self.fetch_one(&url, left)).await;
            fetched.unwrap_or_else(|_| slow())
        });
        stream::iter(fetches).buffered(AT_ONCE).collect().await
    }

    /// Whether those who are not trusted with the key service's network may name this URL.
    pub async fn permits(&self, url: &str) -> bool {
        self.0.client.permits(url).await
    }

    async fn fetch_one(&self, url: &str, left: &Left) -> Result<Fetched, Problem> {
        if self.0.most_bytes == 0 {
            return Err(Problem::Disabled);
        }
        if let Some(medium) = self.0.cache.get(url).await {
            left.take(medium.base64.len() / 4 * 3)?;
            return Ok(Fetched { medium, from_cache: true });
        }
        let (medium, may_be_kept) = self.0.client.get(url, self.0.most_bytes, left).await?;
        if may_be_kept {
            self.0.cache.insert(url.to_owned(), medium.clone()).await;
        }
        Ok(Fetched { medium, from_cache: false })
    }
}

/// The remaining bytes that a request may fetch.
struct Left(AtomicUsize);

impl Left {
    fn take(&self, bytes: usize) -> Result<(), Problem> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(|_| ()).map_err(|_| Problem::Together(MOST_TOGETHER))
    }
}
