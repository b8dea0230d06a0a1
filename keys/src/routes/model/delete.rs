//! `POST /model/delete`: deletes a model of the database.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::team;
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds, read, required};
use crate::rights::Operation;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "id", kind: Holds::Text }];

/// Deletes the model, and answers when no Envoy serves it.
pub async fn delete(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let id = required(&sent, "id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let row = app.store.stored_model(id).await?;
    let team_id = row.as_ref().and_then(|row| team::of(&row.info));
    team::check_rights(&app, &caller, Operation::ModelDelete, team_id).await?;
    if !app.control.stores_models() {
        return Err(ApiError::models_not_stored());
    }
    let params = row.as_ref().and_then(|row| app.control.open(row)).map(|model| model.params);
    let params = params.unwrap_or_default();
    let before = row.as_ref().map(|row| (row, &params));
    let version = app.store.delete_model(id, before).await?;
    let (Some(row), Some(version)) = (row, version) else {
        return Err(ApiError::model_not_in_database(id));
    };
    app.control.await_models(version).await;
    let by = caller.name();
    team::unlist(&app, &row, &by).await?;
    tracing::info!(model = id, by, "model deleted");
    Ok(Json(json!({ "message": format!("Model: {id} deleted successfully") })))
}
