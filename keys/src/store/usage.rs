//! Records usage exactly once: the ids of batches, their spend and their log rows are written in a single
//! transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::{AccountId, TokenHash, UsageBatch, UsageGroup};

use super::accounts::member_id;
use super::charges::{self, AccountName, ModelName};
use super::kind::Kind;
use super::log;
use super::of_team::of_teams;
use super::recorder::{Progress, Report};
use super::sql::Places;
use super::{Owner, Store, StoreError, get, models, rollups, shared_accounts};
use crate::clock;
use crate::money::Picodollars;

impl Store {
    /// Records reports in one transaction. Returns for each whether it is new; one that was recorded before changes
    /// nothing.
    pub(super) async fn record_reports(
        &self,
        progress: &mut Progress,
        reports: &[Report],
    ) -> Result<Vec<bool>, StoreError> {
        let now = clock::now();
        let mut transaction = self.write().await?;
        let new = self.remember(&mut transaction, reports, now).await?;
        let reports: Vec<_> =
            reports.iter().zip(&new).filter_map(|(report, new)| new.then_some(report)).collect();
        if reports.is_empty() {
            return Ok(new);
        }
        let spent = Spent::with(reports.iter().map(|report| &*report.batch));
        let owners = charges::charge_keys(&mut transaction, self.backend, &spent.keys, now).await?;
        models::follow_budgets(&mut transaction, &owners).await?;
        let (mut accounts, models) = spent.by_others(&owners);
        if self.has_gateway_budget() && spent.all > Picodollars::default() {
            accounts.insert((Kind::Gateway.name(), AccountId::GATEWAY.to_owned()), spent.all);
        }
        accounts.extend(self.charged_customers(&mut transaction, spent.customers, now).await?);
        let batches = reports.iter().map(|report| &*report.batch);
        let teams = of_teams(&mut transaction, self.backend, owners.values()).await?;
        accounts.extend(shared_accounts::charged(&mut transaction, batches, &owners, &teams).await?);
        charges::charge_windows(&mut transaction, self.backend, &accounts, &spent.keys).await?;
        charges::charge_accounts(&mut transaction, self.backend, &accounts).await?;
        let models = models::governed(&mut transaction, self.backend, models).await?;
        charges::charge_models(&mut transaction, self.backend, &models).await?;
        let logged: Vec<_> =
            reports.iter().filter(|report| report.logged).map(|report| &*report.batch).collect();
        // Taken, because after a failure nobody knows what is stored of it.
        let Progress { segment, mut known } = core::mem::take(progress);
        let segment = log::write(&mut transaction, self.backend, segment, &logged, &owners, &teams).await?;
        let batches: Vec<_> = reports.iter().map(|report| &*report.batch).collect();
        rollups::write(&mut transaction, self.backend, &mut known, &batches, &owners, &teams).await?;
        self.commit(transaction).await?;
        *progress = Progress { segment, known };
        self.cache.spent(spent.keys.keys());
        self.charged.note(spent.keys.keys());
        Ok(new)
    }

    /// Stores the ids of batches. Returns for each report whether its id is new; of two with the same, the first is.
    async fn remember(
        &self,
        transaction: &mut Transaction<'static, Any>,
        reports: &[Report],
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        // In one order, so that replicas that receive the same batches cannot deadlock.
        let ids: BTreeSet<_> = reports.iter().map(|report| text(&report.batch.id)).collect();
        let sql = format!(
            "INSERT INTO usage_batch (id, received_at) VALUES {} ON CONFLICT DO NOTHING RETURNING id",
            Places::on(self.backend).rows(ids.len(), 2)
        );
        let query = ids
            .into_iter()
            .fold(sqlx::query(AssertSqlSafe(sql)), |query, id| query.bind(id).bind(now.as_microsecond()));
        let mut new = BTreeSet::new();
        for row in query.fetch_all(&mut **transaction).await? {
            new.insert(get::<String, _>(&row, 0)?);
        }
        Ok(reports.iter().map(|report| new.remove(&text(&report.batch.id))).collect())
    }

    /// Deletes the ids of batches received before `before`; spend and log rows are kept.
    pub async fn forget_batches(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("DELETE FROM usage_batch WHERE received_at < $1")
            .bind(before.as_microsecond())
            .execute(&self.writers)
            .await?;
        Ok(forgotten.rows_affected())
    }
}

/// What the requests of a transaction cost.
#[derive(Default)]
struct Spent {
    /// By key.
    keys: BTreeMap<TokenHash, Picodollars>,
    /// By key and model.
    models: BTreeMap<(TokenHash, String), Picodollars>,
    /// By end user.
    customers: BTreeMap<String, Picodollars>,
    /// In total, including the master key's.
    all: Picodollars,
}

impl Spent {
    fn with<'b>(batches: impl Iterator<Item = &'b UsageBatch>) -> Self {
        let mut spent = Self::default();
        for batch in batches {
            // Added up by group first, because there are many requests and few groups.
            let mut groups: HashMap<UsageGroup, _> = HashMap::new();
            for (group, entry) in batch.grouped() {
                let cost = entry.cost_picodollars.map(Picodollars::reported).unwrap_or_default();
                let (_, _, sum) =
                    groups.entry(group).or_insert((entry.token, entry.model_group, Picodollars::default()));
                *sum = sum.plus(cost);
                let end_user = &entry.detail.end_user;
                if !end_user.is_empty() && cost > Picodollars::default() {
                    add(&mut spent.customers, text(end_user), cost);
                }
            }
            for (token, model, sum) in groups.into_values() {
                spent.all = spent.all.plus(sum);
                let Some(token) = token else { continue };
                add(&mut spent.keys, token, sum);
                if sum > Picodollars::default() {
                    add(&mut spent.models, (token, text(&model)), sum);
                }
            }
        }
        spent
    }

    /// The charges of users, teams and members, and the spend of all payers on single models. Recording the latter
    /// updates a row only where the model is limited.
    fn by_others(
        &self,
        owners: &BTreeMap<TokenHash, Owner>,
    ) -> (BTreeMap<AccountName, Picodollars>, BTreeMap<ModelName, Picodollars>) {
        let (mut accounts, mut models) = (BTreeMap::new(), BTreeMap::new());
        for ((token, model), spent) in &self.models {
            add(&mut models, ("key", token.to_string(), model.clone()), *spent);
            let Some(Owner { user_id, team_id, .. }) = owners.get(token) else { continue };
            for (kind, id) in [("user", user_id), ("team", team_id)] {
                if let Some(id) = id {
                    add(&mut accounts, (kind, id.clone()), *spent);
                    add(&mut models, (kind, id.clone(), model.clone()), *spent);
                }
            }
            if let (Some(team), Some(user)) = (team_id, user_id) {
                add(&mut accounts, ("team_member", member_id(team, user)), *spent);
            }
        }
        (accounts, models)
    }
}

pub(super) fn add<P: Ord>(sums: &mut BTreeMap<P, Picodollars>, payer: P, spent: Picodollars) {
    let sum = sums.entry(payer).or_default();
    *sum = sum.plus(spent);
}

/// Postgres cannot store a NUL in text, and clients choose the model name.
pub(super) fn text(reported: &str) -> String {
    reported.replace('\0', "")
}
