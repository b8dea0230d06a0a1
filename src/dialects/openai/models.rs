//! What `OpenAI`'s models support. No code outside this table names a model.
//!
//! Source: `LiteLLM` 1.109.1, its model map (`supports_*_reasoning_effort`, `default_reasoning_effort`) and
//! its checks (`gpt_reasoning_transformation.py`, `o_series_transformation.py`).

use crate::openai::{ErrorBody, Request};

use super::super::Target;
use super::super::words::Words;

/// What a model supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Words of the model's name. The first row whose words are contained in the name applies. A name that
    /// ends in a letter or digit must not be followed by one.
    pub name: &'static str,
    /// Unsupported standard parameters.
    pub lacks: &'static [&'static str],
    /// `max_completion_tokens` is supported instead of `max_tokens`.
    pub completion_tokens: bool,
    /// When `temperature` (other than 1), `top_p` and `logprobs` are supported.
    pub sampling: Sampling,
    /// Unsupported values of `reasoning_effort`.
    pub refused_efforts: &'static [&'static str],
    /// The model does not reason by default.
    pub silent: bool,
    /// Function tools are rejected while the model reasons; another endpoint supports that.
    pub tools_without_reasoning: bool,
}

/// When sampling parameters are supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Always.
    Free,
    /// When the effort is `none`.
    WithoutReasoning,
    /// Never.
    Never,
}

/// Parameters subject to [`Sampling`].
const SAMPLING: &[&str] = &["temperature", "top_p", "logprobs", "top_logprobs"];

const REASONING_LACKS: &[&str] = &[
    "audio",
    "frequency_penalty",
    "logit_bias",
    "modalities",
    "prediction",
    "presence_penalty",
    "stop",
    "web_search_options",
];

const GPT_5: Model = Model {
    name: "gpt-5",
    lacks: REASONING_LACKS,
    completion_tokens: true,
    sampling: Sampling::Never,
    refused_efforts: &["none", "xhigh"],
    silent: false,
    tools_without_reasoning: false,
};
const GPT_5_1: Model = Model {
    name: "gpt-5.1",
    sampling: Sampling::WithoutReasoning,
    refused_efforts: &["minimal", "xhigh"],
    silent: true,
    ..GPT_5
};
const GPT_5_2: Model = Model { name: "gpt-5.2", refused_efforts: &["minimal"], ..GPT_5_1 };
const GPT_5_4: Model = Model { name: "gpt-5.4", tools_without_reasoning: true, ..GPT_5_2 };
/// 5.5 and 5.6 reason by default.
const GPT_5_5: Model = Model { name: "gpt-5.5", silent: false, ..GPT_5_4 };
const ALWAYS: Model = Model { sampling: Sampling::Never, refused_efforts: &["none", "minimal"], ..GPT_5_5 };
/// A model that is newer than this table. The provider rejects what it does not support.
const NEWER: Model = Model { sampling: Sampling::Free, refused_efforts: &[], ..GPT_5_5 };
const O_SERIES: Model = Model {
    name: "o1",
    lacks: &["frequency_penalty", "presence_penalty"],
    completion_tokens: true,
    sampling: Sampling::Never,
    refused_efforts: &[],
    silent: false,
    tools_without_reasoning: false,
};
/// Search and chat models, without reasoning.
const SEARCH: Model = Model {
    name: "gpt-5-search",
    lacks: &[
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "stop",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
    ],
    sampling: Sampling::Free,
    ..GPT_5
};

/// Models that do not reason.
const NO_REASONING: Model = Model {
    name: "gpt-4o",
    lacks: &["reasoning_effort", "web_search_options"],
    completion_tokens: false,
    sampling: Sampling::Free,
    refused_efforts: &[],
    silent: true,
    tools_without_reasoning: false,
};

/// If one name contains another, the longer one comes first.
pub const OPENAI_MODELS: &[Model] = &[
    SEARCH,
    Model { name: "gpt-5-chat", lacks: &[], sampling: Sampling::Free, refused_efforts: &[], ..GPT_5 },
    Model { name: "gpt-5.1-chat", refused_efforts: &[], ..GPT_5 },
    Model { name: "gpt-5.2-chat", refused_efforts: &[], ..GPT_5 },
    Model { name: "gpt-5.3-chat", refused_efforts: &[], ..GPT_5 },
    GPT_5_1,
    GPT_5_2,
    GPT_5_4,
    GPT_5_5,
    Model { name: "gpt-5.6", ..GPT_5_5 },
    Model { name: "gpt-5.", ..NEWER },
    GPT_5,
    Model { name: "gpt-6-astra", ..ALWAYS },
    Model { name: "gpt-6-rosalind", ..ALWAYS },
    Model { name: "gpt-6.1-sol", ..ALWAYS },
    Model { name: "gpt-6-sol", ..GPT_5_5 },
    Model { name: "gpt-6-luna", ..GPT_5_5 },
    Model { name: "gpt-6.1-terra", ..GPT_5_5 },
    Model { name: "gpt-6", ..NEWER },
    Model { name: "gpt-4o-search", lacks: &["reasoning_effort"], ..NO_REASONING },
    Model { name: "gpt-4o-mini-search", lacks: &["reasoning_effort"], ..NO_REASONING },
    NO_REASONING,
    Model { name: "gpt-4.1", ..NO_REASONING },
    Model { name: "gpt-4", ..NO_REASONING },
    Model { name: "gpt-3.5", ..NO_REASONING },
    O_SERIES,
    Model { name: "o3-mini", ..O_SERIES },
    Model { name: "o3", lacks: &["frequency_penalty", "presence_penalty", "stop"], ..O_SERIES },
    Model { name: "o4-mini", lacks: &["frequency_penalty", "presence_penalty", "stop"], ..O_SERIES },
];

/// The row for a model.
pub(super) fn find(models: &'static [Model], name: &str) -> Option<&'static Model> {
    if models.is_empty() {
        return None;
    }
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let words = Words::of(name);
    // A name that ends in a letter or digit must not be followed by one.
    let is = |row: &str, after: &str| !(is_part(row.as_bytes().last()) && is_part(after.as_bytes().first()));
    models.iter().find(|model| words.after(model.name).any(|after| is(model.name, after)))
}

/// Changes of a request for a model.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Parameters to drop.
    pub(super) drops: Vec<&'static str>,
    /// `max_tokens` must become `max_completion_tokens`.
    pub(super) completion_tokens: bool,
    /// `reasoning_effort` must become `none`.
    pub(super) no_effort: bool,
}

impl Model {
    /// Checks a request.
    ///
    /// # Errors
    /// It uses something that the model does not support, and unsupported parameters are not dropped.
    pub(super) fn gate(&self, request: &Request<'_>, to: &Target<'_>) -> Result<Gate, ErrorBody> {
        let mut gate = Gate { completion_tokens: self.completion_tokens, ..Gate::default() };
        let effort = request.get("reasoning_effort").map(|raw| raw.get().trim_matches('"'));
        if let Some(effort) = effort.filter(|effort| self.refused_efforts.contains(effort)) {
            to.refuse_value("reasoning_effort", &format!("reasoning_effort='{effort}'"))?;
            gate.drops.push("reasoning_effort");
        }
        let reasons = effort.map_or(!self.silent, |effort| effort != "none");
        if self.sampling == Sampling::Never || self.sampling == Sampling::WithoutReasoning && reasons {
            for name in SAMPLING {
                let Some(value) = request.get(name) else { continue };
                let one = *name == "temperature" && matches!(value.get(), "1" | "1.0");
                if one || crate::openai::is_default(name, value) {
                    continue;
                }
                let but =
                    if self.sampling == Sampling::Never { "" } else { " unless reasoning_effort is 'none'" };
                to.refuse_value(name, &format!("{name}{but}"))?;
                gate.drops.push(name);
            }
        }
        let has_functions = || request.get("tools").is_some_and(|tools| tools.get().contains("\"function\""));
        if self.tools_without_reasoning && reasons && has_functions() {
            if effort.is_some() {
                let why = "function tools together with reasoning_effort in /chat/completions \
                           (set reasoning_effort to 'none')";
                to.refuse_value("reasoning_effort", why)?;
            }
            // Without an effort in the request, the provider decides; with `drop_params` the gateway does.
            gate.no_effort = to.drop_params && !self.refused_efforts.contains(&"none");
        }
        Ok(gate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_reached_by_its_own_name() {
        for model in OPENAI_MODELS {
            assert_eq!(find(OPENAI_MODELS, model.name), Some(model), "hidden by an earlier row");
        }
    }

    #[test]
    fn dated_prefixed_and_unknown_names_find_their_row() {
        let name = |model| find(OPENAI_MODELS, model).map(|row| row.name);
        assert_eq!(name("gpt-5-mini-2025-08-07"), Some("gpt-5"));
        assert_eq!(name("my-gpt-5.4-nano"), Some("gpt-5.4"));
        assert_eq!(name("gpt-5.9-nova"), Some("gpt-5."));
        assert_eq!(name("o3-mini-2025-01-31"), Some("o3-mini"));
        assert_eq!(name("gpt-4o-mini-search-preview"), Some("gpt-4o-mini-search"));
        assert_eq!(name("gpt-4o-mini-2024-07-18"), Some("gpt-4o"));
        for other in ["gpt-4o1", "foo1", "gpt-50"] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
