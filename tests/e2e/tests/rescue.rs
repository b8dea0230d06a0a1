//! Ten thousand requests at four deployments, half of which fail at random: everybody is answered well, nobody twice, and
//! no provider hears of another.

use std::sync::Arc;

use fake_provider::faults::CutHow;
use fake_provider::{Fault, Provider, Recorded, Reply, Step};
use serde_json::json;
use switchboard_e2e::{Config, MASTER_KEY, Setup, anthropic, openai, question};
use tokio::task::JoinSet;

const REQUESTS: usize = 10_000;
const CLIENTS: usize = 16;

/// Account, language, key.
const DEPLOYMENTS: [(&str, &str, &str); 4] = [
    ("sick-one", "openai", "sk-openai-key-of-sick-one"),
    ("sick-two", "anthropic", "sk-ant-key-of-sick-two"),
    ("well-one", "openai", "sk-openai-key-of-well-one"),
    ("well-two", "anthropic", "sk-ant-key-of-well-two"),
];

/// The same sequence in every run (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// What goes wrong before a client can have seen a byte; nothing now and then.
    fn fault(&mut self) -> Option<Fault> {
        let statuses = [401, 403, 408, 429, 500, 502, 503, 529];
        Some(match self.roll(9) {
            0 => return None,
            1 => Fault::ResetBeforeHeaders,
            2 => Fault::ResetAfterHeaders,
            3 => Fault::Html { status: 502 },
            4 => Fault::ErrorInside { after: 0, status: 503 },
            5 => Fault::Cut { after: 0, how: CutHow::HalfEvent },
            6 => Fault::retry_after(429, "30"),
            _ => Fault::status(statuses[usize::try_from(self.roll(8)).unwrap_or_default()]),
        })
    }
}

/// Everything that one attempt carries is its own provider's.
fn check(request: &Recorded) {
    let text = request.head_text();
    let (_, dialect, own) = DEPLOYMENTS
        .iter()
        .find(|(account, _, _)| *account == request.account)
        .unwrap_or_else(|| panic!("nobody's account: {text}"));
    assert_eq!(request.dialect, *dialect, "{text}");
    assert!(text.contains(own), "{text}");
    for (_, _, key) in DEPLOYMENTS.iter().filter(|(_, _, key)| key != own) {
        assert!(!text.contains(key), "another's key: {text}");
    }
    let strangers: &[&str] = if *dialect == "openai" {
        &["x-api-key", "anthropic-version", "anthropic-beta"]
    } else {
        &["authorization", "openai-organization", "openai-project"]
    };
    for name in strangers.iter().chain(&["x-forwarded-proto", "x-envoy-original-url", "x-request-id"]) {
        assert!(!request.headers.contains_key(*name), "{name} in {text}");
    }
    assert!(!text.contains("x-switchboard") && !text.contains(MASTER_KEY), "{text}");
    assert_eq!(request.refused, "", "{text}");
}

#[tokio::test]
async fn everybody_is_answered_well_as_long_as_one_deployment_is_and_nobody_twice() {
    let provider = Provider::start().expect("a provider");
    let mut config = Config::new();
    for (account, dialect, key) in DEPLOYMENTS {
        let base = format!("{}/{account}", provider.base());
        let params = if dialect == "openai" {
            openai("gpt-4o", &base, key)
        } else {
            anthropic("claude-sonnet-4-5", &base, key)
        };
        // Half by retries in one group, half by fallbacks from one to the other.
        config = config.model("four", params.clone()).model(&account[..4], params);
    }
    // A rest would spare the sick ones most of the requests.
    let router = json!({ "num_retries": 3, "disable_cooldowns": true, "fallbacks": [{ "sick": ["well"] }] });
    let stack = Arc::new(Setup::new(&config.section("router_settings", router)).workers(2).start());
    let provider = Arc::new(provider);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (stack, provider) = (Arc::clone(&stack), Arc::clone(&provider));
        clients.spawn(async move {
            let (http, mut dice) = (stack.client(), Dice(client as u64 + 1));
            for number in 0..REQUESTS / CLIENTS {
                let case = provider.case();
                let mut faulty = Vec::new();
                for account in ["sick-one", "sick-two"] {
                    if let Some(fault) = dice.fault() {
                        case.then(Step::fault(fault).at(account));
                        faulty.push(account);
                    }
                }
                for account in ["sick-one", "sick-two", "well-one", "well-two"] {
                    if !faulty.contains(&account) {
                        case.then(Step::reply(Reply::text("Rescued")).at(account));
                    }
                }
                let streamed = dice.roll(2) == 0;
                let model = if dice.roll(4) == 0 { "sick" } else { "four" };
                let mut body = question(model, &case.prompt("Hello"));
                body["stream"] = json!(streamed);
                let answer = http.post("/v1/chat/completions", &body).key(MASTER_KEY).send().await;
                let asked = case.requests();
                let way: Vec<&str> = asked.iter().map(|request| request.account.as_str()).collect();
                assert_eq!(answer.status, 200, "{number} of {client}, {way:?}: {}", answer.text());
                let text = if streamed {
                    let events = answer.events();
                    assert!(events.is_done(), "{way:?}: {events:?}");
                    events.text()
                } else {
                    answer.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
                };
                assert_eq!(text, "Rescued", "{way:?}");
                asked.iter().for_each(check);
                let (last, before) = way.split_last().expect("somebody was asked");
                assert!(!faulty.contains(last), "{way:?}");
                assert!(before.iter().all(|account| faulty.contains(account)), "asked again: {way:?}");
            }
        });
    }
    clients.join_all().await;
}
