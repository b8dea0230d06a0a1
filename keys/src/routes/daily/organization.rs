//! `GET /organization/daily/activity`: of all organizations, or of some. Administrators of organizations see theirs.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::activity::{self, Activity, Paging};
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject};
use crate::store::{By, Scope};
use crate::usage::Sight;

/// A page of days.
pub async fn pages(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    caller.might(Operation::OrganizationDailyActivity)?;
    let mut organizations = query.texts("organization_ids");
    for id in &organizations {
        let whose = caller.relation_to_organization(&app, id).await?;
        caller.may(&app, Operation::OrganizationDailyActivity, whose, Subject::organization(id)).await?;
    }
    if organizations.is_empty() && !caller.views_all() {
        let places = app.store.organizations_of(caller.user_id().unwrap_or_default()).await?;
        let led = places.into_iter().filter(crate::store::AccountRow::administers);
        organizations.extend(led.filter_map(|place| place.organization_id));
        // A list that is empty must not stand for all organizations.
        organizations.push(String::new());
    }
    let mut activity = Activity::of(&query, Scope::Organization, Sight::All)?;
    if !organizations.is_empty() {
        activity.names = Some((By::Name, organizations));
    }
    activity.without = query.texts("exclude_organization_ids");
    activity::show(&app, activity, Paging::of(&query)?).await.map(Json)
}
