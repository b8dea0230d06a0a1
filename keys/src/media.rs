//! Media by URL: fetched here for providers that take bytes only, because a filter has no sockets.
//!
//! The URL is a client's, and this service can reach what the client cannot. So every hop of a fetch is checked
//! before anything is sent to it ([`policy`]), a name is connected to only at addresses that were checked
//! ([`client`]), and what comes back is bounded in size and time and must be of a type that a provider takes
//! ([`kind`]).

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

/// The variable that `LiteLLM` reads the largest size from, MB; 0 turns fetching off.
pub const SIZE_ENV: &str = "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB";

/// Largest size of one file unless it is set, MiB. Providers take no more than 5 to 20 inline.
pub const USUAL_SIZE_MB: f64 = 20.0;

/// Most that one request may refer to, bytes. Envoy's client for calls of a filter takes an answer of 32 MiB
/// (`http.async_response_buffer_limit`), and base64 makes four bytes of three.
const MOST_TOGETHER: usize = 23 << 20;

/// Most URLs of one request.
const MOST_URLS: usize = 100;

/// Requests that are served at once: memory is theirs times [`MOST_TOGETHER`], in base64.
const REQUESTS: usize = 8;

/// Files of one request that are fetched at once.
const AT_ONCE: usize = 4;

/// How long one request may take, a little less than its asker waits.
pub const TIME_OUT: Duration = Duration::from_secs(RESOLVE_TIMEOUT_S as u64);

/// Size of the cache, bytes, and how long a file stays in it: a chat sends its pictures again with every turn.
const CACHE: (u64, Duration) = (64 << 20, Duration::from_mins(5));

/// A size in MiB as bytes; no more than one request may have in all.
pub fn bytes(mib: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float is cut off to what fits"
    )]
    let bytes = (mib * f64::from(1 << 20)) as usize;
    bytes.min(MOST_TOGETHER)
}

/// What addresses a name has.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// What is fetched, and from where.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which hosts may be asked.
    pub policy: Policy,
    /// Largest size of one file, bytes; 0 turns fetching off.
    pub most_bytes: usize,
    /// How long one request may take.
    pub time_out: Duration,
}

/// Fetches media; a clone is another handle on the same.
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

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// What it is.
    pub media_type: &'static str,
    /// Its bytes in base64.
    pub base64: Bytes,
}

/// One file, and where it is from.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The file.
    pub medium: Medium,
    /// It was in the cache.
    pub from_cache: bool,
}

/// Why a file cannot be had, for the client whose URL it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The operator has turned fetching off.
    Disabled,
    /// The URL itself.
    Url(&'static str),
    /// No connection: the name is not known, the address is not allowed, or nobody listens there. One problem,
    /// because a client could otherwise map the network that this service is in.
    Unreachable,
    /// Another status than 200.
    Status(u16),
    /// The connection broke, or what came is no HTTP.
    Broken,
    /// More hops than are followed.
    Redirects,
    /// The body is compressed, which was not asked for.
    Compressed,
    /// Larger than this many bytes.
    Size(usize),
    /// All files of the request together are larger than this many bytes.
    Together(usize),
    /// No provider takes that.
    Type(String),
    /// This time is over.
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
    /// In one word, as metrics have it.
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
    /// Fetches by the names of the system's resolver.
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

    /// Fetches by other names.
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

    /// Fetches the files of one request.
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

/// What one request may still fetch, bytes.
struct Left(AtomicUsize);

impl Left {
    fn take(&self, bytes: usize) -> Result<(), Problem> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(|_| ()).map_err(|_| Problem::Together(MOST_TOGETHER))
    }
}
