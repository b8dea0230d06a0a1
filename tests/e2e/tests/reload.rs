//! Changes of `config.yaml` while requests are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fake_provider::Provider;
use serde_json::json;
use switchboard_e2e::{Config, MASTER_KEY, OPENAI_KEY, Setup, Stack, openai, process, question};
use tokio::task::JoinSet;

const IN_FORCE: &str = "the new configuration is active";
const STAYS: &str = "the old configuration stays active";

/// `always`, and a model that only this edition has.
fn edition(provider: &Provider, number: usize) -> Config {
    Config::new()
        .model("always", openai("gpt-4o", &provider.base(), OPENAI_KEY))
        .model(&format!("edition-{number}"), openai("gpt-4o", &provider.base(), OPENAI_KEY))
        .section("router_settings", json!({ "num_retries": number % 3 }))
}

async fn status(stack: &Stack, model: &str) -> u16 {
    let call = stack.client().post("/v1/chat/completions", &question(model, "Hello"));
    call.key(MASTER_KEY).send().await.status
}

/// So many changes during so many requests; gives Envoy's memory after the first tenth of them, and in the end.
async fn change_under_load(reloads: usize, requests: usize) -> (u64, u64) {
    let provider = Provider::start().expect("a provider");
    let stack = Arc::new(Setup::new(&edition(&provider, 0)).workers(2).start());
    let (done, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut clients = JoinSet::new();
    for client in 0..4 {
        let (stack, done, over) = (Arc::clone(&stack), Arc::clone(&done), Arc::clone(&over));
        clients.spawn(async move {
            let http = stack.client();
            while !over.load(Ordering::Relaxed) || done.load(Ordering::Relaxed) < requests {
                let mut body = question("always", "Hello");
                body["stream"] = json!(client % 2 == 0);
                let answer = http.post("/v1/chat/completions", &body).key(MASTER_KEY).try_send().await;
                let answer = answer.expect("an answer");
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert!(client % 2 == 1 || answer.events().is_done());
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let mut early = 0;
    for number in 1..=reloads {
        while done.load(Ordering::Relaxed) < number * requests / (reloads + 1) && clients.len() == 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stack.rewrite(&edition(&provider, number).text());
        stack.wait_for_log(IN_FORCE, number).await;
        assert_eq!(
            status(&stack, &format!("edition-{number}")).await,
            200,
            "the new model is served at once"
        );
        assert_eq!(status(&stack, &format!("edition-{}", number - 1)).await, 400, "the old one no longer");
        if number == reloads.div_ceil(10) {
            early = process::resident_kib(stack.envoy_pid()).expect("memory");
        }
    }
    over.store(true, Ordering::Relaxed);
    clients.join_all().await;
    assert!(!stack.log().contains(STAYS), "{}", stack.log());
    (early, process::resident_kib(stack.envoy_pid()).expect("memory"))
}

#[tokio::test]
async fn changes_under_load_drop_no_request() {
    change_under_load(10, 1_000).await;
}

#[tokio::test]
#[ignore = "takes minutes: `make soak-reload`"]
async fn two_hundred_changes_during_twenty_thousand_requests_drop_none_and_leave_memory_flat() {
    let (early, late) = change_under_load(200, 20_000).await;
    println!("Envoy's memory after 20 changes {early} KiB, after 200 {late} KiB");
    assert!(late < early + early / 4, "{early} KiB have become {late} KiB");
}

#[tokio::test]
async fn a_change_with_a_mistake_is_refused_with_its_line_and_the_old_one_goes_on() {
    let provider = Provider::start().expect("a provider");
    let stack = Setup::new(&edition(&provider, 0)).start();
    stack.rewrite("model_list:\n- model_name: a\n  litellm_params: {model: opnai/a, api_key: k}\n");
    stack.wait_for_log(STAYS, 1).await;
    assert!(stack.log().contains("config.yaml:3"), "{}", stack.log());
    assert_eq!(status(&stack, "always").await, 200);

    // A secret that Envoy was started without.
    let other = edition(&provider, 1).model("other", openai("gpt-4o", &provider.base(), "sk-openai-second"));
    stack.rewrite(&other.text());
    stack.wait_for_log(STAYS, 2).await;
    assert!(stack.log().contains("this change needs a restart"), "{}", stack.log());
    assert_eq!([status(&stack, "always").await, status(&stack, "edition-0").await], [200, 200]);

    stack.rewrite(&edition(&provider, 2).text());
    stack.wait_for_log(IN_FORCE, 1).await;
    assert_eq!([status(&stack, "edition-2").await, status(&stack, "edition-0").await], [200, 400]);
}

#[tokio::test]
async fn a_stream_goes_on_through_a_change_to_its_own_end() {
    let provider = Provider::start().expect("a provider");
    let stack = Setup::new(&edition(&provider, 0)).start();
    let case = provider.case();
    case.then(fake_provider::Step::default().with(fake_provider::Fault::Stall { after: 3, ms: Some(3_000) }));
    let mut body = question("edition-0", &case.prompt("Hello"));
    body["stream"] = json!(true);
    let mut answer = stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY).open().await;
    assert_eq!(answer.status, 200);
    let mut seen = answer.next().await.expect("a first event").to_vec();
    stack.rewrite(&edition(&provider, 1).text());
    stack.wait_for_log(IN_FORCE, 1).await;
    assert_eq!(status(&stack, "edition-0").await, 400, "its model is gone");
    seen.extend_from_slice(&answer.finish().await.body);
    assert!(switchboard_e2e::Events::parse(&seen).is_done());
}
