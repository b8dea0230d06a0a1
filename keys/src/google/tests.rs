use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

/// Created for this test: `openssl genrsa 2048`.
const PRIVATE_KEY: &str = include_str!("../../tests/google/private-key.pem");

/// A token endpoint that rejects the first call and then returns `token-1`, `token-2` …, each valid for
/// `life` seconds.
async fn endpoint(life: u64) -> String {
    async fn token(
        State((calls, life)): State<(Arc<AtomicUsize>, u64)>,
        body: String,
    ) -> Result<String, StatusCode> {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        assert!(body.contains("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"), "{body}");
        assert_eq!(body.split("assertion=").nth(1).unwrap().split('.').count(), 3, "{body}");
        if call == 0 {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        Ok(json!({"access_token": format!("token-{call}"), "expires_in": life, "token_type": "Bearer"})
            .to_string())
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/token", post(token)).with_state((Arc::new(AtomicUsize::new(0)), life));
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

/// A token endpoint that responds as configured: with an error, not at all, or with `token-N`.
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
    // The delays have grown, and one has just started.
    sleep(Duration::from_secs(6)).await;
    let before = endpoint.calls.load(Ordering::SeqCst);
    for _ in 0..200 {
        tokens.want(&["A".to_owned()], None);
        sleep(Duration::from_millis(10)).await;
    }
    // The library tries four or five times within 750 ms; then comes the minimum delay.
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
        ("/does/not/exist.json", "cannot read the file /does/not/exist.json"),
        (r#"{"private_key":"hush""#, "expected a path or the JSON"),
        (r#"{"type":"authorized_user","refresh_token":"hush"}"#, "type 'authorized_user'"),
        (r#"{"type":"service_account","private_key":"hush","token_uri":"no where"}"#, "token_uri"),
        (
            r#"{"type":"service_account","private_key":"hush","token_uri":"http://127.0.0.1/"}"#,
            "is not a service account",
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
    let said: Vec<_> = sources.iter().map(|source| (source.name.as_str(), source.value.is_some())).collect();
    assert_eq!(said, [("A", true), ("B", false)]);
    assert!(super::sources(|_| None).is_empty());
}

#[test]
fn the_next_token_is_fetched_in_good_time() {
    assert_eq!(until_next(Duration::from_hours(1)), Duration::from_mins(55));
    assert_eq!(until_next(Duration::from_mins(4)), Duration::from_mins(2));
    assert_eq!(until_next(Duration::ZERO), Duration::from_secs(1));
}
