//! `GET /key/aliases`: lists key aliases, paginated.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::list::restrict;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::store::{KeyFilter, KeyPage, Order};

/// Lists the aliases of the caller's keys and of its teams' keys, in alphabetical order.
pub async fn aliases(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    caller.may(&app, Operation::KeyAliases, Whose::Anything, Subject::default()).await?;
    let page = query.count("page", 1, 1, u64::from(u32::MAX))?;
    let size = query.count("size", 50, 1, 100)?;
    let mut filter = KeyFilter {
        search: query.owned("search"),
        team_id: query.owned("team_id"),
        with_alias: true,
        ..KeyFilter::default()
    };
    restrict(&app, &caller, &mut filter, |_| true).await?;
    let order = Order { column: "key_alias", descending: false };
    let KeyPage { keys, total, .. } = app.store.key_page(&filter, order, page, size).await?;
    let aliases: Vec<_> = keys.into_iter().filter_map(|key| key.key_alias).collect();
    Ok(Json(json!({
        "aliases": aliases,
        "total_count": total,
        "current_page": page,
        "total_pages": total.div_ceil(size),
        "size": size,
    })))
}
