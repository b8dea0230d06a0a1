//! The environment: what the configuration reads from it, and what the filter will need in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use switchboard::providers::Provider;

use super::credential::Credential;
use super::digest;
use crate::config::yaml::Location;
use crate::config::{At, GeneralSettings, Report, Secret, Setting};

/// Where the filter finds the master key.
pub const MASTER_KEY_ENV: &str = "SWITCHBOARD_MASTER_KEY";

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
    asked: RefCell<References>,
    /// The key service runs elsewhere, and has its own variables there.
    is_without_key_service: bool,
}

/// The variables of the process that a plan depends on, and what they were.
#[derive(Clone, Default)]
pub struct References(BTreeMap<String, Found>);

/// What was found of a variable.
#[derive(Clone, PartialEq, Eq)]
enum Found {
    /// Only whether it is set matters: its value is a secret that is handed out.
    Set(bool),
    /// Its value.
    Value(Option<Secret>),
}

impl References {
    /// Whether the same plan would find something else now.
    pub fn have_changed(&self, process: impl Fn(&str) -> Option<String>) -> bool {
        self.0.iter().any(|(name, found)| match found {
            Found::Set(was) => process(name).is_some() != *was,
            Found::Value(was) => process(name).map(Secret::new) != *was,
        })
    }
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// `section` is `environment_variables`; `process` looks up a variable of the process.
    pub fn new(section: &[(String, Setting)], process: impl Fn(&str) -> Option<String> + 'static) -> Self {
        let mut empty = Self {
            section: BTreeMap::new(),
            process: Box::new(process),
            asked: RefCell::default(),
            is_without_key_service: false,
        };
        let value = |setting: &Setting| match setting {
            Setting::Literal(secret) => Some(secret.clone()),
            Setting::Environment(name) => empty.lookup(name),
        };
        let section =
            section.iter().filter_map(|(name, setting)| Some((name.clone(), value(setting)?))).collect();
        empty.section = section;
        empty
    }

    /// The same for Envoy alone: what only the key service reads, elsewhere, is not missing.
    #[must_use]
    pub fn without_key_service(self) -> Self {
        Self { is_without_key_service: true, ..self }
    }

    /// What a plan that was compiled with it depends on.
    pub fn into_references(self) -> References {
        self.asked.into_inner()
    }

    /// The section, references resolved.
    pub fn section(&self) -> Vec<(String, Secret)> {
        self.section.clone().into_iter().collect()
    }

    fn lookup(&self, name: &str) -> Option<Secret> {
        if let Some(own) = self.section.get(name) {
            return Some(own.clone());
        }
        let value = (self.process)(name).map(Secret::new);
        self.asked.borrow_mut().0.insert(name.to_owned(), Found::Value(value.clone()));
        value
    }

    fn is_set(&self, name: &str) -> bool {
        let is_set = || (self.process)(name).is_some();
        self.section.contains_key(name) || {
            let mut asked = self.asked.borrow_mut();
            match asked.0.entry(name.to_owned()).or_insert_with(|| Found::Set(is_set())) {
                Found::Set(is_set) => *is_set,
                Found::Value(value) => value.is_some(),
            }
        }
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
pub(super) fn own_name(owner: &str, what: &str) -> String {
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
    /// What the key service is to hand out.
    pub(super) credentials: Vec<Credential>,
    /// Azure's managed identity may be used (`enable_azure_ad_token_refresh`).
    pub(super) uses_machine: bool,
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
            credentials: Vec::new(),
            uses_machine: false,
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
                self.warn_if_unset(setting, path);
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

    /// Warns of a provider's usual variables of which none is set.
    pub(super) fn warn_if_no_key(&self, provider: &Provider, at: Location, path: &str) {
        let name = provider.key_env;
        let names = std::iter::once(&name).chain(provider.other_key_envs);
        if !self.is_elsewhere(path) && !names.into_iter().any(|name| self.environment.is_set(name)) {
            let message = format!("{path} has no api_key, and {name} is not set; its requests will fail");
            let help = format!("set {name}, or add `api_key: os.environ/NAME`");
            self.report.warning(at, message, Some(help));
        }
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
                self.warn_if_unset(setting, path);
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

    /// All variables of the filter, sorted by name, and the credentials.
    pub(super) fn into_lists(self) -> (Vec<Variable>, Vec<Credential>) {
        (self.by_name.into_values().collect(), self.credentials)
    }

    fn add(&mut self, name: &str, origin: Origin, purpose: &str) {
        let variable = Variable { name: name.to_owned(), origin, purpose: purpose.to_owned() };
        self.by_name.entry(name.to_owned()).or_insert(variable);
    }

    /// Whether only a key service that runs elsewhere reads the setting with this path.
    pub(super) fn is_elsewhere(&self, path: &str) -> bool {
        self.environment.is_without_key_service
            && (path.starts_with("model_list") || path == "general_settings.database_url")
    }

    /// Warns of a reference to a variable that is not set.
    pub(super) fn warn_if_unset(&self, setting: &At<Setting>, path: &str) {
        let Setting::Environment(name) = &setting.value else { return };
        if !self.is_elsewhere(path) && !self.environment.is_set(name) {
            let message = format!("{path} refers to {name}, which is not set");
            self.report.warning(setting.at, message, Some(format!("set {name} in the environment")));
        }
    }
}
