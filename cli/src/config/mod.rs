//! `LiteLLM`'s `config.yaml`: text → what it says, or everything that is wrong with it.
//!
//! A file of [`Config`] holds what the operator wrote and where; what it *means* (defaults, providers,
//! environment) is decided in [`crate::compile`].

pub mod diagnostic;
mod models;
pub mod reference;
mod routing;
pub mod secret;
pub mod section;
pub mod sections;
mod settings;
pub mod table;
mod telemetry;
pub mod variables;
pub mod yaml;

use std::path::Path;

pub use diagnostic::{Diagnostic, Report, Severity};
pub use models::{Model, Params, RATES, is_secret_option};
pub use routing::{Fallbacks, RouterSettings};
pub use secret::{Secret, Setting};
pub use settings::{GeneralSettings, LitellmSettings};
pub use table::At;

use table::Table;

/// What a `config.yaml` says.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `model_list`.
    pub models: Vec<Model>,
    /// `litellm_settings`.
    pub litellm: LitellmSettings,
    /// `router_settings`.
    pub router: RouterSettings,
    /// `general_settings`.
    pub general: GeneralSettings,
    /// `environment_variables`, in file order.
    pub environment: Vec<(String, Setting)>,
}

/// Reads the file at `path`; mistakes go to `report`.
pub fn load(path: &Path, report: &Report) -> Option<Config> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, report),
        Err(error) => {
            let help = "set --config to the path of a LiteLLM config.yaml".to_owned();
            report.error_in_file(format!("cannot read the file: {error}"), Some(help));
            None
        }
    }
}

/// Reads the text of a file; mistakes go to `report`, and as much as can be read comes back.
pub fn parse(text: &str, report: &Report) -> Option<Config> {
    let root = match yaml::parse(text) {
        Ok(root) => root,
        Err((at, message)) => {
            report.error(at, format!("not valid YAML: {message}"), None);
            return None;
        }
    };
    let mut top = Table::new("", &root, report)?;
    let models = models::read(&mut top);
    let litellm = settings::litellm(&mut top);
    let router = routing::read(&mut top);
    let general = settings::general(&mut top);
    let environment = environment(&mut top);
    top.finish(&sections::TOP);
    Some(Config { models, litellm, router, general, environment })
}

fn environment(top: &mut Table<'_>) -> Vec<(String, Setting)> {
    let Some(mut table) = top.table("environment_variables") else { return Vec::new() };
    let mut variables = Vec::new();
    for (key, node) in table.rest() {
        let value = match &node.value {
            yaml::Value::Null => continue,
            yaml::Value::Text(text) => text.clone(),
            // LiteLLM writes them with Python's `str()`.
            yaml::Value::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
            yaml::Value::Integer(value) => value.to_string(),
            yaml::Value::Float(value) => value.to_string(),
            other => {
                let message = table::expected(&table.name(&key.name), "text", other);
                table.report.error(node.at, message, None);
                continue;
            }
        };
        if key.name.is_empty() || key.name.contains(['=', '\0']) || value.contains('\0') {
            let message = format!("{} is not a valid environment variable", table.name(&key.name));
            table.report.error(key.at, message, None);
            continue;
        }
        variables.push((key.name.clone(), Setting::parse(&value)));
    }
    variables
}
