//! The fields of a budget in forms.

use super::super::fields::{Field, Kind, PERIODS, field};
use super::super::shared_fields::{PARALLEL, REQUESTS, TOKENS};

const BUDGET: Field =
    field("max_budget", "Budget in USD", Kind::Number, "Of each key that refers to it. Empty: no limit.");
const PERIOD: Field = Field {
    choices: PERIODS,
    ..field(
        "budget_duration",
        "Budget period",
        Kind::Line,
        "A key's spend starts again at zero after it, such as 30d. Empty: never.",
    )
};

/// Fields of a new budget.
pub(super) const NEW: [Field; 6] = [
    field("budget_id", "Id", Kind::Line, "It cannot be changed later. Empty: a random one."),
    BUDGET,
    PERIOD,
    REQUESTS,
    TOKENS,
    PARALLEL,
];

/// Fields of a budget that exists.
pub(super) const KNOWN: [Field; 5] = [BUDGET, PERIOD, REQUESTS, TOKENS, PARALLEL];
