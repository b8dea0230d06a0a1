//! Secrets of models that the API adds, and of those in files and clouds: they reach who must have them, and are seen nowhere
//! else.

use std::time::Duration;

use fake_clouds::{Clouds, PRIVATE_KEY};
use fake_provider::{Provider, Recorded, Reply, Step};
use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Client, Config, MASTER_KEY, Setup, Stack, openai, question};

use crate::credentials::Strict;
use crate::secrets::{Seen, variable};

/// In `litellm_params` of a model of the API.
const STORED: &str = "sk-openai-planted-in-a-stored-model-5711";
/// The same, after a change.
const CHANGED: &str = "sk-openai-planted-in-a-changed-model-5712";
/// In a header of a model of the API.
const HEADER: &str = "planted-in-a-header-of-a-model-5713";
/// In models that are refused.
const REFUSED: &str = "sk-planted-in-a-refused-model-5714";
/// In a file of its own, which a variable names.
const IN_FILE: &str = "sk-openai-planted-in-a-file-5715";
/// With which a role is assumed.
const AWS: &str = "planted-secret-access-key-5716";
/// What Google's account has.
const REFRESH: &str = "planted-refresh-token-5717";
/// The client secret of a user's account.
const CLIENT: &str = "planted-client-secret-5718";
/// The salt of the encryption.
const SALT: &str = "planted-salt-5719";
/// Tries to read the internal port.
const STRANGER: &str = "sk-planted-key-of-a-stranger-5720";

async fn post(stack: &Stack, path: &str, body: Value) -> Answer {
    stack.client().post(path, &body).key(MASTER_KEY).send().await
}

/// Adds and changes models, and tries to add those that are refused.
async fn change_models(stack: &Stack, base: &str, seen: &mut Seen) {
    let mut params = openai("gpt-4o", base, STORED);
    params["extra_headers"] = json!({ "X-Secret-Token": HEADER });
    let added =
        json!({ "model_name": "stored", "litellm_params": params, "model_info": { "id": "stored-id" } });
    seen.answer("/model/new", &post(stack, "/model/new", added.clone()).await.expect(200));
    seen.answer("a model that exists", &post(stack, "/model/new", added).await.expect(400));
    let changed = json!({ "litellm_params": { "api_key": CHANGED }, "model_info": { "id": "stored-id" } });
    seen.answer("/model/update", &post(stack, "/model/update", changed).await.expect(200));
    for (name, params) in [
        ("no provider", json!({ "model": "opnai/gpt-4o", "api_key": REFUSED })),
        ("no address", json!({ "model": "openai/m", "api_base": "no address", "api_key": REFUSED })),
        ("no type", json!({ "model": "openai/m", "api_key": { "of": REFUSED } })),
        // The authorities are an empty file, which only Envoy reads.
        ("Envoy", openai("m", "https://127.0.0.1:1", REFUSED)),
    ] {
        let body = json!({ "model_name": "refused", "litellm_params": params });
        let answer = post(stack, "/model/new", body).await.expect(400);
        seen.answer(name, &answer);
        if name == "Envoy" {
            assert!(answer.text().contains("Envoy rejects the model"), "{}", answer.text());
        }
    }
}

/// What a browser of an administrator shows.
async fn look_at_pages(client: &Client, seen: &mut Seen) {
    let login = client.request(Method::POST, "/ui/login").body(format!("key={MASTER_KEY}")).send().await;
    let login = login.expect(303);
    seen.add("a cookie", login.header("set-cookie"));
    let cookie = login.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    for path in ["/ui/keys", "/ui/keys/new", "/ui/users", "/ui"] {
        seen.answer(path, &client.get(path).header("cookie", &cookie).send().await);
    }
}

/// What the internal port says to those who have no token, and to those who have.
async fn discover(stack: &Stack, token: &str, seen: &mut Seen) {
    let internal = Client::new(format!("http://127.0.0.1:{}", stack.keys + 1));
    for part in ["clusters", "listeners", "routes", "extension_configs"] {
        let path = format!("/v3/discovery:{part}");
        let ask = json!({ "node": {} });
        for key in [None, Some(STRANGER), Some(MASTER_KEY)] {
            let call = internal.post(&path, &ask);
            let answer = match key {
                Some(key) => call.key(key),
                None => call,
            };
            let answer = answer.send().await.expect(401);
            assert!(!answer.text().contains("resources"), "{}", answer.text());
            seen.answer("discovery without its token", &answer);
        }
        seen.answer("discovery", &internal.post(&path, &ask).key(token).send().await);
    }
    for path in ["/internal/sync", "/internal/verify", "/internal/credential"] {
        let answer = internal.post(path, &json!({})).key(STRANGER).send().await.expect(401);
        seen.answer("the internal port", &answer);
    }
}

#[tokio::test]
async fn secrets_of_stored_models_files_and_clouds_are_seen_nowhere_but_where_they_belong() {
    let (provider, signed, clouds) =
        (Provider::start().expect("a provider"), Strict::default(), Clouds::start("127.0.0.1:0"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path in UTF-8").to_owned()
    };
    let google = |name: &str| format!("http://{}/google/{name}", clouds.address());
    let account = json!({"type": "authorized_user", "client_id": "c", "client_secret": CLIENT,
        "refresh_token": REFRESH, "token_uri": google("user/refresh")});
    let service = json!({"type": "service_account", "project_id": "p", "private_key_id": "k",
        "private_key": PRIVATE_KEY, "client_email": "a@p.iam.gserviceaccount.com", "client_id": "1",
        "auth_uri": "http://127.0.0.1/auth", "token_uri": google("service/token")});
    let vertex = |credentials: &str, base: String| {
        json!({"model": "vertex_ai/gemini-2.5-flash", "api_base": base, "vertex_project": "p",
            "vertex_location": "europe-west4", "vertex_credentials": credentials})
    };
    let role = json!({"model": "bedrock/amazon.nova-pro-v1:0", "api_base": signed.start(), "aws_region_name": "eu-west-1",
        "aws_access_key_id": "AKID", "aws_secret_access_key": AWS, "aws_session_name": "se",
        "aws_role_name": "arn:aws:iam::123456789012:role/r", "aws_sts_endpoint": format!("http://{}/sts/", clouds.address())});
    let config = Config::new()
        .model("in-file", openai("gpt-4o", &provider.base(), "os.environ/PLANTED"))
        .model("role", role)
        .model("user", vertex(&account.to_string(), signed.start()))
        .model("service", vertex(&file("account.json", &service.to_string()), signed.start()))
        .section("general_settings", json!({ "store_model_in_db": true }));
    let mut stack = Setup::new(&config)
        .env("PLANTED_FILE", file("planted", IN_FILE))
        .env("LITELLM_SALT_KEY", SALT)
        .env("SSL_CERT_FILE", file("authorities.pem", ""))
        .env("RUST_LOG", "debug")
        .workers(2)
        .access_log()
        .start();
    let (client, admin) = (stack.client(), stack.admin());
    let mut seen = Seen::default();
    change_models(&stack, &provider.base(), &mut seen).await;

    // A changed secret reaches every Envoy within this time.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let key = stack.key().await;
    let case = provider.case();
    case.then(Step::reply(Reply::text("Hello.")));
    for model in ["in-file", "stored"] {
        let asked = question(model, &case.prompt(""));
        seen.answer(model, &client.post("/v1/chat/completions", &asked).key(&key).send().await.expect(200));
    }
    let sent: String = case.requests().iter().map(Recorded::head_text).collect();
    for secret in [IN_FILE, CHANGED, HEADER] {
        assert!(sent.contains(secret), "{secret} has not reached the provider");
    }
    // Of the clouds' credentials, providers get what these make of them.
    for (model, credential) in [
        ("role", "AWS4-HMAC-SHA256 Credential=ASIA-se-/"),
        ("user", "Bearer user c planted-refresh"),
        ("service", "Bearer service account a@p.iam"),
    ] {
        signed.accepts(credential);
        let answer =
            client.post("/v1/chat/completions", &question(model, "Hello")).key(&key).send().await.expect(200);
        seen.answer(model, &answer);
        signed.accepts("another");
        let refused = client.post("/v1/chat/completions", &question(model, "Hello")).key(&key).send().await;
        assert!(refused.status >= 400, "{model}: {}", refused.text());
        seen.answer("a refused credential", &refused);
    }

    for path in [
        "/model/info",
        "/v2/model/info",
        "/model_group/info",
        "/v1/models",
        "/health",
        "/health/readiness",
        "/health/liveliness",
        "/routes",
        "/metrics",
    ] {
        seen.answer(path, &client.get(path).key(MASTER_KEY).send().await.expect(200));
    }
    look_at_pages(&client, &mut seen).await;
    let token = variable(&stack, "SWITCHBOARD_INTERNAL_TOKEN");
    discover(&stack, &token, &mut seen).await;
    // A sync, and what is written with it.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    for path in ["/config_dump?include_eds", "/stats", "/stats/prometheus", "/clusters", "/init_dump"] {
        seen.answer(path, &admin.get(path).send().await.expect(200));
    }
    let readiness = Client::new(format!("http://127.0.0.1:{}", stack.keys)).get("/health/readiness");
    seen.answer("the key service's readiness", &readiness.send().await.expect(200));
    for pid in [stack.envoy_pid(), stack.keys_pid().expect("a key service"), stack.launcher.pid()] {
        seen.add("a command line", std::fs::read(format!("/proc/{pid}/cmdline")).expect("a command line"));
    }
    let environment = std::fs::read(format!("/proc/{}/environ", stack.envoy_pid())).expect("an environment");
    seen.add("Envoy's environment", environment.clone());
    // The key service dies with everything in memory, and reads the database again.
    stack.kill(stack.keys_pid().expect("a key service"));
    stack.wait_for_log("the key service exited", 1).await;
    seen.answer("/model/info, later", &client.get("/model/info").key(MASTER_KEY).send().await.expect(200));
    stack.stop();
    seen.add("the log", stack.log());
    seen.folder(&stack.data_dir);

    assert!(stack.log().contains("no longer used, because Envoy rejects them"), "{}", stack.log());
    let private_key = PRIVATE_KEY.lines().nth(3).expect("a line");
    for secret in
        [STORED, CHANGED, HEADER, REFUSED, IN_FILE, AWS, REFRESH, CLIENT, SALT, STRANGER, private_key, &key]
    {
        let places = seen.places(secret);
        assert!(places.is_empty(), "{secret} was seen in {places:?}");
    }
    let in_environment = memchr::memmem::find(&environment, MASTER_KEY.as_bytes());
    assert!(in_environment.is_some(), "the master key is in Envoy's environment, where the filter reads it");
    let places = seen.places(&token);
    assert_eq!(places, ["Envoy's environment"], "the token of the internal port was seen");
}
