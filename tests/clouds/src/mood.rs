//! Outages.

use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// How requests are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// As by the real one.
    #[default]
    Answers,
    /// With 503.
    Fails,
    /// With 200 and a page that is no token, as by a captive portal.
    Wrong,
    /// With a body that ends too early.
    Cut,
    /// Not at all.
    Hangs,
}

/// The moods, by the text that a request contains.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moods(Arc<Mutex<Vec<(String, Mood)>>>);

impl Moods {
    pub(crate) fn set(&self, text: &str, mood: Mood) {
        let mut moods = self.0.lock().unwrap();
        moods.retain(|(known, _)| known != text);
        moods.push((text.to_owned(), mood));
    }

    fn of(&self, request: &str) -> Mood {
        let moods = self.0.lock().unwrap();
        moods.iter().find(|(text, _)| request.contains(text)).map(|(_, mood)| *mood).unwrap_or_default()
    }
}

pub(crate) async fn apply(State(moods): State<Moods>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    match moods.of(&format!("{} {}", head.uri, String::from_utf8_lossy(&body))) {
        Mood::Answers => next.run(Request::from_parts(head, Body::from(body))).await,
        Mood::Fails => (StatusCode::SERVICE_UNAVAILABLE, "no healthy upstream").into_response(),
        Mood::Wrong => ([("content-type", "text/html")], "<html>Please log in</html>").into_response(),
        Mood::Cut => {
            let parts = [Ok(Bytes::from_static(b"{\"access_token\": \"")), Err("cut")];
            Body::from_stream(futures_util::stream::iter(parts)).into_response()
        }
        Mood::Hangs => std::future::pending().await,
    }
}
