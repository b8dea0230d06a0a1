//! `fallbacks` and related settings → which groups replace which.

use std::collections::HashMap;

use switchboard::config::{Alias, Group};

use crate::config::diagnostic::suggestion;
use crate::config::{At, Config, Fallbacks, Report};

/// Key of a list that stands for every group.
const ANY_GROUP: &str = "*";

/// Tells each of `groups` its fallbacks.
pub(super) fn compile(config: &Config, groups: &mut [Group], aliases: &[Alias], report: &Report) {
    let names = Names { groups: groups.iter().map(|group| group.name.clone()).collect(), aliases, report };
    let (router, litellm) = (&config.router, &config.litellm);
    let general = router.fallbacks.as_ref().or(litellm.fallbacks.as_ref());
    let default = router.default_fallbacks.as_ref().or(litellm.default_fallbacks.as_ref());
    let windows = router.context_window_fallbacks.as_ref().or(litellm.context_window_fallbacks.as_ref());
    let policies = router.content_policy_fallbacks.as_ref().or(litellm.content_policy_fallbacks.as_ref());
    let general = Lists::new(general, default, &names);
    let windows = windows.map(|lists| Lists::new(Some(lists), None, &names));
    let policies = policies.map(|lists| Lists::new(Some(lists), None, &names));
    for group in groups {
        group.fallbacks = general.of(&group.name);
        // As with LiteLLM, a list for a class of errors anywhere means that others have none.
        group.context_window_fallbacks = windows.as_ref().map(|lists| lists.of(&group.name));
        group.content_policy_fallbacks = policies.as_ref().map(|lists| lists.of(&group.name));
    }
}

struct Names<'a> {
    groups: Vec<String>,
    aliases: &'a [Alias],
    report: &'a Report,
}

impl Names<'_> {
    fn resolve<'n>(&'n self, name: &'n str) -> &'n str {
        self.aliases.iter().find(|alias| alias.name == name).map_or(name, |alias| alias.group.as_str())
    }

    /// Whether there is that group; a warning if not.
    fn knows(&self, name: &At<String>) -> bool {
        let resolved = self.resolve(&name.value);
        let matches = |group: &String| match group.split_once('*') {
            Some((before, after)) => resolved.starts_with(before) && resolved.ends_with(after),
            None => group == resolved,
        };
        let found = resolved == ANY_GROUP || self.groups.iter().any(matches);
        if !found {
            let message = format!("fallback '{}' is not a model_name and has no effect", name.value);
            let help = suggestion(&name.value, self.groups.iter().map(String::as_str));
            self.report.warning(name.at, message, help);
        }
        found
    }
}

/// The lists of one kind.
struct Lists {
    own: HashMap<String, Vec<String>>,
    any: Vec<String>,
}

impl Lists {
    fn new(pairs: Option<&Fallbacks>, default: Option<&Vec<At<String>>>, names: &Names<'_>) -> Self {
        let targets = |list: &[At<String>]| -> Vec<String> {
            let known = list.iter().filter(|name| names.knows(name));
            known.map(|name| names.resolve(&name.value).to_owned()).collect()
        };
        let mut lists =
            Self { own: HashMap::new(), any: default.map(|list| targets(list)).unwrap_or_default() };
        for (from, to) in pairs.into_iter().flatten() {
            if from.value == ANY_GROUP && !names.groups.iter().any(|group| group == ANY_GROUP) {
                lists.any = targets(to);
            } else if names.knows(from) {
                // LiteLLM takes the first entry of a group.
                lists.own.entry(names.resolve(&from.value).to_owned()).or_insert_with(|| targets(to));
            }
        }
        lists
    }

    /// A group does not stand in for itself, nor twice.
    fn of(&self, group: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in self.own.get(group).unwrap_or(&self.any) {
            if name != group && !found.contains(name) {
                found.push(name.clone());
            }
        }
        found
    }
}
