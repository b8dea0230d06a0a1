//! `/model_group/info` lists the groups and their capabilities; `/health` lists the deployments and whether
//! they are usable.

use crate::config::{Group, Price};
use crate::json::Writer;
use crate::key::KeyRecord;
use crate::providers::Auth;
use crate::table::{Endpoint, Table};

use super::Reply;
use super::access::may_use;
use super::catalog::limits;
use super::path::query_value;

/// Fields that clients always expect, as `LiteLLM` writes them.
const ALWAYS_TOLD: &[&str] = &[
    "supports_function_calling",
    "supports_parallel_function_calling",
    "supports_reasoning",
    "supports_vision",
    "supports_web_search",
];

/// A price of a model, by field.
type Rate = fn(&Price) -> f64;

/// `/model_group/info`
pub(super) fn model_groups(table: &Table, key: Option<&KeyRecord>, query: &str) -> Reply {
    let asked = query_value(query, "model_group");
    let mut body = Vec::with_capacity(2048);
    let mut w = Writer::new(&mut body);
    w.object().key("data").array();
    for group in seen(table, key).filter(|group| asked.as_ref().is_none_or(|name| *name == group.name)) {
        let members = table.members(&group.name);
        w.object().key("model_group").string(&group.name).key("providers").array();
        for (at, endpoint) in members.iter().enumerate() {
            let name = endpoint.provider.name;
            if !members.iter().take(at).any(|earlier| earlier.provider.name == name) {
                w.string(name);
            }
        }
        w.end_array();
        limits(&mut w, group);
        // The price of the most expensive deployment, as in LiteLLM.
        let dearest = |rate: Rate| {
            let prices = members.iter().filter_map(|member| member.price(&member.deployment.model));
            prices.map(rate).reduce(f64::max)
        };
        let rates: [(&str, Rate); 2] = [
            ("input_cost_per_token", |price| price.input_cost_per_token),
            ("output_cost_per_token", |price| price.output_cost_per_token),
        ];
        for (name, rate) in rates {
            if let Some(rate) = dearest(rate) {
                w.key(name).raw(&format!("{rate:e}"));
            }
        }
        for name in ALWAYS_TOLD {
            w.key(name).bool(group.supports.iter().any(|known| known == name));
        }
        for name in group.supports.iter().filter(|name| !ALWAYS_TOLD.contains(&name.as_str())) {
            w.key(name).bool(true);
        }
        w.end_object();
    }
    w.end_array().end_object();
    Reply::json(200, body)
}

/// `/health`. No provider is called. A deployment counts as healthy if it has an address and a credential.
pub(super) fn health(table: &Table, key: Option<&KeyRecord>, query: &str) -> Reply {
    let asked = query_value(query, "model");
    let groups: Vec<&Group> =
        seen(table, key).filter(|group| asked.as_ref().is_none_or(|name| *name == group.name)).collect();
    let members = groups.iter().flat_map(|group| table.members(&group.name));
    let (mut healthy, mut unhealthy) = (Vec::new(), Vec::new());
    for endpoint in members {
        match problem(endpoint) {
            None => healthy.push((endpoint, "")),
            Some(problem) => unhealthy.push((endpoint, problem)),
        }
    }
    let mut body = Vec::with_capacity(1024);
    let mut w = Writer::new(&mut body);
    w.object();
    for (name, endpoints) in [("healthy_endpoints", &healthy), ("unhealthy_endpoints", &unhealthy)] {
        w.key(name).array();
        for (endpoint, problem) in endpoints {
            let deployment = &endpoint.deployment;
            w.object().key("model").string(&format!("{}/{}", deployment.provider, deployment.model));
            w.key("model_id").string(&deployment.id);
            if !deployment.api_base.is_empty() {
                w.key("api_base").string(&deployment.api_base);
            }
            if !problem.is_empty() {
                w.key("error").string(problem);
            }
            w.end_object();
        }
        w.end_array();
    }
    w.key("healthy_count").number(healthy.len() as u64).key("unhealthy_count").number(unhealthy.len() as u64);
    w.end_object();
    Reply::json(200, body)
}

/// Why a deployment is not usable.
fn problem(endpoint: &Endpoint) -> Option<&'static str> {
    let deployment = &endpoint.deployment;
    let is_called = endpoint.provider.auth != Auth::None;
    let has_credential =
        endpoint.credential.is_some() || !endpoint.secrets.is_empty() || deployment.access_token.is_some();
    match endpoint.provider.auth {
        _ if is_called && deployment.api_base.is_empty() => {
            Some("no api_base: an environment variable is not set")
        }
        Auth::None | Auth::BearerIfAny => None,
        _ if !has_credential => Some("no credential: an environment variable is not set"),
        _ => None,
    }
}

/// The groups that a key can see.
fn seen<'t>(table: &'t Table, key: Option<&'t KeyRecord>) -> impl Iterator<Item = &'t Group> {
    let shown = table.groups.iter().filter(|group| group.part_of.is_none());
    shown.filter(move |group| key.is_none_or(|key| may_use(key, &group.name, group)))
}
