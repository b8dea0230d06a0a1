//! Who may do what, and that nothing goes on before both halves are there.

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::exchange::{Admission, BodyBudget, NoVerdict, Reply, Step};
use switchboard::inbound::{Language as _, MESSAGES};
use switchboard::key::{SyncAnswer, TokenHash};
use switchboard::keyring::Keyring;

use crate::support::{MASTER, NOW_MS, head, keyring, post, record, table};

const CHAT: &str = "/v1/chat/completions";
const BODY: &[u8] = br#"{"model":"gpt","messages":[{}]}"#;

fn begin(keyring: &Keyring, path: &str, key: &str) -> (Admission, Step) {
    Admission::begin(&table(), keyring, &post(path, key), true, NOW_MS)
}

fn reply(step: Step) -> Reply {
    match step {
        Step::Reply(reply) => reply,
        other => panic!("expected a reply, got {other:?}"),
    }
}

fn error(reply: &Reply) -> Value {
    serde_json::from_slice::<Value>(&reply.body).unwrap()["error"].take()
}

#[test]
fn key_first_then_body_admits() {
    let ring = keyring(vec![record("sk-known-key", |_| {})]);
    let (mut admission, step) = begin(&ring, CHAT, "sk-known-key");
    assert!(matches!(step, Step::Wait));
    assert!(matches!(admission.body_complete(), Step::Admit));
    assert_eq!(admission.admit(BODY).unwrap().group_name(), "gpt");
}

#[test]
fn body_first_then_key_admits() {
    let (mut admission, step) = begin(&keyring(vec![]), CHAT, "sk-unheard-of");
    assert!(matches!(step, Step::Verify(token) if token == TokenHash::of(b"sk-unheard-of")));
    assert!(matches!(admission.body_complete(), Step::Wait));
    let key = std::sync::Arc::new(record("sk-unheard-of", |_| {}));
    assert!(matches!(admission.verdict(Ok(Some(key)), NOW_MS), Step::Admit));
    assert!(admission.admit(BODY).is_ok());
}

#[test]
fn a_denied_key_is_answered_at_once_and_its_body_never_admitted() {
    let (mut admission, _) = begin(&keyring(vec![]), CHAT, "sk-unheard-of");
    let denied = reply(admission.verdict(Ok(None), NOW_MS));
    assert_eq!((denied.status, error(&denied)["type"].clone()), (401, json!("token_not_found_in_db")));
    assert!(matches!(admission.body_complete(), Step::Wait));
    assert_eq!(admission.admit(BODY).unwrap_err().status, 500);
}

#[test]
fn without_a_verdict_nothing_is_let_in() {
    let (mut admission, _) = begin(&keyring(vec![]), CHAT, "sk-unheard-of");
    let refused = reply(admission.verdict(Err(NoVerdict), NOW_MS));
    assert_eq!(refused.status, 503);
    assert!(refused.headers.iter().any(|(name, value)| name == "retry-after" && &**value == "1"));
}

#[test]
fn nothing_is_admitted_twice() {
    let (mut admission, _) = begin(&keyring(vec![]), CHAT, MASTER);
    admission.body_complete();
    assert!(admission.admit(BODY).is_ok());
    assert!(admission.admit(BODY).is_err());
}

#[test]
fn keys_that_are_no_keys_are_refused_as_litellm_refuses_them() {
    let refused = |head| error(&reply(Admission::begin(&table(), &keyring(vec![]), &head, true, NOW_MS).1));
    let with = |name, value| refused(head(&[(":method", "POST"), (":path", CHAT), (name, value)]));
    assert_eq!(
        with("x-nothing", ""),
        json!({"message": "Authentication Error, No api key passed in.", "type": "auth_error", "param": null, "code": "401"})
    );
    assert_eq!(
        with("authorization", "sk-bare")["message"],
        "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix."
    );
    assert_eq!(
        with("authorization", "Bearer short")["message"],
        "LiteLLM Virtual Key expected. Received=****, expected to start with 'sk-'."
    );
    assert_eq!(
        with("authorization", "Bearer 878babcdefgh01c8")["message"],
        "LiteLLM Virtual Key expected. Received=878b****01c8, expected to start with 'sk-'."
    );
}

#[test]
fn a_blocked_and_an_expired_key_are_refused_without_a_call() {
    let ring = keyring(vec![
        record("sk-blocked-key", |key| key["blocked"] = json!(true)),
        record("sk-expired-key", |key| key["expires_at"] = json!(1_699_999_999.5)),
        record("sk-fresh-key", |key| key["expires_at"] = json!(1_700_000_000.5)),
    ]);
    let blocked = reply(begin(&ring, CHAT, "sk-blocked-key").1);
    assert_eq!(
        error(&blocked)["message"],
        "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin."
    );
    let expired = reply(begin(&ring, CHAT, "sk-expired-key").1);
    assert_eq!(
        error(&expired),
        json!({
            "message": "Authentication Error - Expired Key. Key Expiry time 2023-11-14 22:13:19.500000+00:00 and current time 2023-11-14 22:13:20+00:00",
            "type": "expired_key", "param": "sk-...last", "code": "401",
        })
    );
    assert!(matches!(begin(&ring, CHAT, "sk-fresh-key").1, Step::Wait));
}

#[expect(clippy::needless_pass_by_value, reason = "every caller makes the value in the call")]
fn admit(key: serde_json::Value, path: &str, body: &str) -> Result<(String, Option<String>), Value> {
    let ring = keyring(vec![record("sk-known-key", |record| {
        for (name, value) in key.as_object().unwrap() {
            record[name] = value.clone();
        }
    })]);
    let (mut admission, _) = begin(&ring, path, "sk-known-key");
    admission.body_complete();
    match admission.admit(body.as_bytes()) {
        Ok(call) => Ok((call.group_name().to_owned(), call.journey.borrow().wildcard().map(str::to_owned))),
        Err(reply) => Err(error(&reply)),
    }
}

fn chat(model: &str) -> String {
    json!({"model": model, "messages": [{}]}).to_string()
}

#[test]
fn a_key_is_held_to_its_models_by_name_wildcard_and_access_group() {
    let denied = |key: Value, model: &str| admit(key, CHAT, &chat(model)).unwrap_err()["type"].clone();
    assert!(admit(json!({}), CHAT, &chat("claude")).is_ok());
    assert!(admit(json!({"models": ["gpt"]}), CHAT, &chat("gpt")).is_ok());
    assert!(admit(json!({"models": ["openai/*"]}), CHAT, &chat("openai/gpt-5")).is_ok());
    assert!(admit(json!({"models": ["openai/gpt-5"]}), CHAT, &chat("openai/gpt-5")).is_ok());
    assert!(admit(json!({"models": ["beta"]}), CHAT, &chat("smart")).is_ok());
    assert!(admit(json!({"models": ["all-proxy-models"]}), CHAT, &chat("claude")).is_ok());
    assert_eq!(denied(json!({"models": ["gpt"]}), "claude"), "key_model_access_denied");
    assert_eq!(denied(json!({"models": ["openai/gpt-5"]}), "openai/gpt-6"), "key_model_access_denied");
    assert_eq!(denied(json!({"models": ["no-default-models"]}), "gpt"), "key_model_access_denied");
    assert_eq!(denied(json!({"models": ["gpt"]}), "no-such-model"), "key_model_access_denied");
}

#[test]
fn a_keys_own_aliases_lead_to_its_groups() {
    let key = json!({"models": ["gpt"], "aliases": [["mine", "gpt"]]});
    assert_eq!(admit(key, CHAT, &chat("mine")).unwrap().0, "gpt");
}

#[test]
fn a_keys_own_alias_is_checked_as_the_model_that_it_leads_to() {
    let denied = |key: Value| admit(key, CHAT, &chat("mine")).unwrap_err()["type"].clone();
    let aliases = json!([["mine", "gpt"]]);
    assert_eq!(denied(json!({"aliases": aliases, "models": ["mine"]})), "key_model_access_denied");
    assert_eq!(denied(json!({"aliases": aliases, "user_models": ["mine"]})), "user_model_access_denied");
    let team = json!({"models": ["mine"]});
    assert_eq!(denied(json!({"aliases": aliases, "team_id": "t", "team": team})), "team_model_access_denied");
    let team = json!({"models": ["gpt"]});
    let key = json!({"aliases": aliases, "user_models": ["gpt"], "team_id": "t", "team": team});
    assert_eq!(admit(key, CHAT, &chat("mine")).unwrap().0, "gpt");
    // The team has made this one for its keys.
    let team = json!({"models": ["ours"], "aliases": [["ours", "gpt"]]});
    let key = json!({"team_id": "t", "team": team});
    assert_eq!(admit(key, CHAT, &chat("ours")).unwrap().0, "gpt");
}

#[test]
fn an_alias_does_not_permit_a_fallback_that_has_its_name() {
    // Fallbacks are routed by their own name, so that `claude` would be called, not what the alias leads to.
    let body = r#"{"model":"gpt","messages":[{}],"fallbacks":["claude"]}"#;
    let own = json!({"models": ["gpt"], "aliases": [["claude", "gpt"]]});
    let of_team = json!({"team_id": "t", "team": {"models": ["gpt"], "aliases": [["claude", "gpt"]]}});
    for key in [own, of_team] {
        assert_eq!(admit(key, CHAT, body).unwrap_err()["param"], "model");
    }
    assert!(admit(json!({"models": ["gpt", "claude"]}), CHAT, body).is_ok());
    assert!(admit(json!({"models": ["gpt", "beta"]}), CHAT, body).is_ok());
}

#[test]
fn the_model_may_stand_in_the_path_or_the_query_and_the_wildcard_is_remembered() {
    let bare = r#"{"messages":[{}]}"#;
    assert_eq!(admit(json!({}), "/engines/gpt/chat/completions", bare).unwrap().0, "gpt");
    assert_eq!(admit(json!({}), "/v1/chat/completions?model=claude", bare).unwrap().0, "claude");
    assert_eq!(
        admit(json!({}), CHAT, &chat("openai/gpt-5")).unwrap(),
        ("openai/*".to_owned(), Some("gpt-5".to_owned()))
    );
}

#[test]
fn what_is_wrong_with_a_body_is_said_by_field() {
    let wrong = |body: &str| admit(json!({}), CHAT, body).unwrap_err();
    let expect = |body: &str, param: Option<&str>, words: &str| {
        let error = wrong(body);
        assert_eq!(error["param"], json!(param), "{body}");
        assert!(error["message"].as_str().unwrap().contains(words), "{body}: {error}");
        assert_eq!(error["code"], "400");
    };
    expect("", Some("messages"), "/chat/completions: Missing required parameter: 'messages'.");
    expect(r#"{"model":"gpt"}"#, Some("messages"), "Missing required parameter: 'messages'");
    expect(r#"{"model":"gpt","messages":null}"#, Some("messages"), "Missing required parameter: 'messages'");
    expect(r#"{"model":"gpt","messages":["#, Some("request_body"), "Invalid JSON payload: EOF");
    expect("[1]", Some("request_body"), "Invalid JSON payload: expected an object");
    expect(r#"{"messages":[{}]}"#, None, "You passed in model=None.");
    expect(r#"{"model":7,"messages":[{}]}"#, Some("model"), "'model' must be a string.");
    expect(
        r#"{"model":"gpt","stream":"yes","messages":[{}]}"#,
        Some("stream"),
        "expected a boolean, but got a string",
    );
    expect(
        r#"{"model":"gpt","mod\u0065l":"claude","messages":[{}]}"#,
        Some("request_body"),
        "duplicate field `model`",
    );
    expect(&chat("nothing"), None, "There are no healthy deployments for this model");
}

#[test]
fn a_client_cannot_send_the_gateway_to_another_host() {
    let error =
        admit(json!({}), CHAT, r#"{"model":"gpt","api_base":"http://evil","messages":[{}]}"#).unwrap_err();
    assert_eq!(error["code"], "401");
    assert!(error["message"].as_str().unwrap().contains("api_base is not allowed in request body"));
}

#[test]
fn public_paths_need_no_key_and_management_paths_are_the_key_services() {
    let step = |method, path| {
        let head = head(&[(":method", method), (":path", path)]);
        Admission::begin(&table(), &keyring(vec![]), &head, false, NOW_MS).1
    };
    assert_eq!(reply(step("GET", "/health/liveliness")).body, br#""I'm alive!""#);
    let nowhere = reply(step("GET", "/nowhere"));
    assert_eq!((nowhere.status, error(&nowhere)["type"].clone()), (404, json!("not_found_error")));
    let wrong_method = reply(step("GET", CHAT));
    let allow = wrong_method.headers.iter().find(|(name, _)| name == "allow");
    assert_eq!((wrong_method.status, &*allow.unwrap().1), (405, "POST"));
    assert_eq!(&*reply(step("POST", "/v1/chat/completions/")).headers[0].1, CHAT);
    assert!(matches!(step("POST", "/key/generate"), Step::Relay { key: None }));
}

#[test]
fn a_worker_is_ready_while_it_can_verify_keys() {
    let ready = |keyring: &Keyring, now_ms| {
        let head = head(&[(":method", "GET"), (":path", "/health/readiness")]);
        let reply = reply(Admission::begin(&table(), keyring, &head, false, now_ms).1);
        (reply.status, String::from_utf8(reply.body).unwrap())
    };
    let connected =
        |status: u16, health: &str, db: &str| (status, format!(r#"{{"status":"{health}","db":"{db}"}}"#));
    let mut keyring = Keyring::new(10, 60);
    assert_eq!(
        ready(&keyring, NOW_MS),
        connected(503, "unhealthy", "Not connected"),
        "before the first response"
    );
    keyring.apply(SyncAnswer::default(), NOW_MS);
    assert_eq!(ready(&keyring, NOW_MS + 15_000), connected(200, "healthy", "connected"));
    assert_eq!(
        ready(&keyring, NOW_MS + 59_000),
        connected(200, "healthy", "Not connected"),
        "within the grace period"
    );
    assert_eq!(ready(&keyring, NOW_MS + 61_000), connected(503, "unhealthy", "Not connected"));
    // An idle worker asks every ten seconds.
    keyring.resize(10, 1);
    assert_eq!(ready(&keyring, NOW_MS + 11_000), connected(200, "healthy", "connected"));
}

#[test]
fn a_key_in_the_operators_own_header_reaches_the_key_service() {
    let mut table = Rc::try_unwrap(table()).unwrap();
    table.settings.key_header = Some("x-company-key".to_owned());
    let table = Rc::new(table);
    let relayed = |headers: &[(&str, &str)]| {
        let mut all = vec![(":method", "GET"), (":path", "/key/info")];
        all.extend(headers);
        match Admission::begin(&table, &keyring(vec![]), &head(&all), false, NOW_MS).1 {
            Step::Relay { key } => key,
            other => panic!("{other:?}"),
        }
    };
    let other = ("authorization", "Bearer sk-other");
    assert_eq!(relayed(&[("x-company-key", "Bearer sk-1"), other]).as_deref(), Some("Bearer sk-1"));
    assert_eq!(relayed(&[("x-company-key", ""), other]), None);
}

#[test]
fn a_key_sees_the_models_that_it_may_use() {
    let ring = keyring(vec![record("sk-known-key", |key| key["models"] = json!(["claude", "gpt"]))]);
    let list = |key: &str| {
        let bearer = format!("Bearer {key}");
        let head = head(&[(":method", "GET"), (":path", "/v1/models"), ("authorization", &bearer)]);
        let reply = reply(Admission::begin(&table(), &ring, &head, false, NOW_MS).1);
        let list: Value = serde_json::from_slice(&reply.body).unwrap();
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        list(MASTER),
        [
            "smart",
            "gpt",
            "claude",
            "openai/gpt-4o",
            "openai/gpt-4o-mini",
            "openai/o9",
            "first",
            "second",
            "fake",
            "lonely",
            "cloud",
            "titan",
            "embed",
            "embed-2",
            "many"
        ]
    );
    assert_eq!(list("sk-known-key"), ["smart", "gpt", "claude"]);
}

#[test]
fn a_request_that_a_known_key_may_not_make_is_told_to_the_spend_log() {
    let ring = keyring(vec![record("sk-known-key", |key| key["models"] = json!(["other"]))]);
    let (mut admission, _) = begin(&ring, CHAT, "sk-known-key");
    admission.body_complete();
    let body = br#"{"model":"gpt","messages":[],"user":"alice","metadata":{"tags":["a"]}}"#;
    let refused = admission.admit(&body[..]).unwrap_err();
    let entry = admission.refusal(&refused, NOW_MS + 7).unwrap();
    assert_eq!((entry.status, &*entry.model_group, entry.duration_ms), (403, "gpt", 7));
    assert_eq!((entry.token, &*entry.deployment_id), (Some(TokenHash::of(b"sk-known-key")), ""));
    assert_eq!(entry.detail.error.unwrap().class, "key_model_access_denied");
}

#[test]
fn a_request_that_cannot_be_translated_is_in_the_spend_log_with_its_model() {
    for (path, body) in [
        ("/v1/messages", json!({ "messages": "none", "model": "gpt" })),
        ("/v1/responses", json!({ "model": "gpt", "input": 7 })),
        ("/v1beta/models/gpt:generateContent", json!({ "contents": 7 })),
        ("/v1beta/models/gpt:embedContent", json!({ "content": 7 })),
    ] {
        let ring = keyring(vec![record("sk-known-key", |_| {})]);
        let (mut admission, _) = begin(&ring, path, "sk-known-key");
        admission.body_complete();
        let refused = admission.admit(body.to_string()).unwrap_err();
        let entry = admission.refusal(&refused, NOW_MS).unwrap();
        assert_eq!((refused.status, entry.status, &*entry.model_group), (400, 400, "gpt"), "{path} {body}");
    }
}

#[test]
fn a_role_of_any_length_is_quoted_in_part() {
    let role = "x".repeat(1 << 20);
    let body = json!({ "model": "gpt", "max_tokens": 1, "messages": [{ "role": role, "content": "a" }] });
    let Err(refused) = MESSAGES.request(body.to_string().into_bytes().into()) else {
        panic!("it is refused")
    };
    assert!(refused.message.contains("xxx…") && refused.message.len() < 300, "{}", refused.message.len());
}

#[test]
fn envoys_own_reply_is_rewritten_for_clients_of_other_formats_only() {
    let envoys =
        br#"{"error":{"code":"413","message":"too large","param":null,"type":"invalid_request_error"}}"#;
    for (path, expected) in [
        (CHAT, None),
        ("/v1/responses", None),
        ("/health/liveliness", None),
        (
            "/v1/messages/count_tokens",
            Some(json!({"type": "error", "request_id": "call-1",
                "error": {"type": "request_too_large", "message": "too large"}})),
        ),
        (
            "/v1beta/models/gpt:streamGenerateContent",
            Some(json!({"error": {"code": 413, "message": "too large", "status": "INVALID_ARGUMENT"}})),
        ),
    ] {
        let (admission, _) = begin(&keyring(vec![]), path, MASTER);
        let rewritten = admission.local_reply().and_then(|reply| reply.rewritten(413, envoys));
        let told = rewritten.map(|(status, body)| (status, serde_json::from_slice(&body).unwrap()));
        assert_eq!(told, expected.map(|body| (413, body)), "{path}");
    }
}

#[test]
fn a_request_of_nobody_is_in_no_log() {
    let (mut admission, _) = begin(&keyring(vec![]), CHAT, "sk-unheard-of");
    let denied = reply(admission.verdict(Ok(None), NOW_MS));
    assert!(admission.refusal(&denied, NOW_MS).is_none());
}

#[test]
fn what_is_announced_and_not_sent_leaves_room_for_others() {
    let (table, ring, budget) =
        (small(), keyring(vec![record("sk-known-key", |_| {})]), Rc::new(BodyBudget::default()));
    let begin = || Admission::begin(&table, &ring, &post(CHAT, "sk-known-key"), true, NOW_MS).0;
    let mut silent = begin();
    assert!(silent.announced(&budget, u64::MAX).is_none());
    assert_eq!(budget.held(), 5 << 20);
    let mut other = begin();
    assert!(other.announced(&budget, 4 << 20).is_none());
    assert!(other.hold(&budget, 4 << 20).is_none());
    // What arrives counts in full.
    assert!(silent.hold(&budget, 6 << 20).is_none());
    assert!(silent.hold(&budget, 7 << 20).is_some());
    assert_eq!(budget.held(), 4 << 20);
}

/// A table by which a worker holds ten megabytes of bodies.
fn small() -> Rc<switchboard::table::Table> {
    let mut table = Rc::try_unwrap(table()).unwrap();
    table.settings.most_held_bytes = Some(10 << 20);
    Rc::new(table)
}

#[test]
fn a_large_body_waits_for_room_and_gives_it_back_however_its_request_ends() {
    const LARGE: u64 = 8 << 20;
    let (table, ring, budget) =
        (small(), keyring(vec![record("sk-known-key", |_| {})]), Rc::new(BodyBudget::default()));
    let begin = |key| Admission::begin(&table, &ring, &post(CHAT, key), true, NOW_MS).0;
    let mut first = begin("sk-known-key");
    assert!(first.hold(&budget, LARGE).is_none());

    let mut second = begin("sk-known-key");
    let refused = second.hold(&budget, LARGE).unwrap();
    assert_eq!((refused.status, error(&refused)["type"].clone()), (503, json!("service_unavailable_error")));
    assert!(error(&refused)["message"].as_str().unwrap().contains("--memory-limit"));
    assert!(refused.headers.iter().any(|(name, value)| name == "retry-after" && &**value == "1"));
    assert!(second.refusal(&refused, NOW_MS).is_some(), "the spend log has it");
    assert!(matches!(second.body_complete(), Step::Wait), "it is decided");
    assert!(second.hold(&budget, 20 << 20).is_none(), "it is answered once");
    // A key that is not known yet is answered too, and nobody's spend log has it.
    let mut unknown = begin("sk-unheard-of");
    let refused = unknown.hold(&budget, LARGE).unwrap();
    assert!(unknown.refusal(&refused, NOW_MS).is_none());
    // One that grows without having said how large it is gives back at once what it had.
    let mut growing = begin("sk-known-key");
    assert!(growing.hold(&budget, 1 << 20).is_none());
    assert_eq!(budget.held(), LARGE + (1 << 20));
    assert!(growing.hold(&budget, 3 << 20).is_some());
    assert_eq!(budget.held(), LARGE);
    // Others are small.
    assert!(begin(MASTER).hold(&budget, 1024).is_none());

    // The client goes away.
    drop(first);
    assert_eq!(budget.held(), 0);
    // It is admitted, and over.
    let mut admission = begin("sk-known-key");
    assert!(admission.hold(&budget, LARGE).is_none());
    assert!(matches!(admission.body_complete(), Step::Admit));
    let call = admission.admit(BODY).unwrap();
    drop(admission);
    assert_eq!(budget.held(), LARGE, "as long as there is the request");
    drop(call);
    assert_eq!(budget.held(), 0);
    // It is refused.
    let mut admission = begin("sk-known-key");
    assert!(admission.hold(&budget, LARGE).is_none());
    admission.body_complete();
    assert!(admission.admit(&b"nonsense"[..]).is_err());
    drop(admission);
    assert_eq!(budget.held(), 0);
}
