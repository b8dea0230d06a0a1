//! Requests that ask only how long a prompt is: a provider with the client's API counts.

use std::rc::Rc;

use switchboard::exchange::{Admission, Call, Outgoing, Reply, Step};
use switchboard::key::{Credential, HandedOut};
use switchboard::secret::Secret;

use crate::attempt::value;
use crate::support::{MASTER, NOW_MS, attempt, head, keyring, post, table_of};

const DOCUMENT: &str = r#"{
  "version": 1,
  "keys": {"cluster": "keys", "token_env": "INTERNAL", "master_key_env": "MASTER",
           "sync_interval_ms": 1000, "timeout_ms": 500, "grace_s": 60, "cache_size": 100},
  "settings": {"num_retries": 2, "most_retries": 6, "max_fallbacks": 5, "cooldown_s": 5.0, "timeout_ms": 600000},
  "groups": [
    {"name": "gemini", "cluster": "group:gemini"},
    {"name": "vertex", "cluster": "group:vertex"},
    {"name": "gpt", "cluster": "group:gpt"},
    {"name": "blue", "cluster": "group:blue"}
  ],
  "deployments": [
    {"id": "g1", "group": "gemini", "provider": "gemini", "model": "gemini-2.5-pro",
     "api_base": "https://generativelanguage.googleapis.com/v1beta", "api_key_env": "KEY_ONE", "defaults": [["temperature", 0.5]]},
    {"id": "v1", "group": "vertex", "provider": "vertex_ai", "model": "gemini-2.5-pro",
     "api_base": "https://aiplatform.googleapis.com/v1/projects/p/locations/l", "credential": "ACCOUNT"},
    {"id": "o1", "group": "gpt", "provider": "openai", "model": "gpt-5.5", "api_base": "https://api.openai.com/v1",
     "api_key_env": "KEY_ONE", "defaults": [["temperature", 0.5]]},
    {"id": "a1", "group": "blue", "provider": "azure", "model": "blue", "api_base": "https://r.openai.azure.com",
     "api_key_env": "KEY_TWO", "options": [["api_version", "2024-10-21"]]}
  ]
}"#;

fn admit(path: &str, body: &str) -> Result<Rc<Call>, Reply> {
    let table = table_of(DOCUMENT);
    let value = Some(Secret::new("fetched"));
    let token = Credential { name: "ACCOUNT".into(), value, is_token: true, ..Credential::default() };
    table.credentials.shared().learn(HandedOut { revision: 1, credentials: vec![token] });
    let (mut admission, _) = Admission::begin(&table, &keyring(vec![]), &post(path, MASTER), true, NOW_MS);
    assert!(matches!(admission.body_complete(), Step::Admit));
    admission.admit(body.as_bytes()).map(Rc::new)
}

/// The path and body that the provider gets, and what the client gets for the provider's answer.
fn counted(path: &str, body: &str, deployment: &str, answer: &str) -> (String, String, (bool, String)) {
    let call = admit(path, body).unwrap();
    let mut attempt = attempt(&call, deployment);
    let outgoing = attempt.request_kept(NOW_MS).unwrap_or_else(|| attempt.request(body.as_bytes(), NOW_MS));
    let Outgoing::Send { headers, body: sent } = outgoing else { panic!("{outgoing:?}") };
    attempt.response_head(head(&[(":status", "200"), ("content-type", "application/json")]), false);
    let (told, counted) = attempt.response_body(answer.as_bytes()).unwrap();
    let is_estimate = value(&told, "x-switchboard-token-count").is_some();
    call.settle(200, NOW_MS, |entry| assert_eq!(entry.prompt_tokens + entry.completion_tokens, 0));
    (
        value(&headers, ":path").unwrap().to_owned(),
        String::from_utf8(sent).unwrap(),
        (is_estimate, String::from_utf8(counted).unwrap()),
    )
}

const TOTAL: &str = r#"{"totalTokens": 4711, "promptTokensDetails": []}"#;
const CONTENTS: &str = r#""contents":[{"role":"user","parts":[{"text":"Hello \ud83d"}]}]"#;

#[test]
fn google_counts_contents_or_a_whole_request_in_its_own_form() {
    let path = |model: &str| format!("/v1beta/models/{model}:countTokens");
    let plain = format!(r#"{{ {CONTENTS}, "num_retries": 1 }}"#);
    let (at, sent, told) = counted(&path("gemini"), &plain, "g1", TOTAL);
    assert_eq!(at, "/v1beta/models/gemini-2.5-pro:countTokens");
    assert_eq!(sent, format!("{{ {CONTENTS} }}"));
    assert_eq!(told, (false, r#"{"totalTokens":4711}"#.to_owned()));

    let config = r#""generationConfig":{"thinkingConfig":{"thinkingBudget":1}},"new":1.50"#;
    let whole = format!(r#"{{"generateContentRequest":{{"model":"models/gemini",{CONTENTS},{config}}}}}"#);
    let (_, sent, _) = counted(&path("gemini"), &whole, "g1", TOTAL);
    assert_eq!(sent, whole.replace("models/gemini", "models/gemini-2.5-pro"));
    // Vertex AI takes its members alone.
    let (at, sent, _) = counted(&path("vertex"), &whole, "v1", TOTAL);
    assert_eq!(at, "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:countTokens");
    assert_eq!(sent, format!("{{{CONTENTS},{config}}}"));
}

#[test]
fn openai_counts_responses_with_all_that_only_it_can_read() {
    let body =
        r#"{"model":"gpt", "input":"Hello","tools":[{"type":"file_search","vector_store_ids":["v"]}]}"#;
    let answer = r#"{"object":"response.input_tokens","input_tokens":4711}"#;
    let (at, sent, told) = counted("/v1/responses/input_tokens", body, "o1", answer);
    assert_eq!(at, "/v1/responses/input_tokens");
    assert_eq!(sent, body.replace("\"gpt\"", "\"gpt-5.5\""), "a default is no length");
    assert_eq!(told, (false, answer.to_owned()));
}

#[test]
fn an_answer_that_is_no_count_becomes_an_estimate() {
    for (path, body, deployment) in [
        ("/v1beta/models/gemini:countTokens", format!("{{{CONTENTS}}}"), "g1"),
        ("/v1/responses/input_tokens", r#"{"model":"gpt","input":"Hello there"}"#.to_owned(), "o1"),
    ] {
        let (_, _, (is_estimate, told)) = counted(path, &body, deployment, "<html>");
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let count = told["totalTokens"].as_u64().or(told["input_tokens"].as_u64()).unwrap();
        assert!(is_estimate && (1..20).contains(&count), "{told}");
    }
    // A surface without the API is not asked.
    let reply = admit("/v1/responses/input_tokens", r#"{"model":"blue","input":"Hello"}"#).unwrap_err();
    assert!(reply.headers.iter().any(|(name, _)| name == "x-switchboard-token-count"));
}
