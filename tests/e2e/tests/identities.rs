//! Identities of machines instead of keys: what AWS and Google give to a process that runs there.

use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use switchboard_e2e::{Client, Config, Setup, Stack, question};

use crate::credentials::{Strict, request, respond, status};

/// Credentials of a machine, as the metadata services of EC2, ECS and EKS give them, in threads that end with the process.
fn metadata() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            while let Some((head, _)) = request(&mut reader) {
                let line = head.lines().next().unwrap_or_default().to_owned();
                let keys = |id: &str| {
                    json!({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": id, "SecretAccessKey": "planted",
                        "Token": "session", "Expiration": "2099-01-01T00:00:00Z", "LastUpdated": "2026-01-01T00:00:00Z"})
                    .to_string()
                };
                let has_token = head.to_ascii_lowercase().contains("x-aws-ec2-metadata-token: token");
                let (status, body) = match line.split(' ').nth(1).unwrap_or_default() {
                    "/latest/api/token" => ("200 OK", "token".to_owned()),
                    // The token of a pod's service account, from the file that the agent of EKS mounts.
                    "/eks" if head.to_ascii_lowercase().contains("authorization: token-of-the-pod") => {
                        ("200 OK", keys("ASIAEKS"))
                    }
                    "/ecs" => ("200 OK", keys("ASIAECS")),
                    _ if !has_token => ("401 Unauthorized", String::new()),
                    "/latest/meta-data/iam/security-credentials/" => ("200 OK", "role".to_owned()),
                    "/latest/meta-data/iam/security-credentials/role" => ("200 OK", keys("ASIAEC2")),
                    _ => ("404 Not Found", String::new()),
                };
                let ttl = "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n";
                let length = body.len();
                let answer = format!("HTTP/1.1 {status}\r\n{ttl}content-length: {length}\r\n\r\n{body}");
                if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn requests_are_signed_with_the_keys_of_the_machine() {
    let metadata = metadata();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("eks-pod-identity-token");
    std::fs::write(&token, "token-of-the-pod").unwrap();
    for (variable, value, id) in [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{metadata}/ecs"), "ASIAECS"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{metadata}/eks"), "ASIAEKS"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.clone(), "ASIAEC2"),
    ] {
        let provider = Strict::default();
        provider.accepts(&format!("AWS4-HMAC-SHA256 Credential={id}/"));
        let params = json!({"model": "bedrock/amazon.nova-pro-v1:0", "api_base": provider.start(),
            "aws_region_name": "eu-west-1"});
        let mut setup = Setup::new(&Config::new().model("m", params)).env(variable, value);
        if id == "ASIAEKS" {
            setup = setup.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap());
        }
        let mut stack = setup.start();
        let key = stack.key().await;
        let answer = stack.client().post("/v1/chat/completions", &question("m", "hi")).key(&key).send().await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.text());
        let ready =
            Client::new(format!("http://127.0.0.1:{}", stack.keys)).get("/health/readiness").send().await;
        let credentials = ready.expect(200).json()["credentials"].clone();
        assert_eq!(credentials, json!([{"name": "AWS", "state": "ok", "expires_at": 4_070_908_800_u64}]));
        stack.stop();
        assert!(!stack.log().contains("planted"), "{}", stack.log());
    }
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
