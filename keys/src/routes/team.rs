//! `/team/*`

pub mod block;
pub mod delete;
pub mod info;
pub mod list;
pub mod member_add;
pub mod new;
pub mod permissions;
pub mod schema;
pub mod unblock;
pub mod update;

use serde_json::json;

use crate::app::App;
use crate::error::{ApiError, Complaint};
use crate::query::Query;
use crate::store::{AccountRow, Kind};

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
