//! The internal port, which only the filter and Envoy call, with their token, and which clients cannot reach.

pub mod credential;
pub mod decode;
pub mod lease;
pub mod media;
pub mod payers;
pub mod responses;
pub mod sync;
pub mod texts;
pub mod verify;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use switchboard::key::lease::LEASE_PATH;
use switchboard::key::{
    CREDENTIAL_PATH, DECODE_PATH, KEEP_PATH, MEDIA_PATH, PAYERS_PATH, RECALL_PATH, STORED_PATH, SYNC_PATH,
    TEXTS_PATH, TokenHash, VERIFY_PATH,
};
use switchboard_compile::envoy::discovery::Part;

use crate::app::App;
use crate::control::discovery::{DiscoveryRequest, discover};
use crate::error::ApiError;
use crate::routes::metrics;

/// The report of a worker that could not report for an hour: about 30,000 requests.
const LONGEST_REPORT: usize = 16 << 20;

/// All paths of the internal port.
pub fn internal(app: App) -> Router {
    Router::new()
        .route(VERIFY_PATH, post(verify::verify))
        .route(PAYERS_PATH, post(payers::payers))
        .route(SYNC_PATH, post(sync::sync))
        .route(LEASE_PATH, post(lease::lease))
        .route(CREDENTIAL_PATH, post(credential::credential))
        .route(MEDIA_PATH, post(media::media))
        .route(TEXTS_PATH, post(texts::texts))
        .route(DECODE_PATH, post(decode::decode).layer(DefaultBodyLimit::max(decode::LARGEST)))
        .route(KEEP_PATH, post(responses::keep))
        .route(RECALL_PATH, post(responses::recall))
        .route(STORED_PATH, post(responses::stored))
        .route(metrics::PATH, get(metrics::show))
        .merge(discovery())
        .fallback(async |method: Method, uri: Uri| ApiError::no_route(&method, uri.path()))
        .method_not_allowed_fallback(async |method: Method, uri: Uri| {
            ApiError::method_not_allowed(&method, uri.path())
        })
        .layer(DefaultBodyLimit::max(LONGEST_REPORT))
        .route_layer(middleware::from_fn_with_state(app.clone(), metrics::count))
        // Outermost layer: other callers learn nothing, not even which paths exist.
        .layer(middleware::from_fn_with_state(app.clone(), only_the_filter))
        .with_state(app)
}

/// The paths of discovery.
fn discovery() -> Router<App> {
    Part::ALL.into_iter().fold(Router::new(), |router, part| {
        let answer = async move |State(app): State<App>, Call(request): Call<DiscoveryRequest>| {
            discover(&app.control, part, request).await
        };
        router.route(part.path(), post(answer))
    })
}

/// A call of the filter. `Content-Type` is ignored, because there is only one type.
#[derive(Debug)]
pub struct Call<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Call<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await.map_err(|_| ApiError::body_too_large())?;
        serde_json::from_slice(&body).map(Self).map_err(|cause| ApiError::unreadable_call(&cause))
    }
}

async fn only_the_filter(State(app): State<App>, request: Request, next: Next) -> Response {
    let bearer = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .map(TokenHash::of);
    match bearer {
        Some(bearer) if app.internal_token.is(bearer) => next.run(request).await,
        _ => ApiError::not_the_filter().into_response(),
    }
}
