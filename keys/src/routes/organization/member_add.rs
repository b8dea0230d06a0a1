//! `POST /organization/member_add`: adds members to an organization.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::existing;
use super::schema::{MEMBER, show_member};
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::error::{ApiError, Complaint};
use crate::fields::{Field, Kind as Holds, read, required};
use crate::rights::{Operation, Subject};
use crate::routes::account::apply;
use crate::routes::user::schema::{FIELDS as USER, show as show_user};
use crate::store::{AccountRow, Kind};
use crate::token::random_id;

/// Fields of the body.
pub const FIELDS: [Field; 2] =
    [Field { name: "organization_id", kind: Holds::Text }, Field { name: "member", kind: Holds::Any }];

/// Adds one or several members. Users that do not exist are created.
pub async fn member_add(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let id = required(&sent, "organization_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let list = match sent.get("member") {
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
        None => return Err(complaint(&["member"], "missing", "Field required")),
    };
    let whose = caller.relation_to_organization(&app, id).await?;
    caller.may(&app, Operation::OrganizationMemberAdd, whose, Subject::organization(id)).await?;
    existing(&app, id).await?;
    let (mut users, mut members) = (Vec::new(), Vec::new());
    for item in list {
        let Value::Object(item) = item else {
            return Err(complaint(&["member"], "dict_type", "Input should be a valid dictionary"));
        };
        let (user, member) = add(&app, id, item, &caller.name()).await?;
        users.extend(user.map(|user| show_user(&user, &[])));
        members.push(show_member(&member));
    }
    Ok(Json(json!({
        "organization_id": id,
        "updated_users": users,
        "updated_organization_memberships": members,
    })))
}

/// Adds a member; creates the user if it does not exist.
async fn add(
    app: &App,
    id: &str,
    item: Map<String, Value>,
    by: &str,
) -> Result<(Option<AccountRow>, AccountRow), ApiError> {
    let read = read(&MEMBER, item).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let text = |name: &str| {
        let text = read.get(name).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let Some(role) = text("role") else {
        return Err(complaint(&["member", "role"], "missing", "Field required"));
    };
    let email = text("user_email");
    let user_id = match (text("user_id"), &email) {
        (Some(user), _) => user,
        (None, Some(email)) => app.store.user_by_email(email).await?.map_or_else(random_id, |user| user.id),
        (None, None) => {
            let msg = "Value error, Either user id or user email must be provided";
            return Err(complaint(&["member"], "value_error", msg));
        }
    };
    let mut user = AccountRow { email: email.clone(), ..AccountRow::new(Kind::User, &user_id, by) };
    let mut of_user = Map::new();
    app.defaults.complete_user(&mut of_user);
    apply(&mut user, &USER, &of_user)?;
    app.store.insert_account(&user).await?;
    let mut member = AccountRow::organization_member(id, &user_id, by);
    member.email = email;
    member.role = Some(role);
    if !app.store.insert_account(&member).await? {
        return Err(ApiError::bad_request(format!(
            "User {user_id} is already a member of organization {id}"
        )));
    }
    tracing::info!(organization = id, user = user_id, "organization member added");
    Ok((app.store.account(Kind::User, &user_id).await?, member))
}

fn complaint(place: &[&str], kind: &'static str, msg: &str) -> ApiError {
    let loc = core::iter::once(&"body").chain(place).map(|part| json!(part)).collect();
    ApiError::invalid_body(&[Complaint { kind, loc, msg: msg.to_owned() }])
}
