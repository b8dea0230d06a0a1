//! The paths of users.

use axum::routing::{get, post};

use super::{delete, info, list, new, schema, update};
use crate::openapi::{
    Holds::{Text, UpTo},
    Input, parameter,
};
use crate::routes::paths::{Path, gets, posts};
use crate::routes::schema::fields;

/// The last page.
const PAGE: u64 = u32::MAX as u64;

/// Each path with its input and its handler.
pub(in crate::routes) fn paths() -> Vec<Path> {
    vec![
        posts(
            "/user/new",
            "Create a user and a key for it.",
            Input::Body(fields(&schema::FIELDS)),
            post(new::new),
        ),
        gets(
            "/user/info",
            "Get a user with its keys and teams.",
            Input::Query(&const { [parameter("user_id", Text)] }),
            get(info::info),
        ),
        posts(
            "/user/update",
            "Update a user. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&schema::FIELDS), &["user_id"]),
            post(update::update),
        ),
        posts(
            "/user/delete",
            "Delete users and their keys.",
            Input::BodyWith(delete::FIELDS.to_vec(), &["user_ids"]),
            post(delete::delete),
        ),
        gets(
            "/user/list",
            "List users, paginated.",
            Input::Query(
                &const {
                    [
                        parameter("page", UpTo(PAGE)),
                        parameter("page_size", UpTo(100)),
                        parameter("role", Text),
                        parameter("user_ids", Text),
                        parameter("user_email", Text),
                        parameter("team", Text),
                    ]
                },
            ),
            get(list::list),
        ),
    ]
}
