//! `/user/daily/activity`, `/team/daily/activity`, `/tag/daily/activity`, `/organization/daily/activity`: usage by day, in parts by model, provider and key.

mod activity;
mod breakdown;
pub mod organization;
pub mod tag;
pub mod team;
pub mod user;

use axum::routing::get;

use super::paths::{Path, gets};
use crate::openapi::{Holds, Input, Parameter, parameter};

use Holds::{Date, Text, UpTo};

const PAGE: u64 = u32::MAX as u64;

const DATES: [Parameter; 4] = [
    parameter("start_date", Date),
    parameter("end_date", Date),
    parameter("model", Text),
    parameter("api_key", Text),
];

const PAGES: [Parameter; 2] =
    [parameter("page", UpTo(PAGE)), parameter("page_size", UpTo(activity::MOST_DAYS))];

/// The paths.
pub(super) fn paths() -> Vec<Path> {
    let gets = |path, summary, input, handler| gets(path, summary, Input::Query(input), handler);
    vec![
        gets(
            "/user/daily/activity",
            "Get the usage of users by day, paginated by days.",
            &const { [DATES[0], DATES[1], DATES[2], DATES[3], parameter("user_id", Text), PAGES[0], PAGES[1]] },
            get(user::pages),
        ),
        gets(
            "/user/daily/activity/aggregated",
            "Get the usage of users by day.",
            &const { [DATES[0], DATES[1], DATES[2], DATES[3], parameter("user_id", Text)] },
            get(user::aggregated),
        ),
        gets(
            "/team/daily/activity",
            "Get the usage of teams by day, paginated by days.",
            &const {
                [
                    DATES[0],
                    DATES[1],
                    DATES[2],
                    DATES[3],
                    parameter("team_ids", Text),
                    parameter("exclude_team_ids", Text),
                    PAGES[0],
                    PAGES[1],
                ]
            },
            get(team::pages),
        ),
        gets(
            "/tag/daily/activity",
            "Get the usage of tags by day, paginated by days.",
            &const { [DATES[0], DATES[1], DATES[2], parameter("tags", Text), PAGES[0], PAGES[1]] },
            get(tag::pages),
        ),
        gets(
            "/organization/daily/activity",
            "Get the usage of organizations by day, paginated by days.",
            &const {
                [
                    DATES[0],
                    DATES[1],
                    DATES[2],
                    DATES[3],
                    parameter("organization_ids", Text),
                    parameter("exclude_organization_ids", Text),
                    PAGES[0],
                    PAGES[1],
                ]
            },
            get(organization::pages),
        ),
    ]
}
