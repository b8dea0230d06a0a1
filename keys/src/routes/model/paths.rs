//! The paths of models.

use axum::http::Method;
use axum::routing::{patch, post};

use super::{FIELDS, delete, new, update};
use crate::openapi::{Endpoint, Input};
use crate::routes::paths::{Path, posts};

/// Each path with its input and its handler.
pub(in crate::routes) fn paths() -> Vec<Path> {
    vec![
        posts(
            "/model/new",
            "Add a model, if `general_settings.store_model_in_db` is set.",
            Input::BodyWith(FIELDS.to_vec(), &["model_name", "litellm_params"]),
            post(new::new),
        ),
        posts(
            "/model/update",
            "Update the model whose id is in `model_info`. Fields that are not sent stay unchanged.",
            Input::BodyWith(FIELDS.to_vec(), &["litellm_params", "model_info"]),
            post(update::update),
        ),
        (
            Endpoint {
                method: Method::PATCH,
                path: "/model/{model_id}/update",
                summary: "Update a model. Fields that are not sent stay unchanged.",
                input: Input::Body(FIELDS.to_vec()),
            },
            patch(update::patch),
        ),
        posts(
            "/model/delete",
            "Delete a model that was added with `/model/new`.",
            Input::BodyWith(delete::FIELDS.to_vec(), &["id"]),
            post(delete::delete),
        ),
    ]
}
