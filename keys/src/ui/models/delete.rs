//! `/ui/models/{id}/delete`, like `/model/delete`.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::super::form::{Link, Question, segment};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::SECTION;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::model;

pub(in super::super) async fn ask(visit: Visit, Path(id): Path<String>) -> Response {
    answer(&visit, SECTION, question(&visit, &id).await)
}

async fn question(visit: &Visit, id: &str) -> Result<Response, ApiError> {
    visit.allowed(Operation::ModelDelete).await?;
    let row = visit.app.store.stored_model(id).await?;
    let row = row
        .ok_or_else(|| ApiError::missing("This model is not in the database. Remove it from config.yaml."))?;
    let others = visit.app.control.deployments();
    let others = others.iter().filter(|other| other.group == row.name && other.id != id).count();
    let rest = match others {
        0 => format!(
            "It is the only deployment of {}: requests for that name are then rejected with 404.",
            row.name
        ),
        1 => format!("The other deployment of {} gets its requests.", row.name),
        more => format!("The {more} other deployments of {} get its requests.", row.name),
    };
    let own = format!("/ui/models/{}", segment(id));
    let question = Question {
        section: SECTION,
        above: Link::to(own.as_str(), row.name.as_str()),
        title: format!("Delete {}?", row.name),
        meaning: format!(
            "{rest} Its credential is deleted with it. Requests that are running finish. This cannot be undone."
        ),
        affected: Vec::new(),
        action: format!("{own}/delete"),
        back: own,
        verb: "Delete model",
        hidden: Vec::new(),
    };
    Ok(question.page(visit))
}

pub(in super::super) async fn delete(Path(id): Path<String>, Posted { visit, .. }: Posted) -> Response {
    let done = async {
        let caller = visit.calling(Operation::ModelDelete)?;
        let body = Object([("id".to_owned(), json!(id))].into_iter().collect());
        model::delete::delete(State(visit.app.clone()), caller, body).await
    };
    let done = done.await.map(|_| Redirect::to("/ui/models?done=model-deleted").into_response());
    answer(&visit, SECTION, done)
}
