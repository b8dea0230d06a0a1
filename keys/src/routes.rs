//! The public port: one file per path, in folders named like the paths.

pub mod account;
pub mod budget;
pub mod health;
pub mod key;
pub mod schema;
pub mod spend;
pub mod team;
pub mod user;

use axum::Router;
use axum::routing::{get, post};
use tower_http::normalize_path::{NormalizePath, NormalizePathLayer};
use tower_layer::Layer;

use crate::app::App;
use crate::error::ApiError;

/// Every path of the public port. One with a slash at its end is the one without: `LiteLLM` redirects there, to a
/// place that it makes of the `Host` header, which is a client's to choose.
pub fn public(app: App) -> NormalizePath<Router> {
    let router = Router::new()
        .route("/key/generate", post(key::generate::generate))
        .route("/key/info", get(key::info::info))
        .route("/v2/key/info", post(key::info_v2::info_v2))
        .route("/key/list", get(key::list::list))
        .route("/key/aliases", get(key::aliases::aliases))
        .route("/key/health", post(key::health::health))
        .route("/key/update", post(key::update::update))
        .route("/key/bulk_update", post(key::bulk_update::bulk_update))
        .route("/key/regenerate", post(key::regenerate::regenerate))
        .route("/key/{key}/regenerate", post(key::regenerate::regenerate_named))
        .route("/key/{key}/reset_spend", post(key::reset_spend::reset_spend))
        .route("/key/delete", post(key::delete::delete))
        .route("/key/block", post(key::block::block))
        .route("/key/unblock", post(key::unblock::unblock))
        .route("/user/new", post(user::new::new))
        .route("/user/info", get(user::info::info))
        .route("/user/update", post(user::update::update))
        .route("/user/delete", post(user::delete::delete))
        .route("/user/list", get(user::list::list))
        .route("/team/new", post(team::new::new))
        .route("/team/info", get(team::info::info))
        .route("/team/update", post(team::update::update))
        .route("/team/delete", post(team::delete::delete))
        .route("/team/list", get(team::list::list))
        .route("/team/block", post(team::block::block))
        .route("/team/unblock", post(team::unblock::unblock))
        .route("/team/member_add", post(team::member_add::member_add))
        .route("/budget/new", post(budget::new::new))
        .route("/budget/info", post(budget::info::info))
        .route("/budget/update", post(budget::update::update))
        .route("/budget/delete", post(budget::delete::delete))
        .route("/budget/list", get(budget::list::list))
        .route("/spend/logs", get(spend::logs::logs))
        .route("/spend/calculate", post(spend::calculate::calculate))
        .route("/health/liveliness", get(health::liveliness))
        .route("/health/liveness", get(health::liveliness))
        .route("/health/readiness", get(health::readiness))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .with_state(app);
    NormalizePathLayer::trim_trailing_slash().layer(router)
}
