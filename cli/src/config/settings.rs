//! `router_settings`, `litellm_settings` and `general_settings`.

use super::diagnostic::suggestion;
use super::known;
use super::secret::Setting;
use super::table::{At, Table, expected, texts};
use super::yaml::Value;

/// Groups to try in order when one fails, as `[{"a": ["b", "c"]}]`.
pub type Fallbacks = Vec<(At<String>, Vec<At<String>>)>;

/// `router_settings`.
#[derive(Clone, Debug, Default)]
pub struct RouterSettings {
    /// `routing_strategy`.
    pub routing_strategy: Option<At<String>>,
    /// `num_retries`.
    pub num_retries: Option<u32>,
    /// `timeout`, seconds.
    pub timeout: Option<f64>,
    /// `fallbacks`.
    pub fallbacks: Option<Fallbacks>,
    /// `default_fallbacks`.
    pub default_fallbacks: Option<Vec<At<String>>>,
    /// `max_fallbacks`.
    pub max_fallbacks: Option<usize>,
    /// `model_group_alias`: alias, group, hidden.
    pub aliases: Vec<(At<String>, At<String>, bool)>,
}

/// `litellm_settings`.
#[derive(Clone, Debug, Default)]
pub struct LitellmSettings {
    /// `drop_params`.
    pub drop_params: Option<bool>,
    /// `num_retries`; [`RouterSettings`] wins here and below.
    pub num_retries: Option<u32>,
    /// `request_timeout`, seconds.
    pub request_timeout: Option<f64>,
    /// `budget_exceeded_status_code`.
    pub budget_exceeded_status_code: Option<u16>,
    /// `fallbacks`.
    pub fallbacks: Option<Fallbacks>,
    /// `default_fallbacks`.
    pub default_fallbacks: Option<Vec<At<String>>>,
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
    /// `max_request_size_mb`.
    pub max_request_size_mb: Option<At<f64>>,
}

/// More retries than anybody means; a larger number is a mistake.
const MOST_RETRIES: u64 = 100;

/// A day: a key that was revoked while the key service was away works that long.
const LONGEST_GRACE_S: u64 = 86_400;

/// Reads `router_settings`.
pub(super) fn router(top: &mut Table<'_>) -> RouterSettings {
    let Some(mut table) = top.table("router_settings") else { return RouterSettings::default() };
    let settings = RouterSettings {
        routing_strategy: routing_strategy(&mut table),
        num_retries: retries(&mut table),
        timeout: timeout(&mut table, "timeout"),
        fallbacks: fallbacks(&mut table),
        default_fallbacks: table.texts("default_fallbacks"),
        max_fallbacks: table.whole("max_fallbacks", MOST_RETRIES).and_then(|max| usize::try_from(max).ok()),
        aliases: aliases(&mut table),
    };
    table.finish(known::ROUTER_SETTINGS);
    settings
}

/// Reads `litellm_settings`.
pub(super) fn litellm(top: &mut Table<'_>) -> LitellmSettings {
    let Some(mut table) = top.table("litellm_settings") else { return LitellmSettings::default() };
    let settings = LitellmSettings {
        drop_params: table.boolean("drop_params"),
        num_retries: retries(&mut table),
        request_timeout: timeout(&mut table, "request_timeout"),
        budget_exceeded_status_code: error_status(&mut table, "budget_exceeded_status_code"),
        fallbacks: fallbacks(&mut table),
        default_fallbacks: table.texts("default_fallbacks"),
    };
    table.finish(known::LITELLM_SETTINGS);
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
        max_request_size_mb: table.number("max_request_size_mb"),
    };
    table.finish(known::GENERAL_SETTINGS);
    settings
}

fn retries(table: &mut Table<'_>) -> Option<u32> {
    table.whole("num_retries", MOST_RETRIES).and_then(|retries| u32::try_from(retries).ok())
}

fn error_status(table: &mut Table<'_>, key: &'static str) -> Option<u16> {
    let At { at, value } = table.number(key)?;
    if !(400.0..600.0).contains(&value) || value.fract() != 0.0 {
        let message =
            format!("{} must be the status of an error, 400 to 599, found {value}", table.name(key));
        table.report.error(at, message, None);
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Some(value as u16)
}

fn timeout(table: &mut Table<'_>, key: &'static str) -> Option<f64> {
    /// A week, in seconds: Envoy's durations hold it, and nobody waits longer.
    const LONGEST: f64 = 604_800.0;
    let At { at, value } = table.number(key)?;
    if value == 0.0 || value > LONGEST {
        let message = format!("{} must be above zero and at most {LONGEST} seconds", table.name(key));
        table.report.error(at, message, None);
        return None;
    }
    Some(value)
}

fn routing_strategy(table: &mut Table<'_>) -> Option<At<String>> {
    const STRATEGIES: [&str; 7] = [
        "simple-shuffle",
        "least-busy",
        "usage-based-routing",
        "usage-based-routing-v2",
        "latency-based-routing",
        "cost-based-routing",
        "lar1",
    ];
    let strategy = table.text("routing_strategy")?;
    match strategy.value.as_str() {
        "simple-shuffle" | "least-busy" => Some(strategy),
        known if STRATEGIES.contains(&known) => {
            let message =
                format!("routing strategy '{known}' is not supported, simple-shuffle is used instead");
            table.report.warning(strategy.at, message, None);
            None
        }
        unknown => {
            let help = suggestion(unknown, STRATEGIES)
                .unwrap_or_else(|| format!("one of: {}", STRATEGIES.join(", ")));
            table.report.error(strategy.at, format!("unknown routing strategy '{unknown}'"), Some(help));
            None
        }
    }
}

fn fallbacks(table: &mut Table<'_>) -> Option<Fallbacks> {
    let mut read = Fallbacks::new();
    for (path, node) in table.list("fallbacks")? {
        let Some(mut entry) = Table::new(path.clone(), node, table.report) else { continue };
        for (key, groups) in entry.rest() {
            let from = At { at: key.at, value: key.name.clone() };
            read.push((from, texts(&format!("{path}.{}", key.name), groups, table.report)));
        }
    }
    Some(read)
}

fn aliases(table: &mut Table<'_>) -> Vec<(At<String>, At<String>, bool)> {
    let Some(mut aliases) = table.table("model_group_alias") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in aliases.rest() {
        let path = aliases.name(&key.name);
        let name = At { at: key.at, value: key.name.clone() };
        match &node.value {
            Value::Text(group) => read.push((name, At { at: node.at, value: group.clone() }, false)),
            Value::Map(_) => {
                let Some(mut entry) = Table::new(path, node, aliases.report) else { continue };
                let hidden = entry.boolean("hidden").unwrap_or(false);
                match entry.text("model") {
                    Some(group) => read.push((name, group, hidden)),
                    None => entry.report.error(node.at, format!("{}.model is missing", entry.path), None),
                }
                entry.finish("");
            }
            other => {
                let wanted = "a group's name, or `{model: group, hidden: true}`";
                aliases.report.error(node.at, expected(&path, wanted, other), None);
            }
        }
    }
    read
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
