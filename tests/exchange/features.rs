//! Features that a client and an operator ask for by a header: each language says them in its way, and nobody else gets
//! them.

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::exchange::{Admission, Attempt, Call, Outgoing, Step};
use switchboard::table::Table;

use crate::support::{MASTER, NOW_MS, head, keyring};

const HEADER: &str = "anthropic-beta";

const DOCUMENT: &str = r#"{
  "version": 1,
  "keys": {"cluster": "keys", "token_env": "KEY", "master_key_env": "MASTER",
           "sync_interval_ms": 1000, "timeout_ms": 500, "grace_s": 60, "cache_size": 100},
  "settings": {"num_retries": 0, "most_retries": 0, "max_fallbacks": 0, "cooldown_s": 5.0, "timeout_ms": 600000},
  "groups": [{"name": "g", "cluster": "group:g", "mode": "chat"}],
  "deployments": [
    {"id": "home", "group": "g", "provider": "anthropic", "model": "claude-sonnet-4-5", "api_base": "https://one",
     "api_key_env": "KEY", "headers": [{"name": "Anthropic-Beta", "value": "operators-2025-01-01"}]},
    {"id": "cloud", "group": "g", "provider": "bedrock", "model": "anthropic.claude-sonnet-4-5-20250929-v1:0",
     "api_base": "https://two", "api_key_env": "KEY",
     "headers": [{"name": "anthropic-beta", "value": "operators-2025-01-01"}, {"name": "x-team", "value": "blue"}]},
    {"id": "other", "group": "g", "provider": "openai", "model": "gpt-4o", "api_base": "https://three",
     "api_key_env": "KEY"},
    {"id": "behind", "group": "g", "provider": "litellm_proxy", "model": "claude", "api_base": "https://four",
     "api_key_env": "KEY", "headers": [{"name": "anthropic-beta", "value": "operators-2025-01-01"}]}
  ]
}"#;

fn call(body: &Value) -> Rc<Call> {
    let env = |name: &str| Some(if name == "MASTER" { MASTER } else { "secret" }.to_owned());
    let table = Rc::new(Table::parse(DOCUMENT.as_bytes(), env).unwrap());
    let bearer = format!("Bearer {MASTER}");
    let asked = head(&[
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("authorization", &bearer),
        (HEADER, "clients-2025-01-01"),
        (HEADER, "clients-2025-02-02, operators-2025-01-01"),
    ]);
    let (mut admission, _) = Admission::begin(&table, &keyring(vec![]), &asked, true, NOW_MS);
    assert!(matches!(admission.body_complete(), Step::Admit));
    Rc::new(admission.admit(body.to_string()).unwrap())
}

/// The header and the body that a deployment gets.
fn sent(deployment: &str) -> (Option<String>, Value) {
    let body = json!({
        "model": "g", "messages": [{ "role": "user", "content": "hi" }],
        "extra_headers": { HEADER: "bodys-2025-01-01" },
    });
    let call = call(&body);
    let endpoint = Rc::clone(call.table.endpoint(deployment).unwrap());
    let outgoing = Attempt::new(call, endpoint).request(body.to_string().as_bytes(), NOW_MS);
    let Outgoing::Send { headers, body } = outgoing else { panic!("nobody was asked") };
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body.get("extra_headers").is_none(), "{body}");
    (headers.get(HEADER).map(str::to_owned), body)
}

#[test]
fn the_clients_and_the_operators_are_one_list_and_the_languages_own() {
    let (header, body) = sent("home");
    let all = "clients-2025-01-01,clients-2025-02-02,operators-2025-01-01,bodys-2025-01-01";
    assert_eq!(header.as_deref(), Some(all));
    assert!(body.get("anthropic_beta").is_none(), "{body}");
}

#[test]
fn a_cloud_without_the_header_gets_them_in_the_body() {
    let (header, body) = sent("cloud");
    assert_eq!(header, None);
    assert_eq!(
        body["additionalModelRequestFields"]["anthropic_beta"],
        json!(["clients-2025-01-01", "clients-2025-02-02", "operators-2025-01-01", "bodys-2025-01-01"])
    );
}

#[test]
fn a_client_asks_nothing_of_a_language_that_has_no_such_features() {
    // Except by what it tells the provider itself, in `extra_headers`.
    let (header, _) = sent("other");
    assert!(header.is_none_or(|header| header == "bodys-2025-01-01"));
    let (header, _) = sent("behind");
    assert!(
        header.is_some_and(|header| !header.contains("clients") && header.contains("operators-2025-01-01"))
    );
}
