//! Processes that are killed while requests stream through. What is in the database in the end is what the provider
//! served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake_provider::{Case, Provider, Reply, Step, Usage};
use local_postgres::Server;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Client, Config, MASTER_KEY, OPENAI_KEY, Rendered, openai, question};

pub(crate) const WORKERS: u32 = 2;
const CLIENTS: usize = 32;
/// Dollars for one answer of the provider: 600 fresh tokens, 400 from a cache, 100 written.
const COST: f64 = 0.003;
/// Requests through which something is killed, where `FAULT_REQUESTS` does not say another number.
const REQUESTS: usize = 10_000;
/// One period of the sync call.
pub(crate) const PERIOD: Duration = Duration::from_secs(1);

pub(crate) fn config(provider: &Provider) -> Config {
    let priced = json!({
        "input_cost_per_token": 0.000_002_5,
        "output_cost_per_token": 0.000_01,
        "cache_read_input_token_cost": 0.000_001_25,
    });
    Config::new()
        .model_with("gpt-4o", openai("gpt-4o", &provider.base(), "os.environ/OPENAI_API_KEY"), priced)
        .section("router_settings", json!({ "num_retries": 0 }))
}

fn requests() -> usize {
    let given = std::env::var("FAULT_REQUESTS").ok();
    given.map_or(REQUESTS, |given| given.parse().expect("FAULT_REQUESTS is a number, at most 10000"))
}

pub(crate) fn case(provider: &Provider) -> Case {
    let case = provider.case();
    let usage = Usage { input: 600, cached: 400, cache_write: 0, output: 100, reasoning: 0 };
    case.then(Step::reply(Reply::text("Hi").usage(usage)));
    case
}

pub(crate) async fn start(
    provider: &Provider,
    database: Option<&str>,
    change: impl FnOnce(String) -> String,
) -> Rendered {
    let mut environment = vec![("OPENAI_API_KEY", OPENAI_KEY)];
    environment.extend(database.map(|url| ("DATABASE_URL", url)));
    Rendered::start_with(&config(provider), &environment, WORKERS, change).await
}

pub(crate) async fn generate(running: &Rendered, fields: Value) -> String {
    let call = running.client().post("/key/generate", &fields).key(MASTER_KEY);
    call.send().await.expect(200).json()["key"].as_str().expect("a key").to_owned()
}

pub(crate) async fn ask(client: &Client, key: &str, prompt: &str) -> Answer {
    client.post("/v1/chat/completions", &question("gpt-4o", prompt)).key(key).send().await
}

/// Clients that send numbered requests until there are enough.
struct Stream {
    sent: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<BTreeMap<String, usize>>>,
}

impl Stream {
    /// In turn with each of the keys. A request is known by its number, in the prompt and as the id of the call.
    fn start(running: &Rendered, case: &Case, keys: &[&str], most: usize) -> Self {
        let sent = Arc::new(AtomicUsize::new(0));
        let clients = (0..CLIENTS).map(|_| {
            let (client, prompt) = (running.client(), case.prompt("number"));
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let sent = Arc::clone(&sent);
            tokio::spawn(async move {
                let mut outcomes = BTreeMap::new();
                loop {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    if number >= most {
                        break outcomes;
                    }
                    let body = question("gpt-4o", &format!("{prompt} n{number}."));
                    let call = client.post("/v1/chat/completions", &body).key(&keys[number % keys.len()]);
                    let call = call.header("x-litellm-call-id", format!("n{number}"));
                    let outcome = if let Ok(answer) = call.try_send().await {
                        answer.status.to_string()
                    } else {
                        tokio::time::sleep(Duration::from_millis(250)).await;
                        "broken".to_owned()
                    };
                    *outcomes.entry(outcome).or_default() += 1;
                }
            })
        });
        let clients = clients.collect();
        Self { sent, clients }
    }

    /// Waits until so many requests were sent.
    async fn reaches(&self, count: usize) {
        let begun = Instant::now();
        while self.sent.load(Ordering::Relaxed) < count {
            assert!(begun.elapsed() < Duration::from_mins(2), "the requests do not get on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for the end. Returns how often what came of a request.
    async fn outcomes(self) -> BTreeMap<String, usize> {
        let mut all = BTreeMap::new();
        for client in self.clients {
            for (outcome, count) in client.await.expect("a client") {
                *all.entry(outcome).or_default() += count;
            }
        }
        all
    }
}

/// The numbers of the requests that the provider has served, and when.
fn served(case: &Case) -> BTreeMap<String, Instant> {
    let mut served = BTreeMap::new();
    for request in case.requests() {
        assert_eq!(request.refused, "");
        let body = request.json();
        let prompt = body["messages"][0]["content"].as_str().expect("a prompt");
        let number = prompt.trim_end_matches('.').rsplit(' ').next().expect("a number").to_owned();
        let twice = served.insert(number, request.at);
        assert!(twice.is_none(), "without retries the provider sees a request once");
    }
    served
}

/// The ids of the requests that are recorded for a key, each of them once, with the cost and the tokens of one answer.
pub(crate) async fn recorded(client: &Client, key: &str) -> BTreeSet<String> {
    let rows = client.get(&format!("/spend/logs?api_key={key}")).key(MASTER_KEY).send().await.expect(200);
    assert_eq!(rows.header("x-litellm-spend-logs-truncated"), "");
    let mut ids = BTreeSet::new();
    for row in rows.json().as_array().expect("rows") {
        if row["status"] == "failure" {
            assert_eq!((row["total_tokens"].as_u64(), row["spend"].as_f64()), (Some(0), Some(0.0)), "{row}");
            continue;
        }
        assert_eq!((row["total_tokens"].as_u64(), row["spend"].as_f64()), (Some(1_100), Some(COST)), "{row}");
        let id = row["litellm_call_id"].as_str().expect("an id").to_owned();
        assert!(ids.insert(id), "twice: {row}");
    }
    ids
}

async fn spend(client: &Client, key: &str) -> f64 {
    let told = client.get(&format!("/key/info?key={key}")).key(MASTER_KEY).send().await.expect(200).json();
    told["info"]["spend"].as_f64().expect("a number")
}

#[allow(clippy::cast_precision_loss, reason = "a small number")]
fn dollars(requests: usize) -> f64 {
    requests as f64 * COST
}

/// Waits until a key's spend is that of so many requests.
pub(crate) async fn is_recorded(client: &Client, key: &str, requests: usize) {
    let (begun, wanted) = (Instant::now(), dollars(requests));
    loop {
        let told = spend(client, key).await;
        if (told - wanted).abs() < 1e-9 {
            return;
        }
        assert!(told < wanted + 1e-9, "{told} is more than {wanted}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{told} is still less than {wanted}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A server of Postgres, or nothing, loudly, where the machine has none.
pub(crate) fn postgres() -> Option<Server> {
    if local_postgres::programs().is_none() {
        eprintln!("SKIPPED: no Postgres here (apt-get install postgresql)");
        return None;
    }
    Some(Server::start().expect("a Postgres"))
}

async fn the_key_service_is_killed(database: Option<&str>) {
    let requests = requests();
    let provider = Provider::start().expect("a provider");
    let (case, first) = (case(&provider), self::case(&provider));
    let mut running = start(&provider, database, |text| text).await;
    let (open, limited) =
        (generate(&running, json!({})).await, generate(&running, json!({ "max_budget": 1_000_000 })).await);
    // A first request each, so that the keys are known.
    for key in [&open, &limited] {
        ask(&running.client(), key, &first.prompt("Hi")).await.expect(200);
    }
    let stream = Stream::start(&running, &case, &[&open, &limited], requests);
    for part in 1..6 {
        stream.reaches(requests * part / 6).await;
        running.kill_keys();
        tokio::time::sleep(Duration::from_millis(150)).await;
        running.start_keys();
    }
    let outcomes = stream.outcomes().await;
    assert_eq!(outcomes.values().sum::<usize>(), requests, "{outcomes:?}");
    let let_in = outcomes["200"];
    // A limited key may have to wait for somebody who tells how much is left; nobody else may.
    let refused = outcomes.get("503").copied().unwrap_or_default();
    assert_eq!(let_in + refused, requests, "{outcomes:?}");
    let served = served(&case);
    assert_eq!(served.len(), let_in);
    let client = running.client();
    let mut found = BTreeSet::new();
    for (at, key) in [&open, &limited].into_iter().enumerate() {
        let mine: BTreeSet<_> = served.keys().filter(|number| number_of(number) % 2 == at).cloned().collect();
        assert!(at == 1 || mine.len() == requests / 2, "{outcomes:?}");
        is_recorded(&client, key, mine.len() + 1).await;
        let mut rows = recorded(&client, key).await;
        rows.retain(|id| id.starts_with('n'));
        assert_eq!(rows, mine);
        found.extend(rows);
    }
    assert_eq!(found.len(), served.len());
}

fn number_of(id: &str) -> usize {
    id.trim_start_matches('n').parse().expect("a number")
}

#[tokio::test]
async fn killing_the_key_service_loses_nothing_and_counts_nothing_twice_in_sqlite() {
    the_key_service_is_killed(None).await;
}

#[tokio::test]
async fn killing_the_key_service_loses_nothing_and_counts_nothing_twice_in_postgres() {
    let Some(server) = postgres() else { return };
    the_key_service_is_killed(Some(&server.url())).await;
}

async fn envoy_is_killed(database: Option<&str>) {
    let requests = requests();
    let provider = Provider::start().expect("a provider");
    let case = case(&provider);
    let mut running = start(&provider, database, |text| text).await;
    let key = generate(&running, json!({ "max_budget": 1_000_000 })).await;
    let stream = Stream::start(&running, &case, &[&key], requests);
    stream.reaches(requests / 2).await;
    let killed = Instant::now();
    running.kill_envoy();
    running.start_envoy(WORKERS).await;
    let outcomes = stream.outcomes().await;
    assert_eq!(outcomes.values().sum::<usize>(), requests, "{outcomes:?}");
    let client = running.client();
    let served = served(&case);
    // What the new Envoy let in is recorded to the last request.
    let after = served.values().filter(|at| **at > killed + Duration::from_millis(500)).count();
    assert!(after > requests / 10, "{outcomes:?}");
    let mut rows = recorded(&client, &key).await;
    let begun = Instant::now();
    while served.iter().any(|(id, at)| *at > killed + Duration::from_millis(500) && !rows.contains(id)) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the new Envoy's usage is missing");
        tokio::time::sleep(Duration::from_millis(200)).await;
        rows = recorded(&client, &key).await;
    }
    assert!(rows.iter().all(|id| served.contains_key(id)), "nobody pays for what was not served");
    is_recorded(&client, &key, rows.len()).await;
    // One period, and one for the call that the kill cut off and for the time that this machine takes.
    let lost: Vec<_> = served.iter().filter(|(id, _)| !rows.contains(*id)).map(|(_, at)| *at).collect();
    let oldest = lost.iter().map(|at| killed.saturating_duration_since(*at)).max().unwrap_or_default();
    eprintln!("{} of {} requests lost, the oldest of {oldest:?} before the kill", lost.len(), served.len());
    assert!(oldest < 2 * PERIOD, "a request of {oldest:?} before the kill is lost");
}

#[tokio::test]
async fn killing_envoy_loses_the_last_period_at_most_in_sqlite() {
    envoy_is_killed(None).await;
}

#[tokio::test]
async fn killing_envoy_loses_the_last_period_at_most_in_postgres() {
    let Some(server) = postgres() else { return };
    envoy_is_killed(Some(&server.url())).await;
}
