//! `/model_group/info` lists the groups and their capabilities; `/health` lists the deployments and whether
//! they are usable.

use std::borrow::Cow;

use crate::config::{Group, Price};
use crate::credentials::Held;
use crate::json::Writer;
use crate::key::{KeyRecord, clipped};
use crate::openai::ErrorBody;
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
    for group in
        seen(table, key).filter(|group| asked.as_ref().is_none_or(|name| *name == group.public_name()))
    {
        let members = table.members(&group.name);
        w.object().key("model_group").string(group.public_name()).key("providers").array();
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
pub(super) fn health(table: &Table, key: Option<&KeyRecord>, query: &str, now_ms: u64) -> Reply {
    let asked = query_value(query, "model");
    let groups: Vec<&Group> = seen(table, key)
        .filter(|group| asked.as_ref().is_none_or(|name| *name == group.public_name()))
        .collect();
    let members = groups.iter().flat_map(|group| table.members(&group.name));
    let (mut healthy, mut unhealthy) = (Vec::new(), Vec::new());
    for endpoint in members {
        match problem(table, endpoint, now_ms) {
            None => healthy.push((endpoint, Cow::Borrowed(""))),
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

/// `/health/services?service=otel`: whether a receiver of telemetry is configured. Unlike `LiteLLM`, no request is made for
/// it.
pub(super) fn services(table: &Table, query: &str) -> Reply {
    let settings = &table.settings;
    let configured = [("otel", settings.spans), ("prometheus", true)];
    let Some(service) = query_value(query, "service") else {
        return ErrorBody::bad_request("Service must be specified, as in `?service=otel`.")
            .about("service")
            .into();
    };
    let Some((name, is_configured)) = configured.iter().find(|(name, _)| *name == service) else {
        let message = format!(
            "Service must be in list. Service={}. List=['otel', 'prometheus']",
            clipped(&service, 64)
        );
        return ErrorBody::bad_request(message).about("service").into();
    };
    if !is_configured {
        let message =
            format!("\"{name}\" not in proxy config: litellm_settings.callbacks. Unable to test this.");
        return ErrorBody::new(422, "invalid_request_error", message).about("service").into();
    }
    let mut body = Vec::new();
    let message = format!("{name} is configured; requests are reported to it.");
    Writer::new(&mut body)
        .object()
        .key("status")
        .string("success")
        .key("message")
        .string(&message)
        .end_object();
    Reply::json(200, body)
}

/// Why a deployment is not usable.
fn problem(table: &Table, endpoint: &Endpoint, now_ms: u64) -> Option<Cow<'static, str>> {
    let auth = endpoint.provider.auth;
    if auth != Auth::None && endpoint.deployment.api_base.is_empty() {
        return Some("no api_base: an environment variable is not set".into());
    }
    if matches!(auth, Auth::None | Auth::BearerIfAny) {
        return None;
    }
    let Some(index) = endpoint.handed_out else {
        let has_credential = endpoint.credential.is_some() || !endpoint.secrets.is_empty();
        return (!has_credential).then(|| "no credential: an environment variable is not set".into());
    };
    match table.credentials.get(index, now_ms) {
        Held::Absent(problem) => {
            Some(format!("no credential: {}: {problem}", table.credentials.name(index)).into())
        }
        // A request asks for it.
        Held::Good(_) | Held::Unknown => None,
    }
}

/// The groups that a key can see.
fn seen<'t>(table: &'t Table, key: Option<&'t KeyRecord>) -> impl Iterator<Item = &'t Group> {
    let shown = table.groups.iter().filter(|group| group.part_of.is_none());
    shown.filter(move |group| key.is_none_or(|key| may_use(key, group.public_name(), group)))
}
