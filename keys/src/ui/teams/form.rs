//! The fields of a team and of its members in forms.

use super::super::fields::{Field, Kind, PERIODS, field};
use super::super::shared_fields::{METADATA, MODELS, PARALLEL, PERIOD, REQUESTS, TOKENS};

const NAME: Field =
    field("team_alias", "Name", Kind::Line, "Such as Search. It is called team_alias in the API.");
const BUDGET: Field =
    field("max_budget", "Budget in USD", Kind::Number, "Of all keys of the team together. Empty: no limit.");
const OF_MEMBERS: Field = field(
    "team_member_budget",
    "Budget of each member in USD",
    Kind::Number,
    "For members without their own budget. Empty: no limit.",
);
const PERIOD_OF_MEMBERS: Field = Field {
    choices: PERIODS,
    ..field(
        "team_member_budget_duration",
        "Period of the members' budgets",
        Kind::Line,
        "Such as 30d. Empty: never reset.",
    )
};
const PERMISSIONS: Field = field(
    "team_member_permissions",
    "What members may do with keys of the team",
    Kind::Names,
    "Paths of the API, such as /key/generate. Empty: see them.",
);

/// Fields of a new team.
pub(super) const NEW: [Field; 12] = [
    NAME,
    field("team_id", "Id", Kind::Line, "It cannot be changed later. Empty: a random one."),
    MODELS,
    BUDGET,
    PERIOD,
    REQUESTS,
    TOKENS,
    PARALLEL,
    OF_MEMBERS,
    PERIOD_OF_MEMBERS,
    PERMISSIONS,
    METADATA,
];

/// Fields of a team that exists.
pub(super) const KNOWN: [Field; 11] = [
    NAME,
    MODELS,
    BUDGET,
    PERIOD,
    REQUESTS,
    TOKENS,
    PARALLEL,
    OF_MEMBERS,
    PERIOD_OF_MEMBERS,
    PERMISSIONS,
    METADATA,
];

const ROLE: Field = Field {
    choices: &["user", "admin"],
    ..field("role", "Role", Kind::Choice, "An admin manages the members and the keys of the team.")
};
const MEMBER_BUDGET: Field = field(
    "max_budget_in_team",
    "Budget in the team in USD",
    Kind::Number,
    "Empty: what the team sets for its members.",
);
const MEMBER_PERIOD: Field = Field {
    choices: PERIODS,
    ..field("budget_duration", "Budget period", Kind::Line, "Such as 30d. Empty: what the team sets.")
};
const MEMBER_MODELS: Field =
    field("allowed_models", "Models", Kind::Names, "Separated by commas. Empty: all models of the team.");

/// Fields of a new member.
pub(super) const NEW_MEMBER: [Field; 6] = [
    field("user_id", "User", Kind::Line, "The user's id. A user that does not exist is created."),
    field("user_email", "E-mail address", Kind::Line, "Instead of the id, or of a new user."),
    ROLE,
    MEMBER_BUDGET,
    MEMBER_PERIOD,
    MEMBER_MODELS,
];

/// Fields of a member.
pub(super) const MEMBER: [Field; 6] = [
    ROLE,
    MEMBER_BUDGET,
    MEMBER_PERIOD,
    field("rpm_limit", "Requests per minute", Kind::Number, "Empty: no limit."),
    field("tpm_limit", "Tokens per minute", Kind::Number, "Empty: no limit."),
    MEMBER_MODELS,
];
