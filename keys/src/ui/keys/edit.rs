//! `/ui/keys/{key}/edit`: changes a key with `/key/update`.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::super::fields::Filled;
use super::super::form::{Form, Link};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::form::KNOWN;
use super::{SECTION, detail};
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::key;
use crate::token::identified;

pub(in super::super) async fn show(visit: Visit, Path(key): Path<String>) -> Response {
    let shown = async {
        let (view, mut info) = detail::read(&visit, &key).await?;
        let row = visit.app.store.key(identified(&key)).await?.ok_or_else(ApiError::no_such_key)?;
        visit.calling(Operation::KeyUpdate)?.may_with_key(&visit.app, Operation::KeyUpdate, &row).await?;
        // Responses show the tags inside the metadata.
        if let Some(metadata) = info.get_mut("metadata").and_then(serde_json::Value::as_object_mut)
            && let Some(tags) = metadata.remove("tags")
        {
            info.insert("tags".to_owned(), tags);
        }
        Ok(page(&visit, &key, view.title(), Filled::of(&KNOWN, &info)))
    };
    answer(&visit, SECTION, shown.await)
}

fn page(visit: &Visit, key: &str, name: &str, form: Filled) -> Response {
    let own = format!("/ui/keys/{}", identified(key));
    let page = Form {
        section: SECTION,
        above: Link::to(own.as_str(), "Key"),
        title: format!("Edit {name}"),
        note: None,
        action: format!("{own}/edit"),
        back: own,
        verb: "Save changes",
    };
    page.page(visit, form)
}

pub(in super::super) async fn save(Path(key): Path<String>, Posted { visit, form }: Posted) -> Response {
    let token = identified(&key);
    let mut filled = Filled::sent(&KNOWN, &form);
    let Some(mut body) = filled.changes() else { return page(&visit, &key, "key", filled) };
    if body.is_empty() {
        return Redirect::to(&format!("/ui/keys/{token}?done=unchanged")).into_response();
    }
    body.insert("key".to_owned(), json!(token));
    let saved = async {
        let caller = visit.calling(Operation::KeyUpdate)?;
        key::update::update(State(visit.app.clone()), caller, Object(body)).await
    };
    match saved.await {
        Ok(_) => Redirect::to(&format!("/ui/keys/{token}?done=saved")).into_response(),
        Err(error) => {
            filled.complain(&error);
            page(&visit, &key, "key", filled)
        }
    }
}
