//! What a filter needs to know about a key: the key, with its team, user and budget resolved into limits.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use switchboard::key::{Account, AccountId, AccountKind, KeyRecord, Team, TokenHash};

use super::accounts::{AT_ONCE, AccountRow, Kind, member_id};
use super::key_row::{KeyRow, token};
use super::models::{self, ModelSpend};
use super::sql::placeholders;
use super::{Store, StoreError, get};
use crate::clock;
use crate::money::Picodollars;

/// What limits a key, in addition to its own limits.
#[derive(Debug, Default)]
struct Around<'a> {
    budget: Option<&'a AccountRow>,
    team: Option<&'a AccountRow>,
    user: Option<&'a AccountRow>,
    member: Option<&'a AccountRow>,
}

/// Spend per model or window of every owner, by the kind of their rows.
type Spends = HashMap<(&'static str, String), HashMap<String, ModelSpend>>;

impl Store {
    /// The records of these keys; those that do not exist are left out. A retired key is returned as its
    /// successor, with an earlier expiry.
    pub async fn records(&self, tokens: &[TokenHash]) -> Result<HashMap<TokenHash, KeyRecord>, StoreError> {
        let mut keys: Vec<(TokenHash, KeyRow)> =
            self.keys(tokens).await?.into_iter().map(|key| (key.token, key)).collect();
        if keys.len() < tokens.len() {
            keys.extend(self.retired(tokens, &keys).await?);
        }
        let rows: Vec<_> = keys.iter().map(|(_, key)| key).collect();
        let accounts = self.accounts_around(&rows).await?;
        let mut spends = Spends::new();
        for key in &rows {
            let budget = Around::of(key, &accounts).budget;
            self.add_key_spends(&mut spends, key, budget).await?;
        }
        for account in accounts.values() {
            if let Some(kind) = account_kind(account.kind) {
                self.add_spends(&mut spends, kind, &account.id, &account.settings).await?;
            }
        }
        Ok(keys
            .iter()
            .map(|(token, key)| {
                let around = Around::of(key, &accounts);
                (*token, record(key, &around, &spends))
            })
            .collect())
    }

    /// The current account with this id; `None` if it does not exist, or limits nothing.
    pub(super) async fn limits(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let mut spends = Spends::new();
        let accounts = match id.kind {
            AccountKind::Key => {
                let Some(token) = TokenHash::parse(&id.id) else { return Ok(None) };
                let Some(key) = self.key(token).await? else { return Ok(None) };
                let around = self.accounts_around(&[&key]).await?;
                let budget = Around::of(&key, &around).budget;
                self.add_key_spends(&mut spends, &key, budget).await?;
                key_accounts(&key, budget, &spends)
            }
            AccountKind::User => match self.account(Kind::User, &id.id).await? {
                Some(user) => {
                    self.add_spends(&mut spends, id.kind, &id.id, &user.settings).await?;
                    account_accounts(&user, None, &spends)
                }
                None => return Ok(None),
            },
            AccountKind::Team => match self.account(Kind::Team, &id.id).await? {
                Some(team) => {
                    self.add_spends(&mut spends, id.kind, &id.id, &team.settings).await?;
                    account_accounts(&team, None, &spends)
                }
                None => return Ok(None),
            },
            AccountKind::TeamMember => {
                let Some(member) = self.account(Kind::TeamMember, &id.id).await? else { return Ok(None) };
                let team = self.account(Kind::Team, member.team_id.as_deref().unwrap_or_default()).await?;
                account_accounts(&member, team.as_ref(), &spends)
            }
        };
        Ok(accounts.into_iter().find(|account| account.id == *id))
    }

    pub(super) async fn retired(
        &self,
        tokens: &[TokenHash],
        found: &[(TokenHash, KeyRow)],
    ) -> Result<Vec<(TokenHash, KeyRow)>, StoreError> {
        let missing: Vec<_> =
            tokens.iter().filter(|token| found.iter().all(|(of, _)| of != *token)).collect();
        let mut retired = Vec::new();
        for tokens in missing.chunks(AT_ONCE) {
            let list = placeholders(2, tokens.len());
            let sql = format!(
                "SELECT token, successor, revoke_at FROM retired_key WHERE revoke_at > $1 AND token IN ({list})"
            );
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(clock::now().as_microsecond());
            for token in tokens {
                query = query.bind(token.to_string());
            }
            for row in query.fetch_all(&self.readers).await? {
                let revoke_at = clock::from_micros(get(&row, 2)?);
                if let Some(mut key) = self.key(token(&row, 1)?).await? {
                    key.expires_at = Some(key.expires_at.map_or(revoke_at, |end| end.min(revoke_at)));
                    retired.push((token(&row, 0)?, key));
                }
            }
        }
        Ok(retired)
    }

    async fn accounts_around(
        &self,
        keys: &[&KeyRow],
    ) -> Result<HashMap<(Kind, String), AccountRow>, StoreError> {
        let mut ids = Vec::new();
        for key in keys {
            let mut add = |kind, id: Option<&String>| ids.extend(id.map(|id| (kind, id.clone())));
            add(Kind::User, key.user_id.as_ref());
            add(Kind::Team, key.team_id.as_ref());
            add(Kind::Budget, key.budget_id.as_ref());
            if let (Some(team), Some(user)) = (&key.team_id, &key.user_id) {
                add(Kind::TeamMember, Some(&member_id(team, user)));
            }
        }
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let accounts = self.accounts(&ids).await?;
        Ok(accounts.into_iter().map(|account| ((account.kind, account.id.clone()), account)).collect())
    }

    async fn add_key_spends(
        &self,
        spends: &mut Spends,
        key: &KeyRow,
        budget: Option<&AccountRow>,
    ) -> Result<(), StoreError> {
        let id = key.token.to_string();
        self.add_spends(spends, AccountKind::Key, &id, &key.settings).await?;
        if let Some(budget) = budget
            && !spends.contains_key(&(kind_name(AccountKind::Key), id.clone()))
        {
            self.add_spends(spends, AccountKind::Key, &id, &budget.settings).await?;
        }
        Ok(())
    }

    async fn add_spends(
        &self,
        spends: &mut Spends,
        kind: AccountKind,
        id: &str,
        settings: &Map<String, Value>,
    ) -> Result<(), StoreError> {
        let models = settings.get("model_max_budget").and_then(Value::as_object);
        let windows = settings.get("budget_limits").and_then(Value::as_array);
        for (is_limited, kind) in [
            (models.is_some_and(|models| !models.is_empty()), kind_name(kind)),
            (windows.is_some_and(|windows| !windows.is_empty()), models::window_kind(kind_name(kind))),
        ] {
            if is_limited {
                let of = self.model_spends(kind, id).await?;
                spends.insert((kind, id.to_owned()), of.into_iter().collect());
            }
        }
        Ok(())
    }
}

impl<'a> Around<'a> {
    fn of(key: &KeyRow, accounts: &'a HashMap<(Kind, String), AccountRow>) -> Self {
        let find = |kind, id: Option<String>| accounts.get(&(kind, id?));
        let member = key.team_id.as_ref().zip(key.user_id.as_ref()).map(|(team, user)| member_id(team, user));
        Self {
            budget: find(Kind::Budget, key.budget_id.clone()),
            team: find(Kind::Team, key.team_id.clone()),
            user: find(Kind::User, key.user_id.clone()),
            member: find(Kind::TeamMember, member),
        }
    }
}

/// Its name in the tables.
pub(super) fn kind_name(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Key => "key",
        AccountKind::User => Kind::User.name(),
        AccountKind::Team => Kind::Team.name(),
        AccountKind::TeamMember => Kind::TeamMember.name(),
    }
}

fn account_kind(kind: Kind) -> Option<AccountKind> {
    match kind {
        Kind::User => Some(AccountKind::User),
        Kind::Team => Some(AccountKind::Team),
        Kind::TeamMember => Some(AccountKind::TeamMember),
        Kind::Budget => None,
    }
}

fn record(key: &KeyRow, around: &Around<'_>, spends: &Spends) -> KeyRecord {
    let mut accounts = key_accounts(key, around.budget, spends);
    let mut others = Vec::new();
    if let Some(member) = around.member {
        others.extend(account_accounts(member, around.team, spends));
    }
    if let Some(team) = around.team {
        others.extend(account_accounts(team, None, spends));
    }
    if let Some(user) = around.user {
        let mut of_user = account_accounts(user, None, spends);
        if key.team_id.is_some() {
            // A personal budget applies to personal keys.
            for account in &mut of_user {
                account.max_budget = None;
                account.soft_budget = None;
            }
        }
        others.extend(of_user);
    }
    accounts
        .extend(others.into_iter().filter(|account| account.is_limited() || account.soft_budget.is_some()));
    KeyRecord {
        key_alias: key.key_alias.clone(),
        user_id: key.user_id.clone(),
        team_id: key.team_id.clone(),
        models: strings(&key.settings, "models"),
        aliases: pairs(&key.settings, "aliases"),
        allowed_routes: strings(&key.settings, "allowed_routes"),
        expires_at: key.expires_at.map(seconds),
        blocked: key.blocked == Some(true),
        team: around.team.map(|team| Team {
            alias: team.alias.clone(),
            blocked: team.blocked == Some(true),
            models: strings(&team.settings, "models"),
            aliases: pairs(&team.settings, "model_aliases"),
        }),
        // In a team, the member's models apply instead of the user's.
        user_models: match (&key.team_id, around.user, around.member) {
            (None, Some(user), _) => strings(&user.settings, "models"),
            (Some(_), _, Some(member)) => strings(&member.settings, "models"),
            _ => Vec::new(),
        },
        accounts,
        ..KeyRecord::new(key.token, key.key_name.clone())
    }
}

fn key_accounts(key: &KeyRow, budget: Option<&AccountRow>, spends: &Spends) -> Vec<Account> {
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
fn account_accounts(account: &AccountRow, team: Option<&AccountRow>, spends: &Spends) -> Vec<Account> {
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

fn limited(id: AccountId, settings: &Map<String, Value>, defaults: Option<&Map<String, Value>>) -> Account {
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

fn pairs(settings: &Map<String, Value>, setting: &str) -> Vec<(String, String)> {
    let entries = settings.get(setting).and_then(Value::as_object);
    entries
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn float(settings: &Map<String, Value>, setting: &str) -> Option<f64> {
    settings.get(setting).and_then(Value::as_f64)
}

fn whole(settings: &Map<String, Value>, setting: &str) -> Option<u64> {
    settings.get(setting).and_then(Value::as_u64)
}

fn picodollars(usd: f64) -> u64 {
    reported(Picodollars::from_usd(usd))
}

fn reported(amount: Picodollars) -> u64 {
    amount.stored().unsigned_abs()
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 are exact in 53 bits until 2255")]
fn seconds(at: Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}
