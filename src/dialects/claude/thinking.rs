//! `reasoning_effort` and `thinking`, and the parameters that depend on them: `max_tokens`,
//! `output_config.effort`, sampling.

use super::super::Target;
use super::models::{Form, Model};
use crate::json::{JsonStr, Raw, Text, Writer, fields, read};
use crate::openai::{ErrorBody, Message, Request};

/// Minimum thinking budget, tokens.
const SMALLEST_BUDGET: u64 = 1024;

/// The `thinking` parameter.
#[derive(Clone, Copy, Debug)]
enum Thinking<'a> {
    /// Omitted.
    Unsaid,
    /// The client's own value.
    Given(Raw<'a>),
    /// `adaptive`; with a summary that can be shown, if the model would omit it by default.
    Adaptive { summarized: bool },
    /// `enabled`
    Budget(u64),
    /// `disabled`
    Disabled,
}

/// The resulting parameters.
pub(in crate::dialects) struct Plan<'a> {
    thinking: Thinking<'a>,
    /// `max_tokens`
    pub(in crate::dialects) max_tokens: u64,
    /// `output_config.effort`
    pub(in crate::dialects) effort: Option<&'static str>,
    /// A budget is set, which restricts sampling and requires a larger `max_tokens`.
    pub(in crate::dialects) budgeted: bool,
}

impl<'a> Plan<'a> {
    /// Determines the parameters. `forced`: a tool must be called, which excludes a thinking budget.
    pub(in crate::dialects) fn of(
        request: &Request<'a>,
        to: &Target<'_>,
        model: &Model,
        messages: &[Message<'_>],
        forced: bool,
    ) -> Result<Self, ErrorBody> {
        let asked = request.max_tokens()?;
        let max_tokens = asked.or(to.deployment.max_output_tokens).unwrap_or(model.max_output);
        let mut plan = Self { thinking: Thinking::Unsaid, max_tokens, effort: None, budgeted: false };
        if let Some(given) = request.get("thinking") {
            plan.given(given, to, model)?;
        } else if let Some(effort) = request.text("reasoning_effort")? {
            plan.effort(&effort.decode().unwrap_or_default(), to, model, forced)?;
        }
        if plan.budgeted && !blocks_are_kept(messages) {
            // With a budget, the provider requires the reasoning before pending calls, which OpenAI's clients
            // do not keep.
            plan = Self { thinking: Thinking::Unsaid, max_tokens, effort: plan.effort, budgeted: false };
        }
        Ok(plan)
    }

    /// The client's own `thinking`.
    fn given(&mut self, given: Raw<'a>, to: &Target<'_>, model: &Model) -> Result<(), ErrorBody> {
        struct Wire<'a> {
            kind: Text<'a>,
            budget_tokens: Option<u64>,
        }
        fields!(Wire<'a> { kind = "type", budget_tokens; "type" });
        let wire: Wire<'_> =
            read(given).map_err(|_| ErrorBody::invalid("thinking", "expected an object with a 'type'"))?;
        self.thinking = match (&*wire.kind, model.thinking) {
            ("enabled", Form::Adaptive | Form::Always) => Thinking::Adaptive { summarized: true },
            ("disabled", Form::Always) => Thinking::Unsaid,
            ("enabled", _) => {
                self.budgeted = true;
                let budget = wire.budget_tokens.unwrap_or_default();
                if budget >= self.max_tokens {
                    // The client's limit is for the response, in addition to the budget.
                    let most = to.deployment.max_output_tokens.unwrap_or(model.max_output);
                    self.max_tokens = budget.saturating_add(self.max_tokens).min(most.max(budget + 1));
                }
                Thinking::Given(given)
            }
            _ => Thinking::Given(given),
        };
        Ok(())
    }

    /// `reasoning_effort`, with `LiteLLM`'s budgets for models without effort levels.
    fn effort(
        &mut self,
        effort: &str,
        to: &Target<'_>,
        model: &Model,
        forced: bool,
    ) -> Result<(), ErrorBody> {
        let (level, budget) = match effort {
            "none" => ("low", 0),
            "minimal" | "low" => ("low", SMALLEST_BUDGET),
            "medium" => ("medium", 2048),
            "high" => ("high", 4096),
            "xhigh" if !model.xhigh && model.thinking != Form::Budget => {
                to.refuse_value("reasoning_effort", "reasoning_effort='xhigh'")?;
                ("high", 8192)
            }
            "xhigh" => ("xhigh", 8192),
            "max" => ("max", 16384),
            other => {
                return Err(ErrorBody::invalid(
                    "reasoning_effort",
                    &format!(
                        "'{other}' is not one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'"
                    ),
                ));
            }
        };
        match (model.thinking, effort) {
            (Form::Never, _) | (Form::Budget | Form::Either, "none") => {}
            (Form::Adaptive, "none") => self.thinking = Thinking::Disabled,
            // Thinking cannot be disabled.
            (Form::Always, "none") => self.effort = Some(level),
            (Form::Budget, _) => {
                // max_completion_tokens covers reasoning and response together, so the budget is reduced to
                // leave a quarter for the response.
                let budget = budget.min(self.max_tokens - self.max_tokens / 4);
                if budget >= SMALLEST_BUDGET && !forced {
                    self.budgeted = true;
                    self.thinking = Thinking::Budget(budget);
                }
            }
            (Form::Either, _) => {
                self.thinking = Thinking::Adaptive { summarized: false };
                self.effort = Some(level);
            }
            (Form::Adaptive | Form::Always, _) => {
                self.thinking = Thinking::Adaptive { summarized: true };
                self.effort = Some(level);
            }
        }
        Ok(())
    }

    /// Whether the model thinks, according to the request.
    pub(in crate::dialects) fn thinks(&self) -> bool {
        !matches!(self.thinking, Thinking::Unsaid | Thinking::Disabled)
    }

    /// Writes `thinking`.
    pub(in crate::dialects) fn write(&self, w: &mut Writer<'_>) {
        match self.thinking {
            Thinking::Unsaid => {}
            Thinking::Given(raw) => {
                w.key("thinking").raw(raw.get());
            }
            Thinking::Adaptive { summarized } => {
                w.key("thinking").object().key("type").string("adaptive");
                if summarized {
                    w.key("display").string("summarized");
                }
                w.end_object();
            }
            Thinking::Budget(budget) => {
                w.key("thinking").object().key("type").string("enabled");
                w.key("budget_tokens").number(budget).end_object();
            }
            Thinking::Disabled => {
                w.key("thinking").object().key("type").string("disabled").end_object();
            }
        }
    }

    /// `temperature`, `top_p` and `top_k` as the model and its thinking allow: names and JSON values.
    pub(in crate::dialects) fn sampling(
        &self,
        request: &Request<'a>,
        to: &Target<'_>,
        model: &Model,
    ) -> Result<Vec<(&'static str, &'a str)>, ErrorBody> {
        let mut sampling = Vec::new();
        let given = ["temperature", "top_p", "top_k"].map(|name| (name, request.get(name)));
        for (name, raw) in given {
            let Some(raw) = raw else { continue };
            let value: f64 = read(raw).map_err(|_| ErrorBody::invalid(name, "expected a number"))?;
            let is_default = name != "top_k" && (value - 1.0).abs() < f64::EPSILON;
            if !model.sampling {
                if !is_default {
                    to.refuse_value(name, &format!("{name}={}", raw.get()))?;
                }
            } else if self.budgeted && !(name == "top_p" && value >= 0.95) {
                // With a budget, the provider requires the default temperature, no top_k, and a top_p of at
                // least 0.95.
            } else if is_default && given.iter().any(|(other, raw)| *other != name && raw.is_some()) {
                // Many clients always send the defaults of both, and some models accept only one.
            } else if name == "temperature" && value > 1.0 {
                // OpenAI's scale ends at 2, Claude's at 1.
                sampling.push((name, "1"));
            } else {
                sampling.push((name, raw.get()));
            }
        }
        let is_there = |name| sampling.iter().any(|(there, _)| *there == name);
        if model.one_sampler && is_there("temperature") && is_there("top_p") {
            to.refuse_value("top_p", "temperature and top_p together")?;
            sampling.retain(|(name, _)| *name != "top_p");
        }
        Ok(sampling)
    }
}

/// The reasoning blocks that can be sent back. Blocks of other providers, or without their signature, would
/// be rejected.
pub(in crate::dialects) fn thinking_blocks<'a>(message: &Message<'a>) -> Vec<Raw<'a>> {
    struct Wire<'a> {
        kind: Text<'a>,
        signature: Option<JsonStr<'a>>,
        data: Option<JsonStr<'a>>,
    }
    fields!(Wire<'a> { kind = "type", signature, data });
    let Some(raw) = message.thinking_blocks else { return Vec::new() };
    let mut blocks: Vec<Raw<'a>> = read(raw).unwrap_or_default();
    blocks.retain(|block| {
        read::<Wire<'_>>(*block).is_ok_and(|wire| match &*wire.kind {
            "thinking" => wire.signature.is_some_and(|signature| !signature.is_empty()),
            "redacted_thinking" => wire.data.is_some(),
            _ => false,
        })
    });
    blocks
}

/// Whether the assistant's last turn can be sent to a model with a thinking budget: it calls no tool, or has
/// its reasoning blocks.
fn blocks_are_kept(messages: &[Message<'_>]) -> bool {
    let last = messages.iter().rev().find(|message| &*message.role == "assistant");
    last.is_none_or(|message| message.calls().next().is_none() || !thinking_blocks(message).is_empty())
}

/// Whether the request asks for no reasoning, for models that do not think.
pub(in crate::dialects) fn asks_for_nothing(request: &Request<'_>) -> bool {
    request.get("reasoning_effort").and_then(JsonStr::of).is_none_or(|effort| effort.inner() == "none")
}
