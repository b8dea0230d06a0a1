//! The paths of spend.

use axum::routing::{get, post};

use super::{calculate, keys, logs, users};
use crate::openapi::{
    Holds::{Boolean, Date, Text},
    Input, parameter,
};
use crate::routes::global::tags;
use crate::routes::paths::{Path, gets, posts};

/// Each path with its input and its handler.
pub(in crate::routes) fn paths() -> Vec<Path> {
    vec![
        gets(
            "/spend/logs",
            "Get spend logs, by request or by day.",
            Input::Query(
                &const {
                    [
                        parameter("api_key", Text),
                        parameter("user_id", Text),
                        parameter("request_id", Text),
                        parameter("start_date", Date),
                        parameter("end_date", Date),
                        parameter("summarize", Boolean),
                    ]
                },
            ),
            get(logs::logs),
        ),
        gets("/spend/keys", "List keys by spend.", Input::Nothing, get(keys::keys)),
        gets(
            "/spend/users",
            "List users by spend.",
            Input::Query(&const { [parameter("user_id", Text)] }),
            get(users::users),
        ),
        gets(
            "/spend/tags",
            "Get the spend by tag.",
            Input::Query(&const { [parameter("start_date", Date), parameter("end_date", Date)] }),
            get(tags::all),
        ),
        posts(
            "/spend/calculate",
            "Calculate the cost of a request or a response.",
            Input::Body(calculate::FIELDS.to_vec()),
            post(calculate::calculate),
        ),
    ]
}
