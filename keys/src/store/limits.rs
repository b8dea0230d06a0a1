//! The limits of keys and accounts, as the filter knows them.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use switchboard::key::{Account, AccountId, AccountKind};

use super::accounts::AccountRow;
use super::key_row::KeyRow;
use super::kind::Kind;
use super::models::{self, ModelSpend};
use crate::clock;
use crate::money::Picodollars;

/// Spend per model or window of every owner, by the kind of their rows.
pub(super) type Spends = HashMap<(&'static str, String), HashMap<String, ModelSpend>>;

/// Its name in the tables.
pub(super) fn kind_name(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Key => "key",
        AccountKind::User => Kind::User.name(),
        AccountKind::Team => Kind::Team.name(),
        AccountKind::TeamMember => Kind::TeamMember.name(),
        AccountKind::Organization => Kind::Organization.name(),
        AccountKind::Customer => Kind::Customer.name(),
        AccountKind::Tag => Kind::Tag.name(),
        AccountKind::Gateway => Kind::Gateway.name(),
    }
}

/// The kind of its account; `None` if nothing counts against it.
pub(super) fn account_kind(kind: Kind) -> Option<AccountKind> {
    match kind {
        Kind::User => Some(AccountKind::User),
        Kind::Team => Some(AccountKind::Team),
        Kind::TeamMember => Some(AccountKind::TeamMember),
        Kind::Organization => Some(AccountKind::Organization),
        Kind::Customer => Some(AccountKind::Customer),
        Kind::Tag => Some(AccountKind::Tag),
        Kind::Gateway => Some(AccountKind::Gateway),
        Kind::OrganizationMember | Kind::Budget => None,
    }
}

/// The accounts of a key, without those that it shares.
pub(super) fn key_accounts(key: &KeyRow, budget: Option<&AccountRow>, spends: &Spends) -> Vec<Account> {
    let extra = temporary_increase(&key.settings);
    let max_budget = key.max_budget.or_else(|| budget?.max_budget).map(|budget| budget + extra);
    let defaults = budget.map(|budget| &budget.settings);
    let main = Account {
        max_budget: max_budget.map(picodollars),
        soft_budget: float(&key.settings, "soft_budget")
            .or_else(|| float(defaults?, "soft_budget"))
            .map(picodollars),
        spend: reported(key.spend),
        budget_duration: key.budget_duration.clone(),
        budget_reset_at: key.budget_reset_at.map(seconds),
        ..limited(AccountId::of_key(key.token), &key.settings, defaults)
    };
    with_models(main, &key.settings, defaults, spends)
}

/// `team` is the team whose settings apply to members without their own.
pub(super) fn account_accounts(
    account: &AccountRow,
    team: Option<&AccountRow>,
    spends: &Spends,
) -> Vec<Account> {
    let Some(kind) = account_kind(account.kind) else { return Vec::new() };
    let id = AccountId { kind, id: account.id.clone(), model: None, window: None };
    let of_team = |setting: &str| float(&team?.settings, setting);
    let mut main = Account {
        max_budget: account.max_budget.or_else(|| of_team("team_member_budget")).map(picodollars),
        soft_budget: float(&account.settings, "soft_budget").map(picodollars),
        spend: reported(account.spend),
        budget_duration: account.budget_duration.clone(),
        budget_reset_at: account.budget_reset_at.map(seconds),
        ..limited(id, &account.settings, None)
    };
    if let Some(team) = team {
        main.rpm_limit = main.rpm_limit.or_else(|| whole(&team.settings, "team_member_rpm_limit"));
        main.tpm_limit = main.tpm_limit.or_else(|| whole(&team.settings, "team_member_tpm_limit"));
    }
    with_models(main, &account.settings, None, spends)
}

pub(super) fn limited(
    id: AccountId,
    settings: &Map<String, Value>,
    defaults: Option<&Map<String, Value>>,
) -> Account {
    let limit = |name: &str| whole(settings, name).or_else(|| whole(defaults?, name));
    Account {
        rpm_limit: limit("rpm_limit"),
        tpm_limit: limit("tpm_limit"),
        max_parallel_requests: limit("max_parallel_requests"),
        ..Account::new(id)
    }
}

/// The account, and one for each model and each window that the settings limit.
fn with_models(
    main: Account,
    settings: &Map<String, Value>,
    defaults: Option<&Map<String, Value>>,
    spends: &Spends,
) -> Vec<Account> {
    let AccountId { kind, id, .. } = main.id.clone();
    let of_owner = spends.get(&(kind_name(kind), id.clone()));
    let mut models: Vec<Account> = Vec::new();
    let mut limit = |model: &str, change: &dyn Fn(&mut Account)| {
        let at = models.iter().position(|account| account.id.model.as_deref() == Some(model));
        let at = at.unwrap_or_else(|| {
            let model = Some(model.to_owned());
            models.push(Account::new(AccountId { kind, id: id.clone(), model, window: None }));
            models.len() - 1
        });
        if let Some(account) = models.get_mut(at) {
            change(account);
        }
    };
    let mut budgets = models::budgets(settings);
    if budgets.is_empty() {
        budgets = defaults.map(models::budgets).unwrap_or_default();
    }
    for budget in budgets {
        let spent = of_owner.and_then(|models| models.get(&budget.model)).cloned().unwrap_or_default();
        limit(&budget.model, &|account| {
            account.max_budget = budget.max_budget.map(picodollars);
            account.budget_duration.clone_from(&budget.budget_duration);
            account.budget_reset_at = spent.budget_reset_at.map(|at| seconds(clock::from_micros(at)));
            account.spend = reported(spent.spend);
            account.rpm_limit = budget.rpm_limit;
            account.tpm_limit = budget.tpm_limit;
        });
    }
    for (name, tokens) in [("model_rpm_limit", false), ("model_tpm_limit", true)] {
        for (model, value) in &models::limits(settings, name) {
            limit(model, &|account| {
                let value = value.as_u64();
                *(if tokens { &mut account.tpm_limit } else { &mut account.rpm_limit }) = value;
            });
        }
    }
    let spent = spends.get(&(models::window_kind(kind_name(kind)), id.clone()));
    let windows = models::windows(settings).into_iter().map(|(duration, most)| {
        let spent = spent.and_then(|windows| windows.get(&duration)).cloned().unwrap_or_default();
        let window = AccountId { kind, id: id.clone(), model: None, window: Some(duration.clone()) };
        Account {
            max_budget: Some(picodollars(most)),
            budget_duration: Some(duration),
            budget_reset_at: spent.budget_reset_at.map(|at| seconds(clock::from_micros(at))),
            spend: reported(spent.spend),
            ..Account::new(window)
        }
    });
    core::iter::once(main).chain(models).chain(windows).collect()
}

/// A temporary budget increase in USD, while it is in force.
fn temporary_increase(settings: &Map<String, Value>) -> f64 {
    let ends = settings.get("temp_budget_expiry").and_then(Value::as_str);
    let in_force = ends.and_then(clock::parse).is_some_and(|end| end > clock::now());
    if in_force { float(settings, "temp_budget_increase").unwrap_or_default() } else { 0.0 }
}

/// A setting that is a list of strings; empty if absent or `null`.
pub(super) fn strings(settings: &Map<String, Value>, setting: &str) -> Vec<String> {
    let items = settings.get(setting).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(super) fn pairs(settings: &Map<String, Value>, setting: &str) -> Vec<(String, String)> {
    let entries = settings.get(setting).and_then(Value::as_object);
    entries
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

pub(super) fn float(settings: &Map<String, Value>, setting: &str) -> Option<f64> {
    settings.get(setting).and_then(Value::as_f64)
}

fn whole(settings: &Map<String, Value>, setting: &str) -> Option<u64> {
    settings.get(setting).and_then(Value::as_u64)
}

pub(super) fn picodollars(usd: f64) -> u64 {
    reported(Picodollars::from_usd(usd))
}

pub(super) fn reported(amount: Picodollars) -> u64 {
    amount.stored().unsigned_abs()
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 are exact in 53 bits until 2255")]
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}
