//! `/v1/models` and `/v1/models/{id}`: the models that a key can see.

use std::borrow::Cow;

use crate::config::Group;
use crate::json::Writer;
use crate::key::KeyRecord;
use crate::table::Table;

use super::Reply;
use super::access::{check_model, find, may_use};
use super::path::query_value;

/// `LiteLLM`'s constants; clients compare them.
const CREATED: u64 = 1_677_610_602;
const OWNER: &str = "openai";

/// `/v1/models`, with `LiteLLM`'s query parameters.
pub(super) fn models(table: &Table, key: Option<&KeyRecord>, query: &str) -> Reply {
    let listing = match Listing::parse(query, key) {
        Ok(listing) => listing,
        Err(reply) => return reply,
    };
    let mut body = Vec::with_capacity(1024);
    let mut w = Writer::new(&mut body);
    w.object().key("data").array();
    if !listing.only_access_groups {
        for (name, group) in visible(table, key, listing.wildcards) {
            model(&mut w, &name, group, listing.fallbacks);
        }
    }
    if listing.access_groups || listing.only_access_groups {
        for (name, group) in access_groups(table, key) {
            model(&mut w, name, group, listing.fallbacks);
        }
    }
    w.end_array().key("object").string("list").end_object();
    Reply::json(200, body)
}

/// The same for Anthropic's clients: <https://platform.claude.com/docs/en/api/models/list>. All models are one page.
pub(super) fn model_pages(table: &Table, key: Option<&KeyRecord>, query: &str) -> Reply {
    let listing = match Listing::parse(query, key) {
        Ok(listing) => listing,
        Err(reply) => return reply,
    };
    let models = visible(table, key, listing.wildcards);
    let mut body = Vec::with_capacity(1024);
    let mut w = Writer::new(&mut body);
    w.object().key("data").array();
    for (name, group) in &models {
        w.object().key("type").string("model").key("id").string(name).key("display_name").string(name);
        w.key("created_at").string("2023-02-28T18:56:42Z");
        for (name, tokens) in
            [("max_input_tokens", group.max_input_tokens), ("max_tokens", group.max_output_tokens)]
        {
            if let Some(tokens) = tokens {
                w.key(name).number(tokens);
            }
        }
        w.end_object();
    }
    w.end_array().key("has_more").bool(false);
    for (name, id) in [("first_id", models.first()), ("last_id", models.last())] {
        match id {
            Some((id, _)) => w.key(name).string(id),
            None => w.key(name).raw("null"),
        };
    }
    w.end_object();
    Reply::json(200, body)
}

/// `/v1/models/{id}`
pub(super) fn model_by_id(table: &Table, key: Option<&KeyRecord>, id: &str) -> Reply {
    match seen(table, key, id) {
        Some(group) => {
            let mut body = Vec::with_capacity(256);
            model(&mut Writer::new(&mut body), id, group, None);
            Reply::json(200, body)
        }
        None => Reply::detail(404, &format!("The model `{id}` does not exist or is not accessible")),
    }
}

/// The group of a model that the key can see.
pub(super) fn seen<'t>(table: &'t Table, key: Option<&KeyRecord>, id: &str) -> Option<&'t Group> {
    let route = find(table, key, id);
    let group = route.and_then(|route| table.groups.get(route.group)).map(|group| table.whole(group));
    let wildcard = route.and_then(|route| route.wildcard);
    let is_seen = |group: &&Group| key.is_none_or(|key| check_model(key, id, Some(group), wildcard).is_ok());
    group.filter(is_seen).filter(|group| group.unserved.is_none())
}

/// Options of a model list.
#[derive(Default)]
struct Listing {
    /// `return_wildcard_routes`: include wildcards in addition to the models that they match.
    wildcards: bool,
    /// `include_model_access_groups`
    access_groups: bool,
    /// `only_model_access_groups`
    only_access_groups: bool,
    /// `include_metadata`: include the fallbacks of this kind.
    fallbacks: Option<Fallbacks>,
}

/// A list of fallbacks of a group.
type Fallbacks = fn(&Group) -> &[String];

impl Listing {
    fn parse(query: &str, key: Option<&KeyRecord>) -> Result<Self, Reply> {
        let is = |name| {
            let value = query_value(query, name).unwrap_or_default();
            ["true", "1", "yes", "on"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
        };
        if let Some(scope) = query_value(query, "scope").filter(|scope| scope != "expand") {
            let message =
                format!("Invalid scope parameter. Only 'expand' is currently supported. Received: {scope}");
            return Err(Reply::detail(400, &message));
        }
        // A key lists its own team's models; it cannot list another team's.
        if let (Some(team), Some(key)) = (query_value(query, "team_id"), key)
            && key.team_id.as_ref() != Some(&team)
        {
            return Err(Reply::detail(403, &format!("This key does not belong to team_id={team}.")));
        }
        let fallbacks: Fallbacks = match query_value(query, "fallback_type").as_deref() {
            None | Some("general") => |group| &group.fallbacks,
            Some("context_window") => |group| group.context_window_fallbacks.as_deref().unwrap_or_default(),
            Some("content_policy") => |group| group.content_policy_fallbacks.as_deref().unwrap_or_default(),
            Some(_) => {
                let message =
                    "Invalid fallback_type. Must be one of: general, context_window, content_policy";
                return Err(Reply::detail(400, message));
            }
        };
        Ok(Self {
            wildcards: is("return_wildcard_routes"),
            access_groups: is("include_model_access_groups"),
            only_access_groups: is("only_model_access_groups"),
            fallbacks: is("include_metadata").then_some(fallbacks),
        })
    }
}

/// Model names that a client can send, aliases first. A wildcard is expanded to the known models that it
/// matches.
pub(super) fn visible<'t>(
    table: &'t Table,
    key: Option<&KeyRecord>,
    wildcards: bool,
) -> Vec<(Cow<'t, str>, &'t Group)> {
    let mut listed: Vec<(Cow<'t, str>, &'t Group)> = Vec::new();
    let mut list = |name: Cow<'t, str>, group: &'t Group| {
        if listed.iter().all(|(known, _)| *known != name) && key.is_none_or(|key| may_use(key, &name, group))
        {
            listed.push((name, group));
        }
    };
    for alias in table.aliases.iter().filter(|alias| !alias.hidden) {
        if let Some(group) = table.groups.iter().find(|group| group.name == alias.group) {
            list(Cow::Borrowed(&alias.name), group);
        }
    }
    let shown = table.groups.iter().filter(|group| group.part_of.is_none() && group.unserved.is_none());
    let team = key.and_then(|key| key.team_id.as_deref());
    // A name leads to the team's own model first. Models of teams are not listed without a key of the team.
    let own = shown.clone().filter(|group| group.team_id.is_some() && group.team_id.as_deref() == team);
    for group in own.chain(shown.filter(|group| group.team_id.is_none())) {
        let name = group.public_name();
        if !name.contains('*') {
            list(Cow::Borrowed(name), group);
            continue;
        }
        if wildcards {
            list(Cow::Borrowed(name), group);
        }
        for name in known(table, group) {
            list(Cow::Owned(name), group);
        }
        // Models listed in the key count as known, too.
        let own = key.map(|key| key.models.as_slice()).unwrap_or_default();
        for name in own.iter().filter(|name| !name.contains('*')) {
            if table.routes.find_in(team, name).is_some_and(|route| {
                route.wildcard.is_some()
                    && table.groups.get(route.group).is_some_and(|led| led.name == group.name)
            }) {
                list(Cow::Owned(name.clone()), group);
            }
        }
    }
    listed
}

/// The models that a group's wildcard matches, from the catalogs of its deployments' providers.
fn known<'t>(table: &'t Table, group: &'t Group) -> impl Iterator<Item = String> {
    table.members(&group.name).iter().flat_map(move |endpoint| {
        let pattern = endpoint.deployment.model.split_once('*');
        pattern.into_iter().flat_map(move |(before, after)| {
            let rest = move |model: &'t str| model.strip_prefix(before)?.strip_suffix(after);
            let models = table.routes.models(endpoint.provider.name).filter_map(rest);
            models.map(|rest| group.public_name().replacen('*', rest, 1))
        })
    })
}

/// Names of access groups, each with a model group in it.
fn access_groups<'t>(table: &'t Table, key: Option<&KeyRecord>) -> Vec<(&'t str, &'t Group)> {
    let mut found: Vec<(&str, &Group)> = Vec::new();
    for group in &table.groups {
        for name in &group.access_groups {
            let is_seen = key.is_none_or(|key| may_use(key, name, group));
            if is_seen && !found.iter().any(|(known, _)| known == name) {
                found.push((name, group));
            }
        }
    }
    found
}

fn model(w: &mut Writer<'_>, name: &str, group: &Group, fallbacks: Option<Fallbacks>) {
    w.object().key("id").string(name).key("object").string("model");
    w.key("created").number(CREATED).key("owned_by").string(OWNER);
    limits(w, group);
    if let Some(fallbacks) = fallbacks {
        w.key("metadata").object().key("fallbacks").array();
        for name in fallbacks(group) {
            w.string(name);
        }
        w.end_array().end_object();
    }
    w.end_object();
}

/// Writes the known properties of a group's models.
pub(super) fn limits(w: &mut Writer<'_>, group: &Group) {
    if let Some(mode) = &group.mode {
        w.key("mode").string(mode);
    }
    if let Some(tokens) = group.max_input_tokens {
        w.key("max_input_tokens").number(tokens);
    }
    if let Some(tokens) = group.max_output_tokens {
        w.key("max_tokens").number(tokens).key("max_output_tokens").number(tokens);
    }
}
