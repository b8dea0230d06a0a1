//! `/v1/models`, `/v1/models/{id}` and `/model/info`: what a key may see.

use crate::config::Group;
use crate::exchange::access::may_use;
use crate::json::Writer;
use crate::key::KeyRecord;
use crate::table::Table;

use super::Reply;

/// `LiteLLM`'s constants; clients compare them.
const CREATED: u64 = 1_677_610_602;
const OWNER: &str = "openai";

/// `/v1/models`
pub(super) fn models(table: &Table, key: Option<&KeyRecord>) -> Reply {
    let mut body = Vec::with_capacity(1024);
    let mut w = Writer::new(&mut body);
    w.object().key("data").array();
    for (name, group) in visible(table, key) {
        model(&mut w, name, group);
    }
    w.end_array().key("object").string("list").end_object();
    Reply::json(200, body)
}

/// `/v1/models/{id}`
pub(super) fn model_by_id(table: &Table, key: Option<&KeyRecord>, id: &str) -> Reply {
    match visible(table, key).find(|(name, _)| *name == id) {
        Some((name, group)) => {
            let mut body = Vec::with_capacity(256);
            model(&mut Writer::new(&mut body), name, group);
            Reply::json(200, body)
        }
        None => Reply::detail(404, &format!("The model `{id}` does not exist or is not accessible")),
    }
}

/// `/model/info`: the deployments without their credentials.
pub(super) fn model_info(table: &Table, key: Option<&KeyRecord>) -> Reply {
    let mut body = Vec::with_capacity(4096);
    let mut w = Writer::new(&mut body);
    w.object().key("data").array();
    for endpoint in table.endpoints() {
        let deployment = &endpoint.deployment;
        let Some(group) = table.groups.iter().find(|group| group.name == deployment.group) else { continue };
        if !key.is_none_or(|key| may_use(key, &group.name, group)) {
            continue;
        }
        w.object().key("model_name").string(&deployment.group);
        w.key("litellm_params").object();
        w.key("model").string(&format!("{}/{}", deployment.provider, deployment.model));
        if !deployment.api_base.is_empty() {
            w.key("api_base").string(&deployment.api_base);
        }
        w.end_object();
        w.key("model_info").object().key("id").string(&deployment.id).key("db_model").bool(false);
        w.key("litellm_provider").string(endpoint.provider.name);
        limits(&mut w, group);
        if let Some(price) = &deployment.price {
            for (name, rate) in [
                ("input_cost_per_token", price.input_cost_per_token),
                ("output_cost_per_token", price.output_cost_per_token),
            ] {
                w.key(name).raw(&format!("{rate:e}"));
            }
        }
        w.end_object().end_object();
    }
    w.end_array().end_object();
    Reply::json(200, body)
}

/// Names that a client may send, aliases first; a wildcard is shown as it stands.
fn visible<'t>(table: &'t Table, key: Option<&KeyRecord>) -> impl Iterator<Item = (&'t str, &'t Group)> {
    let aliases = table.aliases.iter().filter(|alias| !alias.hidden).filter_map(|alias| {
        let group = table.groups.iter().find(|group| group.name == alias.group)?;
        Some((alias.name.as_str(), group))
    });
    let groups = table.groups.iter().map(|group| (group.name.as_str(), group));
    aliases.chain(groups).filter(move |(name, group)| key.is_none_or(|key| may_use(key, name, group)))
}

fn model(w: &mut Writer<'_>, name: &str, group: &Group) {
    w.object().key("id").string(name).key("object").string("model");
    w.key("created").number(CREATED).key("owned_by").string(OWNER);
    limits(w, group);
    w.end_object();
}

fn limits(w: &mut Writer<'_>, group: &Group) {
    if let Some(mode) = &group.mode {
        w.key("mode").string(mode);
    }
    if let Some(tokens) = group.max_input_tokens {
        w.key("max_input_tokens").number(tokens);
    }
    if let Some(tokens) = group.max_output_tokens {
        w.key("max_output_tokens").number(tokens);
    }
}
