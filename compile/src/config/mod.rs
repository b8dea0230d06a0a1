//! `LiteLLM`'s `config.yaml`: text → what it says, or everything that is wrong with it.
//!
//! A file of [`Config`] holds what the operator wrote and where; what it *means* (defaults, providers,
//! environment) is decided in [`crate::plan`].

mod defaults;
pub mod diagnostic;
mod durations;
mod include;
mod model_info;
mod models;
mod rates;
pub mod reference;
mod routing;
pub mod secret;
pub mod secret_files;
pub mod section;
pub mod sections;
mod settings;
pub mod table;
mod telemetry;
mod user_headers;
pub mod variables;
pub mod yaml;

pub use diagnostic::{Diagnostic, Report, Severity};
pub use include::Read;
pub use model_info::Team;
pub use models::{Model, Params, is_credential_option, is_secret_option};
pub use rates::RATES;
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

/// Reads the text of a file that includes no other; mistakes go to `report`, and as much as can be read comes back.
pub fn parse(text: &str, report: &Report) -> Option<Config> {
    parse_with(text, report, &mut |_| Err("there is only one file".to_owned()))
}

/// The same for a file that may include others, which `read` reads.
pub fn parse_with(text: &str, report: &Report, read: Read<'_>) -> Option<Config> {
    let root = match yaml::parse(text) {
        Ok(root) => root,
        Err((at, message)) => {
            report.error(at, format!("not valid YAML: {message}"), None);
            return None;
        }
    };
    let root = include::include(root, report, read);
    let mut top = Table::new("", &root, report)?;
    // It has been taken out.
    top.node("include");
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
