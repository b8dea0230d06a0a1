//! Organizations and tags: accounts that the keys of several owners share. They have their own limits, or those of a budget.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::{Any, Transaction};
use switchboard::key::{Account, AccountId, AccountKind, KeyRecord, TokenHash, UsageBatch};

use super::accounts::AccountRow;
use super::cache::Verified;
use super::charges::AccountName;
use super::key_row::KeyRow;
use super::kind::Kind;
use super::limits::{float, limited, picodollars, reported, seconds};
use super::of_team::{self, OfTeam};
use super::usage::{add, text};
use super::{Owner, Store, StoreError, tags};
use crate::money::Picodollars;

/// Accounts by kind and id.
pub(super) type Accounts = HashMap<(Kind, String), AccountRow>;

impl Store {
    /// The record of a tag, for requests that name it; `None` if it is not known.
    pub async fn tag(&self, name: &str) -> Result<Verified, StoreError> {
        let id = AccountId::of_tag(name);
        let token = id.record_name();
        self.cached(token, async || {
            let account = self.shared_limits(Kind::Tag, id).await?;
            Ok(account.map(|account| KeyRecord { accounts: vec![account], ..KeyRecord::new(token, name) }))
        })
        .await
    }

    /// The account of an organization or a tag; `None` if it does not exist.
    pub(super) async fn shared_limits(
        &self,
        kind: Kind,
        id: AccountId,
    ) -> Result<Option<Account>, StoreError> {
        let Some(row) = self.account(kind, &id.id).await? else { return Ok(None) };
        let budget = match &row.budget_id {
            Some(id) => self.account(Kind::Budget, id).await?,
            None => None,
        };
        Ok(Some(account(id, &row, budget.as_ref(), None)))
    }

    /// Adds the organizations and tags of keys, and the budgets that they refer to. Their teams are known.
    pub(super) async fn add_shared(
        &self,
        accounts: &mut Accounts,
        keys: &[&KeyRow],
    ) -> Result<(), StoreError> {
        let mut ids = BTreeSet::new();
        for key in keys {
            ids.extend(organization_id(key, accounts).map(|id| (Kind::Organization, id.to_owned())));
            ids.extend(tags_of(key, accounts).into_iter().map(|tag| (Kind::Tag, tag)));
        }
        if ids.is_empty() {
            return Ok(());
        }
        let shared = self.accounts(&ids.into_iter().collect::<Vec<_>>()).await?;
        let budgets: BTreeSet<_> =
            shared.iter().filter_map(|row| Some((Kind::Budget, row.budget_id.clone()?))).collect();
        let budgets = self.accounts(&budgets.into_iter().collect::<Vec<_>>()).await?;
        accounts.extend(shared.into_iter().chain(budgets).map(|row| ((row.kind, row.id.clone()), row)));
        Ok(())
    }
}

/// The organization of a key: its own, or its team's.
pub(super) fn organization_id<'a>(key: &'a KeyRow, accounts: &'a Accounts) -> Option<&'a str> {
    let of_team = || accounts.get(&(Kind::Team, key.team_id.clone()?))?.organization_id.as_deref();
    key.organization_id.as_deref().or_else(of_team)
}

/// The tags that every request of a key has: its own, and its team's.
pub(super) fn tags_of(key: &KeyRow, accounts: &Accounts) -> Vec<String> {
    let team = key.team_id.as_ref().and_then(|team| accounts.get(&(Kind::Team, team.clone())));
    let of_team = team.map(|team| tags::in_settings(&team.settings)).unwrap_or_default();
    tags::joined(tags::in_settings(&key.settings).into_iter(), of_team.iter())
}

/// The accounts of a key's organization and tags.
pub(super) fn accounts_of(key: &KeyRow, accounts: &Accounts) -> Vec<Account> {
    let organization = organization_id(key, accounts).map(|id| (Kind::Organization, id.to_owned()));
    let tags = tags_of(key, accounts).into_iter().map(|tag| (Kind::Tag, tag));
    let found = organization.into_iter().chain(tags).filter_map(|named| accounts.get(&named));
    found
        .map(|row| {
            let kind = if row.kind == Kind::Tag { AccountKind::Tag } else { AccountKind::Organization };
            let id = AccountId { kind, ..AccountId::of_tag(&*row.id) };
            let budget = row.budget_id.as_ref().and_then(|id| accounts.get(&(Kind::Budget, id.clone())));
            account(id, row, budget, None)
        })
        .collect()
}

/// An account that has its own limits, or those of a budget; `usual` is the budget without either, USD.
pub(super) fn account(
    id: AccountId,
    row: &AccountRow,
    budget: Option<&AccountRow>,
    usual: Option<f64>,
) -> Account {
    let defaults = budget.map(|budget| &budget.settings);
    let max_budget = row.max_budget.or_else(|| budget?.max_budget).or(usual);
    let period = if row.budget_duration.is_some() { Some(row) } else { budget };
    Account {
        max_budget: max_budget.map(picodollars),
        soft_budget: float(&row.settings, "soft_budget")
            .or_else(|| float(defaults?, "soft_budget"))
            .map(picodollars),
        spend: reported(row.spend),
        budget_duration: period.and_then(|period| period.budget_duration.clone()),
        budget_reset_at: period.and_then(|period| period.budget_reset_at).map(seconds),
        ..limited(id, &row.settings, defaults)
    }
}

/// The charges of organizations and tags. Only those that exist are accounts.
pub(super) async fn charged<'b>(
    transaction: &mut Transaction<'static, Any>,
    batches: impl Iterator<Item = &'b UsageBatch>,
    owners: &BTreeMap<TokenHash, Owner>,
    teams: &BTreeMap<String, OfTeam>,
) -> Result<BTreeMap<AccountName, Picodollars>, StoreError> {
    let mut sums = BTreeMap::new();
    let any = "SELECT kind FROM account WHERE kind IN ('organization', 'tag') LIMIT 1";
    if sqlx::query(any).fetch_optional(&mut **transaction).await?.is_none() {
        return Ok(sums);
    }
    for entry in batches.flat_map(UsageBatch::entries) {
        let Some(cost) = entry.cost_picodollars.filter(|cost| *cost > 0).map(Picodollars::reported) else {
            continue;
        };
        let owner = entry.token.and_then(|token| owners.get(&token));
        let team = owner.and_then(|owner| teams.get(owner.team_id.as_ref()?));
        let inherited = owner.into_iter().flat_map(|owner| &owner.tags);
        let inherited = inherited.chain(team.into_iter().flat_map(|team| &team.tags));
        let own = entry.detail.tags.iter().map(|tag| text(tag));
        let organization = owner.and_then(|owner| of_team::organization_id(owner, team));
        let named = organization.map(|id| (Kind::Organization.name(), id.clone()));
        let tags = tags::joined(own, inherited).into_iter().map(|tag| (Kind::Tag.name(), tag));
        for payer in named.into_iter().chain(tags) {
            add(&mut sums, payer, cost);
        }
    }
    Ok(sums)
}
