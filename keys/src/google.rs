//! Access tokens of Google, fetched here and handed to the filter with the answers to its sync calls: a service
//! account signs with RSA, which is no work for a proxy's worker.
//!
//! Each source has a task that fetches a new token well before the old one expires. A failed fetch is repeated within
//! two seconds, sooner if a request needs the token, and the old token stays as long as it is valid.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gcp_auth::{CustomServiceAccount, Token, TokenProvider};
use jiff::Timestamp;
use serde::Deserialize;
use switchboard::key::{AccessToken, AccessTokens};
use switchboard::secret::Secret;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Variable with the names of the variables that hold the sources, commas between them.
pub const SOURCES_ENV: &str = "SWITCHBOARD_GOOGLE_CREDENTIALS";

/// What Vertex AI asks for.
const SCOPES: &[&str] = &["https://www.googleapis.com/auth/cloud-platform"];

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
            tracing::info!(source = source.name, "fetched an access token of Google");
            let refused = async {
                sleep(FRESH).await;
                self.is_wanted(&source.name).await;
            };
            tokio::select! {
                () = sleep(until_next(life)) => {}
                () = refused => {
                    tracing::warn!(source = source.name, "the access token was refused; fetching another one");
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
                Ok(_) | Err(_) => "Google does not answer".to_owned(),
            };
            let now = Instant::now();
            if logged.as_ref().is_none_or(|(last, at)| *last != problem || now - *at >= REPEAT_LOG) {
                tracing::error!(
                    source = source.name,
                    "no access token of Google: {problem}; trying again at least every {} s",
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

    /// A token endpoint that answers as told: with an error, with silence, or with `token-N`.
    #[derive(Clone, Default)]
    struct Moody {
        mood: Arc<Mutex<Mood>>,
        calls: Arc<AtomicUsize>,
    }

    #[derive(Clone, Copy, Default)]
    enum Mood {
        #[default]
        Refuses,
        Hangs,
        Answers,
    }

    impl Moody {
        async fn start(&self) -> String {
            async fn token(State(endpoint): State<Moody>) -> Result<String, StatusCode> {
                let call = endpoint.calls.fetch_add(1, Ordering::SeqCst);
                let mood = *endpoint.mood.lock().unwrap();
                match mood {
                    Mood::Refuses => Err(StatusCode::BAD_REQUEST),
                    Mood::Hangs => std::future::pending().await,
                    Mood::Answers => Ok(json!({"access_token": format!("token-{call}"), "expires_in": 3600,
                        "token_type": "Bearer"})
                    .to_string()),
                }
            }
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let router = Router::new().route("/token", post(token)).with_state(self.clone());
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            format!("http://{address}/token")
        }

        fn becomes(&self, mood: Mood) {
            *self.mood.lock().unwrap() = mood;
        }
    }

    /// How long it takes from now until there is a token.
    async fn until_heard(tokens: &Tokens) -> Duration {
        let begun = Instant::now();
        heard(tokens, None).await;
        begun.elapsed()
    }

    #[tokio::test]
    async fn after_an_outage_of_whatever_length_and_kind_a_token_comes_within_two_seconds() {
        for mood in [Mood::Refuses, Mood::Hangs] {
            let endpoint = Moody::default();
            endpoint.becomes(mood);
            let tokens = Tokens::fetch(vec![source(&account(&endpoint.start().await))]);
            sleep(Duration::from_secs(6)).await;
            assert!(tokens.newer_than(None).is_none());
            endpoint.becomes(Mood::Answers);
            let took = until_heard(&tokens).await;
            assert!(took < Duration::from_millis(2_500), "{took:?}");
        }
    }

    #[tokio::test]
    async fn a_request_that_needs_a_token_has_it_asked_for_at_once_and_many_do_not_flood_the_endpoint() {
        let endpoint = Moody::default();
        let tokens = Tokens::fetch(vec![source(&account(&endpoint.start().await))]);
        // The pauses have grown, and one has just begun.
        sleep(Duration::from_secs(6)).await;
        let before = endpoint.calls.load(Ordering::SeqCst);
        for _ in 0..200 {
            tokens.want(&["A".to_owned()], None);
            sleep(Duration::from_millis(10)).await;
        }
        // The library asks four or five times within 750 ms; then comes the shortest pause.
        let calls = endpoint.calls.load(Ordering::SeqCst) - before;
        assert!((4..=16).contains(&calls), "{calls}");
        endpoint.becomes(Mood::Answers);
        for _ in 0..200 {
            tokens.want(&["A".to_owned()], None);
            if tokens.newer_than(None).is_some() {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        assert!(tokens.newer_than(None).is_some());
    }

    #[tokio::test]
    async fn a_refused_token_is_replaced_unless_it_is_a_fresh_one_or_there_is_a_newer_one() {
        let endpoint = Moody::default();
        endpoint.becomes(Mood::Answers);
        let tokens = Tokens::fetch(vec![source(&account(&endpoint.start().await))]);
        let first = heard(&tokens, None).await;
        let wanted = ["A".to_owned()];
        tokens.want(&wanted, Some(first.revision));
        sleep(Duration::from_millis(300)).await;
        assert!(tokens.newer_than(Some(first.revision)).is_none(), "it was fresh");
        sleep(FRESH).await;
        tokens.want(&wanted, Some(first.revision - 1));
        sleep(Duration::from_millis(300)).await;
        assert!(tokens.newer_than(Some(first.revision)).is_none(), "the asker had an older one");
        tokens.want(&wanted, Some(first.revision));
        let second = heard(&tokens, Some(first.revision)).await;
        assert_ne!(second.tokens[0].token, first.tokens[0].token);
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
