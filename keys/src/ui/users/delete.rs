//! `/ui/users/{user}/delete`, like `/user/delete`.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::super::form::{Affected, Link, Question, segment};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::show::{count, usd};
use super::super::visit::Visit;
use super::SECTION;
use super::detail::{name_of, read};
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::user;
use crate::store::Kind;

pub(super) const MEANING: &str = "The user's keys are deleted, so that requests with them are rejected with 401, and the user leaves all teams. This cannot be \
                       undone. What the user has spent stays in the spend log.";

pub(in super::super) async fn ask(visit: Visit, Path(id): Path<String>) -> Response {
    answer(&visit, SECTION, question(&visit, &id).await)
}

async fn question(visit: &Visit, id: &str) -> Result<Response, ApiError> {
    visit.allowed(Operation::UserDelete).await?;
    let user = read(visit, id).await?;
    let own = format!("/ui/users/{}", segment(id));
    let keys = visit.app.store.keys_by_owner(Kind::User, &[id.to_owned()]).await?;
    let keys = keys.first().map_or(0, |(_, keys)| *keys);
    let question = Question {
        section: SECTION,
        above: Link::to(own.as_str(), name_of(&user)),
        title: format!("Delete {}?", name_of(&user)),
        meaning: MEANING.to_owned(),
        affected: vec![Affected {
            name: if keys == 1 { "1 key".to_owned() } else { format!("{} keys", count(keys)) },
            note: format!("{} spent in total", usd(user.total_spend.usd())),
            at: None,
        }],
        action: format!("{own}/delete"),
        back: own,
        verb: "Delete user",
        hidden: Vec::new(),
    };
    Ok(question.page(visit))
}

pub(in super::super) async fn delete(Path(id): Path<String>, Posted { visit, .. }: Posted) -> Response {
    let done = async {
        let allowed = visit.allowed(Operation::UserDelete).await?;
        let body = Object([("user_ids".to_owned(), json!([id]))].into_iter().collect());
        user::delete::delete(State(visit.app.clone()), allowed, body).await
    };
    let done = done.await.map(|_| Redirect::to("/ui/users?done=user-deleted").into_response());
    answer(&visit, SECTION, done)
}
