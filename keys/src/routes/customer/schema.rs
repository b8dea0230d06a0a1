//! The fields of a customer.

use serde_json::{Value, json};

use crate::clock;
use crate::fields::Kind;
use crate::routes::schema::{Absent, Place, Row, because, row};
use crate::routes::shared_budget;
use crate::store::AccountRow;

use Kind::{Boolean, Count, Map as Object, Number, Text};
use Place::{Column, Setting, Unstored};

/// Why customers have no region.
const REGIONS: &str = "deployments have no regions; give the key `models` or `aliases` instead";

/// Fields of `/customer/new` and `/customer/update`.
pub const FIELDS: [Row; 18] = [
    row("user_id", Text, Unstored, Absent::Null),
    row("alias", Text, Column, Absent::Null),
    row("blocked", Boolean, Column, Absent::False),
    row("max_budget", Number, Column, Absent::Null),
    row("budget_id", Text, Column, Absent::Null),
    row("budget_duration", Text, Column, Absent::Null),
    row("budget_reset_at", Text, Unstored, Absent::Null),
    row("spend", Number, Column, Absent::Null),
    row("soft_budget", Number, Setting, Absent::Null),
    row("tpm_limit", Count, Setting, Absent::Null),
    row("rpm_limit", Count, Setting, Absent::Null),
    row("max_parallel_requests", Count, Setting, Absent::Null),
    row("metadata", Object, Setting, Absent::Null),
    row("tpd_limit", Count, Setting, Absent::Null).refused(because::TOKENS_PER_DAY),
    row("model_max_budget", Object, Setting, Absent::Null)
        .refused("no budgets per model and customer; use max_budget"),
    row("allowed_model_region", Text, Setting, Absent::Null).refused(REGIONS),
    row("default_model", Text, Setting, Absent::Null).refused(REGIONS),
    row("object_permission", Object, Setting, Absent::Null).refused(because::OBJECTS),
];

/// A customer as returned to clients. `budget` is the budget that it refers to.
pub fn show(customer: &AccountRow, budget: Option<&AccountRow>) -> Value {
    json!({
        "user_id": customer.id,
        "alias": customer.alias,
        "blocked": customer.blocked.unwrap_or_default(),
        "spend": customer.spend,
        "total_spend": customer.total_spend,
        "budget_id": customer.budget_id,
        "litellm_budget_table": shared_budget::show(customer, budget),
        "metadata": customer.settings.get("metadata"),
        "allowed_model_region": null,
        "default_model": null,
        "object_permission_id": null,
        "object_permission": null,
        "created_at": clock::iso(customer.created_at),
        "updated_at": clock::iso(customer.updated_at),
    })
}
