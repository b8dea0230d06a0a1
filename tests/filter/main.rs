//! The filter on a host of the tests: what becomes of usage and of the calls to the key service when responses are lost,
//! late or repeated, and when the configuration changes.

mod fake;

use std::rc::Rc;

use fake::{Fake, answer, call, set_now};
use switchboard::filter::{Action, Downstream, Root};
use switchboard::key::AccountId;
use switchboard::table::Table;

const MASTER: &str = "sk-master-key-of-the-tests";
const CHAT: &str = r#"{"model":"gpt","messages":[{"role":"user","content":"Hello"}]}"#;
const DOCUMENT: &str = r#"{
  "version": 1,
  "keys": {"cluster": "keys", "token_env": "INTERNAL", "master_key_env": "MASTER",
           "sync_interval_ms": 1000, "timeout_ms": 500, "grace_s": 60, "cache_size": 100},
  "settings": {"num_retries": 2, "most_retries": 6, "max_fallbacks": 5, "cooldown_s": 5.0, "timeout_ms": 600000},
  "groups": [{"name": "gpt", "cluster": "group:gpt", "mode": "chat"}],
  "aliases": [],
  "deployments": [{"id": "gpt-1", "group": "gpt", "provider": "openai", "model": "gpt-4o",
                   "api_base": "https://api.one/v1", "api_key_env": "KEY"}]
}"#;

fn root() -> Root<Fake> {
    let env = |name: &str| Some(if name == "MASTER" { MASTER.to_owned() } else { "value".to_owned() });
    let table = Table::parse(DOCUMENT.as_bytes(), env).expect("a valid document");
    Root::new(0, fake::Timer::default(), Rc::new(table))
}

/// A request that is forwarded, and ends.
fn serve() {
    let mut request = Downstream::<Fake>::new(1, fake::Timer::default());
    let authorization = format!("Bearer {MASTER}");
    fake::set_request(
        &[(":method", "POST"), (":path", "/v1/chat/completions"), ("authorization", &authorization)],
        CHAT,
    );
    assert_eq!(request.on_request_headers(false), Action::Pause);
    assert_eq!(request.on_request_body(CHAT.len(), true), Action::Continue, "it is forwarded");
    assert!(fake::left_call().is_some(), "its attempts find it");
    request.on_end();
}

/// The id of the batch that a call carries.
fn batch(body: &str) -> Option<String> {
    let request: serde_json::Value = serde_json::from_str(body).expect("JSON");
    request["batch"]["id"].as_str().map(str::to_owned)
}

/// Lets a period pass, and gives the sync call that is made then.
fn period(root: &mut Root<Fake>, now_ms: u64) -> (u64, String) {
    set_now(now_ms);
    root.on_tick();
    call("sync").expect("a sync call")
}

#[test]
fn a_batch_whose_response_is_lost_is_sent_again_under_its_id_until_it_is_acknowledged() {
    let mut root = root();
    let (first, _) = call("sync").expect("a root calls at once");
    answer(200, r#"{"cursor":1}"#);
    root.on_call_response(first);
    serve();
    let (lost, body) = period(&mut root, 2_000);
    let id = batch(&body).expect("the usage of the request");
    answer(0, "");
    root.on_call_response(lost);
    let (again, body) = period(&mut root, 4_000);
    assert_eq!(batch(&body).as_ref(), Some(&id), "the same batch");
    answer(200, &format!(r#"{{"cursor":1,"recorded":"{id}"}}"#));
    root.on_call_response(again);
    // A repeated response, and one to a call that nobody remembers.
    root.on_call_response(again);
    root.on_call_response(lost);
    let (_, body) = period(&mut root, 6_000);
    assert_eq!(batch(&body), None, "it was recorded");
}

#[test]
fn no_second_call_is_made_while_one_is_in_flight() {
    let mut root = root();
    let (first, _) = call("sync").expect("a root calls at once");
    serve();
    set_now(2_000);
    root.on_tick();
    assert!(call("sync").is_none(), "the first has not been answered");
    answer(200, r#"{"cursor":1}"#);
    root.on_call_response(first);
    assert!(batch(&period(&mut root, 4_000).1).is_some());
}

#[test]
fn after_a_reload_only_the_newest_root_calls_and_a_late_response_to_the_old_one_still_counts() {
    let mut old = root();
    let (first, _) = call("sync").expect("a root calls at once");
    answer(200, r#"{"cursor":1}"#);
    old.on_call_response(first);
    serve();
    let (late, body) = period(&mut old, 2_000);
    let id = batch(&body).expect("the usage of the request");
    let mut new = root();
    let (_, body) = call("sync").expect("a root calls at once");
    assert_eq!(batch(&body).as_ref(), Some(&id), "the batch in flight keeps its id");
    answer(200, &format!(r#"{{"cursor":1,"recorded":"{id}"}}"#));
    old.on_call_response(late);
    set_now(4_000);
    old.on_tick();
    assert!(call("sync").is_none(), "the old root only ends its requests");
    answer(0, "");
    new.on_call_response(late + 1);
    assert_eq!(batch(&period(&mut new, 6_000).1), None, "it was recorded");
}

/// A request with the master key that names this end user, up to the call for it, if there is one.
fn begin(end_user: &str) -> (Downstream<Fake>, Action) {
    let mut request = Downstream::<Fake>::new(1, fake::Timer::default());
    let authorization = format!("Bearer {MASTER}");
    let headers = [
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("authorization", &*authorization),
        ("x-litellm-end-user-id", end_user),
    ];
    fake::set_request(&headers, CHAT);
    assert_eq!(request.on_request_headers(false), Action::Pause);
    let action = request.on_request_body(CHAT.len(), true);
    (request, action)
}

/// A record of a customer, as the key service writes it.
fn customer(id: &str, more: &str) -> String {
    let token = AccountId::of_customer(id).record_name();
    format!(
        r#"{{"records":[{{"token":"{token}","key":{{"token":"{token}","key_name":"{id}"{more}}}}}],"cursor":1}}"#
    )
}

/// A worker that has heard from the key service, which says whether there are customers.
fn heard(payers: bool) -> Root<Fake> {
    let mut root = root();
    let (first, _) = call("sync").expect("a root calls at once");
    answer(200, &format!(r#"{{"cursor":1,"reset":true,"payers":{payers}}}"#));
    root.on_call_response(first);
    root
}

#[test]
fn a_customer_is_asked_for_once_and_then_known() {
    let _root = heard(true);
    let (mut request, action) = begin("c");
    assert_eq!(action, Action::Pause);
    let (asked, body) = call("payers").expect("a call");
    assert_eq!(body, r#"{"accounts":[{"kind":"customer","id":"c"}]}"#);
    assert!(fake::left_call().is_none(), "it waits");
    answer(200, &customer("c", ""));
    request.on_call_response(asked);
    assert!(fake::left_call().is_some(), "it is forwarded");
    request.on_end();
    let (_, action) = begin("c");
    assert_eq!((action, call("payers")), (Action::Continue, None));
}

#[test]
fn tags_are_asked_for_together_with_the_end_user() {
    let _root = heard(true);
    let mut request = Downstream::<Fake>::new(1, fake::Timer::default());
    let authorization = format!("Bearer {MASTER}");
    let headers = [
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("authorization", &*authorization),
        ("x-litellm-end-user-id", "c"),
        ("x-litellm-tags", "a, b"),
    ];
    fake::set_request(&headers, CHAT);
    request.on_request_headers(false);
    request.on_request_body(CHAT.len(), true);
    let (_, body) = call("payers").expect("a call");
    let accounts = [("customer", "c"), ("tag", "a"), ("tag", "b")];
    let accounts = accounts.map(|(kind, id)| format!(r#"{{"kind":"{kind}","id":"{id}"}}"#));
    assert_eq!(body, format!(r#"{{"accounts":[{}]}}"#, accounts.join(",")));
}

#[test]
fn where_there_are_no_customers_nothing_is_asked() {
    let _root = heard(false);
    let (_, action) = begin("c");
    assert_eq!((action, call("payers")), (Action::Continue, None));
}

#[test]
fn before_the_key_service_has_answered_nobody_knows_whether_there_are_customers() {
    let _root = root();
    let (_, action) = begin("c");
    assert!(action == Action::Pause && call("payers").is_some());
}

#[test]
#[should_panic(expected = "400 {\"error\":{\"message\":\"User blocked from making LLM API Calls. User=c\"")]
fn a_blocked_customer_is_rejected() {
    let _root = heard(true);
    let (mut request, _) = begin("c");
    let (asked, _) = call("payers").expect("a call");
    answer(200, &customer("c", r#","blocked":true"#));
    request.on_call_response(asked);
}

#[test]
#[should_panic(expected = "503 ")]
fn a_customer_that_cannot_be_looked_up_is_not_let_in() {
    let _root = heard(true);
    let (mut request, _) = begin("c");
    let (asked, _) = call("payers").expect("a call");
    answer(0, "");
    request.on_call_response(asked);
}

#[test]
fn a_customer_with_a_limit_is_admitted_by_a_lease() {
    let mut root = heard(true);
    let (mut request, _) = begin("c");
    let (asked, _) = call("payers").expect("a call");
    answer(200, &customer("c", r#","accounts":[{"id":{"kind":"customer","id":"c"},"rpm_limit":1}]"#));
    request.on_call_response(asked);
    assert!(fake::left_call().is_none(), "it waits for capacity");
    set_now(10);
    root.on_tick();
    let (_, body) = call("lease").expect("a call for a lease");
    assert!(body.contains(r#""account":{"kind":"customer","id":"c"}"#), "{body}");
}
