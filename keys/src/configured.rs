//! The credentials that a compiled `config.yaml` names, or that `switchboard render` has written to a variable.

use serde::Deserialize;
use switchboard::secret::Secret;
use switchboard_compile::config::Setting as Written;
use switchboard_compile::plan::{self, CREDENTIALS_ENV, CredentialKind};

use crate::credentials::{Definition, Kind, Setting};

/// The credentials in [`CREDENTIALS_ENV`].
///
/// # Errors
/// Its text is not what `switchboard render` writes.
pub fn from_variable(text: &str) -> Result<Vec<Definition>, String> {
    #[derive(Deserialize)]
    struct Entry {
        name: String,
        kind: String,
        settings: Vec<Line>,
    }
    #[derive(Deserialize)]
    struct Line {
        name: String,
        env: Option<String>,
        value: Option<String>,
    }
    let invalid = || format!("{CREDENTIALS_ENV} is not what `switchboard render` writes; render again");
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|_| invalid())?;
    let definition = |entry: Entry| {
        let kinds = [Kind::Key, Kind::Aws, Kind::Azure, Kind::Google];
        let kind = kinds.into_iter().find(|kind| kind.name() == entry.kind)?;
        let setting = |line: Line| {
            let value = line.env.map(Setting::Environment);
            Some((line.name, value.or_else(|| Some(Setting::Literal(Secret::new(line.value?))))?))
        };
        Some(Definition {
            name: entry.name,
            kind,
            settings: entry.settings.into_iter().map(setting).collect::<Option<_>>()?,
        })
    };
    entries.into_iter().map(definition).collect::<Option<_>>().ok_or_else(invalid)
}

impl From<plan::Credential> for Definition {
    fn from(credential: plan::Credential) -> Self {
        let kind = match credential.kind {
            CredentialKind::Key => Kind::Key,
            CredentialKind::Aws => Kind::Aws,
            CredentialKind::Azure => Kind::Azure,
            CredentialKind::Google => Kind::Google,
        };
        let setting = |(name, setting): (String, Written)| match setting {
            Written::Literal(secret) => (name, Setting::Literal(Secret::new(secret.reveal()))),
            Written::Environment(variable) => (name, Setting::Environment(variable)),
        };
        Self { name: credential.name, kind, settings: credential.settings.into_iter().map(setting).collect() }
    }
}

#[cfg(test)]
mod tests {
    use switchboard::price_map::PriceMap;
    use switchboard_compile::config::{self, Report};
    use switchboard_compile::plan::Environment;

    use super::*;

    const FILE: &str = "
environment_variables: {MY_KEY: hush-one}
model_list:
  - model_name: a
    litellm_params: {model: openai/a, api_key: os.environ/MY_KEY}
  - model_name: b
    litellm_params: {model: openai/b, api_key: hush-two}
  - model_name: c
    litellm_params: {model: bedrock/c, aws_region_name: eu-west-1, aws_role_name: 'arn:aws:iam::1:role/r'}
";

    #[test]
    fn what_render_writes_is_read_and_holds_no_secrets() {
        let report = Report::new("config.yaml");
        let config = config::parse(FILE, &report).unwrap();
        let environment = Environment::new(&config.environment, |_| None);
        let plan = plan::compile(&config, &environment, &PriceMap::built_in(), &report);
        let (text, variables) = plan::by_reference(&plan.credentials);
        assert!(!text.contains("hush"), "{text}");
        let definitions = from_variable(&text).unwrap();
        let kinds: Vec<_> = definitions.iter().map(|definition| definition.kind).collect();
        assert_eq!(kinds, [Kind::Key, Kind::Key, Kind::Aws]);
        assert_eq!(definitions[1].settings[0].1, Setting::Environment(definitions[1].name.clone()));
        assert!(variables.iter().any(|variable| variable.name == "MY_KEY"));
        assert!(from_variable("[{}]").is_err());
    }
}
