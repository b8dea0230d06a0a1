//! `GET /key/list`: lists keys, paginated.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::schema;
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::store::{AccountRow, KeyFilter, KeyPage, Kind, Order, Status, member_id};
use crate::token::identified;

/// Columns to sort by.
pub const COLUMNS: [&str; 10] = [
    "spend",
    "max_budget",
    "created_at",
    "updated_at",
    "token",
    "key_alias",
    "expires",
    "last_active",
    "budget_reset_at",
    "total_spend",
];

/// Lists keys: all for an administrator; for a user, its own and those of the teams that it administers.
pub async fn list(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    Ok(Json(read(&app, caller, &query, false).await?.0))
}

/// The same, and whether there are more keys than it counts: with `counts_few`, those that a text matches are counted up to
/// [`KeyPage::COUNTED`].
pub async fn read(
    app: &App,
    caller: Caller,
    query: &Query,
    counts_few: bool,
) -> Result<(Value, bool), ApiError> {
    caller.may(app, Operation::KeyList, Whose::Anything, Subject::default()).await?;
    let page = query.count("page", 1, 1, u64::from(u32::MAX))?;
    let size = query.count("size", 10, 1, 100)?;
    let full = query.boolean("return_full_object", false)?;
    let mut filter = KeyFilter {
        user_id: query.owned("user_id"),
        team_id: query.owned("team_id"),
        organization_id: query.owned("organization_id"),
        token: query.text("key_hash").map(|key| identified(key).to_string()),
        key_alias: query.owned("key_alias"),
        text: query.owned("search"),
        status: match query.text("status") {
            None => None,
            Some("active") => Some(Status::Active),
            Some("expired") => Some(Status::Expired),
            Some("revoked") => Some(Status::Revoked),
            Some(other) => {
                return Err(ApiError::bad_request(format!(
                    "Invalid status '{other}'. Must be one of: active, expired, revoked"
                )));
            }
        },
        expired: match query.text("expires") {
            None => None,
            Some("active") => Some(false),
            Some("expired") => Some(true),
            Some(other) => {
                return Err(ApiError::bad_request(format!(
                    "Invalid expires '{other}'. Must be one of: active, expired"
                )));
            }
        },
        counts_few,
        ..KeyFilter::default()
    };
    restrict(app, &caller, &mut filter, AccountRow::administers).await?;
    let order = order(query)?;
    let (keys, total, is_more): (Vec<_>, _, _) = if full {
        let KeyPage { keys, total, is_more } = app.store.key_page(&filter, order, page, size).await?;
        let now = clock::now();
        (keys.iter().map(|key| Value::Object(schema::full_row(key, now))).collect(), total, is_more)
    } else {
        let KeyPage { keys, total, is_more } = app.store.token_page(&filter, order, page, size).await?;
        (keys.iter().map(|token| json!(token)).collect(), total, is_more)
    };
    let shown = json!({
        "keys": keys,
        "total_count": total,
        "current_page": page,
        "total_pages": total.div_ceil(size),
    });
    Ok((shown, is_more))
}

fn order(query: &Query) -> Result<Order, ApiError> {
    let column = query.text("sort_by").unwrap_or("created_at");
    let column = COLUMNS.into_iter().find(|known| *known == column).ok_or_else(|| {
        ApiError::bad_request(format!("Invalid sort column. Must be one of: {}", COLUMNS.join(", ")))
    })?;
    let descending = match query.text("sort_order").unwrap_or("desc").to_ascii_lowercase().as_str() {
        "asc" => false,
        "desc" => true,
        _ => return Err(ApiError::bad_request("Invalid sort order. Must be 'asc' or 'desc'")),
    };
    Ok(Order { column: if column == "expires" { "expires_at" } else { column }, descending })
}

/// Restricts the filter to the caller's own keys, and to those of teams in which it has that kind of
/// membership.
pub(super) async fn restrict(
    app: &App,
    caller: &Caller,
    filter: &mut KeyFilter,
    place: impl Fn(&AccountRow) -> bool,
) -> Result<(), ApiError> {
    if caller.views_all() {
        return Ok(());
    }
    let own = caller.user_id().ok_or_else(ApiError::no_user_id)?.to_owned();
    if filter.user_id.as_ref().is_some_and(|user| *user != own) {
        return Err(ApiError::not_listed("You are not authorized to check another user's keys", "user_id"));
    }
    if let Some(team) = &filter.team_id
        && app.store.account(Kind::TeamMember, &member_id(team, &own)).await?.is_none()
    {
        return Err(ApiError::not_listed("You are not authorized to check this team's keys", "team_id"));
    }
    let places = app.store.memberships(&own).await?;
    let places = places.into_iter().filter(place);
    filter.or_teams = places.filter_map(|place| place.team_id).collect();
    filter.user_id = Some(own);
    Ok(())
}
