//! What each model supports. No code outside this table names a model.
//!
//! Source: `LiteLLM`'s model map 1.109.1 (`supports_*` flags) and the provider's documentation.

use super::super::words::Words;

/// How thinking is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialects) enum Form {
    /// Not supported.
    Never,
    /// `{"type":"enabled","budget_tokens":…}` only.
    Budget,
    /// `{"type":"adaptive"}`; a budget is deprecated but works.
    Either,
    /// `{"type":"adaptive"}` only; `{"type":"disabled"}` is accepted.
    Adaptive,
    /// Always on; `{"type":"disabled"}` is rejected.
    Always,
}

/// What a model supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialects) struct Model {
    /// Part of the model's name. The first row whose name is contained in the model's name applies.
    pub name: &'static str,
    /// How thinking is requested.
    pub thinking: Form,
    /// Effort levels.
    pub effort: bool,
    /// The effort level `xhigh`.
    pub xhigh: bool,
    /// `temperature`, `top_p` and `top_k`.
    pub sampling: bool,
    /// `temperature` or `top_p`, but not both.
    pub one_sampler: bool,
    /// `tool_choice` that forces a call.
    pub forced_tools: bool,
    /// `role: "system"` after a user's turn.
    pub system_turns: bool,
    /// `output_config.format`, and `strict` tools.
    pub json_schema: bool,
    /// Maximum output tokens: `max_tokens` if neither the client nor the configuration sets it.
    pub max_output: u64,
}

/// Before 3.7.
const OLD: Model = Model {
    name: "",
    thinking: Form::Never,
    effort: false,
    xhigh: false,
    sampling: true,
    one_sampler: false,
    forced_tools: true,
    system_turns: false,
    json_schema: false,
    max_output: 4_096,
};
/// 3.7 to 4.1.
const BUDGET: Model = Model { thinking: Form::Budget, max_output: 32_000, ..OLD };
const SONNET_4: Model = Model { max_output: 64_000, ..BUDGET };
/// 4.5.
const STRUCTURED: Model = Model { json_schema: true, one_sampler: true, max_output: 64_000, ..BUDGET };
/// 4.6.
const EITHER: Model = Model { thinking: Form::Either, effort: true, max_output: 128_000, ..STRUCTURED };
/// 4.7 and later.
const ADAPTIVE: Model = Model { thinking: Form::Adaptive, xhigh: true, sampling: false, ..EITHER };
/// 4.8 and 5.
const SYSTEM_TURNS: Model = Model { system_turns: true, ..ADAPTIVE };
/// The largest models of generation 5.
const ALWAYS: Model = Model { thinking: Form::Always, ..SYSTEM_TURNS };
/// Generations 5.1 and 5.5.
const UNFORCED: Model = Model { forced_tools: false, ..ALWAYS };

/// A model that is newer than this table. The provider rejects what it does not support.
const UNKNOWN: Model = Model { sampling: true, one_sampler: false, max_output: 4_096, ..SYSTEM_TURNS };

const fn named(name: &'static str, like: Model) -> Model {
    Model { name, ..like }
}

/// If one name contains another, the longer one comes first.
const MODELS: &[Model] = &[
    named("opus-5-5", UNFORCED),
    named("sonnet-5-5", UNFORCED),
    named("fable-5-1", UNFORCED),
    named("fable-5-2", UNFORCED),
    named("mythos-5-1", UNFORCED),
    named("mythos-5-2", UNFORCED),
    named("haiku-5-5", SYSTEM_TURNS),
    named("fable-5", ALWAYS),
    named("mythos-5", ALWAYS),
    named("mythos-preview", Model { system_turns: false, ..ALWAYS }),
    named("opus-5", SYSTEM_TURNS),
    named("sonnet-5", SYSTEM_TURNS),
    named("opus-4-8", SYSTEM_TURNS),
    named("opus-4-7", ADAPTIVE),
    named("opus-4-6", EITHER),
    named("sonnet-4-6", EITHER),
    named("opus-4-5", Model { effort: true, ..STRUCTURED }),
    named("sonnet-4-5", STRUCTURED),
    named("haiku-4-5", STRUCTURED),
    named("opus-4-0", BUDGET),
    named("opus-4-1", Model { one_sampler: true, ..BUDGET }),
    // Dated: `claude-opus-4-20250514`, or with an `@` on Vertex AI.
    named("opus-4-2025", BUDGET),
    named("opus-4@", BUDGET),
    named("sonnet-4-0", SONNET_4),
    named("sonnet-4-2025", SONNET_4),
    named("sonnet-4@", SONNET_4),
    named("3-7-sonnet", SONNET_4),
    named("3-5-", Model { max_output: 8_192, ..OLD }),
    named("claude-3-", OLD),
    named("claude-2", OLD),
    named("claude-instant", OLD),
    // Names on other clouds: `anthropic.claude-v2:1`.
    named("claude-v", OLD),
];

/// The row for a model name.
pub(in crate::dialects) fn find(name: &str) -> &'static Model {
    let words = Words::of(name);
    MODELS.iter().find(|model| words.hold(model.name)).unwrap_or(&UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_reached_by_its_own_name() {
        for model in MODELS {
            assert_eq!(find(model.name), model, "hidden by an earlier row");
        }
    }

    #[test]
    fn dated_and_prefixed_names_find_their_row() {
        assert_eq!(find("claude-sonnet-4-5-20250929").name, "sonnet-4-5");
        assert_eq!(find("claude-opus-4-20250514").name, "opus-4-2025");
        assert_eq!(find("claude-opus-5-5@20270101").name, "opus-5-5");
        assert_eq!(find("claude-3-5-haiku-20241022").name, "3-5-");
        assert_eq!(find("claude-next").name, "");
    }
}
