//! `/user/list`: lists users, paginated.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use super::accounts::{AccountRow, COLUMNS};
use super::sql::{contains, placeholders};
use super::{Store, StoreError};

/// Selects users. All fields that are set must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountFilter {
    /// One of these ids.
    pub ids: Vec<String>,
    /// Role.
    pub role: Option<String>,
    /// Part of the e-mail address, ignoring case.
    pub email: Option<String>,
    /// A team that the user belongs to.
    pub team_id: Option<String>,
}

impl Store {
    /// A page of users, newest first, and the total number; `page` starts at 1.
    pub async fn user_page(
        &self,
        filter: &AccountFilter,
        page: u64,
        size: u64,
    ) -> Result<(Vec<AccountRow>, u64), StoreError> {
        let mut conditions = vec!["kind = 'user'".to_owned()];
        let mut values: Vec<String> = Vec::new();
        if !filter.ids.is_empty() {
            values.extend(filter.ids.iter().cloned());
            conditions.push(format!("id IN ({})", placeholders(1, values.len())));
        }
        let mut add = |before: &str, value: Option<String>, after: &str| {
            if let Some(value) = value {
                values.push(value);
                conditions.push(format!("{before} {}{after}", placeholders(values.len(), 1)));
            }
        };
        add("LOWER(email) LIKE", filter.email.as_deref().map(contains), r" ESCAPE '\'");
        add("role =", filter.role.clone(), "");
        let members = "id IN (SELECT user_id FROM account WHERE kind = 'team_member' AND team_id =";
        add(members, filter.team_id.clone(), ")");
        let conditions = conditions.join(" AND ");
        let bind = |query| {
            values.iter().fold(query, |query: Query<'_, Any, AnyArguments>, value| query.bind(value.clone()))
        };
        let sql = format!("SELECT COUNT(*) FROM account WHERE {conditions}");
        let total: i64 = bind(sqlx::query(AssertSqlSafe(sql))).fetch_one(&self.readers).await?.try_get(0)?;
        let offset = i64::try_from(page.saturating_sub(1).saturating_mul(size)).unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT {COLUMNS} FROM account WHERE {conditions} ORDER BY created_at DESC, id LIMIT {size} OFFSET {offset}"
        );
        let rows = bind(sqlx::query(AssertSqlSafe(sql))).fetch_all(&self.readers).await?;
        let users = rows.iter().map(AccountRow::read).collect::<Result<_, _>>()?;
        Ok((users, u64::try_from(total).unwrap_or_default()))
    }
}
