//! `POST /model/new`: adds a model.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::{FIELDS, object, rejection, remove_own, show, team};
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::clock;
use crate::control::StoredModel;
use crate::error::{ApiError, Complaint};
use crate::fields::{read, required};
use crate::rights::Operation;
use crate::store::ModelRow;
use crate::token::random_id;

/// Adds the model, and answers when Envoys use it.
pub async fn new(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let name = required(&sent, "model_name").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let params = object(&sent, "litellm_params").ok_or_else(|| missing(&["litellm_params"]))?;
    if !params.contains_key("model") {
        return Err(missing(&["litellm_params", "model"]));
    }
    let mut info = object(&sent, "model_info").unwrap_or_default();
    team::check_rights(&app, &caller, Operation::ModelNew, team::of(&info)).await?;
    if !app.control.stores_models() {
        return Err(ApiError::models_not_stored());
    }
    remove_own(&mut info);
    let id = info.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.map_or_else(random_id, str::to_owned);
    info.insert("id".to_owned(), id.clone().into());
    let mut model = StoredModel { id: id.clone(), version: 0, name: name.to_owned(), params, info };
    team::check_credentials(&app, &caller, &model).await?;
    team::name(&mut model, name);
    app.control.check(&model).await.map_err(ApiError::invalid_model)?;
    let taken = || ApiError::invalid_model(format!("a model with the id '{id}' already exists"));
    if app.control.has_deployment(&id) {
        return Err(taken());
    }
    let by = caller.name();
    let row = added(&app, &model, &by).await?.ok_or_else(taken)?;
    if let Some(why) = rejection(&app, &row).await? {
        app.store.delete_model(&id, Some((&row, &model.params))).await?;
        return Err(ApiError::invalid_model(format!("Envoy rejects the model: {why}")));
    }
    team::list(&app, &row.info, &by).await?;
    tracing::info!(model = id, by, "model added");
    Ok(Json(show(&row, &model)))
}

async fn added(app: &App, model: &StoredModel, by: &str) -> Result<Option<ModelRow>, ApiError> {
    let now = clock::now();
    let mut row = ModelRow {
        id: model.id.clone(),
        name: model.name.clone(),
        params: app.control.seal(model).ok_or_else(|| ApiError::invalid_model("cannot encrypt the model"))?,
        info: model.info.clone(),
        rejected: None,
        version: 0,
        created_at: now,
        created_by: by.to_owned(),
        updated_at: now,
        updated_by: by.to_owned(),
    };
    let version = app.store.insert_model(&row, &model.params).await?;
    Ok(version.map(|version| {
        row.version = version;
        row
    }))
}

fn missing(path: &[&str]) -> ApiError {
    let loc = std::iter::once("body").chain(path.iter().copied()).map(Value::from).collect();
    ApiError::invalid_body(&[Complaint { kind: "missing", loc, msg: "Field required".to_owned() }])
}
