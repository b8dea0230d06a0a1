//! `litellm_settings` and `general_settings`.

use super::defaults::defaults;
use super::durations::{duration, timeout};
use super::routing::{Fallbacks, allowed_fails, fallbacks, retries};
use super::secret::Setting;
use super::sections::{GENERAL_SETTINGS, LITELLM_SETTINGS, LONGEST_GRACE_S};
use super::table::{At, Table};
use super::telemetry::{Callbacks, callbacks};
use super::user_headers::user_headers;

/// `litellm_settings`.
#[derive(Clone, Debug, Default)]
pub struct LitellmSettings {
    /// `drop_params`.
    pub drop_params: Option<bool>,
    /// `num_retries`; [`RouterSettings`](super::RouterSettings) wins here and below.
    pub num_retries: Option<u32>,
    /// `request_timeout`, seconds.
    pub request_timeout: Option<f64>,
    /// `sse_keepalive_ping_interval_seconds`: `keepalive_seconds` of the deployments without their own.
    pub keepalive: Option<f64>,
    /// `budget_exceeded_status_code`.
    pub budget_exceeded_status_code: Option<u16>,
    /// `fallbacks`.
    pub fallbacks: Option<Fallbacks>,
    /// `context_window_fallbacks`.
    pub context_window_fallbacks: Option<Fallbacks>,
    /// `content_policy_fallbacks`.
    pub content_policy_fallbacks: Option<Fallbacks>,
    /// `default_fallbacks`.
    pub default_fallbacks: Option<Vec<At<String>>>,
    /// `allowed_fails`.
    pub allowed_fails: Option<u32>,
    /// `callbacks` (or `success_callback`, `failure_callback`) names `otel`: requests are traced.
    pub otel: Option<At<()>>,
    /// It names `prometheus`: the native filter measures requests in Envoy's statistics.
    pub prometheus: bool,
    /// `require_auth_for_metrics_endpoint: false`: anybody may read `/metrics`.
    pub open_metrics: bool,
    /// Where media may be fetched from.
    pub urls: UrlSettings,
    /// `max_budget`, USD: the budget of all requests.
    pub max_budget: Option<f64>,
    /// `budget_duration`: its period.
    pub budget_duration: Option<String>,
    /// The settings for new keys, users and teams, by name.
    pub defaults: Option<serde_json::Map<String, serde_json::Value>>,
    /// `store_audit_logs` is `false`.
    pub no_audit_log: bool,
    /// `enable_azure_ad_token_refresh`: the managed identity of the machine may be used for Azure.
    pub azure_machine: bool,
}

/// `user_url_validation` and `user_url_allowed_hosts`, of either section.
#[derive(Clone, Debug, Default)]
pub struct UrlSettings {
    /// `user_url_validation`.
    pub validation: Option<bool>,
    /// `user_url_allowed_hosts`.
    pub allowed_hosts: Vec<String>,
}

/// `general_settings`.
#[derive(Clone, Debug, Default)]
pub struct GeneralSettings {
    /// `master_key`.
    pub master_key: Option<At<Setting>>,
    /// `dangerously_permit_weak_or_unset_master_key`.
    pub permit_weak_master_key: bool,
    /// `database_url`: where the key service keeps its data; its password makes it a secret.
    pub database_url: Option<At<Setting>>,
    /// `user_api_key_cache_ttl`, seconds: how long a known key works while the key service is away.
    pub grace_s: Option<u32>,
    /// `litellm_key_header_name`.
    pub key_header: Option<At<String>>,
    /// `user_header_mappings`, or `user_header_name`: headers that name the end user.
    pub user_headers: Vec<String>,
    /// `enforce_user_param`.
    pub enforce_user_param: bool,
    /// `enforced_params`.
    pub enforced_params: Vec<String>,
    /// `allowed_ips`, as Envoy writes addresses.
    pub allowed_ips: Vec<String>,
    /// `health_check_interval`, seconds, where `background_health_checks` and `enable_health_check_routing` say that
    /// there are checks, and that they count.
    pub health_checks: Option<f64>,
    /// `cors_allow_origins`.
    pub cors_origins: Option<Vec<At<String>>>,
    /// `cors_allow_credentials`.
    pub cors_credentials: Option<bool>,
    /// `max_request_size_mb`.
    pub max_request_size_mb: Option<At<f64>>,
    /// `maximum_spend_logs_retention_period`, as the key service reads it: `30d`.
    pub spend_log_retention: Option<String>,
    /// `maximum_audit_logs_retention_period`, as the key service reads it.
    pub audit_log_retention: Option<String>,
    /// `maximum_usage_retention_period`, in the same form.
    pub usage_retention: Option<String>,
    /// `disable_spend_logs`.
    pub disable_spend_logs: bool,
    /// `store_model_in_db`.
    pub store_models: Option<bool>,
    /// `store_responses`.
    pub store_responses: bool,
    /// Where media may be fetched from.
    pub urls: UrlSettings,
}

/// Reads `litellm_settings`.
pub(super) fn litellm(top: &mut Table<'_>) -> LitellmSettings {
    let Some(mut table) = top.table("litellm_settings") else { return LitellmSettings::default() };
    let Callbacks { otel, prometheus } = callbacks(&mut table);
    let settings = LitellmSettings {
        drop_params: table.boolean("drop_params"),
        num_retries: retries(&mut table, "num_retries"),
        request_timeout: timeout(&mut table, "request_timeout"),
        keepalive: table.number("sse_keepalive_ping_interval_seconds").map(|seconds| seconds.value),
        budget_exceeded_status_code: error_status(&mut table, "budget_exceeded_status_code"),
        fallbacks: fallbacks(&mut table, "fallbacks"),
        context_window_fallbacks: fallbacks(&mut table, "context_window_fallbacks"),
        content_policy_fallbacks: fallbacks(&mut table, "content_policy_fallbacks"),
        default_fallbacks: table.texts("default_fallbacks"),
        allowed_fails: allowed_fails(&mut table, "allowed_fails"),
        otel,
        prometheus,
        open_metrics: table.boolean("require_auth_for_metrics_endpoint") == Some(false),
        urls: urls(&mut table),
        max_budget: table.number("max_budget").map(|budget| budget.value).filter(|budget| *budget > 0.0),
        budget_duration: duration(&mut table, "budget_duration", None),
        defaults: defaults(&mut table),
        no_audit_log: table.boolean("store_audit_logs") == Some(false),
        azure_machine: table.boolean("enable_azure_ad_token_refresh").unwrap_or(false),
    };
    table.finish(&LITELLM_SETTINGS);
    settings
}

/// Reads `general_settings`.
pub(super) fn general(top: &mut Table<'_>) -> GeneralSettings {
    let Some(mut table) = top.table("general_settings") else { return GeneralSettings::default() };
    let settings = GeneralSettings {
        master_key: table.setting("master_key"),
        permit_weak_master_key: table.boolean("dangerously_permit_weak_or_unset_master_key").unwrap_or(false),
        database_url: table.setting("database_url"),
        grace_s: table.whole("user_api_key_cache_ttl", LONGEST_GRACE_S).and_then(|s| u32::try_from(s).ok()),
        key_header: key_header(&mut table),
        user_headers: user_headers(&mut table),
        enforce_user_param: table.boolean("enforce_user_param").unwrap_or(false),
        enforced_params: plain(table.texts("enforced_params")),
        allowed_ips: addresses(&mut table),
        health_checks: health_checks(&mut table),
        cors_origins: table.texts("cors_allow_origins"),
        cors_credentials: table.boolean("cors_allow_credentials"),
        max_request_size_mb: table.number("max_request_size_mb"),
        spend_log_retention: duration(&mut table, "maximum_spend_logs_retention_period", Some("d")),
        audit_log_retention: duration(&mut table, "maximum_audit_logs_retention_period", Some("d")),
        usage_retention: duration(&mut table, "maximum_usage_retention_period", Some("d")),
        disable_spend_logs: table.boolean("disable_spend_logs").unwrap_or(false),
        store_models: table.boolean("store_model_in_db"),
        store_responses: table.boolean("store_responses").unwrap_or(false),
        urls: urls(&mut table),
    };
    table.finish(&GENERAL_SETTINGS);
    settings
}

fn urls(table: &mut Table<'_>) -> UrlSettings {
    let hosts = table.texts("user_url_allowed_hosts").unwrap_or_default();
    let allowed_hosts = hosts.into_iter().filter_map(|At { at, value }| {
        // The key service reads it as the host of a URL; an authority without a user is one.
        let is_host = value.parse::<http::uri::Authority>().is_ok() && !value.contains('@')
            || value.parse::<std::net::Ipv6Addr>().is_ok();
        if !is_host {
            let message = format!("'{value}' is not a host");
            let help = "use the notation of URLs: files.internal, 10.0.0.12:8080 or [::1]:443";
            table.report.error(at, message, Some(help.to_owned()));
        }
        is_host.then_some(value)
    });
    UrlSettings { allowed_hosts: allowed_hosts.collect(), validation: table.boolean("user_url_validation") }
}

fn health_checks(table: &mut Table<'_>) -> Option<f64> {
    /// `health_check_interval` when nothing is said, seconds.
    const INTERVAL: f64 = 300.0;
    let checks = table.boolean("background_health_checks").unwrap_or(false);
    let counts = table.boolean("enable_health_check_routing").unwrap_or(false);
    let interval = timeout(table, "health_check_interval").unwrap_or(INTERVAL);
    if checks != counts {
        let message = "background_health_checks and enable_health_check_routing only have an effect together";
        let help = "set both to route around deployments that do not accept connections";
        table.report.warning(table.at, message.to_owned(), Some(help.to_owned()));
    }
    (checks && counts).then_some(interval)
}

fn error_status(table: &mut Table<'_>, key: &'static str) -> Option<u16> {
    let At { at, value } = table.number(key)?;
    if !(400.0..600.0).contains(&value) || value.fract() != 0.0 {
        let message = format!("{} must be an error status from 400 to 599, found {value}", table.name(key));
        table.report.error(at, message, None);
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Some(value as u16)
}

fn plain(texts: Option<Vec<At<String>>>) -> Vec<String> {
    texts.into_iter().flatten().map(|text| text.value).collect()
}

/// Addresses. An invalid one allows nobody instead of everybody, because it is an error.
fn addresses(table: &mut Table<'_>) -> Vec<String> {
    let written = table.texts("allowed_ips").unwrap_or_default();
    let address = |At { at, value }: At<String>| {
        if let Ok(address) = value.trim().parse::<std::net::IpAddr>() {
            return Some(address.to_string());
        }
        let message =
            format!("{} must be addresses such as 192.0.2.1, found '{value}'", table.name("allowed_ips"));
        let help = "restrict ranges with a network policy or in Envoy";
        table.report.error(at, message, Some(help.to_owned()));
        None
    };
    written.into_iter().filter_map(address).collect()
}

fn key_header(table: &mut Table<'_>) -> Option<At<String>> {
    let header = table.text("litellm_key_header_name")?;
    if http::HeaderName::from_bytes(header.value.as_bytes()).is_err() {
        let message = format!("{} is not a valid header name", table.name("litellm_key_header_name"));
        table.report.error(header.at, message, None);
        return None;
    }
    Some(At { at: header.at, value: header.value.to_ascii_lowercase() })
}
