//! Names of models: those that lead somewhere, those that are listed, and those that are told why not.

use serde_json::{Value, json};
use switchboard::exchange::{Admission, Call, Outgoing, Reply, Step};
use switchboard::keyring::Keyring;

use crate::support::{MASTER, NOW_MS, attempt, call, head, keyring, post, record, table};

fn admit(ring: &Keyring, key: &str, body: &Value) -> Result<Call, Value> {
    let (mut admission, _) =
        Admission::begin(&table(), ring, &post("/v1/chat/completions", key), true, NOW_MS);
    assert!(matches!(admission.body_complete(), Step::Admit));
    admission.admit(body.to_string().as_bytes()).map_err(|reply| error(&reply))
}

fn error(reply: &Reply) -> Value {
    serde_json::from_slice::<Value>(&reply.body).unwrap()["error"].take()
}

fn ask(model: &str) -> Value {
    json!({"model": model, "messages": [{}]})
}

fn get(ring: &Keyring, path: &str, key: &str) -> (u16, Value) {
    let bearer = format!("Bearer {key}");
    let head = head(&[(":method", "GET"), (":path", path), ("authorization", &bearer)]);
    let (_, step) = Admission::begin(&table(), ring, &head, false, NOW_MS);
    let Step::Reply(reply) = step else { panic!("{path} is answered at once") };
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

fn listed(ring: &Keyring, path: &str, key: &str) -> Vec<String> {
    let (status, list) = get(ring, path, key);
    assert_eq!(status, 200, "{list}");
    list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_bare_name_is_served_by_its_providers_wildcard_for_whoever_may_use_that() {
    let ring = keyring(vec![
        record("sk-wild", |key| key["models"] = json!(["openai/*"])),
        record("sk-some", |key| key["models"] = json!(["openai/gpt-4*"])),
        record("sk-other", |key| key["models"] = json!(["claude"])),
    ]);
    for key in [MASTER, "sk-wild", "sk-some"] {
        assert_eq!(admit(&ring, key, &ask("gpt-4o")).unwrap().group_name(), "openai/*", "{key}");
    }
    assert_eq!(admit(&ring, "sk-wild", &ask("o3-new")).unwrap().group_name(), "openai/*");
    assert_eq!(admit(&ring, "sk-some", &ask("o3-new")).unwrap_err()["type"], "key_model_access_denied");
    assert_eq!(admit(&ring, "sk-other", &ask("gpt-4o")).unwrap_err()["type"], "key_model_access_denied");
    let body = ask("gpt-4o").to_string();
    let Outgoing::Send { body, .. } = attempt(&call(&body), "wild").request(body.as_bytes(), NOW_MS) else {
        panic!("it is sent");
    };
    assert!(String::from_utf8(body).unwrap().contains(r#""model":"gpt-4o""#));
}

#[test]
fn an_id_of_a_deployment_is_a_model_for_whoever_may_use_its_group() {
    let ring = keyring(vec![
        record("sk-gpt", |key| key["models"] = json!(["gpt"])),
        record("sk-claude", |key| key["models"] = json!(["claude"])),
    ]);
    let call = admit(&ring, "sk-gpt", &ask("gpt-2")).unwrap();
    assert_eq!((call.group_name(), call.leg().cluster), ("gpt", "deployment:gpt-2"));
    assert_eq!(admit(&ring, "sk-claude", &ask("gpt-2")).unwrap_err()["type"], "key_model_access_denied");
}

#[test]
fn an_id_that_nobody_chose_is_a_model_where_its_deployment_serves_alone() {
    let ring = keyring(vec![record("sk-claude", |key| key["models"] = json!(["claude"]))]);
    let call = admit(&ring, MASTER, &ask("lonely-1")).unwrap();
    assert_eq!((call.group_name(), call.leg().cluster), ("lonely", "group:lonely"));
    assert_eq!(get(&ring, "/v1/models/lonely-1", MASTER).0, 200);
    assert_eq!(admit(&ring, "sk-claude", &ask("lonely-1")).unwrap_err()["type"], "key_model_access_denied");
    // Two serve `gpt`, and its cluster may pick either.
    assert_eq!(admit(&ring, MASTER, &ask("gpt-1")).unwrap_err()["code"], "400");
    // What a `*` stands for is not told by an id.
    assert_eq!(admit(&ring, MASTER, &ask("wild")).unwrap_err()["code"], "400");
}

#[test]
fn deployments_are_listed_page_by_page() {
    let ring = keyring(vec![record("sk-claude", |key| key["models"] = json!(["claude"]))]);
    let ids = |path: &str, key: &str| {
        let (status, list) = get(&ring, path, key);
        assert_eq!(status, 200, "{list}");
        let ids = list["data"].as_array().unwrap().iter();
        let ids = ids.map(|entry| entry["model_info"]["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        (ids, list)
    };
    let (all, _) = ids("/v1/model/info", MASTER);
    assert_eq!(&all[..4], ["gpt-1", "gpt-2", "claude-1", "keyless"], "the order of the configuration");
    let (second, list) = ids("/v2/model/info?page=2&size=3", MASTER);
    assert_eq!(second, all[3..6]);
    assert_eq!((&list["current_page"], &list["size"]), (&json!(2), &json!(3)));
    assert_eq!(list["total_count"], all.len());
    assert_eq!(list["total_pages"], all.len().div_ceil(3));
    assert_eq!(ids("/v2/model/info", MASTER).0.len(), all.len());
    assert_eq!(ids("/v2/model/info?page=99", MASTER).0.len(), 0);
    assert_eq!(ids("/v2/model/info?search=CLAU", MASTER).0, ["claude-1", "keyless"]);
    assert_eq!(ids("/v2/model/info?model=claude&size=1", MASTER).0, ["claude-1"]);
    assert_eq!(ids("/v2/model/info?modelId=gpt-2", MASTER).0, ["gpt-2"]);
    assert_eq!(ids("/v2/model/info?sortBy=model_name&sortOrder=desc&size=1", MASTER).0, ["titan-1"]);
    assert_eq!(ids("/v2/model/info", "sk-claude").0, ["claude-1", "keyless"]);
    for wrong in ["page=0", "size=0", "page=x", "size=-1"] {
        assert_eq!(get(&ring, &format!("/v2/model/info?{wrong}"), MASTER).0, 400, "{wrong}");
    }
}

#[test]
fn a_model_that_continues_texts_gets_a_chat_as_a_prompt() {
    let body = r#"{"model": "fake", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]}"#;
    let call = call(body);
    let Outgoing::Send { headers, body } = attempt(&call, "text").request(body.as_bytes(), NOW_MS) else {
        panic!("nobody is asked");
    };
    let sent: Value = serde_json::from_slice(&body).unwrap();
    assert!(headers.get(":path").unwrap().ends_with("/completions"));
    assert_eq!((&sent["prompt"], &sent["messages"]), (&json!("Be brief. hi"), &Value::Null));
}

#[test]
fn what_cannot_be_served_says_why_unless_something_stands_in_for_it() {
    let ring = keyring(vec![]);
    let refused = admit(&ring, MASTER, &ask("lost")).unwrap_err();
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("cannot be served: provider 'x' is not served here"), "{message}");
    assert_eq!((&refused["code"], &refused["param"]), (&json!("400"), &json!("model")));
    assert!(admit(&ring, MASTER, &ask("saved")).is_ok());
    let mut own = ask("lost");
    own["fallbacks"] = json!(["gpt"]);
    let call = admit(&ring, MASTER, &own).unwrap();
    assert!(call.arrive(), "the fallback serves it");
    assert_eq!(call.leg().cluster, "group:gpt");
}

#[test]
fn a_fallback_that_leads_nowhere_is_passed_over() {
    let ring = keyring(vec![record("sk-gpt", |key| key["models"] = json!(["gpt"]))]);
    let mut body = ask("gpt");
    body["fallbacks"] = json!(["not-there", "claude"]);
    let call = admit(&ring, MASTER, &body).unwrap();
    assert!(call.arrive());
    assert_eq!(call.leg().cluster, "group:claude");
    assert_eq!(admit(&ring, "sk-gpt", &body).unwrap_err()["type"], "key_model_access_denied");
}

#[test]
fn a_wildcard_is_listed_as_what_it_stands_for() {
    let ring = keyring(vec![
        record("sk-some", |key| key["models"] = json!(["openai/gpt-4o", "openai/mine"])),
        record("sk-beta", |key| key["models"] = json!(["beta"])),
    ]);
    let all = listed(&ring, "/v1/models", MASTER);
    for name in ["smart", "gpt", "openai/gpt-4o", "openai/gpt-4o-mini", "openai/o9"] {
        assert_eq!(all.iter().filter(|listed| *listed == name).count(), 1, "{name} in {all:?}");
    }
    for name in ["openai/*", "lost", "gpt-2"] {
        assert!(!all.iter().any(|listed| listed == name), "{name} in {all:?}");
    }
    let wild = listed(&ring, "/v1/models?return_wildcard_routes=true", MASTER);
    assert!(wild.contains(&"openai/*".to_owned()) && wild.contains(&"openai/o9".to_owned()));
    assert_eq!(listed(&ring, "/v1/models", "sk-some"), ["openai/gpt-4o", "openai/mine"]);
    assert_eq!(get(&ring, "/v1/models/openai/gpt-4o", "sk-some").0, 200);
    assert_eq!(get(&ring, "/v1/models/openai/gpt-4o-mini", "sk-some").0, 404);
    assert!(listed(&ring, "/v1/models", "sk-beta").contains(&"claude".to_owned()));
}

#[test]
fn a_list_of_models_knows_litellms_parameters() {
    let ring = keyring(vec![record("sk-team", |key| {
        key["team_id"] = json!("t1");
        key["team"] = json!({"models": []});
    })]);
    let groups = listed(&ring, "/v1/models?only_model_access_groups=true", MASTER);
    assert_eq!(groups, ["beta"]);
    assert!(listed(&ring, "/v1/models?include_model_access_groups=1", MASTER).contains(&"beta".to_owned()));
    let (_, list) = get(&ring, "/v1/models?include_metadata=true&fallback_type=context_window", MASTER);
    let claude = list["data"].as_array().unwrap().iter().find(|model| model["id"] == "claude").unwrap();
    assert_eq!(claude["metadata"], json!({"fallbacks": ["openai/long"]}));
    assert_eq!(get(&ring, "/v1/models?fallback_type=x", MASTER).0, 400);
    assert_eq!(get(&ring, "/v1/models?scope=all", MASTER).0, 400);
    assert_eq!(get(&ring, "/v1/models?team_id=t1", "sk-team").0, 200);
    assert_eq!(get(&ring, "/v1/models?team_id=t2", "sk-team").0, 403);
}

#[test]
fn houses_on_other_clouds_are_asked_in_their_own_languages_at_their_own_paths() {
    let sent = |deployment: &str, stream: bool| {
        let body =
            json!({"model": "fake", "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let body = body.to_string();
        let Outgoing::Send { headers, body } =
            attempt(&call(&body), deployment).request(body.as_bytes(), NOW_MS)
        else {
            panic!("it is sent");
        };
        let header = |name: &str| {
            headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.to_owned())
        };
        let path = header(":path").unwrap();
        (
            path,
            header("api-key"),
            header("anthropic-version"),
            serde_json::from_slice::<Value>(&body).unwrap(),
        )
    };
    let (path, key, version, body) = sent("foundry", false);
    assert_eq!(path, "/anthropic/v1/messages");
    assert_eq!((key.as_deref(), version.as_deref()), (Some("secret-key_one"), Some("2023-06-01")));
    assert!(body["max_tokens"].is_u64(), "{body}");
    let (path, _, _, body) = sent("vertex-mistral", false);
    let house = "/v1/projects/p/locations/l/publishers/mistralai/models/mistral-small-2503@001";
    assert_eq!((path, &body["model"]), (format!("{house}:rawPredict"), &json!("mistral-small-2503")));
    assert_eq!(sent("vertex-mistral", true).0, format!("{house}:streamRawPredict"));
    let (path, _, _, body) = sent("vertex-llama", true);
    assert_eq!(path, "/v1/projects/p/locations/l/endpoints/openapi/chat/completions");
    assert_eq!(body["model"], "meta/llama-3.3-70b-instruct-maas");
    let (path, _, _, body) = sent("vertex-garden", true);
    assert_eq!(path, "/v1/projects/p/locations/l/endpoints/5464397967697903616/chat/completions");
    assert_eq!(body["model"], "", "the endpoint serves one model");
}

#[test]
fn a_group_tells_what_its_models_can_do_and_a_deployment_whether_it_can_be_asked() {
    let ring = keyring(vec![record("sk-claude", |key| key["models"] = json!(["claude"]))]);
    let (_, all) = get(&ring, "/model_group/info", MASTER);
    assert!(all["data"].as_array().unwrap().iter().all(|group| group["model_group"] != "gpt-2"), "{all}");
    let (_, info) = get(&ring, "/model_group/info?model_group=gpt", MASTER);
    let [group] = &info["data"].as_array().unwrap()[..] else { panic!("{info}") };
    assert_eq!((&group["providers"], &group["mode"]), (&json!(["openai"]), &json!("chat")));
    assert_eq!(group["input_cost_per_token"].as_f64(), Some(1e-6));
    assert_eq!((&group["supports_vision"], &group["supports_reasoning"]), (&json!(true), &json!(false)));
    let (_, own) = get(&ring, "/model_group/info", "sk-claude");
    assert_eq!(own["data"].as_array().unwrap().len(), 1);
    let (status, health) = get(&ring, "/health?model=claude", "sk-claude");
    assert_eq!((status, &health["healthy_count"], &health["unhealthy_count"]), (200, &json!(1), &json!(1)));
    assert_eq!(health["unhealthy_endpoints"][0]["model_id"], "keyless");
    assert!(health["unhealthy_endpoints"][0]["error"].as_str().unwrap().contains("no credential"));
    let (status, service) = get(&ring, "/health/services?service=prometheus", "sk-claude");
    assert_eq!((status, &service["status"]), (200, &json!("success")));
    for (query, status, word) in [
        ("", 400, "must be specified"),
        ("?service=slack", 400, "must be in list"),
        ("?service=otel", 422, "not in proxy config"),
    ] {
        let (given, error) = get(&ring, &format!("/health/services{query}"), "sk-claude");
        assert_eq!(given, status, "{error}");
        assert!(error["error"]["message"].as_str().unwrap().contains(word), "{error}");
    }
    let (_, one) = get(&ring, "/v1/model/info?litellm_model_id=gpt-1", MASTER);
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
}
