//! `/ui/users/new` and `/ui/users/{user}/edit`, like `/user/new` and `/user/update`. A user that is created here has no key yet.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, json};

use super::super::fields::Filled;
use super::super::form::{Form, Link, segment};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::SECTION;
use super::detail::{name_of, read};
use super::form::{KNOWN, NEW};
use crate::auth::Role;
use crate::body::Object;
use crate::rights::Operation;
use crate::routes::user;
use crate::routes::user::schema::show as shown;

pub(in super::super) async fn show_new(visit: Visit) -> Response {
    let allowed = visit.allowed(Operation::UserNew).await;
    let empty = Map::from_iter([("user_role".to_owned(), json!(Role::InternalUser.to_string()))]);
    answer(&visit, SECTION, allowed.map(|_| new_page(&visit, Filled::of(&NEW, &empty))))
}

fn new_page(visit: &Visit, form: Filled) -> Response {
    let page = Form {
        section: SECTION,
        above: Link::to("/ui/users", "Users"),
        title: "New user".to_owned(),
        note: Some("Create a key for the user afterwards.".to_owned()),
        action: "/ui/users/new".to_owned(),
        back: "/ui/users".to_owned(),
        verb: "Create user",
    };
    page.page(visit, form)
}

pub(in super::super) async fn create(Posted { visit, form }: Posted) -> Response {
    let mut filled = Filled::sent(&NEW, &form);
    let Some(mut body) = filled.changes() else { return new_page(&visit, filled) };
    body.insert("auto_create_key".to_owned(), json!(false));
    if let Some(role) = form.text("user_role") {
        body.insert("user_role".to_owned(), json!(role));
    }
    let made = async {
        let allowed = visit.allowed(Operation::UserNew).await?;
        user::new::new(State(visit.app.clone()), allowed, Object(body)).await
    };
    match made.await {
        Ok(Json(made)) => {
            let id = made["user_id"].as_str().unwrap_or_default();
            Redirect::to(&format!("/ui/users/{}?done=user-created", segment(id))).into_response()
        }
        Err(error) => {
            filled.complain(&error);
            new_page(&visit, filled)
        }
    }
}

pub(in super::super) async fn show_edit(visit: Visit, Path(id): Path<String>) -> Response {
    let page = async {
        visit.allowed(Operation::UserUpdate).await?;
        let user = read(&visit, &id).await?;
        let mut object = shown(&user, &[]);
        object.insert("user_role".to_owned(), json!(Role::of(&user).to_string()));
        Ok(edit_page(&visit, &id, name_of(&user), Filled::of(&KNOWN, &object)))
    };
    answer(&visit, SECTION, page.await)
}

fn edit_page(visit: &Visit, id: &str, name: &str, form: Filled) -> Response {
    let own = format!("/ui/users/{}", segment(id));
    let page = Form {
        section: SECTION,
        above: Link::to(own.as_str(), name),
        title: format!("Edit {name}"),
        note: Some("Changes apply to all keys of the user within about a second.".to_owned()),
        action: format!("{own}/edit"),
        back: own,
        verb: "Save changes",
    };
    page.page(visit, form)
}

pub(in super::super) async fn save(Path(id): Path<String>, Posted { visit, form }: Posted) -> Response {
    let own = format!("/ui/users/{}", segment(&id));
    let mut filled = Filled::sent(&KNOWN, &form);
    let Some(mut body) = filled.changes() else { return edit_page(&visit, &id, &id, filled) };
    if body.is_empty() {
        return Redirect::to(&format!("{own}?done=unchanged")).into_response();
    }
    body.insert("user_id".to_owned(), json!(id));
    let saved = async {
        let allowed = visit.allowed(Operation::UserUpdate).await?;
        // The API would create a user that somebody has deleted meanwhile.
        read(&visit, &id).await?;
        user::update::update(State(visit.app.clone()), allowed, Object(body)).await
    };
    match saved.await {
        Ok(_) => Redirect::to(&format!("{own}?done=saved")).into_response(),
        Err(error) => {
            filled.complain(&error);
            edit_page(&visit, &id, &id, filled)
        }
    }
}
