//! Users, teams, team members and budgets: creating, finding, updating and deleting them.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::AccountId;

use super::feed::{self, Concerned};
use super::sql::{bind_number, placeholders};
use super::{Store, StoreError, blocks, get, models};
use crate::clock;
use crate::money::Picodollars;

/// Maximum number of values in one `IN (…)`.
pub(super) const AT_ONCE: usize = 500;

/// The kind of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A user.
    User,
    /// A team.
    Team,
    /// A user within a team; see [`member_id`].
    TeamMember,
    /// A budget that several keys can refer to.
    Budget,
}

/// An account as stored in the database.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRow {
    /// Its kind.
    pub kind: Kind,
    /// Its id, unique within its kind.
    pub id: String,
    /// Its alias.
    pub alias: Option<String>,
    /// E-mail address of a user.
    pub email: Option<String>,
    /// Team of a member.
    pub team_id: Option<String>,
    /// User of a member.
    pub user_id: Option<String>,
    /// Role of a user; `admin` or `user` for a member.
    pub role: Option<String>,
    /// The organization that it belongs to.
    pub organization_id: Option<String>,
    /// Budget in USD.
    pub max_budget: Option<f64>,
    /// The budget period, as the operator wrote it.
    pub budget_duration: Option<String>,
    /// The next reset.
    pub budget_reset_at: Option<Timestamp>,
    /// Spend in the current period.
    pub spend: Picodollars,
    /// Total spend.
    pub total_spend: Picodollars,
    /// Rejected until unblocked; `None` if never set.
    pub blocked: Option<bool>,
    /// All other fields, by name. SQL never accesses them.
    pub settings: Map<String, Value>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// When an operator last changed it.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
}

/// The id of a member's account.
pub fn member_id(team_id: &str, user_id: &str) -> String {
    AccountId::of_member(team_id, user_id).id
}

impl Kind {
    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Team => "team",
            Self::TeamMember => "team_member",
            Self::Budget => "budget",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        [Self::User, Self::Team, Self::TeamMember, Self::Budget]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("unknown account kind '{name}'")))
    }
}

/// All columns of `account`.
pub(super) const COLUMNS: &str = "kind, id, alias, email, team_id, user_id, role, organization_id, max_budget, budget_duration, \
                       budget_reset_at, spend, total_spend, blocked, settings, created_at, created_by, updated_at, \
                       updated_by";

impl AccountRow {
    /// A new, empty account.
    pub fn new(kind: Kind, id: impl Into<String>, by: &str) -> Self {
        let now = clock::now();
        Self {
            kind,
            id: id.into(),
            alias: None,
            email: None,
            team_id: None,
            user_id: None,
            role: None,
            organization_id: None,
            max_budget: None,
            budget_duration: None,
            budget_reset_at: None,
            spend: Picodollars::default(),
            total_spend: Picodollars::default(),
            blocked: None,
            settings: Map::new(),
            created_at: now,
            created_by: by.to_owned(),
            updated_at: now,
            updated_by: by.to_owned(),
        }
    }

    /// A user's membership of a team.
    pub fn member(team_id: &str, user_id: &str, by: &str) -> Self {
        Self {
            team_id: Some(team_id.to_owned()),
            user_id: Some(user_id.to_owned()),
            ..Self::new(Kind::TeamMember, member_id(team_id, user_id), by)
        }
    }

    /// Whether the member administers the team.
    pub fn administers(&self) -> bool {
        self.role.as_deref() == Some("admin")
    }

    /// A setting that is a list of strings; empty if absent or `null`.
    pub fn strings(&self, setting: &str) -> Vec<String> {
        super::records::strings(&self.settings, setting)
    }

    pub(super) fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let moment = |column: &str| -> Result<Option<Timestamp>, StoreError> {
            Ok(get::<Option<i64>, _>(row, column)?.map(clock::from_micros))
        };
        let kind: String = get(row, "kind")?;
        let id: String = get(row, "id")?;
        let settings: String = get(row, "settings")?;
        Ok(Self {
            settings: serde_json::from_str(&settings)
                .map_err(|_| StoreError::Corrupt(format!("invalid settings of the {kind} {id}")))?,
            kind: Kind::parse(&kind)?,
            id,
            alias: get(row, "alias")?,
            email: get(row, "email")?,
            team_id: get(row, "team_id")?,
            user_id: get(row, "user_id")?,
            role: get(row, "role")?,
            organization_id: get(row, "organization_id")?,
            max_budget: get(row, "max_budget")?,
            budget_duration: get(row, "budget_duration")?,
            budget_reset_at: moment("budget_reset_at")?,
            spend: Picodollars::from_stored(get(row, "spend")?),
            total_spend: Picodollars::from_stored(get(row, "total_spend")?),
            blocked: get::<Option<i64>, _>(row, "blocked")?.map(|blocked| blocked != 0),
            created_at: clock::from_micros(get(row, "created_at")?),
            created_by: get(row, "created_by")?,
            updated_at: clock::from_micros(get(row, "updated_at")?),
            updated_by: get(row, "updated_by")?,
        })
    }

    fn bind<'q>(&self, query: Query<'q, Any, AnyArguments>) -> Query<'q, Any, AnyArguments> {
        let query = query
            .bind(self.kind.name())
            .bind(self.id.clone())
            .bind(self.alias.clone())
            .bind(self.email.clone())
            .bind(self.team_id.clone())
            .bind(self.user_id.clone())
            .bind(self.role.clone())
            .bind(self.organization_id.clone());
        bind_number(query, self.max_budget)
            .bind(self.budget_duration.clone())
            .bind(self.budget_reset_at.map(Timestamp::as_microsecond))
            .bind(self.spend.stored())
            .bind(self.total_spend.stored())
            .bind(self.blocked.map(i64::from))
            .bind(Value::Object(self.settings.clone()).to_string())
            .bind(self.created_at.as_microsecond())
            .bind(self.created_by.clone())
            .bind(self.updated_at.as_microsecond())
            .bind(self.updated_by.clone())
    }
}

impl Store {
    /// The account with this id.
    pub async fn account(&self, kind: Kind, id: &str) -> Result<Option<AccountRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE kind = $1 AND id = $2");
        let row =
            sqlx::query(AssertSqlSafe(sql)).bind(kind.name()).bind(id).fetch_optional(&self.readers).await?;
        row.as_ref().map(AccountRow::read).transpose()
    }

    /// The accounts that exist, in no particular order.
    pub async fn accounts(&self, ids: &[(Kind, String)]) -> Result<Vec<AccountRow>, StoreError> {
        let mut found = Vec::new();
        for kind in [Kind::User, Kind::Team, Kind::TeamMember, Kind::Budget] {
            let ids: Vec<_> = ids.iter().filter(|(of, _)| *of == kind).map(|(_, id)| id).collect();
            for ids in ids.chunks(AT_ONCE) {
                let list = placeholders(2, ids.len());
                let sql = format!("SELECT {COLUMNS} FROM account WHERE kind = $1 AND id IN ({list})");
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(kind.name());
                for id in ids {
                    query = query.bind(id.as_str());
                }
                let rows = query.fetch_all(&self.readers).await?;
                found.extend(rows.iter().map(AccountRow::read).collect::<Result<Vec<_>, _>>()?);
            }
        }
        Ok(found)
    }

    /// The user with this address, ignoring case.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<AccountRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE kind = 'user' AND LOWER(email) = LOWER($1)");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(email.trim()).fetch_optional(&self.readers).await?;
        row.as_ref().map(AccountRow::read).transpose()
    }

    /// The members of a team, in the order in which they were added.
    pub async fn members(&self, team_id: &str) -> Result<Vec<AccountRow>, StoreError> {
        self.accounts_where("kind = 'team_member' AND team_id = $1", team_id).await
    }

    /// A user's memberships, in the order in which they were created.
    pub async fn memberships(&self, user_id: &str) -> Result<Vec<AccountRow>, StoreError> {
        self.accounts_where("kind = 'team_member' AND user_id = $1", user_id).await
    }

    /// All accounts of a kind, oldest first.
    pub async fn accounts_of_kind(&self, kind: Kind) -> Result<Vec<AccountRow>, StoreError> {
        self.accounts_where("kind = $1", kind.name()).await
    }

    async fn accounts_where(&self, condition: &str, value: &str) -> Result<Vec<AccountRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE {condition} ORDER BY created_at, id");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(value).fetch_all(&self.readers).await?;
        rows.iter().map(AccountRow::read).collect()
    }

    /// Stores a new account; returns `false` without changing anything if the id exists.
    pub async fn insert_account(&self, account: &AccountRow) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let inserted = insert(&mut transaction, account).await?;
        self.commit(transaction).await?;
        Ok(inserted)
    }

    /// Updates an account and notifies the filters; `None` if it does not exist. If `change` fails, nothing
    /// changes.
    pub async fn update_account<E: From<StoreError>>(
        &self,
        kind: Kind,
        id: &str,
        by: &str,
        change: impl FnOnce(&mut AccountRow) -> Result<(), E>,
    ) -> Result<Option<AccountRow>, E> {
        let mut transaction = self.write().await?;
        let sql =
            format!("SELECT {COLUMNS} FROM account WHERE kind = $1 AND id = $2{}", self.backend.for_update());
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(kind.name())
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(StoreError::from)?;
        let Some(row) = row else { return Ok(None) };
        let mut account = AccountRow::read(&row)?;
        change(&mut account)?;
        account.updated_at = clock::now();
        by.clone_into(&mut account.updated_by);
        write(&mut transaction, &account).await?;
        announce(&mut transaction, &account).await?;
        self.commit(transaction).await?;
        Ok(Some(account))
    }

    /// Deletes accounts of one kind and everything that belongs to them, and returns those that existed. A
    /// team's members and keys are deleted with it, as are a user's memberships and keys; nothing belongs to
    /// a budget.
    pub async fn delete_accounts(&self, kind: Kind, ids: &[String]) -> Result<Vec<AccountRow>, StoreError> {
        let mut transaction = self.write_keys().await?;
        let (mut deleted, mut told, mut created) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids {
            let sql = format!("DELETE FROM account WHERE kind = $1 AND id = $2 RETURNING {COLUMNS}");
            let row = sqlx::query(AssertSqlSafe(sql))
                .bind(kind.name())
                .bind(id)
                .fetch_optional(&mut *transaction)
                .await?;
            let Some(row) = row else { continue };
            let account = AccountRow::read(&row)?;
            models::forget(&mut transaction, kind.name(), id).await?;
            told.push(concerned(&mut transaction, &account).await?);
            let owner = match kind {
                Kind::Team => Some("team_id"),
                Kind::User => Some("user_id"),
                Kind::TeamMember | Kind::Budget => None,
            };
            if let Some(owner) = owner {
                let members = format!("DELETE FROM account WHERE kind = 'team_member' AND {owner} = $1");
                sqlx::query(AssertSqlSafe(members)).bind(id).execute(&mut *transaction).await?;
                let keys = format!("DELETE FROM virtual_key WHERE {owner} = $1 RETURNING created_at");
                let gone = sqlx::query(AssertSqlSafe(keys)).bind(id).fetch_all(&mut *transaction).await?;
                for key in &gone {
                    created.push(get(key, 0)?);
                }
            }
            deleted.push(account);
        }
        blocks::count(&mut transaction, created, -1).await?;
        for keys in &told {
            feed::announce_concerned(&mut transaction, keys).await?;
        }
        self.commit_keys(transaction).await?;
        Ok(deleted)
    }
}

pub(super) async fn insert(
    transaction: &mut Transaction<'static, Any>,
    account: &AccountRow,
) -> Result<bool, StoreError> {
    let list = placeholders(1, 19);
    let sql = format!("INSERT INTO account ({COLUMNS}) VALUES ({list}) ON CONFLICT DO NOTHING");
    let inserted =
        account.bind(sqlx::query(AssertSqlSafe(sql))).execute(&mut **transaction).await?.rows_affected();
    if inserted == 0 {
        return Ok(false);
    }
    models::follow(transaction, account.kind.name(), &account.id, &account.settings, false).await?;
    // A key may have referred to the account before it existed.
    announce(transaction, account).await?;
    Ok(true)
}

async fn write(transaction: &mut Transaction<'static, Any>, account: &AccountRow) -> Result<(), StoreError> {
    let query = sqlx::query(
        "UPDATE account SET alias = $3, email = $4, team_id = $5, user_id = $6, role = $7, organization_id = $8, \
         max_budget = $9, budget_duration = $10, budget_reset_at = $11, spend = $12, total_spend = $13, \
         blocked = $14, settings = $15, created_at = $16, created_by = $17, updated_at = $18, updated_by = $19 \
         WHERE kind = $1 AND id = $2",
    );
    account.bind(query).execute(&mut **transaction).await?;
    models::follow(transaction, account.kind.name(), &account.id, &account.settings, false).await
}

/// Notifies the filters of every key that the account affects.
async fn announce(
    transaction: &mut Transaction<'static, Any>,
    account: &AccountRow,
) -> Result<(), StoreError> {
    let keys = concerned(transaction, account).await?;
    feed::announce_concerned(transaction, &keys).await
}

async fn concerned(
    transaction: &mut Transaction<'static, Any>,
    account: &AccountRow,
) -> Result<Concerned, StoreError> {
    let (condition, value) = match account.kind {
        Kind::User => ("user_id = $1", account.id.as_str()),
        Kind::Team => ("team_id = $1", account.id.as_str()),
        Kind::Budget => ("budget_id = $1", account.id.as_str()),
        Kind::TeamMember => ("user_id = $1", account.user_id.as_deref().unwrap_or_default()),
    };
    feed::concerned(transaction, condition, value).await
}
