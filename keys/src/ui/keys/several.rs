//! `/ui/keys/selected`: one action for several keys.

use axum::response::{IntoResponse, Redirect, Response};

use super::super::page::{Frame, answer, html};
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::delete::{Confirm, MEANING};
use super::{SECTION, block, delete, detail};
use crate::error::ApiError;

/// As many as a page of the list has.
const MOST: usize = 100;

pub(in super::super) async fn act(Posted { visit, form }: Posted) -> Response {
    let keys: Vec<String> = form.all("key").filter(|key| !key.is_empty()).map(str::to_owned).collect();
    let done = perform(&visit, form.text("action").unwrap_or_default(), &keys, form.has("confirmed")).await;
    answer(&visit, SECTION, done)
}

async fn perform(
    visit: &Visit,
    action: &str,
    keys: &[String],
    confirmed: bool,
) -> Result<Response, ApiError> {
    if keys.is_empty() {
        return Err(ApiError::bad_request("No key is selected. Mark keys in the list first."));
    }
    if keys.len() > MOST {
        return Err(ApiError::bad_request(format!("At most {MOST} keys can be changed at once.")));
    }
    let done = match action {
        "unblock" => {
            for key in keys {
                block::set(visit, key, false).await?;
            }
            "several-unblocked"
        }
        "block" if confirmed => {
            for key in keys {
                block::set(visit, key, true).await?;
            }
            "several-blocked"
        }
        "delete" if confirmed => {
            delete::all(visit, keys).await?;
            "several-deleted"
        }
        "block" => {
            let meaning = "Within about a second, every request with one of them is rejected with 401. Blocked keys keep their settings \
                           and can be unblocked at any time.";
            return confirm(visit, keys, "Block", "block", meaning).await;
        }
        "delete" => return confirm(visit, keys, "Delete", "delete", MEANING).await,
        _ => return Err(ApiError::bad_request("Choose an action.")),
    };
    Ok(Redirect::to(&format!("/ui/keys?done={done}")).into_response())
}

async fn confirm(
    visit: &Visit,
    keys: &[String],
    verb: &'static str,
    chosen: &'static str,
    meaning: &'static str,
) -> Result<Response, ApiError> {
    let mut views = Vec::new();
    for key in keys {
        views.push(detail::read(visit, key).await?.0);
    }
    let many = if views.len() == 1 { "1 key".to_owned() } else { format!("{} keys", views.len()) };
    Ok(html(&Confirm {
        frame: Frame::of(visit, SECTION),
        title: format!("{verb} {many}?"),
        meaning,
        action: "/ui/keys/selected".to_owned(),
        back: "/ui/keys".to_owned(),
        verb,
        keys: views,
        chosen: Some(chosen),
    }))
}
