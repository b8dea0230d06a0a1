//! Model name → model group: exact name, then alias, then the most specific wildcard.

use hashbrown::HashMap;

use crate::config::{Alias, Group};

/// Finds the group of a model name.
#[derive(Debug, Default)]
pub struct Routes {
    exact: HashMap<String, usize>,
    /// The most specific first.
    wildcards: Vec<Wildcard>,
}

#[derive(Debug)]
struct Wildcard {
    prefix: String,
    suffix: String,
    group: usize,
}

/// Where a model name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'m> {
    /// Index of the group.
    pub group: usize,
    /// What the group's `*` stands for.
    pub wildcard: Option<&'m str>,
}

impl Routes {
    /// Builds the look-up. An alias of a group that is not there leads nowhere.
    pub fn new(groups: &[Group], aliases: &[Alias]) -> Self {
        let mut routes = Self::default();
        for (at, group) in groups.iter().enumerate() {
            match group.name.split_once('*') {
                None => _ = routes.exact.insert(group.name.clone(), at),
                Some((prefix, suffix)) => routes.wildcards.push(Wildcard {
                    prefix: prefix.to_owned(),
                    suffix: suffix.to_owned(),
                    group: at,
                }),
            }
        }
        routes.wildcards.sort_by_key(|wildcard| {
            core::cmp::Reverse((wildcard.prefix.len() + wildcard.suffix.len(), wildcard.prefix.len()))
        });
        for alias in aliases {
            if let Some(group) = groups.iter().position(|group| group.name == alias.group) {
                routes.exact.entry(alias.name.clone()).or_insert(group);
            }
        }
        routes
    }

    /// The group of that model.
    pub fn find<'m>(&self, model: &'m str) -> Option<Route<'m>> {
        if let Some(group) = self.exact.get(model) {
            return Some(Route { group: *group, wildcard: None });
        }
        self.wildcards.iter().find_map(|wildcard| {
            let rest = model.strip_prefix(&*wildcard.prefix)?.strip_suffix(&*wildcard.suffix)?;
            (!rest.is_empty()).then_some(Route { group: wildcard.group, wildcard: Some(rest) })
        })
    }
}

/// Whether a pattern of a key's `models` (a name, `*`, or a name with one `*`) covers a model.
pub fn covers(pattern: &str, model: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == model,
        Some((prefix, suffix)) => {
            model.len() >= prefix.len() + suffix.len() && model.starts_with(prefix) && model.ends_with(suffix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(names: &[&str], aliases: &[(&str, &str)]) -> Routes {
        let groups: Vec<Group> = names
            .iter()
            .map(|name| Group {
                name: (*name).to_owned(),
                cluster: format!("group:{name}"),
                ..Group::default()
            })
            .collect();
        let aliases: Vec<Alias> = aliases
            .iter()
            .map(|(name, group)| Alias {
                name: (*name).to_owned(),
                group: (*group).to_owned(),
                hidden: false,
            })
            .collect();
        Routes::new(&groups, &aliases)
    }

    #[test]
    fn an_exact_name_wins_over_every_wildcard() {
        let routes = routes(&["*", "anthropic/*", "anthropic/claude"], &[]);
        assert_eq!(routes.find("anthropic/claude"), Some(Route { group: 2, wildcard: None }));
        assert_eq!(routes.find("anthropic/x"), Some(Route { group: 1, wildcard: Some("x") }));
        assert_eq!(routes.find("anything"), Some(Route { group: 0, wildcard: Some("anything") }));
    }

    #[test]
    fn an_alias_leads_to_its_group_and_never_hides_one() {
        let routes =
            routes(&["gpt-4o", "claude"], &[("smart", "claude"), ("gpt-4o", "claude"), ("lost", "no")]);
        assert_eq!(routes.find("smart").map(|route| route.group), Some(1));
        assert_eq!(routes.find("gpt-4o").map(|route| route.group), Some(0));
        assert_eq!(routes.find("lost"), None);
    }

    #[test]
    fn a_wildcard_stands_for_at_least_one_character() {
        assert_eq!(routes(&["anthropic/*"], &[]).find("anthropic/"), None);
    }

    #[test]
    fn patterns_of_keys_cover_names() {
        assert!(covers("anthropic/*", "anthropic/claude"));
        assert!(covers("*", "x"));
        assert!(!covers("gpt-4o", "gpt-4o-mini"));
        assert!(!covers("ab*ba", "aba"));
    }
}
