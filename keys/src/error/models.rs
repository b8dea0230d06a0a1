//! Errors of `/model/…`, with `LiteLLM`'s statuses, types and messages.

use axum::http::StatusCode;

use super::ApiError;
use super::python::text as python_str;

impl ApiError {
    /// The operator has not enabled stored models.
    pub fn models_not_stored() -> Self {
        let message = "Set `'STORE_MODEL_IN_DB='True'` in your env to enable this feature.";
        Self::model(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// The model is in `config.yaml`: `/model/update`.
    pub fn model_in_config() -> Self {
        let message = "Can't edit model. Model in config. Store model in db via `/model/new`. to edit.";
        Self::model(StatusCode::BAD_REQUEST, message)
    }

    /// The model is in `config.yaml`: `/model/{model_id}/update`.
    pub fn config_based_model() -> Self {
        let message = "Cannot edit config-based model. Store model in DB via /model/new first.";
        Self::envelope(StatusCode::BAD_REQUEST, "validation_error", message, None)
    }

    /// `/model/{model_id}/update`: stored models are not enabled.
    pub fn only_stored_models() -> Self {
        let message = "Model updates only supported for DB-stored models";
        Self::envelope(StatusCode::BAD_REQUEST, "validation_error", message, None)
    }

    /// `/model/{model_id}/update`: there is no such model.
    pub fn model_not_on_proxy(id: &str) -> Self {
        let message = format!("Model {id} not found on proxy.");
        Self::envelope(StatusCode::NOT_FOUND, "not_found_error", message, None)
    }

    /// `/model/delete`: there is no such model.
    pub fn model_not_in_database(id: &str) -> Self {
        Self::model(StatusCode::BAD_REQUEST, &format!("Model with id={id} not found in db"))
    }

    /// A field is missing, or the model does not exist: `/model/update`.
    pub fn model_update(message: &str) -> Self {
        let message = format!("Authentication Error, {message}");
        Self::envelope(StatusCode::BAD_REQUEST, "auth_error", message, Some("None"))
    }

    /// The model is not valid, or Envoy rejects it.
    pub fn invalid_model(message: impl Into<String>) -> Self {
        Self::envelope(StatusCode::BAD_REQUEST, "validation_error", message, Some("litellm_params"))
    }

    /// The model was changed by another request in the meantime.
    pub fn model_conflict() -> Self {
        let message = "the model was changed by another request at the same time; repeat yours";
        Self::envelope(StatusCode::CONFLICT, "validation_error", message, None)
    }

    /// The team of a new or changed model does not exist.
    pub fn no_team_for_model(team_id: &str) -> Self {
        Self::model(StatusCode::BAD_REQUEST, &format!("Team id={team_id} does not exist in db"))
    }

    /// A model of a team stays with it.
    pub fn model_stays() -> Self {
        let message = "Cannot reassign a model to a different team.";
        Self::envelope(StatusCode::FORBIDDEN, "auth_error", message, Some("model_info.team_id"))
    }

    /// Only proxy administrators may use the gateway's credentials in a model.
    pub fn not_own_credential(param: &str, problem: &str) -> Self {
        let message = format!(
            "litellm_params.{param} {problem}. Models of team admins need their own `api_key`; a proxy admin can add models \
             with the gateway's credentials"
        );
        Self::envelope(StatusCode::FORBIDDEN, "auth_error", message, Some("litellm_params"))
    }

    /// Only proxy administrators may add models in the gateway's own network.
    pub fn not_public(param: &str) -> Self {
        let message = format!(
            "litellm_params.{param} does not lead to a public address. A proxy admin can add the model, or list its host in \
             user_url_allowed_hosts"
        );
        Self::envelope(StatusCode::FORBIDDEN, "auth_error", message, Some("litellm_params"))
    }

    fn model(status: StatusCode, message: &str) -> Self {
        let dictionary = format!("{{'error': {}}}", python_str(message));
        Self::envelope(status, "auth_error", dictionary, Some("None"))
    }
}
