//! The dashboard and Prometheus's configuration, as they are shipped, against a real Prometheus and a real run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fake_provider::{Provider, Reply, Step};
use serde_json::{Value, json};
use switchboard_e2e::{
    Child, Client, Config, MASTER_KEY, OPENAI_KEY, Setup, Stack, free_port, openai, question,
};

/// A file of `deploy/`.
fn shipped(name: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Prometheus, or nothing and a loud word.
fn prometheus() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join("prometheus")).find(|path| path.is_file());
    if found.is_none() {
        eprintln!(
            "SKIPPED, not proven: there is no `prometheus` on the PATH (Debian has a package of that name)"
        );
    }
    found
}

/// Every query of every panel, with its title.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&shipped("grafana/switchboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        targets.iter().map(|target| (panel["title"].to_string(), target["expr"].as_str().expect("a query")))
    });
    // What Grafana puts in: a minute holds all scrapes of this test.
    let filled = |query: &str| query.replace("$__rate_interval", "1m").replace("$model", ".*");
    targets.map(|(title, query)| (title, filled(query))).collect()
}

async fn ask(stack: &Stack, provider: &Provider, key: &str) {
    let case = provider.case();
    case.then(Step::status(500)).then(Step::reply(Reply::text("Hello to you and to everybody")));
    let mut body = question("gpt-4o", &case.prompt("Hello to you and everybody"));
    body["stream"] = json!(true);
    stack.client().post("/v1/chat/completions", &body).key(key).send().await.expect(200);
}

#[tokio::test]
async fn every_query_of_the_dashboard_has_an_answer_in_prometheus() {
    let Some(program) = prometheus() else { return };
    let provider = Provider::start().expect("a provider");
    let priced = json!({ "input_cost_per_token": 0.000_002_5, "output_cost_per_token": 0.000_01 });
    let config = Config::new().model_with("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY), priced);
    let stack = Setup::new(&config).start();
    let scraper = stack.generate_key(json!({ "allowed_routes": ["/metrics"] })).await;
    stack.client().post("/team/new", &json!({ "team_id": "red" })).key(MASTER_KEY).send().await.expect(200);
    let made = stack.generate_key(json!({ "key_alias": "alice", "team_id": "red" })).await;
    let key = made["key"].as_str().expect("a key");

    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("a path in UTF-8").to_owned();
    std::fs::write(at("key"), scraper["key"].as_str().expect("a key")).expect("a file");
    let mut file = shipped("prometheus/prometheus.yml");
    for (from, to) in [
        ("scrape_interval: 15s", "scrape_interval: 1s".to_owned()),
        ("/etc/prometheus/switchboard.key", at("key")),
        ("127.0.0.1:4000", format!("127.0.0.1:{}", stack.port)),
        ("127.0.0.1:9901", format!("127.0.0.1:{}", stack.admin)),
    ] {
        assert!(file.contains(from), "{from} is not in the shipped file");
        file = file.replace(from, &to);
    }
    std::fs::write(at("prometheus.yml"), file).expect("a file");
    let port = free_port();
    let arguments = [
        format!("--config.file={}", at("prometheus.yml")),
        format!("--storage.tsdb.path={}", at("data")),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    let running = Child::start(&program, &arguments, &[]);
    let client = Client::new(format!("http://127.0.0.1:{port}"));

    // A rate needs a number that was seen to grow.
    ask(&stack, &provider, key).await;
    until_answered(
        &client,
        &[("first".to_owned(), "litellm_requests_metric_total > 0".to_owned())],
        &running,
    )
    .await;
    ask(&stack, &provider, key).await;
    let queries = queries();
    assert!(queries.len() > 20, "{queries:?}");
    until_answered(&client, &queries, &running).await;
}

/// Waits until each query has an answer with numbers in it.
async fn until_answered(client: &Client, queries: &[(String, String)], prometheus: &Child) {
    let patience = Instant::now() + Duration::from_secs(45);
    loop {
        let mut unanswered = Vec::new();
        for (title, query) in queries {
            if !has_numbers(client, query).await {
                unanswered.push(format!("{title}: {query}"));
            }
        }
        if unanswered.is_empty() {
            return;
        }
        let log = prometheus.stderr.text();
        assert!(Instant::now() < patience, "no data for\n{}\n{log}", unanswered.join("\n"));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn has_numbers(client: &Client, query: &str) -> bool {
    let escaped: String = query.bytes().fold(String::new(), |mut escaped, byte| {
        use std::fmt::Write as _;
        // Writing to a String does not fail.
        let _ = write!(escaped, "%{byte:02X}");
        escaped
    });
    let Ok(answer) = client.get(&format!("/api/v1/query?query={escaped}")).try_send().await else {
        return false;
    };
    let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    assert_ne!(answer["status"], "error", "{query}: {answer}");
    let results = answer["data"]["result"].as_array().map(Vec::as_slice).unwrap_or_default();
    results.iter().any(|result| result["value"][1].as_str().is_some_and(|value| value != "NaN"))
}
