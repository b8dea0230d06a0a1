//! Logging in with an `OpenID` Connect provider: the authorization code flow with PKCE.
//!
//! `settings` are `LiteLLM`'s variables for generic single sign-on, `provider` talks to the provider, and `provision` creates and
//! updates the user. The claims come from the provider's userinfo endpoint, which this service calls itself over TLS, so that no
//! signature has to be verified.

mod pending;
mod provider;
mod provision;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::login::failed;
use super::{gateway, page, visit};
use crate::app::App;
use crate::query::Query;
use crate::sso::Settings;

use pending::Pending;

/// Why somebody cannot log in.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The provider or this service does not work.
    Unavailable(String),
    /// The person may not log in, or this is not the browser that began.
    Rejected(String),
}

/// `GET /ui/sso/login`: leads to the provider.
pub(super) async fn begin(State(app): State<App>, headers: HeaderMap, query: Query) -> Response {
    let Some(settings) = &app.sso else { return Redirect::to("/ui/login").into_response() };
    let next = gateway::own_page(query.text("next").unwrap_or("/ui"));
    let pending = Pending::random(next);
    let address = settings.login_address(&pending.state, &pending.challenge(), &callback(settings, &headers));
    ([(header::SET_COOKIE, pending.set(&headers))], Redirect::to(&address)).into_response()
}

/// Where the provider leads back to.
fn callback(settings: &Settings, headers: &HeaderMap) -> String {
    let base = settings.base_url.clone().unwrap_or_else(|| gateway::address(headers));
    format!("{base}/ui/sso/callback")
}

/// `GET /ui/sso/callback`: the provider has led back here.
pub(super) async fn end(State(app): State<App>, headers: HeaderMap, query: Query) -> Response {
    let Some(settings) = &app.sso else { return Redirect::to("/ui/login").into_response() };
    let pending = Pending::of(&headers);
    let next = pending.as_ref().map_or_else(|| "/ui".to_owned(), |pending| pending.next.clone());
    let mut response = match log_in(&app, settings, &headers, &query, pending.as_ref()).await {
        Ok(session) => {
            // A redirect would still count as one by the provider's site, and not have the cookie.
            let mut response = page::again(&next);
            response.headers_mut().append(header::SET_COOKIE, session);
            response
        }
        Err(Refusal::Unavailable(why)) => {
            tracing::warn!(why, "single sign-on does not work");
            failed(
                &app,
                StatusCode::BAD_GATEWAY,
                &next,
                "Single sign-on does not work at the moment. The key service's log has the reason.",
            )
        }
        Err(Refusal::Rejected(why)) => {
            tracing::warn!(why, "a login by single sign-on is rejected");
            failed(&app, StatusCode::FORBIDDEN, &next, &why)
        }
    };
    response.headers_mut().append(header::SET_COOKIE, pending::unset(&headers));
    response
}

async fn log_in(
    app: &App,
    settings: &Settings,
    headers: &HeaderMap,
    query: &Query,
    pending: Option<&Pending>,
) -> Result<HeaderValue, Refusal> {
    let rejected = |why: &str| Refusal::Rejected(why.to_owned());
    let state = query.text("state").unwrap_or_default();
    let pending = pending.filter(|pending| pending.began(state)).ok_or_else(|| {
        rejected("This login was not begun in this browser, or more than ten minutes ago. Log in again.")
    })?;
    if let Some(error) = query.text("error") {
        let more = query.text("error_description").unwrap_or("no further reason is given");
        return Err(Refusal::Rejected(format!("The login was refused: {error}: {more}")));
    }
    let code = query.text("code").ok_or_else(|| rejected("The provider has sent no code. Log in again."))?;
    let claims = provider::claims(settings, code, &pending.verifier, &callback(settings, headers)).await?;
    let user = provision::user(app, settings, &claims).await?;
    let session = visit::begin_user(app, &user).await;
    let session = session.map_err(|cause| Refusal::Unavailable(cause.to_string()))?;
    tracing::info!(user, "logged in by single sign-on");
    Ok(session.set(headers))
}
