//! Tag routing: which deployments of a group may serve a request, by its tags and theirs
//! (`router_settings.enable_tag_filtering`). The rules are those of `LiteLLM`'s `tag_based_routing.py`.

use hashbrown::HashMap;

use crate::config::{Deployment, Group};

/// The tag of deployments that serve requests that match no other.
pub const DEFAULT_TAG: &str = "default";

/// The deployments, by index, that may serve a request with these tags; `deployments` are their tags.
///
/// A deployment fits if it has one of the request's tags, or with `match_any` unset all of them. `&tag` must be among its tags,
/// and `!tag` must not. A request without tags, or whose tags no deployment of the group has, is served by those with
/// [`DEFAULT_TAG`]; one without tags by all if there are none.
pub fn eligible<D: AsRef<[String]>>(deployments: &[D], tags: &[&str], match_any: bool) -> Vec<usize> {
    let after =
        |mark: char| tags.iter().filter_map(move |tag| tag.strip_prefix(mark)).filter(|tag| !tag.is_empty());
    let has = |own: &[String], tag: &str| own.iter().any(|own| own == tag);
    let wanted = || tags.iter().filter(|tag| !tag.starts_with(['&', '!']));
    let is_excluded = |own: &[String]| after('!').any(|tag| has(own, tag));
    let is_allowed = |own: &[String]| !is_excluded(own) && after('&').all(|tag| has(own, tag));
    let those = |fits: &dyn Fn(&[String]) -> bool| -> Vec<usize> {
        let fitting = deployments.iter().enumerate().filter(|(_, own)| fits(own.as_ref()));
        fitting.map(|(at, _)| at).collect()
    };
    if wanted().next().is_none() {
        if after('&').next().is_some() {
            return those(&is_allowed);
        }
        let has_default = deployments.iter().any(|own| has(own.as_ref(), DEFAULT_TAG));
        return those(&|own| (!has_default || has(own, DEFAULT_TAG)) && !is_excluded(own));
    }
    let fits = |own: &[String]| {
        let mut wanted = wanted();
        is_allowed(own)
            && if match_any { wanted.any(|tag| has(own, tag)) } else { wanted.all(|tag| has(own, tag)) }
    };
    let fitting = those(&fits);
    let is_known = || deployments.iter().any(|own| wanted().any(|tag| has(own.as_ref(), tag)));
    if !fitting.is_empty() || is_known() {
        return fitting;
    }
    those(&|own| is_allowed(own) && has(own, DEFAULT_TAG))
}

/// The parts of the groups of a configuration, by the tags of requests.
#[derive(Debug, Default)]
pub struct Subsets {
    /// By the index of the group.
    groups: HashMap<usize, Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    /// The tags of its deployments.
    tags: Vec<Vec<String>>,
    /// The deployments of each part, by index, and the part's index among the groups.
    parts: Vec<(Vec<usize>, usize)>,
}

impl Subsets {
    /// Reads the parts. `members` are the deployments of a group.
    pub fn new<'d, I: Iterator<Item = &'d Deployment>>(
        groups: &[Group],
        members: impl Fn(&str) -> I,
    ) -> Self {
        let mut subsets = Self::default();
        for (at, part) in groups.iter().enumerate() {
            let (Some(ids), Some(whole)) = (&part.subset, &part.part_of) else { continue };
            let Some(whole_at) = groups.iter().position(|group| group.name == *whole) else { continue };
            let of_part = |(_, deployment): &(usize, &Deployment)| ids.contains(&deployment.id);
            let own = members(whole).enumerate().filter(of_part).map(|(index, _)| index).collect();
            let group = subsets.groups.entry(whole_at).or_insert_with(|| Parts {
                tags: members(whole).map(|deployment| deployment.tags.clone()).collect(),
                parts: Vec::new(),
            });
            group.parts.push((own, at));
        }
        subsets
    }

    /// The part of a group that serves requests with these tags, or the group if all of its deployments do; `None` if there is
    /// no such part.
    ///
    /// If no part has exactly the deployments that fit, it is one of the largest with only such; `turn` says which.
    pub fn find(&self, group: usize, tags: &[&str], match_any: bool, turn: u64) -> Option<usize> {
        // A group without parts has no deployments, or is one of them.
        let Some(Parts { tags: own, parts }) = self.groups.get(&group) else { return Some(group) };
        let fitting = eligible(own, tags, match_any);
        if fitting.len() == own.len() {
            return Some(group);
        }
        let within = || parts.iter().filter(|(part, _)| part.iter().all(|at| fitting.contains(at)));
        let most = within().map(|(part, _)| part.len()).max()?;
        let largest = || within().filter(|(part, _)| part.len() == most);
        let turn = usize::try_from(turn % (largest().count().max(1) as u64)).ok()?;
        largest().nth(turn).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(deployments: &[&[&str]], tags: &[&str], match_any: bool) -> Vec<usize> {
        let deployments: Vec<Vec<String>> =
            deployments.iter().map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect()).collect();
        eligible(&deployments, tags, match_any)
    }

    const TIERS: &[&[&str]] = &[&["free"], &["paid", "eu"], &["paid", "us"], &["default"], &[]];

    #[test]
    fn a_deployment_fits_with_one_of_the_tags_or_with_all_of_them() {
        assert_eq!(found(TIERS, &["free"], true), [0]);
        assert_eq!(found(TIERS, &["free", "eu", "unknown"], true), [0, 1]);
        assert_eq!(found(TIERS, &["paid", "us"], false), [2]);
        assert_eq!(found(TIERS, &["paid"], false), [1, 2]);
    }

    #[test]
    fn what_fits_nobody_goes_to_the_default_unless_a_deployment_has_one_of_its_tags() {
        assert_eq!(found(TIERS, &[], true), [3]);
        assert_eq!(found(TIERS, &["unknown"], true), [3]);
        assert_eq!(found(TIERS, &["paid", "unknown"], false), [0; 0]);
        assert_eq!(found(&TIERS[..3], &["unknown"], true), [0; 0]);
        assert_eq!(found(&TIERS[..3], &[], true), [0, 1, 2]);
        assert_eq!(found(&[&[], &[]], &["any"], true), [0; 0]);
        assert_eq!(found(&[], &["any"], true), [0; 0]);
    }

    #[test]
    fn the_part_of_a_request_is_the_largest_with_only_deployments_that_fit() {
        let deployment = |id: &str, tags: &[&str]| Deployment {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..crate::json::read(
                format!(r#"{{"id":"{id}","group":"m","provider":"openai","model":"m","api_base":""}}"#)
                    .as_bytes(),
            )
            .unwrap()
        };
        let deployments = [deployment("a", &["x"]), deployment("b", &["y"]), deployment("c", &["z"])];
        let part = |ids: &[&str]| Group {
            name: ids.concat(),
            part_of: Some("m".into()),
            subset: Some(ids.iter().map(|id| (*id).to_owned()).collect()),
            ..Group::default()
        };
        let whole = Group { name: "m".into(), ..Group::default() };
        let other = Group { name: "other".into(), ..Group::default() };
        let groups = [whole, part(&["a"]), part(&["b"]), part(&["c"]), part(&["a", "b"]), part(&[]), other];
        let subsets = Subsets::new(&groups, |_| deployments.iter());
        let find = |tags: &[&str], turn| subsets.find(0, tags, true, turn);
        assert_eq!(find(&[], 0), Some(0));
        assert_eq!(find(&["x", "y", "z"], 0), Some(0));
        assert_eq!(find(&["x", "y"], 7), Some(4));
        assert_eq!([0, 1, 2].map(|turn| find(&["y", "z"], turn)), [Some(2), Some(3), Some(2)]);
        assert_eq!(find(&["unknown"], 0), Some(5));
        assert_eq!(subsets.find(6, &["x"], true, 0), Some(6), "a group without deployments");
    }

    #[test]
    fn tags_can_be_required_and_excluded() {
        assert_eq!(found(TIERS, &["paid", "!eu"], true), [2]);
        assert_eq!(found(TIERS, &["&paid"], true), [1, 2]);
        assert_eq!(found(TIERS, &["free", "paid", "&us"], true), [2]);
        assert_eq!(found(TIERS, &["!default"], true), [0; 0]);
        assert_eq!(found(&TIERS[..3], &["!paid"], true), [0]);
        assert_eq!(found(TIERS, &["&paid", "&unknown"], true), [0; 0]);
        assert_eq!(found(TIERS, &["free", "!free"], true), [0; 0]);
        assert_eq!(found(TIERS, &["!", "&"], true), [3], "a mark alone is no tag");
    }
}
