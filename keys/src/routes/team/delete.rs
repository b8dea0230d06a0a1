//! `POST /team/delete`: deletes teams, their keys and their models.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::existing;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds};
use crate::rights::Allowed;
use crate::routes::account::ids;
use crate::routes::model::team as models_of_teams;
use crate::store::Kind;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "team_ids", kind: Holds::TextList }];

/// Deletes all of the named teams, or none.
pub async fn delete(
    State(app): State<App>,
    _: Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let ids = ids(&FIELDS, body, "No team id passed in")?;
    for id in &ids {
        existing(&app, id).await?;
    }
    let deleted: Vec<_> =
        app.store.delete_accounts(Kind::Team, &ids).await?.into_iter().map(|team| team.id).collect();
    models_of_teams::delete_all(&app, &deleted).await?;
    tracing::info!(count = deleted.len(), "teams deleted");
    Ok(Json(json!({ "deleted_teams": deleted })))
}
