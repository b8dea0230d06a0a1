//! `litellm_settings` and `general_settings`.

use super::routing::{Fallbacks, allowed_fails, fallbacks, retries};
use super::secret::Setting;
use super::sections::{GENERAL_SETTINGS, LITELLM_SETTINGS, LONGEST_GRACE_S};
use super::table::{At, Table};
use super::telemetry::callbacks;

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
    /// `require_auth_for_metrics_endpoint: false`: anybody may read `/metrics`.
    pub open_metrics: bool,
    /// Where media may be fetched from.
    pub urls: UrlSettings,
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
    /// `disable_spend_logs`.
    pub disable_spend_logs: bool,
    /// `store_responses`.
    pub store_responses: bool,
    /// Where media may be fetched from.
    pub urls: UrlSettings,
}

/// Reads `litellm_settings`.
pub(super) fn litellm(top: &mut Table<'_>) -> LitellmSettings {
    let Some(mut table) = top.table("litellm_settings") else { return LitellmSettings::default() };
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
        otel: callbacks(&mut table),
        open_metrics: table.boolean("require_auth_for_metrics_endpoint") == Some(false),
        urls: urls(&mut table),
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
        health_checks: health_checks(&mut table),
        cors_origins: table.texts("cors_allow_origins"),
        cors_credentials: table.boolean("cors_allow_credentials"),
        max_request_size_mb: table.number("max_request_size_mb"),
        spend_log_retention: retention(&mut table, "maximum_spend_logs_retention_period"),
        disable_spend_logs: table.boolean("disable_spend_logs").unwrap_or(false),
        store_responses: table.boolean("store_responses").unwrap_or(false),
        urls: urls(&mut table),
    };
    table.finish(&GENERAL_SETTINGS);
    settings
}

/// A number and a unit. `LiteLLM` takes a bare number for days.
fn retention(table: &mut Table<'_>, key: &'static str) -> Option<String> {
    let At { at, value } = table.text(key)?;
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = value.split_at(digits);
    match (count.parse::<u32>(), unit) {
        (Ok(1..), "s" | "m" | "h" | "d" | "w" | "mo") => Some(value),
        (Ok(1..), "") => Some(format!("{value}d")),
        _ => {
            let message =
                format!("{} must be a duration such as 30d or 12h, found '{value}'", table.name(key));
            table.report.error(at, message, Some("units: s, m, h, d, w, mo".to_owned()));
            None
        }
    }
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

/// A duration in seconds, above zero.
pub(super) fn timeout(table: &mut Table<'_>, key: &'static str) -> Option<f64> {
    /// A week, in seconds: Envoy's durations hold it, and nobody waits longer.
    const LONGEST: f64 = 604_800.0;
    let At { at, value } = table.number(key)?;
    if value == 0.0 || value > LONGEST {
        let message = format!("{} must be above 0 and at most {LONGEST} seconds", table.name(key));
        table.report.error(at, message, None);
        return None;
    }
    Some(value)
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
