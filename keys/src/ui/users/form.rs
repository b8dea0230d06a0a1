//! The fields of a user in forms.

use super::super::fields::{Field, Kind, field};
use super::super::shared_fields::{METADATA, MODELS, PERIOD, REQUESTS, TOKENS};
use crate::auth::Role;

const EMAIL: Field = field("user_email", "E-mail address", Kind::Line, "Two users cannot have the same.");
const ALIAS: Field = field("user_alias", "Name", Kind::Line, "For people; it need not be unique.");
const BUDGET: Field = field(
    "max_budget",
    "Budget in USD",
    Kind::Number,
    "Of all keys of the user outside of teams. Empty: no limit.",
);
const ROLE: Field = Field {
    choices: &Role::CHOICES,
    ..field(
        "user_role",
        "Role",
        Kind::Choice,
        "A proxy admin may do everything, an internal user manages its own keys; viewers only read.",
    )
};

/// Fields of a new user.
pub(super) const NEW: [Field; 10] = [
    field("user_id", "Id", Kind::Line, "It cannot be changed later. Empty: a random one."),
    EMAIL,
    ALIAS,
    ROLE,
    BUDGET,
    PERIOD,
    MODELS,
    REQUESTS,
    TOKENS,
    METADATA,
];

/// Fields of a user that exists.
pub(super) const KNOWN: [Field; 9] = [EMAIL, ALIAS, ROLE, BUDGET, PERIOD, MODELS, REQUESTS, TOKENS, METADATA];
