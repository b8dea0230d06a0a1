//! Reads what the overview shows.

use std::collections::{BTreeMap, HashMap};

use super::asked::{Asked, Part};
use crate::app::App;
use crate::clock;
use crate::error::ApiError;
use crate::store::{
    By, Failures, Histogram, RequestFilter, Scope, SpendFilter, Sums, Unit, UsageQuery, hour_of, time_of,
};
use crate::usage::{self, Sight, provider};

/// Parts with their own colour.
pub(super) const MOST_PARTS: usize = 6;

/// Parts in the table: those with the highest spend.
const MOST_RANKED: u32 = 200;

/// Requests of which somebody who sees only their own gets percentiles.
const MOST_LATEST: usize = 1_000;

/// A part of the usage: that of a model, provider, team, key or user.
#[derive(Debug)]
pub(super) struct PartOf {
    /// Its id, or the name of the model or provider.
    pub(super) id: String,
    /// What people call it.
    pub(super) name: String,
    pub(super) sums: Sums,
    /// The values of the grouping column that belong to it.
    values: Vec<String>,
}

/// A deployment in the current and the last hour.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) model_group: String,
    pub(super) model: String,
    pub(super) sums: Sums,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) total: Sums,
    pub(super) earlier: Sums,
    pub(super) times: HashMap<i64, Sums>,
    pub(super) parts: Vec<PartOf>,
    /// Spend of the first parts by time, picodollars.
    pub(super) spend: HashMap<(usize, i64), i64>,
    pub(super) failures: Vec<Failures>,
    /// Durations and times to the first token, only for those who see everything.
    pub(super) latency: Option<BTreeMap<i64, [Histogram; 2]>>,
    pub(super) deployments: Option<Vec<Deployment>>,
    /// The same in milliseconds of the latest requests, ascending, for those who see only their own.
    pub(super) latest: [Vec<i64>; 2],
}

pub(super) async fn read(app: &App, asked: &Asked, sight: &Sight) -> Result<Read, ApiError> {
    let store = &app.store;
    let all = UsageQuery { from: asked.earlier, ..asked.query(sight.scope()) };
    let (mut total, mut earlier, mut times) = (Sums::default(), Sums::default(), HashMap::new());
    for row in store.usage(&sight.restrict(all).by(&[By::Time])).await? {
        if row.at < asked.from {
            earlier.add(&row.sums);
        } else {
            total.add(&row.sums);
            times.insert(row.at, row.sums);
        }
    }
    let parts = parts(app, asked, sight).await?;
    let spend = spend(app, asked, sight, &parts).await?;
    let failures = store.usage_failures(&sight.restrict(asked.query(sight.scope()))).await?;
    let (mut latency, mut deployments) = (None, None);
    if *sight == Sight::All {
        let read = store.usage_latency(&asked.query(Scope::All).by(&[By::Time])).await?;
        latency = Some(read.into_iter().map(|((at, _), histograms)| (at, histograms)).collect());
        deployments = Some(failing(app).await?);
    }
    let latest = if *sight == Sight::All { Default::default() } else { latest(app, asked, sight).await? };
    Ok(Read { total, earlier, times, parts, spend, failures, latency, deployments, latest })
}

/// The durations and the times to the first token of the latest requests that a deployment answered. Only the sums of all requests
/// have histograms.
async fn latest(app: &App, asked: &Asked, sight: &Sight) -> Result<[Vec<i64>; 2], ApiError> {
    let (user_id, token) = match sight {
        Sight::All => (None, None),
        Sight::User(user) => (Some(user.clone()), None),
        Sight::Key(token) => (None, Some(token.clone())),
    };
    let (from, before) = (Some(time_of(asked.from)), Some(time_of(asked.before)));
    let of = SpendFilter { token, user_id, from, before, ..SpendFilter::default() };
    let filter = RequestFilter { of, ..RequestFilter::default() };
    let mut latest = <[Vec<i64>; 2]>::default();
    let [durations, first_tokens] = &mut latest;
    for row in app.store.request_page(&filter, None, MOST_LATEST).await?.rows {
        if row.requests == 1 && !row.deployment_id.is_empty() {
            durations.push(row.duration_ms);
            first_tokens.extend(row.first_token_ms);
        }
    }
    for times in &mut latest {
        times.sort_unstable();
    }
    Ok(latest)
}

/// The parts, those with the highest spend first.
async fn parts(app: &App, asked: &Asked, sight: &Sight) -> Result<Vec<PartOf>, ApiError> {
    let (scope, by) = asked.parts(sight);
    let query = sight.restrict(asked.query(scope)).by(&[by]).limit(MOST_RANKED);
    let mut parts: Vec<PartOf> = Vec::new();
    for row in app.store.usage(&query).await? {
        let value = row.of.into_iter().next().unwrap_or_default();
        let id = if asked.by == Part::Provider { provider(&value).to_owned() } else { value.clone() };
        match parts.iter_mut().find(|part| part.id == id) {
            Some(part) => {
                part.sums.add(&row.sums);
                part.values.push(value);
            }
            None => parts.push(PartOf { name: id.clone(), id, sums: row.sums, values: vec![value] }),
        }
    }
    parts.sort_by_key(|part| core::cmp::Reverse((part.sums.spend, part.sums.requests)));
    name(app, asked, &mut parts).await?;
    Ok(parts)
}

async fn name(app: &App, asked: &Asked, parts: &mut [PartOf]) -> Result<(), ApiError> {
    let ids: Vec<String> = parts.iter().map(|part| part.id.clone()).collect();
    let names: BTreeMap<String, String> = match asked.by {
        Part::Key => {
            let keys = usage::keys(&app.store, ids.iter()).await?;
            keys.into_iter().filter_map(|(token, key)| Some((token, key.alias.or(key.name)?))).collect()
        }
        Part::Team => usage::team_aliases(&app.store, ids.iter()).await?,
        _ => BTreeMap::new(),
    };
    for part in parts {
        if let Some(name) = names.get(&part.id) {
            part.name.clone_from(name);
        }
        if part.id.is_empty() {
            // Rejected before a provider was asked, or with the master key.
            let name = if asked.by == Part::Key { "master key" } else { "none" };
            name.clone_into(&mut part.name);
        } else if asked.by == Part::Key && part.name == part.id {
            part.name = format!("{}…", part.id.get(..12).unwrap_or(&part.id));
        }
    }
    Ok(())
}

/// The spend of the first parts by time.
async fn spend(
    app: &App,
    asked: &Asked,
    sight: &Sight,
    parts: &[PartOf],
) -> Result<HashMap<(usize, i64), i64>, ApiError> {
    let (scope, by) = asked.parts(sight);
    let shown = || parts.iter().take(MOST_PARTS).enumerate();
    let values: Vec<String> = shown().flat_map(|(_, part)| part.values.clone()).collect();
    let query = sight.restrict(asked.query(scope)).by(&[By::Time, by]).only(by, values);
    let mut spend = HashMap::new();
    for row in app.store.usage(&query).await? {
        let Some(value) = row.of.first() else { continue };
        if let Some((at, _)) = shown().find(|(_, part)| part.values.contains(value)) {
            let sum: &mut i64 = spend.entry((at, row.at)).or_default();
            *sum = sum.saturating_add(row.sums.spend);
        }
    }
    Ok(spend)
}

/// The deployments of the current and the last hour, those with the most errors first.
async fn failing(app: &App) -> Result<Vec<Deployment>, ApiError> {
    let now = hour_of(clock::now());
    let query = UsageQuery::new(Scope::All, Unit::Hour, now - 1, now + 1);
    let rows = app.store.usage(&query.by(&[By::Deployment, By::ModelGroup, By::Model])).await?;
    let mut deployments: Vec<Deployment> = rows
        .into_iter()
        .filter_map(|row| {
            let [id, model_group, model] = <[String; 3]>::try_from(row.of).ok()?;
            Some(Deployment { id, model_group, model, sums: row.sums })
        })
        .filter(|deployment| !deployment.id.is_empty() && deployment.sums.failures() > 0)
        .collect();
    deployments.sort_by_key(|deployment| core::cmp::Reverse(deployment.sums.failures()));
    Ok(deployments)
}
