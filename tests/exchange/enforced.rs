//! What requests must have, and where they may come from.

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::exchange::{Admission, Step};
use switchboard::table::Table;

use crate::support::{DOCUMENT, MASTER, NOW_MS, head, keyring, record, table_of};

const CHAT: &str = "/v1/chat/completions";

fn table(settings: &str) -> Rc<Table> {
    table_of(&DOCUMENT.replacen(r#""settings": {"#, &format!(r#""settings": {{{settings}, "#), 1))
}

/// What a request is told; `None` if it is admitted.
fn told(table: &Rc<Table>, key: &str, more: (&str, &str), body: &Value) -> Option<(u16, String)> {
    let ring = keyring(vec![record("sk-known-key", |key| key["enforced_params"] = json!(["seed"]))]);
    let bearer = format!("Bearer {key}");
    let head = head(&[(":method", "POST"), (":path", CHAT), ("authorization", &bearer), more]);
    let (mut admission, step) = Admission::begin(table, &ring, &head, true, NOW_MS);
    let reply = if let Step::Reply(reply) = step {
        reply
    } else {
        admission.body_complete();
        admission.admit(body.to_string()).err()?
    };
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    Some((reply.status, body["error"]["message"].as_str().unwrap().to_owned()))
}

fn body(more: &Value) -> Value {
    let mut body = json!({"model": "gpt", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn a_missing_parameter_is_named() {
    let table = table(r#""enforced_params": ["user", "metadata.trace"]"#);
    let missing = |name: &str| {
        Some((400, format!("BadRequest please pass param={name} in request body. This is a required param")))
    };
    let told = |key, more| told(&table, key, ("x", "y"), &body(&more));
    assert_eq!(told(MASTER, json!({})), missing("user"));
    assert_eq!(told(MASTER, json!({"user": "u"})), missing("metadata"));
    assert_eq!(told(MASTER, json!({"user": "u", "metadata": {}})), missing("[metadata][trace]"));
    let all = json!({"user": "u", "metadata": {"trace": "t"}});
    assert_eq!(told(MASTER, all.clone()), None);
    assert_eq!(told("sk-known-key", all), missing("seed"));
}

#[test]
fn a_request_without_an_end_user_is_rejected_where_one_is_required() {
    let table = table(r#""enforce_user_param": true"#);
    let refused =
        Some((401, "Authentication Error, 'user' param not passed in. 'enforce_user_param'=True".to_owned()));
    assert_eq!(told(&table, MASTER, ("x", "y"), &body(&json!({}))), refused);
    assert_eq!(told(&table, MASTER, ("x-litellm-end-user-id", "u"), &body(&json!({}))), None);
    assert_eq!(told(&table, MASTER, ("x", "y"), &body(&json!({"user": "u"}))), None);
}

#[test]
fn only_the_addresses_that_the_operator_allows_are_served() {
    let table = table(r#""allowed_ips": ["192.0.2.1"]"#);
    let at = |address| told(&table, MASTER, ("x-envoy-external-address", address), &body(&json!({})));
    assert_eq!(at("192.0.2.1"), None);
    assert_eq!(
        at("192.0.2.11"),
        Some((403, "Access forbidden: IP address 192.0.2.11 not allowed.".to_owned()))
    );
    assert_eq!(told(&table, MASTER, ("x", "y"), &body(&json!({}))).unwrap().0, 403);
}
