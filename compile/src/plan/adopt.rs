//! Fits a plan to the environment of an Envoy that runs: the filter reads secrets from there.

use std::collections::BTreeMap;

use switchboard::secret::Secret as Key;
use switchboard::sigv4::derived;

use super::{Origin, Plan, Variable};
use crate::config::Secret;

/// A variable that an Envoy was started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// For a secret that `config.yaml` contains: what it is recognized by.
    pub mark: Option<String>,
}

impl Known {
    /// A variable as the launcher gives it to Envoy. `token` is that of the key service's internal port.
    pub fn of(variable: &Variable, token: &str) -> Self {
        let mark = match &variable.origin {
            Origin::Inline(secret) => Some(mark(secret, token)),
            Origin::Operator | Origin::Launcher => None,
        };
        Self { name: variable.name.clone(), mark }
    }
}

/// Nobody without the token can find out the secret by trying.
fn mark(secret: &Secret, token: &str) -> String {
    derived(&Key::new(token), secret.reveal()).reveal().chars().take(16).collect()
}

impl Plan {
    /// Uses the variables that an Envoy was started with; secrets are found there by their values.
    ///
    /// # Errors
    /// Which ones it lacks.
    pub fn adopt(&mut self, known: &[Known], token: &str) -> Result<(), String> {
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        let mut missing = Vec::new();
        for variable in &self.variables {
            let wanted = Known::of(variable, token);
            let same = |known: &&Known| match &wanted.mark {
                Some(mark) => known.mark.as_ref() == Some(mark),
                None => known.mark.is_none() && known.name == wanted.name,
            };
            match known.iter().find(same) {
                Some(known) => {
                    renamed.insert(wanted.name, known.name.clone());
                }
                None => missing.push(format!("{} ({})", variable.name, variable.purpose)),
            }
        }
        if !missing.is_empty() {
            return Err(format!(
                "Envoy was started without {}; secrets are passed in its environment, so this change needs a restart",
                missing.join(", ")
            ));
        }
        for deployment in &mut self.document.deployments {
            let names = deployment.api_key_env.iter_mut();
            let names = names.chain(deployment.secrets.iter_mut().map(|(_, name)| name));
            let headers = deployment.headers.iter_mut().filter_map(|header| header.value_env.as_mut());
            for name in names.chain(headers) {
                if let Some(known) = renamed.get(name) {
                    name.clone_from(known);
                }
            }
        }
        // One list of variables is one VM: another would start without keys, limits and requests in flight.
        self.variables = known
            .iter()
            .map(|known| Variable {
                name: known.name.clone(),
                origin: Origin::Operator,
                purpose: String::new(),
            })
            .collect();
        Ok(())
    }
}
