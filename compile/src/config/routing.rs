//! `router_settings`, and what `litellm_settings` shares with it.

use switchboard::config::RetryPolicy;

use super::diagnostic::suggestion;
use super::durations::timeout;
use super::sections::{ALIAS, ALLOWED_FAILS_POLICY, MOST_FAILS, MOST_RETRIES, RETRY_POLICY, ROUTER_SETTINGS};
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
    /// `stream_timeout`, seconds.
    pub stream_timeout: Option<f64>,
    /// `fallbacks`.
    pub fallbacks: Option<Fallbacks>,
    /// `context_window_fallbacks`.
    pub context_window_fallbacks: Option<Fallbacks>,
    /// `content_policy_fallbacks`.
    pub content_policy_fallbacks: Option<Fallbacks>,
    /// `default_fallbacks`.
    pub default_fallbacks: Option<Vec<At<String>>>,
    /// `max_fallbacks`.
    pub max_fallbacks: Option<u32>,
    /// `retry_after`: shortest wait before another attempt at the same deployment, seconds.
    pub retry_after: Option<f64>,
    /// `retry_policy`.
    pub retry_policy: RetryPolicy,
    /// `model_group_retry_policy`.
    pub group_retry_policies: Vec<(At<String>, RetryPolicy)>,
    /// `allowed_fails`.
    pub allowed_fails: Option<u32>,
    /// `allowed_fails_policy`.
    pub allowed_fails_policy: AllowedFails,
    /// `cooldown_time`, seconds.
    pub cooldown_time: Option<f64>,
    /// `disable_cooldowns`.
    pub disable_cooldowns: bool,
    /// `enable_tag_filtering`.
    pub tag_filtering: bool,
    /// `tag_filtering_match_any`.
    pub match_any_tag: Option<bool>,
    /// `model_group_alias`: alias, group, hidden.
    pub aliases: Vec<(At<String>, At<String>, bool)>,
}

/// `allowed_fails_policy`: failures that a deployment may have, by class.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowedFails {
    /// 400, 404 and 422.
    pub bad_request: Option<u32>,
    /// 401 and 403.
    pub authentication: Option<u32>,
    /// Timeouts and connection failures.
    pub timeout: Option<u32>,
    /// 429.
    pub rate_limit: Option<u32>,
    /// 500 and above.
    pub internal_server: Option<u32>,
}

/// `routing_strategy`.
pub(super) const STRATEGIES: [&str; 6] = [
    "simple-shuffle",
    "least-busy",
    "usage-based-routing",
    "usage-based-routing-v2",
    "latency-based-routing",
    "cost-based-routing",
];

/// `LiteLLM`'s strategy that is not supported.
pub(super) const UNSUPPORTED_STRATEGY: &str = "lar1";

/// Longest wait between two attempts that a setting can ask for, seconds.
const LONGEST_WAIT: f64 = 60.0;

/// Reads `router_settings`.
pub(super) fn read(top: &mut Table<'_>) -> RouterSettings {
    let Some(mut table) = top.table("router_settings") else { return RouterSettings::default() };
    let settings = RouterSettings {
        routing_strategy: routing_strategy(&mut table),
        num_retries: retries(&mut table, "num_retries"),
        timeout: timeout(&mut table, "timeout"),
        stream_timeout: timeout(&mut table, "stream_timeout"),
        fallbacks: fallbacks(&mut table, "fallbacks"),
        context_window_fallbacks: fallbacks(&mut table, "context_window_fallbacks"),
        content_policy_fallbacks: fallbacks(&mut table, "content_policy_fallbacks"),
        default_fallbacks: table.texts("default_fallbacks"),
        max_fallbacks: retries(&mut table, "max_fallbacks"),
        retry_after: table.number("retry_after").map(|seconds| seconds.value.min(LONGEST_WAIT)),
        retry_policy: table.table("retry_policy").map(retry_policy).unwrap_or_default(),
        group_retry_policies: group_retry_policies(&mut table),
        allowed_fails: allowed_fails(&mut table, "allowed_fails"),
        allowed_fails_policy: table
            .table("allowed_fails_policy")
            .map(allowed_fails_policy)
            .unwrap_or_default(),
        cooldown_time: timeout(&mut table, "cooldown_time"),
        disable_cooldowns: table.boolean("disable_cooldowns").unwrap_or(false),
        tag_filtering: table.boolean("enable_tag_filtering").unwrap_or(false),
        match_any_tag: table.boolean("tag_filtering_match_any"),
        aliases: aliases(&mut table),
    };
    table.finish(&ROUTER_SETTINGS);
    settings
}

/// A number of retries.
pub(super) fn retries(table: &mut Table<'_>, key: &'static str) -> Option<u32> {
    table.whole(key, MOST_RETRIES).and_then(|retries| u32::try_from(retries).ok())
}

pub(super) fn allowed_fails(table: &mut Table<'_>, key: &'static str) -> Option<u32> {
    table.whole(key, MOST_FAILS).and_then(|fails| u32::try_from(fails).ok())
}

fn allowed_fails_policy(mut table: Table<'_>) -> AllowedFails {
    let policy = AllowedFails {
        bad_request: allowed_fails(&mut table, "BadRequestErrorAllowedFails"),
        authentication: allowed_fails(&mut table, "AuthenticationErrorAllowedFails"),
        timeout: allowed_fails(&mut table, "TimeoutErrorAllowedFails"),
        rate_limit: allowed_fails(&mut table, "RateLimitErrorAllowedFails"),
        internal_server: allowed_fails(&mut table, "InternalServerErrorAllowedFails"),
    };
    table.finish(&ALLOWED_FAILS_POLICY);
    policy
}

fn retry_policy(mut table: Table<'_>) -> RetryPolicy {
    let policy = RetryPolicy {
        bad_request: retries(&mut table, "BadRequestErrorRetries"),
        authentication: retries(&mut table, "AuthenticationErrorRetries"),
        timeout: retries(&mut table, "TimeoutErrorRetries"),
        rate_limit: retries(&mut table, "RateLimitErrorRetries"),
        content_policy_violation: retries(&mut table, "ContentPolicyViolationErrorRetries"),
        internal_server: retries(&mut table, "InternalServerErrorRetries"),
    };
    table.finish(&RETRY_POLICY);
    policy
}

fn group_retry_policies(table: &mut Table<'_>) -> Vec<(At<String>, RetryPolicy)> {
    let Some(mut groups) = table.table("model_group_retry_policy") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in groups.rest() {
        if let Some(policy) = Table::new(groups.name(&key.name), node, groups.report) {
            read.push((At { at: key.at, value: key.name.clone() }, retry_policy(policy)));
        }
    }
    read
}

fn routing_strategy(table: &mut Table<'_>) -> Option<At<String>> {
    let strategy = table.text("routing_strategy")?;
    match strategy.value.as_str() {
        known if STRATEGIES.contains(&known) => Some(strategy),
        known if known == UNSUPPORTED_STRATEGY => {
            let message = format!("routing strategy '{known}' is not supported; using simple-shuffle");
            table.report.warning(strategy.at, message, None);
            None
        }
        unknown => {
            let known = || STRATEGIES.into_iter().chain([UNSUPPORTED_STRATEGY]);
            let help = suggestion(unknown, known())
                .unwrap_or_else(|| format!("one of: {}", known().collect::<Vec<_>>().join(", ")));
            table.report.error(strategy.at, format!("unknown routing strategy '{unknown}'"), Some(help));
            None
        }
    }
}

pub(super) fn fallbacks(table: &mut Table<'_>, key: &'static str) -> Option<Fallbacks> {
    let mut read = Fallbacks::new();
    for (path, node) in table.list(key)? {
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
                entry.finish(&ALIAS);
            }
            other => {
                let wanted = "the name of a model group or `{model: group, hidden: true}`";
                aliases.report.error(node.at, expected(&path, wanted, other), None);
            }
        }
    }
    read
}
