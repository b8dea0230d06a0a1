//! `GET /global/activity/cache_hits`: requests whose prompts were read from a cache, by key, kind of call and model.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use switchboard::key::call_type;

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::store::{By, Scope};
use crate::usage::{Days, Sight, bare};

/// Rows in a response: those with the highest spend.
const MOST: u32 = 1_000;

/// Counts the requests with and without.
pub async fn cache_hits(
    State(app): State<App>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    caller.may(&app, Operation::GlobalActivity, Whose::Anything, Subject::default()).await?;
    let asked = Days::of(&query)?.query(Scope::Key).by(&[By::Name, By::Mode, By::Model]).limit(MOST);
    let rows = app.store.usage(&Sight::of(&caller).restrict(asked)).await?;
    let shown = rows.into_iter().filter_map(|row| {
        let [token, mode, model] = <[String; 3]>::try_from(row.of).ok()?;
        Some(json!({
            "api_key": token,
            "call_type": call_type(&mode),
            "model": bare(&model),
            "total_rows": row.sums.requests,
            "cache_hit_true_rows": row.sums.cache_hits,
            "cached_completion_tokens": 0,
            "generated_completion_tokens": row.sums.completion_tokens,
            "prompt_tokens": row.sums.prompt_tokens,
            "cache_read_input_tokens": row.sums.cached_tokens,
            "cache_creation_input_tokens": row.sums.cache_write_tokens,
        }))
    });
    Ok(Json(shown.collect()))
}
