//! `allowed_fails` and related settings → when a deployment is in cooldown.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::Config;

/// When a deployment is in cooldown.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooldown {
    /// After this many consecutive answers that are failures.
    pub failures: u32,
    /// Which answers are.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// After this many consecutive timeouts and broken connections; `None` if they are counted with the answers.
    pub unanswered: Option<u32>,
    /// Duration.
    pub time: Duration,
}

/// `cooldown_time` when nothing is said.
const TIME: f64 = 5.0;

/// `allowed_fails` when nothing is said.
const ALLOWED_FAILS: u32 = 3;

/// A class that is allowed this many failures is not counted.
const NEVER: u32 = 100;

/// `cooldown_time`, seconds.
pub(super) fn time(config: &Config) -> f64 {
    config.router.cooldown_time.unwrap_or(TIME)
}

/// The configured cooldown; `None` if cooldowns are disabled.
///
/// `LiteLLM` counts each class for itself. Envoy has one counter for answers: the smallest of the numbers counts, and
/// the answers of a class that is allowed very many are not counted as failures.
pub(super) fn compile(config: &Config) -> Option<Cooldown> {
    if config.router.disable_cooldowns {
        return None;
    }
    let usual = config.router.allowed_fails.or(config.litellm.allowed_fails).unwrap_or(ALLOWED_FAILS);
    let policy = &config.router.allowed_fails_policy;
    let classes: [(Option<u32>, &[RangeInclusive<u16>]); 4] = [
        (policy.bad_request, &[400..=400, 404..=404, 422..=422]),
        (policy.authentication, &[401..=401, 403..=403]),
        (Some(policy.rate_limit.unwrap_or(usual)), &[429..=429]),
        (Some(policy.internal_server.unwrap_or(usual)), &[500..=599]),
    ];
    let has_own = policy.rate_limit.is_some() || policy.internal_server.is_some();
    let counts = |allowed: &u32| *allowed < NEVER || !has_own && *allowed == usual;
    let counting = || classes.iter().filter_map(|(allowed, of)| Some(((*allowed).filter(counts)?, *of)));
    let unanswered = policy.timeout.map(|allowed| allowed.saturating_add(1));
    Some(Cooldown {
        failures: counting().map(|(allowed, _)| allowed).min().unwrap_or(usual).saturating_add(1),
        statuses: counting().flat_map(|(_, statuses)| statuses.iter().cloned()).collect(),
        unanswered,
        time: Duration::from_secs_f64(time(config)),
    })
}
