//! Identities that AWS gives to machines, while the one who gives them is down, slow or wrong, and after that. Only the real
//! program has an environment of its own, from which AWS's library reads where to ask.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use fake_clouds::{Clouds, Mood};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::INTERNAL_TOKEN;
use crate::program::{Program, http, start_in, stop};

/// How long the outages last: longer than the longest delay between two attempts.
const OUTAGE: Duration = Duration::from_secs(5);

/// Within which time a credential must be there after an outage, with what a loaded machine takes.
const SOON: Duration = Duration::from_millis(2_500);

/// A name for each way to ask, and its variable; EKS has the token of the pod's service account in a file, too.
const SOURCES: [(&str, &str, &str); 3] = [
    ("EC2", "AWS_EC2_METADATA_SERVICE_ENDPOINT", ""),
    ("ECS", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/ecs"),
    ("EKS", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/eks"),
];

/// A key service on each kind of machine, whose source is at that address.
fn machines(address: &str, folder: &TempDir) -> Vec<(&'static str, Program)> {
    let credentials = json!([{ "name": "AWS", "kind": "aws", "settings": [
        { "name": "aws_region_name", "value": "eu-west-1" },
    ] }])
    .to_string();
    let token = folder.path().join("token");
    std::fs::write(&token, "token-of-the-pod").unwrap();
    let start = |(name, variable, path): (&'static str, &str, &str)| {
        let uri = format!("http://{address}{path}");
        let mut environment =
            vec![("SWITCHBOARD_CREDENTIALS", credentials.as_str()), (variable, uri.as_str())];
        if name == "EKS" {
            environment.push(("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()));
        }
        let directory = folder.path().join(address).join(name);
        std::fs::create_dir_all(&directory).unwrap();
        (name, start_in(&directory, &[], &environment))
    };
    SOURCES.into_iter().map(start).collect()
}

/// What is handed out: the filter's view of the credential.
fn handed_out(program: &Program) -> Value {
    let asked = json!({ "name": "AWS", "revision": 0, "rejected": false }).to_string();
    let answer = http(program.internal, "POST /internal/credential", INTERNAL_TOKEN, &asked).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let told: Value = serde_json::from_str(body).unwrap();
    told["credentials"][0].clone()
}

#[test]
fn the_keys_of_a_machine_are_back_within_two_seconds_after_their_source_was_down_slow_or_wrong() {
    let folder = TempDir::new().unwrap();
    let outages = [Mood::Fails, Mood::Wrong, Mood::Cut, Mood::Hangs].map(|mood| {
        let clouds = Clouds::start("127.0.0.1:0");
        clouds.becomes("/", mood);
        (clouds, mood)
    });
    let mut all = Vec::new();
    for (clouds, mood) in &outages {
        all.extend(machines(clouds.address(), &folder).into_iter().map(|at| (format!("{mood:?}"), at)));
    }
    let away = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    all.extend(machines(&away, &folder).into_iter().map(|at| ("nobody listens".to_owned(), at)));
    std::thread::sleep(OUTAGE);
    for (outage, (machine, program)) in &all {
        let told = handed_out(program);
        let problem = told["problem"].as_str().unwrap_or_default();
        assert!(told["value"].is_null(), "{outage}, {machine}: {told}");
        let is_named =
            [&away, "IMDS", "HTTP credential provider", "invalid JSON", "AWS is not responding", "127.0.0.1"];
        assert!(is_named.iter().any(|name| problem.contains(*name)), "{outage}, {machine}: {told}");
        assert!(!problem.contains('\n') && !problem.contains("html"), "{outage}, {machine}: {problem}");
    }

    for (clouds, _) in &outages {
        clouds.becomes("/", Mood::Answers);
    }
    Clouds::start(&away);
    let begun = Instant::now();
    while let Some((outage, (machine, program))) =
        all.iter().find(|(_, (_, program))| handed_out(program)["value"].is_null())
    {
        assert!(begun.elapsed() < SOON, "{outage}, {machine}: {}", handed_out(program));
        std::thread::sleep(Duration::from_millis(20));
    }
    for (outage, (machine, program)) in all {
        assert_eq!(handed_out(&program)["access_key_id"], format!("ASIA{machine}"), "{outage}");
        let (_, _, log) = stop(program, "-TERM");
        assert!(log.contains("cannot fetch") && !log.contains("planted"), "{outage}, {machine}: {log}");
    }
}
