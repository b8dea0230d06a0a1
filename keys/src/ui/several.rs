//! One action for several rows of a list: users, teams or budgets.

use axum::response::{IntoResponse, Redirect, Response};

use super::form::{Affected, Link, Question};
use super::visit::Visit;
use crate::error::ApiError;
use crate::query::Query;

/// As many as a page of a list has, and some more.
const MOST: usize = 100;

/// The rows that are marked, and what to do with them.
#[derive(Debug)]
pub(super) struct Marked {
    pub(super) ids: Vec<String>,
    pub(super) action: String,
    pub(super) is_confirmed: bool,
}

/// What a list has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub(super) section: &'static str,
    /// The list's name, and its path.
    pub(super) list: &'static str,
    pub(super) path: &'static str,
    /// What one of them is called, and several.
    pub(super) one: &'static str,
    pub(super) many: &'static str,
}

impl Marked {
    /// Reads the form of a list.
    pub(super) fn of(form: &Query, rows: Rows) -> Result<Self, ApiError> {
        let ids: Vec<String> = form.all("id").filter(|id| !id.is_empty()).map(str::to_owned).collect();
        if ids.is_empty() {
            return Err(ApiError::bad_request(format!(
                "Nothing is selected. Mark {} in the list first.",
                rows.many
            )));
        }
        if ids.len() > MOST {
            return Err(ApiError::bad_request(format!(
                "At most {MOST} {} can be changed at once.",
                rows.many
            )));
        }
        let action = form.text("action").unwrap_or_default().to_owned();
        Ok(Self { ids, action, is_confirmed: form.has("confirmed") })
    }

    /// Asks before it is done.
    pub(super) fn ask(
        self,
        visit: &Visit,
        rows: Rows,
        (verb, meaning): (&'static str, &str),
        affected: Vec<Affected>,
    ) -> Response {
        let what = match affected.len() {
            1 => format!("1 {}", rows.one),
            number => format!("{number} {}", rows.many),
        };
        let hidden = [("action", self.action), ("confirmed", "1".to_owned())];
        let question = Question {
            section: rows.section,
            above: Link::to(rows.path, rows.list),
            title: format!("{verb} {what}?"),
            meaning: meaning.to_owned(),
            affected,
            action: format!("{}/selected", rows.path),
            back: rows.path.to_owned(),
            verb,
            hidden: hidden.into_iter().chain(self.ids.into_iter().map(|id| ("id", id))).collect(),
        };
        question.page(visit)
    }
}

/// Back to the list, which says what was done.
pub(super) fn done(rows: Rows, what: &str) -> Response {
    Redirect::to(&format!("{}?done={what}", rows.path)).into_response()
}

/// The action is none of those that the list offers.
pub(super) fn no_action() -> ApiError {
    ApiError::bad_request("Choose an action.")
}
