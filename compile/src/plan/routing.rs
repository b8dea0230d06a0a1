//! `router_settings` → priorities, weights and load balancing of Envoy's clusters.

use std::collections::HashMap;
use std::time::Duration;

use switchboard::config::{Group, RetryPolicy};

use super::cooldown::{self, Cooldown};
use super::deployments::{Deployment, Target};
use crate::config::Config;

/// The cluster of a model group.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// [`Group::cluster`].
    pub name: String,
    /// How endpoints of one priority share the load.
    pub balancing: Balancing,
    /// Endpoints by priority: those with a share of the load, then those without.
    pub priorities: Vec<Vec<Endpoint>>,
    /// When a deployment is left alone; never where nothing can stand in for it.
    pub cooldown: Option<Cooldown>,
    /// Requests at a time at one deployment.
    pub max_parallel_requests: Option<u32>,
}

/// How endpoints of one priority share the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balancing {
    /// `simple-shuffle`: by weight. Envoy's weighted round robin gives the same shares; its `RANDOM` has no weights.
    RoundRobin,
    /// `least-busy`; and the nearest to `latency-based-routing` (slow deployments have more requests in flight) and
    /// `usage-based-routing` (in proportion to `tpm` or `rpm`).
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

/// One cluster for each of `groups`; also tells each group what of its routing is the filter's.
pub(super) fn compile(config: &Config, groups: &mut [Group], deployments: &[Deployment]) -> Vec<Cluster> {
    let mut by_group: HashMap<&str, Vec<&Deployment>> = HashMap::new();
    for deployment in deployments {
        by_group.entry(&deployment.document.group).or_default().push(deployment);
    }
    let strategy = config.router.routing_strategy.as_ref().map(|strategy| strategy.value.as_str());
    let (balancing, weighted) = match strategy {
        Some("least-busy" | "latency-based-routing") => (Balancing::LeastRequest, false),
        Some("usage-based-routing" | "usage-based-routing-v2") => (Balancing::LeastRequest, true),
        _ => (Balancing::RoundRobin, true),
    };
    let cooldown = cooldown::compile(config);
    let cluster = |group: &mut Group| {
        let all = |name: &str| by_group.get(name).map(Vec::as_slice).unwrap_or_default();
        let alone: Vec<&Deployment>;
        let members = match &group.part_of {
            Some(whole) => {
                let is_part = |member: &&Deployment| match &group.subset {
                    Some(ids) => ids.contains(&member.document.id),
                    None => member.document.id == group.name,
                };
                alone = all(whole).iter().copied().filter(is_part).collect();
                &alone
            }
            None => all(&group.name),
        };
        let priorities = if strategy == Some("cost-based-routing") {
            by_price(members)
        } else {
            by_weight(members, weighted)
        };
        group.has_spares = priorities.len() > 1;
        group.retry_policy = retry_policy(config, group);
        [group.timeout_ms, group.stream_timeout_ms] = timeouts(config, members);
        // Envoy needs it before it picks a deployment.
        group.num_retries = members.iter().filter_map(|member| member.num_retries).max();
        // LiteLLM too leaves a deployment at work that nothing can stand in for.
        let has_others = members.len() > 1 || !group.fallbacks.is_empty();
        Cluster {
            name: group.cluster.clone(),
            balancing,
            priorities,
            cooldown: cooldown.clone().filter(|_| has_others),
            max_parallel_requests: members.iter().filter_map(|member| member.max_parallel_requests).min(),
        }
    };
    groups.iter_mut().map(cluster).collect()
}

fn retry_policy(config: &Config, group: &Group) -> RetryPolicy {
    let whole = group.part_of.as_ref().unwrap_or(&group.name);
    let own = config.router.group_retry_policies.iter().find(|(name, _)| name.value == *whole);
    own.map_or(config.router.retry_policy, |(_, policy)| *policy)
}

/// The longest that any deployment of a group is given, in milliseconds: Envoy sets the time before it picks one.
fn timeouts(config: &Config, members: &[&Deployment]) -> [Option<u64>; 2] {
    let longest = |kind: usize, otherwise: Option<f64>| {
        let times = members.iter().map(|member| member.timeouts[kind].or(otherwise));
        let longest = times.collect::<Option<Vec<f64>>>()?.into_iter().fold(0.0, f64::max);
        (longest > 0.0)
            .then(|| u64::try_from(Duration::from_secs_f64(longest).as_millis()).unwrap_or(u64::MAX))
    };
    let usual = config.router.timeout.or(config.litellm.request_timeout).unwrap_or(super::TIMEOUT);
    let has_own = members.iter().any(|member| member.timeouts[0].is_some());
    [has_own.then(|| longest(0, Some(usual))).flatten(), longest(1, config.router.stream_timeout)]
}

/// The cheapest deployments of a group, and after them the others.
fn by_price(deployments: &[&Deployment]) -> Vec<Vec<Endpoint>> {
    /// `LiteLLM`'s guess for unknown prices, US dollars per token: more expensive than any model.
    const UNKNOWN: f64 = 5.0;
    let price = |deployment: &Deployment| {
        let price = deployment.document.price.as_ref();
        price.map_or(2.0 * UNKNOWN, |price| price.input_cost_per_token + price.output_cost_per_token)
    };
    let priced: Vec<_> = deployments
        .iter()
        .filter_map(|deployment| Some((price(deployment), endpoint(deployment, deployment.target.as_ref()?))))
        .collect();
    let lowest = priced.iter().map(|(price, _)| *price).fold(f64::INFINITY, f64::min);
    let (cheapest, others): (Vec<_>, Vec<_>) = priced.into_iter().partition(|(price, _)| *price <= lowest);
    let endpoints = |priced: Vec<(f64, Endpoint)>| priced.into_iter().map(|(_, endpoint)| endpoint).collect();
    [cheapest, others].map(endpoints).into_iter().filter(|priority: &Vec<_>| !priority.is_empty()).collect()
}

/// The endpoints of a group: those with a share of the load, and after them those without one.
///
/// `LiteLLM` counts `weight` if any deployment has one, then `rpm`, then `tpm`; a deployment that lacks what
/// counts is never picked while another is there.
fn by_weight(deployments: &[&Deployment], weighted: bool) -> Vec<Vec<Endpoint>> {
    /// Envoy adds the weights of a priority in 32 bits; shares finer than this do not matter.
    const HEAVIEST: f64 = 10_000.0;
    let reachable: Vec<_> =
        deployments.iter().filter_map(|deployment| Some((*deployment, deployment.target.clone()?))).collect();
    let sharer = |deployment: &Deployment, target: &Target, weight| Endpoint {
        weight,
        ..endpoint(deployment, target)
    };
    let kinds = if weighted { 0..3 } else { 0..0 };
    let counting = kinds.into_iter().find(|kind| {
        reachable.iter().any(|(deployment, _)| deployment.weights[*kind].is_some_and(|weight| weight > 0.0))
    });
    let Some(kind) = counting else {
        let all: Vec<_> = reachable.iter().map(|(deployment, target)| endpoint(deployment, target)).collect();
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
            0.0 => spare.push(endpoint(deployment, target)),
            _ => sharing.push(sharer(deployment, target, Some(scaled.max(1)))),
        }
    }
    [sharing, spare].into_iter().filter(|priority| !priority.is_empty()).collect()
}

fn endpoint(deployment: &Deployment, target: &Target) -> Endpoint {
    Endpoint { deployment: deployment.document.id.clone(), target: target.clone(), weight: None }
}
