//! `/ui/keys/{key}/rotate`, like `/key/regenerate`.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, json};

use super::super::page::{Frame, answer, html};
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::create::FreshPage;
use super::view::{Fresh, KeyView};
use super::{SECTION, detail};
use crate::body::OptionalObject;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::key;
use crate::token::identified;

#[derive(Template)]
#[template(path = "keys/rotate.html")]
struct Rotate {
    frame: Frame,
    key: KeyView,
    grace: String,
    error: Option<String>,
}

pub(in super::super) async fn confirm(visit: Visit, Path(key): Path<String>) -> Response {
    let page = page(&visit, &key, "1d".to_owned(), None).await;
    answer(&visit, SECTION, page)
}

async fn page(
    visit: &Visit,
    key: &str,
    grace: String,
    error: Option<ApiError>,
) -> Result<Response, ApiError> {
    let (key, _) = detail::read(visit, key).await?;
    let status = error.as_ref().map_or(StatusCode::OK, ApiError::status);
    let error =
        error.map(|error| error.plain().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" "));
    Ok((status, html(&Rotate { frame: Frame::of(visit, SECTION), key, grace, error })).into_response())
}

pub(in super::super) async fn rotate(Path(key): Path<String>, Posted { visit, form }: Posted) -> Response {
    let grace = form.text("grace_period").unwrap_or_default().trim().to_owned();
    let rotated = async {
        let caller = visit.calling(Operation::KeyRegenerate)?;
        let mut body = Map::from_iter([("key".to_owned(), json!(identified(&key)))]);
        if !grace.is_empty() {
            body.insert("grace_period".to_owned(), json!(grace));
        }
        key::regenerate::regenerate(State(visit.app.clone()), caller, OptionalObject(body)).await
    };
    match rotated.await {
        Ok(Json(made)) => {
            let fresh = Fresh::of(&made, &visit.gateway());
            let grace = (!grace.is_empty()).then_some(grace);
            html(&FreshPage { frame: Frame::of(&visit, SECTION), fresh, is_new: false, grace })
        }
        Err(error) if matches!(error.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            answer(&visit, SECTION, Err(error))
        }
        Err(error) => {
            let page = page(&visit, &key, grace, Some(error)).await;
            answer(&visit, SECTION, page)
        }
    }
}
