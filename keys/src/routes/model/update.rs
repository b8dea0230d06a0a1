//! `POST /model/update` and `PATCH /model/{model_id}/update`: change a model of the database. Fields that are not sent stay
//! unchanged.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value};

use super::{FIELDS, object, replace, show, team};
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::control::StoredModel;
use crate::error::ApiError;
use crate::fields::read;
use crate::rights::Operation;
use crate::store::ModelRow;

/// Parameters that `null` removes. For others, `null` means no change.
const CLEARABLE: [&str; 5] = [
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "litellm_credential_name",
];

/// Changes the model whose id is in `model_info`.
pub async fn update(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let mut sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let info = sent.remove("model_info").filter(|info| !info.is_null());
    let info = info.ok_or_else(|| ApiError::model_update("model_info not provided"))?;
    let id = info.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| ApiError::model_update("model_info.id not provided"))?;
    let Some(row) = permitted(&app, &caller, id).await? else {
        return Err(if app.control.has_deployment(id) {
            ApiError::model_in_config()
        } else {
            ApiError::model_update("model not found")
        });
    };
    if !app.control.stores_models() {
        return Err(ApiError::models_not_stored());
    }
    if object(&sent, "litellm_params").is_none() {
        return Err(ApiError::model_update("litellm_params not provided"));
    }
    change(&app, &caller, &row, &sent).await
}

/// Changes the model whose id is in the path.
pub async fn patch(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let row = permitted(&app, &caller, &id).await?;
    if !app.control.stores_models() {
        return Err(ApiError::only_stored_models());
    }
    match row {
        Some(row) => change(&app, &caller, &row, &sent).await,
        None if app.control.has_deployment(&id) => Err(ApiError::config_based_model()),
        None => Err(ApiError::model_not_on_proxy(&id)),
    }
}

/// The model, if there is one. Rejects a caller who may not change it.
async fn permitted(app: &App, caller: &Caller, id: &str) -> Result<Option<ModelRow>, ApiError> {
    let row = app.store.stored_model(id).await?;
    let team_id = row.as_ref().and_then(|row| team::of(&row.info));
    team::check_rights(app, caller, Operation::ModelUpdate, team_id).await?;
    Ok(row)
}

async fn change(
    app: &App,
    caller: &Caller,
    row: &ModelRow,
    sent: &Map<String, Value>,
) -> Result<Json<Value>, ApiError> {
    let by = caller.name();
    let opened = app.control.open(row).ok_or_else(|| {
        ApiError::invalid_model("the model was encrypted with another key; delete it, and add it again")
    })?;
    let mut model = merged(opened, sent);
    team::check_credentials(app, caller, &model).await?;
    team::rename(app, caller, row, &mut model).await?;
    let (after, model) = replace(app, row, model, &by).await?;
    team::list(app, &after.info, &by).await?;
    team::unlist(app, row, &by).await?;
    Ok(Json(show(&after, &model)))
}

fn merged(mut model: StoredModel, sent: &Map<String, Value>) -> StoredModel {
    if let Some(name) = sent.get("model_name").and_then(Value::as_str) {
        name.clone_into(&mut model.name);
    }
    model.params.extend(object(sent, "litellm_params").unwrap_or_default());
    let cleared = sent.get("litellm_params").and_then(Value::as_object).into_iter().flatten();
    for (name, _) in cleared.filter(|(name, value)| value.is_null() && CLEARABLE.contains(&name.as_str())) {
        model.params.shift_remove(name);
        model.info.shift_remove(name);
    }
    let mut info = object(sent, "model_info").unwrap_or_default();
    // The id never changes, and the other follows `model_name`.
    for name in ["id", "team_public_model_name"] {
        info.shift_remove(name);
    }
    model.info.extend(info);
    model
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_sent_stays_and_null_removes_a_price_only() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let model = StoredModel {
            id: "a".to_owned(),
            version: 1,
            name: "m".to_owned(),
            params: map(json!({"model": "openai/a", "api_key": "k", "input_cost_per_token": 1.0})),
            info: map(json!({"id": "a", "mode": "chat"})),
        };
        let sent = map(json!({
            "litellm_params": {"api_key": null, "input_cost_per_token": null, "rpm": 3},
            "model_info": {"id": "b", "team": "x"},
        }));
        let merged = merged(model, &sent);
        assert_eq!(Value::from(merged.params), json!({"model": "openai/a", "api_key": "k", "rpm": 3}));
        assert_eq!(Value::from(merged.info), json!({"id": "a", "mode": "chat", "team": "x"}));
        assert_eq!(merged.name, "m");
    }
}
