//! The paths of teams.

use axum::routing::{get, post};

use super::{
    block, delete, info, list, member_add, member_delete, member_update, new, permissions, schema, unblock,
    update,
};
use crate::openapi::{
    Holds::{RequiredText, Text},
    Input, parameter,
};
use crate::routes::paths::{Path, gets, posts};
use crate::routes::schema::fields;

/// Each path with its input and its handler.
pub(in crate::routes) fn paths() -> Vec<Path> {
    vec![
        posts("/team/new", "Create a team.", Input::Body(fields(&schema::FIELDS)), post(new::new)),
        gets(
            "/team/info",
            "Get a team with its keys and members.",
            Input::Query(&const { [parameter("team_id", RequiredText)] }),
            get(info::info),
        ),
        posts(
            "/team/update",
            "Update a team. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&schema::FIELDS), &["team_id"]),
            post(update::update),
        ),
        posts(
            "/team/delete",
            "Delete teams, their keys and their models.",
            Input::BodyWith(delete::FIELDS.to_vec(), &["team_ids"]),
            post(delete::delete),
        ),
        gets(
            "/team/list",
            "List teams with their keys and members.",
            Input::Query(&const { [parameter("user_id", Text), parameter("organization_id", Text)] }),
            get(list::list),
        ),
        posts(
            "/team/block",
            "Block a team and all its keys.",
            Input::BodyWith(block::FIELDS.to_vec(), &["team_id"]),
            post(block::block),
        ),
        posts(
            "/team/unblock",
            "Unblock a team.",
            Input::BodyWith(block::FIELDS.to_vec(), &["team_id"]),
            post(unblock::unblock),
        ),
        posts(
            "/team/member_add",
            "Add members to a team.",
            Input::BodyWith(member_add::FIELDS.to_vec(), &["team_id", "member"]),
            post(member_add::member_add),
        ),
        posts(
            "/team/member_update",
            "Change a member's role and limits in a team. Fields that are not sent stay unchanged.",
            Input::BodyWith(member_update::FIELDS.to_vec(), &["team_id"]),
            post(member_update::member_update),
        ),
        posts(
            "/team/member_delete",
            "Remove a member from a team, and delete its keys in the team.",
            Input::BodyWith(member_delete::FIELDS.to_vec(), &["team_id"]),
            post(member_delete::member_delete),
        ),
        gets(
            "/team/permissions_list",
            "Get the key permissions of a team's members.",
            Input::Query(&const { [parameter("team_id", RequiredText)] }),
            get(permissions::list),
        ),
        posts(
            "/team/permissions_update",
            "Set the key permissions of a team's members.",
            Input::BodyWith(permissions::FIELDS.to_vec(), &["team_id", "team_member_permissions"]),
            post(permissions::update),
        ),
    ]
}
