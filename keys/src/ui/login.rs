//! Logging in and out.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::page::{fault_text, html};
use super::posted::{self, Posted};
use super::{assets, cookie, gateway, visit};
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::login_attempts;
use crate::query::Query;

/// A longer one is no key.
const LONGEST_KEY: usize = 4_096;

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    next: &'a str,
    error: Option<String>,
    ended: bool,
    /// The page to log in with a provider, if that is set up.
    sso: Option<String>,
    style: &'static str,
    script: &'static str,
}

fn page(app: &App, status: StatusCode, next: &str, error: Option<String>, ended: bool) -> Response {
    let encoded = || form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
    let sso = app.sso.as_ref().map(|_| format!("/ui/sso/login?next={}", encoded()));
    let page = Login { next, error, ended, sso, style: assets::style(), script: assets::script() };
    (status, html(&page)).into_response()
}

/// `GET /ui/login`
pub(super) async fn show(State(app): State<App>, query: Query) -> Response {
    let next = gateway::own_page(query.text("next").unwrap_or("/ui"));
    page(&app, StatusCode::OK, next, None, query.has("ended"))
}

/// `POST /ui/login`
pub(super) async fn log_in(State(app): State<App>, request: Request) -> Response {
    let headers = request.headers().clone();
    let form = match posted::read(request).await {
        Ok(form) => form,
        Err(fault) => {
            let (status, text) = fault_text(fault);
            return page(&app, status, "/ui", Some(text.to_owned()), false);
        }
    };
    let next = gateway::own_page(form.text("next").unwrap_or("/ui"));
    let address = login_attempts::address(&headers);
    if let Some(wait) = app.attempts.wait(&address) {
        let seconds = wait.as_secs() + 1;
        let text = format!("Too many failed attempts. Try again in {seconds} seconds.");
        let mut response = page(&app, StatusCode::TOO_MANY_REQUESTS, next, Some(text), false);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        return response;
    }
    let key = form.text("key").unwrap_or_default().trim();
    if key.is_empty() || key.len() > LONGEST_KEY {
        return page(&app, StatusCode::BAD_REQUEST, next, Some("Enter a key.".to_owned()), false);
    }
    match visit::begin(&app, key).await {
        Ok(id) => {
            app.attempts.succeeded(&address);
            // The session that the browser had, if any, does not go on beside the new one.
            end(&app, &headers).await;
            ([(header::SET_COOKIE, id.set(&headers))], Redirect::to(next)).into_response()
        }
        Err(error) if error.status().is_server_error() => {
            page(&app, error.status(), next, Some(reason(&error)), false)
        }
        Err(error) => {
            app.attempts.failed(&address);
            tracing::warn!(address, "login to the console failed");
            page(&app, StatusCode::UNAUTHORIZED, next, Some(reason(&error)), false)
        }
    }
}

/// The login form after another way to log in has failed.
pub(super) fn failed(app: &App, status: StatusCode, next: &str, why: &str) -> Response {
    page(app, status, gateway::own_page(next), Some(why.to_owned()), false)
}

/// `POST /ui/logout`
pub(super) async fn log_out(Posted { visit, .. }: Posted) -> Response {
    end(&visit.app, &visit.headers).await;
    ([(header::SET_COOKIE, cookie::unset(&visit.headers))], Redirect::to("/ui/login")).into_response()
}

async fn end(app: &App, headers: &HeaderMap) {
    let Some(old) = cookie::SessionId::of(headers) else { return };
    if let Err(cause) = app.store.delete_session(&old.stored()).await {
        tracing::warn!(%cause, "a session of the console could not be deleted; it ends by itself");
    }
}

/// Says of a key that exists why it is rejected, and of one that does not only that.
fn reason(error: &ApiError) -> String {
    let unknown = ApiError::unknown_key().message();
    match error.message() {
        message if message == unknown => {
            "This key does not exist. Check that you copied all of it.".to_owned()
        }
        _ => error.plain().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" "),
    }
}

/// What the frame says of the caller.
pub(super) fn name_of(caller: &Caller) -> String {
    match caller {
        Caller::Admin => "Master key".to_owned(),
        Caller::Key { key, .. } => {
            key.user_id.clone().or_else(|| key.key_alias.clone()).unwrap_or_else(|| key.key_name.clone())
        }
    }
}
