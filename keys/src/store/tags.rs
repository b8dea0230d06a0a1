//! The tags of keys and teams, which every request of theirs has in the spend log besides its own.

use serde_json::{Map, Value};

/// The tags in the settings of a key or a team, which are JSON: the field `tags`, and `metadata.tags`.
pub(super) fn of(settings: &str) -> Vec<String> {
    if !settings.contains("\"tags\"") {
        return Vec::new();
    }
    in_settings(&serde_json::from_str(settings).unwrap_or_default())
}

/// The same, in settings that have been read.
pub(super) fn in_settings(settings: &Map<String, Value>) -> Vec<String> {
    let field = settings.get("tags");
    let in_metadata = settings.get("metadata").and_then(|metadata| metadata.get("tags"));
    let lists = [field, in_metadata].into_iter().filter_map(|tags| tags?.as_array());
    lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A request's own tags, then those of its key and its team, each once.
pub(super) fn joined<'t>(
    own: impl Iterator<Item = String>,
    inherited: impl Iterator<Item = &'t String>,
) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in own.chain(inherited.cloned()) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_field_or_part_of_the_metadata() {
        assert_eq!(of(r#"{"metadata":{"tags":["a",1,"b"]},"tags":["c"]}"#), ["c", "a", "b"]);
        for settings in ["{}", r#"{"tags":"a"}"#, r#"{"metadata":{"tags":null}}"#, r#"{"metadata":["tags"]}"#]
        {
            assert!(of(settings).is_empty(), "{settings}");
        }
    }

    #[test]
    fn every_tag_is_there_once_and_the_requests_own_come_first() {
        let own = ["z", "k"].map(str::to_owned);
        let inherited = ["k", "t", "t"].map(str::to_owned);
        assert_eq!(joined(own.into_iter(), inherited.iter()), ["z", "k", "t"]);
    }
}
