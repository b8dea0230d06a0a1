//! Models of teams: the same public name leads each team to its own model, and others to none.

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::exchange::{Admission, Call, Step};
use switchboard::key::KeyRecord;
use switchboard::keyring::Keyring;
use switchboard::table::Table;

use crate::support::{MASTER, NOW_MS, head, keyring, post, record, table_of};

const DOCUMENT: &str = r#"{
  "version": 1,
  "keys": {"cluster": "keys", "token_env": "INTERNAL", "master_key_env": "MASTER",
           "sync_interval_ms": 1000, "timeout_ms": 500, "grace_s": 60, "cache_size": 100},
  "settings": {"own_cluster": "itself", "num_retries": 2, "most_retries": 6, "max_fallbacks": 5, "timeout_ms": 600000},
  "groups": [
    {"name": "of-all", "cluster": "group:of-all", "fallbacks": ["mine"]},
    {"name": "shared", "cluster": "group:shared"},
    {"name": "a-mine", "cluster": "group:a-mine", "team_id": "a", "team_public_model_name": "mine"},
    {"name": "b-mine", "cluster": "group:b-mine", "team_id": "b", "team_public_model_name": "mine"},
    {"name": "a-shared", "cluster": "group:a-shared", "team_id": "a", "team_public_model_name": "shared",
     "access_groups": ["beta"]},
    {"name": "a-dash/*", "cluster": "group:a-dash", "team_id": "a", "team_public_model_name": "dash/*"}
  ],
  "deployments": [
    {"id": "all-1", "group": "of-all", "provider": "openai", "model": "m", "api_base": "https://one", "api_key_env": "KEY_ONE"},
    {"id": "shared-1", "group": "shared", "provider": "openai", "model": "m", "api_base": "https://one", "api_key_env": "KEY_ONE"},
    {"id": "a-1", "group": "a-mine", "provider": "openai", "model": "m", "api_base": "https://one", "api_key_env": "KEY_ONE"},
    {"id": "b-1", "group": "b-mine", "provider": "openai", "model": "m", "api_base": "https://one", "api_key_env": "KEY_ONE"},
    {"id": "a-2", "group": "a-shared", "provider": "openai", "model": "m", "api_base": "https://one", "api_key_env": "KEY_ONE"},
    {"id": "a-3", "group": "a-dash/*", "provider": "dashscope", "model": "*", "api_base": "https://one", "api_key_env": "KEY_ONE"}
  ]
}"#;

fn table() -> Rc<Table> {
    table_of(DOCUMENT)
}

/// A key of a team, if it is one, which is completed by `rest`.
fn of_team(key: &str, team: &str, rest: &Value) -> KeyRecord {
    record(key, |record| {
        if !team.is_empty() {
            record["team_id"] = json!(team);
            record["team"] = json!({});
        }
        record.as_object_mut().unwrap().extend(rest.as_object().cloned().unwrap());
    })
}

fn ring() -> Keyring {
    keyring(vec![
        of_team("sk-a", "a", &json!({})),
        of_team("sk-b", "b", &json!({})),
        of_team("sk-none", "", &json!({})),
        of_team("sk-every-model", "", &json!({"models": ["all-proxy-models"]})),
        of_team("sk-other-only", "a", &json!({"models": ["other"]})),
        of_team("sk-mine-only", "a", &json!({"models": ["mine"]})),
        of_team("sk-beta-only", "a", &json!({"models": ["beta"]})),
        of_team("sk-a-restricted", "a", &json!({"team": {"models": ["of-all"]}})),
        of_team("sk-b-alias", "b", &json!({"aliases": [["theirs", "a-mine"], ["ours", "mine"]]})),
    ])
}

fn admit(path: &str, key: &str, body: &Value) -> Result<Call, Value> {
    let (mut admission, _) = Admission::begin(&table(), &ring(), &post(path, key), true, NOW_MS);
    assert!(matches!(admission.body_complete(), Step::Admit));
    admission.admit(body.to_string().as_bytes()).map_err(|reply| {
        let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
        body["error"]["status"] = reply.status.into();
        body["error"].take()
    })
}

/// The cluster that serves the model for the key; otherwise the status.
fn served(key: &str, model: &str) -> Result<String, u64> {
    match admit("/v1/chat/completions", key, &json!({"model": model, "messages": [{}]})) {
        Ok(call) => Ok(call.current().unwrap().cluster.clone()),
        Err(error) => Err(error["status"].as_u64().unwrap()),
    }
}

fn get(path: &str, key: &str) -> Value {
    let bearer = format!("Bearer {key}");
    let head = head(&[(":method", "GET"), (":path", path), ("authorization", &bearer)]);
    let (_, step) = Admission::begin(&table(), &ring(), &head, false, NOW_MS);
    let Step::Reply(reply) = step else { panic!("{path} is answered at once") };
    serde_json::from_slice(&reply.body).unwrap()
}

fn all(list: &Value, field: &str) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|one| one[field].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_public_name_leads_each_team_to_its_own_model() {
    assert_eq!(served("sk-a", "mine").unwrap(), "group:a-mine");
    assert_eq!(served("sk-b", "mine").unwrap(), "group:b-mine");
    assert_eq!(served("sk-a", "shared").unwrap(), "group:a-shared", "its own comes first");
    assert_eq!(served("sk-b", "shared").unwrap(), "group:shared");
    assert_eq!(served("sk-a", "dash/qwen").unwrap(), "group:a-dash");
    assert_eq!(served("sk-b-alias", "ours").unwrap(), "group:b-mine");
    assert_eq!(
        served(MASTER, "a-mine").unwrap(),
        "group:a-mine",
        "administrators know it by its unique name"
    );
}

#[test]
fn another_teams_model_does_not_exist() {
    let unknown = served("sk-b", "no-such-model");
    for (key, model) in [
        ("sk-none", "mine"),
        ("sk-b", "dash/qwen"),
        ("sk-b", "a-mine"),
        ("sk-b", "a-1"),
        ("sk-b-alias", "theirs"),
        (MASTER, "mine"),
        (MASTER, "a-1"),
    ] {
        assert_eq!(served(key, model), unknown, "{key} {model}");
    }
    assert_eq!(served("sk-a", "a-1").unwrap(), "group:a-mine", "its id is a name for the team");
}

#[test]
fn a_team_may_use_its_own_models_and_a_keys_own_list_still_applies() {
    assert_eq!(served("sk-a-restricted", "mine").unwrap(), "group:a-mine");
    assert_eq!(served("sk-mine-only", "mine").unwrap(), "group:a-mine");
    assert_eq!(served("sk-beta-only", "shared").unwrap(), "group:a-shared");
    assert_eq!(served("sk-other-only", "mine"), Err(403));
    assert_eq!(served("sk-mine-only", "shared"), Err(403));
}

#[test]
fn a_model_that_does_not_exist_is_invalid_and_not_forbidden_for_a_key_that_may_use_all() {
    for key in ["sk-none", "sk-every-model"] {
        assert_eq!(served(key, "of-all").unwrap(), "group:of-all");
        assert_eq!(served(key, "nothing"), Err(400), "{key}");
    }
    assert_eq!(served("sk-mine-only", "nothing"), Err(403));
}

#[test]
fn a_list_shows_the_teams_own_models_by_their_public_names() {
    assert_eq!(all(&get("/v1/models", "sk-a"), "id"), ["mine", "shared", "of-all"]);
    assert_eq!(all(&get("/v1/models", "sk-b"), "id"), ["mine", "of-all", "shared"]);
    assert_eq!(all(&get("/v1/models", "sk-none"), "id"), ["of-all", "shared"]);
    assert_eq!(all(&get("/v1/models", MASTER), "id"), ["of-all", "shared"]);
    assert_eq!(get("/v1/models/mine", "sk-a")["id"], "mine");
    assert!(get("/v1/models/mine", "sk-none")["id"].is_null());
    assert_eq!(all(&get("/model/info", "sk-b"), "model_name"), ["of-all", "shared", "b-mine"]);
    assert_eq!(all(&get("/model/info", "sk-none"), "model_name"), ["of-all", "shared"]);
    assert_eq!(all(&get("/model/info", MASTER), "model_name").len(), 6);
    assert_eq!(all(&get("/v2/model/info?model=mine", "sk-b"), "model_name"), ["b-mine"]);
    assert_eq!(all(&get("/model_group/info", "sk-b"), "model_group"), ["of-all", "shared", "mine"]);
    assert_eq!(get("/health", "sk-none")["healthy_count"], 2);
}

#[test]
fn accounts_and_clients_see_the_public_name() {
    let call = admit("/v1/chat/completions", "sk-a", &json!({"model": "mine", "messages": [{}]})).unwrap();
    assert_eq!((call.group_name(), call.model_name()), ("mine", "mine"));
    let call =
        admit("/v1/chat/completions", "sk-a", &json!({"model": "dash/qwen", "messages": [{}]})).unwrap();
    assert_eq!(call.model_name(), "dash/qwen");
    assert_eq!(&*table().endpoint("a-1").unwrap().shown.group, "mine");
}

#[test]
fn a_fallback_is_looked_up_for_the_team_too() {
    let body = json!({"model": "shared", "messages": [{}], "fallbacks": ["mine"]});
    assert!(admit("/v1/chat/completions", "sk-b", &body).is_ok());
    let restricted = json!({"model": "mine", "messages": [{}], "fallbacks": ["of-all"]});
    assert_eq!(admit("/v1/chat/completions", "sk-mine-only", &restricted).unwrap_err()["status"], 403);
}

#[test]
fn the_parts_of_a_teams_request_fall_back_to_the_teams_models() {
    let part_of = |key: &str| {
        let ring = ring();
        let whole = post("/v1/embeddings", key);
        let admit = |head: &_| {
            let (mut admission, _) = Admission::begin(&table(), &ring, head, true, NOW_MS);
            assert!(matches!(admission.body_complete(), Step::Admit));
            admission.admit(br#"{"model":"of-all","input":"a"}"#.as_slice()).unwrap()
        };
        let headers = admit(&whole).part_headers();
        let pairs: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let own = [(":method", "POST"), (":path", "/v1/embeddings")];
        let part = Rc::new(admit(&head(&[&own[..], &pairs].concat())));
        assert!(part.is_part() && part.key.is_none());
        part.leg();
        part.arrive().then(|| part.current().unwrap().name.clone())
    };
    assert_eq!(part_of("sk-a").as_deref(), Some("a-mine"));
    assert_eq!(part_of("sk-b").as_deref(), Some("b-mine"));
    assert_eq!(part_of("sk-none"), None);
}
