//! Parameters that requests must have.

use crate::json::Object;
use crate::openai::{ErrorBody, Request};

use super::head::unauthorized;
use super::origin::Origin;

/// Checks whether a request has these parameters: `user`, or `metadata.name` within an object.
///
/// # Errors
/// The first that is missing, in `LiteLLM`'s words.
pub(super) fn check_params<'p>(
    request: &Request<'_>,
    mut params: impl Iterator<Item = &'p String>,
) -> Result<(), ErrorBody> {
    let missing = |param: &&String| {
        let (name, within) =
            param.split_once('.').map_or((param.as_str(), None), |(name, within)| (name, Some(within)));
        match (request.object().get(name), within) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(object), Some(within)) => {
                let object = Object::parse(object.get().as_bytes()).ok();
                object.is_none_or(|object| object.get(within).is_none())
            }
        }
    };
    let Some(param) = params.find(missing) else { return Ok(()) };
    let shown = match param.split_once('.') {
        Some((name, within)) if request.object().get(name).is_some() => format!("[{name}][{within}]"),
        Some((name, _)) => name.to_owned(),
        None => param.clone(),
    };
    Err(ErrorBody::bad_request(format!(
        "BadRequest please pass param={shown} in request body. This is a required param"
    ))
    .about(shown))
}

/// Checks whether a request names its end user.
///
/// # Errors
/// It does not, in `LiteLLM`'s words.
pub(super) fn check_user(origin: &Origin) -> Result<(), ErrorBody> {
    if origin.end_user.is_empty() {
        let message = "Authentication Error, 'user' param not passed in. 'enforce_user_param'=True";
        return Err(unauthorized(message));
    }
    Ok(())
}
