//! Google access tokens. The service fetches them and sends them to the filter in sync responses, because a
//! service account signs with RSA, which is too expensive for a proxy worker.
//!
//! Each source has a task that fetches a new token well before the old one expires. A failed fetch is
//! repeated within two seconds, or sooner if a request needs the token; the old token is kept as long as it
//! is valid.

mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gcp_auth::Token;
use jiff::Timestamp;
use switchboard::key::{AccessToken, AccessTokens};
use switchboard::secret::Secret;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

pub use source::{SOURCES_ENV, Source, sources};

/// How long before its expiry a token is replaced.
const EARLY: Duration = Duration::from_mins(5);

/// Minimum and maximum delay after a failure. The maximum is short, because no requests are served without a
/// token.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// Timeout of a fetch. While one is pending, another starts after the maximum delay: an endpoint that accepts
/// connections but does not respond must not delay the first response after it has recovered.
const TIME_OUT: Duration = Duration::from_secs(10);

/// Minimum age of a token before a request that was rejected with it causes a new fetch.
const FRESH: Duration = Duration::from_secs(10);

/// How often an unchanged problem is logged.
const REPEAT_LOG: Duration = Duration::from_mins(1);

/// The tokens of all sources. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// By source: notified when a request needs its token.
    wanted: BTreeMap<String, Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// 0 until there is a token.
    revision: u64,
    tokens: BTreeMap<String, AccessToken>,
}

impl Tokens {
    /// Starts fetching, for as long as the runtime exists.
    pub fn fetch(sources: Vec<Source>) -> Self {
        let wanted = sources.iter().map(|source| (source.name.clone(), Notify::new())).collect();
        let tokens = Self(Arc::new(Shared { state: Mutex::default(), wanted }));
        for source in sources {
            tokio::spawn(tokens.clone().keep(source));
        }
        tokens
    }

    /// All tokens, unless the caller already has them, or there are none.
    pub fn newer_than(&self, revision: Option<u64>) -> Option<AccessTokens> {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.revision == 0 || revision == Some(state.revision) {
            return None;
        }
        Some(AccessTokens { revision: state.revision, tokens: state.tokens.values().cloned().collect() })
    }

    /// Requests need the named tokens and have no valid ones in `revision`: fetches them now, unless there
    /// are newer ones.
    pub fn want(&self, names: &[String], revision: Option<u64>) {
        if names.is_empty() || self.newer_than(revision).is_some() {
            return;
        }
        for wanted in names.iter().filter_map(|name| self.0.wanted.get(name)) {
            wanted.notify_waiters();
        }
    }

    /// Returns when a request needs that source's token. Requests before this call do not count.
    async fn is_wanted(&self, name: &str) {
        match self.0.wanted.get(name) {
            Some(wanted) => wanted.notified().await,
            None => std::future::pending().await,
        }
    }

    async fn keep(self, source: Source) {
        loop {
            let token = self.next(&source).await;
            let life = self.put(&source.name, &token);
            tracing::info!(source = source.name, "fetched a Google access token");
            let refused = async {
                sleep(FRESH).await;
                self.is_wanted(&source.name).await;
            };
            tokio::select! {
                () = sleep(until_next(life)) => {}
                () = refused => {
                    tracing::warn!(source = source.name, "the access token was rejected; fetching a new one");
                }
            }
        }
    }

    /// Retries until there is a token.
    async fn next(&self, source: &Source) -> Arc<Token> {
        let (shortest, longest) = BACK_OFF;
        let mut pause = shortest;
        let mut logged: Option<(String, Instant)> = None;
        let mut asking = JoinSet::new();
        loop {
            let asked = source.clone();
            asking.spawn(async move { timeout(TIME_OUT, asked.token()).await });
            let answer = timeout(longest, asking.join_next()).await;
            let has_waited = answer.is_err();
            let problem = match answer {
                Ok(Some(Ok(Ok(Ok(token))))) => return token,
                Ok(Some(Ok(Ok(Err(problem))))) => problem,
                Ok(_) | Err(_) => "Google is not responding".to_owned(),
            };
            let now = Instant::now();
            if logged.as_ref().is_none_or(|(last, at)| *last != problem || now - *at >= REPEAT_LOG) {
                tracing::error!(
                    source = source.name,
                    "cannot fetch a Google access token: {problem}; retrying at least every {} s",
                    longest.as_secs()
                );
                logged = Some((problem, now));
            }
            if has_waited {
                continue;
            }
            let wanted = async {
                sleep(shortest).await;
                self.is_wanted(&source.name).await;
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = wanted => {}
                Some(Ok(Ok(Ok(token)))) = asking.join_next() => return token,
            }
            pause = pause.saturating_mul(2).min(longest);
        }
    }

    /// Stores the token. Returns its remaining lifetime.
    fn put(&self, name: &str, token: &Token) -> Duration {
        let now = Timestamp::now();
        let expires_at = u64::try_from(token.expires_at().timestamp()).unwrap_or_default();
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Based on the time, so that revisions are not reused after a restart.
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or_default();
        state.revision = millisecond.max(state.revision + 1);
        let token = AccessToken { name: name.to_owned(), token: Secret::new(token.as_str()), expires_at };
        state.tokens.insert(name.to_owned(), token);
        Duration::from_secs(expires_at.saturating_sub(millisecond / 1_000))
    }
}

/// When to fetch the next token. A short-lived one, which a metadata server returns near the end of its own
/// token's life, is replaced after half of its life.
fn until_next(life: Duration) -> Duration {
    life.checked_sub(EARLY).unwrap_or_default().max(life / 2).max(Duration::from_secs(1))
}
