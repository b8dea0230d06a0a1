//! The public port: the paths of the key API, its description, metrics, and the console.

use std::sync::LazyLock;

use axum::extract::{Request, State};
use axum::http::{Method, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use serde_json::Value;
use tower_http::normalize_path::{NormalizePath, NormalizePathLayer};
use tower_layer::Layer;

use crate::app::App;
use crate::audit;
use crate::error::ApiError;
use crate::openapi::{self, Endpoint, data_plane, document, page::page};
use crate::routes::{endpoints, metrics};
use crate::ui;

/// All paths of the public port. A trailing slash is ignored. `LiteLLM` redirects instead, to a URL based on
/// the `Host` header, which clients control.
pub fn public(app: App) -> NormalizePath<Router> {
    let mut router = Router::new();
    for (endpoint, handler) in endpoints() {
        if let Some(rest) = endpoint.path.strip_prefix("/customer/") {
            // `LiteLLM`'s older names.
            router = router.route(&format!("/end_user/{rest}"), handler.clone());
        }
        router = router.route(endpoint.path, handler);
    }
    let router = router
        .route("/openapi.json", get(openapi_json))
        .route("/routes", get(list_routes))
        .route("/docs", get(docs))
        .route(metrics::PATH, get(metrics::show_to))
        .merge(ui::routes())
        .fallback(async |method: Method, uri: Uri| ApiError::no_route(&method, uri.path()))
        .method_not_allowed_fallback(async |method: Method, uri: Uri| {
            ApiError::method_not_allowed(&method, uri.path())
        })
        .route_layer(middleware::from_fn_with_state(app.clone(), metrics::count))
        .route_layer(middleware::from_fn_with_state(app.clone(), audited))
        .with_state(app);
    NormalizePathLayer::trim_trailing_slash().layer(router)
}

/// Records the changes of a request in the audit log.
async fn audited(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.audit_log { audit::recorded(next.run(request)).await } else { next.run(request).await }
}

async fn openapi_json() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| whole_document().to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// The paths and methods alone, as in `LiteLLM`.
async fn list_routes() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi::routes(&whole_document()).to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// The API description of the key service and the filter.
fn whole_document() -> Value {
    let mut document = document(&described());
    data_plane::add_to(&mut document);
    document
}

/// The page needs only its own inline style.
async fn docs() -> impl IntoResponse {
    static HTML: LazyLock<String> = LazyLock::new(|| page(&described()));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(HTML.as_str()))
}

fn described() -> Vec<Endpoint> {
    endpoints().into_iter().map(|(endpoint, _)| endpoint).collect()
}
