//! `router_settings` → priorities, weights and load balancing of Envoy's clusters.

use std::collections::HashMap;

use switchboard::config::{Alias, Group};

use super::deployments::{Deployment, Target};
use crate::config::diagnostic::suggestion;
use crate::config::{At, Config, Report};

/// `LiteLLM`'s `ROUTER_MAX_FALLBACKS`.
const MAX_FALLBACKS: usize = 5;

/// Key of `fallbacks` that stands for every group.
const ANY_GROUP: &str = "*";

/// The cluster of a model group.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// [`Group::cluster`].
    pub name: String,
    /// How endpoints of one priority share the load.
    pub balancing: Balancing,
    /// Endpoints by priority: the group's own first, then each fallback's.
    pub priorities: Vec<Vec<Endpoint>>,
}

/// How endpoints of one priority share the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balancing {
    /// `simple-shuffle`: by weight. Envoy's weighted round robin gives the same shares; its `RANDOM` has no weights.
    RoundRobin,
    /// `least-busy`.
    LeastRequest,
}

/// One deployment in a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// [`switchboard::config::Deployment::id`].
    pub deployment: String,
    /// What Envoy connects to.
    pub target: Target,
    /// Share of the load, when shares differ.
    pub weight: Option<u32>,
}

/// One cluster for each of `groups`; also tells each group how many attempts its priorities add.
pub(super) fn compile(
    config: &Config,
    groups: &mut [Group],
    aliases: &[Alias],
    deployments: &[Deployment],
    report: &Report,
) -> Vec<Cluster> {
    let mut by_group: HashMap<&str, Vec<&Deployment>> = HashMap::new();
    for deployment in deployments {
        by_group.entry(&deployment.document.group).or_default().push(deployment);
    }
    let own: HashMap<&str, Vec<Vec<Endpoint>>> =
        by_group.into_iter().map(|(group, deployments)| (group, by_weight(&deployments))).collect();
    let fallbacks = FallbackTable::new(config, groups, aliases, report);
    let balancing = match &config.router.routing_strategy {
        Some(strategy) if strategy.value == "least-busy" => Balancing::LeastRequest,
        _ => Balancing::RoundRobin,
    };
    let cluster = |group: &mut Group| {
        let names = std::iter::once(group.name.as_str()).chain(fallbacks.of(&group.name));
        let priorities: Vec<_> = names.filter_map(|name| own.get(name)).flatten().cloned().collect();
        group.extra_attempts = u32::try_from(priorities.len()).unwrap_or(u32::MAX).saturating_sub(1);
        Cluster { name: group.cluster.clone(), balancing, priorities }
    };
    groups.iter_mut().map(cluster).collect()
}

/// The endpoints of a group: those with a share of the load, and after them those without one.
///
/// `LiteLLM` counts `weight` if any deployment has one, else `rpm`, else `tpm`; a deployment that lacks what
/// counts is never picked while another is there.
fn by_weight(deployments: &[&Deployment]) -> Vec<Vec<Endpoint>> {
    /// Envoy adds the weights of a priority in 32 bits; shares finer than this do not matter.
    const HEAVIEST: f64 = 10_000.0;
    let reachable: Vec<_> =
        deployments.iter().filter_map(|deployment| Some((*deployment, deployment.target.clone()?))).collect();
    let endpoint = |deployment: &Deployment, target: &Target, weight| Endpoint {
        deployment: deployment.document.id.clone(),
        target: target.clone(),
        weight,
    };
    let counting = (0..3).find(|kind| {
        reachable.iter().any(|(deployment, _)| deployment.weights[*kind].is_some_and(|weight| weight > 0.0))
    });
    let Some(kind) = counting else {
        let all: Vec<_> =
            reachable.iter().map(|(deployment, target)| endpoint(deployment, target, None)).collect();
        return if all.is_empty() { Vec::new() } else { vec![all] };
    };
    let weight = |deployment: &Deployment| deployment.weights[kind].unwrap_or(0.0);
    let heaviest = reachable.iter().map(|(deployment, _)| weight(deployment)).fold(0.0, f64::max);
    // Small whole weights stay as they are written; others are scaled.
    let whole = reachable.iter().all(|(deployment, _)| weight(deployment).fract() == 0.0);
    let scale = if whole && heaviest <= HEAVIEST { 1.0 } else { HEAVIEST / heaviest };
    let (mut sharing, mut spare) = (Vec::new(), Vec::new());
    for (deployment, target) in &reachable {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and HEAVIEST")]
        let scaled = (weight(deployment) * scale).round() as u32;
        match weight(deployment) {
            0.0 => spare.push(endpoint(deployment, target, None)),
            _ => sharing.push(endpoint(deployment, target, Some(scaled.max(1)))),
        }
    }
    [sharing, spare].into_iter().filter(|priority| !priority.is_empty()).collect()
}

/// Which groups stand in for which.
struct FallbackTable<'a> {
    own: HashMap<&'a str, Vec<&'a str>>,
    any: Vec<&'a str>,
    most: usize,
}

impl<'a> FallbackTable<'a> {
    fn new(config: &'a Config, groups: &[Group], aliases: &'a [Alias], report: &Report) -> Self {
        let resolve = |name: &'a str| {
            aliases.iter().find(|alias| alias.name == name).map_or(name, |alias| alias.group.as_str())
        };
        let known = |name: &'a At<String>| {
            let resolved = resolve(name.value.as_str());
            let found = resolved == ANY_GROUP || groups.iter().any(|group| group.name == resolved);
            if !found {
                let message = format!("fallback '{}' is no model_name, and has no effect", name.value);
                let help = suggestion(&name.value, groups.iter().map(|group| group.name.as_str()));
                report.warning(name.at, message, help);
            }
            found
        };
        let targets = |names: &'a [At<String>]| -> Vec<&'a str> {
            names.iter().filter(|name| known(name)).map(|name| resolve(&name.value)).collect()
        };
        let pairs = config.router.fallbacks.as_ref().or(config.litellm.fallbacks.as_ref());
        let default = config.router.default_fallbacks.as_ref().or(config.litellm.default_fallbacks.as_ref());
        let mut table = Self {
            own: HashMap::new(),
            any: default.map(|names| targets(names)).unwrap_or_default(),
            most: config.router.max_fallbacks.unwrap_or(MAX_FALLBACKS),
        };
        for (from, to) in pairs.into_iter().flatten() {
            if from.value == ANY_GROUP && !groups.iter().any(|group| group.name == ANY_GROUP) {
                table.any = targets(to);
            } else if known(from) {
                // LiteLLM takes the first entry of a group.
                table.own.entry(resolve(&from.value)).or_insert_with(|| targets(to));
            }
        }
        table
    }

    fn of(&self, group: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self.own.get(group).unwrap_or(&self.any);
        let mut seen = vec![group];
        let mut once = move |name: &&'a str| {
            !seen.contains(name) && {
                seen.push(name);
                true
            }
        };
        names.iter().copied().filter(move |name| once(name)).take(self.most)
    }
}
