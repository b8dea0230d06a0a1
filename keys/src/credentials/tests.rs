use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;

use switchboard::secret::Secret;
use tokio::time::sleep;

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

fn definition(kind: Kind, setting: Setting) -> Definition {
    Definition { name: "A".into(), kind, settings: vec![("vertex_credentials".into(), setting)] }
}

fn google(value: &str) -> Definition {
    definition(Kind::Google, Setting::Literal(Secret::new(value)))
}

async fn broker(definition: Definition) -> Broker {
    let broker = Broker::start(Secrets::default());
    broker.define("test", vec![definition]).await;
    broker
}

fn token(heard: &HandedOut) -> Option<&str> {
    heard.credentials.first()?.value.as_ref().map(Secret::reveal)
}

/// What is handed out next with a value; `revision` is what the asker has.
async fn heard(broker: &Broker, revision: u64) -> HandedOut {
    for _ in 0..400 {
        if let Some(heard) = broker.newer_than(Some(revision)).filter(|heard| token(heard).is_some()) {
            return heard;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no token came");
}

fn question(revision: u64, rejected: bool) -> CredentialRequest {
    CredentialRequest { name: "A".to_owned(), revision, rejected }
}

#[tokio::test]
async fn a_service_accounts_token_is_fetched_and_replaced_before_it_ends() {
    let broker = broker(google(&account(&endpoint(2).await))).await;
    let first = heard(&broker, 0).await;
    assert_eq!((token(&first), first.credentials[0].is_token), (Some("token-1"), true));
    assert!(broker.newer_than(Some(first.revision)).is_none());
    let second = heard(&broker, first.revision).await;
    assert_eq!(token(&second), Some("token-2"));
    assert!(first.credentials[0].expires_at.unwrap() >= now(), "it was replaced after its end");
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
async fn until_heard(broker: &Broker) -> Duration {
    let begun = Instant::now();
    heard(broker, 0).await;
    begun.elapsed()
}

#[tokio::test]
async fn after_an_outage_of_whatever_length_and_kind_a_token_comes_within_two_seconds() {
    for mood in [Mood::Refuses, Mood::Hangs] {
        let endpoint = Moody::default();
        endpoint.becomes(mood);
        let broker = broker(google(&account(&endpoint.start().await))).await;
        sleep(Duration::from_secs(6)).await;
        let handed_out = broker.newer_than(Some(0)).unwrap();
        assert!(token(&handed_out).is_none() && handed_out.credentials[0].problem.is_some());
        let [status] = &broker.statuses()[..] else { panic!("one credential") };
        assert!(status.state == Standing::Missing && status.failures > 1, "{status:?}");
        endpoint.becomes(Mood::Answers);
        let took = until_heard(&broker).await;
        assert!(took < Duration::from_millis(2_500), "{took:?}");
        assert_eq!(broker.statuses()[0].state, Standing::Ok);
    }
}

#[tokio::test]
async fn a_rejected_token_is_replaced_unless_it_is_a_fresh_one_or_there_is_a_newer_one() {
    let endpoint = Moody::default();
    endpoint.becomes(Mood::Answers);
    let broker = broker(google(&account(&endpoint.start().await))).await;
    let first = heard(&broker, 0).await;
    assert_eq!(broker.ask(&question(first.revision, true)).await, first, "it was fresh");
    sleep(FRESH).await;
    assert_eq!(broker.ask(&question(first.revision - 1, true)).await, first, "the asker had an older one");
    let second = broker.ask(&question(first.revision, true)).await;
    assert!(token(&second).is_some() && token(&second) != token(&first));
    let calls = endpoint.calls.load(Ordering::SeqCst);
    assert_eq!(broker.ask(&question(second.revision, true)).await, second);
    assert_eq!(endpoint.calls.load(Ordering::SeqCst), calls, "many rejections do not flood the endpoint");
}

#[tokio::test]
async fn who_asks_waits_for_what_is_being_fetched_but_not_for_what_cannot_be() {
    let endpoint = Moody::default();
    endpoint.becomes(Mood::Answers);
    let broker = Broker::start(Secrets::default());
    let another = broker.clone();
    let asked = tokio::spawn(async move { another.ask(&question(0, false)).await });
    sleep(Duration::from_millis(100)).await;
    broker.define("test", vec![google(&account(&endpoint.start().await))]).await;
    assert!(token(&asked.await.unwrap()).is_some());

    let broker = self::broker(google("/does/not/exist.json")).await;
    while broker.newer_than(Some(0)).unwrap().credentials[0].problem.as_deref() == Some("it is being fetched")
    {
        sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let told = broker.ask(&question(0, false)).await;
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert!(
        told.credentials[0].problem.as_deref().unwrap().contains("cannot read the file /does/not/exist.json")
    );
}

#[tokio::test]
async fn a_file_may_hold_the_account_and_another_account_in_it_is_used_at_once() {
    let endpoint = Moody::default();
    endpoint.becomes(Mood::Answers);
    let uri = endpoint.start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("account.json");
    std::fs::write(&path, account(&uri)).unwrap();
    let broker = broker(google(path.to_str().unwrap())).await;
    let first = heard(&broker, 0).await;
    std::fs::write(&path, account(&uri).replace("a@p.iam", "b@p.iam")).unwrap();
    let second = heard(&broker, first.revision).await;
    assert_ne!(token(&second), token(&first));
}

#[tokio::test]
async fn a_key_in_a_file_is_handed_out_anew_within_half_a_second_and_the_old_one_outlives_a_missing_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("A_KEY");
    std::fs::write(&path, "one\n").unwrap();
    let broker = Broker::start(Secrets::new(vec![folder.path().to_owned()]));
    broker.define("test", vec![definition(Kind::Key, Setting::Environment("A_KEY".into()))]).await;
    let first = broker.newer_than(Some(0)).unwrap();
    assert_eq!((token(&first), first.credentials[0].is_token), (Some("one"), false));
    std::fs::write(&path, "two\n").unwrap();
    let begun = Instant::now();
    let second = heard(&broker, first.revision).await;
    assert_eq!(token(&second), Some("two"));
    assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());

    std::fs::remove_file(&path).unwrap();
    while broker.statuses()[0].state != Standing::Stale {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(broker.statuses()[0].problem.as_deref(), Some("A_KEY is not set"));
    assert_eq!(token(&broker.newer_than(Some(0)).unwrap()), Some("two"));
    // The rejection of the old key has the file read at once.
    let stale = broker.newer_than(Some(0)).unwrap();
    std::fs::write(&path, "three").unwrap();
    let third = broker.ask(&question(stale.revision, true)).await;
    assert_eq!(token(&third), Some("three"));
    // The provider may be first to know.
    let another = broker.clone();
    let asked = tokio::spawn(async move { another.ask(&question(third.revision, true)).await });
    sleep(Duration::from_millis(200)).await;
    std::fs::write(&path, "four").unwrap();
    assert_eq!(token(&asked.await.unwrap()), Some("four"));
}

#[tokio::test]
async fn definitions_come_and_go_while_equal_ones_keep_their_values() {
    let key = |name: &str, value: &str| Definition {
        name: name.into(),
        kind: Kind::Key,
        settings: vec![("api_key".into(), Setting::Literal(Secret::new(value)))],
    };
    let broker = Broker::start(Secrets::default());
    broker.define("file", vec![key("A", "one"), key("B", "two")]).await;
    broker.define("database", vec![key("C", "three"), key("A", "not mine")]).await;
    let values = |broker: &Broker| {
        let all = broker.newer_than(Some(0)).unwrap().credentials;
        let value = |held: &Credential| held.value.as_ref().unwrap().reveal().to_owned();
        all.iter().map(|held| (held.name.clone(), value(held))).collect::<Vec<_>>()
    };
    let expected = [("A", "one"), ("B", "two"), ("C", "three")];
    assert_eq!(values(&broker), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    broker.define("file", vec![key("A", "four")]).await;
    let expected = [("A", "four"), ("B", "two"), ("C", "three")];
    // Requests of the previous configuration may still need B.
    assert_eq!(values(&broker), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(broker.statuses().len(), 2, "but it is no longer told of");
}

#[tokio::test]
async fn what_cannot_be_used_is_told_without_its_text() {
    for (value, why) in [
        ("/does/not/exist.json", "cannot read the file /does/not/exist.json"),
        (r#"{"private_key":"hush""#, "expected a path or the JSON"),
        (
            r#"{"type":"authorized_user","refresh_token":"hush"}"#,
            "type 'authorized_user' is unknown, or fields are missing",
        ),
        (r#"{"type":"service_account","private_key":"hush","token_uri":"no where"}"#, "token_uri"),
        (
            r#"{"type":"service_account","private_key":"hush","token_uri":"http://127.0.0.1/"}"#,
            "not a service account",
        ),
    ] {
        let definition = google(value);
        let inputs = definition.inputs(&Secrets::default().read());
        let problem = Kind::Google.fetch(&inputs).await.unwrap_err();
        assert!(problem.contains(why) && !problem.contains("hush"), "{problem}");
        assert!(!format!("{definition:?} {inputs:?}").contains("hush"));
    }
}
