//! `POST /user/new`: creates a user and, by default, a key for it.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::schema::{FIELDS, show};
use crate::app::App;
use crate::body::Object;
use crate::error::{ApiError, Complaint};
use crate::rights::Allowed;
use crate::routes::account::apply;
use crate::routes::key::generate::make;
use crate::routes::schema::read;
use crate::routes::team::existing;
use crate::routes::team::member_add::{NewMember, add};
use crate::store::{AccountRow, Kind};
use crate::token::random_id;

/// Fields that apply to the user's key.
const OF_KEY: [&str; 10] = [
    "key_alias",
    "duration",
    "models",
    "aliases",
    "config",
    "permissions",
    "metadata",
    "blocked",
    "guardrails",
    "tags",
];

/// Creates a user, its memberships and its first key.
pub async fn new(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let mut sent = read(&FIELDS, body)?;
    app.defaults.complete_user(&mut sent);
    let text =
        |name: &str| sent.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let user_id = text("user_id").map_or_else(random_id, str::to_owned);
    if let Some(email) = text("user_email")
        && let Some(known) = app.store.user_by_email(email).await?
    {
        let known = known.email.unwrap_or_default();
        return Err(ApiError::conflict(format!("User with email {known} already exists")));
    }
    let teams = teams(&sent)?;
    let mut user = AccountRow::new(Kind::User, &user_id, &by);
    apply(&mut user, &FIELDS, &sent)?;
    user.total_spend = user.spend;
    for (team, _) in &teams {
        existing(&app, team).await?;
    }
    if !app.store.insert_account(&user).await? {
        return Err(ApiError::conflict(format!("User with id {user_id} already exists")));
    }
    for (team, member) in &teams {
        add(&app, team, &NewMember { user_id: user_id.clone(), ..member.clone() }, &by).await?;
    }
    tracing::info!(user = user_id, "user created");

    let mut answer = match sent.get("auto_create_key").and_then(Value::as_bool) {
        Some(false) => Map::new(),
        _ => key(&app, &user_id, &teams, &sent, &by).await?,
    };
    answer.entry("key").or_insert_with(|| json!(""));
    let ids: Vec<_> = teams.into_iter().map(|(team, _)| team).collect();
    // The user's own budget and limits; its key has none.
    answer.extend(show(&user, &ids));
    Ok(Json(Value::Object(answer)))
}

async fn key(
    app: &App,
    user_id: &str,
    teams: &[(String, NewMember)],
    sent: &Map<String, Value>,
    by: &str,
) -> Result<Map<String, Value>, ApiError> {
    let mut fields: Map<String, Value> =
        OF_KEY.iter().filter_map(|name| Some(((*name).to_owned(), sent.get(*name)?.clone()))).collect();
    fields.insert("user_id".to_owned(), json!(user_id));
    if let [(team, _)] = teams
        && sent.get("team_id").is_some_and(Value::is_string)
    {
        fields.insert("team_id".to_owned(), json!(team));
    }
    match make(app, &fields, by, None).await? {
        Value::Object(answer) => Ok(answer),
        _ => Ok(Map::new()),
    }
}

/// `teams` is a list of ids, or of objects with the member's budget and role; `team_id` is the older form.
fn teams(sent: &Map<String, Value>) -> Result<Vec<(String, NewMember)>, ApiError> {
    let complain = |at: Option<usize>| {
        let mut loc = vec![json!("body"), json!("teams")];
        loc.extend(at.map(Value::from));
        let kind = if at.is_some() { "string_type" } else { "list_type" };
        let msg =
            if at.is_some() { "Input should be a valid string" } else { "Input should be a valid list" };
        ApiError::invalid_body(&[Complaint { kind, loc, msg: msg.to_owned() }])
    };
    let mut teams = Vec::new();
    match sent.get("teams") {
        None | Some(Value::Null) => {}
        Some(Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                let id =
                    item.as_str().or_else(|| item.get("team_id")?.as_str()).filter(|id| !id.contains('\0'));
                let id = id.ok_or_else(|| complain(Some(at)))?;
                let member = NewMember {
                    admin: item.get("user_role").and_then(Value::as_str) == Some("admin"),
                    max_budget: item.get("max_budget_in_team").and_then(Value::as_f64),
                    ..NewMember::default()
                };
                teams.push((id.to_owned(), member));
            }
        }
        Some(_) => return Err(complain(None)),
    }
    if let Some(team) = sent.get("team_id").and_then(Value::as_str).filter(|team| !team.is_empty())
        && teams.iter().all(|(id, _)| id != team)
    {
        teams.push((team.to_owned(), NewMember::default()));
    }
    Ok(teams)
}
