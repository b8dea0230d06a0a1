//! `litellm_params.model` → which vendor's row, and the model in that vendor's words.

use switchboard::providers::{self, Provider};

use crate::config::diagnostic::suggestion;
use crate::config::yaml::Location;
use crate::config::{Params, Report};

/// Families of models whose name implies the vendor, for entries without `provider/`.
const FAMILIES: &[(&str, &str)] = &[
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("ft:gpt-", "openai"),
    ("dall-e-", "openai"),
    ("omni-moderation-", "openai"),
    ("tts-", "openai"),
    ("whisper-", "openai"),
    ("davinci-", "openai"),
    ("babbage-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "vertex_ai"),
];

/// Providers that `LiteLLM` supports and Switchboard does not: these names are not typing mistakes.
const UNSERVED: &str = "
    a2a a2a_agent aiohttp_openai anthropic_text auto_router aws_polly aws_textract azure_speech azure_text bespoke
    black_forest_labs bytez chatgpt clf_ai_gateway compactifai cursor custom databricks_agent datarobot deepgram dotprompt
    edenai elevenlabs eu_jev fal_ai gdc gigachat github_copilot humanloop infinity langflow langfuse langgraph laya
    litellm_agent manus maritalk microsoft_365_copilot milvus mongodb nace nadir nlp_cloud nvidia_riva oci oobabooga
    opencode_go opensearch petals pg_vector predibase ragflow recraft reducto replicate runwayml s3_vectors sagemaker
    sagemaker_chat sagemaker_nova sap scaledown soniox stability strands_decider text-completion-codestral
    text-completion-inception topaz transcribe triton typesafe valkey vllm watsonx watsonx_text xinference";

/// `LiteLLM`'s other names for rows.
const ALIASES: &[(&str, &str)] = &[("vertex_ai_beta", "vertex_ai")];

/// `LiteLLM`'s routes, which precede the model's name: (provider, route, what it means here).
const ROUTES: &[(&str, &str, Route)] = &[
    // The deployment has a custom name: the route says which quirks its model has.
    ("azure", "gpt5_series/", Route::Option("base_model", "gpt-5")),
    ("azure", "o_series/", Route::Option("base_model", "o1")),
    ("bedrock", "agent/", Route::Unserved),
    ("bedrock", "agentcore/", Route::Unserved),
    ("bedrock", "async_invoke/", Route::Unserved),
    ("bedrock", "mantle/", Route::Row("bedrock_mantle")),
];

/// What a route means.
#[derive(Clone, Copy)]
enum Route {
    /// An option that the entry does not give itself.
    Option(&'static str, &'static str),
    /// Another row.
    Row(&'static str),
    /// Nothing that is served.
    Unserved,
}

/// Whom a deployment asks, and for what.
pub(super) struct Found<'a> {
    /// The vendor.
    pub provider: &'static Provider,
    /// The model in its words.
    pub model: &'a str,
    /// An option that the model's name tells.
    pub option: Option<(&'static str, &'a str)>,
}

/// Why an entry has no deployment.
pub(super) enum Problem {
    /// An error, which is already reported.
    Error,
    /// It is right, or may be, and cannot be served here; the other entries can.
    Unserved {
        /// What of it.
        at: Location,
        /// Why, for the operator and for clients who ask for it.
        message: String,
        /// What to do.
        help: Option<String>,
    },
}

/// The vendor of a deployment, and the model's name there.
///
/// A name that is nearly a provider's is a mistake. Any other unknown name is handled as in `LiteLLM`: the entry is
/// left out.
pub(super) fn find<'a>(params: &'a Params, report: &Report) -> Result<Found<'a>, Problem> {
    let (provider, model) = named(params, report)?;
    let found = Found { provider, model, option: None };
    if provider.name == "bedrock"
        && let Some((region, rest)) = model.split_once('/').filter(|(region, _)| is_aws_region(region))
    {
        return Ok(Found { model: rest, option: Some(("aws_region_name", region)), ..found });
    }
    let route = ROUTES.iter().find(|(name, route, _)| *name == provider.name && model.starts_with(route));
    let Some((_, route, means)) = route else { return Ok(found) };
    let model = model.strip_prefix(route).unwrap_or(model);
    match means {
        Route::Option(name, value) => Ok(Found { model, option: Some((name, value)), ..found }),
        Route::Row(name) => Ok(Found { model, provider: providers::find(name).unwrap_or(provider), ..found }),
        Route::Unserved => {
            let message = format!("'{}/{route}' is not supported", provider.name);
            Err(Problem::Unserved { at: params.model.at, message, help: None })
        }
    }
}

/// `us-east-1`, `us-gov-west-1` …
fn is_aws_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    matches!(words.len(), 3 | 4)
        && words[0].len() == 2
        && words[..words.len() - 1].iter().all(is_word)
        && words[words.len() - 1].bytes().all(|byte| byte.is_ascii_digit())
        && !words[words.len() - 1].is_empty()
}

fn named<'a>(params: &'a Params, report: &Report) -> Result<(&'static Provider, &'a str), Problem> {
    let model = params.model.value.as_str();
    if let Some(name) = &params.provider {
        let Some(provider) = row(&name.value) else {
            return Err(unknown(&name.value, format!("unknown provider '{}'", name.value), name.at, report));
        };
        // LiteLLM takes the prefix off when it only repeats the provider.
        let model =
            model.strip_prefix(provider.name).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model);
        return Ok((provider, model));
    }
    let at = params.model.at;
    if let Some((name, rest)) = model.split_once('/')
        && let Some(provider) = row(name)
    {
        if rest.is_empty() {
            return Err(Problem::Unserved {
                at,
                message: format!("'{model}' names a provider, but no model"),
                help: Some(format!("write {model}MODEL")),
            });
        }
        return Ok((provider, rest));
    }
    if let Some(provider) = by_family(model).and_then(providers::find) {
        return Ok((provider, model));
    }
    Err(match model.split_once('/') {
        Some((name, _)) => unknown(name, format!("unknown provider '{name}' in model '{model}'"), at, report),
        None if model == "*" => {
            let message = "no provider key is set in the environment".to_owned();
            let help =
                Some("set a key such as OPENAI_API_KEY to serve all models of that provider".to_owned());
            Problem::Unserved { at, message, help }
        }
        None => {
            let message = format!("model '{model}' does not name a provider");
            let help = Some(format!("write provider/{model}, for example openai/{model}"));
            Problem::Unserved { at, message, help }
        }
    })
}

/// The provider of a model whose family tells it.
fn by_family(model: &str) -> Option<&'static str> {
    FAMILIES.iter().find(|(prefix, _)| model.starts_with(prefix)).map(|(_, name)| *name)
}

/// How the names of a provider's models begin, where that tells whose they are.
pub(super) fn families(provider: &str) -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().filter(move |(_, name)| *name == provider).map(|(prefix, _)| *prefix)
}

fn row(name: &str) -> Option<&'static Provider> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, row)| row);
    providers::find(alias)
}

fn unknown(name: &str, message: String, at: Location, report: &Report) -> Problem {
    if UNSERVED.split_whitespace().any(|known| known == name) {
        let message = format!("provider '{name}' is not supported");
        let help = "for an OpenAI-compatible server, use openai/… with its api_base";
        return Problem::Unserved { at, message, help: Some(help.to_owned()) };
    }
    if let Some(meant) = suggestion(name, providers::names()) {
        report.error(at, message, Some(meant));
        return Problem::Error;
    }
    let names: Vec<_> = providers::names().collect();
    let help = format!(
        "use one of: {}; for an OpenAI-compatible server, use openai/… with its api_base",
        names.join(", ")
    );
    Problem::Unserved { at, message, help: Some(help) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_of_aws_is_told_from_a_route_and_from_a_vendor() {
        for region in ["us-east-1", "eu-central-2", "us-gov-west-1"] {
            assert!(is_aws_region(region), "{region}");
        }
        for other in
            ["converse", "us-east", "us.amazon", "6-month-commitment", "us-east-1a", "a-b-1", "us-east-"]
        {
            assert!(!is_aws_region(other), "{other}");
        }
    }

    #[test]
    fn what_is_not_served_has_no_row() {
        for name in UNSERVED.split_whitespace() {
            assert!(row(name).is_none(), "{name} is served");
        }
    }
}
