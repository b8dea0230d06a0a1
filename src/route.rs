//! Maps model names to groups: exact name, then alias, then the most specific wildcard, then the wildcard of
//! the model's provider.

use hashbrown::HashMap;

use crate::config::{Alias, Catalog, Group};
use crate::sorted::sort_by_key;

/// Finds the group for a model name.
#[derive(Debug, Default)]
pub struct Routes {
    exact: HashMap<String, usize>,
    /// The most specific ones first.
    wildcards: Vec<Wildcard>,
    /// Models with a known provider.
    catalog: Vec<Catalog>,
    /// The models of each team, by the names that its keys use.
    teams: HashMap<String, Routes>,
}

#[derive(Debug)]
struct Wildcard {
    prefix: String,
    suffix: String,
    group: usize,
}

/// The group for a model name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'m> {
    /// Index of the group.
    pub group: usize,
    /// What the group's `*` matched.
    pub wildcard: Option<&'m str>,
}

impl Routes {
    /// Builds the lookup. An alias of an unknown group is ignored.
    pub fn new(groups: &[Group], aliases: &[Alias], mut catalog: Vec<Catalog>) -> Self {
        for known in &mut catalog {
            known.models.sort_unstable();
        }
        let mut routes = Self { catalog, ..Self::default() };
        for (at, group) in groups.iter().enumerate().filter(|(_, group)| group.part_of.is_none()) {
            routes.add(&group.name, at);
            if group.team_id.is_some() {
                routes.of_team(group.team_id.as_deref()).add(group.public_name(), at);
            }
        }
        routes.sort();
        routes.teams.values_mut().for_each(Self::sort);
        for alias in aliases {
            if let Some(group) = groups.iter().position(|group| group.name == alias.group) {
                routes.exact.entry(alias.name.clone()).or_insert(group);
            }
        }
        let is_named = |group: &Group| group.part_of.is_some() && group.subset.is_none();
        for (at, part) in groups.iter().enumerate().filter(|(_, group)| is_named(group)) {
            routes.add_id(&part.name, part.team_id.as_deref(), at);
        }
        routes
    }

    /// Makes the id of a deployment a name of a group, unless the name is taken. The ids of a team's deployments are names for
    /// that team only, so that they never hide a model of others.
    pub fn add_id(&mut self, id: &str, team_id: Option<&str>, group: usize) {
        self.of_team(team_id).exact.entry(id.to_owned()).or_insert(group);
    }

    fn of_team(&mut self, team_id: Option<&str>) -> &mut Self {
        match team_id {
            Some(team_id) => self.teams.entry(team_id.to_owned()).or_default(),
            None => self,
        }
    }

    fn add(&mut self, name: &str, group: usize) {
        match name.split_once('*') {
            None => _ = self.exact.insert(name.to_owned(), group),
            Some((prefix, suffix)) => {
                self.wildcards.push(Wildcard { prefix: prefix.to_owned(), suffix: suffix.to_owned(), group });
            }
        }
    }

    fn sort(&mut self) {
        sort_by_key(&mut self.wildcards, |wildcard| {
            // The longest first.
            let whole = wildcard.prefix.len() + wildcard.suffix.len();
            (usize::MAX - whole, usize::MAX - wildcard.prefix.len())
        });
    }

    /// The group for a model of a team's key: its team's own models come first.
    pub fn find_in<'m>(&self, team_id: Option<&str>, model: &'m str) -> Option<Route<'m>> {
        let own = team_id.and_then(|team_id| self.teams.get(team_id));
        own.and_then(|own| own.find(model)).or_else(|| self.find(model))
    }

    /// The group for a model.
    pub fn find<'m>(&self, model: &'m str) -> Option<Route<'m>> {
        if let Some(group) = self.exact.get(model) {
            return Some(Route { group: *group, wildcard: None });
        }
        self.wildcards
            .iter()
            .find_map(|wildcard| wildcard.of(&wildcard.prefix, model))
            .or_else(|| self.bare(model))
    }

    /// The group for a model without a provider prefix, such as `gpt-4o`, which belongs to `openai/*`.
    fn bare<'m>(&self, model: &'m str) -> Option<Route<'m>> {
        let is_known =
            |catalog: &&Catalog| catalog.models.binary_search_by(|known| (**known).cmp(model)).is_ok();
        let is_of_family =
            |catalog: &&Catalog| catalog.families.iter().any(|family| model.starts_with(family));
        let catalog =
            self.catalog.iter().find(is_known).or_else(|| self.catalog.iter().find(is_of_family))?;
        self.wildcards.iter().find_map(|wildcard| {
            let prefix = wildcard.prefix.strip_prefix(&*catalog.provider)?.strip_prefix('/')?;
            wildcard.of(prefix, model)
        })
    }

    /// The known models of a provider, without the prefix.
    pub fn models<'r>(&'r self, provider: &'r str) -> impl Iterator<Item = &'r str> {
        let own = move |model: &'r String| {
            model.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model)
        };
        let catalog = self.catalog.iter().filter(move |catalog| catalog.provider == provider);
        catalog.flat_map(|catalog| &catalog.models).map(own)
    }
}

impl Wildcard {
    fn of<'m>(&self, prefix: &str, model: &'m str) -> Option<Route<'m>> {
        let rest = model.strip_prefix(prefix)?.strip_suffix(&*self.suffix)?;
        (!rest.is_empty()).then_some(Route { group: self.group, wildcard: Some(rest) })
    }
}

/// Whether a pattern in a key's `models` (a name, `*`, or a name with one `*`) matches a model.
pub fn covers(pattern: &str, model: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == model,
        Some((prefix, suffix)) => {
            model.len() >= prefix.len() + suffix.len() && model.starts_with(prefix) && model.ends_with(suffix)
        }
    }
}

/// Whether a path, or the beginning of paths with a `*` after it, includes this one: the rules of `LiteLLM` for
/// `allowed_routes`.
pub fn covers_path(route: &str, path: &str) -> bool {
    match route.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None if route.is_empty() => false,
        None => path.strip_prefix(route).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
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
        Routes::new(&groups, &aliases, Vec::new())
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
    fn a_team_has_names_of_its_own_that_hide_those_of_all() {
        let of_team = |name: &str, team: &str, public: Option<&str>, whole: Option<&str>| Group {
            name: name.to_owned(),
            team_id: Some(team.to_owned()),
            team_public_model_name: public.map(str::to_owned),
            part_of: whole.map(str::to_owned),
            ..Group::default()
        };
        let groups = [
            Group { name: "m".to_owned(), ..Group::default() },
            of_team("a_m", "a", Some("m"), None),
            of_team("b_m", "b", Some("m"), None),
            of_team("b_x/*", "b", Some("x/*"), None),
            of_team("id", "b", None, Some("b_m")),
        ];
        let routes = Routes::new(&groups, &[], Vec::new());
        let found = |team, model| routes.find_in(team, model).map(|route| (route.group, route.wildcard));
        assert_eq!(
            [None, Some("a"), Some("b"), Some("c")].map(|team| found(team, "m").map(|(at, _)| at)),
            [Some(0), Some(1), Some(2), Some(0)]
        );
        assert_eq!(found(Some("b"), "x/y"), Some((3, Some("y"))));
        assert_eq!(found(Some("a"), "x/y"), None);
        assert_eq!((found(Some("b"), "id"), found(Some("a"), "id")), (Some((4, None)), None));
    }

    #[test]
    fn a_wildcard_stands_for_at_least_one_character() {
        assert_eq!(routes(&["anthropic/*"], &[]).find("anthropic/"), None);
    }

    #[test]
    fn a_bare_name_finds_the_wildcard_of_its_provider() {
        let names = ["openai/*", "anthropic/claude-*", "azure/*", "exact"];
        let groups: Vec<Group> =
            names.iter().map(|name| Group { name: (*name).to_owned(), ..Group::default() }).collect();
        let catalog = |provider: &str, models: &[&str], families: &[&str]| Catalog {
            provider: provider.to_owned(),
            models: models.iter().map(|model| (*model).to_owned()).collect(),
            families: families.iter().map(|family| (*family).to_owned()).collect(),
        };
        let catalogs = vec![
            catalog("anthropic", &["claude-sonnet-4-5", "instant"], &["claude-"]),
            catalog("azure", &["azure/gpt-4o"], &[]),
            catalog("openai", &["gpt-4o", "exact"], &["gpt-"]),
        ];
        let routes = Routes::new(&groups, &[], catalogs);
        let found = |model| routes.find(model).map(|route| (route.group, route.wildcard));
        assert_eq!(found("gpt-4o"), Some((0, Some("gpt-4o"))));
        assert_eq!(found("gpt-9"), Some((0, Some("gpt-9"))));
        assert_eq!(found("claude-sonnet-4-5"), Some((1, Some("sonnet-4-5"))));
        assert_eq!(found("exact"), Some((3, None)));
        assert_eq!(found("instant"), None, "the wildcard does not cover it");
        assert_eq!(found("llama"), None);
        assert_eq!(routes.models("azure").collect::<Vec<_>>(), ["gpt-4o"]);
        // A wildcard for everything takes precedence, as in LiteLLM.
        let everything: Vec<Group> = [String::from("*"), String::from("openai/*")]
            .map(|name| Group { name, ..Group::default() })
            .into();
        let routes = Routes::new(&everything, &[], vec![catalog("openai", &["gpt-4o"], &[])]);
        assert_eq!(routes.find("gpt-4o").map(|route| route.group), Some(0));
    }

    #[test]
    fn a_path_covers_those_below_it_and_a_beginning_all_that_begin_with_it() {
        for path in ["/v1/embeddings", "/v1", "/v1/*", "/v1*", "*"] {
            assert!(covers_path(path, "/v1/embeddings"), "{path}");
        }
        for path in ["/v1/emb", "/v1/embeddings/", "/v", "/v2*", ""] {
            assert!(!covers_path(path, "/v1/embeddings"), "{path}");
        }
    }

    #[test]
    fn patterns_of_keys_cover_names() {
        assert!(covers("anthropic/*", "anthropic/claude"));
        assert!(covers("*", "x"));
        assert!(!covers("gpt-4o", "gpt-4o-mini"));
        assert!(!covers("ab*ba", "aba"));
    }
}
