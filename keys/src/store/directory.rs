//! Lists of users, teams and budgets for people: searched by all that is shown of them, sorted, and divided by keyset, so that a page
//! deep in the list costs as much as the first.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use super::accounts::{AccountRow, COLUMNS};
use super::kind::Kind;
use super::sql::{contains, placeholders};
use super::{Store, StoreError, get};

/// Selects accounts of a kind. All fields that are set must match.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The kind: user, team or budget.
    pub kind: Kind,
    /// A part of any text that is shown, ignoring case.
    pub search: Option<String>,
    /// Role of a user.
    pub role: Option<String>,
    /// Users of this team.
    pub team_id: Option<String>,
    /// Teams of this user.
    pub member: Option<String>,
    /// The order.
    pub sort: Sort,
    /// Descending instead of ascending.
    pub descending: bool,
    /// Where the page begins: behind this account.
    pub after: Option<Position>,
    /// Accounts on a page.
    pub size: u32,
}

/// The column to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The alias, or the id.
    Name,
    /// Creation time.
    Created,
    /// Spend in the current period.
    Spend,
    /// Budget; accounts without one come after the largest.
    Budget,
}

/// The place of an account in an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// The value that the order is by.
    pub value: At,
    /// Its id.
    pub id: String,
}

/// A value of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum At {
    /// A name, in lower case.
    Text(String),
    /// A time or an amount.
    Whole(i64),
    /// A budget.
    Number(f64),
}

impl Sort {
    fn column(self) -> &'static str {
        match self {
            Self::Name => "LOWER(COALESCE(NULLIF(alias, ''), id))",
            Self::Created => "created_at",
            Self::Spend => "spend",
            // Larger than any budget.
            Self::Budget => "COALESCE(max_budget, 1e18)",
        }
    }

    /// The place of a row in this order, as the database sees it: lower case is not the same for all databases.
    fn position(self, row: &AnyRow) -> Result<Position, StoreError> {
        let value = match self {
            Self::Name => At::Text(get(row, "place")?),
            Self::Created | Self::Spend => At::Whole(get(row, "place")?),
            Self::Budget => At::Number(get(row, "place")?),
        };
        Ok(Position { value, id: get(row, "id")? })
    }

    /// Reads the place that a link has.
    pub fn parse(self, value: &str, id: &str) -> Option<Position> {
        let value = match self {
            Self::Name => At::Text(value.to_owned()),
            Self::Created | Self::Spend => At::Whole(value.parse().ok()?),
            Self::Budget => At::Number(value.parse().ok().filter(|number: &f64| number.is_finite())?),
        };
        Some(Position { value, id: id.to_owned() })
    }
}

impl core::fmt::Display for At {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// A page of accounts.
#[derive(Debug)]
pub struct Accounts {
    /// The accounts on this page.
    pub rows: Vec<AccountRow>,
    /// Accounts on all pages.
    pub total: u64,
    /// Where the next page begins, if there are more accounts.
    pub next: Option<Position>,
}

#[derive(Default)]
struct Conditions {
    sql: Vec<String>,
    values: Vec<At>,
}

impl Conditions {
    /// The place of the next value.
    fn value(&mut self, value: At) -> String {
        self.values.push(value);
        placeholders(self.values.len(), 1)
    }

    fn text(&mut self, text: &str) -> String {
        self.value(At::Text(text.to_owned()))
    }

    fn bind<'q>(&self, query: Query<'q, Any, AnyArguments>) -> Query<'q, Any, AnyArguments> {
        self.values.iter().fold(query, |query, value| match value {
            At::Text(text) => query.bind(text.clone()),
            At::Whole(number) => query.bind(*number),
            At::Number(number) => query.bind(*number),
        })
    }
}

impl Listing {
    fn conditions(&self) -> Conditions {
        let mut all = Conditions::default();
        let kind = all.text(self.kind.name());
        all.sql.push(format!("kind = {kind}"));
        if let Some(search) = &self.search {
            let pattern = all.text(&contains(search));
            let mut any: Vec<_> = ["id", "alias", "email", "REPLACE(role, '_', ' ')"]
                .map(|column| format!(r"LOWER({column}) LIKE {pattern} ESCAPE '\'"))
                .to_vec();
            if self.kind == Kind::User {
                any.push(format!(
                    r"id IN (SELECT place.user_id FROM account AS place LEFT JOIN account AS team
                      ON team.kind = 'team' AND team.id = place.team_id WHERE place.kind = 'team_member' AND
                      (LOWER(place.team_id) LIKE {pattern} ESCAPE '\' OR LOWER(team.alias) LIKE {pattern} ESCAPE '\'))"
                ));
            }
            all.sql.push(format!("({})", any.join(" OR ")));
        }
        if let Some(role) = &self.role {
            let role = all.text(role);
            all.sql.push(format!("role = {role}"));
        }
        if let Some(team) = &self.team_id {
            let team = all.text(team);
            all.sql.push(format!(
                "id IN (SELECT user_id FROM account WHERE kind = 'team_member' AND team_id = {team})"
            ));
        }
        if let Some(user) = &self.member {
            let user = all.text(user);
            all.sql.push(format!(
                "id IN (SELECT team_id FROM account WHERE kind = 'team_member' AND user_id = {user})"
            ));
        }
        all
    }
}

impl Store {
    /// A page of users, teams or budgets.
    pub async fn list_accounts(&self, listing: &Listing) -> Result<Accounts, StoreError> {
        let mut wanted = listing.conditions();
        let sql = format!("SELECT COUNT(*) FROM account WHERE {}", wanted.sql.join(" AND "));
        let count = wanted.bind(sqlx::query(AssertSqlSafe(sql)));
        let total: i64 = count.fetch_one(&self.readers).await?.try_get(0)?;
        let (column, direction, beyond) = match (listing.sort.column(), listing.descending) {
            (column, true) => (column, "DESC", "<"),
            (column, false) => (column, "ASC", ">"),
        };
        if let Some(Position { value, id }) = &listing.after {
            let (value, id) = (wanted.value(value.clone()), wanted.text(id));
            wanted
                .sql
                .push(format!("({column} {beyond} {value} OR {column} = {value} AND id {beyond} {id})"));
        }
        let sql = format!(
            "SELECT {COLUMNS}, {column} AS place FROM account WHERE {} ORDER BY {column} {direction}, id {direction} LIMIT {}",
            wanted.sql.join(" AND "),
            u64::from(listing.size) + 1
        );
        let rows = wanted.bind(sqlx::query(AssertSqlSafe(sql))).fetch_all(&self.readers).await?;
        let size = usize::try_from(listing.size).unwrap_or(usize::MAX);
        let last = size.checked_sub(1).filter(|_| rows.len() > size).and_then(|last| rows.get(last));
        let next = last.map(|row| listing.sort.position(row)).transpose()?;
        let rows = rows.iter().take(size).map(AccountRow::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Accounts { rows, total: u64::try_from(total).unwrap_or_default(), next })
    }

    /// The number of keys of each of these users, teams or budgets; those without keys are absent.
    pub async fn keys_by_owner(&self, kind: Kind, ids: &[String]) -> Result<Vec<(String, i64)>, StoreError> {
        let column = match kind {
            Kind::User => "user_id",
            Kind::Team => "team_id",
            Kind::Budget => "budget_id",
            _ => return Ok(Vec::new()),
        };
        let sql = |list| {
            format!("SELECT {column}, COUNT(*) FROM virtual_key WHERE {column} IN ({list}) GROUP BY {column}")
        };
        self.counts(sql, ids).await
    }

    /// The number of members of each of these teams; those without members are absent.
    pub async fn members_by_team(&self, ids: &[String]) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = |list| {
            format!(
                "SELECT team_id, COUNT(*) FROM account WHERE kind = 'team_member' AND team_id IN ({list}) GROUP BY team_id"
            )
        };
        self.counts(sql, ids).await
    }

    async fn counts(
        &self,
        sql: impl Fn(String) -> String,
        ids: &[String],
    ) -> Result<Vec<(String, i64)>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = sqlx::query(AssertSqlSafe(sql(placeholders(1, ids.len()))));
        for id in ids {
            query = query.bind(id.as_str());
        }
        let rows = query.fetch_all(&self.readers).await?;
        rows.iter().map(|row: &AnyRow| Ok((get(row, 0)?, get(row, 1)?))).collect()
    }
}
