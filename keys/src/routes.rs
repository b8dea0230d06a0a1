//! The public port: one file per path, in folders named like the paths.

pub mod health;
pub mod key;

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
        .route("/key/delete", post(key::delete::delete))
        .route("/key/block", post(key::block::block))
        .route("/key/unblock", post(key::unblock::unblock))
        .route("/health/liveliness", get(health::liveliness))
        .route("/health/liveness", get(health::liveliness))
        .route("/health/readiness", get(health::readiness))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .with_state(app);
    NormalizePathLayer::trim_trailing_slash().layer(router)
}
