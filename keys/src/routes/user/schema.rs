//! The fields of a user.

use serde_json::{Map, Value, json};

use crate::auth::Role;
use crate::fields::Kind;
use crate::routes::account;
use crate::routes::schema::{Absent, Place, Row, because, row};
use crate::store::AccountRow;

use Kind::{Any, Boolean, Choice, Count, List, Map as Object, Number, Text, TextList};
use Place::{Column, Metadata, Setting, Unstored};

/// Fields of `/user/new` and `/user/update`. Those that are not stored are instructions, or apply to the key
/// that is created with the user.
pub const FIELDS: [Row; 35] = [
    row("user_id", Text, Unstored, Absent::Null),
    row("user_alias", Text, Column, Absent::Null),
    row("user_email", Text, Column, Absent::Null),
    row("user_role", Choice(Role::NAMES), Column, Absent::Null),
    row("teams", Any, Unstored, Absent::EmptyList),
    row("team_id", Text, Unstored, Absent::Null),
    row("organizations", TextList, Unstored, Absent::Null).refused(because::OBJECTS),
    row("organization_id", Text, Column, Absent::Null),
    row("models", TextList, Setting, Absent::EmptyList),
    row("max_budget", Number, Column, Absent::Null),
    row("soft_budget", Number, Setting, Absent::Null),
    row("budget_duration", Text, Column, Absent::Null),
    row("spend", Number, Column, Absent::Null),
    row("model_max_budget", Object, Setting, Absent::EmptyMap),
    row("model_rpm_limit", Object, Metadata, Absent::Null),
    row("model_tpm_limit", Object, Metadata, Absent::Null),
    row("tpm_limit", Count, Setting, Absent::Null),
    row("rpm_limit", Count, Setting, Absent::Null),
    row("max_parallel_requests", Count, Setting, Absent::Null),
    row("metadata", Object, Setting, Absent::EmptyMap),
    row("allowed_cache_controls", List, Setting, Absent::EmptyList).refused(because::CACHE),
    row("policies", TextList, Setting, Absent::EmptyList).refused(because::GUARDRAILS),
    row("sso_user_id", Text, Setting, Absent::Null),
    row("object_permission", Object, Setting, Absent::Null).refused(because::OBJECTS),
    row("budget_limits", List, Setting, Absent::Null),
    row("auto_create_key", Boolean, Unstored, Absent::Null),
    row("send_invite_email", Boolean, Unstored, Absent::Null).refused(because::MAIL),
    row("key_alias", Text, Unstored, Absent::Null),
    row("duration", Text, Unstored, Absent::Null),
    row("aliases", Object, Unstored, Absent::EmptyMap),
    row("config", Object, Unstored, Absent::EmptyMap).refused(because::ROUTER),
    row("permissions", Object, Unstored, Absent::EmptyMap).refused(because::PERMISSIONS),
    row("blocked", Boolean, Unstored, Absent::Null),
    row("guardrails", TextList, Unstored, Absent::Null).refused(because::GUARDRAILS),
    row("tags", TextList, Unstored, Absent::Null),
];

/// A user as returned to clients; `teams` are the ids of its teams.
pub fn show(user: &AccountRow, teams: &[String]) -> Map<String, Value> {
    let mut shown = account::show(user, "user_id", &FIELDS);
    let rest = [
        ("teams", json!(teams)),
        ("total_spend", json!(user.total_spend)),
        ("model_spend", json!({})),
        ("organization_memberships", Value::Null),
    ];
    shown.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    shown
}
