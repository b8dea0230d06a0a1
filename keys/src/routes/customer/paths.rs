//! The paths of customers.

use axum::routing::{get, post};

use super::{block, delete, info, list, new, schema, update};
use crate::openapi::{Holds::RequiredText, Input, parameter};
use crate::routes::paths::{Path, gets, posts};
use crate::routes::schema::fields;

/// Each path with its input and its handler.
pub(in crate::routes) fn paths() -> Vec<Path> {
    vec![
        posts(
            "/customer/new",
            "Create a customer: an end user whom requests name.",
            Input::BodyWith(fields(&schema::FIELDS), &["user_id"]),
            post(new::new),
        ),
        gets(
            "/customer/info",
            "Get a customer with its spend and its limits.",
            Input::Query(&const { [parameter("end_user_id", RequiredText)] }),
            get(info::info),
        ),
        posts(
            "/customer/update",
            "Update a customer. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&schema::FIELDS), &["user_id"]),
            post(update::update),
        ),
        posts(
            "/customer/delete",
            "Delete customers.",
            Input::BodyWith(delete::FIELDS.to_vec(), &["user_ids"]),
            post(delete::delete),
        ),
        gets("/customer/list", "List customers.", Input::Nothing, get(list::list)),
        posts(
            "/customer/block",
            "Block customers: requests that name them are rejected.",
            Input::BodyWith(block::FIELDS.to_vec(), &["user_ids"]),
            post(block::block),
        ),
        posts(
            "/customer/unblock",
            "Unblock customers.",
            Input::BodyWith(block::FIELDS.to_vec(), &["user_ids"]),
            post(block::unblock),
        ),
    ]
}
