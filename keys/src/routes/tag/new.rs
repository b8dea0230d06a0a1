//! `POST /tag/new`: creates a tag.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::schema::{FIELDS, show};
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::required;
use crate::rights::Allowed;
use crate::routes::account::apply;
use crate::routes::schema::read;
use crate::routes::shared_budget;
use crate::store::{AccountRow, Kind};

/// Creates a tag, with its own limits or with those of a budget.
pub async fn new(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body)?;
    let name = required(&sent, "name").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    shared_budget::check(&sent)?;
    let mut tag = AccountRow::new(Kind::Tag, name, &by);
    apply(&mut tag, &FIELDS, &sent)?;
    if !app.store.insert_account(&tag).await? {
        return Err(ApiError::bad_request(format!("Tag {name} already exists")));
    }
    tracing::info!(tag = name, "tag created");
    let budget = shared_budget::of(&app, &tag).await?;
    let message = format!("Tag {name} created successfully");
    Ok(Json(json!({"message": message, "tag": show(&tag, budget.as_ref())})))
}
