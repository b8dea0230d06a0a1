//! Entries of `model_list` → the filter's deployments and the addresses that serve them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::value::RawValue;
use switchboard::config::{self, ExtraHeader};
use switchboard::price_map::PriceMap;
use switchboard::providers::Provider;

use super::address::Address;
use super::provider::{self, Problem};
use super::variables::Variables;
use super::{base, credentials, digest, modes, prices};
use crate::config::{At, Model, Report, Setting};

/// A deployment as the filter and as Envoy see it.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    /// For the filter.
    pub document: config::Deployment,
    /// What Envoy connects to; nothing when its address is not known.
    pub target: Option<Target>,
    /// `weight`, `rpm` and `tpm`, in the order in which they count.
    pub weights: [Option<f64>; 3],
    /// `timeout` and `stream_timeout`, seconds.
    pub timeouts: [Option<f64>; 2],
    /// Requests at a time, at most.
    pub max_parallel_requests: Option<u32>,
    /// Attempts after the first.
    pub num_retries: Option<u32>,
    /// Path and place of the entry.
    pub entry: At<String>,
}

/// An entry that cannot be served, and why.
#[derive(Clone, Debug)]
pub(super) struct Unserved {
    /// Its `model_name`.
    pub group: String,
    /// The reason, for clients that request it.
    pub why: String,
}

/// What Envoy connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A provider.
    Remote(Address),
    /// No provider: the filter answers itself. Envoy picks an endpoint before it asks the filter, and
    /// connects to its own listener, which is there for certain.
    Itself,
}

/// Compiles all entries; one with an error is left out. `keepalive` is `keepalive_seconds` of those without their own.
pub(super) fn compile(
    models: &[Model],
    keepalive: Option<f64>,
    map: &PriceMap,
    variables: &mut Variables<'_>,
    report: &Report,
) -> (Vec<Deployment>, Vec<Unserved>) {
    let mut ids = Ids::default();
    let (mut deployments, mut unserved) = (Vec::new(), Vec::new());
    for model in models {
        match compile_one(model, map, &mut ids, variables, report) {
            Ok(mut deployment) => {
                deployment.document.keepalive_ms = keepalive_ms(model.params.keepalive.or(keepalive));
                deployments.push(deployment);
            }
            Err(Problem::Error) => {}
            Err(Problem::Unserved { at, message, help }) => {
                // A variable of the key service may complete it.
                if !variables.is_elsewhere(&model.path) {
                    report.warning(at, format!("{message}; this entry is ignored"), help);
                }
                unserved.push(Unserved { group: model.name.value.clone(), why: message });
            }
        }
    }
    (deployments, unserved)
}

fn compile_one(
    model: &Model,
    map: &PriceMap,
    ids: &mut Ids,
    variables: &mut Variables<'_>,
    report: &Report,
) -> Result<Deployment, Problem> {
    check_wildcards(model, report)?;
    let id = ids.of(model, report);
    let provider::Found { provider, model: upstream_model, option } = provider::find(&model.params, report)?;
    let called = model.params.mock_response.is_none() && provider.dialect.name() != "mock";
    if called {
        modes::check(model, provider, upstream_model, report);
    }
    let options = options(model, provider, option, variables);
    let (target, api_base) = if called {
        address(model, provider, upstream_model, &options, variables, report)?
    } else {
        (Some(Target::Itself), String::new())
    };
    let document = config::Deployment {
        group: model.name.value.clone(),
        provider: provider.name.to_owned(),
        model: upstream_model.to_owned(),
        api_base,
        api_key_env: None,
        credential: called.then(|| credentials::of(model, &id, provider, &options, variables)).flatten(),
        headers: headers(model, &id, provider, variables),
        defaults: defaults(model),
        tags: model.params.tags.clone(),
        drop_params: model.params.drop_params,
        additional_drop_params: model
            .params
            .additional_drop_params
            .iter()
            .map(|drop| drop.value.clone())
            .collect(),
        allowed_openai_params: model.params.allowed_openai_params.clone(),
        mock_response: model.params.mock_response.clone(),
        options,
        secrets: Vec::new(),
        keepalive_ms: None,
        max_output_tokens: model.max_output_tokens,
        price: prices::of(model, provider, upstream_model, map),
        info: info(model),
        id,
    };
    let weights = [model.params.weight, model.params.rpm, model.params.tpm];
    let timeouts = [model.params.timeout, model.params.stream_timeout];
    let max_parallel_requests = model.params.max_parallel_requests;
    let num_retries = model.params.num_retries;
    let entry = At { at: model.params.model.at, value: model.path.clone() };
    Ok(Deployment { document, target, weights, timeouts, max_parallel_requests, num_retries, entry })
}

/// As `LiteLLM` bounds it: between a second and five minutes, and 0 for never.
fn keepalive_ms(seconds: Option<f64>) -> Option<u64> {
    let seconds = seconds.filter(|seconds| *seconds > 0.0)?.clamp(1.0, 300.0);
    u64::try_from(Duration::from_secs_f64(seconds).as_millis()).ok()
}

fn check_wildcards(model: &Model, report: &Report) -> Result<(), Problem> {
    if model.name.value.matches('*').count() > 1 {
        return Err(Problem::Unserved {
            at: model.name.at,
            message: format!("'{}' contains more than one *", model.name.value),
            help: Some("a name may contain one *, for example openai/*".to_owned()),
        });
    }
    if model.params.model.value.contains('*') && !model.name.value.contains('*') {
        let message = format!("model '{}' contains a *, but model_name does not", model.params.model.value);
        let help = "the text matched by the * in model_name replaces it, as in `model_name: openai/*` with `model: openai/*`";
        report.error(model.params.model.at, message, Some(help.to_owned()));
    }
    Ok(())
}

/// The address of a deployment. A variable that is not set leaves it without one: falling back to the vendor's
/// own address would send a private gateway's key and prompts there.
fn address(
    model: &Model,
    provider: &Provider,
    upstream_model: &str,
    options: &[(String, String)],
    variables: &Variables<'_>,
    report: &Report,
) -> Result<(Option<Target>, String), Problem> {
    let path = format!("{}.litellm_params.api_base", model.path);
    let (base, at) = match &model.params.api_base {
        Some(setting) => match variables.text(setting, &path) {
            Some(base) => (base::with_usual_path(base, provider, options), setting.at),
            None => return Ok((None, String::new())),
        },
        None => match base::usual(model, provider, options, variables) {
            Ok(base) => (base, model.params.at),
            Err((message, help)) => {
                return Err(Problem::Unserved { at: model.params.at, message, help: Some(help) });
            }
        },
    };
    let base = match provider.publisher(upstream_model) {
        Some(publisher) => base::without_publisher(&base, publisher.path),
        None => base,
    };
    match Address::parse(&base) {
        Ok((address, base)) => Ok((Some(Target::Remote(address)), base)),
        Err(problem) => {
            let help =
                "expected scheme://host[:port][/prefix], for example https://api.openai.com/v1".to_owned();
            report.error(at, format!("{path} {problem}"), Some(help));
            Err(Problem::Error)
        }
    }
}

fn headers(model: &Model, id: &str, provider: &Provider, variables: &mut Variables<'_>) -> Vec<ExtraHeader> {
    let header = |(name, setting): &(At<String>, Setting)| {
        let path = format!("{}.litellm_params.extra_headers.{}", model.path, name.value);
        match setting {
            Setting::Literal(value) if !is_secret_name(&name.value) => ExtraHeader {
                name: name.value.clone(),
                value: Some(value.reveal().to_owned()),
                value_env: None,
                credential: None,
            },
            setting => {
                variables.warn_if_unset(&At { at: name.at, value: setting.clone() }, &path);
                let credential = Some(variables.key(setting, id, &name.value, &path));
                ExtraHeader { name: name.value.clone(), value: None, value_env: None, credential }
            }
        }
    };
    let mut headers: Vec<ExtraHeader> = model.params.headers.iter().map(header).collect();
    let organization = match &model.params.organization {
        Some(setting) => variables.text(setting, &format!("{}.litellm_params.organization", model.path)),
        None if provider.name == "openai" => variables.usual("OPENAI_ORGANIZATION"),
        None => None,
    };
    let is_given = headers.iter().any(|header| header.name == ORGANIZATION);
    headers.extend(organization.filter(|_| !is_given).map(|value| ExtraHeader {
        name: ORGANIZATION.to_owned(),
        value: Some(value),
        value_env: None,
        credential: None,
    }));
    headers
}

/// Whom `OpenAI` counts a request for, where an account belongs to several.
const ORGANIZATION: &str = "openai-organization";

/// Whether a header of this name usually holds a secret.
fn is_secret_name(name: &str) -> bool {
    ["auth", "cookie", "credential", "key", "passw", "secret", "session", "signature", "token"]
        .iter()
        .any(|word| name.contains(word))
}

/// What `/model/info` shows besides what the filter knows by itself.
fn info(model: &Model) -> Vec<(String, Box<RawValue>)> {
    let raw = |(name, value): &(String, serde_json::Value)| {
        Some((name.clone(), RawValue::from_string(value.to_string()).ok()?))
    };
    model.info.iter().filter_map(raw).collect()
}

fn defaults(model: &Model) -> Vec<(String, Box<RawValue>)> {
    let raw = |(name, value): &(String, serde_json::Value)| {
        Some((name.clone(), RawValue::from_string(value.to_string()).ok()?))
    };
    model.params.defaults.iter().filter_map(raw).collect()
}

/// The options that the entry gives, and those that the provider's row presets.
/// `told` is what the model's name says of one.
fn options(
    model: &Model,
    provider: &Provider,
    told: Option<(&'static str, &str)>,
    variables: &Variables<'_>,
) -> Vec<(String, String)> {
    let option = |(name, setting): &(&'static str, At<Setting>)| {
        let path = format!("{}.litellm_params.{name}", model.path);
        Some(((*name).to_owned(), variables.text(setting, &path)?))
    };
    let given = model.params.options.iter().filter(|(name, _)| !credentials::SETTINGS.contains(name));
    let mut options: Vec<(String, String)> = given.filter_map(option).collect();
    // LiteLLM's name may stand before a slash there, as in `azure/gpt-5`.
    let base_model = model.base_model.as_ref().map(|model| model.rsplit('/').next().unwrap_or(model));
    options.extend(base_model.map(|model| ("base_model".to_owned(), model.to_owned())));
    if let Some((name, value)) = told.filter(|(told, _)| options.iter().all(|(name, _)| name != told)) {
        options.push((name.to_owned(), value.to_owned()));
    }
    for preset in provider.options {
        if credentials::SETTINGS.contains(&preset.name) || options.iter().any(|(name, _)| name == preset.name)
        {
            continue;
        }
        let set = preset.env.iter().find_map(|name| variables.usual(name));
        let value = set.or_else(|| (!preset.value.is_empty()).then(|| preset.value.to_owned()));
        options.extend(value.map(|value| (preset.name.to_owned(), value)));
    }
    options
}

/// Gives out ids that are stable over restarts and unique in a file.
#[derive(Default)]
struct Ids {
    given: BTreeMap<String, String>,
    equals: BTreeMap<String, usize>,
}

impl Ids {
    fn of(&mut self, model: &Model, report: &Report) -> String {
        let Some(id) = &model.id else { return self.hashed(model) };
        if let Some(other) = self.given.insert(id.value.clone(), model.path.clone()) {
            let message = format!("{}.model_info.id is a duplicate of '{}' in {other}", model.path, id.value);
            report.error(id.at, message, Some("use a different id for each deployment".to_owned()));
        }
        id.value.clone()
    }

    /// Two entries that differ only in their secret keys are told apart by their order.
    fn hashed(&mut self, model: &Model) -> String {
        let subject = format!("{}\n{}", model.name.value, model.params.fingerprint);
        let equals = self.equals.entry(subject.clone()).or_default();
        *equals += 1;
        digest::hex(&format!("{subject}\n{equals}"))
    }
}
