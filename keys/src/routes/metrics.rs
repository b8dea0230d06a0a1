//! `GET /metrics` on the public and the internal port, and on a separate port; and the count of requests.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::auth::Scraper;
use crate::error::ApiError;

/// The path on all ports.
pub const PATH: &str = "/metrics";

/// The content type that Prometheus asks for.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counts a request.
pub async fn count(
    State(app): State<App>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    if let Some(path) = path {
        app.metrics.request(path.as_str(), response.status().as_u16(), begun.elapsed());
    }
    response
}

/// `GET /metrics` on the public port.
pub async fn show_to(_: Scraper, app: State<App>) -> Response {
    show(app).await
}

/// A separate port for metrics. It requires no token, because the internal port's would also give access to
/// usage and keys. The network must restrict who can connect.
pub fn only_metrics(app: App) -> Router {
    Router::new()
        .route(PATH, get(show))
        .fallback(async |method: Method, uri: Uri| ApiError::no_route(&method, uri.path()))
        .method_not_allowed_fallback(async |method: Method, uri: Uri| {
            ApiError::method_not_allowed(&method, uri.path())
        })
        .with_state(app)
}

/// `GET /metrics` on the internal port, and on the separate one.
pub async fn show(State(app): State<App>) -> Response {
    match app.metrics.text(app.credentials.statuses()) {
        Ok(text) => ([(CONTENT_TYPE, TEXT)], text).into_response(),
        // Writing to a String cannot fail.
        Err(_) => ApiError::no_route(&Method::GET, PATH).into_response(),
    }
}
