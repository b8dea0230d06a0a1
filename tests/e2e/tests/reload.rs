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

    // Of the few secrets that Envoy itself has.
    let other = edition(&provider, 1)
        .section("general_settings", json!({ "master_key": "sk-another-master-key-4711" }));
    stack.rewrite(&other.text());
    stack.wait_for_log(STAYS, 2).await;
    assert!(stack.log().contains("changing the master key needs a restart"), "{}", stack.log());
    assert_eq!([status(&stack, "always").await, status(&stack, "edition-0").await], [200, 200]);

    stack.rewrite(&edition(&provider, 2).text());
    stack.wait_for_log(IN_FORCE, 1).await;
    assert_eq!([status(&stack, "edition-2").await, status(&stack, "edition-0").await], [200, 400]);
}

#[tokio::test]
async fn what_envoy_rejects_is_told_with_its_words_and_changes_nothing() {
    let provider = Provider::start().expect("a provider");
    let folder = tempfile::tempdir().expect("a folder");
    let authorities = folder.path().join("authorities.pem");
    let (certificate, _) = provider.certificate_pem(&["localhost"]);
    std::fs::write(&authorities, certificate).expect("a file");
    let path = authorities.to_str().expect("a path in UTF-8");
    let stack = Setup::new(&edition(&provider, 0)).env("SSL_CERT_FILE", path).start();
    // What nobody but Envoy reads, and only for a cluster with TLS.
    std::fs::write(&authorities, "").expect("a file");
    let rejected = edition(&provider, 1).model("tls", openai("gpt-4o", "https://127.0.0.1:1", OPENAI_KEY));
    stack.rewrite(&rejected.text());
    stack.wait_for_log("rejected the clusters", 1).await;
    assert!(stack.log().contains("authorities.pem is empty"), "{}", stack.log());
    let known = [status(&stack, "always").await, status(&stack, "edition-0").await];
    assert_eq!(known, [200, 200], "{}", stack.log());
    assert_eq!(status(&stack, "edition-1").await, 400);
    let health = switchboard_e2e::Client::new(format!("http://127.0.0.1:{}", stack.keys));
    let health = health.get("/health/readiness").send().await.expect(200).json();
    assert_eq!(health["configuration"], "rejected");

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

#[tokio::test]
async fn an_included_file_is_watched_too_and_its_mistakes_have_its_name() {
    let provider = Provider::start().expect("a provider");
    let folder = tempfile::tempdir().expect("a folder");
    let included = folder.path().join("models.yaml");
    std::fs::write(&included, edition(&provider, 0).text()).expect("a file");
    let config = json!({ "include": [included] }).to_string();
    let stack = Setup::of_text(config).start();
    assert_eq!([status(&stack, "always").await, status(&stack, "edition-0").await], [200, 200]);
    std::fs::write(&included, edition(&provider, 1).text()).expect("a file");
    stack.wait_for_log(IN_FORCE, 1).await;
    assert_eq!([status(&stack, "edition-1").await, status(&stack, "edition-0").await], [200, 400]);
    std::fs::write(
        &included,
        "model_list:\n- model_name: a\n  litellm_params: {model: opnai/a, api_key: k}\n",
    )
    .expect("a file");
    stack.wait_for_log(STAYS, 1).await;
    assert!(stack.log().contains("models.yaml:3"), "{}", stack.log());
    assert_eq!(status(&stack, "edition-1").await, 200);
}

#[tokio::test]
async fn a_variable_that_is_set_later_is_used_then() {
    let provider = Provider::start().expect("a provider");
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("base");
    std::fs::write(&base, "http://127.0.0.1:1/v1").expect("a file");
    let params =
        json!({ "model": "openai/gpt-4o", "api_base": "os.environ/THE_BASE", "api_key": OPENAI_KEY });
    let config = Config::new().model("m", params).section("router_settings", json!({ "num_retries": 0 }));
    let stack = Setup::new(&config).env("THE_BASE_FILE", base.to_str().expect("a path in UTF-8")).start();
    assert_eq!(status(&stack, "m").await, 503);
    std::fs::write(&base, format!("{}/v1\n", provider.base())).expect("a file");
    stack
        .wait_for_log("a variable that config.yaml refers to changed; the new configuration is active", 1)
        .await;
    assert_eq!(status(&stack, "m").await, 200);
}
