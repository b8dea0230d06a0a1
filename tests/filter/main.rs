//! The filter on a host of the tests: what becomes of usage and of the calls to the key service when responses are lost,
//! late or repeated, and when the configuration changes.

mod fake;

use std::rc::Rc;

use fake::{Fake, answer, call, set_now};
use switchboard::filter::{Action, Downstream, Root};
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
