//! `model_list`.

use serde_json::Value as Json;
use switchboard::openai::{STANDARD_PARAMS, is_admitted};

use super::diagnostic::suggestion;
use super::durations::timeout;
use super::model_info::{ModelInfo, Team};
use super::rates::{RATES, rates};
use super::routing::retries;
use super::secret::Setting;
use super::sections::{CREDENTIAL, LITELLM_PARAMS, MODEL, model};
use super::table::{At, Table, expected};
use super::yaml::{Location, Node, Value};

/// One entry of `model_list`: a deployment and the name that clients ask for.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where the entry stands.
    pub at: Location,
    /// Path of the entry, as `model_list[0]`.
    pub path: String,
    /// `model_name`.
    pub name: At<String>,
    /// `litellm_params`.
    pub params: Params,
    /// `model_info.id`.
    pub id: Option<At<String>>,
    /// `model_info.mode`.
    pub mode: Option<String>,
    /// `model_info.base_model`: the model that is meant, where its name in `litellm_params` does not tell.
    pub base_model: Option<String>,
    /// The team whose keys alone may use it.
    pub team: Option<Team>,
    /// `model_info.access_groups`.
    pub access_groups: Vec<String>,
    /// `model_info.max_input_tokens`.
    pub max_input_tokens: Option<u64>,
    /// `model_info.max_output_tokens`, or `max_tokens` there, which is its older name.
    pub max_output_tokens: Option<u64>,
    /// The prices that are given, in the order of [`model::RATES`]; `litellm_params` wins over `model_info`.
    pub rates: [Option<f64>; RATES],
    /// The rest of `model_info`, which `/model/info` shows.
    pub info: Vec<(String, Json)>,
}

/// `litellm_params`.
#[derive(Clone, Debug)]
pub struct Params {
    /// Where the mapping stands.
    pub at: Location,
    /// `model`: `provider/model`, or a model alone.
    pub model: At<String>,
    /// `custom_llm_provider`: the provider when `model` does not say it.
    pub provider: Option<At<String>>,
    /// `api_base`, `base_url` or `aws_bedrock_runtime_endpoint`.
    pub api_base: Option<At<Setting>>,
    /// `api_key`.
    pub api_key: Option<At<Setting>>,
    /// `extra_headers` and `headers`.
    pub headers: Vec<(At<String>, Setting)>,
    /// `mock_response`.
    pub mock_response: Option<String>,
    /// `drop_params`.
    pub drop_params: Option<bool>,
    /// `additional_drop_params`.
    pub additional_drop_params: Vec<At<String>>,
    /// `allowed_openai_params`.
    pub allowed_openai_params: Vec<String>,
    /// `organization`.
    pub organization: Option<At<Setting>>,
    /// `num_retries`.
    pub num_retries: Option<u32>,
    /// `tags`.
    pub tags: Vec<String>,
    /// `weight`.
    pub weight: Option<f64>,
    /// `rpm`.
    pub rpm: Option<f64>,
    /// `tpm`.
    pub tpm: Option<f64>,
    /// `timeout`, seconds.
    pub timeout: Option<f64>,
    /// `stream_timeout`, seconds.
    pub stream_timeout: Option<f64>,
    /// `keepalive_seconds`; 0 is never.
    pub keepalive: Option<f64>,
    /// `max_parallel_requests`
    pub max_parallel_requests: Option<u32>,
    /// Parameters of a request of the `OpenAI` API, for requests that lack them.
    pub defaults: Vec<(String, Json)>,
    /// What one provider or another needs besides, by `LiteLLM`'s names; see [`is_secret_option`].
    pub options: Vec<(&'static str, At<Setting>)>,
    /// All parameters in a fixed order, literal secrets left out: what identifies the deployment.
    pub fingerprint: String,
}

/// Whether the option `name` holds a secret.
pub fn is_secret_option(name: &str) -> bool {
    model::SECRET_OPTIONS.iter().map(|row| row.name).chain(model::UNREAD_SECRETS).any(|secret| secret == name)
}

/// Whether the option `name` says which credential is used, other than `api_key`.
pub fn is_credential_option(name: &str) -> bool {
    is_secret_option(name)
        || name == "litellm_credential_name"
        || model::SOURCES.iter().any(|source| source.name == name)
}

/// Reads `model_list`.
pub(super) fn read(top: &mut Table<'_>) -> Vec<Model> {
    let credentials = credentials(top);
    let Some(entries) = top.list("model_list") else {
        if top.node("model_list").is_none() {
            let help = "add `model_list:` with one entry per model".to_owned();
            top.report.warning_in_file("model_list is missing, so no models are available", Some(help));
        }
        return Vec::new();
    };
    entries.into_iter().filter_map(|(path, node)| entry(path, node, &credentials, top)).collect()
}

/// `credential_list`: names and values.
fn credentials<'a>(top: &mut Table<'a>) -> Vec<(String, &'a Node)> {
    let entries = top.list("credential_list").unwrap_or_default();
    let credential = |(path, node): (String, &'a Node)| {
        let mut entry = Table::new(path, node, top.report)?;
        let name = required(&mut entry, "credential_name", "the name that entries of model_list use");
        // The values are checked where they are used.
        entry.table("credential_values");
        let values = entry.node("credential_values");
        if values.is_none() {
            let message = format!("{} is missing", entry.name("credential_values"));
            let help = "add `credential_values:` with settings such as api_key".to_owned();
            entry.report.error(entry.at, message, Some(help));
        }
        entry.node("credential_info");
        entry.finish(&CREDENTIAL);
        Some((name?.value, values?))
    };
    entries.into_iter().filter_map(credential).collect()
}

/// `litellm_params` with the values of the credential that it names, as far as it has none itself.
fn with_credential(params: &mut Table<'_>, credentials: &[(String, &Node)], node: &Node) -> Option<Node> {
    let name = params.text("litellm_credential_name")?;
    let Some((_, values)) = credentials.iter().find(|(known, _)| *known == name.value) else {
        let help = suggestion(&name.value, credentials.iter().map(|(known, _)| known.as_str()));
        let help = help.unwrap_or_else(|| "add it to `credential_list:`".to_owned());
        let message = format!(
            "{} names '{}', which is not in credential_list",
            params.name("litellm_credential_name"),
            name.value
        );
        params.report.error(name.at, message, Some(help));
        return None;
    };
    let (Value::Map(own), Value::Map(values)) = (&node.value, &values.value) else { return None };
    let mut all = own.clone();
    let is_set =
        |key: &str| own.iter().any(|(known, node)| known.name == key && !matches!(node.value, Value::Null));
    all.retain(|(key, _)| is_set(&key.name));
    all.extend(values.iter().filter(|(key, _)| !is_set(&key.name)).cloned());
    Some(Node { at: node.at, value: Value::Map(all) })
}

fn entry(path: String, node: &Node, credentials: &[(String, &Node)], top: &Table<'_>) -> Option<Model> {
    let mut entry = Table::new(path.clone(), node, top.report)?;
    let name = required(&mut entry, "model_name", "the name that clients use");
    let own = entry.node("litellm_params");
    let table = entry.table("litellm_params");
    let merged = table.and_then(|mut table| with_credential(&mut table, credentials, own?));
    let table = match &merged {
        Some(node) => Table::new(entry.name("litellm_params"), node, entry.report),
        None => entry.table("litellm_params"),
    };
    let params = match table {
        Some(table) => params(table),
        None if entry.node("litellm_params").is_some() => None,
        None => {
            let help = "add `litellm_params:` with at least `model: provider/model`".to_owned();
            entry.report.error(entry.at, format!("{path}.litellm_params is missing"), Some(help));
            None
        }
    };
    let info = entry.table("model_info");
    entry.finish(&MODEL);
    let called = name.as_ref().map_or("", |name| &name.value);
    let info = info.map(|info| ModelInfo::read(info, called)).unwrap_or_default();
    let (params, rates) = params?;
    let mut name = name?;
    if let Some(team) = &info.team {
        name.value = team.model_name();
    }
    Some(Model {
        at: node.at,
        path,
        name,
        params,
        id: info.id,
        mode: info.mode,
        base_model: info.base_model,
        access_groups: info.access_groups,
        max_input_tokens: info.max_input_tokens,
        max_output_tokens: info.max_output_tokens,
        rates: std::array::from_fn(|i| rates[i].or(info.rates[i])),
        team: info.team,
        info: info.shown,
    })
}

fn params(mut table: Table<'_>) -> Option<(Params, [Option<f64>; RATES])> {
    let fingerprint = fingerprint(&mut table);
    let model = required(&mut table, "model", "`provider/model`, for example openai/gpt-4o");
    let api_base = table.setting("api_base");
    let base_url = table.setting("base_url");
    let endpoint = table.setting("aws_bedrock_runtime_endpoint");
    let mut headers = headers(&mut table, "extra_headers");
    headers.extend(self::headers(&mut table, "headers"));
    let options = model::OPTIONS.iter().chain(&model::SOURCES).chain(&model::SECRET_OPTIONS);
    let options = options.filter_map(|row| Some((row.name, option(&mut table, row.name)?))).collect();
    let default = |name: &&'static str| Some(((*name).to_owned(), table.node(name)?.value.to_json()));
    let mut defaults: Vec<_> =
        STANDARD_PARAMS.iter().chain(model::OTHER_DEFAULTS).filter_map(default).collect();
    check_extra_body(&mut defaults, &table);
    let rates = rates(&mut table);
    table.text("litellm_credential_name");
    let params = Params {
        at: table.at,
        provider: table.text("custom_llm_provider"),
        api_base: api_base.or(base_url).or(endpoint),
        api_key: table.setting("api_key"),
        headers,
        mock_response: mock_response(&mut table),
        drop_params: table.boolean("drop_params"),
        additional_drop_params: drops(&mut table),
        allowed_openai_params: texts(&mut table, "allowed_openai_params"),
        organization: table.setting("organization"),
        num_retries: retries(&mut table, "num_retries"),
        tags: texts(&mut table, "tags"),
        weight: table.number("weight").map(|weight| weight.value),
        rpm: table.number("rpm").map(|rpm| rpm.value),
        tpm: table.number("tpm").map(|tpm| tpm.value),
        timeout: timeout(&mut table, "timeout"),
        stream_timeout: timeout(&mut table, "stream_timeout"),
        keepalive: table.number("keepalive_seconds").map(|seconds| seconds.value),
        max_parallel_requests: table
            .whole("max_parallel_requests", model::MOST_PARALLEL)
            .and_then(|most| u32::try_from(most).ok())
            .filter(|most| *most > 0),
        defaults,
        options,
        fingerprint,
        model: model?,
    };
    table.finish(&LITELLM_PARAMS);
    Some((params, rates))
}

fn texts(table: &mut Table<'_>, key: &'static str) -> Vec<String> {
    table.texts(key).unwrap_or_default().into_iter().map(|text| text.value).collect()
}

/// `additional_drop_params`, without those that no request can do without.
fn drops(table: &mut Table<'_>) -> Vec<At<String>> {
    let mut drops = table.texts("additional_drop_params").unwrap_or_default();
    drops.retain(|drop| {
        let needed = matches!(drop.value.as_str(), "input" | "messages" | "model" | "prompt" | "stream");
        if needed {
            let message = format!(
                "{} contains '{}', which is never dropped",
                table.name("additional_drop_params"),
                drop.value
            );
            table.report.warning(drop.at, message, None);
        }
        !needed
    });
    drops
}

/// Takes out of `extra_body` what admission reads beside it.
fn check_extra_body(defaults: &mut Vec<(String, Json)>, table: &Table<'_>) {
    let path = table.name("extra_body");
    defaults.retain_mut(|(name, value)| {
        if name != "extra_body" {
            return true;
        }
        let Some(extra) = value.as_object_mut() else {
            table.report.error(table.at, format!("{path} must be a mapping"), None);
            return false;
        };
        extra.retain(|name, _| {
            let admitted = is_admitted(name);
            if admitted {
                let help = format!("move `{name}:` from extra_body to litellm_params");
                table.report.warning(table.at, format!("{path}.{name} has no effect"), Some(help));
            }
            !admitted
        });
        true
    });
}

fn required(table: &mut Table<'_>, key: &'static str, what: &str) -> Option<At<String>> {
    if table.node(key).is_none() {
        let message = format!("{} is missing", table.name(key));
        table.report.error(table.at, message, Some(format!("add `{key}:` with {what}")));
        return None;
    }
    let text = table.text(key)?;
    if text.value.trim().is_empty() {
        let message = format!("{} is empty", table.name(key));
        table.report.error(text.at, message, Some(format!("set it to {what}")));
        return None;
    }
    Some(text)
}

/// `vertex_credentials` may be a mapping, which `LiteLLM` takes as the JSON of a service account.
fn option(table: &mut Table<'_>, name: &'static str) -> Option<At<Setting>> {
    let node = table.node(name)?;
    match &node.value {
        value @ Value::Map(_) if is_secret_option(name) => {
            Some(At { at: node.at, value: Setting::parse(&value.to_json().to_string()) })
        }
        _ => table.setting(name),
    }
}

/// `mock_response` may be any JSON; what is not text is given as its JSON text.
fn mock_response(table: &mut Table<'_>) -> Option<String> {
    match &table.node("mock_response")?.value {
        Value::Text(text) => Some(text.clone()),
        other => Some(other.to_json().to_string()),
    }
}

fn headers(table: &mut Table<'_>, key: &'static str) -> Vec<(At<String>, Setting)> {
    let Some(mut headers) = table.table(key) else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in headers.rest() {
        let value = match &node.value {
            Value::Null => continue,
            Value::Text(text) => text.clone(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Bool(value) => value.to_string(),
            other => {
                headers.report.error(node.at, expected(&headers.name(&key.name), "text", other), None);
                continue;
            }
        };
        let name = key.name.to_ascii_lowercase();
        let valid = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !valid || http::HeaderValue::from_str(&value).is_err() {
            let message = format!("{} is not a valid HTTP header", headers.name(&key.name));
            headers.report.error(key.at, message, None);
            continue;
        }
        read.push((At { at: key.at, value: name }, Setting::parse(&value)));
    }
    read
}

/// All parameters as one line, so that a deployment's id changes when they do. A secret's text is left out:
/// ids are shown to clients, and a hash would let them test guesses. A reference's name stays.
fn fingerprint(table: &mut Table<'_>) -> String {
    let mut json = table.all().to_json();
    let blank = |value: &mut Json| {
        if !value.as_str().is_some_and(|text| text.starts_with("os.environ/")) {
            *value = Json::Null;
        }
    };
    if let Json::Object(params) = &mut json {
        for (name, value) in params {
            match value {
                Json::Object(headers) if name == "extra_headers" || name == "headers" => {
                    headers.values_mut().for_each(blank);
                }
                value if name == "api_key" || is_secret_option(name) => blank(value),
                _ => {}
            }
        }
    }
    json.to_string()
}
