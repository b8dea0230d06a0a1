//! `/model/info` and `/v2/model/info`: the deployments that a key may see, without their credentials.

use crate::config::{Group, Price};
use crate::json::Writer;
use crate::key::KeyRecord;
use crate::table::{Endpoint, Table};

use super::Reply;
use super::access::may_use;
use super::catalog::limits;
use super::path::query_value;

/// How many are on a page that does not say so, and at most.
const PAGE: usize = 50;
const MOST: usize = 1000;

/// `/model/info`: all, or the one that `litellm_model_id` names.
pub(super) fn all(table: &Table, key: Option<&KeyRecord>, query: &str) -> Reply {
    let asked = query_value(query, "litellm_model_id");
    let is_asked = |(_, endpoint): &Seen<'_>| asked.as_ref().is_none_or(|id| *id == endpoint.deployment.id);
    let mut body = Vec::with_capacity(4096);
    let mut w = Writer::new(&mut body);
    w.object().key("data").array();
    for (group, endpoint) in seen(table, key).filter(is_asked) {
        deployment(&mut w, group, endpoint);
    }
    w.end_array().end_object();
    Reply::json(200, body)
}

/// `/v2/model/info`: a page of those that fit `model`, `modelId` and `search`.
pub(super) fn page(table: &Table, key: Option<&KeyRecord>, query: &str) -> Reply {
    let (number, size) = match (count(query, "page", 1), count(query, "size", PAGE)) {
        (Ok(number), Ok(size)) => (number, size.min(MOST)),
        (Err(refusal), _) | (_, Err(refusal)) => return refusal,
    };
    let model = query_value(query, "model");
    let id = query_value(query, "modelId");
    let search = query_value(query, "search").map(|search| search.to_lowercase());
    let fits = |(group, endpoint): &Seen<'_>| {
        model.as_ref().is_none_or(|model| *model == group.public_name())
            && id.as_ref().is_none_or(|id| *id == endpoint.deployment.id)
            && search.as_ref().is_none_or(|search| group.public_name().to_lowercase().contains(search.trim()))
    };
    let mut found: Vec<Seen<'_>> = seen(table, key).filter(fits).collect();
    if query_value(query, "sortBy").is_some_and(|by| by == "model_name") {
        found.sort_unstable_by(|(a, one), (b, other)| {
            (&a.name, &one.deployment.id).cmp(&(&b.name, &other.deployment.id))
        });
        if query_value(query, "sortOrder").is_some_and(|order| order.eq_ignore_ascii_case("desc")) {
            found.reverse();
        }
    }
    let mut body = Vec::with_capacity(4096);
    let mut w = Writer::new(&mut body);
    w.object().key("data").array();
    for (group, endpoint) in found.iter().skip((number - 1).saturating_mul(size)).take(size) {
        deployment(&mut w, group, endpoint);
    }
    w.end_array();
    let total = found.len();
    for (name, value) in [
        ("total_count", total),
        ("current_page", number),
        ("total_pages", total.div_ceil(size)),
        ("size", size),
    ] {
        w.key(name).number(value as u64);
    }
    w.end_object();
    Reply::json(200, body)
}

/// A parameter that counts from one.
fn count(query: &str, name: &str, usual: usize) -> Result<usize, Reply> {
    let Some(text) = query_value(query, name) else { return Ok(usual) };
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| {
        Reply::detail(400, &format!("Invalid {name}: {text}. Must be a whole number from 1 up"))
    })
}

/// A deployment, and the group that it serves.
type Seen<'t> = (&'t Group, &'t Endpoint);

/// The deployments of the groups that the key may use, in the order of the configuration.
fn seen<'t>(table: &'t Table, key: Option<&'t KeyRecord>) -> impl Iterator<Item = Seen<'t>> {
    let groups = table.groups.iter().filter(|group| group.part_of.is_none());
    let seen = groups.filter(move |group| key.is_none_or(|key| may_use(key, group.public_name(), group)));
    seen.flat_map(|group| table.members(&group.name).iter().map(move |endpoint| (group, &**endpoint)))
}

/// In `model_info` of a model that was added by the API.
const STORED: &str = "db_model";

fn deployment(w: &mut Writer<'_>, group: &Group, endpoint: &Endpoint) {
    let deployment = &endpoint.deployment;
    w.object().key("model_name").string(&deployment.group);
    w.key("litellm_params").object();
    w.key("model").string(&format!("{}/{}", deployment.provider, deployment.model));
    if !deployment.api_base.is_empty() {
        w.key("api_base").string(&deployment.api_base);
    }
    w.end_object();
    let is_stored = deployment.info.iter().any(|(name, _)| name == STORED);
    w.key("model_info").object().key("id").string(&deployment.id).key("db_model").bool(is_stored);
    w.key("litellm_provider").string(endpoint.provider.name);
    limits(w, group);
    for (name, rate) in endpoint.price(&deployment.model).map(Price::named).unwrap_or_default() {
        w.key(&name).raw(&format!("{rate:e}"));
    }
    for (name, value) in deployment.info.iter().filter(|(name, _)| name != STORED) {
        w.key(name).raw(value.get());
    }
    w.end_object().end_object();
}
