//! The paths of keys.

use axum::routing::{get, post};

use super::{
    aliases, block, bulk_update, delete, generate, health, info, info_v2, list, regenerate, reset_spend,
    schema, unblock, update,
};
use crate::openapi::{
    Holds::{Boolean, Choice, Text, UpTo},
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
            "/key/generate",
            "Create a virtual key.",
            Input::Body(fields(&schema::FIELDS)),
            post(generate::generate),
        ),
        gets(
            "/key/info",
            "Get a key. Without `key`, get the calling key.",
            Input::Query(&const { [parameter("key", Text)] }),
            get(info::info),
        ),
        posts(
            "/v2/key/info",
            "Get several keys.",
            Input::OneOf(delete::FIELDS.to_vec()),
            post(info_v2::info_v2),
        ),
        gets(
            "/key/list",
            "List keys, paginated.",
            Input::Query(
                &const {
                    [
                        parameter("page", UpTo(PAGE)),
                        parameter("size", UpTo(100)),
                        parameter("user_id", Text),
                        parameter("team_id", Text),
                        parameter("organization_id", Text),
                        parameter("key_hash", Text),
                        parameter("key_alias", Text),
                        parameter("search", Text),
                        parameter("status", Choice(&["active", "expired", "revoked"])),
                        parameter("expires", Choice(&["active", "expired"])),
                        parameter("sort_by", Choice(&list::COLUMNS)),
                        parameter("sort_order", Choice(&["asc", "desc"])),
                        parameter("return_full_object", Boolean),
                    ]
                },
            ),
            get(list::list),
        ),
        gets(
            "/key/aliases",
            "List key aliases, paginated.",
            Input::Query(
                &const {
                    [
                        parameter("page", UpTo(PAGE)),
                        parameter("size", UpTo(100)),
                        parameter("search", Text),
                        parameter("team_id", Text),
                    ]
                },
            ),
            get(aliases::aliases),
        ),
        posts("/key/health", "Check that the calling key is valid.", Input::Nothing, post(health::health)),
        posts(
            "/key/update",
            "Update a key. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&schema::UPDATE), &["key"]),
            post(update::update),
        ),
        posts(
            "/key/bulk_update",
            "Update several keys. Each succeeds or fails on its own.",
            Input::BodyWith(bulk_update::FIELDS.to_vec(), &["keys"]),
            post(bulk_update::bulk_update),
        ),
        posts(
            "/key/regenerate",
            "Regenerate the key given in the body.",
            Input::BodyWith(fields(&schema::REGENERATE), &["key"]),
            post(regenerate::regenerate),
        ),
        posts(
            "/key/{key}/regenerate",
            "Regenerate a key.",
            Input::OptionalBody(fields(&schema::REGENERATE)),
            post(regenerate::regenerate_named),
        ),
        posts(
            "/key/{key}/reset_spend",
            "Reset a key's spend to a lower value.",
            Input::BodyWith(reset_spend::FIELDS.to_vec(), &["reset_to"]),
            post(reset_spend::reset_spend),
        ),
        posts(
            "/key/delete",
            "Delete keys by key, hash or alias.",
            Input::OneOf(delete::FIELDS.to_vec()),
            post(delete::delete),
        ),
        posts(
            "/key/block",
            "Block a key.",
            Input::BodyWith(block::FIELDS.to_vec(), &["key"]),
            post(block::block),
        ),
        posts(
            "/key/unblock",
            "Unblock a key.",
            Input::BodyWith(block::FIELDS.to_vec(), &["key"]),
            post(unblock::unblock),
        ),
    ]
}
