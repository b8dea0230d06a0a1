//! Translates `reasoning_effort` and `thinking` to `thinkingConfig`.

use super::super::Target;
use super::models::{Model, Thinking};
use crate::json::{Text, Writer, fields, read};
use crate::openai::{ErrorBody, Request};

/// Writes `thinkingConfig`, unless it is empty. The provider rejects a budget together with a level.
pub(super) fn write(
    w: &mut Writer<'_>,
    request: &Request<'_>,
    to: &Target<'_>,
    model: &Model,
) -> Result<(), ErrorBody> {
    if let Some(own) = request.get("thinkingConfig").or_else(|| request.get("thinking_config")) {
        w.key("thinkingConfig").raw(own.get());
    } else if request.get("thinking").is_some() {
        given(w, request, model)?;
    } else if let Some(effort) = request.text("reasoning_effort")? {
        let effort = effort.decode().unwrap_or_default();
        match (effort_of(&effort, to)?, model.thinking) {
            (_, Thinking::Never) if effort == "none" => {}
            (_, Thinking::Never) => {
                to.refuse_value("reasoning_effort", &format!("reasoning_effort='{effort}'"))?;
            }
            (effort, Thinking::Budget { none, minimal }) => {
                let budget = match effort {
                    Effort::None => none,
                    Effort::Minimal => minimal,
                    Effort::Low => 1024,
                    Effort::Medium => 2048,
                    Effort::High => 4096,
                };
                w.key("thinkingConfig").object().key("thinkingBudget").number(budget);
                w.key("includeThoughts").bool(effort != Effort::None).end_object();
            }
            (effort, Thinking::Level { minimal, medium }) => {
                let level = match effort {
                    Effort::None | Effort::Minimal if minimal => "MINIMAL",
                    Effort::None | Effort::Minimal | Effort::Low => "LOW",
                    Effort::Medium if medium => "MEDIUM",
                    Effort::Medium | Effort::High => "HIGH",
                };
                w.key("thinkingConfig").object().key("thinkingLevel").string(level);
                w.key("includeThoughts").bool(effort != Effort::None).end_object();
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
}

fn effort_of(effort: &str, to: &Target<'_>) -> Result<Effort, ErrorBody> {
    Ok(match effort {
        "none" | "disable" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" | "max" => {
            to.refuse_value("reasoning_effort", &format!("reasoning_effort='{effort}'"))?;
            Effort::High
        }
        other => {
            return Err(ErrorBody::invalid(
                "reasoning_effort",
                &format!("'{other}' is not one of 'none', 'minimal', 'low', 'medium', 'high'"),
            ));
        }
    })
}

/// The client's own `thinking`, in Anthropic's format, which `LiteLLM` accepts for every provider.
fn given(w: &mut Writer<'_>, request: &Request<'_>, model: &Model) -> Result<(), ErrorBody> {
    struct Wire<'a> {
        kind: Text<'a>,
        budget_tokens: Option<u64>,
    }
    fields!(Wire<'a> { kind = "type", budget_tokens; "type" });
    let Some(raw) = request.get("thinking") else { return Ok(()) };
    let wire: Wire<'_> =
        read(raw).map_err(|_| ErrorBody::invalid("thinking", "expected an object with a 'type'"))?;
    if model.thinking == Thinking::Never {
        return Ok(());
    }
    let on = &*wire.kind != "disabled" && wire.budget_tokens != Some(0);
    w.key("thinkingConfig").object().key("includeThoughts").bool(on);
    match (on, wire.budget_tokens, model.thinking) {
        (true, Some(budget), _) => {
            w.key("thinkingBudget").number(budget);
        }
        (true, None, _) | (false, _, Thinking::Never) => {}
        (false, _, Thinking::Budget { none, .. }) => {
            w.key("thinkingBudget").number(none);
        }
        (false, _, Thinking::Level { minimal, .. }) => {
            w.key("thinkingLevel").string(if minimal { "MINIMAL" } else { "LOW" });
        }
    }
    w.end_object();
    Ok(())
}
