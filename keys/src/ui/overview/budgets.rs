//! Budgets near their end.

use super::super::show::{Bar, Moment, usd};
use super::super::visit::Visit;
use crate::clock;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::store::{By, Scope, Spender, Unit, UsageQuery, hour_of};
use crate::usage::Sight;

/// The share of a budget from which it is shown.
const NEAR: f64 = 0.8;

/// Budgets in the table.
const MOST: usize = 10;

/// Keys that are looked at: those with the highest spend of the last days.
const MOST_KEYS: u32 = 500;

/// Days in which a key was used.
const DAYS: i64 = 7;

/// A row of the table.
#[derive(Debug)]
pub(super) struct BudgetView {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) link: Option<String>,
    pub(super) spend: String,
    pub(super) limit: String,
    pub(super) bar: Bar,
    pub(super) resets: Option<Moment>,
}

/// The budgets of keys that were used in the last days, and of users and teams.
pub(super) async fn read(visit: &Visit, sight: &Sight) -> Result<Vec<BudgetView>, ApiError> {
    let store = &visit.app.store;
    let today = Unit::Day.begin(hour_of(clock::now()));
    let lately = UsageQuery::new(Scope::Key, Unit::Day, today - DAYS * 24, Unit::Day.next(today));
    let used = store.usage(&sight.restrict(lately).by(&[By::Name]).limit(MOST_KEYS)).await?;
    let tokens: Vec<String> = used.into_iter().flat_map(|row| row.of).collect();
    let mut near = store.keys_near_budget(&tokens, NEAR).await?;
    match sight {
        Sight::All => near.extend(store.accounts_near_budget(None, NEAR).await?),
        Sight::User(of) => near.extend(store.accounts_near_budget(Some(of), NEAR).await?),
        Sight::Key(_) => {}
    }
    near.sort_by(|a, b| b.share().total_cmp(&a.share()));
    near.truncate(MOST);
    let lists_users = visit.might(Operation::UserList);
    Ok(near.into_iter().map(|spender| shown(spender, lists_users)).collect())
}

fn shown(spender: Spender, lists_users: bool) -> BudgetView {
    let query = |name: &str| -> String {
        let id = form_urlencoded::byte_serialize(spender.id.as_bytes()).collect::<String>();
        format!("/ui/keys?{name}={id}")
    };
    let (kind, link) = match spender.kind.as_str() {
        "key" => ("Key", Some(format!("/ui/keys/{}", spender.id))),
        "user" => ("User", lists_users.then(|| query("user"))),
        "team" => ("Team", Some(query("team"))),
        "gateway" => ("Gateway", None),
        _ => ("Budget", None),
    };
    BudgetView {
        kind,
        link,
        spend: usd(spender.spend.usd()),
        limit: usd(spender.max_budget),
        bar: Bar::of(spender.spend.usd(), spender.max_budget),
        resets: spender.resets_at.map(Moment::of),
        name: spender.name,
    }
}
