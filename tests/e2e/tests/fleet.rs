//! Three Envoys, two key services and one Postgres, while everything changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake_provider::Provider;
use local_postgres::Server;
use serde_json::json;
use switchboard_e2e::{Client, Config, Fleet, MASTER_KEY, OPENAI_KEY, openai, process, question};
use tokio::task::JoinSet;

/// How long it may take until all Envoys agree.
const SOON: Duration = Duration::from_secs(2);

/// A Postgres; `None`, said aloud, where there are no programs for one.
pub(crate) fn postgres() -> Option<Server> {
    if local_postgres::programs().is_none() {
        eprintln!("SKIPPED: there is no Postgres on this machine; apt-get install postgresql");
        return None;
    }
    Some(Server::start().expect("a Postgres"))
}

/// `always`, and a model that only this edition of the file has.
fn edition(provider: &Provider, number: usize) -> Config {
    let model = || openai("gpt-4o", &provider.base(), "os.environ/OPENAI_API_KEY");
    Config::new()
        .model("always", model())
        .model(&format!("edition-{number}"), model())
        .section("router_settings", json!({ "num_retries": number % 3 }))
        .section("general_settings", json!({ "store_model_in_db": true }))
}

async fn fleet(provider: &Provider, database: &Server) -> Fleet {
    let environment = [("OPENAI_API_KEY", OPENAI_KEY)];
    Fleet::start(&edition(provider, 0), &database.url(), &environment, (3, 2)).await
}

/// Waits until every Envoy answers with this status for the model; panics if that takes too long.
async fn all_answer(clients: &[Client], key: &str, model: &str, status: u16, since: Instant) -> Duration {
    for (at, client) in clients.iter().enumerate() {
        loop {
            let answer = client.post("/v1/chat/completions", &question(model, "Hello")).key(key).send().await;
            if answer.status == status {
                break;
            }
            assert!(since.elapsed() < SOON, "{model} at Envoy {at}: {} {}", answer.status, answer.text());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    since.elapsed()
}

/// Clients that ask `always` of all Envoys in turn, until so many requests are done and nobody changes anything.
struct Load {
    done: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    fn start(clients: &[Client], key: &str, requests: usize) -> Self {
        let (done, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut all = JoinSet::new();
        for at in 0..6 {
            let (http, key) = (clients[at % clients.len()].clone(), key.to_owned());
            let (done, over) = (Arc::clone(&done), Arc::clone(&over));
            all.spawn(async move {
                while !over.load(Ordering::Relaxed) || done.load(Ordering::Relaxed) < requests {
                    let mut body = question("always", "Hello");
                    body["stream"] = json!(at % 2 == 0);
                    let answer = http.post("/v1/chat/completions", &body).key(&key).try_send().await;
                    let answer = answer.expect("an answer");
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert!(at % 2 == 1 || answer.events().is_done());
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { done, over, clients: all }
    }

    /// Waits until so many are done; panics if one of them has failed.
    async fn wait_for(&mut self, requests: usize) {
        while self.done.load(Ordering::Relaxed) < requests {
            if let Some(ended) = self.clients.try_join_next() {
                ended.expect("every request is answered");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn finish(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
        self.done.load(Ordering::Relaxed)
    }
}

/// A key that may do everything.
pub(crate) async fn make_key(client: &Client) -> String {
    let made = client.post("/key/generate", &json!({})).key(MASTER_KEY).send().await.expect(200).json();
    made["key"].as_str().expect("a key").to_owned()
}

/// Panics if an Envoy tells something else about the models than the first one.
async fn all_tell_the_same(clients: &[Client]) {
    for path in ["/model/info", "/v2/model/info", "/model_group/info", "/v1/models"] {
        let mut first = None;
        for client in clients {
            let answer = client.get(path).key(MASTER_KEY).send().await.expect(200).json();
            let data = answer["data"].clone();
            assert!(data.as_array().is_some_and(|all| all.len() >= 3), "{path}: {data}");
            assert_eq!(first.get_or_insert(data.clone()), &data, "{path}");
        }
    }
}

/// So many changes by file and API during so many requests, while key services die and come back.
async fn change_under_load(changes: usize, requests: usize) {
    let Some(database) = postgres() else { return };
    let provider = Provider::start().expect("a provider");
    let mut fleet = fleet(&provider, &database).await;
    let clients: Vec<Client> = fleet.members.iter().map(switchboard_e2e::Member::client).collect();
    let key = make_key(&clients[0]).await;
    let mut load = Load::start(&clients, &key, requests);
    let (mut slowest, mut early) = (Duration::ZERO, Vec::new());
    let (mut file, mut stored) = (0, None::<usize>);
    for number in 1..=changes {
        load.wait_for(number * requests / (changes + 1)).await;
        // One of them dies and comes back later; then the other one is replaced.
        if number == changes / 4 {
            fleet.kill_keys(0);
        } else if number == changes / 2 {
            fleet.start_keys(0);
        } else if number == changes * 3 / 4 {
            fleet.stop_keys(1);
            fleet.start_keys(1);
        }
        let begun = Instant::now();
        let took = if number % 2 == 1 {
            let old = std::mem::replace(&mut file, number);
            fleet.rewrite(&edition(&provider, number));
            all_answer(&clients, &key, &format!("edition-{number}"), 200, begun).await;
            all_answer(&clients, &key, &format!("edition-{old}"), 400, begun).await
        } else {
            let by = &clients[number % clients.len()];
            let params = openai("gpt-4o", &provider.base(), "os.environ/OPENAI_API_KEY");
            let model = json!({ "model_name": format!("stored-{number}"), "litellm_params": params,
                "model_info": { "id": format!("id-{number}") } });
            by.post("/model/new", &model).key(MASTER_KEY).send().await.expect(200);
            let mut took = all_answer(&clients, &key, &format!("stored-{number}"), 200, begun).await;
            all_tell_the_same(&clients).await;
            if let Some(old) = stored.replace(number) {
                let begun = Instant::now();
                let gone = json!({ "id": format!("id-{old}") });
                by.post("/model/delete", &gone).key(MASTER_KEY).send().await.expect(200);
                took = took.max(all_answer(&clients, &key, &format!("stored-{old}"), 400, begun).await);
            }
            took
        };
        slowest = slowest.max(took);
        if number == changes.div_ceil(5) {
            early = memory(&fleet);
        }
    }
    let done = load.finish().await;
    let late = memory(&fleet);
    println!("{changes} changes during {done} requests; all agreed after {slowest:?} at most");
    println!("memory of the Envoys after a fifth of the changes {early:?} KiB, in the end {late:?} KiB");
    assert!(done >= requests);
    if changes >= 50 {
        for (early, late) in early.iter().zip(&late) {
            assert!(*late < early + early / 4, "{early} KiB have become {late} KiB");
        }
    }
    for at in 0..2 {
        assert!(!fleet.keys_log(at).contains("rejected"), "{}", fleet.keys_log(at));
    }
}

fn memory(fleet: &Fleet) -> Vec<u64> {
    fleet.members.iter().map(|one| process::resident_kib(one.envoy.pid()).expect("memory")).collect()
}

#[tokio::test]
async fn a_fleet_agrees_within_two_seconds_of_each_change_and_fails_no_request() {
    change_under_load(12, 2_000).await;
}

#[tokio::test]
#[ignore = "takes minutes: `make soak-fleet`"]
async fn a_fleet_takes_a_hundred_changes_during_twenty_thousand_requests() {
    change_under_load(100, 20_000).await;
}

#[tokio::test]
async fn envoys_go_on_without_any_key_service_and_one_that_starts_meanwhile_is_ready_when_it_is_back() {
    let Some(database) = postgres() else { return };
    let provider = Provider::start().expect("a provider");
    let mut fleet = fleet(&provider, &database).await;
    let clients: Vec<Client> = fleet.members.iter().map(switchboard_e2e::Member::client).collect();
    let key = make_key(&clients[0]).await;
    let now = Instant::now();
    all_answer(&clients, &key, "always", 200, now).await;
    fleet.kill_keys(0);
    fleet.kill_keys(1);
    let mut load = Load::start(&clients, &key, 300);
    fleet.add_envoy();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!fleet.members[3].is_ready().await, "it has no configuration");
    fleet.rewrite(&edition(&provider, 1));
    load.wait_for(300).await;
    fleet.start_keys(1);
    let begun = Instant::now();
    fleet.members[3].wait_until_ready().await;
    println!("ready {:?} after the start of the key service", begun.elapsed());
    let all: Vec<Client> = fleet.members.iter().map(switchboard_e2e::Member::client).collect();
    all_answer(&all[3..], &key, "edition-1", 200, Instant::now()).await;
    // The others may wait for as long as they pause after failures.
    let begun = Instant::now();
    all_answer(&all, &key, "edition-1", 200, begun).await;
    all_answer(&all, &key, "edition-0", 400, begun).await;
    load.finish().await;
}

#[tokio::test]
async fn a_model_that_envoys_reject_is_refused_to_whoever_adds_it_and_changes_nothing_on_any_of_them() {
    let Some(database) = postgres() else { return };
    let provider = Provider::start().expect("a provider");
    let fleet = fleet(&provider, &database).await;
    let clients: Vec<Client> = fleet.members.iter().map(switchboard_e2e::Member::client).collect();
    let key = make_key(&clients[0]).await;
    let mut load = Load::start(&clients, &key, 200);
    for client in &clients {
        // The authorities are an empty file, which only Envoy reads.
        let params = openai("gpt-4o", "https://127.0.0.1:1", "os.environ/OPENAI_API_KEY");
        let model = json!({ "model_name": "bad", "litellm_params": params });
        let error = client.post("/model/new", &model).key(MASTER_KEY).send().await.expect(400).error();
        assert!(
            error["message"].as_str().is_some_and(|words| words.contains("Envoy rejects the model")),
            "{error}"
        );
    }
    for (number, client) in clients.iter().enumerate() {
        let params = openai("gpt-4o", &provider.base(), "os.environ/OPENAI_API_KEY");
        let model = json!({ "model_name": format!("good-{number}"), "litellm_params": params });
        let begun = Instant::now();
        let answer = client.post("/model/new", &model).key(MASTER_KEY).send().await;
        assert_eq!(
            answer.status,
            200,
            "{}\n{}",
            answer.text(),
            [0, 1].map(|at| fleet.keys_log(at)).join("\n")
        );
        all_answer(&clients, &key, &format!("good-{number}"), 200, begun).await;
    }
    all_answer(&clients, &key, "bad", 400, Instant::now()).await;
    load.wait_for(200).await;
    load.finish().await;
}
