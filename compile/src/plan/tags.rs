//! `enable_tag_filtering` → a cluster for each part of a group that requests select by their tags.
//!
//! Envoy balances the load within a cluster, so the deployments that fit a request must be one. The tags of requests can select
//! very many combinations of a group's deployments. There is a cluster for each tag, for each deployment, for what has the
//! tag `default`, for nothing, and for combinations of tags as long as there are not too many. For what has no cluster of its
//! own the filter takes one with fewer deployments.

use std::collections::{BTreeMap, BTreeSet};

use switchboard::config::{Group, TagFiltering};
use switchboard::tags::{DEFAULT_TAG, eligible};

use super::deployments::Deployment;
use super::groups::cluster_name;
use crate::config::Config;

/// Largest number of combinations of tags with a separate cluster, for each group.
const MOST_COMBINATIONS: usize = 32;

/// The deployments of a part, by index in the group.
type Part = Vec<usize>;

/// The setting for the filter.
pub(super) fn filtering(config: &Config) -> Option<TagFiltering> {
    let match_any = config.router.match_any_tag.unwrap_or(true);
    config.router.tag_filtering.then_some(TagFiltering { match_any })
}

/// Adds the parts of all groups that have deployments.
pub(super) fn compile(config: &Config, deployments: &[Deployment], groups: &mut Vec<Group>) {
    let Some(filtering) = filtering(config) else { return };
    let wholes: Vec<Group> = groups.iter().filter(|group| group.part_of.is_none()).cloned().collect();
    for whole in wholes {
        let members = deployments.iter().map(|deployment| &deployment.document);
        let members: Vec<_> = members.filter(|document| document.group == whole.name).collect();
        if members.is_empty() {
            continue;
        }
        let tags: Vec<&[String]> = members.iter().map(|document| document.tags.as_slice()).collect();
        for (part, label) in parts(&tags, filtering.match_any) {
            let mut name = format!("tags:{}:{label}", whole.name);
            while groups.iter().any(|group| group.name == name) {
                name.push('+');
            }
            groups.push(Group {
                cluster: cluster_name("", &name),
                name,
                part_of: Some(whole.name.clone()),
                subset: Some(part.iter().map(|at| members[*at].id.clone()).collect()),
                ..whole.clone()
            });
        }
    }
}

/// The parts of a group whose deployments have these tags, without the whole; each with a name that says what it is.
fn parts(deployments: &[&[String]], match_any: bool) -> BTreeMap<Part, String> {
    let vocabulary: BTreeSet<&str> = deployments.iter().copied().flatten().map(String::as_str).collect();
    let of = |tags: &[&str]| eligible(deployments, tags, match_any);
    let mut parts = BTreeMap::new();
    let add = |parts: &mut BTreeMap<Part, String>, part: Part, label: String| {
        (part.len() < deployments.len() && !parts.contains_key(&part)).then(|| parts.insert(part, label))
    };
    add(&mut parts, Part::new(), String::new());
    add(&mut parts, of(&[]), DEFAULT_TAG.to_owned());
    let mut newest: Vec<Vec<&str>> = vocabulary.iter().map(|tag| vec![*tag]).collect();
    for tags in &newest {
        add(&mut parts, of(tags), tags.concat());
    }
    // Combinations of two tags, then of three, and so on; none is part of one that adds nothing.
    let most = parts.len() + MOST_COMBINATIONS;
    while !newest.is_empty() && parts.len() < most {
        let mut larger = Vec::new();
        for tags in &newest {
            for tag in vocabulary.iter().filter(|tag| tags.last().is_none_or(|last| last < *tag)) {
                let tags = [tags.as_slice(), &[*tag]].concat();
                if parts.len() < most && add(&mut parts, of(&tags), tags.join("+")).is_some() {
                    larger.push(tags);
                }
            }
        }
        newest = larger;
    }
    for alone in 0..deployments.len() {
        add(&mut parts, vec![alone], format!("deployment-{alone}"));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(deployments: &[&[&str]], match_any: bool) -> Vec<(String, Part)> {
        let owned: Vec<Vec<String>> =
            deployments.iter().map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect()).collect();
        let tags: Vec<&[String]> = owned.iter().map(Vec::as_slice).collect();
        parts(&tags, match_any).into_iter().map(|(part, label)| (label, part)).collect()
    }

    fn expected(parts: &[(&str, &[usize])]) -> Vec<(String, Part)> {
        let mut parts: Vec<_> =
            parts.iter().map(|(label, part)| ((*label).to_owned(), part.to_vec())).collect();
        parts.sort_by(|a, b| a.1.cmp(&b.1));
        parts
    }

    #[test]
    fn there_is_a_part_for_each_selection_of_tags_without_the_whole() {
        let found = named(&[&["a"], &["b"], &["default"]], true);
        let all = expected(&[
            ("", &[]),
            ("default", &[2]),
            ("a", &[0]),
            ("b", &[1]),
            ("a+b", &[0, 1]),
            ("a+default", &[0, 2]),
            ("b+default", &[1, 2]),
        ]);
        assert_eq!(found, all);
        let found = named(&[&["a", "b"], &["a"], &[]], false);
        let all = expected(&[
            ("", &[]),
            ("a", &[0, 1]),
            ("b", &[0]),
            ("deployment-1", &[1]),
            ("deployment-2", &[2]),
        ]);
        assert_eq!(found, all);
        assert_eq!(named(&[&[]], true), expected(&[("", &[])]));
    }

    #[test]
    fn many_tags_have_a_bounded_number_of_parts_and_each_tag_has_one() {
        let tags: Vec<String> = (0..40).map(|tag| format!("t{tag:02}")).collect();
        let own: Vec<Vec<&str>> = tags.iter().map(|tag| vec![tag.as_str()]).collect();
        let own: Vec<&[&str]> = own.iter().map(Vec::as_slice).collect();
        let found = named(&own, true);
        assert!(found.len() <= 40 + 1 + MOST_COMBINATIONS, "{}", found.len());
        for (at, tag) in tags.iter().enumerate() {
            assert!(found.contains(&(tag.clone(), vec![at])), "{tag}");
        }
    }
}
