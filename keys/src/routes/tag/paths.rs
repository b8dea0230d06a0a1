//! The paths of tags.

use axum::routing::{get, post};

use super::{delete, info, list, new, schema, update};
use crate::openapi::Input;
use crate::routes::paths::{Path, gets, posts};
use crate::routes::schema::fields;

/// Each path with its input and its handler.
pub(in crate::routes) fn paths() -> Vec<Path> {
    vec![
        posts(
            "/tag/new",
            "Create a tag with limits for the requests that have it.",
            Input::BodyWith(fields(&schema::FIELDS), &["name"]),
            post(new::new),
        ),
        posts(
            "/tag/update",
            "Update a tag. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&schema::FIELDS), &["name"]),
            post(update::update),
        ),
        posts(
            "/tag/info",
            "Get tags by name.",
            Input::BodyWith(info::FIELDS.to_vec(), &["names"]),
            post(info::info),
        ),
        gets("/tag/list", "List tags.", Input::Nothing, get(list::list)),
        posts(
            "/tag/delete",
            "Delete a tag.",
            Input::BodyWith(delete::FIELDS.to_vec(), &["name"]),
            post(delete::delete),
        ),
    ]
}
