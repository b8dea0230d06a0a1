//! The text of `config.yaml` and what it includes, and the models in the database → a plan, or diagnostics in the log.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use switchboard::price_map::PriceMap;
use switchboard_compile::config::{Config, Diagnostic, Model, Report, Secret, Severity, parse, parse_with};
use switchboard_compile::plan::{Environment, Plan, References, compile};

use super::files::Files;
use crate::credentials::Secrets;

/// A model of the API, decrypted.
#[derive(Clone, Debug)]
pub struct StoredModel {
    /// Its id.
    pub id: String,
    /// The version at which it was changed.
    pub version: i64,
    /// `model_name`
    pub name: String,
    /// `litellm_params`
    pub params: Map<String, Value>,
    /// `model_info`
    pub info: Map<String, Value>,
}

impl StoredModel {
    /// What the file would say.
    fn text(&self) -> String {
        let mut info = self.info.clone();
        info.insert("id".to_owned(), json!(self.id));
        // JSON is YAML.
        json!({ "model_list": [{
            "model_name": self.name,
            "litellm_params": self.params,
            "model_info": info,
        }] })
        .to_string()
    }

    /// Reads and compiles the model alone.
    ///
    /// # Errors
    /// What is wrong with it, a sentence for each mistake.
    pub fn check(&self, prices: &PriceMap) -> Result<Model, String> {
        let report = Report::new("model");
        let config = parse(&self.text(), &report);
        if let Some(config) = &config {
            compile(config, &environment(&Config::default(), &Secrets::default()), prices, &report);
        }
        let errors: Vec<String> = report
            .into_diagnostics()
            .into_iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .map(|diagnostic| sentence(&diagnostic))
            .collect();
        if !errors.is_empty() {
            return Err(errors.join("; "));
        }
        let model = config.and_then(|config| config.models.into_iter().next());
        model.ok_or_else(|| "model_name and litellm_params.model are required".to_owned())
    }
}

/// A diagnostic without its place, which is that in a text that the caller has not written.
fn sentence(diagnostic: &Diagnostic) -> String {
    let message = diagnostic.message.replace("model_list[0].", "");
    match &diagnostic.help {
        Some(help) => format!("{message} ({help})"),
        None => message,
    }
}

fn environment(config: &Config, secrets: &Secrets) -> Environment {
    // Read once: each configuration looks up many.
    Environment::new(&config.environment, secrets.lookup())
}

/// What became of the files.
#[derive(Debug)]
pub(super) struct Loaded {
    /// `None` if they have errors.
    pub(super) plan: Option<Box<Plan>>,
    /// The files, with all that are included.
    pub(super) files: Files,
    /// The variables that they refer to.
    pub(super) references: References,
}

/// Compiles the files and `models`, and logs the diagnostics; if `quiet`, only errors. A model of the database with errors is
/// left out.
pub(super) fn load(
    path: &Path,
    mut files: Files,
    models: &[StoredModel],
    prices: &PriceMap,
    secrets: &Secrets,
    quiet: bool,
) -> Loaded {
    let report = Report::new(path.display().to_string());
    let text = String::from_utf8_lossy(&files.main).into_owned();
    let (mut included, mut references) = (BTreeMap::new(), References::default());
    let config = parse_with(&text, &report, &mut |name| {
        let text = files.include(path, name);
        included.insert(name.to_owned(), text.clone());
        text
    });
    files.includes(included);
    let plan = config.map(|mut config| {
        let environment = environment(&config, secrets);
        let in_file = config.models.len();
        for stored in models {
            let is_taken = config.models.iter().any(|model| id(model) == Some(stored.id.as_str()));
            match stored.check(prices) {
                Ok(_) if is_taken => {
                    tracing::warn!("model {} of the database is not used: the file has this id", stored.id);
                }
                Ok(model) => config.models.push(model),
                Err(problem) => tracing::error!("model {} of the database is not used: {problem}", stored.id),
            }
        }
        let mut plan = compile(&config, &environment, prices, &report);
        if plan.stores_models || in_file == config.models.len() {
            let is_stored = |id: &str| models.iter().any(|stored| stored.id == id);
            for deployment in plan.document.deployments.iter_mut().filter(|one| is_stored(&one.id)) {
                // `/model/info` shows it.
                deployment
                    .info
                    .extend(RawValue::from_string("true".to_owned()).map(|yes| ("db_model".to_owned(), yes)));
            }
        } else {
            config.models.truncate(in_file);
            plan = compile(&config, &environment, prices, &Report::new(""));
        }
        references = environment.into_references();
        plan
    });
    plan.iter().flat_map(|plan| &plan.unpriced).for_each(|unpriced| unpriced.report(&report));
    let is_valid = !report.has_errors();
    for diagnostic in report.into_diagnostics() {
        match diagnostic.severity {
            Severity::Error => tracing::error!("{diagnostic}"),
            Severity::Warning if quiet => {}
            Severity::Warning => tracing::warn!("{diagnostic}"),
        }
    }
    Loaded { plan: plan.filter(|_| is_valid).map(Box::new), files, references }
}

fn id(model: &Model) -> Option<&str> {
    model.id.as_ref().map(|id| id.value.as_str())
}

/// What only a restart changes.
#[derive(Debug)]
pub(super) struct Fixed {
    master_key: Option<Secret>,
    options: Vec<String>,
}

impl Fixed {
    pub(super) fn of(plan: &Plan) -> Self {
        Self { master_key: plan.master_key.clone(), options: plan.key_service_options.clone() }
    }

    /// # Errors
    /// What has changed.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), String> {
        let now = Self::of(plan);
        let same = [
            ("the master key", self.master_key == now.master_key),
            (
                "key service settings (metrics, spend logs, user_url_validation, user_url_allowed_hosts)",
                self.options == now.options,
            ),
        ];
        match same.iter().find(|(_, same)| !same) {
            Some((what, _)) => Err(format!("changing {what} needs a restart")),
            None => Ok(()),
        }
    }
}
