//! Limits under a storm: many clients, many workers, several Envoys. What is let in, and what is left behind.

use std::time::{Duration, Instant};

use fake_provider::{Fault, Provider, Reply, Step, Usage};
use rustix::process::Signal;
use serde_json::{Value, json};
use switchboard_e2e::{
    Answer, Client, Config, MASTER_KEY, OPENAI_KEY, Rendered, Setup, Stack, openai, question,
};

const CLIENTS: usize = 64;

/// Picodollars would be exact; the key service tells dollars.
const CENT: f64 = 0.01;

fn config(provider: &Provider, key: &str) -> Config {
    let priced = json!({
        "input_cost_per_token": 0.000_002_5,
        "output_cost_per_token": 0.000_01,
        "cache_read_input_token_cost": 0.000_001_25,
    });
    Config::new()
        .model_with("gpt-4o", openai("gpt-4o", &provider.base(), key), priced)
        .section("router_settings", json!({ "num_retries": 0 }))
}

/// What costs 0.003 dollars.
fn usage() -> Usage {
    Usage { input: 600, cached: 400, cache_write: 0, output: 100, reasoning: 0 }
}

fn stack(provider: &Provider, workers: u32) -> Stack {
    Setup::new(&config(provider, OPENAI_KEY)).workers(workers).start()
}

async fn key(stack: &Stack, fields: Value) -> String {
    stack.generate_key(fields).await["key"].as_str().expect("a key").to_owned()
}

async fn ask(client: &Client, key: &str, prompt: &str) -> Answer {
    client.post("/v1/chat/completions", &question("gpt-4o", prompt)).key(key).send().await
}

/// Clients that send so many requests each, all at the same time, in turn to each of the gateways. Returns the
/// statuses.
async fn storm(gateways: &[Client], key: &str, prompt: &str, each: usize) -> Vec<u16> {
    let mut clients = Vec::new();
    for at in 0..CLIENTS {
        let gateway = gateways[at % gateways.len()].clone();
        let (key, prompt) = (key.to_owned(), prompt.to_owned());
        clients.push(tokio::spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..each {
                statuses.push(ask(&gateway, &key, &prompt).await.status);
            }
            statuses
        }));
    }
    let mut all = Vec::new();
    for client in clients {
        all.extend(client.await.expect("a client"));
    }
    all
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|other| **other == status).count()
}

/// One request after the other until one is refused. Returns how many were let in.
async fn exhaust(client: &Client, key: &str, prompt: &str, refusal: u16) -> usize {
    for count in 0..1_000 {
        match ask(client, key, prompt).await.status {
            200 => {}
            status if status == refusal => return count,
            status => panic!("{status}"),
        }
    }
    panic!("never refused");
}

async fn spend(client: &Client, key: &str) -> f64 {
    let told = client.get(&format!("/key/info?key={key}")).key(MASTER_KEY).send().await.expect(200).json();
    told["info"]["spend"].as_f64().expect("a number")
}

/// Waits until the recorded spend is that.
async fn is_recorded(client: &Client, key: &str, wanted: f64) {
    let begun = Instant::now();
    loop {
        let told = spend(client, key).await;
        if (told - wanted).abs() < 1e-9 {
            return;
        }
        assert!(told < wanted && begun.elapsed() < Duration::from_secs(10), "{told}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn workers_let_in_exactly_the_requests_of_a_minute() {
    let provider = Provider::start().expect("a provider");
    for workers in [2, 4] {
        let stack = stack(&provider, workers);
        let case = provider.case();
        let key = key(&stack, json!({ "rpm_limit": 200 })).await;
        let statuses = storm(&[stack.client()], &key, &case.prompt("Hello"), 6).await;
        assert_eq!(
            (count(&statuses, 200), count(&statuses, 429)),
            (200, CLIENTS * 6 - 200),
            "{workers} workers"
        );
    }
}

#[tokio::test]
async fn workers_let_in_exactly_as_many_at_one_time() {
    let provider = Provider::start().expect("a provider");
    for workers in [2, 4] {
        let stack = stack(&provider, workers);
        let case = provider.case();
        case.then(Step::fault(Fault::SlowFirstByte { ms: 2_000 }));
        let key = key(&stack, json!({ "max_parallel_requests": 5 })).await;
        for round in 0..2 {
            let statuses = storm(&[stack.client()], &key, &case.prompt("Hello"), 1).await;
            let seen = (count(&statuses, 200), count(&statuses, 429));
            assert_eq!(seen, (5, CLIENTS - 5), "{workers} workers, round {round}");
        }
        assert_eq!(case.requests().len(), 10);
    }
}

#[tokio::test]
async fn tokens_pass_their_limit_by_no_more_than_what_is_under_way() {
    const LIMIT: usize = 2_000;
    let provider = Provider::start().expect("a provider");
    for workers in [2, 4] {
        let stack = stack(&provider, workers);
        let case = provider.case();
        let prompt = case.prompt("Hello");
        let key = key(&stack, json!({ "tpm_limit": LIMIT })).await;
        let statuses = storm(&[stack.client()], &key, &prompt, 10).await;
        assert_eq!(statuses.len(), count(&statuses, 200) + count(&statuses, 429));
        // Alone, a request is let in as long as anything is left.
        let alone = exhaust(&stack.client(), &key, &prompt, 429).await;
        let used = (count(&statuses, 200) + alone) * 18;
        assert!((LIMIT..LIMIT + CLIENTS * 18).contains(&used), "{used} tokens, {workers} workers");
    }
}

#[tokio::test]
async fn money_passes_its_budget_by_no_more_than_what_is_under_way() {
    let provider = Provider::start().expect("a provider");
    for workers in [2, 4] {
        let stack = stack(&provider, workers);
        let case = provider.case();
        case.then(Step::reply(Reply::text("Hi").usage(usage())));
        let prompt = case.prompt("Hello");
        let key = key(&stack, json!({ "max_budget": 10.0 * CENT })).await;
        let statuses = storm(&[stack.client()], &key, &prompt, 2).await;
        assert_eq!(statuses.len(), count(&statuses, 200) + count(&statuses, 422));
        let alone = exhaust(&stack.client(), &key, &prompt, 422).await;
        let let_in = count(&statuses, 200) + alone;
        #[allow(clippy::cast_precision_loss, reason = "a small number")]
        let spent = let_in as f64 * 0.003;
        // 34 requests of 0.003 are the first to pass 0.1.
        assert!((34..34 + CLIENTS).contains(&let_in), "{let_in} requests, {workers} workers");
        is_recorded(&stack.client(), &key, spent).await;
    }
}

#[tokio::test]
async fn a_budget_for_four_requests_lets_in_four_one_after_the_other() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider, 2);
    let case = provider.case();
    case.then(Step::reply(Reply::text("Hi").usage(usage())));
    let key = key(&stack, json!({ "max_budget": CENT })).await;
    assert_eq!(exhaust(&stack.client(), &key, &case.prompt("Hello"), 422).await, 4);
}

#[tokio::test]
async fn the_smallest_of_several_budgets_is_the_one_that_holds() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider, 2);
    let case = provider.case();
    case.then(Step::reply(Reply::text("Hi").usage(usage())));
    let limits = json!([{ "budget_duration": "24h", "max_budget": CENT }, { "budget_duration": "30d", "max_budget": 1 }]);
    let key = key(&stack, json!({ "budget_limits": limits })).await;
    assert_eq!(exhaust(&stack.client(), &key, &case.prompt("Hello"), 422).await, 4);
    is_recorded(&stack.client(), &key, 4.0 * 0.003).await;
}

#[tokio::test]
async fn ten_thousand_good_bad_and_abandoned_requests_leave_nothing_reserved() {
    const LIMIT: usize = 40;
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider, 2);
    let (good, bad, cut, slow) = (provider.case(), provider.case(), provider.case(), provider.case());
    bad.then(Step::status(500));
    cut.then(
        Step::reply(Reply::text("one two three four"))
            .with(Fault::Cut { after: 2, how: fake_provider::faults::CutHow::Reset }),
    );
    slow.then(Step::fault(Fault::SlowFirstByte { ms: 3_000 }));
    // 64 clients are more than the limit: some requests are refused, and those leave nothing either.
    let key = key(
        &stack,
        json!({ "max_parallel_requests": LIMIT, "tpm_limit": 1_000_000_000, "rpm_limit": 1_000_000, "max_budget": 1_000 }),
    )
    .await;
    let prompts = [good.prompt("Hi"), bad.prompt("Hi"), cut.prompt("Hi"), slow.prompt("Hi")];
    let mut clients = Vec::new();
    for at in 0..CLIENTS {
        let (gateway, key, prompts) = (stack.client(), key.clone(), prompts.clone());
        clients.push(tokio::spawn(async move {
            for n in 0..157 {
                let kind = if n % 40 == 39 { 3 } else { (at + n) % 3 };
                let mut body = question("gpt-4o", &prompts[kind]);
                body["stream"] = json!(n % 2 == 0);
                let call = gateway.post("/v1/chat/completions", &body).key(&key).try_send();
                // An abandoned request: its client goes away.
                let patience = if kind == 3 { Duration::from_millis(20) } else { Duration::from_secs(30) };
                let _ = tokio::time::timeout(patience, call).await;
            }
        }));
    }
    for client in clients {
        client.await.expect("a client");
    }
    // Everything is over: all of the limit is there again.
    let held = provider.case();
    held.then(Step::fault(Fault::SlowFirstByte { ms: 2_500 }));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let statuses = storm(&[stack.client()], &key, &held.prompt("Hi"), 1).await;
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (LIMIT, CLIENTS - LIMIT));
    let answer = ask(&stack.client(), &key, &good.prompt("Hi")).await.expect(200);
    let remaining: u64 = answer.header("x-ratelimit-api_key-remaining-tokens").parse().expect("a number");
    let used = 1_000_000_000 - remaining;
    assert!(used < 10_048 * 100, "{used} tokens are gone, for ten thousand small requests");
}

#[tokio::test]
async fn a_limited_key_costs_no_call_per_request() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider, 2);
    let case = provider.case();
    let key =
        key(&stack, json!({ "rpm_limit": 100_000, "tpm_limit": 100_000_000, "max_budget": 100_000 })).await;
    let prompt = case.prompt("Hello");
    storm(&[stack.client()], &key, &prompt, 2).await;
    let calls = || async {
        let stats =
            stack.admin().get("/stats?filter=switchboard-keys-internal.upstream_rq_total").send().await;
        let text = stats.text();
        let (_, number) = text.trim().rsplit_once(' ').expect("a counter");
        number.parse::<u64>().expect("a number")
    };
    let (before, begun) = (calls().await, Instant::now());
    let statuses = storm(&[stack.client()], &key, &prompt, 40).await;
    assert_eq!(count(&statuses, 200), CLIENTS * 40);
    let (made, seconds) = (calls().await - before, begun.elapsed().as_secs() + 1);
    // Each worker and the main thread sync once a second and ask for changes four times; a few more calls while the demand
    // grows.
    assert!(made <= seconds * 3 * 5 + 20, "{made} calls in {seconds} seconds for {} requests", CLIENTS * 40);
}

async fn pair(provider: &Provider) -> (Rendered, [Client; 2]) {
    let config = config(provider, "os.environ/OPENAI_API_KEY");
    let mut running = Rendered::start(&config, &[("OPENAI_API_KEY", OPENAI_KEY)], |text| text).await;
    let other = running.another_envoy(2).await;
    let first = running.client();
    (running, [first, other])
}

/// An Envoy with the filter in wasm and one with the native filter, each with two workers.
async fn mixed_pair(provider: &Provider) -> (Rendered, [Client; 2]) {
    let config = config(provider, "os.environ/OPENAI_API_KEY");
    let environment = [("OPENAI_API_KEY", OPENAI_KEY)];
    let wasm = ["--filter", "wasm"];
    let same = |text: String, _: &std::path::Path, _| text;
    let mut running = Rendered::start_by("bootstrap", &wasm, &config, &environment, 2, same).await;
    let native = running.another_envoy_on("native", 2).await;
    let first = running.client();
    (running, [first, native])
}

async fn generate(client: &Client, fields: Value) -> String {
    let made = client.post("/key/generate", &fields).key(MASTER_KEY).send().await.expect(200).json();
    made["key"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn two_envoys_let_in_exactly_the_requests_of_a_minute() {
    let provider = Provider::start().expect("a provider");
    let (_running, gateways) = pair(&provider).await;
    requests_of_a_minute(&provider, &gateways).await;
}

#[tokio::test]
async fn a_wasm_and_a_native_envoy_let_in_exactly_the_requests_of_a_minute() {
    let provider = Provider::start().expect("a provider");
    let (_running, gateways) = mixed_pair(&provider).await;
    requests_of_a_minute(&provider, &gateways).await;
}

async fn requests_of_a_minute(provider: &Provider, gateways: &[Client; 2]) {
    let case = provider.case();
    let prompt = case.prompt("Hello");
    let key = generate(&gateways[0], json!({ "rpm_limit": 100 })).await;
    let statuses = storm(gateways, &key, &prompt, 5).await;
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (100, CLIENTS * 5 - 100));
}

#[tokio::test]
async fn two_envoys_let_in_exactly_as_many_at_one_time() {
    let provider = Provider::start().expect("a provider");
    let (_running, gateways) = pair(&provider).await;
    as_many_at_one_time(&provider, &gateways).await;
}

#[tokio::test]
async fn a_wasm_and_a_native_envoy_let_in_exactly_as_many_at_one_time() {
    let provider = Provider::start().expect("a provider");
    let (_running, gateways) = mixed_pair(&provider).await;
    as_many_at_one_time(&provider, &gateways).await;
}

async fn as_many_at_one_time(provider: &Provider, gateways: &[Client; 2]) {
    let case = provider.case();
    case.then(Step::fault(Fault::SlowFirstByte { ms: 6_000 }));
    let key = generate(&gateways[0], json!({ "max_parallel_requests": 7 })).await;
    let statuses = storm(gateways, &key, &case.prompt("Hello"), 1).await;
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (7, CLIENTS - 7));
}

#[tokio::test]
async fn two_envoys_share_one_budget() {
    let provider = Provider::start().expect("a provider");
    let (_running, gateways) = pair(&provider).await;
    one_budget(&provider, &gateways).await;
}

#[tokio::test]
async fn a_wasm_and_a_native_envoy_share_one_budget() {
    let provider = Provider::start().expect("a provider");
    let (_running, gateways) = mixed_pair(&provider).await;
    one_budget(&provider, &gateways).await;
}

async fn one_budget(provider: &Provider, gateways: &[Client; 2]) {
    let case = provider.case();
    case.then(Step::reply(Reply::text("Hi").usage(usage())));
    let prompt = case.prompt("Hello");
    let key = generate(&gateways[0], json!({ "max_budget": 10.0 * CENT })).await;
    let statuses = storm(gateways, &key, &prompt, 2).await;
    let mut let_in = count(&statuses, 200);
    assert_eq!(statuses.len(), let_in + count(&statuses, 422));
    for gateway in gateways {
        let_in += exhaust(gateway, &key, &prompt, 422).await;
    }
    assert!((34..34 + CLIENTS).contains(&let_in), "{let_in} requests");
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    is_recorded(&gateways[0], &key, let_in as f64 * 0.003).await;
}

#[tokio::test]
async fn two_envoys_and_all_keys_share_the_budget_of_the_gateway() {
    let provider = Provider::start().expect("a provider");
    let config = config(&provider, "os.environ/OPENAI_API_KEY")
        .section("litellm_settings", json!({ "max_budget": 10.0 * CENT }));
    let mut running = Rendered::start(&config, &[("OPENAI_API_KEY", OPENAI_KEY)], |text| text).await;
    let gateways = [running.client(), running.another_envoy(2).await];
    let case = provider.case();
    case.then(Step::reply(Reply::text("Hi").usage(usage())));
    let prompt = case.prompt("Hello");
    let mut let_in = 0;
    for _ in 0..2 {
        let key = generate(&gateways[0], json!({})).await;
        let statuses = storm(&gateways, &key, &prompt, 1).await;
        let_in += count(&statuses, 200);
        assert_eq!(statuses.len(), count(&statuses, 200) + count(&statuses, 422));
    }
    let key = generate(&gateways[1], json!({})).await;
    for gateway in &gateways {
        let_in += exhaust(gateway, &key, &prompt, 422).await;
    }
    assert!((34..34 + CLIENTS).contains(&let_in), "{let_in} requests");
    let error = ask(&gateways[0], &key, &prompt).await.expect(422).error();
    assert_eq!(error["type"], "budget_exceeded");
    let message = error["message"].as_str().expect("a message");
    // What the other Envoy has spent is known a period later.
    assert!(message.starts_with("Budget has been exceeded! Current cost: 0."), "{message}");
    assert!(message.ends_with("Max budget: 0.1"), "{message}");
    ask(&gateways[0], MASTER_KEY, &prompt).await.expect(200);
}

#[tokio::test]
async fn without_the_key_service_an_envoy_goes_on_within_its_share_and_not_beyond() {
    let provider = Provider::start().expect("a provider");
    let config = config(&provider, "os.environ/OPENAI_API_KEY");
    let mut running = Rendered::start(&config, &[("OPENAI_API_KEY", OPENAI_KEY)], |text| text).await;
    let client = running.client();
    let prompt = provider.case().prompt("Hello");
    let roomy = generate(&client, json!({ "rpm_limit": 1_000 })).await;
    let tight = generate(&client, json!({ "max_budget": 1 })).await;
    for _ in 0..3 {
        ask(&client, &roomy, &prompt).await.expect(200);
        ask(&client, &tight, &prompt).await.expect(200);
    }
    running.keys.signal(Signal::KILL);
    running.keys.wait(Duration::from_secs(5));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    for _ in 0..20 {
        ask(&client, &roomy, &prompt).await.expect(200);
        ask(&client, &tight, &prompt).await.expect(200);
    }
    // Nobody knows whether there is more.
    let mut refused = ask(&client, &roomy, &prompt).await;
    for _ in 0..1_000 {
        if refused.status != 200 {
            break;
        }
        refused = ask(&client, &roomy, &prompt).await;
    }
    let error = refused.expect(503).error();
    assert_eq!(error["type"], "service_unavailable_error");
    let unknown = ask(&client, "sk-never-heard-of-0123456789", &prompt).await.expect(503);
    assert_eq!(unknown.header("retry-after"), "1");
}

#[tokio::test]
async fn the_status_of_a_spent_budget_is_a_setting() {
    let provider = Provider::start().expect("a provider");
    let setting = json!({ "budget_exceeded_status_code": 429 });
    let stack = Setup::new(&config(&provider, OPENAI_KEY).section("litellm_settings", setting)).start();
    let key = key(&stack, json!({ "max_budget": 0 })).await;
    let error = ask(&stack.client(), &key, "Hello").await.expect(429).error();
    assert_eq!(error["type"], "budget_exceeded");
}
