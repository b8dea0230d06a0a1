//! The fields of a key in forms.

use super::super::fields::{Field, Kind, PERIODS, field};
use super::super::shared_fields::{METADATA, MODELS, PARALLEL, PERIOD, REQUESTS, TOKENS};

const ALIAS: Field =
    field("key_alias", "Name", Kind::Line, "Unique, such as search-prod. It is called key_alias in the API.");
const BUDGET: Field = field(
    "max_budget",
    "Budget in USD",
    Kind::Number,
    "Requests are rejected when it is spent. Empty: no limit.",
);
const USER: Field = field("user_id", "User", Kind::Line, "The id of the user that the key belongs to.");
const TEAM: Field = field("team_id", "Team", Kind::Line, "The id of the team that pays, too.");
const TAGS: Field = field("tags", "Tags", Kind::Names, "Separated by commas. The spend log has them.");

/// Fields of a new key.
pub(super) const NEW: [Field; 12] = [
    ALIAS,
    MODELS,
    BUDGET,
    PERIOD,
    Field {
        choices: PERIODS,
        ..field("duration", "Expires after", Kind::Line, "Such as 30d. Empty: never.")
    },
    REQUESTS,
    TOKENS,
    PARALLEL,
    USER,
    TEAM,
    TAGS,
    METADATA,
];

/// Fields of a key that exists.
pub(super) const KNOWN: [Field; 12] = [
    ALIAS,
    MODELS,
    BUDGET,
    PERIOD,
    Field {
        choices: PERIODS,
        ..field(
            "duration",
            "New lifetime",
            Kind::Line,
            "From now on, such as 30d, or -1 for no end. Empty: unchanged.",
        )
    },
    REQUESTS,
    TOKENS,
    PARALLEL,
    USER,
    TEAM,
    TAGS,
    METADATA,
];
