//! Parameters that a model is known to reject. Clients of Anthropic's API know their models by name, but not the one behind
//! a gateway's name, nor the one that serves a fallback.

use super::super::models::{Form, Model};
use crate::json::{JsonStr, Member, Object, Raw, Splice, Text, Writer, fields, read};
use crate::openai::Request;

/// Minimum thinking budget, tokens.
const SMALLEST_BUDGET: u64 = 1024;

/// What becomes of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    Remove,
    Replace(Vec<u8>),
}

/// A model's rules for one request.
pub(super) struct Gates<'a> {
    model: &'static Model,
    /// `output_config.effort`, the latest of the conversation if turns lost theirs.
    effort: &'a str,
    max_tokens: u64,
    forced: bool,
    /// Reasoning before pending calls was left out, which a budget requires.
    unexplained_calls: bool,
    /// `thinking` becomes a budget, which excludes sampling.
    budgeted: bool,
}

struct Thinking<'a> {
    kind: Text<'a>,
    budget_tokens: Option<u64>,
    display: Option<Raw<'a>>,
}
fields!(Thinking<'a> { kind = "type", budget_tokens, display; "type" });

impl<'a> Gates<'a> {
    /// `effort` is that of turns which lost theirs.
    pub(super) fn new(
        model: &'static Model,
        request: &Request<'a>,
        effort: Option<JsonStr<'a>>,
        unexplained_calls: bool,
    ) -> Self {
        let config = request.get("output_config").and_then(Object::of);
        let own = config.and_then(|config| JsonStr::of(config.get("effort")?));
        let max_tokens = request.max_tokens().ok().flatten().unwrap_or(model.max_output);
        let effort = effort.or(own).map_or("", JsonStr::inner);
        let forced = request.get("tool_choice").is_some_and(is_forced);
        let mut gates = Self { model, effort, max_tokens, forced, unexplained_calls, budgeted: false };
        let thinking = request.get("thinking").map(|thinking| gates.thinking(thinking));
        gates.budgeted = model.thinking == Form::Budget && matches!(thinking, Some(Fate::Replace(_)));
        gates
    }

    /// A model that is newer than the table: the provider reports what it rejects.
    fn is_unknown(&self) -> bool {
        self.model.name.is_empty()
    }

    /// `thinking`
    pub(super) fn thinking(&self, value: Raw<'_>) -> Fate {
        let Ok(thinking) = read::<Thinking<'_>>(value) else { return Fate::Keep };
        let budget = thinking.budget_tokens.unwrap_or_default();
        match (&*thinking.kind, self.model.thinking) {
            _ if self.is_unknown() => Fate::Keep,
            ("disabled", Form::Always) | ("adaptive" | "enabled" | "between_tools", Form::Never) => {
                Fate::Remove
            }
            ("enabled", Form::Adaptive | Form::Always) | ("between_tools", Form::Either) => {
                write("adaptive", None, thinking.display)
            }
            ("adaptive" | "between_tools", Form::Budget) => {
                let budget = match self.effort {
                    "low" | "minimal" => SMALLEST_BUDGET,
                    "medium" => 2048,
                    _ => 4096,
                };
                // The rest is for the response.
                self.budgeted(budget.min(self.max_tokens - self.max_tokens / 4), thinking.display)
            }
            ("enabled", _) if budget >= self.max_tokens || self.unexplained_calls => {
                self.budgeted(self.max_tokens.saturating_sub(1), thinking.display)
            }
            _ => Fate::Keep,
        }
    }

    fn budgeted(&self, budget: u64, display: Option<Raw<'_>>) -> Fate {
        if budget < SMALLEST_BUDGET || self.forced || self.unexplained_calls {
            return Fate::Remove;
        }
        write("enabled", Some(budget), display)
    }

    /// `output_config.effort`
    pub(super) fn effort(&self, value: Raw<'_>) -> Fate {
        let word = JsonStr::of(value).map_or("", JsonStr::inner);
        let high = || Fate::Replace(br#""high""#.to_vec());
        match word {
            _ if self.is_unknown() => Fate::Keep,
            _ if !self.model.effort => Fate::Remove,
            "xhigh" if !self.model.xhigh => high(),
            "max" if self.model.thinking == Form::Budget => high(),
            _ => Fate::Keep,
        }
    }

    /// The effort of turns that lost theirs, for the request.
    pub(super) fn is_accepted(&self, effort: JsonStr<'_>) -> bool {
        self.is_unknown() || self.model.effort && !effort.is_empty()
    }

    /// `temperature`, `top_p` or `top_k`
    pub(super) fn rejects_sampling(&self, name: &str, request: &Request<'_>) -> bool {
        let both = || request.get("temperature").is_some() && request.get("top_p").is_some();
        !self.is_unknown()
            && (!self.model.sampling || self.budgeted || name == "top_p" && self.model.one_sampler && both())
    }

    /// `tool_choice`: a forced call becomes a choice.
    pub(super) fn tool_choice(&self, value: Raw<'_>, splice: &mut Splice<'_>) {
        if self.is_unknown() || self.model.forced_tools || !self.forced {
            return;
        }
        let choice = Object::of(value).unwrap_or_default();
        for member in choice.members() {
            if member.is("type") {
                splice.replace(member.value.get(), &br#""auto""#[..]);
            } else if member.is("name") {
                splice.remove(member);
            }
        }
    }
}

/// Whether a tool must be called.
fn is_forced(choice: Raw<'_>) -> bool {
    let kind = Object::of(choice).and_then(|choice| JsonStr::of(choice.get("type")?));
    kind.is_some_and(|kind| matches!(kind.inner(), "any" | "tool"))
}

fn write(kind: &str, budget: Option<u64>, display: Option<Raw<'_>>) -> Fate {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    w.object().key("type").string(kind);
    if let Some(budget) = budget {
        w.key("budget_tokens").number(budget);
    }
    if let Some(display) = display {
        w.key("display").raw(display.get());
    }
    w.end_object();
    Fate::Replace(out)
}

impl Fate {
    /// Applies it to a member.
    pub(super) fn apply(self, member: &Member<'_>, splice: &mut Splice<'_>) {
        match self {
            Self::Keep => {}
            Self::Remove => splice.remove(member),
            Self::Replace(value) => splice.replace(member.value.get(), value),
        }
    }
}
