//! The paths of budgets.

use axum::routing::{get, post};

use super::{delete, info, list, new, schema, update};
use crate::openapi::Input;
use crate::routes::paths::{Path, gets, posts};
use crate::routes::schema::fields;

/// Each path with its input and its handler.
pub(in crate::routes) fn paths() -> Vec<Path> {
    vec![
        posts(
            "/budget/new",
            "Create a budget that keys can share.",
            Input::Body(fields(&schema::FIELDS)),
            post(new::new),
        ),
        posts(
            "/budget/info",
            "Get budgets.",
            Input::BodyWith(info::FIELDS.to_vec(), &["budgets"]),
            post(info::info),
        ),
        posts(
            "/budget/update",
            "Update a budget. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&schema::FIELDS), &["budget_id"]),
            post(update::update),
        ),
        posts(
            "/budget/delete",
            "Delete a budget.",
            Input::BodyWith(delete::FIELDS.to_vec(), &["id"]),
            post(delete::delete),
        ),
        gets("/budget/list", "List budgets.", Input::Nothing, get(list::list)),
    ]
}
