//! What a `config.yaml` means: [`Config`] → the filter's document and the model of an Envoy.
//!
//! Everything that needs a decision (defaults, providers, the environment, identities) is decided here, once.
//! [`crate::envoy`] only writes down a [`Plan`].

mod address;
mod adopt;
mod base;
mod catalog;
mod cooldown;
mod cors;
mod credential;
mod credentials;
mod deployments;
mod digest;
mod every_provider;
mod fallbacks;
mod groups;
mod modes;
mod price_list;
mod prices;
mod provider;
mod routing;
mod tags;
mod tracing;
mod variables;

use std::time::Duration;

use switchboard::config::{Document, KeyService, Settings, VERSION};
use switchboard::price_map::PriceMap;

use crate::config::{Config, Report, Secret};

pub use address::Address;
pub use adopt::Known;
pub use cooldown::Cooldown;
pub use cors::{ANY_ORIGIN, Cors};
pub use credential::{CREDENTIALS_ENV, Credential, CredentialKind};
pub use credentials::by_reference;
pub use deployments::Target;
pub use price_list::Unpriced;
pub use routing::{Balancing, Cluster, Endpoint};
pub use tracing::Tracing;
pub use variables::{Environment, MASTER_KEY_ENV, Origin, References, TOKEN_ENV, Variable};

/// Envoy cluster of the key service's public port.
pub const KEYS_CLUSTER: &str = "switchboard-keys";

/// Envoy cluster of the key service's internal port.
pub const KEYS_INTERNAL_CLUSTER: &str = "switchboard-keys-internal";

/// Envoy cluster that leads to the gateway's own listener.
pub const OWN_CLUSTER: &str = "switchboard-loopback";

/// Longest attempt, seconds, when nothing is said: `LiteLLM` waits 6,000; the official SDKs give up after 600.
const TIMEOUT: f64 = 600.0;

/// `LiteLLM`'s `ROUTER_MAX_FALLBACKS`.
const MAX_FALLBACKS: u32 = 5;

/// As many retries as a request may ask for, if the configuration has no larger number.
const MOST_RETRIES: u32 = 5;

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The filter's configuration.
    pub document: Document,
    /// One cluster for each model group.
    pub clusters: Vec<Cluster>,
    /// Longest silence of an attempt: before its answer, or within it.
    pub timeout: Duration,
    /// Attempts after the first.
    pub num_retries: u32,
    /// Shortest wait before another attempt at the same deployment.
    pub retry_after: Duration,
    /// How often it is tried whether a deployment can be connected to; nothing where it is not.
    pub health_checks: Option<Duration>,
    /// Largest body, bytes.
    pub body_limit: u32,
    /// Every variable that the document names, sorted.
    pub variables: Vec<Variable>,
    /// What the key service is to hand out. Envoy must not have their values.
    pub credentials: Vec<Credential>,
    /// `environment_variables`, for the key service.
    pub environment: Vec<(String, Secret)>,
    /// Where the key service keeps its data, when the operator chose.
    pub database_url: Option<Secret>,
    /// The master key, if the operator configured one.
    pub master_key: Option<Secret>,
    /// The variable that holds it, if it is in one.
    pub master_key_env: Option<String>,
    /// Where spans go, when requests are traced.
    pub tracing: Option<Tracing>,
    /// The deployments whose price is not known.
    pub unpriced: Vec<Unpriced>,
    /// Options of `switchboard-keys serve` that the settings ask for.
    pub key_service_options: Vec<String>,
    /// Which pages in browsers may call.
    pub cors: Cors,
    /// Whether models may be added by the API (`general_settings.store_model_in_db`).
    pub stores_models: bool,
}

impl Plan {
    /// Whether anybody is called over TLS.
    pub fn calls_over_tls(&self) -> bool {
        let endpoints = self.clusters.iter().flat_map(|cluster| cluster.priorities.iter().flatten());
        let tracing = self.tracing.iter().any(|tracing| tracing.address.tls);
        tracing
            || endpoints
                .into_iter()
                .any(|endpoint| matches!(&endpoint.target, Target::Remote(address) if address.tls))
    }
}

impl Plan {
    /// Has Envoy's environment hold the providers' credentials instead of the key service. Google's access tokens still
    /// need it. A provider with several usual variables has one of those for which `is_set`, or the first.
    pub fn read_credentials_from_environment(&mut self, is_set: &dyn Fn(&str) -> bool) {
        credentials::from_environment(self, is_set);
    }
}

/// Decides what `config` means in `environment`, where models without a configured price cost what `prices` says;
/// mistakes go to `report`.
pub fn compile(config: &Config, environment: &Environment, prices: &PriceMap, report: &Report) -> Plan {
    let mut variables = variables::Variables::new(environment, report);
    variables.uses_machine = config.litellm.azure_machine;
    let master_key = variables.master_key(&config.general);
    let database_url = config.general.database_url.as_ref();
    let database_url = database_url.and_then(|url| variables.text(url, "general_settings.database_url"));
    let keepalive = config.litellm.keepalive;
    let models = every_provider::expand(&config.models, &variables);
    let (mut deployments, unserved) =
        deployments::compile(&models, keepalive, prices, &mut variables, report);
    let config = &Config { models, ..config.clone() };
    let aliases = groups::aliases(config, &deployments, report);
    let mut groups = groups::compile(config, &deployments, &unserved);
    groups::describe(&mut groups, &mut deployments, prices.models());
    fallbacks::compile(config, &mut groups, &aliases, report);
    groups::of_ids(config, &deployments, &mut groups);
    tags::compile(config, &deployments, &mut groups);
    let clusters = routing::compile(config, &mut groups, &deployments);
    let num_retries = config.router.num_retries.or(config.litellm.num_retries).unwrap_or(2);
    let timeout = config.router.timeout.or(config.litellm.request_timeout).unwrap_or(TIMEOUT);
    let timeout = Duration::from_secs_f64(timeout);
    let (listed, unpriced) = price_list::compile(&deployments, prices);
    let policies = groups.iter().filter_map(|group| group.retry_policy.most().max(group.num_retries)).max();
    let policies = policies.unwrap_or(0);
    let mut document = Document {
        version: VERSION,
        keys: key_service(config.general.grace_s),
        settings: Settings {
            drop_params: config.litellm.drop_params.unwrap_or(false),
            key_header: config.general.key_header.as_ref().map(|header| header.value.clone()),
            user_headers: config.general.user_headers.clone(),
            allowed_ips: config.general.allowed_ips.clone(),
            enforced_params: config.general.enforced_params.clone(),
            enforce_user_param: config.general.enforce_user_param,
            budget_exceeded_status_code: config.litellm.budget_exceeded_status_code,
            num_retries,
            reports: false,
            spans: false,
            stats: config.litellm.prometheus,
            tag_filtering: tags::filtering(config),
            most_retries: num_retries.max(policies).max(MOST_RETRIES),
            max_fallbacks: config.router.max_fallbacks.unwrap_or(MAX_FALLBACKS),
            cooldown_s: cooldown::time(config),
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            own_cluster: Some(OWN_CLUSTER.to_owned()),
            store_responses: config.general.store_responses,
            most_held_bytes: None,
        },
        catalog: catalog::compile(&deployments, &groups, prices.models()),
        groups,
        aliases,
        deployments: deployments.into_iter().map(|deployment| deployment.document).collect(),
        prices: listed,
    };
    let tracing = tracing::compile(config, &mut variables, report);
    document.settings.spans = tracing.is_some();
    let cors = cors::compile(config, &variables);
    let stores_models = config.general.store_models.unwrap_or_else(|| {
        variables.usual(STORE_MODELS_ENV).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    });
    let (variables, credentials) = variables.into_lists();
    Plan {
        document,
        clusters,
        timeout,
        num_retries,
        retry_after: Duration::from_secs_f64(config.router.retry_after.unwrap_or(0.0)),
        health_checks: config.general.health_checks.map(Duration::from_secs_f64),
        body_limit: body_limit(config, report),
        variables,
        credentials,
        environment: environment.section(),
        database_url: database_url.map(Secret::new),
        master_key_env: variables::master_key_env(&config.general),
        master_key,
        tracing,
        unpriced,
        key_service_options: key_service_options(config, environment),
        cors,
        stores_models,
    }
}

/// `LiteLLM`'s variable for `store_model_in_db`.
const STORE_MODELS_ENV: &str = "STORE_MODEL_IN_DB";

fn key_service(grace_s: Option<u32>) -> KeyService {
    KeyService {
        cluster: KEYS_INTERNAL_CLUSTER.to_owned(),
        token_env: TOKEN_ENV.to_owned(),
        master_key_env: MASTER_KEY_ENV.to_owned(),
        sync_interval_ms: 1_000,
        timeout_ms: 5_000,
        grace_s: grace_s.unwrap_or(300),
        cache_size: 10_000,
    }
}

/// The variable by which `LiteLLM` and the key service know the largest file that is fetched for a client.
const URL_SIZE_ENV: &str = "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB";

fn key_service_options(config: &Config, environment: &Environment) -> Vec<String> {
    let mut options = Vec::new();
    if config.litellm.open_metrics {
        options.push("--open-metrics".to_owned());
    }
    if let Some(retention) = &config.general.spend_log_retention {
        options.extend(["--spend-log-retention".to_owned(), retention.clone()]);
    }
    if let Some(retention) = &config.general.usage_retention {
        options.extend(["--usage-retention".to_owned(), retention.clone()]);
    }
    if config.general.disable_spend_logs {
        options.push("--no-spend-log".to_owned());
    }
    if config.litellm.no_audit_log {
        options.push("--no-audit-log".to_owned());
    }
    if let Some(retention) = &config.general.audit_log_retention {
        options.extend(["--audit-log-retention".to_owned(), retention.clone()]);
    }
    if let Some(budget) = config.litellm.max_budget {
        options.extend(["--max-budget".to_owned(), budget.to_string()]);
        if let Some(period) = &config.litellm.budget_duration {
            options.extend(["--budget-duration".to_owned(), period.clone()]);
        }
    }
    if let Some(defaults) = &config.litellm.defaults {
        options.extend(["--defaults".to_owned(), serde_json::Value::from(defaults.clone()).to_string()]);
    }
    let (own, general) = (&config.litellm.urls, &config.general.urls);
    if own.validation.or(general.validation) == Some(false) {
        options.push("--allow-any-url-host".to_owned());
    }
    for host in own.allowed_hosts.iter().chain(&general.allowed_hosts) {
        options.extend(["--allow-url-host".to_owned(), host.clone()]);
    }
    // A key service in a cluster has not the launcher's environment.
    let section = environment.section();
    for (_, size) in section.iter().filter(|(name, _)| name == URL_SIZE_ENV) {
        options.extend(["--max-url-size-mb".to_owned(), size.reveal().to_owned()]);
    }
    options
}

/// `general_settings.max_request_size_mb` in bytes; 50 MiB holds some twenty photographs in base64.
fn body_limit(config: &Config, report: &Report) -> u32 {
    const MIB: f64 = 1_048_576.0;
    /// Envoy's buffers count in 32 bits, and a worker holds a body whole.
    const MOST_MIB: f64 = 1_024.0;
    let Some(megabytes) = &config.general.max_request_size_mb else { return 50 << 20 };
    if megabytes.value == 0.0 || megabytes.value > MOST_MIB {
        let message = format!("general_settings.max_request_size_mb must be above 0 and at most {MOST_MIB}");
        report.error(megabytes.at, message, None);
        return 50 << 20;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 2^30, and above zero"
    )]
    let bytes = (megabytes.value * MIB) as u32;
    bytes
}
