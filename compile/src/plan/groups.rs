//! Model groups: what clients may ask for, and its other names.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::value::RawValue;
use switchboard::config::{self, Alias, Group};
use switchboard::facts::Wire;
use switchboard::model_map::ModelMap;
use switchboard::providers;

use super::deployments::{Deployment, Unserved};
use crate::config::diagnostic::suggestion;
use crate::config::{Config, Report};

/// One group for each `model_name`, in the order of the file, and one for each deployment that has an id of the
/// operator's. A group of which no entry can be served says why; one whose entries are mistakes is left out.
pub(super) fn compile(config: &Config, deployments: &[Deployment], unserved: &[Unserved]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let served: BTreeSet<&str> =
        deployments.iter().map(|deployment| deployment.document.group.as_str()).collect();
    for model in &config.models {
        let name = model.name.value.as_str();
        let why = unserved.iter().find(|unserved| unserved.group == name && !served.contains(name));
        if !served.contains(name) && why.is_none() {
            continue;
        }
        let group = if let Some(known) = groups.iter_mut().position(|group| group.name == name) {
            &mut groups[known]
        } else {
            let unserved = why.map(|unserved| unserved.why.clone());
            let team = model.team.as_ref();
            groups.push(Group {
                unserved,
                team_id: team.map(|team| team.id.clone()),
                team_public_model_name: team.map(|team| team.public_name.clone()),
                ..empty(name, "group:")
            });
            let last = groups.len() - 1;
            &mut groups[last]
        };
        if group.mode.is_none() {
            group.mode.clone_from(&model.mode);
        }
        for access_group in &model.access_groups {
            if !group.access_groups.contains(access_group) {
                group.access_groups.push(access_group.clone());
            }
        }
        group.max_input_tokens = group.max_input_tokens.max(model.max_input_tokens);
        group.max_output_tokens = group.max_output_tokens.max(model.max_output_tokens);
    }
    groups
}

/// Tells each group what its models are and can do, where the entries do not say it: by `model_info`, and by the price map.
/// Its deployments are also told, for `/model/info`.
pub(super) fn describe(groups: &mut [Group], deployments: &mut [Deployment], models: &ModelMap) {
    for deployment in deployments {
        let document = &mut deployment.document;
        let Some(group) = groups.iter_mut().find(|group| group.name == document.group) else { continue };
        let base_model = document.options.iter().find(|(name, _)| name == "base_model");
        let model = base_model.map_or(&document.model, |(_, model)| model);
        if let Some(about) = models.about(&document.provider, model) {
            if group.mode.is_none() {
                group.mode.clone_from(&about.mode);
            }
            group.max_input_tokens = group.max_input_tokens.or(about.max_input_tokens);
            group.max_output_tokens = group.max_output_tokens.or(about.max_output_tokens);
            for name in &about.supports {
                if document.info.iter().all(|(known, _)| known != name)
                    && let Ok(yes) = RawValue::from_string("true".to_owned())
                {
                    document.info.push((name.clone(), yes));
                }
            }
        }
        let supported = document
            .info
            .iter()
            .filter(|(name, value)| name.starts_with("supports_") && value.get() == "true");
        for (name, _) in supported {
            if !group.supports.contains(name) {
                group.supports.push(name.clone());
            }
        }
    }
}

/// A group for each deployment that has an id of the operator's (`model_info.id`), which clients may ask for as a model, and
/// for each that keeps clients' responses, if its group has others.
pub(super) fn of_ids(config: &Config, deployments: &[Deployment], groups: &mut Vec<Group>) {
    let own = config.models.iter().filter_map(|model| Some(model.id.as_ref()?.value.as_str()));
    let keepers = deployments.iter().map(|deployment| &deployment.document).filter(|document| {
        let others = deployments.iter().filter(|other| other.document.group == document.group).count() > 1;
        others && keeps_responses(document)
    });
    let keepers: Vec<&str> = keepers.map(|document| document.id.as_str()).collect();
    for id in own.chain(keepers) {
        let found = deployments.iter().find(|deployment| deployment.document.id == id);
        let Some(whole) = found.map(|deployment| deployment.document.group.clone()) else { continue };
        let is_wild = |name: &str| name.contains('*');
        if is_wild(&whole) || is_wild(id) || groups.iter().any(|group| group.name == id) {
            continue;
        }
        let team_id = groups.iter().find(|group| group.name == whole).and_then(|group| group.team_id.clone());
        groups.push(Group { part_of: Some(whole), team_id, ..empty(id, "deployment:") });
    }
}

/// Whether a deployment's provider stores responses of the Responses API.
fn keeps_responses(document: &config::Deployment) -> bool {
    let Some(provider) = providers::find_at(&document.provider, &document.api_base) else { return false };
    let dialect = provider.dialect_of(&document.model);
    dialect.wire() == Some(Wire::Responses) && dialect.has_wire(document)
}

/// `model_group_alias`, without those that lead nowhere.
pub(super) fn aliases(config: &Config, deployments: &[Deployment], report: &Report) -> Vec<Alias> {
    let mut aliases = Vec::new();
    for (name, group, hidden) in &config.router.aliases {
        if !deployments.iter().any(|deployment| deployment.document.group == group.value) {
            let message =
                format!("alias '{}' refers to '{}', which is not a model_name", name.value, group.value);
            let names = config.models.iter().map(|model| model.name.value.as_str());
            report.warning(group.at, message, suggestion(&group.value, names));
            continue;
        }
        aliases.push(Alias { name: name.value.clone(), group: group.value.clone(), hidden: *hidden });
    }
    aliases
}

fn empty(name: &str, kind: &str) -> Group {
    Group { name: name.to_owned(), cluster: cluster_name(kind, name), ..Group::default() }
}

/// The Envoy cluster of a group. It travels in a request header and in the names of statistics, so whatever is
/// not a visible ASCII character is percent-encoded.
pub(super) fn cluster_name(kind: &str, group: &str) -> String {
    let mut name = String::from(kind);
    for byte in group.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            name.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_name_is_fit_for_a_header_and_differs_where_the_group_does() {
        assert_eq!(cluster_name("group:", "openai/*"), "group:openai/*");
        assert_eq!(cluster_name("group:", "my model"), "group:my%20model");
        assert_eq!(cluster_name("group:", "my%20model"), "group:my%2520model");
        assert_eq!(cluster_name("group:", "é\n"), "group:%C3%A9%0A");
    }
}
