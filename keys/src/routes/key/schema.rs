//! The fields of a virtual key, one row each, and how a key is returned to clients.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::fields::{Field, Kind};
use crate::money::Picodollars;
use crate::routes::schema::{Absent, Place, Row, because, row};
use crate::store::KeyRow;

use Kind::{Boolean, Choice, Count, List, Map as Object, Number, Text, TextList};
use Place::{Column, Metadata, Setting, Unstored};

const LIMIT_TYPES: Kind = Choice(&["guaranteed_throughput", "best_effort_throughput", "dynamic"]);

/// Fields of `/key/generate`. To support a new field of `LiteLLM`, add a row here; nothing else is needed
/// unless SQL must access it.
pub const FIELDS: [Row; 46] = [
    row("key", Text, Unstored, Absent::Null),
    row("key_alias", Text, Column, Absent::Null),
    row("duration", Text, Unstored, Absent::Null),
    row("models", TextList, Setting, Absent::EmptyList),
    row("aliases", Object, Setting, Absent::EmptyMap),
    row("spend", Number, Column, Absent::Null),
    row("max_budget", Number, Column, Absent::Null),
    row("soft_budget", Number, Setting, Absent::Null),
    row("budget_duration", Text, Column, Absent::Null),
    row("budget_id", Text, Column, Absent::Null),
    row("budget_limits", List, Setting, Absent::Null),
    row("budget_fallbacks", Object, Setting, Absent::Null).refused(because::ROUTER),
    row("tpm_limit", Count, Setting, Absent::Null),
    row("rpm_limit", Count, Setting, Absent::Null),
    row("tpd_limit", Count, Setting, Absent::Null).refused(because::TOKENS_PER_DAY),
    row("max_parallel_requests", Count, Setting, Absent::Null),
    row("model_rpm_limit", Object, Metadata, Absent::Null),
    row("model_tpm_limit", Object, Metadata, Absent::Null),
    row("model_max_budget", Object, Setting, Absent::EmptyMap),
    row("mcp_rpm_limit", Object, Metadata, Absent::Null).refused("no MCP servers"),
    row("tag_rpm_limit", Object, Metadata, Absent::Null).refused("no limits per tag"),
    row("rpm_limit_type", LIMIT_TYPES, Metadata, Absent::Null),
    row("tpm_limit_type", LIMIT_TYPES, Metadata, Absent::Null),
    row("team_id", Text, Column, Absent::Null),
    row("user_id", Text, Column, Absent::Null),
    row("organization_id", Text, Column, Absent::Null),
    row("project_id", Text, Setting, Absent::Null).refused(because::OBJECTS),
    row("agent_id", Text, Setting, Absent::Null).refused(because::OBJECTS),
    row("metadata", Object, Setting, Absent::EmptyMap),
    row("permissions", Object, Setting, Absent::EmptyMap).refused(because::PERMISSIONS),
    row("allowed_routes", TextList, Setting, Absent::EmptyList),
    row(
        "key_type",
        Choice(&["llm_api", "management", "read_only", "default"]),
        Setting,
        Absent::Is("default"),
    ),
    row("allowed_cache_controls", List, Setting, Absent::EmptyList).refused(because::CACHE),
    row("blocked", Boolean, Column, Absent::Null),
    row("guardrails", TextList, Metadata, Absent::Null).refused(because::GUARDRAILS),
    row("policies", TextList, Setting, Absent::Null).refused(because::GUARDRAILS),
    row("prompts", TextList, Metadata, Absent::Null).refused(because::GUARDRAILS),
    row("tags", TextList, Metadata, Absent::Null),
    row("enforced_params", TextList, Metadata, Absent::Null),
    row("config", Object, Setting, Absent::EmptyMap).refused(because::ROUTER),
    row("router_settings", Object, Setting, Absent::EmptyMap).refused(because::ROUTER),
    row("send_invite_email", Boolean, Unstored, Absent::Null).refused(because::MAIL),
    row("auto_rotate", Boolean, Setting, Absent::False).refused(because::ROTATION),
    row("rotation_interval", Text, Setting, Absent::Null).refused(because::ROTATION),
    row("access_group_ids", TextList, Setting, Absent::Null).refused(because::GROUPS),
    row("object_permission", Object, Setting, Absent::Null).refused(because::OBJECTS),
];

/// Fields of `/key/update`.
pub const UPDATE: [Row; 48] = with([
    row("temp_budget_increase", Number, Setting, Absent::Null),
    row("temp_budget_expiry", Text, Setting, Absent::Null),
]);

/// Fields of `/key/regenerate`.
pub const REGENERATE: [Row; 48] =
    with([row("new_key", Text, Unstored, Absent::Null), row("grace_period", Text, Unstored, Absent::Null)]);

/// [`FIELDS`] and two more.
const fn with(more: [Row; 2]) -> [Row; 48] {
    let mut all = [more[0]; 48];
    let mut at = 0;
    while at < FIELDS.len() {
        all[at] = FIELDS[at];
        at += 1;
    }
    all[at] = more[0];
    all[at + 1] = more[1];
    all
}

/// Stores the fields that were sent; others stay unchanged.
pub fn apply(key: &mut KeyRow, sent: &Map<String, Value>) {
    for Row { field: Field { name, .. }, place, .. } in UPDATE {
        let Some(value) = sent.get(name) else { continue };
        match place {
            Setting | Metadata => {
                key.settings.insert(name.to_owned(), value.clone());
            }
            Column => column(key, name, value),
            Unstored => {}
        }
    }
}

fn column(key: &mut KeyRow, name: &str, value: &Value) {
    let text = || value.as_str().map(str::to_owned);
    match name {
        "key_alias" => key.key_alias = text(),
        // An empty id in a form counts as absent.
        "team_id" => key.team_id = text().filter(|id| !id.is_empty()),
        "organization_id" => key.organization_id = text().filter(|id| !id.is_empty()),
        "user_id" => key.user_id = text(),
        "budget_id" => key.budget_id = text().filter(|id| !id.is_empty()),
        "budget_duration" => key.budget_duration = text(),
        "max_budget" => key.max_budget = value.as_f64(),
        "spend" => key.spend = Picodollars::from_usd(value.as_f64().unwrap_or_default()),
        "blocked" => key.blocked = value.as_bool(),
        _ => {}
    }
}

fn column_value(key: &KeyRow, name: &str) -> Value {
    match name {
        "key_alias" => json!(key.key_alias),
        "team_id" => json!(key.team_id),
        "organization_id" => json!(key.organization_id),
        "user_id" => json!(key.user_id),
        "budget_id" => json!(key.budget_id),
        "budget_duration" => json!(key.budget_duration),
        "max_budget" => json!(key.max_budget),
        "spend" => json!(key.spend),
        "blocked" => json!(key.blocked),
        _ => Value::Null,
    }
}

/// The fields of a request as `/key/generate` returns them: all of them, at the top level.
pub fn echo(key: &KeyRow) -> Map<String, Value> {
    FIELDS
        .into_iter()
        .map(|Row { field, place, absent, .. }| {
            let value = match place {
                Column => column_value(key, field.name),
                Setting | Metadata => setting(key, field.name, absent),
                Unstored => Value::Null,
            };
            (field.name.to_owned(), value)
        })
        .collect()
}

/// A key as returned by `/key/info`, without the hash.
pub fn info(key: &KeyRow, now: Timestamp) -> Map<String, Value> {
    let mut info = Map::new();
    let mut metadata = key.settings.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    for Row { field: Field { name, .. }, place, absent, .. } in FIELDS {
        match place {
            Column => {
                info.insert(name.to_owned(), column_value(key, name));
            }
            Setting => {
                info.insert(name.to_owned(), setting(key, name, absent));
            }
            Metadata => {
                if let Some(value) = key.settings.get(name).filter(|value| !value.is_null()) {
                    metadata.insert(name.to_owned(), value.clone());
                }
            }
            Unstored => {}
        }
    }
    let moment = |at: Option<Timestamp>| json!(at.map(clock::iso));
    let rest = [
        ("metadata", Value::Object(metadata)),
        ("key_name", json!(key.key_name)),
        ("total_spend", json!(key.total_spend)),
        ("expires", moment(key.expires_at)),
        ("budget_reset_at", moment(key.budget_reset_at)),
        ("created_at", moment(Some(key.created_at))),
        ("created_by", json!(key.created_by)),
        ("updated_at", moment(Some(key.updated_at))),
        ("updated_by", json!(key.updated_by)),
        ("settings_updated_at", moment(Some(key.updated_at))),
        ("last_active", moment(key.last_active)),
        ("status", json!(status(key, now))),
        // Set by other parts of LiteLLM; clients in strictly typed languages expect them.
        ("soft_budget_cooldown", json!(false)),
        ("model_spend", json!({})),
        ("object_permission_id", Value::Null),
        ("rotation_count", key.settings.get("rotation_count").cloned().unwrap_or_else(|| json!(0))),
        ("last_rotation_at", key.settings.get("last_rotation_at").cloned().unwrap_or_default()),
        ("key_rotation_at", Value::Null),
        ("litellm_budget_table", Value::Null),
    ];
    info.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    info
}

/// A key with its hash, as returned by `/key/block` and similar paths.
pub fn full_row(key: &KeyRow, now: Timestamp) -> Map<String, Value> {
    let mut row = info(key, now);
    row.insert("token".to_owned(), json!(key.token));
    row
}

fn setting(key: &KeyRow, name: &str, absent: Absent) -> Value {
    key.settings.get(name).cloned().unwrap_or_else(|| absent.value())
}

fn status(key: &KeyRow, now: Timestamp) -> &'static str {
    if key.blocked == Some(true) {
        "blocked"
    } else if key.expires_at.is_some_and(|expiry| expiry <= now) {
        "expired"
    } else {
        "active"
    }
}
