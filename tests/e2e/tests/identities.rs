//! Identities of machines instead of keys: what AWS and Google give to a process that runs there.

use std::io::BufReader;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fake_clouds::{Clouds, Mood as Outage};
use serde_json::json;
use switchboard_e2e::{Client, Config, Setup, Stack, question};

use crate::credentials::{Strict, request, respond, status};

/// Where AWS's library finds the keys of a machine: the variable, the path, and how the keys begin. EKS has the token of the
/// pod's service account in a file, too, which its agent mounts.
const MACHINES: [(&str, &str, &str); 3] = [
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/ecs", "ASIAECS"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/eks", "ASIAEKS"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "", "ASIAEC2"),
];

/// A stack on a machine of AWS, with models of a provider that accepts only its keys.
fn on_machine(
    config: impl FnOnce(serde_json::Value) -> Config,
    (variable, path, id): (&str, &str, &str),
    clouds: &Clouds,
    folder: &Path,
) -> Stack {
    let provider = Strict::default();
    provider.accepts(&format!("AWS4-HMAC-SHA256 Credential={id}/"));
    let params = json!({"model": "bedrock/amazon.nova-pro-v1:0", "api_base": provider.start(),
        "aws_region_name": "eu-west-1"});
    let token = folder.join("eks-pod-identity-token");
    std::fs::write(&token, "token-of-the-pod").unwrap();
    let mut setup = Setup::new(&config(params)).env(variable, format!("http://{}{path}", clouds.address()));
    if path == "/eks" {
        setup = setup.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap());
    }
    setup.start()
}

#[tokio::test]
async fn requests_are_signed_with_the_keys_of_the_machine() {
    let (clouds, folder) = (Clouds::start("127.0.0.1:0"), tempfile::tempdir().unwrap());
    for machine in MACHINES {
        let mut stack =
            on_machine(|params| Config::new().model("m", params), machine, &clouds, folder.path());
        let key = stack.key().await;
        let answer = stack.client().post("/v1/chat/completions", &question("m", "hi")).key(&key).send().await;
        assert_eq!(answer.status, 200, "{machine:?}: {}", answer.text());
        let ready =
            Client::new(format!("http://127.0.0.1:{}", stack.keys)).get("/health/readiness").send().await;
        let credentials = ready.expect(200).json()["credentials"].clone();
        assert_eq!(credentials, json!([{"name": "AWS", "state": "ok", "expires_at": 4_070_908_800_u64}]));
        stack.stop();
        assert!(!stack.log().contains("planted"), "{}", stack.log());
    }
}

/// Has the source of a machine's keys fail until they have expired, and return.
async fn lose_keys(stack: &Stack, clouds: &Clouds, mood: Outage) {
    let (client, key) = (stack.client(), stack.key().await);
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    clouds.becomes("/", mood);
    let (mut end, mut was_stale) = (0.0, false);
    loop {
        let before = now();
        let told = credential(stack).await;
        if let Some(at) = told["expires_at"].as_f64() {
            end = at;
        }
        was_stale |= told["state"] == "stale";
        if status(&client, &key, "m").await != 200 {
            break;
        }
        assert!(before < end + 1.0, "{mood:?}: used after its end: {told}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(now() >= end, "{mood:?}: the keys could be used for another {} s", end - now());
    assert!(was_stale, "{mood:?}: {}", stack.log());
    assert_eq!(status(&client, &key, "with a fallback").await, 200, "{mood:?}");

    // Longer than the longest delay between two attempts.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(credential(stack).await["state"], "missing", "{mood:?}");
    let call = client.post("/v1/chat/completions", &question("m", "hi")).key(&key);
    let error = call.send().await.expect(503).error();
    let words = error["message"].as_str().unwrap_or_default();
    assert!(words.contains("no credential for deployment") && words.contains("AWS: "), "{mood:?}: {error}");
    assert!(!words.contains("has expired"), "{mood:?}: it does not say why: {error}");
    clouds.becomes("/", Outage::Answers);
    let begun = Instant::now();
    while status(&client, &key, "m").await != 200 {
        assert!(begun.elapsed() < Duration::from_millis(2_500), "{mood:?}: {}", stack.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_machine_of_aws_keeps_its_keys_to_their_end_and_has_new_ones_two_seconds_after_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let config = |params: serde_json::Value| {
        let fallbacks = json!([{ "with a fallback": ["another"] }]);
        Config::new()
            .model("m", params.clone())
            .model("with a fallback", params)
            .model("another", json!({ "model": "openai/demo", "mock_response": "Hello." }))
            .section("router_settings", json!({ "num_retries": 0, "fallbacks": fallbacks }))
    };
    let start = |machine| {
        let clouds = Clouds::start("127.0.0.1:0");
        clouds.keys_last(8);
        (on_machine(config, machine, &clouds, folder.path()), clouds)
    };
    let [ecs, eks, ec2] = MACHINES.map(start);
    tokio::join!(
        lose_keys(&ecs.0, &ecs.1, Outage::Fails),
        lose_keys(&eks.0, &eks.1, Outage::Wrong),
        lose_keys(&ec2.0, &ec2.1, Outage::Hangs),
    );
}

/// What Google's metadata server does.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Hangs,
    Fails,
    Wrong,
    Answers,
}

/// Google's metadata server, in threads that end with the process.
/// <https://cloud.google.com/compute/docs/access/authenticate-workloads>
fn google_metadata() -> (String, Arc<Mutex<Mood>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mood = Arc::new(Mutex::new(Mood::Answers));
    let current = Arc::clone(&mood);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mood = Arc::clone(&current);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                while let Some((head, _)) = request(&mut reader) {
                    let path = head.split(' ').nth(1).unwrap_or_default();
                    let is_asked = path == "/computeMetadata/v1/instance/service-accounts/default/token"
                        && head.to_ascii_lowercase().contains("metadata-flavor: google");
                    let mood = *mood.lock().unwrap();
                    let token = json!({"access_token": "token-of-the-machine", "expires_in": 3599, "token_type": "Bearer"});
                    let (status, body) = match mood {
                        _ if !is_asked => ("403 Forbidden", String::new()),
                        Mood::Hangs => {
                            std::thread::sleep(Duration::from_mins(1));
                            break;
                        }
                        Mood::Fails => ("503 Service Unavailable", String::new()),
                        Mood::Wrong => ("200 OK", "<html>not a token</html>".to_owned()),
                        Mood::Answers => ("200 OK", token.to_string()),
                    };
                    if respond(&mut reader, status, &body).is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address.to_string(), mood)
}

async fn credential(stack: &Stack) -> serde_json::Value {
    let keys = Client::new(format!("http://127.0.0.1:{}", stack.keys));
    keys.get("/health/readiness").send().await.json()["credentials"][0].clone()
}

#[tokio::test]
async fn a_machine_of_google_gets_its_token_within_two_seconds_of_an_outage_of_its_metadata_server() {
    for mood in [Mood::Answers, Mood::Fails, Mood::Wrong, Mood::Hangs] {
        let (address, current) = google_metadata();
        *current.lock().unwrap() = mood;
        let provider = Strict::default();
        provider.accepts("Bearer token-of-the-machine");
        let params = json!({"model": "vertex_ai/gemini-2.5-flash", "api_base": provider.start(),
            "vertex_project": "p", "vertex_location": "europe-west4"});
        let config = Config::new().model("m", params).section("router_settings", json!({"num_retries": 0}));
        let stack = Setup::new(&config).env("GCE_METADATA_HOST", &address).start();
        let key = stack.key().await;
        if mood != Mood::Answers {
            let call = stack.client().post("/v1/chat/completions", &question("m", "hi")).key(&key);
            let error = call.send().await.expect(503).error();
            assert!(error["message"].as_str().is_some_and(|words| words.contains("credential")), "{error}");
            tokio::time::sleep(Duration::from_secs(3)).await;
            assert_eq!(credential(&stack).await["state"], "missing");
            *current.lock().unwrap() = Mood::Answers;
        }
        let begun = Instant::now();
        while status(&stack.client(), &key, "m").await != 200 {
            assert!(begun.elapsed() < Duration::from_millis(2_500), "{}", stack.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(credential(&stack).await["state"], "ok");
    }
}
