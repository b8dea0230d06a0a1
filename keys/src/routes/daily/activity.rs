//! Reads what a response about daily activity has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::breakdown::{Breakdown, metrics};
use crate::app::App;
use crate::error::ApiError;
use crate::query::Query;
use crate::store::{By, Scope, Sums, UsageQuery};
use crate::token::identified;
use crate::usage::{self, Days, Sight, date};

/// Days of a page at most.
pub(super) const MOST_DAYS: u64 = 1_000;

/// Days of a page by default, as in `LiteLLM`.
const USUAL_DAYS: u64 = 50;

/// Keys, users, teams or tags in a response: those with the highest spend in the range.
const MOST_NAMES: u32 = 100;

/// What is asked for.
pub(super) struct Activity {
    days: Days,
    scope: Scope,
    sight: Sight,
    /// Only these users, teams or tags.
    pub(super) names: Option<(By, Vec<String>)>,
    /// Without these.
    pub(super) without: Vec<String>,
    model: Option<String>,
    token: Option<String>,
}

impl Activity {
    pub(super) fn of(query: &Query, scope: Scope, sight: Sight) -> Result<Self, ApiError> {
        Ok(Self {
            days: Days::of(query)?,
            scope,
            names: match &sight {
                Sight::User(user) => Some((By::User, vec![user.clone()])),
                Sight::Key(token) => Some((By::Token, vec![token.clone()])),
                Sight::All => None,
            },
            sight,
            without: Vec::new(),
            model: query.owned("model"),
            token: query.text("api_key").map(|key| identified(key).to_string()),
        })
    }

    /// A query on keys.
    fn keys(&self) -> UsageQuery {
        if self.scope == Scope::Organization {
            // Its rows are by key.
            let query = self.named();
            return match &self.token {
                Some(token) => query.only(By::Token, vec![token.clone()]),
                None => query,
            };
        }
        let query = self.days.query(Scope::Key);
        let query = match &self.names {
            Some((By::Token, tokens)) => query.only(By::Name, tokens.clone()),
            Some((by, names)) => query.only(*by, names.clone()),
            None => query,
        };
        self.of_model(match &self.token {
            Some(token) => query.only(By::Name, vec![token.clone()]),
            None => query,
        })
    }

    /// A query on what the response is about: on keys if it is restricted to one.
    fn total(&self) -> UsageQuery {
        if self.token.is_some() || matches!(self.sight, Sight::Key(_)) {
            return self.keys();
        }
        match &self.names {
            // All usage, whether or not it has a user.
            None if self.scope == Scope::User => self.of_model(self.days.query(Scope::All)),
            _ => self.named(),
        }
    }

    fn named(&self) -> UsageQuery {
        let query = self.days.query(self.scope);
        self.of_model(match &self.names {
            Some((_, names)) => query.only(By::Name, names.clone()),
            None => query,
        })
    }

    fn of_model(&self, query: UsageQuery) -> UsageQuery {
        match &self.model {
            Some(model) => query.only(By::ModelGroup, vec![model.clone()]),
            None => query,
        }
    }
}

/// Which days are shown.
pub(super) struct Paging {
    page: usize,
    size: usize,
}

impl Paging {
    /// `page` and `page_size`.
    pub(super) fn of(query: &Query) -> Result<Self, ApiError> {
        let count = |name: &str, default: u64, most: u64| {
            Ok::<_, ApiError>(usize::try_from(query.count(name, default, 1, most)?).unwrap_or(usize::MAX))
        };
        Ok(Self { page: count("page", 1, super::PAGE)?, size: count("page_size", USUAL_DAYS, MOST_DAYS)? })
    }

    /// All days on one page.
    pub(super) fn whole() -> Self {
        Self { page: 1, size: usize::MAX }
    }
}

/// The response: days, the latest first, and the totals of the page.
pub(super) async fn show(app: &App, activity: Activity, paging: Paging) -> Result<Value, ApiError> {
    const MODELS: [By; 4] = [By::Time, By::ModelGroup, By::Model, By::Mode];
    let store = &app.store;
    let mut days = BTreeMap::<i64, (Sums, Breakdown)>::new();
    // Those that are left out must be told apart.
    let by_name = !activity.without.is_empty();
    let mut total = activity.total().by(&MODELS);
    if by_name {
        total = total.by(&[By::Name]);
    }
    for row in store.usage(&total).await? {
        if by_name && row.of.last().is_some_and(|name| activity.without.contains(name)) {
            continue;
        }
        let [group, model, mode, ..] = row.of.as_slice() else { continue };
        let (sums, breakdown) = days.entry(row.at).or_default();
        sums.add(&row.sums);
        breakdown.add_model(group, model, mode, &row.sums);
    }
    let all: Vec<i64> = days.keys().rev().copied().collect();
    let pages = all.len().div_ceil(paging.size).max(1);
    let begin = (paging.page - 1).saturating_mul(paging.size);
    let shown: BTreeSet<i64> = all.iter().skip(begin).take(paging.size).copied().collect();
    days.retain(|day, _| shown.contains(day));
    let mut exceeded = false;
    if let (Some(first), Some(last)) = (shown.first(), shown.last()) {
        let range = Days { from: *first, before: last + 24 };
        exceeded = add_keys(app, &activity, range, &mut days).await?;
        add_entities(app, &activity, range, &mut days).await?;
    }
    let mut totals = Sums::default();
    for (sums, _) in days.values() {
        totals.add(sums);
    }
    let results: Vec<_> = days
        .into_iter()
        .rev()
        .map(|(day, (sums, breakdown))| {
            json!({ "date": date(day), "metrics": metrics(&sums), "breakdown": breakdown.show() })
        })
        .collect();
    let Value::Object(sums) = metrics(&totals) else { return Ok(Value::Null) };
    let mut metadata: Map<String, Value> = sums
        .into_iter()
        .map(|(name, value)| {
            let name = name.strip_prefix("total_").unwrap_or(&name).to_owned();
            (format!("total_{name}"), value)
        })
        .collect();
    metadata.extend([
        ("page".to_owned(), json!(paging.page)),
        ("total_pages".to_owned(), json!(pages)),
        ("has_more".to_owned(), json!(paging.page < pages)),
        ("api_key_limit".to_owned(), json!(exceeded.then_some(MOST_NAMES))),
    ]);
    Ok(json!({ "results": results, "metadata": metadata }))
}

/// Adds the keys with the highest spend. Returns whether there are more.
async fn add_keys(
    app: &App,
    activity: &Activity,
    range: Days,
    days: &mut BTreeMap<i64, (Sums, Breakdown)>,
) -> Result<bool, ApiError> {
    // Keys are not known by tag.
    if activity.scope == Scope::Tag {
        return Ok(false);
    }
    let within = |query: UsageQuery| UsageQuery { from: range.from, before: range.before, ..query };
    let is_organization = activity.scope == Scope::Organization;
    let by_key = if is_organization { By::Token } else { By::Name };
    let top = app.store.usage(&within(activity.keys()).by(&[by_key]).limit(MOST_NAMES + 1)).await?;
    let exceeded = top.len() > MOST_NAMES as usize;
    let tokens: Vec<_> = top.into_iter().take(MOST_NAMES as usize).flat_map(|row| row.of).collect();
    let names = usage::keys(&app.store, tokens.iter()).await?;
    // The name is the organization.
    let owner = if is_organization { By::Name } else { By::User };
    let by = [By::Time, by_key, By::ModelGroup, By::Model, By::Mode, By::Team, owner];
    let rows = app.store.usage(&within(activity.keys()).by(&by).only(by_key, tokens)).await?;
    for row in rows {
        let Ok([token, group, model, mode, team, user]) = <[String; 6]>::try_from(row.of) else { continue };
        if activity.scope == Scope::Team && (team.is_empty() || activity.without.contains(&team)) {
            continue;
        }
        if is_organization && activity.without.contains(&user) {
            continue;
        }
        let Some((_, breakdown)) = days.get_mut(&row.at) else { continue };
        let entity = if activity.scope == Scope::Team { team } else { user };
        breakdown.add_key(&token, names.get(&token), [&group, &model, &mode], &entity, &row.sums);
    }
    Ok(exceeded)
}

/// Adds the users, teams, tags or organizations with the highest spend.
async fn add_entities(
    app: &App,
    activity: &Activity,
    range: Days,
    days: &mut BTreeMap<i64, (Sums, Breakdown)>,
) -> Result<(), ApiError> {
    // Those of a key were added with it.
    if activity.token.is_some() || matches!(activity.sight, Sight::Key(_)) {
        return Ok(());
    }
    let mut query = activity.of_model(range.query(activity.scope));
    if let Some((_, names)) = &activity.names {
        query = query.only(By::Name, names.clone());
    }
    let top = app.store.usage(&query.clone().by(&[By::Name]).limit(MOST_NAMES)).await?;
    let names: Vec<_> = top.into_iter().flat_map(|row| row.of).collect();
    let aliases = match activity.scope {
        Scope::Team => usage::team_aliases(&app.store, names.iter()).await?,
        Scope::Organization => usage::organization_aliases(&app.store, names.iter()).await?,
        _ => BTreeMap::new(),
    };
    let alias_field = if activity.scope == Scope::Organization { "organization_alias" } else { "team_alias" };
    for row in app.store.usage(&query.by(&[By::Time, By::Name]).only(By::Name, names)).await? {
        let name = row.of.into_iter().next().unwrap_or_default();
        if activity.without.contains(&name) {
            continue;
        }
        if let Some((_, breakdown)) = days.get_mut(&row.at) {
            breakdown.add_entity(&name, (alias_field, aliases.get(&name)), &row.sums);
        }
    }
    Ok(())
}
