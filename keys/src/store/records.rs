//! What a filter needs to know about a key: the key, with its team, user and budget resolved into limits.

use std::collections::HashMap;

use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use switchboard::key::{Account, AccountId, AccountKind, KeyRecord, Team, TokenHash};

use super::accounts::{AT_ONCE, AccountRow, member_id};
use super::key_row::{KeyRow, token};
use super::kind::Kind;
use super::limits::{
    Spends, account_accounts, account_kind, key_accounts, kind_name, pairs, seconds, strings,
};
use super::models;
use super::shared_accounts::{self, Accounts};
use super::sql::placeholders;
use super::{Store, StoreError, get, tags};
use crate::clock;

/// What limits a key, in addition to its own limits.
#[derive(Debug, Default)]
struct Around<'a> {
    budget: Option<&'a AccountRow>,
    team: Option<&'a AccountRow>,
    user: Option<&'a AccountRow>,
    member: Option<&'a AccountRow>,
    gateway: Option<&'a AccountRow>,
}

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
        let mut accounts = self.accounts_around(&rows).await?;
        self.add_shared(&mut accounts, &rows).await?;
        let mut spends = Spends::new();
        for key in &rows {
            let budget = Around::of(key, &accounts).budget;
            self.add_key_spends(&mut spends, key, budget).await?;
        }
        let gateway = self.gateway().await?;
        let own = |kind: Kind| matches!(kind, Kind::User | Kind::Team | Kind::TeamMember);
        for account in accounts.values().filter(|account| own(account.kind)) {
            if let Some(kind) = account_kind(account.kind) {
                self.add_spends(&mut spends, kind, &account.id, &account.settings).await?;
            }
        }
        Ok(keys
            .iter()
            .map(|(token, key)| {
                let around = Around { gateway: gateway.as_ref(), ..Around::of(key, &accounts) };
                (*token, record(key, &around, &accounts, &spends))
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
            AccountKind::Organization => return self.shared_limits(Kind::Organization, id.clone()).await,
            AccountKind::Tag => return self.shared_limits(Kind::Tag, id.clone()).await,
            AccountKind::Customer => return self.customer_limits(&id.id).await,
            AccountKind::Gateway => match self.account(Kind::Gateway, &id.id).await? {
                Some(gateway) => account_accounts(&gateway, None, &spends),
                None => return Ok(None),
            },
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

    async fn accounts_around(&self, keys: &[&KeyRow]) -> Result<Accounts, StoreError> {
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
    fn of(key: &KeyRow, accounts: &'a Accounts) -> Self {
        let find = |kind, id: Option<String>| accounts.get(&(kind, id?));
        let member = key.team_id.as_ref().zip(key.user_id.as_ref()).map(|(team, user)| member_id(team, user));
        Self {
            budget: find(Kind::Budget, key.budget_id.clone()),
            team: find(Kind::Team, key.team_id.clone()),
            user: find(Kind::User, key.user_id.clone()),
            member: find(Kind::TeamMember, member),
            gateway: None,
        }
    }
}

fn record(key: &KeyRow, around: &Around<'_>, all: &Accounts, spends: &Spends) -> KeyRecord {
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
    others.extend(shared_accounts::accounts_of(key, all));
    if let Some(gateway) = around.gateway {
        others.extend(account_accounts(gateway, None, spends));
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
        enforced_params: strings(&key.settings, "enforced_params"),
        tags: tags::joined(
            tags::in_settings(&key.settings).into_iter(),
            around.team.map(|team| tags::in_settings(&team.settings)).unwrap_or_default().iter(),
        ),
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
        organization_models: shared_accounts::organization_id(key, all)
            .and_then(|id| all.get(&(Kind::Organization, id.to_owned())))
            .map(|organization| strings(&organization.settings, "models"))
            .unwrap_or_default(),
        accounts,
        ..KeyRecord::new(key.token, key.key_name.clone())
    }
}
