//! `/ui/teams/{team}/members/…`: adds, changes and removes members, like `/team/member_add` and its siblings.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value, json};

use super::super::fields::Filled;
use super::super::form::{Affected, Form, Link, Question, segment};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::show::usd;
use super::super::visit::Visit;
use super::SECTION;
use super::detail::{name_of, read};
use super::form::{MEMBER, NEW_MEMBER};
use crate::body::Object;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject};
use crate::routes::team;
use crate::store::{AccountRow, Kind, member_id};

/// The page of the team.
fn own(id: &str) -> String {
    format!("/ui/teams/{}", segment(id))
}

/// The team, if the caller may do this to its members.
async fn team_for(visit: &Visit, operation: Operation, id: &str) -> Result<AccountRow, ApiError> {
    let (team, whose) = read(visit, id).await?;
    visit.calling(operation)?.may(&visit.app, operation, whose, Subject::team(id)).await?;
    Ok(team)
}

/// The member that the query names.
async fn member(visit: &Visit, team: &str, user: &str) -> Result<AccountRow, ApiError> {
    let member = visit.app.store.account(Kind::TeamMember, &member_id(team, user)).await?;
    member.ok_or_else(|| ApiError::missing("This user is not a member of the team."))
}

pub(in super::super) async fn show_new(visit: Visit, Path(id): Path<String>) -> Response {
    let page = async {
        let team = team_for(&visit, Operation::TeamMemberAdd, &id).await?;
        Ok(new_page(&visit, &id, name_of(&team), Filled::of(&NEW_MEMBER, &Map::new())))
    };
    answer(&visit, SECTION, page.await)
}

fn new_page(visit: &Visit, id: &str, name: &str, form: Filled) -> Response {
    let page = Form {
        section: SECTION,
        above: Link::to(own(id), name),
        title: format!("Add a member to {name}"),
        note: None,
        action: format!("{}/members/new", own(id)),
        back: own(id),
        verb: "Add member",
    };
    page.page(visit, form)
}

pub(in super::super) async fn add(Path(id): Path<String>, Posted { visit, form }: Posted) -> Response {
    let mut filled = Filled::sent(&NEW_MEMBER, &form);
    let Some(mut body) = filled.changes() else { return new_page(&visit, &id, &id, filled) };
    let mut member = Map::new();
    for name in ["user_id", "user_email", "role"] {
        if let Some(value) = body.remove(name) {
            member.insert(name.to_owned(), value);
        }
    }
    member.entry("role").or_insert_with(|| json!("user"));
    body.insert("member".to_owned(), Value::Object(member));
    body.insert("team_id".to_owned(), json!(id));
    let added = async {
        let caller = visit.calling(Operation::TeamMemberAdd)?;
        team::member_add::member_add(State(visit.app.clone()), caller, Object(body)).await
    };
    match added.await {
        Ok(_) => Redirect::to(&format!("{}?done=member-added", own(&id))).into_response(),
        Err(error) => {
            filled.complain(&error);
            new_page(&visit, &id, &id, filled)
        }
    }
}

pub(in super::super) async fn show_edit(visit: Visit, Path(id): Path<String>, query: Query) -> Response {
    let user = query.text("user").unwrap_or_default();
    let page = async {
        let team = team_for(&visit, Operation::TeamMemberUpdate, &id).await?;
        let member = member(&visit, &id, user).await?;
        let mut object = member.settings.clone();
        object.insert("role".to_owned(), json!(member.role));
        object.insert("max_budget_in_team".to_owned(), json!(member.max_budget));
        let own = member.max_budget.and(member.budget_duration.clone());
        object.insert("budget_duration".to_owned(), json!(own));
        object.insert("allowed_models".to_owned(), json!(member.strings("models")));
        Ok(edit_page(&visit, &id, name_of(&team), user, Filled::of(&MEMBER, &object)))
    };
    answer(&visit, SECTION, page.await)
}

fn query_of(user: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("user", user).finish()
}

fn edit_page(visit: &Visit, id: &str, name: &str, user: &str, form: Filled) -> Response {
    let page = Form {
        section: SECTION,
        above: Link::to(own(id), name),
        title: format!("Edit {user} in {name}"),
        note: None,
        action: format!("{}/members/edit?{}", own(id), query_of(user)),
        back: own(id),
        verb: "Save changes",
    };
    page.page(visit, form)
}

pub(in super::super) async fn save(
    Path(id): Path<String>,
    query: Query,
    Posted { visit, form }: Posted,
) -> Response {
    let user = query.text("user").unwrap_or_default();
    let mut filled = Filled::sent(&MEMBER, &form);
    let Some(mut body) = filled.changes() else { return edit_page(&visit, &id, &id, user, filled) };
    if body.is_empty() {
        return Redirect::to(&format!("{}?done=unchanged", own(&id))).into_response();
    }
    body.insert("team_id".to_owned(), json!(id));
    body.insert("user_id".to_owned(), json!(user));
    let saved = async {
        let caller = visit.calling(Operation::TeamMemberUpdate)?;
        team::member_update::member_update(State(visit.app.clone()), caller, Object(body)).await
    };
    match saved.await {
        Ok(_) => Redirect::to(&format!("{}?done=saved", own(&id))).into_response(),
        Err(error) => {
            filled.complain(&error);
            edit_page(&visit, &id, &id, user, filled)
        }
    }
}

pub(in super::super) async fn ask_remove(visit: Visit, Path(id): Path<String>, query: Query) -> Response {
    let user = query.text("user").unwrap_or_default();
    let page = async {
        let team = team_for(&visit, Operation::TeamMemberDelete, &id).await?;
        let member = member(&visit, &id, user).await?;
        let question = Question {
            section: SECTION,
            above: Link::to(own(&id), name_of(&team)),
            title: format!("Remove {user} from {}?", name_of(&team)),
            meaning: "The member's keys of this team are deleted, so that requests with them are rejected with 401. The user, other keys and \
                      other memberships stay. This cannot be undone."
                .to_owned(),
            affected: vec![Affected {
                name: user.to_owned(),
                note: format!("{} spent in the team in total", usd(member.total_spend.usd())),
                at: None,
            }],
            action: format!("{}/members/remove?{}", own(&id), query_of(user)),
            back: own(&id),
            verb: "Remove member",
            hidden: Vec::new(),
        };
        Ok(question.page(&visit))
    };
    answer(&visit, SECTION, page.await)
}

pub(in super::super) async fn remove(
    Path(id): Path<String>,
    query: Query,
    Posted { visit, .. }: Posted,
) -> Response {
    let done = async {
        let caller = visit.calling(Operation::TeamMemberDelete)?;
        let body = Map::from_iter([
            ("team_id".to_owned(), json!(id)),
            ("user_id".to_owned(), json!(query.text("user"))),
        ]);
        team::member_delete::member_delete(State(visit.app.clone()), caller, Object(body)).await
    };
    let done = done.await.map(|_| Redirect::to(&format!("{}?done=member-removed", own(&id))).into_response());
    answer(&visit, SECTION, done)
}
