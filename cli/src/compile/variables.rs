//! The environment: what the configuration reads from it, and what the filter will need in it.

use std::collections::BTreeMap;
use std::fmt;

use super::digest;
use crate::config::yaml::Location;
use crate::config::{At, GeneralSettings, Report, Secret, Setting};

/// Where the filter finds the master key.
pub const MASTER_KEY_ENV: &str = "SWITCHBOARD_MASTER_KEY";

/// Where the key service finds the names of the variables that it fetches access tokens with, commas between them.
pub const TOKEN_SOURCES_ENV: &str = "SWITCHBOARD_GOOGLE_CREDENTIALS";

/// Where the filter finds the bearer token of the key service's internal port.
pub const TOKEN_ENV: &str = "SWITCHBOARD_INTERNAL_TOKEN";

/// `LiteLLM`'s variable with the master key.
const LITELLM_MASTER_KEY: &str = "LITELLM_MASTER_KEY";

/// The key of `LiteLLM`'s examples, which it refuses for that reason.
const EXAMPLE_MASTER_KEY: &str = "sk-1234";

type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// The variables that a configuration can refer to: its own section, over those of the process.
pub struct Environment {
    section: BTreeMap<String, Secret>,
    process: Lookup,
}

impl Environment {
    /// `section` is `environment_variables`; `process` looks up a variable of the process.
    pub fn new(section: &[(String, Setting)], process: impl Fn(&str) -> Option<String> + 'static) -> Self {
        let value = |setting: &Setting| match setting {
            Setting::Literal(secret) => Some(secret.clone()),
            Setting::Environment(name) => process(name).map(Secret::new),
        };
        let section =
            section.iter().filter_map(|(name, setting)| Some((name.clone(), value(setting)?))).collect();
        Self { section, process: Box::new(process) }
    }

    /// The section, references resolved.
    pub fn section(&self) -> Vec<(String, Secret)> {
        self.section.clone().into_iter().collect()
    }

    fn lookup(&self, name: &str) -> Option<Secret> {
        self.section.get(name).cloned().or_else(|| (self.process)(name).map(Secret::new))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("section", &self.section.keys()).finish_non_exhaustive()
    }
}

/// A variable that the filter reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Who gives it its value.
    pub origin: Origin,
    /// What it is for, as a path in `config.yaml` or a sentence.
    pub purpose: String,
}

/// Who gives a variable its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator, who named it.
    Operator,
    /// The program that starts Envoy: the value is in `config.yaml`, and must not be in Envoy's configuration.
    Inline(Secret),
    /// The program that starts Envoy and the key service.
    Launcher,
}

/// The variable for a secret that is written out in the configuration.
fn own_name(owner: &str, what: &str) -> String {
    let owner = digest::hex(owner).to_ascii_uppercase();
    let what: String =
        what.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("SWITCHBOARD_SECRET_{owner:.12}_{what}")
}

/// Collects the variables of a document while it is compiled.
pub(super) struct Variables<'a> {
    environment: &'a Environment,
    report: &'a Report,
    by_name: BTreeMap<String, Variable>,
    token_sources: BTreeMap<String, Variable>,
    inline: BTreeMap<Secret, String>,
}

/// The variable that [`Variables::master_key`] reads; nothing if the key is written out.
pub(super) fn master_key_env(general: &GeneralSettings) -> Option<String> {
    match general.master_key.as_ref().map(|setting| &setting.value) {
        Some(Setting::Environment(name)) => Some(name.clone()),
        Some(Setting::Literal(_)) => None,
        None => Some(LITELLM_MASTER_KEY.to_owned()),
    }
}

impl<'a> Variables<'a> {
    /// Begins with the two that every document has.
    pub(super) fn new(environment: &'a Environment, report: &'a Report) -> Self {
        let mut variables = Self {
            environment,
            report,
            by_name: BTreeMap::new(),
            token_sources: BTreeMap::new(),
            inline: BTreeMap::new(),
        };
        variables.add(MASTER_KEY_ENV, Origin::Launcher, "the master key, for the filter and the key service");
        variables.add(
            TOKEN_ENV,
            Origin::Launcher,
            "a long random text, the same for Envoy and the key service",
        );
        variables
    }

    /// The name of the variable with a secret; a literal one gets a generated name.
    ///
    /// `owner` is the deployment's id, so that the name outlives other entries of the file: Envoy's environment
    /// is fixed at its start, and a name that counted entries would come to mean another secret.
    pub(super) fn secret(&mut self, setting: &At<Setting>, owner: &str, what: &str, path: &str) -> String {
        let secret = match &setting.value {
            Setting::Environment(name) => {
                self.warn_if_unset(name, setting.at, path);
                self.add(name, Origin::Operator, path);
                return name.clone();
            }
            Setting::Literal(secret) => secret,
        };
        if let Some(name) = self.inline.get(secret) {
            return name.clone();
        }
        let name = own_name(owner, what);
        self.inline.insert(secret.clone(), name.clone());
        self.add(&name, Origin::Inline(secret.clone()), path);
        name
    }

    /// The name of the variable with what the key service fetches access tokens with. The filter never sees it.
    pub(super) fn token_source(
        &mut self,
        setting: &At<Setting>,
        owner: &str,
        what: &str,
        path: &str,
    ) -> String {
        let (name, origin) = match &setting.value {
            Setting::Environment(name) => {
                self.warn_if_unset(name, setting.at, path);
                (name.clone(), Origin::Operator)
            }
            Setting::Literal(secret) => {
                let is_same = |variable: &&Variable| variable.origin == Origin::Inline(secret.clone());
                if let Some(known) = self.token_sources.values().find(is_same) {
                    return known.name.clone();
                }
                (own_name(owner, what), Origin::Inline(secret.clone()))
            }
        };
        self.add_token_source(&name, origin, path);
        name
    }

    /// The usual variable with what the key service fetches access tokens with: `name`, or that of `others` which
    /// is set. Without any the machine itself may give tokens, which only the key service can find out.
    pub(super) fn usual_token_source(&mut self, name: &str, others: &[&str], path: &str) -> String {
        let is_set = |name: &&str| self.environment.lookup(name).is_some();
        let name = if is_set(&name) { name } else { others.iter().copied().find(is_set).unwrap_or(name) };
        self.add_token_source(name, Origin::Operator, path);
        name.to_owned()
    }

    /// The variable with the secret that the entry at `path` leaves to the provider's usual one: `name`, or that of
    /// `others` which is set. `instead` is the variable of another kind of credential, which would do, too.
    pub(super) fn usual_secret(
        &mut self,
        name: &str,
        others: &[&str],
        instead: Option<&str>,
        at: Location,
        path: &str,
    ) -> String {
        let is_set = |name: &&str| self.environment.lookup(name).is_some();
        let name = if is_set(&name) { name } else { others.iter().copied().find(is_set).unwrap_or(name) };
        if !is_set(&name) && !instead.as_ref().is_some_and(is_set) {
            let neither = instead.map(|instead| format!(", nor is {instead}")).unwrap_or_default();
            let message =
                format!("{path} has no api_key, and {name} is not set{neither}; its requests will fail");
            self.report.warning(at, message, Some(format!("set {name}, or add `api_key: os.environ/NAME`")));
        }
        self.add(name, Origin::Operator, &format!("{path}.api_key"));
        name.to_owned()
    }

    /// The variable `name` may hold the secret at `path`, which the entry does not give.
    pub(super) fn preset_secret(&mut self, name: &str, path: &str) -> String {
        self.add(name, Origin::Operator, path);
        name.to_owned()
    }

    /// The text of a provider's usual variable, which is not a secret; `None` if it is empty or not set.
    pub(super) fn usual(&self, name: &str) -> Option<String> {
        let text = self.environment.lookup(name)?.reveal().to_owned();
        Some(text).filter(|text| !text.is_empty())
    }

    /// The text of a setting that is not a secret; `None` if its variable is not set.
    pub(super) fn text(&self, setting: &At<Setting>, path: &str) -> Option<String> {
        match &setting.value {
            Setting::Literal(secret) => Some(secret.reveal().to_owned()),
            Setting::Environment(name) => {
                self.warn_if_unset(name, setting.at, path);
                self.environment.lookup(name).map(|secret| secret.reveal().to_owned())
            }
        }
    }

    /// `general_settings.master_key`, or `LITELLM_MASTER_KEY`; nothing when neither is given.
    pub(super) fn master_key(&self, general: &GeneralSettings) -> Option<Secret> {
        let (key, place, at) = match &general.master_key {
            Some(setting) => {
                let path = "general_settings.master_key";
                (Secret::new(self.text(setting, path)?), path, Some(setting.at))
            }
            None => (self.environment.lookup(LITELLM_MASTER_KEY)?, LITELLM_MASTER_KEY, None),
        };
        let weak = match key.reveal() {
            "" => "is empty",
            EXAMPLE_MASTER_KEY => "is the key from LiteLLM's examples, which is easy to guess",
            text if text.trim() != text || !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                "contains white space or a character that is not allowed in a header"
            }
            _ => return Some(key),
        };
        if general.permit_weak_master_key {
            return (key.reveal() == EXAMPLE_MASTER_KEY).then_some(key);
        }
        let help = "use `sk-` and a long random text (`openssl rand -hex 24`), or remove it: `switchboard up` then \
                    generates a key";
        match at {
            Some(at) => self.report.error(at, format!("{place} {weak}"), Some(help.to_owned())),
            None => self.report.error_in_file(format!("{place} {weak}"), Some(help.to_owned())),
        }
        None
    }

    /// All variables of the filter, and those with what the key service fetches access tokens with; each sorted by
    /// name.
    pub(super) fn into_lists(self) -> (Vec<Variable>, Vec<Variable>) {
        (self.by_name.into_values().collect(), self.token_sources.into_values().collect())
    }

    fn add_token_source(&mut self, name: &str, origin: Origin, purpose: &str) {
        let variable = Variable { name: name.to_owned(), origin, purpose: purpose.to_owned() };
        self.token_sources.entry(name.to_owned()).or_insert(variable);
    }

    fn add(&mut self, name: &str, origin: Origin, purpose: &str) {
        let variable = Variable { name: name.to_owned(), origin, purpose: purpose.to_owned() };
        self.by_name.entry(name.to_owned()).or_insert(variable);
    }

    fn warn_if_unset(&self, name: &str, at: Location, path: &str) {
        if self.environment.lookup(name).is_none() {
            let message = format!("{path} refers to {name}, which is not set");
            self.report.warning(at, message, Some(format!("set {name} in the environment")));
        }
    }
}
