//! A table with a few groups, a keyring with a key, and requests.

use std::rc::Rc;

use switchboard::exchange::{Admission, Attempt, Call, Head, Step};
use switchboard::key::{KeyRecord, SyncAnswer, TokenHash, VerifyAnswer};
use switchboard::keyring::Keyring;
use switchboard::table::Table;

pub(crate) const MASTER: &str = "sk-master-key-of-the-tests";
pub(crate) const NOW_MS: u64 = 1_700_000_000_000;

pub(crate) const DOCUMENT: &str = r#"{
  "version": 1,
  "keys": {"cluster": "keys", "token_env": "INTERNAL", "master_key_env": "MASTER",
           "sync_interval_ms": 1000, "timeout_ms": 500, "grace_s": 60, "cache_size": 100},
  "settings": {"num_retries": 2, "most_retries": 6, "max_fallbacks": 5, "cooldown_s": 5.0, "timeout_ms": 600000,
               "own_cluster": "itself"},
  "groups": [
    {"name": "gpt", "cluster": "group:gpt", "mode": "chat", "supports": ["supports_vision"]},
    {"name": "claude", "cluster": "group:claude", "access_groups": ["beta"], "fallbacks": ["gpt", "fake"],
     "context_window_fallbacks": ["openai/long"], "content_policy_fallbacks": []},
    {"name": "openai/*", "cluster": "group:openai/*"},
    {"name": "first", "cluster": "group:first", "fallbacks": ["second", "gpt"]},
    {"name": "second", "cluster": "group:second", "fallbacks": ["first", "cloud"],
     "context_window_fallbacks": ["openai/long"]},
    {"name": "fake", "cluster": "group:fake",
     "retry_policy": {"RateLimitErrorRetries": 0, "BadRequestErrorRetries": 3}},
    {"name": "lonely", "cluster": "group:lonely", "fallbacks": ["gpt"]},
    {"name": "cloud", "cluster": "group:cloud"},
    {"name": "titan", "cluster": "group:titan"},
    {"name": "embed", "cluster": "group:embed", "fallbacks": ["embed-2"]},
    {"name": "embed-2", "cluster": "group:embed-2"},
    {"name": "many", "cluster": "group:many"},
    {"name": "bedrock/*", "cluster": "group:bedrock/*"},
    {"name": "lost", "cluster": "group:lost", "unserved": "provider 'x' is not served here"},
    {"name": "saved", "cluster": "group:saved", "unserved": "provider 'x' is not served here", "fallbacks": ["gpt"]},
    {"name": "gpt-2", "cluster": "deployment:gpt-2", "part_of": "gpt"}
  ],
  "catalog": [{"provider": "openai", "models": ["gpt-4o", "gpt-4o-mini", "openai/o9"], "families": ["o3"]}],
  "aliases": [{"name": "smart", "group": "claude"}],
  "deployments": [
    {"id": "gpt-1", "group": "gpt", "provider": "openai", "model": "gpt-4o-mini", "api_base": "https://api.one/v1",
     "api_key_env": "KEY_ONE", "price": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,
               "tiers": [{"above_tokens": 0, "service": "flex", "input_cost_per_token": 5e-7}]},
     "headers": [{"name": "X-Team", "value": "blue"}]},
    {"id": "gpt-2", "group": "gpt", "provider": "openai", "model": "gpt-4o", "api_base": "https://api.two",
     "api_key_env": "KEY_TWO"},
    {"id": "claude-1", "group": "claude", "provider": "anthropic", "model": "claude-sonnet-4-5",
     "api_base": "https://api.three", "api_key_env": "KEY_THREE"},
    {"id": "keyless", "group": "claude", "provider": "anthropic", "model": "claude-sonnet-4-5",
     "api_base": "https://api.four", "api_key_env": "NOT_SET"},
    {"id": "lonely-1", "group": "lonely", "provider": "openai", "model": "m", "api_base": "https://api.five/v1",
     "api_key_env": "NOT_SET"},
    {"id": "wild", "group": "openai/*", "provider": "openai", "model": "*", "api_base": "https://api.one/v1",
     "api_key_env": "KEY_ONE"},
    {"id": "signed", "group": "fake", "provider": "bedrock", "model": "us.amazon.nova-pro-v1:0",
     "api_base": "https://bedrock-runtime.us-east-1.amazonaws.com", "api_key_env": "NOT_SET",
     "secrets": [["aws_access_key_id", "KEY_ONE"], ["aws_secret_access_key", "KEY_TWO"],
                 ["aws_session_token", "KEY_THREE"]],
     "options": [["aws_region_name", "us-east-1"]]},
    {"id": "bearer", "group": "fake", "provider": "bedrock", "model": "us.amazon.nova-pro-v1:0",
     "api_base": "https://bedrock-runtime.us-east-1.amazonaws.com", "api_key_env": "KEY_ONE"},
    {"id": "unsigned", "group": "fake", "provider": "bedrock", "model": "us.amazon.nova-pro-v1:0",
     "api_base": "https://bedrock-runtime.us-east-1.amazonaws.com", "api_key_env": "NOT_SET",
     "secrets": [["aws_access_key_id", "KEY_ONE"], ["aws_secret_access_key", "NOT_SET_EITHER"]]},
    {"id": "vectors", "group": "fake", "provider": "gemini", "model": "gemini-embedding-001",
     "api_base": "https://generativelanguage.googleapis.com", "api_key_env": "KEY_ONE"},
    {"id": "cloud-1", "group": "cloud", "provider": "vertex_ai", "model": "claude-opus-4-6",
     "api_base": "https://cloud/v1/projects/p/locations/l", "credential": "ACCOUNT"},
    {"id": "titan-1", "group": "titan", "provider": "bedrock", "model": "amazon.titan-embed-text-v2:0",
     "api_base": "https://bedrock-runtime.us-east-1.amazonaws.com", "api_key_env": "KEY_ONE",
     "price": {"input_cost_per_token": 2e-8, "output_cost_per_token": 0.0}},
    {"id": "embed-1", "group": "embed", "provider": "openai", "model": "text-embedding-3-small",
     "api_base": "https://api.one/v1", "api_key_env": "KEY_ONE"},
    {"id": "embed-2", "group": "embed-2", "provider": "dashscope", "model": "text-embedding-v4",
     "api_base": "https://api.two/v1", "api_key_env": "KEY_ONE"},
    {"id": "many-1", "group": "many", "provider": "azure", "model": "e", "api_base": "https://r.openai.azure.com",
     "api_key_env": "KEY_ONE", "options": [["api_version", "2024-10-21"]]},
    {"id": "any-bedrock", "group": "bedrock/*", "provider": "bedrock", "model": "*",
     "api_base": "https://bedrock-runtime.us-east-1.amazonaws.com", "api_key_env": "KEY_ONE"},
    {"id": "azure", "group": "fake", "provider": "azure", "model": "blue", "api_base": "https://r.openai.azure.com",
     "api_key_env": "KEY_ONE", "options": [["api_version", "2024-10-21"]]},
    {"id": "entra", "group": "fake", "provider": "azure", "model": "blue", "api_base": "https://r.openai.azure.com",
     "secrets": [["azure_ad_token", "KEY_TWO"]], "options": [["api_version", "v1"]]},
    {"id": "open", "group": "fake", "provider": "hosted_vllm", "model": "m", "api_base": "http://localhost:8000/v1"},
    {"id": "gemini", "group": "fake", "provider": "gemini", "model": "gemini-2.5-flash", "api_base": "https://g/v1beta",
     "api_key_env": "KEY_ONE"},
    {"id": "perplexity", "group": "fake", "provider": "perplexity", "model": "sonar", "api_base": "https://p",
     "api_key_env": "KEY_ONE"},
    {"id": "amended", "group": "fake", "provider": "openai", "model": "m", "api_base": "https://api.one/v1",
     "api_key_env": "KEY_ONE", "additional_drop_params": ["tools[*].function.strict", "seed"],
     "defaults": [["extra_body", {"chat_template_kwargs": {"enable_thinking": false}, "model": "other"}]]},
    {"id": "foundry", "group": "fake", "provider": "azure_ai", "model": "claude-sonnet-4-5", "api_base": "https://f",
     "api_key_env": "KEY_ONE"},
    {"id": "vertex-mistral", "group": "fake", "provider": "vertex_ai", "model": "mistral-small-2503@001",
     "api_base": "https://cloud/v1/projects/p/locations/l", "api_key_env": "KEY_ONE"},
    {"id": "vertex-llama", "group": "fake", "provider": "vertex_ai", "model": "meta/llama-3.3-70b-instruct-maas",
     "api_base": "https://cloud/v1/projects/p/locations/l", "api_key_env": "KEY_ONE"},
    {"id": "vertex-garden", "group": "fake", "provider": "vertex_ai", "model": "openai/5464397967697903616",
     "api_base": "https://cloud/v1/projects/p/locations/l", "api_key_env": "KEY_ONE"},
    {"id": "text", "group": "fake", "provider": "text-completion-openai", "model": "gpt-3.5-turbo-instruct",
     "api_base": "https://api.one/v1", "api_key_env": "KEY_ONE"},
    {"id": "mock", "group": "fake", "provider": "openai", "model": "x", "api_base": "",
     "mock_response": "Hello there"}
  ],
  "prices": [
    {"model": "gpt-4o", "price": {"input_cost_per_token": 1e-6, "output_cost_per_token": 3e-6}},
    {"model": "azure/gpt-5", "price": {"input_cost_per_token": 5e-6, "output_cost_per_token": 7e-6}}
  ]
}"#;

/// The same with a store of responses.
pub(crate) fn storing_table() -> Rc<Table> {
    table_of(&DOCUMENT.replacen(r#""settings": {"#, r#""settings": {"store_responses": true, "#, 1))
}

/// The same with models that do other things than to write.
pub(crate) fn table_of_operations() -> Rc<Table> {
    const GROUPS: &str = r#"
    {"name": "rank", "cluster": "group:rank", "mode": "rerank"},
    {"name": "omni-moderation-latest", "cluster": "group:moderate", "mode": "moderation"},
    {"name": "draw", "cluster": "group:draw"},
    {"name": "hear", "cluster": "group:hear"},
    {"name": "speak", "cluster": "group:speak"},"#;
    const DEPLOYMENTS: &str = r#"
    {"id": "rank-1", "group": "rank", "provider": "bedrock", "model": "amazon.rerank-v1:0",
     "api_base": "https://bedrock-runtime.us-east-1.amazonaws.com", "api_key_env": "KEY_ONE",
     "price": {"units": {"input_cost_per_query": 0.001}}},
    {"id": "moderate-1", "group": "omni-moderation-latest", "provider": "openai", "model": "omni-moderation-latest",
     "api_base": "https://api.one/v1", "api_key_env": "KEY_ONE", "price": {}},
    {"id": "draw-1", "group": "draw", "provider": "openai", "model": "gpt-image-1", "api_base": "https://api.one/v1",
     "api_key_env": "KEY_ONE", "price": {"input_cost_per_token": 5e-6, "output_cost_per_image_token": 4e-5,
       "units": {"pictures": [{"width": 1024, "height": 1024, "quality": "high", "cost": 0.167}]}}},
    {"id": "hear-1", "group": "hear", "provider": "openai", "model": "whisper-1", "api_base": "https://api.one/v1",
     "api_key_env": "KEY_ONE", "price": {"units": {"output_cost_per_second": 1e-4}}},
    {"id": "speak-1", "group": "speak", "provider": "openai", "model": "tts-1", "api_base": "https://api.one/v1",
     "api_key_env": "KEY_ONE", "price": {"units": {"input_cost_per_character": 1.5e-5}}},"#;
    let with = |text: String, name: &str, more: &str| text.replacen(name, &[name, more].concat(), 1);
    let document = with(DOCUMENT.to_owned(), r#""groups": ["#, GROUPS);
    table_of(&with(document, r#""deployments": ["#, DEPLOYMENTS))
}

pub(crate) fn table() -> Rc<Table> {
    table_of(DOCUMENT)
}

pub(crate) fn table_of(document: &str) -> Rc<Table> {
    let env = |name: &str| match name {
        "MASTER" => Some(MASTER.to_owned()),
        "INTERNAL" => Some("internal".to_owned()),
        "KEY_ONE" | "KEY_TWO" | "KEY_THREE" => Some(format!("secret-{}", name.to_lowercase())),
        _ => None,
    };
    Rc::new(Table::parse(document.as_bytes(), env).unwrap())
}

pub(crate) fn head(pairs: &[(&str, &str)]) -> Head {
    Head::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect())
}

/// A POST with a key, and `x-request-id: call-1`.
pub(crate) fn post(path: &str, key: &str) -> Head {
    let bearer = format!("Bearer {key}");
    head(&[(":method", "POST"), (":path", path), ("authorization", &bearer), ("x-request-id", "call-1")])
}

pub(crate) fn record(key: &str, change: impl FnOnce(&mut serde_json::Value)) -> KeyRecord {
    let mut json = serde_json::json!({ "token": TokenHash::of(key.as_bytes()), "key_name": "sk-...last" });
    change(&mut json);
    serde_json::from_value(json).unwrap()
}

/// A keyring that has heard of those keys.
pub(crate) fn keyring(keys: Vec<KeyRecord>) -> Keyring {
    let mut ring = Keyring::new(100, 60);
    ring.apply(SyncAnswer { cursor: 1, reset: true, ..SyncAnswer::default() }, NOW_MS);
    for key in keys {
        ring.learn(key.token, VerifyAnswer { key: Some(key), cursor: 1 }, NOW_MS);
    }
    ring
}

/// Admits a chat request of the master key.
pub(crate) fn call(body: &str) -> Rc<Call> {
    let (mut admission, step) =
        Admission::begin(&table(), &keyring(vec![]), &post("/v1/chat/completions", MASTER), true, NOW_MS);
    assert!(matches!(step, Step::Wait));
    assert!(matches!(admission.body_complete(), Step::Admit));
    Rc::new(admission.admit(body.as_bytes()).unwrap())
}

pub(crate) fn attempt(call: &Rc<Call>, deployment: &str) -> Attempt {
    Attempt::new(Rc::clone(call), Rc::clone(call.table.endpoint(deployment).unwrap()))
}
