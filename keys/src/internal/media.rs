//! `POST /internal/media`: fetches URLs for providers that accept only inline data.

use core::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::Call;
use crate::app::App;
use crate::media::Fetched;

/// The filter's request.
#[derive(Debug, Deserialize)]
pub struct MediaRequest {
    urls: Vec<String>,
}

/// Returns `{"media": […]}` with `{"url", "data"}` for each URL, where `data` is a `data:` URL, or `{"url",
/// "problem"}`. Files are not copied, because they may be large.
pub async fn media(State(app): State<App>, Call(MediaRequest { urls }): Call<MediaRequest>) -> Response {
    let mut pieces: Vec<Bytes> = vec![Bytes::from_static(b"{\"media\":[")];
    for (n, (url, fetched)) in urls.iter().zip(app.media.fetch(&urls).await).enumerate() {
        let comma = if n == 0 { "" } else { "," };
        app.metrics.media(match &fetched {
            Ok(Fetched { from_cache: true, .. }) => "cached",
            Ok(_) => "fetched",
            Err(problem) => problem.name(),
        });
        match fetched {
            Ok(Fetched { medium, .. }) => {
                let begins =
                    format!("{comma}{{\"url\":{},\"data\":\"data:{};base64,", json!(url), medium.media_type);
                pieces.extend([begins.into(), medium.base64, Bytes::from_static(b"\"}")]);
            }
            Err(problem) => {
                let told = json!({ "url": url, "problem": problem.to_string() });
                pieces.push(format!("{comma}{told}").into());
            }
        }
    }
    pieces.push(Bytes::from_static(b"]}"));
    let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
