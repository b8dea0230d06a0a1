//! The budget of the whole gateway (`litellm_settings.max_budget`): an account like those of users and teams, against which
//! the requests of all keys count.

use core::sync::atomic::{AtomicBool, Ordering};

use switchboard::key::AccountId;

use super::accounts::AccountRow;
use super::kind::Kind;
use super::{Store, StoreError};
use crate::clock;
use crate::duration::Duration;

/// The account's editor.
const BY: &str = "config.yaml";

/// Whether there is such a budget, so that nothing is read or charged where there is none.
#[derive(Debug, Default)]
pub(super) struct HasBudget(AtomicBool);

impl Store {
    /// Sets the budget, USD, and its period, or removes it. What was spent in the current period stays.
    pub async fn set_gateway_budget(
        &self,
        max_budget: Option<f64>,
        period: Option<&str>,
    ) -> Result<(), StoreError> {
        self.gateway.0.store(max_budget.is_some(), Ordering::Relaxed);
        let known = self.account(Kind::Gateway, AccountId::GATEWAY).await?;
        let written = period.map(str::to_owned);
        let next = period.and_then(|text| Duration::parse(text).ok()?.next_reset(clock::now()).ok());
        let set = |account: &mut AccountRow| {
            account.max_budget = max_budget;
            if account.budget_duration != written {
                account.budget_duration.clone_from(&written);
                account.budget_reset_at = next;
            }
        };
        match (known, max_budget) {
            (None, None) => {}
            (Some(known), None) => _ = self.delete_accounts(Kind::Gateway, &[known.id]).await?,
            (None, Some(_)) => {
                let mut account = AccountRow::new(Kind::Gateway, AccountId::GATEWAY, BY);
                set(&mut account);
                self.insert_account(&account).await?;
            }
            (Some(known), Some(_)) if known.max_budget == max_budget && known.budget_duration == written => {}
            (Some(known), Some(_)) => {
                let change = |account: &mut AccountRow| {
                    set(account);
                    Ok::<_, StoreError>(())
                };
                self.update_account(Kind::Gateway, &known.id, BY, change).await?;
            }
        }
        Ok(())
    }

    /// The account, if there is a budget.
    pub(super) async fn gateway(&self) -> Result<Option<AccountRow>, StoreError> {
        if !self.has_gateway_budget() {
            return Ok(None);
        }
        self.account(Kind::Gateway, AccountId::GATEWAY).await
    }

    pub(super) fn has_gateway_budget(&self) -> bool {
        self.gateway.0.load(Ordering::Relaxed)
    }
}
