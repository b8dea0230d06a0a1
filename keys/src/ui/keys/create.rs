//! `/ui/keys/new`: makes a key with `/key/generate`, and shows it once.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde_json::Map;

use super::super::fields::Filled;
use super::super::form::{Form, Link};
use super::super::page::{Frame, answer, html};
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::SECTION;
use super::form::NEW;
use super::view::Fresh;
use crate::body::Object;
use crate::rights::Operation;
use crate::routes::key;

#[derive(Template)]
#[template(path = "keys/fresh.html")]
pub(super) struct FreshPage {
    pub(super) frame: Frame,
    pub(super) fresh: Fresh,
    pub(super) is_new: bool,
    pub(super) grace: Option<String>,
}

pub(in super::super) async fn show(visit: Visit) -> Response {
    let allowed =
        visit.calling(Operation::KeyGenerate).and_then(|caller| caller.might(Operation::KeyGenerate));
    answer(&visit, SECTION, allowed.map(|()| page(&visit, Filled::of(&NEW, &Map::new()))))
}

fn page(visit: &Visit, form: Filled) -> Response {
    let page = Form {
        section: SECTION,
        above: Link::to("/ui/keys", "Keys"),
        title: "New key".to_owned(),
        note: None,
        action: "/ui/keys/new".to_owned(),
        back: "/ui/keys".to_owned(),
        verb: "Create key",
    };
    page.page(visit, form)
}

pub(in super::super) async fn create(Posted { visit, form }: Posted) -> Response {
    let mut filled = Filled::sent(&NEW, &form);
    let Some(body) = filled.changes() else { return page(&visit, filled) };
    let made = async {
        let caller = visit.calling(Operation::KeyGenerate)?;
        key::generate::generate(State(visit.app.clone()), caller, Object(body)).await
    };
    match made.await {
        Ok(Json(made)) => {
            let fresh = Fresh::of(&made, &visit.gateway());
            html(&FreshPage { frame: Frame::of(&visit, SECTION), fresh, is_new: true, grace: None })
        }
        Err(error) => {
            filled.complain(&error);
            page(&visit, filled)
        }
    }
}
