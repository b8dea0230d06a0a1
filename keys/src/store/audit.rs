//! The audit log: `entries` are written in the transaction of the change that they are about, and read and trimmed here.

pub(super) mod entries;

use jiff::Timestamp;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use super::sql::placeholders;
use super::{Store, StoreError, get};
use crate::audit::Values;
use crate::clock;

/// An entry.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Its id.
    pub id: String,
    /// The time of the change.
    pub updated_at: Timestamp,
    /// A user, or the name of a key without one.
    pub changed_by: String,
    /// The hash of the author's key, or the alias of the master key.
    pub changed_by_api_key: String,
    /// `created`, `updated`, `blocked`, `rotated` or `deleted`.
    pub action: String,
    /// The kind of the object, with `LiteLLM`'s name of its table.
    pub table_name: String,
    /// The object.
    pub object_id: String,
    /// The fields that changed, as they were.
    pub before_value: Option<Values>,
    /// The same fields, afterwards.
    pub updated_values: Option<Values>,
}

/// Selects entries. All fields that are set must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditFilter {
    /// Author.
    pub changed_by: Option<String>,
    /// The author's key.
    pub changed_by_api_key: Option<String>,
    /// Action.
    pub action: Option<String>,
    /// Kind of the object.
    pub table_name: Option<String>,
    /// Object.
    pub object_id: Option<String>,
    /// Team of the object.
    pub team_id: Option<String>,
    /// Hash of a key, also if it was replaced by this one.
    pub key: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
}

const COLUMNS: &str = "id, updated_at, changed_by, changed_by_api_key, action, table_name, object_id, before_value, updated_values";

impl AuditRow {
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let id: String = get(row, "id")?;
        let values = |column: &str| -> Result<Option<Values>, StoreError> {
            let text: Option<String> = get(row, column)?;
            let parsed = text.as_deref().map(serde_json::from_str).transpose();
            parsed.map_err(|_| StoreError::Corrupt(format!("invalid values of the audit log entry {id}")))
        };
        Ok(Self {
            updated_at: clock::from_micros(get(row, "updated_at")?),
            changed_by: get(row, "changed_by")?,
            changed_by_api_key: get(row, "changed_by_api_key")?,
            action: get(row, "action")?,
            table_name: get(row, "table_name")?,
            object_id: get(row, "object_id")?,
            before_value: values("before_value")?,
            updated_values: values("updated_values")?,
            id,
        })
    }
}

/// A value in a condition.
enum Bound {
    Text(String),
    Moment(Timestamp),
}

impl AuditFilter {
    /// The condition, and its values in order.
    fn condition(&self) -> (String, Vec<Bound>) {
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        for (column, value) in [
            ("changed_by", &self.changed_by),
            ("changed_by_api_key", &self.changed_by_api_key),
            ("action", &self.action),
            ("table_name", &self.table_name),
            ("object_id", &self.object_id),
            ("team_id", &self.team_id),
        ] {
            if let Some(value) = value {
                values.push(Bound::Text(value.clone()));
                conditions.push(format!("{column} = {}", placeholders(values.len(), 1)));
            }
        }
        if let Some(key) = &self.key {
            values.extend([Bound::Text(key.clone()), Bound::Text(key.clone())]);
            let (old, new) = (placeholders(values.len() - 1, 1), placeholders(values.len(), 1));
            conditions.push(format!("(object_id = {old} OR new_id = {new})"));
        }
        for (comparison, moment) in [("updated_at >=", self.since), ("updated_at <=", self.until)] {
            if let Some(moment) = moment {
                values.push(Bound::Moment(moment));
                conditions.push(format!("{comparison} {}", placeholders(values.len(), 1)));
            }
        }
        let sql = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        (sql, values)
    }
}

fn bind<'q>(query: Query<'q, Any, AnyArguments>, values: &[Bound]) -> Query<'q, Any, AnyArguments> {
    values.iter().fold(query, |query, value| match value {
        Bound::Text(text) => query.bind(text.clone()),
        Bound::Moment(at) => query.bind(at.as_microsecond()),
    })
}

impl Store {
    /// A page of the audit log and the total number of entries; `page` starts at 1, and `column` is one of the table.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        (column, descending): (&'static str, bool),
        page: u64,
        size: u64,
    ) -> Result<(Vec<AuditRow>, u64), StoreError> {
        let (wanted, values) = filter.condition();
        let sql = format!("SELECT COUNT(*) FROM audit_log{wanted}");
        let count = bind(sqlx::query(AssertSqlSafe(sql)), &values).persistent(false);
        let total: i64 = count.fetch_one(&self.readers).await?.try_get(0)?;
        let offset = i64::try_from(page.saturating_sub(1).saturating_mul(size)).unwrap_or(i64::MAX);
        let direction = if descending { "DESC" } else { "ASC" };
        let by = match column {
            "updated_at" => format!("updated_at {direction}, id {direction}"),
            column => format!("{column} {direction}, updated_at DESC, id DESC"),
        };
        let sql =
            format!("SELECT {COLUMNS} FROM audit_log{wanted} ORDER BY {by} LIMIT {size} OFFSET {offset}");
        let query = bind(sqlx::query(AssertSqlSafe(sql)), &values).persistent(false);
        let rows = query.fetch_all(&self.readers).await?;
        let rows = rows.iter().map(AuditRow::read).collect::<Result<_, _>>()?;
        Ok((rows, u64::try_from(total).unwrap_or_default()))
    }

    /// An entry.
    pub async fn audit_entry(&self, id: &str) -> Result<Option<AuditRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM audit_log WHERE id = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&self.readers).await?;
        row.as_ref().map(AuditRow::read).transpose()
    }

    /// Deletes up to `most` entries that are older; returns how many.
    pub async fn trim_audit_log(&self, before: Timestamp, most: i64) -> Result<u64, StoreError> {
        let deleted = sqlx::query(
            "DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)",
        )
        .bind(before.as_microsecond())
        .bind(most)
        .execute(&self.writers)
        .await?;
        Ok(deleted.rows_affected())
    }
}
