//! How the key service of a cluster gets `config.yaml`: from a `ConfigMap`, or from the `Secret` if it contains secrets.

use std::io;

use serde_json::{Map, Value, json};

use super::workload::metadata;
use super::{Place, Resource};
use switchboard_compile::config::Setting;
use switchboard_compile::config::yaml::{self, Node};
use switchboard_compile::plan::{Origin, Plan, by_reference};

/// Name of the file, in the `ConfigMap` and in the `Secret`.
pub(super) const FILE: &str = "config.yaml";

/// Name of the `ConfigMap`.
const NAME: &str = "switchboard-keys";

/// Where the `ConfigMap` is mounted.
const FOLDER: &str = "/etc/switchboard/config";

/// Parts of the names of settings whose values are secrets.
const TELLING: [&str; 7] = ["credential", "database_url", "dsn", "key", "passw", "secret", "token"];

/// The file, for the key service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConfigFile {
    /// It is shown.
    ConfigMap,
    /// It contains secrets, so the operator puts it into the `Secret`.
    Secret,
}

impl ConfigFile {
    pub(super) fn of(plan: &Plan, place: &Place) -> Self {
        let (_, credentials) = by_reference(&plan.credentials);
        let mut variables = plan.variables.iter().chain(&credentials);
        let names = |name: &str| credentials.iter().any(|variable| variable.name == name);
        let has_secrets = variables.any(|variable| matches!(variable.origin, Origin::Inline(_)))
            || place
                .files
                .iter()
                .any(|(_, text)| yaml::parse(text).is_ok_and(|root| holds_secret(&root, &names)));
        if has_secrets { Self::Secret } else { Self::ConfigMap }
    }

    /// Where the key service finds it; `secrets` is where the `Secret` is mounted.
    pub(super) fn path(self, secrets: &str) -> String {
        match self {
            Self::ConfigMap => format!("{FOLDER}/{FILE}"),
            Self::Secret => format!("{secrets}/{FILE}"),
        }
    }

    /// The volume, and where it is mounted.
    pub(super) fn volume(self) -> Option<(Value, Value)> {
        (self == Self::ConfigMap).then(|| {
            (
                json!({ "name": "config", "configMap": { "name": NAME } }),
                json!({ "name": "config", "mountPath": FOLDER, "readOnly": true }),
            )
        })
    }

    /// The `ConfigMap`.
    pub(super) fn resource(self, place: &Place) -> Option<Resource> {
        (self == Self::ConfigMap).then(|| {
            Resource::because(
                json!({
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": metadata(place, NAME, "keys"),
                    "data": place.files.iter().map(|(path, text)| {
                        (path.clone(), Value::from(text.trim_end()))
                    }).collect::<Map<_, _>>(),
                }),
                &[("data", "A change is used by all Envoys without a restart.")],
            )
        })
    }
}

/// # Errors
/// An included file cannot be in a `ConfigMap` or a `Secret`, which have no directories.
pub(super) fn check(place: &Place) -> io::Result<()> {
    match place.files.iter().find(|(path, _)| path.contains('/')) {
        None => Ok(()),
        Some((path, _)) => Err(io::Error::other(format!(
            "config.yaml includes {path}, but a ConfigMap has no directories: move the file next to config.yaml"
        ))),
    }
}

/// Whether a literal value in the tree is, or may be, a secret. `is_credential` knows variables that credentials refer to.
fn holds_secret(node: &Node, is_credential: &dyn Fn(&str) -> bool) -> bool {
    match &node.value {
        yaml::Value::List(items) => items.iter().any(|item| holds_secret(item, is_credential)),
        yaml::Value::Map(entries) => entries.iter().any(|(key, node)| match &node.value {
            yaml::Value::Text(text) if !text.is_empty() => {
                let name = key.name.to_ascii_lowercase();
                let tells = TELLING.iter().any(|part| name.contains(part)) && !name.ends_with("_name");
                matches!(Setting::parse(text), Setting::Literal(_))
                    && (tells || is_credential(&key.name) || has_password(text))
            }
            _ => holds_secret(node, is_credential),
        }),
        yaml::Value::Text(text) => has_password(text),
        _ => false,
    }
}

/// `scheme://user:password@host`
fn has_password(text: &str) -> bool {
    let authority =
        text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    authority.is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        holds_secret(&yaml::parse(text).unwrap(), &|name| name == "ACCOUNT")
    }

    #[test]
    fn secrets_are_found_wherever_they_are() {
        for text in [
            "general_settings: {master_key: sk-1}",
            "environment_variables: {ACCOUNT: x}",
            "environment_variables: {LANGFUSE_SECRET_KEY: x}",
            "litellm_settings: {cache_params: {url: 'redis://:x@cache:6379'}}",
            "a: [[{b: [{password: x}]}]]",
            "a: ['https://user:x@host/']",
        ] {
            assert!(holds(text), "{text}");
        }
    }

    #[test]
    fn references_and_numbers_are_no_secrets() {
        for text in [
            "general_settings: {master_key: os.environ/A, database_url: ''}",
            "model_list: [{model_name: m, litellm_params: {model: openai/m, max_tokens: 7, api_base: 'https://h/a@b'}}]",
            "litellm_params: {litellm_credential_name: mine}",
            "",
        ] {
            assert!(!holds(text), "{text}");
        }
    }
}
