//! `GET /audit` and `GET /audit/{id}`: who changed what.

use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::{Value, json};

use super::paths;
use crate::app::App;
use crate::clock;
use crate::error::ApiError;
use crate::openapi::{Holds, Input, parameter};
use crate::query::Query;
use crate::rights::Allowed;
use crate::store::{AuditFilter, AuditRow};
use crate::token::identified;

/// Columns to sort by.
pub const COLUMNS: [&str; 6] =
    ["updated_at", "changed_by", "changed_by_api_key", "action", "table_name", "object_id"];

/// The paths, with their input.
pub(super) fn paths() -> Vec<paths::Path> {
    use Holds::{Choice, Date, Text, UpTo};

    let list = Input::Query(
        &const {
            [
                parameter("page", UpTo(u32::MAX as u64)),
                parameter("page_size", UpTo(100)),
                parameter("changed_by", Text),
                parameter("changed_by_api_key", Text),
                parameter("action", Text),
                parameter("table_name", Text),
                parameter("object_id", Text),
                parameter("object_team_id", Text),
                parameter("object_key_hash", Text),
                parameter("start_date", Date),
                parameter("end_date", Date),
                parameter("sort_by", Choice(&COLUMNS)),
                parameter("sort_order", Choice(&["asc", "desc"])),
            ]
        },
    );
    vec![
        paths::gets("/audit", "List the audit log, paginated.", list, get(self::list)),
        paths::gets("/audit/{id}", "Get an entry of the audit log.", Input::Nothing, get(info)),
    ]
}

/// An entry as returned to clients.
fn show(row: &AuditRow) -> Value {
    json!({
        "id": row.id,
        "updated_at": clock::iso(row.updated_at),
        "changed_by": row.changed_by,
        "changed_by_api_key": row.changed_by_api_key,
        "action": row.action,
        "table_name": row.table_name,
        "object_id": row.object_id,
        "before_value": row.before_value,
        "updated_values": row.updated_values,
    })
}

/// Lists entries, newest first.
pub async fn list(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let page = query.count("page", 1, 1, u64::from(u32::MAX))?;
    let size = query.count("page_size", 10, 1, 100)?;
    let moment = |name: &str| {
        let parse = |text: &str| clock::parse(text).ok_or_else(|| invalid_date(name, text));
        query.text(name).map(parse).transpose()
    };
    let filter = AuditFilter {
        changed_by: query.owned("changed_by"),
        changed_by_api_key: query.owned("changed_by_api_key"),
        action: query.owned("action"),
        table_name: query.owned("table_name"),
        object_id: query.owned("object_id"),
        team_id: query.owned("object_team_id"),
        key: query.text("object_key_hash").map(|key| identified(key).to_string()),
        since: moment("start_date")?,
        until: moment("end_date")?,
    };
    let column = query.text("sort_by").unwrap_or("updated_at");
    let column = COLUMNS.into_iter().find(|known| *known == column).ok_or_else(|| {
        ApiError::bad_request(format!("Invalid sort_by. Must be one of: {}", COLUMNS.join(", ")))
    })?;
    let descending = match query.text("sort_order").unwrap_or("desc") {
        "asc" => false,
        "desc" => true,
        _ => return Err(ApiError::bad_request("Invalid sort_order. Must be 'asc' or 'desc'")),
    };
    let (rows, total) = app.store.audit_page(&filter, (column, descending), page, size).await?;
    Ok(Json(json!({
        "audit_logs": rows.iter().map(show).collect::<Vec<_>>(),
        "total": total,
        "page": page,
        "page_size": size,
        "total_pages": total.div_ceil(size),
    })))
}

/// Returns an entry.
pub async fn info(
    State(app): State<App>,
    _: Allowed,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let row = app.store.audit_entry(&id).await?;
    row.map(|row| Json(show(&row))).ok_or_else(|| ApiError::no_such_audit_log(&id))
}

fn invalid_date(name: &str, text: &str) -> ApiError {
    ApiError::invalid_field(name, &format!("'{text}' is not a date or a date-time, such as 2026-01-31"))
}
