//! Users, teams, organizations, members, customers, tags and budgets: creating, finding, updating and deleting them.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::AccountId;

use super::audit::entries;
use super::feed::{self, Concerned};
use super::kind::Kind;
use super::sql::{bind_number, placeholders};
use super::{Store, StoreError, customers, get, models};
use crate::clock;
use crate::money::Picodollars;

/// Maximum number of values in one `IN (…)`.
pub(super) const AT_ONCE: usize = 500;

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
    /// The budget that it refers to.
    pub budget_id: Option<String>,
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

/// The id of the account of a member of a team or an organization.
pub fn member_id(team_id: &str, user_id: &str) -> String {
    AccountId::of_member(team_id, user_id).id
}

/// All columns of `account`.
pub(super) const COLUMNS: &str = "kind, id, alias, email, team_id, user_id, role, organization_id, budget_id, max_budget, budget_duration, \
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
            budget_id: None,
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

    /// A user's membership of an organization.
    pub fn organization_member(organization_id: &str, user_id: &str, by: &str) -> Self {
        Self {
            organization_id: Some(organization_id.to_owned()),
            user_id: Some(user_id.to_owned()),
            ..Self::new(Kind::OrganizationMember, member_id(organization_id, user_id), by)
        }
    }

    /// Whether the member administers the team or the organization.
    pub fn administers(&self) -> bool {
        matches!(self.role.as_deref(), Some("admin" | "org_admin"))
    }

    /// A setting that is a list of strings; empty if absent or `null`.
    pub fn strings(&self, setting: &str) -> Vec<String> {
        super::limits::strings(&self.settings, setting)
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
            budget_id: get(row, "budget_id")?,
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
            .bind(self.organization_id.clone())
            .bind(self.budget_id.clone());
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
        for kind in Kind::ALL {
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

    /// The members of an organization, in the order in which they were added.
    pub async fn organization_members(&self, organization_id: &str) -> Result<Vec<AccountRow>, StoreError> {
        self.accounts_where("kind = 'organization_member' AND organization_id = $1", organization_id).await
    }

    /// A user's memberships of organizations, in the order in which they were created.
    pub async fn organizations_of(&self, user_id: &str) -> Result<Vec<AccountRow>, StoreError> {
        self.accounts_where("kind = 'organization_member' AND user_id = $1", user_id).await
    }

    /// The teams of an organization, oldest first.
    pub async fn teams_of_organization(&self, organization_id: &str) -> Result<Vec<AccountRow>, StoreError> {
        self.accounts_where("kind = 'team' AND organization_id = $1", organization_id).await
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
        let before = entries::is_recorded().then(|| entries::of_account(&account));
        change(&mut account)?;
        account.updated_at = clock::now();
        by.clone_into(&mut account.updated_by);
        write(&mut transaction, &account).await?;
        if let Some(before) = before {
            entries::account_updated(&mut transaction, &before, &account).await?;
        }
        announce(&mut transaction, &account).await?;
        self.commit(transaction).await?;
        Ok(Some(account))
    }
}

pub(super) async fn insert(
    transaction: &mut Transaction<'static, Any>,
    account: &AccountRow,
) -> Result<bool, StoreError> {
    let list = placeholders(1, 20);
    let sql = format!("INSERT INTO account ({COLUMNS}) VALUES ({list}) ON CONFLICT DO NOTHING");
    let inserted =
        account.bind(sqlx::query(AssertSqlSafe(sql))).execute(&mut **transaction).await?.rows_affected();
    if inserted == 0 {
        return Ok(false);
    }
    models::follow(transaction, account.kind.name(), &account.id, &account.settings, false).await?;
    entries::account_created(transaction, account).await?;
    // A key may have referred to the account before it existed.
    announce(transaction, account).await?;
    Ok(true)
}

async fn write(transaction: &mut Transaction<'static, Any>, account: &AccountRow) -> Result<(), StoreError> {
    let query = sqlx::query(
        "UPDATE account SET alias = $3, email = $4, team_id = $5, user_id = $6, role = $7, organization_id = $8, \
         budget_id = $9, max_budget = $10, budget_duration = $11, budget_reset_at = $12, spend = $13, total_spend = $14, \
         blocked = $15, settings = $16, created_at = $17, created_by = $18, updated_at = $19, updated_by = $20 \
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

pub(super) async fn concerned(
    transaction: &mut Transaction<'static, Any>,
    account: &AccountRow,
) -> Result<Concerned, StoreError> {
    let (condition, value) = match account.kind {
        Kind::User => ("user_id = $1", account.id.as_str()),
        Kind::Team => ("team_id = $1", account.id.as_str()),
        Kind::Budget if customers::refer_to(transaction, &account.id).await? => {
            return Ok(Concerned::TooMany);
        }
        Kind::Budget => ("budget_id = $1", account.id.as_str()),
        Kind::Customer => {
            return Ok(Concerned::Keys(vec![AccountId::of_customer(&*account.id).record_name()]));
        }
        // Only the key service knows who belongs to an organization.
        Kind::OrganizationMember => return Ok(Concerned::Keys(Vec::new())),
        // Keys have them through their teams, too.
        Kind::Organization | Kind::Tag | Kind::Gateway => return Ok(Concerned::TooMany),
        Kind::TeamMember => ("user_id = $1", account.user_id.as_deref().unwrap_or_default()),
    };
    feed::concerned(transaction, condition, value).await
}
