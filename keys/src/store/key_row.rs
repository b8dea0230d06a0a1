//! A virtual key as a database row.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, ColumnIndex};
use switchboard::key::TokenHash;

use super::sql::bind_number;
use super::{StoreError, get};
use crate::clock;
use crate::money::Picodollars;

/// A virtual key as stored in the database.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRow {
    /// SHA-256 of the key.
    pub token: TokenHash,
    /// `sk-...last4`.
    pub key_name: String,
    /// Its alias, which is unique.
    pub key_alias: Option<String>,
    /// Owner.
    pub user_id: Option<String>,
    /// Owner's team.
    pub team_id: Option<String>,
    /// Owner's organization.
    pub organization_id: Option<String>,
    /// The budget that it refers to.
    pub budget_id: Option<String>,
    /// Its own budget in USD.
    pub max_budget: Option<f64>,
    /// Its budget period, as the operator wrote it.
    pub budget_duration: Option<String>,
    /// The next reset.
    pub budget_reset_at: Option<Timestamp>,
    /// Spend in the current period.
    pub spend: Picodollars,
    /// Total spend.
    pub total_spend: Picodollars,
    /// Expiry.
    pub expires_at: Option<Timestamp>,
    /// Rejected until unblocked; `None` if never set.
    pub blocked: Option<bool>,
    /// All other fields of `LiteLLM`, by name. SQL never accesses them.
    pub settings: Map<String, Value>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// When an operator last changed it.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
    /// When usage was last reported for it.
    pub last_active: Option<Timestamp>,
}

/// All columns of `virtual_key`, in the order of [`KeyRow::read`].
macro_rules! key_columns {
    () => {
        "virtual_key.token, virtual_key.key_name, virtual_key.key_alias, virtual_key.user_id, virtual_key.team_id, \
         virtual_key.organization_id, virtual_key.budget_id, virtual_key.max_budget, virtual_key.budget_duration, \
         virtual_key.budget_reset_at, virtual_key.spend, virtual_key.total_spend, virtual_key.expires_at, \
         virtual_key.blocked, virtual_key.settings, virtual_key.created_at, virtual_key.created_by, \
         virtual_key.updated_at, virtual_key.updated_by, virtual_key.last_active"
    };
}
pub(super) use key_columns as KEY_COLUMNS;

pub(super) fn token<I: ColumnIndex<AnyRow>>(row: &AnyRow, column: I) -> Result<TokenHash, StoreError> {
    let text: String = get(row, column)?;
    TokenHash::parse(&text).ok_or_else(|| StoreError::Corrupt(format!("invalid token '{text}'")))
}

impl KeyRow {
    pub(super) fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let moment = |column: &str| -> Result<Option<Timestamp>, StoreError> {
            Ok(get::<Option<i64>, _>(row, column)?.map(clock::from_micros))
        };
        let token: String = get(row, "token")?;
        let settings: String = get(row, "settings")?;
        Ok(Self {
            settings: serde_json::from_str(&settings)
                .map_err(|_| StoreError::Corrupt(format!("invalid settings of the key {token}")))?,
            token: TokenHash::parse(&token)
                .ok_or_else(|| StoreError::Corrupt(format!("invalid token '{token}'")))?,
            key_name: get(row, "key_name")?,
            key_alias: get(row, "key_alias")?,
            user_id: get(row, "user_id")?,
            team_id: get(row, "team_id")?,
            organization_id: get(row, "organization_id")?,
            budget_id: get(row, "budget_id")?,
            max_budget: get(row, "max_budget")?,
            budget_duration: get(row, "budget_duration")?,
            budget_reset_at: moment("budget_reset_at")?,
            spend: Picodollars::from_stored(get(row, "spend")?),
            total_spend: Picodollars::from_stored(get(row, "total_spend")?),
            expires_at: moment("expires_at")?,
            blocked: get::<Option<i64>, _>(row, "blocked")?.map(|blocked| blocked != 0),
            created_at: clock::from_micros(get(row, "created_at")?),
            created_by: get(row, "created_by")?,
            updated_at: clock::from_micros(get(row, "updated_at")?),
            updated_by: get(row, "updated_by")?,
            last_active: moment("last_active")?,
        })
    }

    pub(super) fn bind<'q>(&self, query: Query<'q, Any, AnyArguments>) -> Query<'q, Any, AnyArguments> {
        let query = query
            .bind(self.token.to_string())
            .bind(self.key_name.clone())
            .bind(self.key_alias.clone())
            .bind(self.user_id.clone())
            .bind(self.team_id.clone())
            .bind(self.organization_id.clone())
            .bind(self.budget_id.clone());
        bind_number(query, self.max_budget)
            .bind(self.budget_duration.clone())
            .bind(self.budget_reset_at.map(Timestamp::as_microsecond))
            .bind(self.spend.stored())
            .bind(self.total_spend.stored())
            .bind(self.expires_at.map(Timestamp::as_microsecond))
            .bind(self.blocked.map(i64::from))
            .bind(Value::Object(self.settings.clone()).to_string())
            .bind(self.created_at.as_microsecond())
            .bind(self.created_by.clone())
            .bind(self.updated_at.as_microsecond())
            .bind(self.updated_by.clone())
            .bind(self.last_active.map(Timestamp::as_microsecond))
    }

    /// A setting that is a list of strings; empty if absent or `null`.
    pub fn strings(&self, setting: &str) -> Vec<String> {
        super::limits::strings(&self.settings, setting)
    }
}
