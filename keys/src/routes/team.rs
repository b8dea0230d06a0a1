//! `/team/*`

pub mod block;
pub mod delete;
pub mod info;
pub mod list;
pub mod member_add;
pub mod member_delete;
pub mod member_update;
pub mod new;
pub(super) mod paths;
pub mod permissions;
pub mod schema;
pub mod unblock;
pub mod update;

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::{ApiError, Complaint};
use crate::query::Query;
use crate::store::{AccountRow, Kind, member_id};

/// `team_id` of the query.
fn asked(query: &Query) -> Result<&str, ApiError> {
    query.text("team_id").ok_or_else(|| {
        ApiError::invalid_body(&[Complaint {
            kind: "missing",
            loc: vec![json!("query"), json!("team_id")],
            msg: "Field required".to_owned(),
        }])
    })
}

/// The team with that id.
pub(super) async fn existing(app: &App, team_id: &str) -> Result<AccountRow, ApiError> {
    app.store.account(Kind::Team, team_id).await?.ok_or_else(|| not_found(team_id))
}

/// The team does not exist.
fn not_found(team_id: &str) -> ApiError {
    ApiError::missing(format!("Team not found, passed team_id={team_id}"))
}

/// The member that the fields `team_id`, and `user_id` or `user_email`, name.
async fn member(app: &App, team_id: &str, sent: &Map<String, Value>) -> Result<AccountRow, ApiError> {
    let text =
        |name: &str| sent.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    if app.store.account(Kind::Team, team_id).await?.is_none() {
        return Err(ApiError::bad_request(format!("Team id={team_id} does not exist in db")));
    }
    let (id, email) = (text("user_id"), text("user_email"));
    let found = match (id, email) {
        (Some(user), _) => app.store.account(Kind::TeamMember, &member_id(team_id, user)).await?,
        (None, Some(email)) => {
            let members = app.store.members(team_id).await?;
            let named = |member: &AccountRow| {
                member.email.as_ref().is_some_and(|own| own.to_lowercase() == email.to_lowercase())
            };
            match members.into_iter().find(named) {
                Some(member) => Some(member),
                None => match app.store.user_by_email(email).await? {
                    Some(user) => app.store.account(Kind::TeamMember, &member_id(team_id, &user.id)).await?,
                    None => None,
                },
            }
        }
        (None, None) => {
            return Err(ApiError::invalid_body(&[Complaint {
                kind: "value_error",
                loc: vec![json!("body")],
                msg: "Value error, Either user id or user email must be provided".to_owned(),
            }]));
        }
    };
    found.ok_or_else(|| ApiError::bad_request("User not found in team"))
}
