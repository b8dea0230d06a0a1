//! The credentials that the filter's document names, and what the key service makes them from.

use serde_json::{Value, json};
use switchboard::providers::{Auth, Preset, Provider};

use super::credential::{Credential, CredentialKind};
use super::variables::{Origin, Variable, Variables, own_name};
use crate::config::{At, Model, Secret, Setting};

/// Settings that may be shown.
const SHOWN: [&str; 10] = [
    "aws_profile_name",
    "aws_region_name",
    "aws_role_name",
    "aws_session_name",
    "aws_sts_endpoint",
    "azure_scope",
    "certificate",
    "client_id",
    "machine",
    "tenant_id",
];

/// Variables with Azure's settings, in `LiteLLM`'s and in Azure's own names.
const AZURE: [(&str, &str); 8] = [
    ("tenant_id", "AZURE_TENANT_ID"),
    ("client_id", "AZURE_CLIENT_ID"),
    ("client_secret", "AZURE_CLIENT_SECRET"),
    ("azure_scope", "AZURE_SCOPE"),
    ("certificate", "AZURE_CERTIFICATE_PATH"),
    ("certificate", "AZURE_CLIENT_CERTIFICATE_PATH"),
    ("federated_token_file", "AZURE_FEDERATED_TOKEN_FILE"),
    ("azure_ad_token", "AZURE_AD_TOKEN"),
];

/// Settings of credentials, which are not options of the provider.
pub(super) const SETTINGS: [&str; 16] = [
    "aws_access_key_id",
    "aws_bearer_token",
    "aws_external_id",
    "aws_profile_name",
    "aws_role_name",
    "aws_secret_access_key",
    "aws_session_name",
    "aws_session_token",
    "aws_sts_endpoint",
    "aws_web_identity_token",
    "azure_ad_token",
    "azure_scope",
    "client_id",
    "client_secret",
    "tenant_id",
    "vertex_credentials",
];

/// The credential of a deployment; `None` if it has none. `options` are the deployment's.
pub(super) fn of(
    model: &Model,
    id: &str,
    provider: &Provider,
    options: &[(String, String)],
    variables: &mut Variables<'_>,
) -> Option<String> {
    let given = Given { model, id, provider };
    match provider.auth {
        Auth::None => None,
        Auth::Aws { .. } => Some(given.aws(options, variables)),
        Auth::HeaderOrToken { .. } if model.params.api_key.is_none() || given.has("azure_ad_token") => {
            Some(given.azure(variables))
        }
        _ if !provider.token_source.is_empty() && model.params.api_key.is_none() => {
            Some(given.google(variables))
        }
        _ => given.key(variables),
    }
}

/// An entry and its provider.
struct Given<'a> {
    model: &'a Model,
    id: &'a str,
    provider: &'a Provider,
}

impl Given<'_> {
    fn path(&self, setting: &str) -> String {
        format!("{}.litellm_params.{setting}", self.model.path)
    }

    fn has(&self, name: &str) -> bool {
        self.model.params.options.iter().any(|(option, _)| *option == name)
    }

    /// The entry's own settings whose names begin so.
    fn own(&self, prefixes: &[&str], variables: &Variables<'_>) -> Vec<(String, Setting)> {
        let options = self.model.params.options.iter();
        let own = options.filter(|(name, _)| {
            SETTINGS.contains(name) && prefixes.iter().any(|prefix| name.starts_with(prefix))
        });
        let setting = |(name, setting): &(&'static str, At<Setting>)| {
            variables.warn_if_unset(setting, &self.path(name));
            ((*name).to_owned(), setting.value.clone())
        };
        own.map(setting).collect()
    }

    /// `api_key`, or the provider's usual variable.
    fn key(&self, variables: &mut Variables<'_>) -> Option<String> {
        let (provider, path) = (self.provider, self.path("api_key"));
        if let Some(setting) = &self.model.params.api_key {
            variables.warn_if_unset(setting, &path);
            return Some(variables.key(&setting.value, self.id, "API_KEY", &path));
        }
        if provider.key_env.is_empty()
            || provider.auth == Auth::BearerIfAny && variables.usual(provider.key_env).is_none()
        {
            return None;
        }
        variables.warn_if_no_key(provider, self.model.params.at, &self.model.path);
        let settings = self.usual_keys();
        Some(variables.credential(CredentialKind::Key, settings, provider.key_env, self.id, &path))
    }

    /// The provider's usual variables as `api_key`.
    fn usual_keys(&self) -> Vec<(String, Setting)> {
        let names = std::iter::once(&self.provider.key_env).chain(self.provider.other_key_envs);
        let names = names.filter(|name| !name.is_empty());
        names.map(|name| ("api_key".to_owned(), Setting::Environment((*name).to_owned()))).collect()
    }

    fn aws(&self, options: &[(String, String)], variables: &mut Variables<'_>) -> String {
        let mut settings = self.own(&["aws_"], variables);
        for (name, _) in settings.iter_mut().filter(|(name, _)| name == "aws_bearer_token") {
            "api_key".clone_into(name);
        }
        let path = self.path("api_key");
        if let Some(setting) = &self.model.params.api_key {
            variables.warn_if_unset(setting, &path);
            settings.push(("api_key".to_owned(), setting.value.clone()));
        } else if settings.is_empty() {
            settings = self.usual_keys();
        }
        let has = |name: &str| settings.iter().any(|(setting, _)| setting == name);
        // The environment's keys are the identity that assumes a role, unless the entry gives another.
        let takes_environment = !["aws_access_key_id", "aws_profile_name"].into_iter().any(has)
            && self.model.params.api_key.is_none();
        let usual = if settings.iter().all(
            |(_, setting)| matches!(setting, Setting::Environment(name) if *name == self.provider.key_env),
        ) {
            "AWS"
        } else {
            ""
        };
        if takes_environment {
            settings.extend(self.secret_presets().filter_map(|preset| {
                let variable = Setting::Environment((*preset.env.first()?).to_owned());
                Some((preset.name.to_owned(), variable))
            }));
        }
        let region = options.iter().find(|(name, _)| name == "aws_region_name");
        settings.extend(
            region.map(|(name, region)| (name.clone(), Setting::Literal(Secret::new(region.as_str())))),
        );
        variables.credential(CredentialKind::Aws, settings, usual, self.id, &path)
    }

    /// Options of the provider's row that are secret: credentials that do instead of a key.
    fn secret_presets(&self) -> impl Iterator<Item = &'static Preset> {
        self.provider.options.iter().filter(|preset| SETTINGS.contains(&preset.name))
    }

    fn azure(&self, variables: &mut Variables<'_>) -> String {
        let mut settings = self.own(&["azure_", "client_", "tenant_"], variables);
        let is_usual = settings.is_empty();
        if is_usual {
            let others = AZURE.iter().any(|(_, variable)| variables.usual(variable).is_some());
            if !others && !variables.uses_machine {
                variables.warn_if_no_key(self.provider, self.model.params.at, &self.model.path);
            }
            settings = self.usual_keys();
        }
        let usual =
            AZURE.map(|(name, variable)| (name.to_owned(), Setting::Environment(variable.to_owned())));
        // Of the entry's own token or secret, none of the environment may take the place.
        let own = |name: &str| ["azure_ad_token", "client_secret"].contains(&name) && self.has(name);
        let gives = self.has("azure_ad_token") || self.has("client_secret");
        settings.extend(usual.into_iter().filter(|(name, _)| {
            !own(name) && (!gives || ["tenant_id", "client_id", "azure_scope"].contains(&name.as_str()))
        }));
        if variables.uses_machine {
            settings.push(("machine".to_owned(), Setting::Literal(Secret::new("true"))));
        }
        let usual = if is_usual { self.provider.key_env } else { "" };
        variables.credential(CredentialKind::Azure, settings, usual, self.id, &self.path("api_key"))
    }

    fn google(&self, variables: &mut Variables<'_>) -> String {
        let source = self.provider.token_source;
        let path = self.path(source);
        let own = self.model.params.options.iter().find(|(name, _)| *name == source);
        let (settings, usual) = if let Some((_, setting)) = own {
            variables.warn_if_unset(setting, &path);
            let usual = match &setting.value {
                Setting::Environment(name) => name.as_str(),
                Setting::Literal(_) => "",
            };
            (vec![(source.to_owned(), setting.value.clone())], usual)
        } else {
            let names = std::iter::once(&self.provider.key_env).chain(self.provider.other_key_envs);
            let settings = names.map(|name| (source.to_owned(), Setting::Environment((*name).to_owned())));
            (settings.collect(), self.provider.key_env)
        };
        variables.credential(CredentialKind::Google, settings, usual, self.id, &path)
    }
}

impl Variables<'_> {
    /// A credential that is the value of one setting, and its name.
    pub(super) fn key(&mut self, setting: &Setting, owner: &str, what: &str, path: &str) -> String {
        let usual = match setting {
            Setting::Environment(name) => name.clone(),
            Setting::Literal(_) => own_name(owner, what),
        };
        let settings = vec![("api_key".to_owned(), setting.clone())];
        self.credential(CredentialKind::Key, settings, &usual, owner, path)
    }

    /// A credential's name: that of an equal one, or `usual`, or one for its owner.
    fn credential(
        &mut self,
        kind: CredentialKind,
        settings: Vec<(String, Setting)>,
        usual: &str,
        owner: &str,
        path: &str,
    ) -> String {
        let equal = self.credentials.iter().find(|known| known.kind == kind && known.settings == settings);
        if let Some(known) = equal {
            return known.name.clone();
        }
        let is_taken = |name: &str| self.credentials.iter().any(|known| known.name == name);
        let name = if usual.is_empty() || is_taken(usual) {
            own_name(owner, &format!("{}_{}", kind.name(), self.credentials.len()))
        } else {
            usual.to_owned()
        };
        self.credentials.push(Credential { name: name.clone(), kind, settings, purpose: path.to_owned() });
        name
    }
}

impl Credential {
    /// The same without secrets: each is in a variable instead, which must be given to the key service.
    pub fn by_reference(&self) -> (Self, Vec<Variable>) {
        let (mut settings, mut variables) = (Vec::new(), Vec::new());
        for (name, setting) in &self.settings {
            let (variable, origin) = match setting {
                Setting::Environment(variable) => (variable.clone(), Origin::Operator),
                Setting::Literal(_) if SHOWN.contains(&name.as_str()) => {
                    settings.push((name.clone(), setting.clone()));
                    continue;
                }
                Setting::Literal(secret) => {
                    let is_only = self.settings.len() == 1;
                    let own = format!("{}_{}", self.name, name.to_ascii_uppercase());
                    (if is_only { self.name.clone() } else { own }, Origin::Inline(secret.clone()))
                }
            };
            variables.push(Variable { name: variable.clone(), origin, purpose: self.purpose.clone() });
            settings.push((name.clone(), Setting::Environment(variable)));
        }
        (Self { settings, ..self.clone() }, variables)
    }

    /// For [`CREDENTIALS_ENV`](super::CREDENTIALS_ENV).
    fn json(&self) -> Value {
        let setting = |(name, setting): &(String, Setting)| match setting {
            Setting::Environment(variable) => json!({ "name": name, "env": variable }),
            Setting::Literal(value) => json!({ "name": name, "value": value.reveal() }),
        };
        let settings: Vec<Value> = self.settings.iter().map(setting).collect();
        json!({ "name": self.name, "kind": self.kind.name(), "settings": settings })
    }
}

/// The text of [`CREDENTIALS_ENV`](super::CREDENTIALS_ENV), and the variables that it refers to, sorted.
pub fn by_reference(credentials: &[Credential]) -> (String, Vec<Variable>) {
    let (mut all, mut variables) = (Vec::new(), std::collections::BTreeMap::new());
    for credential in credentials {
        let (credential, named) = credential.by_reference();
        all.push(credential.json());
        for variable in named {
            variables.entry(variable.name.clone()).or_insert(variable);
        }
    }
    (Value::from(all).to_string(), variables.into_values().collect())
}

/// Has Envoy's environment hold the credentials, for operators without a key service, as far as they are in variables:
/// access tokens cannot be.
pub(super) fn from_environment(plan: &mut super::Plan, is_set: &dyn Fn(&str) -> bool) {
    let all = std::mem::take(&mut plan.credentials);
    let find = |name: &Option<String>| all.iter().find(|known| Some(&known.name) == name.as_ref());
    let mut named = Vec::new();
    for deployment in &mut plan.document.deployments {
        for header in &mut deployment.headers {
            let Some(credential) = find(&header.credential) else { continue };
            let (credential, variables) = credential.by_reference();
            (header.value_env, header.credential) = (credential.variable("api_key", is_set), None);
            named.extend(variables);
        }
        let Some(credential) = find(&deployment.credential) else { continue };
        if credential.kind == CredentialKind::Google {
            continue;
        }
        let (credential, variables) = credential.by_reference();
        deployment.api_key_env = credential.variable("api_key", is_set);
        let secrets =
            ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "azure_ad_token"].iter();
        let secrets =
            secrets.filter_map(|name| Some(((*name).to_owned(), credential.variable(name, is_set)?)));
        (deployment.secrets, deployment.credential) = (secrets.collect(), None);
        let is_read = |name: &str| {
            deployment.api_key_env.as_deref() == Some(name)
                || deployment.secrets.iter().any(|(_, variable)| variable == name)
        };
        named.extend(variables.into_iter().filter(|variable| is_read(&variable.name)));
    }
    for variable in named {
        if plan.variables.iter().all(|known| known.name != variable.name) {
            plan.variables.push(variable);
        }
    }
    plan.variables.sort_by(|a, b| a.name.cmp(&b.name));
    plan.credentials = all.into_iter().filter(|known| known.kind == CredentialKind::Google).collect();
}

impl Credential {
    /// The variable with that setting: the first that is set, or the first.
    fn variable(&self, name: &str, is_set: &dyn Fn(&str) -> bool) -> Option<String> {
        let mut variables = self.settings.iter().filter_map(|(setting, value)| match value {
            Setting::Environment(variable) if setting == name => Some(variable),
            _ => None,
        });
        let first = variables.next()?;
        let set = std::iter::once(first).chain(variables).find(|variable| is_set(variable));
        Some(set.unwrap_or(first).clone())
    }
}
