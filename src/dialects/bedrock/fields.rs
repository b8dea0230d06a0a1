//! `additionalModelRequestFields`: parameters that Converse has no field for, in the format of each model's
//! maker.

use super::super::Target;
use super::super::claude;
use super::super::claude::thinking::Plan;
use super::features;
use super::models::{Model, Reasoning, TopK};
use super::tools::Tools;
use crate::dialect::FEATURES_FIELD;
use crate::json::{JsonStr, Object, Writer, read};
use crate::openai::{ErrorBody, Message, Request, STANDARD_PARAMS, is_private};

/// Members of a Converse request that a client may set under their own names.
pub(super) const CONVERSE: &[&str] = &[
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "outputConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
];

/// The field for parameters that Converse does not define.
pub(super) const MODELS_OWN: &str = "additionalModelRequestFields";

/// Whether a name is a field of a Converse request.
pub(super) fn is_of_converse(name: &str) -> bool {
    matches!(name, MODELS_OWN | "inferenceConfig" | "messages" | "system" | "toolConfig")
        || CONVERSE.contains(&name)
}

/// The fields of a request, and what follows from them.
pub(super) struct Fields<'a> {
    model: &'static Model,
    claude: Option<Plan<'a>>,
    effort: Option<&'static str>,
    /// `temperature`, `top_p`, `top_k`: names and JSON values.
    pub(super) sampling: Vec<(&'static str, &'a str)>,
    /// `inferenceConfig.maxTokens`
    pub(super) max_tokens: Option<u64>,
}

impl<'a> Fields<'a> {
    /// Determines the fields. `forced`: a tool must be called.
    pub(super) fn of(
        request: &Request<'a>,
        to: &Target<'_>,
        model: &'static Model,
        messages: &[Message<'_>],
        forced: bool,
    ) -> Result<Self, ErrorBody> {
        let asked = request.max_tokens()?;
        if model.reasoning == Reasoning::Claude {
            let claude = claude::models::find(to.model);
            let plan = Plan::of(request, to, claude, messages, forced)?;
            let sampling = plan.sampling(request, to, claude)?;
            // A thinking budget is part of `maxTokens`, which must then be set.
            let max_tokens = asked.is_some() || plan.budgeted;
            let max_tokens = max_tokens.then_some(plan.max_tokens);
            return Ok(Self { model, claude: Some(plan), effort: None, sampling, max_tokens });
        }
        let mut fields = Self {
            model,
            claude: None,
            effort: effort(request, model)?,
            sampling: sampling(request)?,
            max_tokens: asked,
        };
        if model.reasoning == Reasoning::Config && fields.effort == Some("high") {
            // These are rejected together with reasoning.
            fields.sampling.clear();
            fields.max_tokens = None;
        }
        Ok(fields)
    }

    /// Whether to request the model's own count of reasoning tokens.
    pub(super) fn counts_thinking(&self) -> bool {
        self.claude.as_ref().is_some_and(Plan::thinks)
    }

    /// Writes `additionalModelRequestFields`, if there are any.
    pub(super) fn write(
        &self,
        w: &mut Writer<'_>,
        request: &Request<'_>,
        to: &Target<'_>,
        tools: &Tools<'_>,
    ) -> Result<(), ErrorBody> {
        let own = match request.get("additionalModelRequestFields") {
            None => Object::default(),
            Some(raw) => Object::of(raw)
                .ok_or_else(|| ErrorBody::invalid("additionalModelRequestFields", "expected an object"))?,
        };
        let before = w.bytes().len();
        w.key("additionalModelRequestFields").object();
        let empty = w.bytes().len();
        for member in own.members() {
            w.raw(member.key.token());
            w.bytes().push(b':');
            w.raw(member.value.get());
        }
        let is_given = |name: &str| own.get(name).is_some() || request.get(name).is_some();
        if let Some((_, top_k)) = self.sampling.iter().find(|(name, _)| *name == "top_k") {
            match self.model.top_k {
                TopK::Field => w.key("top_k").raw(top_k),
                TopK::Nested => w.key("inferenceConfig").object().key("topK").raw(top_k).end_object(),
            };
        }
        if let Some(plan) = &self.claude {
            plan.write(w);
            if let Some(effort) = plan.effort.filter(|_| !is_given("output_config")) {
                w.key("output_config").object().key("effort").string(effort).end_object();
            }
            tools.write_serial(w);
        }
        if let Some(effort) = self.effort {
            match self.model.reasoning {
                Reasoning::Effort => w.key("reasoning_effort").string(effort),
                Reasoning::Nested => w.key("reasoning").object().key("effort").string(effort).end_object(),
                Reasoning::Config => {
                    w.key("reasoningConfig").object();
                    if effort == "none" {
                        w.key("type").string("disabled").end_object()
                    } else {
                        w.key("type").string("enabled").key("maxReasoningEffort").string(effort).end_object()
                    }
                }
                Reasoning::Claude | Reasoning::Never => w,
            };
        }
        if own.get(FEATURES_FIELD).is_none() {
            features::write(w, request, to, self.model);
        }
        self.write_extras(w, request);
        if w.bytes().len() == empty {
            w.bytes().truncate(before);
        } else {
            w.end_object();
        }
        Ok(())
    }

    /// Parameters that are neither `OpenAI`'s nor Converse's are passed to the model.
    fn write_extras(&self, w: &mut Writer<'_>, request: &Request<'_>) {
        let is_ours = |name: &str| {
            matches!(
                name,
                FEATURES_FIELD
                    | "additionalModelRequestFields"
                    | "messages"
                    | "model"
                    | "prompt"
                    | "stream"
                    | "top_k"
            ) || name == "thinking" && self.claude.is_some()
                || CONVERSE.contains(&name)
                || STANDARD_PARAMS.contains(&name)
                || is_private(name)
        };
        for (name, value) in request.params() {
            if !is_ours(&name) && value.get() != "null" {
                w.string(&name).bytes().push(b':');
                w.raw(value.get());
            }
        }
    }
}

/// `reasoning_effort` as the model expects it; `None` to send nothing.
fn effort(request: &Request<'_>, model: &Model) -> Result<Option<&'static str>, ErrorBody> {
    const KNOWN: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    let Some(given) = request.text("reasoning_effort")?.and_then(JsonStr::decode) else { return Ok(None) };
    let Some(known) = KNOWN.iter().find(|known| **known == given) else {
        return Err(ErrorBody::invalid(
            "reasoning_effort",
            &format!("'{given}' is not one of '{}'", KNOWN.join("', '")),
        ));
    };
    Ok(match (model.reasoning, *known) {
        (Reasoning::Never | Reasoning::Claude, _) | (Reasoning::Effort, "none") => None,
        (Reasoning::Nested, effort) => Some(effort),
        // These models know three levels.
        (_, "minimal") => Some("low"),
        (_, "xhigh" | "max") => Some("high"),
        (_, effort) => Some(effort),
    })
}

fn sampling<'a>(request: &Request<'a>) -> Result<Vec<(&'static str, &'a str)>, ErrorBody> {
    let mut sampling = Vec::new();
    for name in ["temperature", "top_p", "top_k"] {
        let Some(raw) = request.get(name) else { continue };
        let value: f64 = read(raw).map_err(|_| ErrorBody::invalid(name, "expected a number"))?;
        // OpenAI's scale ends at 2, Converse's at 1.
        sampling.push((name, if name == "temperature" && value > 1.0 { "1" } else { raw.get() }));
    }
    Ok(sampling)
}
