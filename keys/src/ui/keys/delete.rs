//! `/ui/keys/{key}/delete`, like `/key/delete`.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::super::page::{Frame, answer, html};
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::view::KeyView;
use super::{SECTION, detail};
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::key;

/// What deleting means.
pub(super) const MEANING: &str = "Within about a second, every request with it is rejected with 401. This cannot be undone: the same key \
                                  cannot be restored. What it has spent stays in the spend log, and in the spend of its user and team. \
                                  Stored responses of the key are deleted.";

/// Asks before something is done.
#[derive(Template)]
#[template(path = "keys/confirm.html")]
pub(super) struct Confirm {
    pub(super) frame: Frame,
    pub(super) title: String,
    pub(super) meaning: &'static str,
    pub(super) action: String,
    pub(super) back: String,
    pub(super) verb: &'static str,
    pub(super) keys: Vec<KeyView>,
    /// The action for several keys.
    pub(super) chosen: Option<&'static str>,
}

pub(in super::super) async fn confirm(visit: Visit, Path(key): Path<String>) -> Response {
    let shown = async {
        let (view, _) = detail::read(&visit, &key).await?;
        Ok(html(&Confirm {
            frame: Frame::of(&visit, SECTION),
            title: format!("Delete {}?", view.title()),
            meaning: MEANING,
            action: format!("/ui/keys/{}/delete", view.token),
            back: format!("/ui/keys/{}", view.token),
            verb: "Delete key",
            keys: vec![view],
            chosen: None,
        }))
    };
    answer(&visit, SECTION, shown.await)
}

pub(in super::super) async fn delete(Path(key): Path<String>, Posted { visit, .. }: Posted) -> Response {
    let done = all(&visit, &[key]).await;
    answer(&visit, SECTION, done.map(|()| Redirect::to("/ui/keys?done=deleted").into_response()))
}

/// Deletes keys: all of them or, if the caller may not delete one, none.
pub(super) async fn all(visit: &Visit, keys: &[String]) -> Result<(), ApiError> {
    let body = Object([("keys".to_owned(), json!(keys))].into_iter().collect());
    let caller = visit.calling(Operation::KeyDelete)?;
    key::delete::delete(State(visit.app.clone()), caller, body).await.map(drop)
}
