//! `/organization/*`: organizations, which teams and keys belong to.

pub mod delete;
pub mod info;
pub mod list;
pub mod member_add;
pub mod member_delete;
pub mod member_update;
pub mod new;
pub(super) mod paths;
pub mod schema;
pub mod update;

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::{ApiError, Complaint};
use crate::store::{AccountRow, Kind, member_id};

/// The organization with that id.
async fn existing(app: &App, id: &str) -> Result<AccountRow, ApiError> {
    app.store.account(Kind::Organization, id).await?.ok_or_else(|| not_found(id))
}

/// The organization does not exist.
fn not_found(id: &str) -> ApiError {
    ApiError::missing(format!("Organization not found for organization_id={id}"))
}

/// The member that the fields `user_id` or `user_email` name.
async fn member(app: &App, id: &str, sent: &Map<String, Value>) -> Result<AccountRow, ApiError> {
    existing(app, id).await?;
    let text =
        |name: &str| sent.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let user = match (text("user_id"), text("user_email")) {
        (Some(user), _) => Some(user.to_owned()),
        (None, Some(email)) => app.store.user_by_email(email).await?.map(|user| user.id),
        (None, None) => {
            return Err(ApiError::invalid_body(&[Complaint {
                kind: "value_error",
                loc: vec![json!("body")],
                msg: "Value error, Either user id or user email must be provided".to_owned(),
            }]));
        }
    };
    let found = match &user {
        Some(user) => app.store.account(Kind::OrganizationMember, &member_id(id, user)).await?,
        None => None,
    };
    found.ok_or_else(|| {
        let user = user.as_deref().or(text("user_email")).unwrap_or_default();
        ApiError::missing(format!("User {user} is not a member of organization {id}"))
    })
}
