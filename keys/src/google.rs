//! Access tokens of Google, fetched here and handed to the filter with the answers to its sync calls: a service
//! account signs with RSA, which is no work for a proxy's worker.
//!
//! Each source has a task that fetches a new token well before the old one expires. A failed fetch is repeated within
//! two seconds, sooner if a request needs the token, and the old token stays as long as it is valid.

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

/// How long before its end a token is replaced.
const EARLY: Duration = Duration::from_mins(5);

/// Shortest and longest pause after a failure. Without a token nothing is served, so the longest is short.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// How long a fetch may take. While it says nothing, another one begins after the longest pause: an endpoint that
/// accepts connections and does not answer must not delay the first answer after it has recovered.
const TIME_OUT: Duration = Duration::from_secs(10);

/// How old a token must be before a request that was refused with it leads to a new one.
const FRESH: Duration = Duration::from_secs(10);

/// How often a problem that stays the same is logged.
const REPEAT_LOG: Duration = Duration::from_mins(1);

/// The tokens of all sources; a clone is another handle on the same.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// By source: rung when a request needs its token.
    wanted: BTreeMap<String, Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// 0 as long as there was never a token.
    revision: u64,
    tokens: BTreeMap<String, AccessToken>,
}

impl Tokens {
    /// Begins to fetch, and goes on as long as the runtime does.
    pub fn fetch(sources: Vec<Source>) -> Self {
        let wanted = sources.iter().map(|source| (source.name.clone(), Notify::new())).collect();
        let tokens = Self(Arc::new(Shared { state: Mutex::default(), wanted }));
        for source in sources {
            tokio::spawn(tokens.clone().keep(source));
        }
        tokens
    }

    /// All tokens, unless they are those that the asker has, or there are none.
    pub fn newer_than(&self, revision: Option<u64>) -> Option<AccessTokens> {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.revision == 0 || revision == Some(state.revision) {
            return None;
        }
        Some(AccessTokens { revision: state.revision, tokens: state.tokens.values().cloned().collect() })
    }

    /// Requests need the tokens of those names, and have none that works among those of `revision`: they are fetched
    /// now, unless there are newer ones.
    pub fn want(&self, names: &[String], revision: Option<u64>) {
        if names.is_empty() || self.newer_than(revision).is_some() {
            return;
        }
        for wanted in names.iter().filter_map(|name| self.0.wanted.get(name)) {
            wanted.notify_waiters();
        }
    }

    /// Returns when a request needs that source's token. A request before this call does not count.
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

    /// Asks until there is a token.
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

    /// Returns how long the token is good.
    fn put(&self, name: &str, token: &Token) -> Duration {
        let now = Timestamp::now();
        let expires_at = u64::try_from(token.expires_at().timestamp()).unwrap_or_default();
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The time of the change, so that a revision is another one after a restart.
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or_default();
        state.revision = millisecond.max(state.revision + 1);
        let token = AccessToken { name: name.to_owned(), token: Secret::new(token.as_str()), expires_at };
        state.tokens.insert(name.to_owned(), token);
        Duration::from_secs(expires_at.saturating_sub(millisecond / 1_000))
    }
}

/// When to fetch the next token. One that is short-lived, as a metadata server gives at the end of its own, is
/// replaced at half of its life.
fn until_next(life: Duration) -> Duration {
    life.checked_sub(EARLY).unwrap_or_default().max(life / 2).max(Duration::from_secs(1))
}
