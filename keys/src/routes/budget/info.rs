//! `POST /budget/info`: returns budgets by id.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::schema::show;
use crate::app::App;
use crate::body::Object;
use crate::error::{ApiError, Complaint};
use crate::fields::{Field, Kind as Holds, read, texts};
use crate::rights::Allowed;
use crate::store::Kind;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "budgets", kind: Holds::TextList }];

/// Returns the named budgets that exist.
pub async fn info(State(app): State<App>, _: Allowed, Object(body): Object) -> Result<Json<Value>, ApiError> {
    if !body.contains_key("budgets") {
        return Err(ApiError::invalid_body(&[Complaint {
            kind: "missing",
            loc: vec![json!("body"), json!("budgets")],
            msg: "Field required".to_owned(),
        }]));
    }
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let ids: Vec<_> = texts(&sent, "budgets").into_iter().map(|id| (Kind::Budget, id)).collect();
    if ids.is_empty() {
        return Err(ApiError::bad_request("Specify list of budget id's to query. Passed in=[]"));
    }
    let mut budgets = app.store.accounts(&ids).await?;
    budgets.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Json(budgets.iter().map(show).map(Value::Object).collect()))
}
