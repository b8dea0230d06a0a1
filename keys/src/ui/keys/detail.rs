//! `GET /ui/keys/{key}`: a key, as `/key/info` has it.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Map, Value};

use super::super::page::{Frame, answer, html};
use super::super::visit::Visit;
use super::SECTION;
use super::view::KeyView;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Operation;
use crate::routes::key;
use crate::token::identified;

#[derive(Template)]
#[template(path = "keys/detail.html")]
struct Detail {
    frame: Frame,
    key: KeyView,
    can: Can,
}

/// What the caller may do to the key.
struct Can {
    edit: bool,
    block: bool,
    unblock: bool,
    rotate: bool,
    delete: bool,
}

pub(in super::super) async fn show(visit: Visit, Path(key): Path<String>) -> Response {
    answer(&visit, SECTION, page(&visit, &key).await)
}

async fn page(visit: &Visit, key: &str) -> Result<Response, ApiError> {
    let (key, _) = read(visit, key).await?;
    let row = visit.app.store.key(identified(&key.token)).await?.ok_or_else(ApiError::no_such_key)?;
    let is_blocked = row.blocked == Some(true);
    let can = Can {
        edit: visit.can(Operation::KeyUpdate, &row).await,
        block: !is_blocked && visit.can(Operation::KeyBlock, &row).await,
        unblock: is_blocked && visit.can(Operation::KeyUnblock, &row).await,
        rotate: visit.can(Operation::KeyRegenerate, &row).await,
        delete: visit.can(Operation::KeyDelete, &row).await,
    };
    Ok(html(&Detail { frame: Frame::of(visit, SECTION), key, can }))
}

/// The key by the hash in a path, with the response that it is from.
pub(super) async fn read(visit: &Visit, key: &str) -> Result<(KeyView, Map<String, Value>), ApiError> {
    let caller = visit.calling(Operation::KeyInfo)?;
    let query = Query::of(&[("key", key)]);
    let Json(mut answer) = key::info::info(State(visit.app.clone()), caller, query).await?;
    let info = match answer["info"].take() {
        Value::Object(info) => info,
        _ => Map::new(),
    };
    Ok((KeyView::of(&identified(key).to_string(), &info), info))
}
