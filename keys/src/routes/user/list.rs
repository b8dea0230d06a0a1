//! `GET /user/list`: lists users, paginated.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::schema::show;
use crate::app::App;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Allowed;
use crate::store::AccountFilter;

/// Lists users, newest first, with the number of their keys.
pub async fn list(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let page = query.count("page", 1, 1, u64::from(u32::MAX))?;
    let size = query.count("page_size", 25, 1, 100)?;
    let filter = AccountFilter {
        ids: query.texts("user_ids"),
        role: query.owned("role"),
        email: query.owned("user_email"),
        team_id: query.owned("team"),
    };
    let (users, total) = app.store.user_page(&filter, page, size).await?;
    let ids: Vec<_> = users.iter().map(|user| user.id.clone()).collect();
    let counts: HashMap<_, _> = app.store.key_counts(&ids).await?.into_iter().collect();
    let mut shown = Vec::new();
    for user in &users {
        let teams: Vec<_> =
            app.store.memberships(&user.id).await?.into_iter().filter_map(|place| place.team_id).collect();
        let mut user_shown = show(user, &teams);
        user_shown.insert("key_count".to_owned(), json!(counts.get(&user.id).copied().unwrap_or_default()));
        shown.push(user_shown);
    }
    Ok(Json(json!({
        "users": shown,
        "total": total,
        "page": page,
        "page_size": size,
        "total_pages": total.div_ceil(size),
    })))
}
