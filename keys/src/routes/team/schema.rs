//! The fields of a team.

use serde_json::{Map, Value, json};

use crate::clock;
use crate::fields::Kind;
use crate::routes::account;
use crate::routes::schema::{Absent, Place, Row, because, row};
use crate::store::AccountRow;

use Kind::{Any, Boolean, Choice, Count, List, Map as Object, Number, Text, TextList};
use Place::{Column, Metadata, Setting, Unstored};

const LIMIT_TYPES: Kind = Choice(&["guaranteed_throughput", "best_effort_throughput"]);

/// Fields of `/team/new` and `/team/update`.
pub const FIELDS: [Row; 36] = [
    row("team_id", Text, Unstored, Absent::Null),
    row("team_alias", Text, Column, Absent::Null),
    row("organization_id", Text, Column, Absent::Null),
    row("admins", TextList, Setting, Absent::EmptyList).refused(because::ROSTER),
    row("members", TextList, Setting, Absent::EmptyList).refused(because::ROSTER),
    row("members_with_roles", Any, Unstored, Absent::EmptyList),
    row("team_member_permissions", TextList, Setting, Absent::Null),
    row("metadata", Object, Setting, Absent::Null),
    row("tpm_limit", Count, Setting, Absent::Null),
    row("rpm_limit", Count, Setting, Absent::Null),
    row("tpd_limit", Count, Setting, Absent::Null).refused(because::TOKENS_PER_DAY),
    row("max_parallel_requests", Count, Setting, Absent::Null),
    row("max_budget", Number, Column, Absent::Null),
    row("soft_budget", Number, Setting, Absent::Null),
    row("budget_duration", Text, Column, Absent::Null),
    row("budget_limits", List, Setting, Absent::Null),
    row("models", TextList, Setting, Absent::EmptyList),
    row("model_aliases", Object, Setting, Absent::Null),
    row("model_max_budget", Object, Setting, Absent::EmptyMap),
    row("model_rpm_limit", Object, Metadata, Absent::Null),
    row("model_tpm_limit", Object, Metadata, Absent::Null),
    row("rpm_limit_type", LIMIT_TYPES, Metadata, Absent::Null),
    row("tpm_limit_type", LIMIT_TYPES, Metadata, Absent::Null),
    row("blocked", Boolean, Column, Absent::False),
    row("router_settings", Object, Setting, Absent::Null).refused(because::ROUTER),
    row("access_group_ids", TextList, Setting, Absent::Null).refused(because::GROUPS),
    row("default_team_member_models", TextList, Setting, Absent::Null)
        .refused("use allowed_models of /team/member_add"),
    row("tags", List, Metadata, Absent::Null),
    row("guardrails", TextList, Metadata, Absent::Null).refused(because::GUARDRAILS),
    row("policies", TextList, Setting, Absent::Null).refused(because::GUARDRAILS),
    row("prompts", TextList, Metadata, Absent::Null).refused(because::GUARDRAILS),
    row("object_permission", Object, Setting, Absent::Null).refused(because::OBJECTS),
    row("team_member_budget", Number, Setting, Absent::Null),
    row("team_member_budget_duration", Text, Setting, Absent::Null),
    row("team_member_rpm_limit", Count, Setting, Absent::Null),
    row("team_member_tpm_limit", Count, Setting, Absent::Null),
];

/// A team as returned to clients, with its members.
pub fn show(team: &AccountRow, members: &[AccountRow]) -> Map<String, Value> {
    let mut shown = account::show(team, "team_id", &FIELDS);
    let members: Vec<_> = members
        .iter()
        .map(|member| {
            json!({
                "user_id": member.user_id,
                "user_email": member.email,
                "role": member.role.as_deref().unwrap_or("user"),
            })
        })
        .collect();
    let rest = [
        ("members_with_roles", json!(members)),
        ("spend", json!(team.spend)),
        ("model_spend", json!({})),
        ("model_id", Value::Null),
        ("litellm_model_table", Value::Null),
        ("object_permission_id", Value::Null),
    ];
    shown.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    shown
}

/// A membership as returned to clients: spend and limits in the team.
pub fn show_membership(member: &AccountRow) -> Value {
    json!({
        "user_id": member.user_id,
        "team_id": member.team_id,
        "budget_id": null,
        "spend": member.spend,
        "total_spend": member.total_spend,
        "allowed_models": member.strings("models"),
        "litellm_budget_table": {
            "max_budget": member.max_budget,
            "budget_duration": member.budget_duration,
            "budget_reset_at": member.budget_reset_at.map(clock::iso),
            "tpm_limit": member.settings.get("tpm_limit"),
            "rpm_limit": member.settings.get("rpm_limit"),
        },
    })
}
