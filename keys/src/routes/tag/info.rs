//! `POST /tag/info`: returns tags by name.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::schema::show;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds, read, texts};
use crate::rights::Allowed;
use crate::routes::shared_budget;
use crate::store::Kind;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "names", kind: Holds::TextList }];

/// Returns the named tags that exist, by name.
pub async fn info(State(app): State<App>, _: Allowed, Object(body): Object) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let named: Vec<_> = texts(&sent, "names").into_iter().map(|name| (Kind::Tag, name)).collect();
    let tags = app.store.accounts(&named).await?;
    if tags.is_empty() {
        return Err(ApiError::missing("No tags found"));
    }
    let mut shown = Map::new();
    for tag in tags {
        let budget = shared_budget::of(&app, &tag).await?;
        shown.insert(tag.id.clone(), show(&tag, budget.as_ref()));
    }
    Ok(Json(Value::Object(shown)))
}
