//! Customers: end users of the clients, whom requests name. Those that an operator has created, or that a default budget
//! limits, are accounts that requests count against.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::{Account, AccountId, KeyRecord};

use super::accounts::{AT_ONCE, AccountRow};
use super::cache::Verified;
use super::charges::AccountName;
use super::kind::Kind;
use super::shared_accounts::account;
use super::sql::Places;
use super::{Store, StoreError};
use crate::money::Picodollars;

/// The author of accounts that were created for requests.
const BY: &str = "usage";

/// The budget of customers that have none (`litellm_settings.max_end_user_budget` and `max_end_user_budget_id`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerDefault {
    /// USD.
    pub max_budget: Option<f64>,
    /// A budget, which takes precedence.
    pub budget_id: Option<String>,
}

/// The default in use.
#[derive(Debug, Default)]
pub(super) struct InUse(RwLock<CustomerDefault>);

impl Store {
    /// Sets the budget of customers that have none. Call it before requests are served.
    pub fn set_customer_default(&self, default: CustomerDefault) {
        *self.customers.0.write().unwrap_or_else(PoisonError::into_inner) = default;
    }

    fn customer_default(&self) -> CustomerDefault {
        self.customers.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether every end user has a budget.
    pub(super) fn limits_all_customers(&self) -> bool {
        self.customer_default() != CustomerDefault::default()
    }

    /// The record of a customer, for requests that name it; `None` if it is not known and nothing limits it.
    pub async fn customer(&self, id: &str) -> Result<Verified, StoreError> {
        self.cached(AccountId::of_customer(id).record_name(), async || self.customer_record(id).await).await
    }

    /// The customer's account; `None` if it is not known and nothing limits it.
    pub(super) async fn customer_limits(&self, id: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.customer_record(id).await?.and_then(|mut record| record.accounts.pop()))
    }

    async fn customer_record(&self, id: &str) -> Result<Option<KeyRecord>, StoreError> {
        let default = self.customer_default();
        let customer = match self.account(Kind::Customer, id).await? {
            Some(customer) => customer,
            None if default == CustomerDefault::default() => return Ok(None),
            None => AccountRow::new(Kind::Customer, id, BY),
        };
        let own = customer.budget_id.as_ref().or(match customer.max_budget {
            Some(_) => None,
            None => default.budget_id.as_ref(),
        });
        let budget = match own {
            Some(id) => self.account(Kind::Budget, id).await?,
            None => None,
        };
        let usual = default.max_budget.filter(|_| own.is_none());
        Ok(Some(KeyRecord {
            blocked: customer.blocked == Some(true),
            accounts: vec![account(AccountId::of_customer(id), &customer, budget.as_ref(), usual)],
            ..KeyRecord::new(AccountId::of_customer(id).record_name(), id)
        }))
    }

    /// The charges of customers. With a default budget, those that are charged for the first time become accounts.
    pub(super) async fn charged_customers(
        &self,
        transaction: &mut Transaction<'static, Any>,
        spent: BTreeMap<String, Picodollars>,
        now: Timestamp,
    ) -> Result<Vec<(AccountName, Picodollars)>, StoreError> {
        if self.limits_all_customers() {
            // In one order, so that replicas cannot deadlock.
            for ids in spent.keys().collect::<Vec<_>>().chunks(AT_ONCE) {
                let sql = format!(
                    "INSERT INTO account (kind, id, spend, total_spend, settings, created_at, created_by, updated_at, \
                     updated_by) VALUES {} ON CONFLICT DO NOTHING",
                    Places::on(self.backend).rows(ids.len(), 9)
                );
                let query = ids.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, id| {
                    let query = query.bind(Kind::Customer.name()).bind(id.as_str()).bind(0_i64).bind(0_i64);
                    let query = query.bind("{}").bind(now.as_microsecond()).bind(BY);
                    query.bind(now.as_microsecond()).bind(BY)
                });
                query.execute(&mut **transaction).await?;
            }
        }
        // Others are not accounts, so that nothing is added to them.
        Ok(spent.into_iter().map(|(id, spent)| ((Kind::Customer.name(), id), spent)).collect())
    }

    /// A budget starts again, and with it the accounts that refer to it and have no period themselves.
    pub(super) async fn restart_referring(&self, budget_id: &str) -> Result<(), StoreError> {
        let is_default = self.customer_default().budget_id.as_deref() == Some(budget_id);
        let usual =
            if is_default { "OR kind = 'customer' AND budget_id IS NULL AND max_budget IS NULL" } else { "" };
        let sql = format!(
            "UPDATE account SET spend = 0 WHERE kind IN ('customer', 'organization', 'tag') \
             AND budget_duration IS NULL AND (budget_id = $1 {usual})"
        );
        sqlx::query(AssertSqlSafe(sql)).bind(budget_id).execute(&self.writers).await?;
        Ok(())
    }
}

/// Whether customers, organizations or tags may refer to a budget: by name, or because it is the default of customers
/// without one.
pub(super) async fn refer_to(
    transaction: &mut Transaction<'static, Any>,
    budget_id: &str,
) -> Result<bool, StoreError> {
    let sql =
        "SELECT id FROM account WHERE kind = 'customer' AND (budget_id = $1 OR budget_id IS NULL) LIMIT 1";
    Ok(sqlx::query(sql).bind(budget_id).fetch_optional(&mut **transaction).await?.is_some())
}
