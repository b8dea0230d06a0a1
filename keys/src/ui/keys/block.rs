//! `/ui/keys/{key}/block` and `/unblock`, like the paths of the key API.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::super::page::{Frame, answer, html};
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::delete::Confirm;
use super::{SECTION, detail};
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::key;
use crate::token::identified;

pub(in super::super) async fn confirm(visit: Visit, Path(key): Path<String>) -> Response {
    let shown = async {
        let (view, _) = detail::read(&visit, &key).await?;
        Ok(html(&Confirm {
            frame: Frame::of(&visit, SECTION),
            title: format!("Block {}?", view.title()),
            meaning: "Within about a second, every request with this key is rejected with 401. The key keeps its settings and its \
                      spend, and can be unblocked at any time. Requests that are running finish.",
            action: format!("/ui/keys/{}/block", view.token),
            back: format!("/ui/keys/{}", view.token),
            verb: "Block key",
            keys: vec![view],
            chosen: None,
        }))
    };
    answer(&visit, SECTION, shown.await)
}

pub(in super::super) async fn block(Path(key): Path<String>, Posted { visit, .. }: Posted) -> Response {
    let done = set(&visit, &key, true).await;
    let page =
        done.map(|()| Redirect::to(&format!("/ui/keys/{}?done=blocked", identified(&key))).into_response());
    answer(&visit, SECTION, page)
}

pub(in super::super) async fn unblock(Path(key): Path<String>, Posted { visit, .. }: Posted) -> Response {
    let done = set(&visit, &key, false).await;
    let page =
        done.map(|()| Redirect::to(&format!("/ui/keys/{}?done=unblocked", identified(&key))).into_response());
    answer(&visit, SECTION, page)
}

/// Blocks or unblocks a key.
pub(super) async fn set(visit: &Visit, key: &str, blocked: bool) -> Result<(), ApiError> {
    let body = Object([("key".to_owned(), json!(identified(key)))].into_iter().collect());
    let app = State(visit.app.clone());
    if blocked {
        key::block::block(app, visit.calling(Operation::KeyBlock)?, body).await.map(drop)
    } else {
        key::unblock::unblock(app, visit.calling(Operation::KeyUnblock)?, body).await.map(drop)
    }
}
