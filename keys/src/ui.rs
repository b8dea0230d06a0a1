//! The console: pages for people, under `/ui`.
//!
//! Pages are rendered from templates (`keys/templates`) and need no JavaScript; `assets` has the style sheet and a script that
//! only adds comfort. Each page and each action calls the handler of the key API that does the same, as the holder of the session's
//! key, so that the console allows exactly what the API allows. `docs/console.md` describes it for users.

mod allowed;
mod assets;
mod audit;
mod budgets;
mod chart;
mod cookie;
mod directory;
mod fields;
mod form;
mod gateway;
mod keys;
mod login;
mod models;
mod overview;
mod page;
mod playground;
mod posted;
mod requests;
mod setup;
mod several;
mod shared_fields;
mod show;
mod snippets;
mod spent;
mod sso;
mod teams;
mod users;
mod visit;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};

use crate::app::App;

pub use visit::{IDLE, LIFE};

/// Nothing is loaded from elsewhere or written inline, and no other site may embed a page or receive a form.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The paths of the console.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/ui", get(overview::first))
        .route("/ui/overview", get(overview::show))
        .route("/ui/requests", get(requests::list::list))
        .route("/ui/requests/export", get(requests::export::export))
        .route("/ui/requests/{id}", get(requests::detail::show))
        .route("/ui/login", get(login::show).post(login::log_in))
        .route("/ui/sso/login", get(sso::begin))
        .route("/ui/sso/callback", get(sso::end))
        .route("/ui/logout", post(login::log_out))
        .route("/ui/keys", get(keys::list::list))
        .route("/ui/keys/new", get(keys::create::show).post(keys::create::create))
        .route("/ui/keys/selected", post(keys::several::act))
        .route("/ui/keys/{key}", get(keys::detail::show))
        .route("/ui/keys/{key}/edit", get(keys::edit::show).post(keys::edit::save))
        .route("/ui/keys/{key}/block", get(keys::block::confirm).post(keys::block::block))
        .route("/ui/keys/{key}/unblock", post(keys::block::unblock))
        .route("/ui/keys/{key}/rotate", get(keys::rotate::confirm).post(keys::rotate::rotate))
        .route("/ui/keys/{key}/delete", get(keys::delete::confirm).post(keys::delete::delete))
        .route("/ui/users", get(users::list::list))
        .route("/ui/users/selected", post(users::several::act))
        .route("/ui/users/new", get(users::change::show_new).post(users::change::create))
        .route("/ui/users/{user}", get(users::detail::show))
        .route("/ui/users/{user}/edit", get(users::change::show_edit).post(users::change::save))
        .route("/ui/users/{user}/delete", get(users::delete::ask).post(users::delete::delete))
        .route("/ui/teams", get(teams::list::list))
        .route("/ui/teams/selected", post(teams::several::act))
        .route("/ui/teams/new", get(teams::change::show_new).post(teams::change::create))
        .route("/ui/teams/{team}", get(teams::detail::show))
        .route("/ui/teams/{team}/edit", get(teams::change::show_edit).post(teams::change::save))
        .route("/ui/teams/{team}/block", get(teams::status::ask_block).post(teams::status::block))
        .route("/ui/teams/{team}/unblock", post(teams::status::unblock))
        .route("/ui/teams/{team}/delete", get(teams::status::ask_delete).post(teams::status::delete))
        .route("/ui/teams/{team}/members/new", get(teams::members::show_new).post(teams::members::add))
        .route("/ui/teams/{team}/members/edit", get(teams::members::show_edit).post(teams::members::save))
        .route(
            "/ui/teams/{team}/members/remove",
            get(teams::members::ask_remove).post(teams::members::remove),
        )
        .route("/ui/budgets", get(budgets::list::list))
        .route("/ui/budgets/selected", post(budgets::several::act))
        .route("/ui/budgets/new", get(budgets::change::show_new).post(budgets::change::create))
        .route("/ui/budgets/{budget}", get(budgets::detail::show))
        .route("/ui/budgets/{budget}/edit", get(budgets::change::show_edit).post(budgets::change::save))
        .route("/ui/budgets/{budget}/delete", get(budgets::delete::ask).post(budgets::delete::delete))
        .route("/ui/models", get(models::list::list))
        .route("/ui/models/new", get(models::change::show_new).post(models::change::create))
        .route("/ui/models/{id}", get(models::detail::show))
        .route("/ui/models/{id}/edit", get(models::change::show_edit).post(models::change::save))
        .route("/ui/models/{id}/delete", get(models::delete::ask).post(models::delete::delete))
        .route("/ui/playground", get(playground::show).post(playground::act))
        .route("/ui/setup", get(setup::show))
        .route("/ui/audit", get(audit::list::list))
        .route("/ui/audit/{id}", get(audit::detail::show))
        .route("/ui/{*other}", get(page::not_found))
        .layer(map_response(guarded))
        .route("/ui/assets/{file}", get(assets::serve))
}

/// Adds the headers that all pages have.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}
