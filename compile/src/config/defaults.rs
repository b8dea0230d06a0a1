//! Settings for new keys, users and teams.

use serde_json::{Map, Value, json};

use super::durations::duration;
use super::sections::{DEFAULT_KEY, DEFAULT_TEAM, DEFAULT_USER, MOST_COUNTED, UPPERBOUND_KEY};
use super::table::{At, Table};

/// Reads them from `litellm_settings`, under their names; `None` if there are none.
pub(super) fn defaults(settings: &mut Table<'_>) -> Option<Map<String, Value>> {
    let mut read = Map::new();
    for (name, section) in [
        ("default_key_generate_params", &DEFAULT_KEY),
        ("upperbound_key_generate_params", &UPPERBOUND_KEY),
        ("default_team_params", &DEFAULT_TEAM),
        ("default_internal_user_params", &DEFAULT_USER),
    ] {
        let Some(mut table) = settings.table(name) else { continue };
        let fields = fields(&mut table, |name| section.reads(name));
        table.finish(section);
        if !fields.is_empty() {
            read.insert(name.to_owned(), Value::Object(fields));
        }
    }
    if let Some(budget) = settings.number("max_internal_user_budget") {
        read.insert("max_internal_user_budget".to_owned(), json!(budget.value));
    }
    if let Some(period) = duration(settings, "internal_user_budget_duration", None) {
        read.insert("internal_user_budget_duration".to_owned(), json!(period));
    }
    if let Some(budget) = settings.number("max_end_user_budget") {
        read.insert("max_end_user_budget".to_owned(), json!(budget.value));
    }
    if let Some(id) = settings.text("max_end_user_budget_id") {
        read.insert("max_end_user_budget_id".to_owned(), json!(id.value));
    }
    (!read.is_empty()).then_some(read)
}

/// The fields of a table that its section has.
fn fields(table: &mut Table<'_>, has: impl Fn(&str) -> bool) -> Map<String, Value> {
    let mut read = Map::new();
    let mut add = |name: &str, value: Option<Value>| read.extend(value.map(|value| (name.to_owned(), value)));
    if has("max_budget") {
        add("max_budget", table.number("max_budget").map(|budget| json!(budget.value)));
    }
    for name in ["budget_duration", "duration"].into_iter().filter(|name| has(name)) {
        add(name, duration(table, name, None).map(Value::from));
    }
    for name in ["tpm_limit", "rpm_limit", "max_parallel_requests"].into_iter().filter(|name| has(name)) {
        add(name, table.whole(name, MOST_COUNTED).map(Value::from));
    }
    for name in ["models", "team_member_permissions"].into_iter().filter(|name| has(name)) {
        let texts = table.texts(name);
        add(name, texts.map(|texts| texts.into_iter().map(|text| Value::from(text.value)).collect()));
    }
    for name in ["user_id", "team_id"].into_iter().filter(|name| has(name)) {
        add(name, table.text(name).map(|text| Value::from(text.value)));
    }
    if has("user_role") {
        add("user_role", role(table).map(Value::from));
    }
    if has("metadata") {
        add("metadata", table.table("metadata").map(|metadata| metadata.all().to_json()));
    }
    read
}

/// The role of users who are not administrators.
fn role(table: &mut Table<'_>) -> Option<String> {
    let At { at, value } = table.text("user_role")?;
    if matches!(value.as_str(), "internal_user" | "internal_user_viewer") {
        return Some(value);
    }
    let message =
        format!("{} must be internal_user or internal_user_viewer, found '{value}'", table.name("user_role"));
    table.report.error(at, message, None);
    None
}
