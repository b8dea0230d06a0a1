//! `/model/…`: models in the database, next to those of `config.yaml`.

pub mod delete;
pub mod new;
pub(super) mod paths;
pub(super) mod team;
pub mod update;

use serde_json::{Map, Value, json};
use switchboard_compile::config::is_secret_option;

use crate::app::App;
use crate::clock;
use crate::control::{Outcome, StoredModel};
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds};
use crate::store::ModelRow;

/// Fields of `/model/new`, `/model/update` and `/model/{model_id}/update`.
pub const FIELDS: [Field; 3] = [
    Field { name: "model_name", kind: Holds::Text },
    Field { name: "litellm_params", kind: Holds::Map },
    Field { name: "model_info", kind: Holds::Map },
];

/// Words in the names of parameters that are secret or may contain secrets.
const SECRET_WORDS: [&str; 7] = ["key", "token", "secret", "password", "credential", "headers", "auth"];

/// Fields of `model_info` that the service sets.
const OWN_INFO: [&str; 4] = ["db_model", "created_at", "updated_at", "created_by"];

/// A model as returned to clients: without secrets, which are only readable by the key service.
fn show(row: &ModelRow, model: &StoredModel) -> Value {
    let is_shown =
        |name: &str| !is_secret_option(name) && SECRET_WORDS.iter().all(|word| !name.contains(word));
    let params: Map<_, _> = model
        .params
        .iter()
        .filter(|(name, _)| is_shown(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    json!({
        "model_id": row.id,
        "model_name": row.name,
        "litellm_params": params,
        "model_info": model.info,
        "created_at": row.created_at.to_string(),
        "created_by": row.created_by,
        "updated_at": row.updated_at.to_string(),
        "updated_by": row.updated_by,
    })
}

/// The object in a field, without nulls.
fn object(sent: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    let object = sent.get(name)?.as_object()?;
    Some(object.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect())
}

/// Removes the fields of `model_info` that the service sets.
fn remove_own(info: &mut Map<String, Value>) {
    for name in OWN_INFO {
        info.shift_remove(name);
    }
}

/// Stores a changed model, and waits until Envoys use it; a model that Envoy rejects is as before.
async fn replace(
    app: &App,
    before: &ModelRow,
    mut model: StoredModel,
    by: &str,
) -> Result<(ModelRow, StoredModel), ApiError> {
    remove_own(&mut model.info);
    let old = app.control.open(before).map(|opened| opened.params).unwrap_or_default();
    app.control.check(&model).await.map_err(ApiError::invalid_model)?;
    let now = clock::now();
    let mut after = ModelRow {
        name: model.name.clone(),
        params: app
            .control
            .seal(&model)
            .ok_or_else(|| ApiError::invalid_model("cannot encrypt the model"))?,
        info: model.info.clone(),
        rejected: None,
        updated_at: now,
        updated_by: by.to_owned(),
        ..before.clone()
    };
    after.version = app
        .store
        .replace_model((before, &old), (&after, &model.params))
        .await?
        .ok_or_else(ApiError::model_conflict)?;
    if let Some(why) = rejection(app, &after).await? {
        let current = app.store.stored_model(&after.id).await?;
        let version = current.map_or(after.version, |row| row.version);
        let undone = ModelRow { version, ..before.clone() };
        app.store.replace_model((&after, &model.params), (&undone, &old)).await?;
        return Err(ApiError::invalid_model(format!("Envoy rejects the model: {why}")));
    }
    tracing::info!(model = after.id, by, "model updated");
    Ok((after, model))
}

/// Waits until Envoys use a model. Returns why an Envoy has rejected it, if one has.
async fn rejection(app: &App, row: &ModelRow) -> Result<Option<String>, ApiError> {
    /// How often the mark in the database is looked for.
    const LOOKS: u32 = 20;
    if app.control.await_models(row.version).await != Outcome::Rejected {
        let stored = app.store.stored_model(&row.id).await?;
        return Ok(stored.and_then(|stored| stored.rejected));
    }
    for _ in 0..LOOKS {
        let stored = app.store.stored_model(&row.id).await?;
        if let Some(why) = stored.and_then(|stored| stored.rejected) {
            return Ok(Some(why));
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // Another change was rejected.
    Ok(None)
}
