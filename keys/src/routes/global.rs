//! `/global/*`: reports on all usage, from the roll-ups.

pub mod activity;
pub mod cache_hits;
pub mod end_users;
pub mod exceptions;
pub mod report;
pub mod spend;
pub mod tags;
pub mod teams;

use axum::routing::{get, post};

use super::paths::{Path, gets, posts};
use crate::openapi::{Holds, Input, Parameter, parameter};

use Holds::{Choice, Date, RequiredText, Text, UpTo};

const DATES: [Parameter; 2] = [parameter("start_date", Date), parameter("end_date", Date)];

/// The paths.
pub(super) fn paths() -> Vec<Path> {
    let gets = |path, summary, input, handler| gets(path, summary, Input::Query(input), handler);
    vec![
        gets("/global/spend", "Get the spend of the last 30 days.", &[], get(spend::total)),
        gets(
            "/global/spend/logs",
            "Get the spend of each of the last 30 days.",
            &const { [parameter("api_key", Text)] },
            get(spend::logs),
        ),
        gets(
            "/global/spend/keys",
            "Get the keys with the highest spend in the last 30 days.",
            &const { [parameter("limit", UpTo(spend::MOST))] },
            get(spend::keys),
        ),
        gets(
            "/global/spend/models",
            "Get the models with the highest spend in the last 30 days.",
            &const { [parameter("limit", UpTo(spend::MOST))] },
            get(spend::models),
        ),
        gets(
            "/global/spend/teams",
            "Get the spend of teams on each of the last 30 days.",
            &[],
            get(teams::teams),
        ),
        gets("/global/spend/provider", "Get the spend by provider.", &DATES, get(spend::providers)),
        gets(
            "/global/spend/tags",
            "Get the spend by tag.",
            &const { [DATES[0], DATES[1], parameter("tags", Text)] },
            get(tags::spend),
        ),
        gets("/global/spend/all_tag_names", "List the tags of requests.", &[], get(tags::names)),
        gets("/global/all_end_users", "List the end users of requests.", &[], get(end_users::names)),
        posts(
            "/global/spend/end_users",
            "Get the 100 end users with the highest spend.",
            Input::OptionalBody(end_users::FIELDS.to_vec()),
            post(end_users::spend),
        ),
        gets(
            "/global/spend/report",
            "Get the spend by team, customer or key.",
            &const {
                [
                    DATES[0],
                    DATES[1],
                    parameter("group_by", Choice(&["team", "customer", "api_key"])),
                    parameter("api_key", Text),
                    parameter("internal_user_id", Text),
                    parameter("team_id", Text),
                    parameter("customer_id", Text),
                ]
            },
            get(report::report),
        ),
        gets("/global/activity", "Get requests and tokens by day.", &DATES, get(activity::activity)),
        gets(
            "/global/activity/model",
            "Get requests and tokens by model and day.",
            &DATES,
            get(activity::by_model),
        ),
        gets(
            "/global/activity/cache_hits",
            "Get requests with cached tokens by key and model.",
            &DATES,
            get(cache_hits::cache_hits),
        ),
        gets(
            "/global/activity/exceptions",
            "Get rate limit errors of a model group by day.",
            &const { [parameter("model_group", RequiredText), DATES[0], DATES[1]] },
            get(exceptions::exceptions),
        ),
        gets(
            "/global/activity/exceptions/deployment",
            "Get rate limit errors of a model group by api_base and day.",
            &const { [parameter("model_group", RequiredText), DATES[0], DATES[1]] },
            get(exceptions::by_deployment),
        ),
    ]
}
