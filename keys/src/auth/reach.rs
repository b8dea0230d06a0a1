//! The paths of this service that a key with `allowed_routes` may call.

use switchboard::route::covers_path;

/// `LiteLLM`'s names for groups of paths, with the paths of this service in each. The model paths
/// (`llm_api_routes`) are the filter's.
const GROUPS: [(&str, &[&str]); 2] = [
    (
        "info_routes",
        &[
            "/key/info",
            "/v2/key/info",
            "/key/list",
            "/key/aliases",
            "/key/health",
            "/user/info",
            "/user/list",
            "/team/info",
            "/team/list",
            "/customer/info",
            "/customer/list",
            "/end_user/info",
            "/end_user/list",
            "/tag/info",
            "/tag/list",
            "/organization/info",
            "/organization/list",
            "/budget/info",
            "/budget/list",
            "/spend/logs",
            "/audit",
            "/audit/*",
            "/spend/keys",
            "/spend/users",
            "/spend/tags",
            "/global/*",
            "/user/daily/activity",
            "/user/daily/activity/aggregated",
            "/team/daily/activity",
            "/tag/daily/activity",
            "/organization/daily/activity",
        ],
    ),
    (
        "management_routes",
        &[
            "/key/*",
            "/v2/key/info",
            "/user/*",
            "/team/*",
            "/customer/*",
            "/end_user/*",
            "/tag/*",
            "/organization/*",
            "/budget/*",
            "/spend/*",
            "/model/*",
            "/audit",
            "/audit/*",
            "/global/*",
        ],
    ),
];

/// Whether a key with this list may call this path. An empty list allows every path. An entry is a path, which includes those
/// below it, the beginning of paths with a `*` after it, or the name of a group. The rules are those of the filter.
pub fn reaches(allowed: &[String], path: &str) -> bool {
    allowed.is_empty()
        || allowed.iter().any(|entry| covers_path(entry, path) || group(entry).any(|of| matches(of, path)))
}

fn group(name: &str) -> impl Iterator<Item = &'static str> {
    GROUPS.into_iter().filter(move |(group, _)| *group == name).flat_map(|(_, paths)| paths.iter().copied())
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) if prefix.ends_with('/') => path.starts_with(prefix),
        _ => pattern == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_allows_its_paths_patterns_and_groups_and_nothing_else() {
        for (entry, path, allowed) in [
            ("/key/info", "/key/info", true),
            ("/key/info", "/key/infos", false),
            ("/key/*", "/key/info", true),
            ("/key/*", "/keys", false),
            ("/key*", "/key/info", true),
            ("/key", "/key/info", true),
            ("/ke", "/key/info", false),
            ("*", "/key/info", true),
            ("info_routes", "/key/info", true),
            ("info_routes", "/key/generate", false),
            ("management_routes", "/key/generate", true),
            ("llm_api_routes", "/key/info", false),
            ("unheard_routes", "/key/info", false),
        ] {
            assert_eq!(reaches(&[entry.to_owned()], path), allowed, "{entry} {path}");
        }
        assert!(reaches(&[], "/key/info"));
    }
}
