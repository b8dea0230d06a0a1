//! Fields that the forms of several objects have.

use super::fields::{Field, Kind, PERIODS, field};

pub(super) const MODELS: Field =
    field("models", "Models", Kind::Names, "Separated by commas. Empty: all models.");
pub(super) const PERIOD: Field = Field {
    choices: PERIODS,
    ..field(
        "budget_duration",
        "Budget period",
        Kind::Line,
        "Spend starts again at zero after it, such as 30d. Empty: never.",
    )
};
pub(super) const REQUESTS: Field =
    field("rpm_limit", "Requests per minute", Kind::Number, "Empty: no limit.");
pub(super) const TOKENS: Field = field("tpm_limit", "Tokens per minute", Kind::Number, "Empty: no limit.");
pub(super) const PARALLEL: Field =
    field("max_parallel_requests", "Parallel requests", Kind::Number, "Empty: no limit.");
pub(super) const METADATA: Field = field("metadata", "Metadata", Kind::Json, "Any JSON object.");
