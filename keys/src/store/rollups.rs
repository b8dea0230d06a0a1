//! Roll-ups: what was used by hour, day and month, so that reports do not read the log.
//!
//! Recording usage adds to them in its own transaction, so they are as exact as the spend of keys. A *series* is what a row
//! counts: a scope (all requests, or those of a team, user, key, end user, tag or organization) and a model. Requests of a transaction are
//! added up in memory first, and each series is written once. Times are hours since 1970.

mod fill;
mod fold;
mod histogram;
mod lookup;
mod names;
mod read;
mod series;
mod sums;
mod trim;
mod unit;
mod write;

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::{Any, Transaction};
use switchboard::key::{TokenHash, UsageBatch, UsageGroup};

use super::backend::Backend;
use super::of_team::{self, OfTeam};
use super::usage::text;
use super::{Owner, StoreError, tags};
use fold::{Figures, Fold, Group, Tally};
use names::Names;

pub use histogram::Histogram;
pub use lookup::KeyNames;
pub use read::{By, Failures, UsageQuery, UsageRow};
pub use series::Scope;
pub use sums::Sums;
pub use unit::{Unit, hour_of, time_of};

/// Series that are remembered at most.
const MOST_SERIES: usize = 200_000;

/// What this process knows of the roll-ups, so that it does not write series again that are stored.
#[derive(Debug, Default)]
pub(super) struct Known {
    series: HashSet<i64>,
    names: Names,
}

/// Adds the usage of these batches. If the transaction is not committed, `known` must not be used again.
pub(super) async fn write(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    known: &mut Known,
    batches: &[&UsageBatch],
    owners: &BTreeMap<TokenHash, Owner>,
    teams: &BTreeMap<String, OfTeam>,
) -> Result<(), StoreError> {
    if known.series.len() > MOST_SERIES {
        known.series.clear();
    }
    let mut fold = Fold::default();
    for batch in batches {
        add(&mut fold, &mut known.names, batch, owners, teams);
    }
    write::write(transaction, backend, &mut known.series, fold).await
}

/// A group, its requests by hour, and the tags of its key and team.
type Grouped = (Group, BTreeMap<i64, Tally>, Vec<String>);

/// Adds a batch. Requests of a group are added up before they are added to the group's series.
fn add(
    fold: &mut Fold,
    names: &mut Names,
    batch: &UsageBatch,
    owners: &BTreeMap<TokenHash, Owner>,
    teams: &BTreeMap<String, OfTeam>,
) {
    let mut groups: HashMap<UsageGroup, Grouped> = HashMap::new();
    for (number, entry) in batch.grouped() {
        let (group, hours, inherited) = groups.entry(number).or_insert_with(|| {
            let owner = entry.token.and_then(|token| owners.get(&token));
            let team_id = owner.and_then(|owner| owner.team_id.clone());
            let team = team_id.as_ref().and_then(|team| teams.get(team));
            let inherited = owner.into_iter().flat_map(|owner| &owner.tags);
            let inherited = inherited.chain(team.into_iter().flat_map(|team| &team.tags));
            let organization = owner.and_then(|owner| of_team::organization_id(owner, team));
            let inherited = tags::joined(core::iter::empty(), inherited);
            let group = Group {
                token: entry.token.map(|token| token.to_string()).unwrap_or_default(),
                user_id: owner.and_then(|owner| owner.user_id.clone()).unwrap_or_default(),
                organization_id: organization.cloned().unwrap_or_default(),
                team_id: team_id.unwrap_or_default(),
                model_group: names.model(&text(&entry.model_group)),
                model: names.model(&text(&entry.model)),
                mode: text(&entry.mode),
                deployment_id: text(&entry.deployment_id),
                api_base: text(&entry.api_base),
            };
            (group, BTreeMap::new(), inherited)
        });
        let hour = unit::hour_of_ms(entry.started_ms);
        let figures = Figures::of(&entry);
        hours.entry(hour).or_default().add(&figures);
        let detail = &entry.detail;
        if !detail.end_user.is_empty() {
            let name = names.end_user(hour, &text(&detail.end_user));
            fold.add_end_user(group, hour, name, &figures);
        }
        if !detail.tags.is_empty() || !inherited.is_empty() {
            for tag in tags::joined(detail.tags.iter().map(|tag| text(tag)), inherited.iter()) {
                let name = names.tag(hour, &tag);
                fold.add_tag(group, hour, name, &figures);
            }
        }
    }
    for (group, hours, _) in groups.into_values() {
        for (hour, tally) in hours {
            fold.add(&group, hour, tally);
        }
    }
}
