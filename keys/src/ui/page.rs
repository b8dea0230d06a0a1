//! What all pages have: the frame, errors, redirects.

use askama::Template;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::login::name_of;
use super::visit::Visit;
use super::{assets, gateway, models};
use crate::app::App;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Operation;

/// What is wrong with a form, whatever its fields.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// No page of this session has sent it.
    Foreign,
    /// It is too large.
    TooLarge,
}

/// What is around every page.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) section: &'static str,
    pub(super) who: String,
    pub(super) role: String,
    pub(super) form_token: String,
    pub(super) notice: Option<&'static str>,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) version: &'static str,
    /// Whether the caller may see what was used.
    pub(super) sees_usage: bool,
    /// Whether the caller may see requests.
    pub(super) sees_requests: bool,
    /// Whether the caller may list users.
    pub(super) lists_users: bool,
    /// Whether the caller may list teams.
    pub(super) lists_teams: bool,
    /// Whether the caller may list budgets.
    pub(super) lists_budgets: bool,
    /// Whether the caller may see the models.
    pub(super) sees_models: bool,
    /// Whether the caller may read the audit log.
    pub(super) reads_audit: bool,
}

impl Frame {
    pub(super) fn of(visit: &Visit, section: &'static str) -> Self {
        let done = Query::parse(visit.path.split_once('?').map_or("", |(_, query)| query));
        let notice = done.text("done").and_then(notice);
        Self {
            section,
            who: name_of(&visit.caller),
            role: visit.caller.role().to_string().replace('_', " "),
            form_token: visit.id.form_token(),
            notice,
            style: assets::style(),
            script: assets::script(),
            version: env!("CARGO_PKG_VERSION"),
            sees_usage: visit.might(Operation::GlobalActivity),
            sees_requests: visit.might(Operation::SpendLogs),
            lists_users: visit.might(Operation::UserList),
            lists_teams: visit.might(Operation::TeamList) && visit.caller.user_id().is_some(),
            lists_budgets: visit.might(Operation::BudgetList),
            sees_models: models::may_see(visit),
            reads_audit: visit.might(Operation::AuditList),
        }
    }
}

/// What was done. Only these texts can be shown, whatever a link says.
fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "saved" => "The changes are saved.",
        "unchanged" => "Nothing was changed.",
        "blocked" => "The key is blocked.",
        "unblocked" => "The key is active again.",
        "deleted" => "The key is deleted.",
        "several-blocked" => "The selected keys are blocked.",
        "several-unblocked" => "The selected keys are active again.",
        "several-deleted" => "The selected keys are deleted.",
        "team-created" => "The team is created.",
        "team-blocked" => "The team is blocked.",
        "team-unblocked" => "The team is active again.",
        "team-deleted" => "The team is deleted.",
        "teams-blocked" => "The selected teams are blocked.",
        "teams-unblocked" => "The selected teams are active again.",
        "teams-deleted" => "The selected teams are deleted.",
        "users-deleted" => "The selected users are deleted.",
        "budgets-deleted" => "The selected budgets are deleted.",
        "member-added" => "The member is added.",
        "member-removed" => "The member is removed.",
        "user-created" => "The user is created.",
        "user-deleted" => "The user is deleted.",
        "model-added" => "The model is added.",
        "model-deleted" => "The model is deleted.",
        "budget-created" => "The budget is created.",
        "budget-deleted" => "The budget is deleted.",
        _ => return None,
    })
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    title: &'static str,
    text: String,
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "again.html")]
struct Again<'a> {
    path: &'a str,
}

#[derive(Template)]
#[template(path = "unavailable.html")]
struct Unavailable {
    text: String,
    style: &'static str,
}

/// Renders a template.
pub(super) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(cause) => {
            tracing::error!(%cause, "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The page, or an error page.
pub(super) fn answer(visit: &Visit, section: &'static str, page: Result<Response, ApiError>) -> Response {
    page.unwrap_or_else(|error| error_page(visit, section, &error))
}

fn error_page(visit: &Visit, section: &'static str, error: &ApiError) -> Response {
    let (title, hint) = match error.status() {
        StatusCode::NOT_FOUND => ("Not found", "It may have been deleted, or the link is incomplete."),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            "Not allowed",
            "Your role does not include this. An administrator can do it, or change your role.",
        ),
        status if status.is_server_error() => ("Temporarily unavailable", "Reload the page in a moment."),
        _ => ("Not possible", "Go back and correct it."),
    };
    let text = error.plain().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ");
    let page = ErrorPage { frame: Frame::of(visit, section), title, text, hint };
    (error.status(), html(&page)).into_response()
}

/// A form that is rejected whatever its fields.
pub(super) fn fault(visit: &Visit, fault: Fault) -> Response {
    let (status, text) = fault_text(fault);
    let hint = "Nothing was changed. Go back, reload the page and try again.";
    let page = ErrorPage { frame: Frame::of(visit, ""), title: "Not accepted", text: text.to_owned(), hint };
    (status, html(&page)).into_response()
}

/// Status and text of a fault.
pub(super) fn fault_text(fault: Fault) -> (StatusCode, &'static str) {
    match fault {
        Fault::Foreign => (StatusCode::FORBIDDEN, "The form was not sent by a page of this session."),
        Fault::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The form is too large."),
    }
}

/// Any other path below `/ui`.
pub(super) async fn not_found(State(_): State<App>, visit: Visit) -> Response {
    let error = ApiError::missing(format!("There is no page {}.", visit.page()));
    error_page(&visit, "", &error)
}

/// To the login form, and from there back to the page.
pub(super) fn to_login(path: &str, method: &Method) -> Response {
    // A form cannot be sent again by a link.
    let next = if method == Method::GET { gateway::own_page(path) } else { "/ui" };
    if next == "/ui" {
        return Redirect::to("/ui/login").into_response();
    }
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    Redirect::to(&format!("/ui/login?next={next}")).into_response()
}

/// A page that asks for itself again, this time from this site.
pub(super) fn again(path: &str) -> Response {
    html(&Again { path: gateway::own_page(path) })
}

/// The database does not respond.
pub(super) fn unavailable(error: &ApiError) -> Response {
    let text = error.plain().into_iter().map(|(_, text)| text).collect();
    (error.status(), html(&Unavailable { text, style: assets::style() })).into_response()
}
