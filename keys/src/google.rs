//! Access tokens of Google, fetched here and handed to the filter with the answers to its sync calls: a service
//! account signs with RSA, which is no work for a proxy's worker.
//!
//! Each source has a task that fetches a new token well before the old one ends. A token that cannot be fetched is
//! tried again, and the old one stays as long as it is good.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gcp_auth::{CustomServiceAccount, Token, TokenProvider};
use jiff::Timestamp;
use serde::Deserialize;
use switchboard::key::{AccessToken, AccessTokens};
use switchboard::secret::Secret;

/// Variable with the names of the variables that hold the sources, commas between them.
pub const SOURCES_ENV: &str = "SWITCHBOARD_GOOGLE_CREDENTIALS";

/// What Vertex AI asks for.
const SCOPES: &[&str] = &["https://www.googleapis.com/auth/cloud-platform"];

/// How long before its end a token is replaced.
const EARLY: Duration = Duration::from_mins(5);

/// Shortest and longest pause after a failure.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// How long fetching may take.
const TIME_OUT: Duration = Duration::from_secs(30);

/// What tokens are fetched with.
#[derive(Clone)]
pub struct Source {
    /// Name of the variable, and of the token.
    pub name: String,
    /// Its value: JSON, or the path of a file; nothing stands for what the machine itself gives.
    value: Option<Secret>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// The sources that the environment names. `env` looks up a variable.
pub fn sources(env: impl Fn(&str) -> Option<String>) -> Vec<Source> {
    let names = env(SOURCES_ENV).unwrap_or_default();
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let value = |name: &str| env(name).filter(|value| !value.trim().is_empty()).map(Secret::new);
    names.map(|name| Source { name: name.to_owned(), value: value(name) }).collect()
}

/// The tokens of all sources; a clone is another handle on the same.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// 0 as long as there was never a token.
    revision: u64,
    tokens: BTreeMap<String, AccessToken>,
}

impl Tokens {
    /// Begins to fetch, and goes on as long as the runtime does.
    pub fn fetch(sources: Vec<Source>) -> Self {
        let tokens = Self::default();
        for source in sources {
            tokio::spawn(tokens.clone().keep(source));
        }
        tokens
    }

    /// All tokens, unless they are those that the asker has, or there are none.
    pub fn newer_than(&self, revision: Option<u64>) -> Option<AccessTokens> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.revision == 0 || revision == Some(state.revision) {
            return None;
        }
        Some(AccessTokens { revision: state.revision, tokens: state.tokens.values().cloned().collect() })
    }

    async fn keep(self, source: Source) {
        let (shortest, longest) = BACK_OFF;
        let mut pause = shortest;
        loop {
            let fetched = tokio::time::timeout(TIME_OUT, source.token()).await;
            match fetched.unwrap_or_else(|_| Err("Google did not answer in time".to_owned())) {
                Ok(token) => {
                    pause = shortest;
                    let life = self.put(&source.name, &token);
                    tracing::info!(source = source.name, "fetched an access token of Google");
                    tokio::time::sleep(until_next(life)).await;
                }
                Err(problem) => {
                    tracing::error!(
                        source = source.name,
                        "no access token of Google: {problem}; trying again in {} s",
                        pause.as_secs()
                    );
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(longest);
                }
            }
        }
    }

    /// Returns how long the token is good.
    fn put(&self, name: &str, token: &Token) -> Duration {
        let now = Timestamp::now();
        let expires_at = u64::try_from(token.expires_at().timestamp()).unwrap_or_default();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

impl Source {
    /// Fetches a new token; nothing is kept from one to the next, for the library would give out the old one.
    async fn token(&self) -> Result<Arc<Token>, String> {
        let Some(value) = &self.value else {
            let machine = gcp_auth::provider().await.map_err(|error| {
                format!("{} is not set, and the machine itself has no account: {error}", self.name)
            })?;
            return machine.token(SCOPES).await.map_err(|error| error.to_string());
        };
        let json = match value.reveal().trim() {
            json if json.starts_with('{') => json.to_owned(),
            path => std::fs::read_to_string(path)
                .map_err(|error| format!("{} names the file {path}: {error}", self.name))?,
        };
        check(&json).map_err(|problem| format!("{}: {problem}", self.name))?;
        let account = CustomServiceAccount::from_json(&json)
            .map_err(|error| format!("{} is no service account: {error}", self.name))?;
        account.token(SCOPES).await.map_err(|error| error.to_string())
    }
}

/// Looks at what the library would stumble over.
fn check(json: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Account {
        #[serde(default, rename = "type")]
        kind: Option<String>,
        #[serde(default)]
        token_uri: Option<String>,
    }
    let account: Account =
        serde_json::from_str(json).map_err(|_| "it is not JSON of an account".to_owned())?;
    if let Some(kind) = account.kind.filter(|kind| kind != "service_account") {
        return Err(format!("an account of type '{kind}' cannot be used; give a service account's key"));
    }
    match account.token_uri.map(|uri| uri.parse::<axum::http::Uri>()) {
        Some(Ok(uri)) if uri.host().is_some() => Ok(()),
        _ => Err("its token_uri is no URL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::extract::State;
    use axum::http::StatusCode;
    use axum::routing::post;
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    /// Made for this test: `openssl genrsa 2048`.
    const PRIVATE_KEY: &str = include_str!("../tests/google/private-key.pem");

    /// A token endpoint that refuses the first call and then gives `token-1`, `token-2` …, each good for `life`
    /// seconds.
    async fn endpoint(life: u64) -> String {
        async fn token(
            State((calls, life)): State<(Arc<AtomicUsize>, u64)>,
            body: String,
        ) -> Result<String, StatusCode> {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            assert!(
                body.contains("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"),
                "{body}"
            );
            assert_eq!(body.split("assertion=").nth(1).unwrap().split('.').count(), 3, "{body}");
            if call == 0 {
                return Err(StatusCode::SERVICE_UNAVAILABLE);
            }
            Ok(json!({"access_token": format!("token-{call}"), "expires_in": life, "token_type": "Bearer"})
                .to_string())
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router =
            Router::new().route("/token", post(token)).with_state((Arc::new(AtomicUsize::new(0)), life));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        format!("http://{address}/token")
    }

    fn account(token_uri: &str) -> String {
        json!({"type": "service_account", "project_id": "p", "private_key_id": "k", "private_key": PRIVATE_KEY,
            "client_email": "a@p.iam.gserviceaccount.com", "client_id": "1",
            "auth_uri": "http://127.0.0.1/auth", "token_uri": token_uri})
        .to_string()
    }

    fn source(value: &str) -> Source {
        Source { name: "A".into(), value: Some(Secret::new(value)) }
    }

    async fn heard(tokens: &Tokens, revision: Option<u64>) -> AccessTokens {
        for _ in 0..400 {
            if let Some(heard) = tokens.newer_than(revision) {
                return heard;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no token came");
    }

    #[tokio::test]
    async fn a_service_accounts_token_is_fetched_and_replaced_before_it_ends() {
        let tokens = Tokens::fetch(vec![source(&account(&endpoint(2).await))]);
        let first = heard(&tokens, None).await;
        assert_eq!((first.tokens[0].name.as_str(), first.tokens[0].token.reveal()), ("A", "token-1"));
        assert!(tokens.newer_than(Some(first.revision)).is_none());
        let second = heard(&tokens, Some(first.revision)).await;
        assert_eq!(second.tokens[0].token.reveal(), "token-2");
        assert!(second.revision > first.revision);
        let now = u64::try_from(Timestamp::now().as_second()).unwrap();
        assert!(first.tokens[0].expires_at >= now, "it was replaced after its end");
    }

    #[tokio::test]
    async fn a_file_may_hold_the_account() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("account.json");
        std::fs::write(&path, account(&endpoint(3600).await)).unwrap();
        let token = source(path.to_str().unwrap()).token().await.unwrap();
        assert_eq!(token.as_str(), "token-1");
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_told_without_its_text() {
        for (value, why) in [
            ("/does/not/exist.json", "names the file /does/not/exist.json"),
            (r#"{"private_key":"hush""#, "not JSON"),
            (r#"{"type":"authorized_user","refresh_token":"hush"}"#, "type 'authorized_user'"),
            (r#"{"type":"service_account","private_key":"hush","token_uri":"no where"}"#, "token_uri"),
            (
                r#"{"type":"service_account","private_key":"hush","token_uri":"http://127.0.0.1/"}"#,
                "no service account",
            ),
        ] {
            let problem = source(value).token().await.unwrap_err();
            assert!(problem.contains(why) && !problem.contains("hush"), "{problem}");
        }
    }

    #[test]
    fn the_environment_names_the_sources() {
        let env = |name: &str| match name {
            SOURCES_ENV => Some("A, B,".to_owned()),
            "A" => Some("a.json".to_owned()),
            _ => None,
        };
        let sources = sources(env);
        let said: Vec<_> =
            sources.iter().map(|source| (source.name.as_str(), source.value.is_some())).collect();
        assert_eq!(said, [("A", true), ("B", false)]);
        assert!(super::sources(|_| None).is_empty());
    }

    #[test]
    fn the_next_token_is_fetched_in_good_time() {
        assert_eq!(until_next(Duration::from_hours(1)), Duration::from_mins(55));
        assert_eq!(until_next(Duration::from_mins(4)), Duration::from_mins(2));
        assert_eq!(until_next(Duration::ZERO), Duration::from_secs(1));
    }
}
