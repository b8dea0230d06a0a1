//! The fields of a tag.

use serde_json::{Map, Value, json};

use crate::clock;
use crate::fields::Kind;
use crate::routes::schema::{Absent, Place, Row, because, row};
use crate::routes::shared_budget;
use crate::store::AccountRow;

use Kind::{Count, Map as Object, Number, Text, TextList};
use Place::{Column, Setting, Unstored};

/// Fields of `/tag/new` and `/tag/update`.
pub const FIELDS: [Row; 15] = [
    row("name", Text, Unstored, Absent::Null),
    row("description", Text, Setting, Absent::Null),
    row("max_budget", Number, Column, Absent::Null),
    row("budget_id", Text, Column, Absent::Null),
    row("budget_duration", Text, Column, Absent::Null),
    row("budget_reset_at", Text, Unstored, Absent::Null),
    row("soft_budget", Number, Setting, Absent::Null),
    row("tpm_limit", Count, Setting, Absent::Null),
    row("rpm_limit", Count, Setting, Absent::Null),
    row("max_parallel_requests", Count, Setting, Absent::Null),
    row("models", TextList, Setting, Absent::EmptyList)
        .refused("set `tags` in `litellm_params` of deployments"),
    row("model_info", Object, Setting, Absent::Null).refused("set `tags` in `litellm_params` of deployments"),
    row("object_permission", Object, Setting, Absent::Null).refused(because::OBJECTS),
    row("tpd_limit", Count, Setting, Absent::Null).refused(because::TOKENS_PER_DAY),
    row("model_max_budget", Object, Setting, Absent::Null)
        .refused("no budgets per model and tag; use max_budget"),
];

/// A tag as returned to clients. `budget` is the budget that it refers to.
pub fn show(tag: &AccountRow, budget: Option<&AccountRow>) -> Value {
    let mut shown = Map::new();
    for (name, value) in [
        ("name", json!(tag.id)),
        ("description", json!(tag.settings.get("description"))),
        ("models", json!([])),
        ("model_info", Value::Null),
        ("spend", json!(tag.spend)),
        ("total_spend", json!(tag.total_spend)),
        ("budget_id", json!(tag.budget_id)),
        ("litellm_budget_table", shared_budget::show(tag, budget)),
        ("created_at", json!(clock::iso(tag.created_at))),
        ("updated_at", json!(clock::iso(tag.updated_at))),
        ("created_by", json!(tag.created_by)),
    ] {
        shown.insert(name.to_owned(), value);
    }
    Value::Object(shown)
}
