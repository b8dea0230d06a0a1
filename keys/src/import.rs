//! Imports a `LiteLLM` database: keys by their hashes, users, teams with their members, customers, and budgets.
//!
//! Every row is read as JSON (`row_to_json`), so that columns added or removed in other versions are not an
//! error. The source is only read, and existing rows are not overwritten.

use core::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row as _};
use switchboard::key::TokenHash;

use crate::clock;
use crate::money::Picodollars;
use crate::routes::schema::{Place, Row};
use crate::routes::{budget, customer, key, team, user};
use crate::store::{AccountRow, KeyRow, Kind, OpenError, Store, StoreError};

/// Rows per query.
const AT_ONCE: usize = 500;

/// Author of rows without one.
const BY: &str = "litellm";

/// What was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Keys.
    pub keys: u64,
    /// Users.
    pub users: u64,
    /// Teams.
    pub teams: u64,
    /// Team memberships.
    pub members: u64,
    /// Customers.
    pub customers: u64,
    /// Budgets.
    pub budgets: u64,
    /// Duplicate aliases: removed from the later key.
    pub lost_aliases: Vec<String>,
    /// Rows that could not be read, by table and id.
    pub skipped: Vec<String>,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, users, teams, members, customers, budgets, lost_aliases, skipped } = self;
        write!(
            f,
            "imported {keys} keys, {users} users, {teams} teams, {members} members, {customers} customers, {budgets} budgets"
        )?;
        for alias in lost_aliases {
            write!(f, "\nwarning: duplicate key alias '{alias}'; removed from one of the keys")?;
        }
        for row in skipped {
            write!(f, "\nwarning: cannot read {row}; skipped")?;
        }
        Ok(())
    }
}

/// Why the import failed.
#[derive(Debug)]
pub enum ImportError {
    /// This service's database cannot be opened.
    Open(OpenError),
    /// This service's database failed.
    Store(StoreError),
    /// The source database failed.
    Source(sqlx::Error),
    /// The source is not a `LiteLLM` database.
    NoLiteLlm,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Store(error) => write!(f, "cannot write the imported rows: {error}"),
            Self::Source(error) => write!(f, "cannot read the LiteLLM database: {error}"),
            Self::NoLiteLlm => f.write_str(
                "table \"LiteLLM_VerificationToken\" not found in the --from database; check that it is LiteLLM's database \
and that its schema is in search_path",
            ),
        }
    }
}

impl std::error::Error for ImportError {}

impl From<OpenError> for ImportError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for ImportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Source(error)
    }
}

/// Imports from one database URL to another.
pub async fn import(from: &str, to: &str) -> Result<Imported, ImportError> {
    let store = Store::open(to).await?;
    let mut source = Source(AnyConnection::connect(from).await?);
    let mut imported = Imported::default();
    if !source.has("LiteLLM_VerificationToken").await? {
        return Err(ImportError::NoLiteLlm);
    }
    // Objects that keys refer to come first.
    let mut budgets = Map::new();
    source
        .each("LiteLLM_BudgetTable", "budget_id", async |row| {
            let Some(id) = text(&row, "budget_id") else { return Ok(()) };
            imported.budgets +=
                store.import_accounts(&[account(Kind::Budget, &id, &row, &budget::schema::FIELDS)]).await?;
            budgets.insert(id, Value::Object(row));
            Ok(())
        })
        .await?;
    source
        .each("LiteLLM_UserTable", "user_id", async |row| {
            let Some(id) = text(&row, "user_id") else { return Ok(()) };
            let user = account(Kind::User, &id, &row, &user::schema::FIELDS);
            imported.users += store.import_accounts(&[user]).await?;
            Ok(())
        })
        .await?;
    source
        .each("LiteLLM_TeamTable", "team_id", async |row| {
            let Some(id) = text(&row, "team_id") else { return Ok(()) };
            let team = account(Kind::Team, &id, &row, &team::schema::FIELDS);
            imported.teams += store.import_accounts(&[team]).await?;
            imported.members += store.import_accounts(&members(&id, &row)).await?;
            Ok(())
        })
        .await?;
    source
        .each("LiteLLM_TeamMembership", "user_id, team_id", async |row| {
            membership(&store, &row, &budgets).await?;
            Ok(())
        })
        .await?;
    source
        .each("LiteLLM_EndUserTable", "user_id", async |row| {
            let Some(id) = text(&row, "user_id") else { return Ok(()) };
            let mut customer = account(Kind::Customer, &id, &row, &customer::schema::FIELDS);
            customer.alias = text(&row, "alias");
            customer.budget_id = text(&row, "budget_id");
            imported.customers += store.import_accounts(&[customer]).await?;
            Ok(())
        })
        .await?;
    let mut page = Vec::new();
    source
        .each("LiteLLM_VerificationToken", "token", async |row| {
            match key_row(&row) {
                Some(key) => page.push(key),
                None => {
                    imported.skipped.push(format!("the key {}", text(&row, "key_name").unwrap_or_default()));
                }
            }
            if page.len() == AT_ONCE {
                add(&store, &mut imported, &mut page).await?;
            }
            Ok(())
        })
        .await?;
    add(&store, &mut imported, &mut page).await?;
    store.close().await;
    Ok(imported)
}

async fn add(store: &Store, imported: &mut Imported, page: &mut Vec<KeyRow>) -> Result<(), ImportError> {
    let (added, renamed) = store.import_keys(page).await?;
    imported.keys += added;
    imported.lost_aliases.extend(renamed);
    page.clear();
    Ok(())
}

struct Source(AnyConnection);

impl Source {
    async fn has(&mut self, table: &str) -> Result<bool, sqlx::Error> {
        let row = sqlx::query("SELECT CAST(to_regclass($1) AS TEXT)")
            .bind(format!("\"{table}\""))
            .fetch_one(&mut self.0)
            .await?;
        Ok(row.try_get::<Option<String>, _>(0)?.is_some())
    }

    /// Passes every row of a table to a function, as JSON, ordered by these columns. A table that does not
    /// exist in this version counts as empty.
    async fn each(
        &mut self,
        table: &str,
        order: &str,
        mut take: impl AsyncFnMut(Map<String, Value>) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        if !self.has(table).await? {
            return Ok(());
        }
        let mut offset = 0;
        loop {
            let sql = format!(
                "SELECT CAST(row_to_json(t) AS TEXT) FROM \"{table}\" t ORDER BY {order} LIMIT {AT_ONCE} OFFSET {offset}"
            );
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut self.0).await?;
            for row in &rows {
                let text: String = row.try_get(0)?;
                if let Ok(Value::Object(row)) = serde_json::from_str(&text) {
                    take(row).await?;
                }
            }
            if rows.len() < AT_ONCE {
                return Ok(());
            }
            offset += AT_ONCE;
        }
    }
}

fn account(kind: Kind, id: &str, row: &Map<String, Value>, fields: &[Row]) -> AccountRow {
    let by = text(row, "created_by").unwrap_or_else(|| BY.to_owned());
    let mut account = AccountRow::new(kind, id, &by);
    account.alias = text(row, "user_alias").or_else(|| text(row, "team_alias"));
    account.email = text(row, "user_email");
    account.role = text(row, "user_role");
    account.organization_id = text(row, "organization_id");
    account.max_budget = number(row, "max_budget");
    account.budget_duration = text(row, "budget_duration");
    account.budget_reset_at = moment(row, "budget_reset_at");
    account.spend = Picodollars::from_usd(number(row, "spend").unwrap_or_default());
    account.total_spend = account.spend;
    account.blocked = row.get("blocked").and_then(Value::as_bool);
    account.settings = settings(row, fields);
    account.created_at = moment(row, "created_at").unwrap_or(account.created_at);
    account.updated_at = moment(row, "updated_at").unwrap_or(account.updated_at);
    account
}

fn members(team_id: &str, row: &Map<String, Value>) -> Vec<AccountRow> {
    let list = row.get("members_with_roles").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|member| {
            let user_id = member.get("user_id")?.as_str()?;
            let mut account = AccountRow::member(team_id, user_id, BY);
            account.email = member.get("user_email").and_then(Value::as_str).map(str::to_owned);
            account.role = member.get("role").and_then(Value::as_str).map(str::to_owned);
            Some(account)
        })
        .collect()
}

/// A member's spend and budget are in a separate table.
async fn membership(
    store: &Store,
    row: &Map<String, Value>,
    budgets: &Map<String, Value>,
) -> Result<(), ImportError> {
    let (Some(team), Some(user)) = (text(row, "team_id"), text(row, "user_id")) else { return Ok(()) };
    let id = crate::store::member_id(&team, &user);
    let budget = text(row, "budget_id").and_then(|id| budgets.get(&id)?.as_object());
    store
        .update_account(Kind::TeamMember, &id, BY, |member| {
            if member.total_spend == Picodollars::default() {
                member.spend = Picodollars::from_usd(number(row, "spend").unwrap_or_default());
                member.total_spend = member.spend;
            }
            if let Some(budget) = budget
                && member.max_budget.is_none()
            {
                member.max_budget = number(budget, "max_budget");
                member.budget_duration = text(budget, "budget_duration");
                member.budget_reset_at = moment(budget, "budget_reset_at");
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    Ok(())
}

fn key_row(row: &Map<String, Value>) -> Option<KeyRow> {
    let spend = Picodollars::from_usd(number(row, "spend").unwrap_or_default());
    let total = number(row, "total_spend").map(Picodollars::from_usd).unwrap_or_default();
    let created_at = moment(row, "created_at").unwrap_or_else(clock::now);
    Some(KeyRow {
        token: TokenHash::parse(&text(row, "token")?)?,
        key_name: text(row, "key_name").unwrap_or_else(|| "sk-...".to_owned()),
        key_alias: text(row, "key_alias"),
        user_id: text(row, "user_id"),
        team_id: text(row, "team_id"),
        organization_id: text(row, "organization_id"),
        budget_id: text(row, "budget_id"),
        max_budget: number(row, "max_budget"),
        budget_duration: text(row, "budget_duration"),
        budget_reset_at: moment(row, "budget_reset_at"),
        spend,
        total_spend: total.max(spend),
        expires_at: moment(row, "expires"),
        blocked: row.get("blocked").and_then(Value::as_bool),
        settings: settings(row, &key::schema::FIELDS),
        created_at,
        created_by: text(row, "created_by").unwrap_or_else(|| BY.to_owned()),
        updated_at: moment(row, "updated_at").unwrap_or(created_at),
        updated_by: text(row, "updated_by").unwrap_or_else(|| BY.to_owned()),
        last_active: moment(row, "last_active"),
    })
}

/// The fields that are stored in the settings. Those that `LiteLLM` stores inside `metadata` are moved out of
/// it.
fn settings(row: &Map<String, Value>, fields: &[Row]) -> Map<String, Value> {
    let mut settings = Map::new();
    let metadata = row.get("metadata").and_then(Value::as_object);
    for Row { field, place, .. } in fields {
        let value = match place {
            Place::Setting => row.get(field.name),
            Place::Metadata => metadata.and_then(|metadata| metadata.get(field.name)),
            Place::Column | Place::Unstored => None,
        };
        if let Some(value) = value.filter(|value| !value.is_null()) {
            settings.insert(field.name.to_owned(), value.clone());
        }
    }
    if let Some(Value::Object(metadata)) = settings.get_mut("metadata") {
        for Row { field, place, .. } in fields {
            if *place == Place::Metadata {
                metadata.remove(field.name);
            }
        }
    }
    settings
}

fn text(row: &Map<String, Value>, column: &str) -> Option<String> {
    row.get(column).and_then(Value::as_str).map(str::to_owned)
}

fn number(row: &Map<String, Value>, column: &str) -> Option<f64> {
    row.get(column).and_then(Value::as_f64)
}

fn moment(row: &Map<String, Value>, column: &str) -> Option<Timestamp> {
    clock::parse(row.get(column)?.as_str()?)
}
