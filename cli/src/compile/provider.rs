//! `litellm_params.model` → which vendor's row, and the model in that vendor's words.

use switchboard::providers::{self, Provider};

use crate::config::diagnostic::suggestion;
use crate::config::{Params, Report};

/// Families of models whose vendor is told by the name alone, for entries without `provider/`.
const FAMILIES: &[(&str, &str)] = &[
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("ft:gpt-", "openai"),
    ("davinci-", "openai"),
    ("babbage-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "vertex_ai"),
];

/// The vendor of a deployment, and the model's name there; or nothing, and an error.
pub(super) fn find<'a>(params: &'a Params, report: &Report) -> Option<(&'static Provider, &'a str)> {
    let model = params.model.value.as_str();
    if let Some(name) = &params.provider {
        let Some(provider) = providers::find(&name.value) else {
            report.error(name.at, format!("unknown provider '{}'", name.value), Some(help(&name.value)));
            return None;
        };
        // LiteLLM takes the prefix off when it only repeats the provider.
        let model =
            model.strip_prefix(provider.name).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model);
        return Some((provider, model));
    }
    if let Some((name, rest)) = model.split_once('/')
        && let Some(provider) = providers::find(name)
    {
        if rest.is_empty() {
            report.error(params.model.at, format!("'{model}' names a provider and no model"), None);
            return None;
        }
        return Some((provider, rest));
    }
    let family = FAMILIES.iter().find(|(prefix, _)| model.starts_with(prefix));
    if let Some(provider) = family.and_then(|(_, name)| providers::find(name)) {
        return Some((provider, model));
    }
    let (message, help) = match model.split_once('/') {
        Some((name, _)) => (format!("unknown provider '{name}' in model '{model}'"), help(name)),
        None if model == "*" => {
            let help = "write one entry for each provider, as `model_name: openai/*` with `model: openai/*`";
            ("no provider can be told from model '*'".to_owned(), help.to_owned())
        }
        None => {
            let message = format!("no provider can be told from model '{model}'");
            (message, format!("write it as provider/{model}, as openai/{model}"))
        }
    };
    report.error(params.model.at, message, Some(help));
    None
}

fn help(name: &str) -> String {
    suggestion(name, providers::names()).unwrap_or_else(|| {
        let names: Vec<_> = providers::names().collect();
        format!(
            "one of: {}; a server that speaks OpenAI's language is openai/… with its api_base",
            names.join(", ")
        )
    })
}
