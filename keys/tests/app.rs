//! A service to test: both routers over a database of its own, called without a network.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header::AUTHORIZATION};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection, Row};
use switchboard::key::{
    AccountId, Detail, PAYERS_PATH, PayersAnswer, PayersRequest, SYNC_PATH, SyncAnswer, SyncRequest,
    TokenHash, UsageBatch, UsageEntry, VERIFY_PATH, VerifyAnswer, VerifyRequest,
};
use switchboard_keys::app::App;
use switchboard_keys::control::{self, Control};
use switchboard_keys::credentials::{Broker, Secrets};
use switchboard_keys::envoys::Envoys;
use switchboard_keys::internal::internal;
use switchboard_keys::login_attempts::Attempts;
use switchboard_keys::media::{self, Media};
use switchboard_keys::metrics::Metrics;
use switchboard_keys::prices::Prices;
use switchboard_keys::public::public;
use switchboard_keys::secret::HashedSecret;
use switchboard_keys::store::{Store, default_url};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::postgres;

pub const MASTER_KEY: &str = "sk-master-of-the-tests";
const PRICES: &str = r#"{"gpt-4o": {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
    "cache_read_input_token_cost": 1.25e-06}}"#;
pub const INTERNAL_TOKEN: &str = "ticket-of-the-filter";

/// The service; the database goes away with it.
pub struct TestApp {
    pub app: App,
    pub directory: TempDir,
}

/// A status and a JSON body.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    pub fn of(status: u16, body: Value) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap(), body }
    }

    /// The body of an answer that must be a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }
}

/// LiteLLM's error envelope.
pub fn error(status: u16, kind: &str, message: &str, param: Option<&str>) -> Answer {
    let error = json!({"message": message, "type": kind, "param": param, "code": status.to_string()});
    Answer::of(status, json!({ "error": error }))
}

/// `FastAPI`'s complaint about one place in the body.
pub fn complaint(kind: &str, loc: &Value, msg: &str) -> Answer {
    Answer::of(422, json!({"detail": [{"type": kind, "loc": loc, "msg": msg}]}))
}

/// A call with any headers and body; what comes back.
pub async fn call(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&body)));
    Answer { status, body }
}

impl TestApp {
    pub async fn new() -> Self {
        // What the service logs is shown for a test that fails.
        let log = tracing_subscriber::fmt().with_test_writer().with_max_level(tracing::Level::ERROR);
        let _ = log.try_init();
        let directory = TempDir::new().unwrap();
        let app = Self::open(&directory).await;
        Self { app, directory }
    }

    /// With a `config.yaml` that allows models to be added by the API.
    pub async fn with_models() -> Self {
        let mut app = Self::new().await;
        let file = app.directory.path().join("config.yaml");
        std::fs::write(&file, "model_list: []\ngeneral_settings: {store_model_in_db: true}\n").unwrap();
        let settings = control::Settings {
            file,
            is_checked: false,
            token: switchboard::secret::Secret::new(INTERNAL_TOKEN),
            salt: switchboard::secret::Secret::new(MASTER_KEY),
        };
        let (store, prices) = (app.app.store.clone(), Arc::clone(&app.app.prices));
        let handing_out = (Secrets::default(), app.app.credentials.clone());
        let discovery = app.app.metrics.discovery.clone();
        let started = Control::start(settings, store, prices, discovery, handing_out).await;
        app.app.control = started.unwrap();
        app
    }

    pub async fn open(directory: &TempDir) -> App {
        App {
            store: Store::open(&Self::url(directory).await).await.unwrap(),
            master_key: HashedSecret::new(MASTER_KEY).unwrap(),
            internal_token: HashedSecret::new(INTERNAL_TOKEN).unwrap(),
            credentials: Broker::default(),
            control: Control::default(),
            media: Media::new(media::Settings::default()),
            prices: Arc::new(Prices::parse(PRICES.as_bytes()).unwrap()),
            defaults: Arc::default(),
            open_metrics: false,
            spend_log: true,
            audit_log: true,
            envoys: Envoys::default(),
            gateway: None,
            sso: None,
            attempts: Attempts::default(),
            metrics: Metrics::default(),
        }
    }

    /// The database that belongs to a directory: a file in it, or a schema that is named like it.
    pub async fn url(directory: &TempDir) -> String {
        if !postgres::wanted() {
            return default_url(&directory.path().join("data")).unwrap();
        }
        let name = directory.path().file_name().unwrap().to_string_lossy();
        // Upper and lower case are one in an unquoted name, and not in a directory's.
        let hash = TokenHash::of(name.as_bytes()).to_string();
        postgres::schema(&format!("t{}", &hash[..20])).await
    }

    pub fn public(&self) -> Router {
        Router::new().fallback_service(public(self.app.clone()))
    }

    /// A request to the public port with a bearer.
    pub async fn send(&self, key: &str, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(AUTHORIZATION, format!("Bearer {key}"))
            .body(body.into())
            .unwrap();
        call(self.public(), request).await
    }

    /// A POST by the administrator.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(MASTER_KEY, Method::POST, path, body.to_string()).await
    }

    /// A GET with this key.
    pub async fn get(&self, key: &str, path: &str) -> Answer {
        self.send(key, Method::GET, path, Body::empty()).await
    }

    /// A new key: the answer of `/key/generate`.
    pub async fn generate(&self, body: Value) -> Value {
        self.post("/key/generate", body).await.ok()
    }

    /// A new key in the clear.
    pub async fn key(&self, body: Value) -> String {
        self.generate(body).await["key"].as_str().unwrap().to_owned()
    }

    /// A key of a new user with this role, and without any limit.
    pub async fn user(&self, user_id: &str, role: &str) -> String {
        let made = self.post("/user/new", json!({"user_id": user_id, "user_role": role})).await.ok();
        made["key"].as_str().unwrap().to_owned()
    }

    /// What `/key/info` tells the administrator of a key.
    pub async fn info(&self, key: &str) -> Value {
        self.get(MASTER_KEY, &format!("/key/info?key={key}")).await.ok()["info"].take()
    }

    /// A request to the internal port with the filter's bearer.
    pub async fn filter(&self, path: &str, body: Value) -> Answer {
        let request = Request::post(path)
            .header(AUTHORIZATION, format!("Bearer {INTERNAL_TOKEN}"))
            .header("content-type", "application/json")
            .body(body.to_string().into())
            .unwrap();
        call(internal(self.app.clone()), request).await
    }

    pub async fn verify(&self, key: &str) -> VerifyAnswer {
        let asked = VerifyRequest { token: TokenHash::of(key.as_bytes()) };
        let answer = self.filter(VERIFY_PATH, serde_json::to_value(asked).unwrap()).await;
        serde_json::from_value(answer.ok()).unwrap()
    }

    /// The records of accounts that a request names.
    pub async fn payers(&self, accounts: Vec<AccountId>) -> PayersAnswer {
        let asked = serde_json::to_value(PayersRequest { accounts }).unwrap();
        serde_json::from_value(self.filter(PAYERS_PATH, asked).await.ok()).unwrap()
    }

    pub async fn sync(&self, cursor: Option<u64>, batch: Option<UsageBatch>) -> SyncAnswer {
        let asked = serde_json::to_value(SyncRequest {
            cursor,
            batch: batch.map(Cow::Owned),
            ..SyncRequest::default()
        })
        .unwrap();
        serde_json::from_value(self.filter(SYNC_PATH, asked).await.ok()).unwrap()
    }

    /// Every row of the spend log, read by another hand than the service's.
    pub async fn spend_log(&self) -> Vec<Value> {
        const TEXTS: [&str; 8] =
            ["call_id", "token", "user_id", "team_id", "mode", "model_group", "deployment_id", "model"];
        const NUMBERS: [&str; 11] = [
            "position",
            "requests",
            "status",
            "prompt_tokens",
            "completion_tokens",
            "cached_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
            "cost",
            "started_at",
            "duration_ms",
        ];
        let mut connection = AnyConnection::connect(&Self::url(&self.directory).await).await.unwrap();
        let sql = format!(
            "SELECT {}, {} FROM spend_log ORDER BY segment, position",
            TEXTS.join(", "),
            NUMBERS.join(", ")
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        let value = |row: &AnyRow| {
            let texts = TEXTS.map(|name| (name.to_owned(), json!(row.get::<Option<String>, _>(name))));
            let numbers = NUMBERS.map(|name| (name.to_owned(), json!(row.get::<Option<i64>, _>(name))));
            Value::Object(texts.into_iter().chain(numbers).collect())
        };
        rows.iter().map(value).collect()
    }

    /// All that is stored: every file, or every row as text.
    pub async fn stored(&self) -> Vec<Vec<u8>> {
        if !postgres::wanted() {
            let files = std::fs::read_dir(self.directory.path().join("data")).unwrap();
            return files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        }
        let mut connection = AnyConnection::connect(&Self::url(&self.directory).await).await.unwrap();
        let mut stored = Vec::new();
        for table in [
            "virtual_key",
            "account",
            "model_spend",
            "lease",
            "retired_key",
            "change",
            "spend_log",
            "stored_response",
            "audit_log",
        ] {
            let sql = format!("SELECT CAST({table}.* AS TEXT) FROM {table}");
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            stored.extend(rows.iter().map(|row| row.get::<String, _>(0).into_bytes()));
        }
        stored
    }

    /// Where the change feed stands.
    pub async fn cursor(&self) -> u64 {
        self.sync(None, None).await.cursor
    }
}

/// One request that a key paid for.
pub fn usage(key: Option<&str>, cost_picodollars: Option<u64>) -> UsageEntry<'static> {
    UsageEntry {
        call_id: "call-1".into(),
        token: key.map(|key| TokenHash::of(key.as_bytes())),
        mode: "chat".into(),
        model_group: "gpt-4o".into(),
        deployment_id: "d1".into(),
        model: "openai/gpt-4o".into(),
        api_base: "https://api.openai.com/v1".into(),
        requests: 1,
        status: 200,
        prompt_tokens: 1000,
        completion_tokens: 100,
        cached_tokens: 400,
        cache_write_tokens: 0,
        reasoning_tokens: 10,
        cost_picodollars,
        started_ms: 1_795_000_000_000,
        duration_ms: 1234,
        first_token_ms: None,
        detail: Detail::default(),
    }
}

pub fn batch(id: &str, entries: Vec<UsageEntry<'_>>) -> UsageBatch {
    UsageBatch::of(id, entries)
}
