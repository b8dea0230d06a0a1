//! Creates and updates the user who has logged in, with role and teams.

use serde_json::{Map, Value, json};

use super::Refusal;
use crate::app::App;
use crate::audit;
use crate::auth::ADMIN_USER_ID;
use crate::error::ApiError;
use crate::routes::account::apply;
use crate::routes::team::member_add::{NewMember, add};
use crate::routes::user::schema::FIELDS;
use crate::sso::{Settings, claim};
use crate::store::{AccountRow, Kind, StoreError};

/// Who has created memberships that follow the provider's groups.
const BY: &str = "single sign-on";

/// The role of a new user for whom nothing says another, as in `LiteLLM`.
const DEFAULT_ROLE: &str = "internal_user_viewer";

/// Longest name.
const LONGEST: usize = 255;

/// Groups of a person that are read.
const MOST_GROUPS: usize = 200;

impl From<StoreError> for Refusal {
    fn from(cause: StoreError) -> Self {
        Self::Unavailable(cause.to_string())
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Unavailable(error.message())
    }
}

/// The id of the user whom these claims are about, who then exists.
pub(super) async fn user(app: &App, settings: &Settings, claims: &Value) -> Result<String, Refusal> {
    let text = |name: &str| {
        let value = claim(claims, name)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = text.trim().to_owned();
        let is_name =
            !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
        (is_name && !value.is_null()).then_some(text)
    };
    let id = text(&settings.user_id).ok_or_else(|| {
        Refusal::Rejected(format!(
            "The provider sends no usable claim {} (GENERIC_USER_ID_ATTRIBUTE).",
            settings.user_id
        ))
    })?;
    if id == ADMIN_USER_ID {
        return Err(Refusal::Rejected(format!("The name {id} is reserved.")));
    }
    audit::acts(BY);
    let email = text(&settings.email);
    check_domain(settings, claims, email.as_deref())?;
    let groups = groups(claim(claims, &settings.groups));
    let role = match &settings.admin {
        Some(admin) if *admin == id => Some("proxy_admin"),
        _ => settings.role_of(claims, &groups),
    };
    match app.store.account(Kind::User, &id).await? {
        Some(known) => update(app, &known, role, email.as_deref()).await?,
        None => create(app, &id, role, email, text(&settings.name)).await?,
    }
    follow_groups(app, &id, &groups).await?;
    Ok(id)
}

fn check_domain(settings: &Settings, claims: &Value, email: Option<&str>) -> Result<(), Refusal> {
    if settings.domains.is_empty() {
        return Ok(());
    }
    let domain = email.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain.to_lowercase());
    let is_verified = claims.get("email_verified").and_then(Value::as_bool) != Some(false);
    match domain {
        Some(domain) if is_verified && settings.domains.contains(&domain) => Ok(()),
        _ => Err(Refusal::Rejected(
            "Your e-mail address is not of a domain that may log in (ALLOWED_EMAIL_DOMAINS).".to_owned(),
        )),
    }
}

/// A list, or one name.
fn groups(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).take(MOST_GROUPS).map(str::to_owned).collect()
        }
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

async fn create(
    app: &App,
    id: &str,
    role: Option<&'static str>,
    email: Option<String>,
    name: Option<String>,
) -> Result<(), Refusal> {
    // Two users cannot have one address.
    let email = match email {
        Some(email) if app.store.user_by_email(&email).await?.is_some() => None,
        email => email,
    };
    let mut fields = Map::new();
    for (field, value) in
        [("user_role", role.map(str::to_owned)), ("user_email", email), ("user_alias", name)]
    {
        fields.extend(value.map(|value| (field.to_owned(), json!(value))));
    }
    app.defaults.complete_user(&mut fields);
    fields.entry("user_role").or_insert_with(|| json!(DEFAULT_ROLE));
    let mut user = AccountRow::new(Kind::User, id, BY);
    apply(&mut user, &FIELDS, &fields)?;
    app.store.insert_account(&user).await?;
    Ok(())
}

async fn update(
    app: &App,
    known: &AccountRow,
    role: Option<&'static str>,
    email: Option<&str>,
) -> Result<(), Refusal> {
    let role = role.filter(|role| known.role.as_deref() != Some(role));
    let email = email.filter(|_| known.email.is_none());
    let email = match email {
        Some(email) if app.store.user_by_email(email).await?.is_none() => Some(email),
        _ => None,
    };
    if role.is_none() && email.is_none() {
        return Ok(());
    }
    let change = |user: &mut AccountRow| {
        if let Some(role) = role {
            user.role = Some(role.to_owned());
        }
        if let Some(email) = email {
            user.email = Some(email.to_owned());
        }
        Ok::<_, StoreError>(())
    };
    app.store.update_account(Kind::User, &known.id, BY, change).await?;
    Ok(())
}

/// Joins the teams whose ids are groups, and leaves those that were joined like this and are groups no more.
async fn follow_groups(app: &App, id: &str, groups: &[String]) -> Result<(), Refusal> {
    let places = app.store.memberships(id).await?;
    let is_member = |team: &str| places.iter().any(|place| place.team_id.as_deref() == Some(team));
    let wanted: Vec<_> = groups.iter().map(|group| (Kind::Team, group.clone())).collect();
    for team in app.store.accounts(&wanted).await?.iter().filter(|team| !is_member(&team.id)) {
        add(app, &team.id, &NewMember { user_id: id.to_owned(), ..NewMember::default() }, BY).await?;
    }
    let left = places.iter().filter(|place| {
        place.created_by == BY && place.team_id.as_ref().is_some_and(|team| !groups.contains(team))
    });
    let left: Vec<_> = left.map(|place| place.id.clone()).collect();
    if !left.is_empty() {
        app.store.delete_accounts(Kind::TeamMember, &left).await?;
    }
    Ok(())
}
