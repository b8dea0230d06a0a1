//! The fields of a budget.

use serde_json::{Map, Value, json};

use crate::fields::Kind;
use crate::routes::account;
use crate::routes::schema::{Absent, Place, Row, because, row};
use crate::store::AccountRow;

use Kind::{Count, Map as Object, Number, Text};
use Place::{Column, Setting, Unstored};

/// Fields of `/budget/new` and `/budget/update`.
pub const FIELDS: [Row; 10] = [
    row("budget_id", Text, Unstored, Absent::Null),
    row("max_budget", Number, Column, Absent::Null),
    row("soft_budget", Number, Setting, Absent::Null),
    row("max_parallel_requests", Count, Setting, Absent::Null),
    row("tpm_limit", Count, Setting, Absent::Null),
    row("rpm_limit", Count, Setting, Absent::Null),
    row("tpd_limit", Count, Setting, Absent::Null).refused(because::TOKENS_PER_DAY),
    row("budget_duration", Text, Column, Absent::Null),
    row("model_max_budget", Object, Setting, Absent::Null),
    row("budget_reset_at", Text, Unstored, Absent::Null),
];

/// A budget as returned to clients.
pub fn show(budget: &AccountRow) -> Map<String, Value> {
    let mut shown = account::show(budget, "budget_id", &FIELDS);
    shown.insert("created_by".to_owned(), json!(budget.created_by));
    shown.insert("updated_by".to_owned(), json!(budget.updated_by));
    shown
}
