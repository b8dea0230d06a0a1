//! Models of teams: who may change them, their names, and the team's list of models.

use serde_json::{Map, Value};
use switchboard_compile::config::{Team, is_credential_option};

use crate::app::App;
use crate::auth::Caller;
use crate::control::StoredModel;
use crate::error::ApiError;
use crate::rights::{Operation, Subject, Whose};
use crate::store::{Kind, ModelRow};

/// `models` of a team that may use all.
const ALL: &str = "all-proxy-models";

/// `models` of a team that may use none.
const NONE: &str = "no-default-models";

/// `model_info.team_id`
pub(super) fn of(info: &Map<String, Value>) -> Option<&str> {
    text(info, "team_id")
}

fn text<'i>(info: &'i Map<String, Value>, name: &str) -> Option<&'i str> {
    info.get(name).and_then(Value::as_str)
}

/// Rejects a caller who may not do this to models of the team, or, without a team, to models of all.
pub(super) async fn check_rights(
    app: &App,
    caller: &Caller,
    operation: Operation,
    team_id: Option<&str>,
) -> Result<(), ApiError> {
    let Some(team_id) = team_id else {
        return caller.may(app, operation, Whose::Anything, Subject::default()).await;
    };
    if app.store.account(Kind::Team, team_id).await?.is_none() {
        // The model of a deleted team can still be changed by administrators.
        caller.may(app, operation, Whose::OtherTeam, Subject::team(team_id)).await?;
        return if operation == Operation::ModelNew {
            Err(ApiError::no_team_for_model(team_id))
        } else {
            Ok(())
        };
    }
    let whose = caller.relation_to_team(app, team_id).await?;
    caller.may(app, operation, whose, Subject::team(team_id)).await
}

/// Rejects a model with which a team's administrator would use the gateway's credentials, or send them to an address of their
/// choice, or reach the gateway's own network.
pub(super) async fn check_credentials(
    app: &App,
    caller: &Caller,
    model: &StoredModel,
) -> Result<(), ApiError> {
    if caller.is_admin() {
        return Ok(());
    }
    if model.params.get("api_key").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(ApiError::not_own_credential("api_key", "is missing"));
    }
    for (name, value) in &model.params {
        if is_credential_option(name) {
            return Err(ApiError::not_own_credential(name, "is not allowed"));
        }
        if has_reference(value) {
            return Err(ApiError::not_own_credential(name, "must not contain `os.environ/`"));
        }
    }
    for name in ADDRESSES {
        if let Some(url) = text(&model.params, name)
            && !app.media.permits(url).await
        {
            return Err(ApiError::not_public(name));
        }
    }
    Ok(())
}

/// Parameters with the address of a provider.
const ADDRESSES: [&str; 3] = ["api_base", "base_url", "aws_bedrock_runtime_endpoint"];

fn has_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with("os.environ/"),
        Value::Array(values) => values.iter().any(has_reference),
        Value::Object(values) => values.values().any(has_reference),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Gives a model of a team its public and its unique name.
pub(super) fn name(model: &mut StoredModel, public_name: &str) {
    let Some(id) = of(&model.info).map(str::to_owned) else { return };
    let team = Team { id, public_name: public_name.to_owned() };
    model.name = team.model_name();
    model.info.insert("team_public_model_name".to_owned(), team.public_name.into());
}

/// The same for a changed model. Its team stays; a model of all may be given to one.
pub(super) async fn rename(
    app: &App,
    caller: &Caller,
    before: &ModelRow,
    model: &mut StoredModel,
) -> Result<(), ApiError> {
    let Some(team_id) = of(&model.info) else { return Ok(()) };
    match of(&before.info) {
        Some(own) if own != team_id => return Err(ApiError::model_stays()),
        Some(_) => {}
        None => check_rights(app, caller, Operation::ModelNew, Some(team_id)).await?,
    }
    // A client may send the unique name back.
    let own = text(&before.info, "team_public_model_name").filter(|_| model.name == before.name);
    let public_name = own.unwrap_or(&model.name).to_owned();
    name(model, &public_name);
    Ok(())
}

/// Lists a model in `models` of its team, as `LiteLLM` does, so that it can be seen there. Access does not depend on it.
pub(super) async fn list(app: &App, info: &Map<String, Value>, by: &str) -> Result<(), ApiError> {
    let (Some(team_id), Some(public_name)) = (of(info), text(info, "team_public_model_name")) else {
        return Ok(());
    };
    change_list(app, team_id, by, |models| {
        if models.is_empty() {
            models.push(ALL.to_owned());
        }
        if models.iter().all(|known| known != public_name) {
            models.push(public_name.to_owned());
        }
    })
    .await
}

/// Removes a model that was deleted or renamed from the list, unless the team has another deployment of it.
pub(super) async fn unlist(app: &App, gone: &ModelRow, by: &str) -> Result<(), ApiError> {
    let (Some(team_id), Some(public_name)) = (of(&gone.info), text(&gone.info, "team_public_model_name"))
    else {
        return Ok(());
    };
    let (_, models) = app.store.stored_models().await?;
    if models.iter().any(|other| other.name == gone.name) {
        return Ok(());
    }
    change_list(app, team_id, by, |models| {
        let had = !models.is_empty();
        models.retain(|known| known != public_name);
        // An empty list would permit every model.
        if had && models.is_empty() {
            models.push(NONE.to_owned());
        }
    })
    .await
}

async fn change_list(
    app: &App,
    team_id: &str,
    by: &str,
    change: impl FnOnce(&mut Vec<String>),
) -> Result<(), ApiError> {
    app.store
        .update_account(Kind::Team, team_id, by, |team| {
            let mut models = team.strings("models");
            change(&mut models);
            team.settings.insert("models".to_owned(), models.into());
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(())
}

/// Deletes the models of deleted teams, which no key can use any more.
pub(in crate::routes) async fn delete_all(app: &App, team_ids: &[String]) -> Result<(), ApiError> {
    let (_, models) = app.store.stored_models().await?;
    let is_theirs =
        |model: &&ModelRow| of(&model.info).is_some_and(|team| team_ids.iter().any(|id| id == team));
    for model in models.iter().filter(is_theirs) {
        let params = app.control.open(model).map(|opened| opened.params).unwrap_or_default();
        app.store.delete_model(&model.id, Some((model, &params))).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_to_a_variable_is_found_at_any_depth() {
        assert!(has_reference(&json!("os.environ/OPENAI_API_KEY")));
        assert!(has_reference(&json!({"x-key": ["a", {"b": "os.environ/K"}]})));
        assert!(!has_reference(&json!({"x-key": "a os.environ/K", "n": 1})));
    }

    #[test]
    fn a_model_of_a_team_has_a_unique_name_for_each_team_and_public_name() {
        let unique = |team: &str, public: &str| {
            let info = json!({"team_id": team}).as_object().cloned().unwrap();
            let mut model = StoredModel {
                id: "i".to_owned(),
                version: 0,
                name: "m".to_owned(),
                params: Map::new(),
                info,
            };
            name(&mut model, public);
            assert_eq!(model.info["team_public_model_name"], public);
            model.name
        };
        assert_eq!(unique("a", "m"), unique("a", "m"));
        assert_ne!(unique("a", "b_m"), unique("a_b", "m"));
        assert!(unique("a", "openai/*").starts_with("model_name_a_"));
        assert!(unique("a", "openai/*").ends_with("openai/*"));
    }
}
