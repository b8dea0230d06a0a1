//! `/ui/teams/new` and `/ui/teams/{team}/edit`, like `/team/new` and `/team/update`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value, json};

use super::super::fields::Filled;
use super::super::form::{Form, Link, segment};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::SECTION;
use super::detail::{name_of, read};
use super::form::{KNOWN, NEW};
use crate::body::Object;
use crate::rights::Operation;
use crate::routes::team;
use crate::routes::team::schema::show as shown;

pub(in super::super) async fn show_new(visit: Visit) -> Response {
    let allowed = visit.allowed(Operation::TeamNew).await;
    answer(&visit, SECTION, allowed.map(|_| new_page(&visit, Filled::of(&NEW, &Map::new()))))
}

fn new_page(visit: &Visit, form: Filled) -> Response {
    let page = Form {
        section: SECTION,
        above: Link::to("/ui/teams", "Teams"),
        title: "New team".to_owned(),
        note: None,
        action: "/ui/teams/new".to_owned(),
        back: "/ui/teams".to_owned(),
        verb: "Create team",
    };
    page.page(visit, form)
}

pub(in super::super) async fn create(Posted { visit, form }: Posted) -> Response {
    let mut filled = Filled::sent(&NEW, &form);
    let Some(body) = filled.changes() else { return new_page(&visit, filled) };
    match team::new::new(State(visit.app.clone()), visit.caller.clone(), Object(body)).await {
        Ok(Json(made)) => {
            let id = made["team_id"].as_str().unwrap_or_default();
            Redirect::to(&format!("/ui/teams/{}?done=team-created", segment(id))).into_response()
        }
        Err(error) => {
            filled.complain(&error);
            new_page(&visit, filled)
        }
    }
}

pub(in super::super) async fn show_edit(visit: Visit, Path(id): Path<String>) -> Response {
    let page = async {
        visit.allowed(Operation::TeamUpdate).await?;
        let (team, _) = read(&visit, &id).await?;
        Ok(edit_page(&visit, &id, name_of(&team), Filled::of(&KNOWN, &shown(&team, &[]))))
    };
    answer(&visit, SECTION, page.await)
}

fn edit_page(visit: &Visit, id: &str, name: &str, form: Filled) -> Response {
    let own = format!("/ui/teams/{}", segment(id));
    let page = Form {
        section: SECTION,
        above: Link::to(own.as_str(), name),
        title: format!("Edit {name}"),
        note: Some("Changes apply to all keys of the team within about a second.".to_owned()),
        action: format!("{own}/edit"),
        back: own,
        verb: "Save changes",
    };
    page.page(visit, form)
}

pub(in super::super) async fn save(Path(id): Path<String>, Posted { visit, form }: Posted) -> Response {
    let own = format!("/ui/teams/{}", segment(&id));
    let mut filled = Filled::sent(&KNOWN, &form);
    let Some(mut body) = filled.changes() else { return edit_page(&visit, &id, &id, filled) };
    if body.is_empty() {
        return Redirect::to(&format!("{own}?done=unchanged")).into_response();
    }
    body.insert("team_id".to_owned(), json!(id));
    let saved = async {
        let allowed = visit.allowed(Operation::TeamUpdate).await?;
        team::update::update(State(visit.app.clone()), allowed, Object(body)).await
    };
    match saved.await.map(|Json(saved): Json<Value>| saved) {
        Ok(_) => Redirect::to(&format!("{own}?done=saved")).into_response(),
        Err(error) => {
            filled.complain(&error);
            edit_page(&visit, &id, &id, filled)
        }
    }
}
