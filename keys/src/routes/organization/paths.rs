//! The paths of organizations, with `LiteLLM`'s methods.

use axum::http::Method;
use axum::routing::{MethodRouter, delete as deletes, get, patch, post};

use super::{delete, info, list, member_add, member_delete, member_update, new, schema, update};
use crate::app::App;
use crate::openapi::{Endpoint, Holds::RequiredText, Input, parameter};
use crate::routes::paths::{Path, gets, posts};
use crate::routes::schema::fields;

/// Each path with its input and its handler.
pub(in crate::routes) fn paths() -> Vec<Path> {
    let by = |method, path, summary, input, handler: MethodRouter<App>| {
        (Endpoint { method, path, summary, input }, handler)
    };
    let member = || schema::MEMBER.to_vec();
    vec![
        posts(
            "/organization/new",
            "Create an organization.",
            Input::BodyWith(fields(&schema::FIELDS), &["organization_alias"]),
            post(new::new),
        ),
        by(
            Method::PATCH,
            "/organization/update",
            "Update an organization. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&schema::FIELDS), &["organization_id"]),
            patch(update::update),
        ),
        by(
            Method::DELETE,
            "/organization/delete",
            "Delete organizations, their teams and the keys of both.",
            Input::BodyWith(delete::FIELDS.to_vec(), &["organization_ids"]),
            deletes(delete::delete),
        ),
        gets(
            "/organization/info",
            "Get an organization with its members and teams.",
            Input::Query(&const { [parameter("organization_id", RequiredText)] }),
            get(info::info),
        ),
        gets(
            "/organization/list",
            "List organizations with their members and teams.",
            Input::Nothing,
            get(list::list),
        ),
        posts(
            "/organization/member_add",
            "Add members to an organization.",
            Input::BodyWith(member_add::FIELDS.to_vec(), &["organization_id", "member"]),
            post(member_add::member_add),
        ),
        by(
            Method::PATCH,
            "/organization/member_update",
            "Change a member's role in an organization.",
            Input::BodyWith(member(), &["organization_id"]),
            patch(member_update::member_update),
        ),
        by(
            Method::DELETE,
            "/organization/member_delete",
            "Remove a member from an organization.",
            Input::BodyWith(member(), &["organization_id"]),
            deletes(member_delete::member_delete),
        ),
    ]
}
