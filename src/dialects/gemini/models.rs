//! What each model supports. No code outside this table names a model.
//!
//! Sources: `LiteLLM`'s model map and budgets 1.109.1, and the provider's documentation of thinking and
//! function calling.

use super::super::words::Words;

/// How thinking is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// Not supported.
    Never,
    /// `thinkingBudget`, tokens.
    Budget {
        /// The budget for the effort `none`: the model's minimum, which is not always 0.
        none: u64,
        /// The budget for the effort `minimal`.
        minimal: u64,
    },
    /// `thinkingLevel`. These models cannot disable thinking.
    Level {
        /// Has a level below `low`.
        minimal: bool,
        /// Has a level between `low` and `high`.
        medium: bool,
    },
}

/// What a model supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// Part of the model's name. The first row whose name is contained in the model's name applies.
    pub name: &'static str,
    /// How thinking is requested.
    pub thinking: Thinking,
    /// `presencePenalty` and `frequencyPenalty`.
    pub penalties: bool,
    /// `functionCall.id`, `functionResponse.parts`, and signatures that must be sent back.
    pub signed_calls: bool,
    /// `systemInstruction`.
    pub system: bool,
    /// Search together with functions.
    pub search_with_functions: bool,
    /// Media resolution.
    pub resolution: Resolution,
}

/// Where `mediaResolution` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// It is rejected.
    Nowhere,
    /// In `generationConfig`, for all.
    Request,
    /// In each part.
    Part,
}

/// Before 2.5.
const OLD: Model = Model {
    name: "",
    thinking: Thinking::Never,
    penalties: true,
    signed_calls: false,
    system: true,
    search_with_functions: false,
    resolution: Resolution::Nowhere,
};
const FLASH_2_0: Model = Model { resolution: Resolution::Request, ..OLD };
const FLASH_2_5: Model = Model { thinking: Thinking::Budget { none: 0, minimal: 1 }, ..FLASH_2_0 };
const FLASH_LITE_2_5: Model = Model { thinking: Thinking::Budget { none: 0, minimal: 512 }, ..FLASH_2_0 };
const PRO_2_5: Model = Model { thinking: Thinking::Budget { none: 128, minimal: 128 }, ..FLASH_2_0 };
/// Generation 3.
const FLASH_3: Model = Model {
    thinking: Thinking::Level { minimal: true, medium: true },
    penalties: false,
    signed_calls: true,
    search_with_functions: true,
    resolution: Resolution::Part,
    ..OLD
};
const PRO_3: Model = Model { thinking: Thinking::Level { minimal: false, medium: false }, ..FLASH_3 };
const PRO_3_1: Model = Model { thinking: Thinking::Level { minimal: false, medium: true }, ..FLASH_3 };
const GEMMA_3: Model = Model { system: false, ..OLD };

/// A model that is newer than this table, or a name without a version (`gemini-flash-latest`).
const UNKNOWN: Model = Model { penalties: true, ..FLASH_3 };

const fn named(name: &'static str, like: Model) -> Model {
    Model { name, ..like }
}

/// If one name contains another, the longer one comes first.
const MODELS: &[Model] = &[
    named("gemini-1", OLD),
    named("gemini-2.0", FLASH_2_0),
    named("gemini-2.5-flash-image", OLD),
    named("gemini-2.5-flash-lite", FLASH_LITE_2_5),
    named("gemini-2.5-flash", FLASH_2_5),
    named("gemini-2.5-pro", PRO_2_5),
    named("gemini-2.5", FLASH_2_5),
    named("gemini-3-pro-image", Model { resolution: Resolution::Nowhere, ..PRO_3 }),
    named("gemini-3-pro", PRO_3),
    named("gemini-3.1-pro", PRO_3_1),
    named("gemini-3.5-pro", PRO_3_1),
    named("gemini-3", FLASH_3),
    named("gemini-pro-latest", PRO_3_1),
    named("gemma-3", GEMMA_3),
    named("learnlm", OLD),
];

/// The row for a model name.
pub(super) fn find(name: &str) -> &'static Model {
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
    fn previews_and_new_names_find_their_row() {
        assert_eq!(find("gemini-3-pro-preview").name, "gemini-3-pro");
        assert_eq!(find("gemini-3.1-flash-lite").name, "gemini-3");
        assert_eq!(find("gemini-2.5-flash-lite-preview-09-2025").name, "gemini-2.5-flash-lite");
        assert_eq!(find("gemini-4-pro").name, "");
    }
}
