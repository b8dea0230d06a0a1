//! The fields of an organization.

use serde_json::{Map, Value, json};

use crate::clock;
use crate::fields::{Field, Kind};
use crate::routes::account;
use crate::routes::schema::{Absent, Place, Row, because, row};
use crate::routes::shared_budget;
use crate::store::AccountRow;

use Kind::{Boolean, Choice, Count, Map as Object, Number, Text, TextList};
use Place::{Column, Setting, Unstored};

/// The roles of members.
pub const ROLES: Kind = Choice(&["org_admin", "internal_user", "internal_user_viewer"]);

/// Fields of `/organization/new` and `/organization/update`.
pub const FIELDS: [Row; 19] = [
    row("organization_id", Text, Unstored, Absent::Null),
    row("organization_alias", Text, Column, Absent::Null),
    row("models", TextList, Setting, Absent::EmptyList),
    row("max_budget", Number, Column, Absent::Null),
    row("budget_id", Text, Column, Absent::Null),
    row("budget_duration", Text, Column, Absent::Null),
    row("budget_reset_at", Text, Unstored, Absent::Null),
    row("soft_budget", Number, Setting, Absent::Null),
    row("tpm_limit", Count, Setting, Absent::Null),
    row("rpm_limit", Count, Setting, Absent::Null),
    row("max_parallel_requests", Count, Setting, Absent::Null),
    row("metadata", Object, Setting, Absent::EmptyMap),
    row("tpd_limit", Count, Setting, Absent::Null).refused(because::TOKENS_PER_DAY),
    row("blocked", Boolean, Setting, Absent::Null).refused("block its teams with /team/block"),
    row("tags", TextList, Setting, Absent::Null).refused("set tags on teams or keys"),
    row("model_aliases", Object, Setting, Absent::Null).refused("set model_aliases on teams"),
    row("model_max_budget", Object, Setting, Absent::Null)
        .refused("no budgets per model and organization; set them on teams"),
    row("model_rpm_limit", Object, Setting, Absent::Null)
        .refused("no rates per model and organization; set them on teams"),
    row("object_permission", Object, Setting, Absent::Null).refused(because::OBJECTS),
];

/// Fields that name a member.
pub const MEMBER: [Field; 4] = [
    Field { name: "organization_id", kind: Kind::Text },
    Field { name: "user_id", kind: Kind::Text },
    Field { name: "user_email", kind: Kind::Text },
    Field { name: "role", kind: ROLES },
];

/// An organization as returned to clients. `budget` is the budget that it refers to.
pub fn show(organization: &AccountRow, budget: Option<&AccountRow>) -> Map<String, Value> {
    let mut shown = account::show(organization, "organization_id", &FIELDS);
    let rest = [
        ("spend", json!(organization.spend)),
        ("total_spend", json!(organization.total_spend)),
        ("model_spend", json!({})),
        ("litellm_budget_table", shared_budget::show(organization, budget)),
        ("created_by", json!(organization.created_by)),
        ("updated_by", json!(organization.updated_by)),
    ];
    shown.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    shown
}

/// A membership as returned to clients.
pub fn show_member(member: &AccountRow) -> Value {
    json!({
        "user_id": member.user_id,
        "user_email": member.email,
        "organization_id": member.organization_id,
        "user_role": member.role,
        "spend": 0.0,
        "budget_id": null,
        "litellm_budget_table": null,
        "created_at": clock::iso(member.created_at),
        "updated_at": clock::iso(member.updated_at),
    })
}
