//! `/key/list` and `/key/aliases`: lists keys, paginated.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};
use switchboard::key::TokenHash;

use super::blocks::{self, Place};
use super::key_row::{KEY_COLUMNS, KeyRow, token};
use super::key_text::Condition;
use super::sql::{contains, placeholders};
use super::{Store, StoreError, get};
use crate::clock;

/// How long a count may lack another replica's keys.
const COUNT_FOR: Duration = Duration::from_secs(10);

/// Selects keys. All fields that are set must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyFilter {
    /// Owner.
    pub user_id: Option<String>,
    /// Include keys of these teams in addition to the owner's: teams that the caller administers.
    pub or_teams: Vec<String>,
    /// Team.
    pub team_id: Option<String>,
    /// Organization.
    pub organization_id: Option<String>,
    /// The budget that it refers to.
    pub budget_id: Option<String>,
    /// Hash.
    pub token: Option<String>,
    /// Alias.
    pub key_alias: Option<String>,
    /// Part of the alias, ignoring case; or the hash.
    pub search: Option<String>,
    /// Part of the alias, the user or the team, ignoring case; or the hash.
    pub text: Option<String>,
    /// Its status.
    pub status: Option<Status>,
    /// Whether it has expired.
    pub expired: Option<bool>,
    /// Only keys with an alias.
    pub with_alias: bool,
    /// Count only so many as people look at if a text is searched.
    pub counts_few: bool,
}

/// The status of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Valid.
    Active,
    /// Expired.
    Expired,
    /// Blocked.
    Revoked,
}

/// The sort order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// A column of `virtual_key`.
    pub column: &'static str,
    /// Descending instead of ascending.
    pub descending: bool,
}

/// A page of keys or of their hashes.
#[derive(Debug)]
pub struct KeyPage<T> {
    /// The keys on this page.
    pub keys: Vec<T>,
    /// Total number of keys on all pages; of a search, at most [`Self::COUNTED`] if not all have to be counted.
    pub total: u64,
    /// There are more.
    pub is_more: bool,
}

impl<T> KeyPage<T> {
    /// Counting all keys that a text matches takes longer than finding a page of them.
    pub const COUNTED: u64 = 1_000;
}

/// What to read for a page.
struct Shown<T> {
    /// The whole row, or only the hash, which is in the index.
    whole: bool,
    read: fn(&AnyRow) -> Result<T, StoreError>,
}

/// A value in a condition.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Moment(Timestamp),
}

#[derive(Default)]
struct Conditions {
    all: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition; each `?` in it is replaced by a placeholder for one of the values.
    fn add(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        let mut sql = String::new();
        let mut values = values.into_iter();
        for part in condition.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(before) => {
                    self.values.extend(values.next());
                    sql.push_str(before);
                    sql.push_str(&placeholders(self.values.len(), 1));
                }
                None => sql.push_str(part),
            }
        }
        self.all.push(format!("({sql})"));
    }

    fn sql(&self) -> String {
        if self.all.is_empty() { String::new() } else { format!(" WHERE {}", self.all.join(" AND ")) }
    }

    fn bind<'q>(&self, query: Query<'q, Any, AnyArguments>) -> Query<'q, Any, AnyArguments> {
        self.values.iter().fold(query, |query, value| match value {
            Value::Text(text) => query.bind(text.clone()),
            Value::Moment(at) => query.bind(at.as_microsecond()),
        })
    }
}

impl KeyFilter {
    fn conditions(&self, now: Timestamp, text: Option<Condition>) -> Conditions {
        let mut conditions = Conditions::default();
        let value = |text: &String| Value::Text(text.clone());
        if let Some(user) = &self.user_id {
            if self.or_teams.is_empty() {
                conditions.add("user_id = ?", [value(user)]);
            } else {
                let teams = vec!["?"; self.or_teams.len()].join(", ");
                let values = core::iter::once(user).chain(&self.or_teams).map(value);
                conditions.add(&format!("user_id = ? OR team_id IN ({teams})"), values);
            }
        }
        for (column, value) in [
            ("team_id", &self.team_id),
            ("organization_id", &self.organization_id),
            ("budget_id", &self.budget_id),
            ("token", &self.token),
            ("key_alias", &self.key_alias),
        ] {
            if let Some(value) = value {
                conditions.add(&format!("{column} = ?"), [Value::Text(value.clone())]);
            }
        }
        if let Some(search) = &self.search {
            let values = [value(search), Value::Text(contains(search))];
            conditions.add(r"token = ? OR LOWER(key_alias) LIKE ? ESCAPE '\'", values);
        }
        if let Some((condition, values)) = text {
            conditions.add(&condition, values.into_iter().map(Value::Text));
        }
        if self.with_alias {
            conditions.add("key_alias IS NOT NULL", []);
        }
        let not_blocked = "blocked IS NULL OR blocked = 0";
        match self.status {
            Some(Status::Revoked) => conditions.add("blocked = 1", []),
            Some(Status::Active | Status::Expired) => conditions.add(not_blocked, []),
            None => {}
        }
        let expired = match self.status {
            Some(Status::Active) => Some(false),
            Some(Status::Expired) => Some(true),
            _ => self.expired,
        };
        match expired {
            Some(true) => conditions.add("expires_at <= ?", [Value::Moment(now)]),
            Some(false) => conditions.add("expires_at IS NULL OR expires_at > ?", [Value::Moment(now)]),
            None => {}
        }
        conditions
    }
}

/// The inner query finds the page in an index; only the rows of the page are read completely.
fn page_query(whole: bool, wanted: &str, by: &str, size: u64, offset: i64) -> String {
    let page = format!("SELECT token FROM virtual_key{wanted} ORDER BY {by} LIMIT {size} OFFSET {offset}");
    if !whole {
        return page;
    }
    format!("SELECT {} FROM virtual_key WHERE token IN ({page}) ORDER BY {by}", KEY_COLUMNS!())
}

impl Store {
    /// A page of keys; `page` starts at 1.
    pub async fn key_page(
        &self,
        filter: &KeyFilter,
        order: Order,
        page: u64,
        size: u64,
    ) -> Result<KeyPage<KeyRow>, StoreError> {
        self.page(filter, order, page, size, &Shown { whole: true, read: KeyRow::read }).await
    }

    /// The hashes of the keys on a page.
    pub async fn token_page(
        &self,
        filter: &KeyFilter,
        order: Order,
        page: u64,
        size: u64,
    ) -> Result<KeyPage<TokenHash>, StoreError> {
        self.page(filter, order, page, size, &Shown { whole: false, read: |row| token(row, 0) }).await
    }

    async fn page<T>(
        &self,
        filter: &KeyFilter,
        order: Order,
        page: u64,
        size: u64,
        shown: &Shown<T>,
    ) -> Result<KeyPage<T>, StoreError> {
        let offset = i64::try_from(page.saturating_sub(1).saturating_mul(size)).unwrap_or(i64::MAX);
        if *filter == KeyFilter::default() && order.column == "created_at" {
            return self.page_of_all(order.descending, offset, size, shown).await;
        }
        let conditions = self.conditions(filter).await?;
        let wanted = conditions.sql();
        let few = (filter.counts_few && filter.text.is_some()).then_some(KeyPage::<T>::COUNTED);
        let counted = self.count_keys(&conditions, &wanted, few.map(|few| few + 1)).await?;
        let total = few.map_or(counted, |few| counted.min(few));
        let direction = if order.descending { "DESC" } else { "ASC" };
        // Sorting by hash as well makes the order total, so that pages neither repeat nor miss a key.
        let by = match order.column {
            "token" => format!("token {direction}"),
            // Never NULL; with `NULLS LAST`, Postgres would not use the index.
            column @ ("created_at" | "updated_at" | "spend" | "total_spend") => {
                format!("{column} {direction}, token {direction}")
            }
            column => format!("{column} {direction} NULLS LAST, token {direction}"),
        };
        let sql = page_query(shown.whole, &wanted, &by, size, offset);
        // Statements differ from page to page, so they are not worth caching.
        let query = conditions.bind(sqlx::query(AssertSqlSafe(sql))).persistent(false);
        let rows = query.fetch_all(&self.readers).await?;
        let keys = rows.iter().map(shown.read).collect::<Result<_, _>>()?;
        Ok(KeyPage { keys, total, is_more: total < counted })
    }

    async fn conditions(&self, filter: &KeyFilter) -> Result<Conditions, StoreError> {
        let text = match &filter.text {
            Some(part) => Some(self.key_text(part).await?),
            None => None,
        };
        Ok(filter.conditions(clock::now(), text))
    }

    /// A page of all keys in the order of their creation, whose cost does not depend on the page number.
    async fn page_of_all<T>(
        &self,
        newest_first: bool,
        offset: i64,
        size: u64,
        shown: &Shown<T>,
    ) -> Result<KeyPage<T>, StoreError> {
        let mut transaction = self.read().await?;
        let Place { total, bound, skip } = blocks::place(&mut transaction, offset, newest_first).await?;
        let (beyond, direction) = if newest_first { ("<=", "DESC") } else { (">", "ASC") };
        let from = bound.map(|bound| format!(" WHERE created_at {beyond} {bound}")).unwrap_or_default();
        let by = format!("created_at {direction}, token {direction}");
        let sql = page_query(shown.whole, &from, &by, size, skip);
        let rows = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        let keys = rows.iter().map(shown.read).collect::<Result<_, _>>()?;
        Ok(KeyPage { keys, total, is_more: false })
    }

    /// The number of keys that meet the conditions. Counting a million takes longer than reading a page, so a
    /// count is cached until this process changes a key, or for [`COUNT_FOR`].
    async fn count_keys(
        &self,
        conditions: &Conditions,
        wanted: &str,
        most: Option<u64>,
    ) -> Result<u64, StoreError> {
        // A time in the conditions (for expiry) differs in every query; such counts are rarely needed.
        let limit = most.map(|most| format!(" LIMIT {most}")).unwrap_or_default();
        let name = format!("{wanted}{limit} {:?}", conditions.values);
        if let Some(count) = self.cache.count(&name, COUNT_FOR) {
            return Ok(count);
        }
        let counting = self.cache.counting();
        let sql = if most.is_some() {
            format!("SELECT COUNT(*) FROM (SELECT token FROM virtual_key{wanted}{limit}) AS few")
        } else {
            format!("SELECT COUNT(*) FROM virtual_key{wanted}")
        };
        let query = conditions.bind(sqlx::query(AssertSqlSafe(sql))).persistent(false);
        let row = query.fetch_one(&self.readers).await?;
        let count = u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
        self.cache.remember_count(name, count, counting);
        Ok(count)
    }

    /// All keys of a team or a user, oldest first.
    pub async fn keys_of(&self, filter: &KeyFilter) -> Result<Vec<KeyRow>, StoreError> {
        let conditions = self.conditions(filter).await?;
        let wanted = conditions.sql();
        let sql = format!("SELECT {} FROM virtual_key{wanted} ORDER BY created_at, token", KEY_COLUMNS!());
        let rows = conditions.bind(sqlx::query(AssertSqlSafe(sql))).fetch_all(&self.readers).await?;
        rows.iter().map(KeyRow::read).collect()
    }

    /// The number of keys of each of these users.
    pub async fn key_counts(&self, users: &[String]) -> Result<Vec<(String, i64)>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let list = placeholders(1, users.len());
        let sql =
            format!("SELECT user_id, COUNT(*) FROM virtual_key WHERE user_id IN ({list}) GROUP BY user_id");
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for user in users {
            query = query.bind(user.as_str());
        }
        let rows = query.fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect()
    }
}
