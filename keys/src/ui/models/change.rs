//! `/ui/models/new` and `/ui/models/{id}/edit`, like `/model/new` and `PATCH /model/{model_id}/update`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Map;

use super::super::fields::Filled;
use super::super::form::{Form, Link, segment};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::SECTION;
use super::form::{FIELDS, body, values};
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::model;

pub(in super::super) async fn show_new(visit: Visit) -> Response {
    let allowed = visit.allowed(Operation::ModelNew).await;
    answer(&visit, SECTION, allowed.map(|_| new_page(&visit, Filled::of(&FIELDS, &Map::new()))))
}

fn new_page(visit: &Visit, form: Filled) -> Response {
    let page = Form {
        section: SECTION,
        above: Link::to("/ui/models", "Models"),
        title: "New model".to_owned(),
        note: Some("It is served by every Envoy when this is saved, within seconds. If Envoy rejects it, it is not kept.".to_owned()),
        action: "/ui/models/new".to_owned(),
        back: "/ui/models".to_owned(),
        verb: "Add model",
    };
    page.page(visit, form)
}

pub(in super::super) async fn create(Posted { visit, form }: Posted) -> Response {
    let mut filled = Filled::sent(&FIELDS, &form);
    let Some(body) = body(&mut filled) else { return new_page(&visit, filled) };
    let made = async {
        let caller = visit.calling(Operation::ModelNew)?;
        model::new::new(State(visit.app.clone()), caller, Object(body)).await
    };
    match made.await {
        Ok(Json(made)) => {
            let id = made["model_id"].as_str().unwrap_or_default();
            Redirect::to(&format!("/ui/models/{}?done=model-added", segment(id))).into_response()
        }
        Err(error) => {
            filled.complain(&error);
            new_page(&visit, filled)
        }
    }
}

pub(in super::super) async fn show_edit(visit: Visit, Path(id): Path<String>) -> Response {
    let page = async {
        visit.allowed(Operation::ModelUpdate).await?;
        let row = visit.app.store.stored_model(&id).await?;
        let row = row.ok_or_else(|| {
            ApiError::missing("This model is not in the database. Change it in config.yaml.")
        })?;
        let model = visit.app.control.open(&row).ok_or_else(|| {
            ApiError::bad_request("The model was encrypted with another key. Delete it, and add it again.")
        })?;
        Ok(edit_page(&visit, &id, &model.name, Filled::of(&FIELDS, &values(&model))))
    };
    answer(&visit, SECTION, page.await)
}

fn edit_page(visit: &Visit, id: &str, name: &str, form: Filled) -> Response {
    let own = format!("/ui/models/{}", segment(id));
    let page = Form {
        section: SECTION,
        above: Link::to(own.as_str(), name),
        title: format!("Edit {name}"),
        note: Some("Every Envoy uses the change when this is saved, within seconds. If Envoy rejects it, the model stays as it is.".to_owned()),
        action: format!("{own}/edit"),
        back: own,
        verb: "Save changes",
    };
    page.page(visit, form)
}

pub(in super::super) async fn save(Path(id): Path<String>, Posted { visit, form }: Posted) -> Response {
    let mut filled = Filled::sent(&FIELDS, &form);
    let Some(body) = body(&mut filled) else { return edit_page(&visit, &id, &id, filled) };
    let saved = async {
        let caller = visit.calling(Operation::ModelUpdate)?;
        model::update::patch(State(visit.app.clone()), Path(id.clone()), caller, Object(body)).await
    };
    match saved.await {
        Ok(_) => Redirect::to(&format!("/ui/models/{}?done=saved", segment(&id))).into_response(),
        Err(error) => {
            filled.complain(&error);
            edit_page(&visit, &id, &id, filled)
        }
    }
}
