//! What a request reserves of its key's limits before it goes on.

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::exchange::{Admission, Call};
use switchboard::limits::Habits;
use switchboard::table::Table;

use crate::support::{NOW_MS, keyring, post, record};

/// A dollar for a million tokens, half of it in the flex tier; a search costs a cent, a large one two.
fn table() -> Rc<Table> {
    let price = json!({
        "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "search_cost": 0.01, "search_cost_high": 0.02,
        "tiers": [{"above_tokens": 0, "service": "flex", "input_cost_per_token": 5e-7, "output_cost_per_token": 5e-7}],
    });
    let deployment = |group: &str, defaults: Value| {
        json!({
            "id": group, "group": group, "provider": "openai", "model": "*", "api_base": "https://api.one/v1",
            "api_key_env": "KEY", "price": price, "defaults": defaults,
        })
    };
    let document = json!({
        "version": 1,
        "keys": {
            "cluster": "keys", "token_env": "KEY", "master_key_env": "MASTER", "sync_interval_ms": 1000,
            "timeout_ms": 500, "grace_s": 60, "cache_size": 100,
        },
        "settings": {
            "num_retries": 2, "most_retries": 6, "max_fallbacks": 5, "cooldown_s": 5.0, "timeout_ms": 600_000,
            "own_cluster": "itself",
        },
        "groups": [
            {"name": "usual", "cluster": "usual"},
            {"name": "patient", "cluster": "patient"},
            {"name": "openai/*", "cluster": "wild"},
        ],
        "deployments": [
            deployment("usual", json!([])),
            deployment("patient", json!([["service_tier", "flex"]])),
            deployment("openai/*", json!([])),
        ],
    });
    Rc::new(Table::parse(document.to_string().as_bytes(), |_| Some("secret".to_owned())).unwrap())
}

/// Admits a request of a key with those accounts.
fn admit(body: &Value, accounts: Value) -> Call {
    let ring = keyring(vec![record("sk-known-key", |key| key["accounts"] = accounts)]);
    let head = post("/v1/chat/completions", "sk-known-key");
    let (mut admission, _) = Admission::begin(&table(), &ring, &head, true, NOW_MS);
    admission.body_complete();
    admission.admit(body.to_string()).unwrap()
}

fn ask(model: &str, more: &Value) -> Value {
    let mut body =
        json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    body
}

/// Picodollars that the request reserves, in prices of the usual tier.
fn reserved(model: &str, more: &Value) -> u64 {
    let account = json!([{"id": {"kind": "key", "id": "k"}, "max_budget": 1}]);
    let call = admit(&ask(model, more), account);
    call.claim(&Habits::default()).unwrap().amount().money
}

#[test]
fn the_tier_that_is_asked_for_is_reserved_and_a_deployments_default_counts() {
    let usual = reserved("usual", &json!({}));
    assert_eq!(reserved("usual", &json!({"service_tier": "flex"})) * 2, usual);
    assert_eq!(reserved("usual", &json!({"service_tier": "auto"})), usual);
    assert_eq!(reserved("patient", &json!({})) * 2, usual);
    assert_eq!(reserved("patient", &json!({"service_tier": "default"})), usual);
}

#[test]
fn a_search_that_is_allowed_is_reserved_by_its_size() {
    let usual = reserved("usual", &json!({}));
    let search = |options: Value| reserved("usual", &json!({"web_search_options": options})) - usual;
    assert_eq!(search(json!({})), 10_000_000_000);
    assert_eq!(search(json!({"search_context_size": "high"})), 20_000_000_000);
    assert_eq!(search(json!({"search_context_size": "low"})), 10_000_000_000);
}

#[test]
fn a_limit_of_a_model_counts_behind_a_wildcard_too() {
    let limited = |name: &str, asked: &str| {
        let account = json!([{"id": {"kind": "key", "id": "k", "model": name}, "max_budget": 1}]);
        let call = admit(&ask(asked, &json!({})), account);
        assert_eq!(call.model_name(), asked);
        call.claim(&Habits::default()).is_some()
    };
    for name in ["gpt-4o", "openai/gpt-4o", "openai/*", "gpt-4*"] {
        assert!(limited(name, "openai/gpt-4o"), "{name}");
        assert!(!limited(name, "usual"), "{name}");
    }
    assert!(!limited("gpt-4o", "openai/gpt-4o-mini"));
}
