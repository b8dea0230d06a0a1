//! What a key may do. This is the only place that decides it; `limits` decides how much it may use.

use crate::config::Group;
use crate::inbound::{
    GENERATIVE_ROUTES, Language, MESSAGES, MESSAGES_ROUTES, is_generative, is_of_responses, native,
};
use crate::key::KeyRecord;
use crate::openai::ErrorBody;
use crate::route::{self, Route};
use crate::table::Table;

use super::Reply;
use super::date::timestamp;
use super::head::unauthorized;
use super::path::ApiPath;

/// Checks whether the key is valid now and may call this path.
///
/// # Errors
/// The rejection, in `LiteLLM`'s words.
pub(super) fn check(key: &KeyRecord, ask: &ApiPath, path: &str, now_ms: u64) -> Result<(), Reply> {
    check_alive(key, now_ms)?;
    if !key.allowed_routes.is_empty() && !key.allowed_routes.iter().any(|route| opens(route, ask, path)) {
        let allowed: Vec<_> = key.allowed_routes.iter().map(|route| format!("'{route}'")).collect();
        let message = format!(
            "Virtual key is not allowed to call this route. Only allowed to call routes: [{}]. Tried to call route: \
             {path}",
            allowed.join(", ")
        );
        return Err(Reply::detail(403, &message));
    }
    Ok(check_team(key)?)
}

fn check_alive(key: &KeyRecord, now_ms: u64) -> Result<(), ErrorBody> {
    if key.blocked {
        return Err(unauthorized(
            "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
        ));
    }
    let Some(expires_at) = key.expires_at else { return Ok(()) };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age are far below 2^53")]
    let now = now_ms as f64 / 1000.0;
    if now < expires_at {
        return Ok(());
    }
    let message = format!(
        "Authentication Error - Expired Key. Key Expiry time {} and current time {}",
        timestamp(expires_at),
        timestamp(now)
    );
    Err(ErrorBody::new(401, "expired_key", message).about(key.key_name.clone()))
}

fn check_team(key: &KeyRecord) -> Result<(), ErrorBody> {
    let Some(id) = &key.team_id else { return Ok(()) };
    let Some(team) = &key.team else {
        let message = format!("Team doesn't exist in db. Team={id}. Create team via `/team/new` call.");
        return Err(ErrorBody::new(404, "not_found_error", message));
    };
    if team.blocked {
        return Err(unauthorized(format!(
            "Authentication Error, Team={id} is blocked. Update via `/team/unblock` if you're an admin."
        )));
    }
    Ok(())
}

/// Whether an allowed route matches the path. It can be a path, which includes those below it, the beginning of paths with a
/// `*` after it, or the name of a group of routes.
fn opens(route: &str, ask: &ApiPath, path: &str) -> bool {
    match route {
        "llm_api_routes" => matches!(
            ask,
            ApiPath::Model { .. }
                | ApiPath::CountTokens { .. }
                | ApiPath::Models
                | ApiPath::ModelById(_)
                | ApiPath::GenerativeModels
                | ApiPath::GenerativeModelById(_)
                | ApiPath::StoredResponse(_)
        ),
        "openai_routes" => match ask {
            ApiPath::Model { language, .. } | ApiPath::CountTokens { language, .. } => {
                *language == native(language.operation()) || is_of_responses(*language)
            }
            ApiPath::Models | ApiPath::ModelById(_) | ApiPath::StoredResponse(_) => true,
            _ => false,
        },
        MESSAGES_ROUTES => match ask {
            ApiPath::Model { language, .. } | ApiPath::CountTokens { language, .. } => {
                *language == &MESSAGES as &dyn Language
            }
            _ => false,
        },
        GENERATIVE_ROUTES => ask.language().is_some_and(is_generative),
        "info_routes" => matches!(ask, ApiPath::ModelInfo | ApiPath::ModelInfoPage | ApiPath::ModelGroups),
        _ => route::covers_path(route, path),
    }
}

/// The model name to route: the key's alias for it, then its team's alias, then the name as sent.
pub(super) fn routed<'a>(key: &'a KeyRecord, model: &'a str) -> &'a str {
    let team = key.team.as_ref().map(|team| team.aliases.as_slice()).unwrap_or_default();
    let renamed = key.aliases.iter().chain(team).find(|(asked, _)| asked == model);
    renamed.map_or(model, |(_, served)| served)
}

/// The route of a model for a key. The models of the key's team come first; those of other teams do not exist for it.
pub(super) fn find<'m>(table: &Table, key: Option<&KeyRecord>, model: &'m str) -> Option<Route<'m>> {
    let route = table.routes.find_in(key.and_then(|key| key.team_id.as_deref()), model)?;
    let group = table.groups.get(route.group)?;
    key.is_none_or(|key| is_of_team(key, group)).then_some(route)
}

/// Whether the group belongs to the key's team, or to none.
fn is_of_team(key: &KeyRecord, group: &Group) -> bool {
    group.team_id.is_none() || group.team_id == key.team_id
}

/// Checks whether the key may use a model. `model` is the name as sent, `group` is its group if there is one,
/// and `wildcard` is what the group's `*` matched.
///
/// For a key's own alias, the model that it leads to is checked, as in `LiteLLM`, so that changing a key's aliases does
/// not give access to other models. A team's alias may also be permitted by its own name, because the team's
/// administrators decide on both.
///
/// # Errors
/// The rejection. It is the same for a model that does not exist, so that a restricted key learns nothing.
pub(super) fn check_model(
    key: &KeyRecord,
    model: &str,
    group: Option<&Group>,
    wildcard: Option<&str>,
) -> Result<(), ErrorBody> {
    let own = key.aliases.iter().find(|(asked, _)| asked == model);
    let asked = own.map_or(model, |(_, served)| served);
    check_names(key, model, [asked, routed(key, model)], group, wildcard)
}

/// The same for a fallback in the request, which is routed by its own name: aliases do not apply to it, so they do not
/// permit it either.
///
/// # Errors
/// As [`check_model`].
pub(super) fn check_fallback(
    key: &KeyRecord,
    model: &str,
    group: Option<&Group>,
    wildcard: Option<&str>,
) -> Result<(), ErrorBody> {
    check_names(key, model, [model, model], group, wildcard)
}

/// Checks whether every restriction of the key permits the group under one of these names.
fn check_names(
    key: &KeyRecord,
    model: &str,
    names: [&str; 2],
    group: Option<&Group>,
    wildcard: Option<&str>,
) -> Result<(), ErrorBody> {
    let covers = |models: &[String]| match group {
        Some(group) => {
            names.iter().any(|name| permits(models, name, group))
                // `gpt-4o` if the key may use `openai/gpt-4*`.
                || wildcard.is_some_and(|rest| permits(models, &group.public_name().replacen('*', rest, 1), group))
        }
        None => is_unrestricted(models),
    };
    // A team may use its own models, whatever others it may use.
    let is_own = group.is_some_and(|group| group.team_id.is_some());
    let mut restrictions = restrictions(key).filter(|(kind, _)| !(is_own && *kind == TEAM_DENIED));
    let Some((kind, _)) = restrictions.find(|(_, models)| !covers(models)) else { return Ok(()) };
    let message = format!(
        "The requested model '{model}' is not available for this API key, or the model name is invalid. Check the \
         models available to you and try again."
    );
    Err(ErrorBody::new(403, kind, message).about("model"))
}

/// Whether the model is visible to the key.
pub(super) fn may_use(key: &KeyRecord, model: &str, group: &Group) -> bool {
    is_of_team(key, group) && check_model(key, model, Some(group), None).is_ok()
}

/// The error type of a model that the key's team may not use.
const TEAM_DENIED: &str = "team_model_access_denied";

/// All restrictions on the key's models, each with the error type that it causes.
fn restrictions(key: &KeyRecord) -> impl Iterator<Item = (&'static str, &[String])> {
    let own = ("key_model_access_denied", key.models.as_slice());
    let team = key.team.as_ref().map(|team| (TEAM_DENIED, team.models.as_slice()));
    let user = ("user_model_access_denied", key.user_models.as_slice());
    let organization = ("org_model_access_denied", key.organization_models.as_slice());
    core::iter::once(own).chain(team).chain([user, organization])
}

fn permits(models: &[String], model: &str, group: &Group) -> bool {
    is_unrestricted(models)
        || models.iter().any(|allowed| {
            route::covers(allowed, model)
                || route::covers(allowed, group.public_name())
                || group.access_groups.contains(allowed)
        })
}

/// Whether every model is permitted.
fn is_unrestricted(models: &[String]) -> bool {
    let all = |name: &String| matches!(name.as_str(), "*" | "all-proxy-models" | "all-team-models");
    models.is_empty() || models.iter().any(all)
}
