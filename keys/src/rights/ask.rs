//! Queries the table for a caller.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::{Denial, Operation, TABLE, Verdict, Whose, verdict};
use crate::app::App;
use crate::auth::{Caller, Role};
use crate::error::ApiError;
use crate::store::{AccountRow, KeyRow, Kind, member_id};

/// Default permissions of team members for the team's keys.
const DEFAULT_PERMISSIONS: [&str; 2] = ["/key/info", "/key/health"];

/// The object of an operation, as far as error messages name it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// Its user.
    pub user_id: Option<&'a str>,
    /// Its team.
    pub team_id: Option<&'a str>,
    /// Its organization.
    pub organization_id: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// A key.
    pub fn key(key: &'a KeyRow) -> Self {
        Self { user_id: key.user_id.as_deref(), team_id: key.team_id.as_deref(), ..Self::default() }
    }

    /// A team.
    pub fn team(team_id: &'a str) -> Self {
        Self { team_id: Some(team_id), ..Self::default() }
    }

    /// A user.
    pub fn user(user_id: &'a str) -> Self {
        Self { user_id: Some(user_id), ..Self::default() }
    }

    /// An organization.
    pub fn organization(organization_id: &'a str) -> Self {
        Self { organization_id: Some(organization_id), ..Self::default() }
    }
}

/// The name of a caller that may call a path without an owned object.
#[derive(Clone, Debug)]
pub struct Allowed(pub String);

impl FromRequestParts<App> for Allowed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let operation = Operation::at(parts.uri.path())
            .ok_or_else(|| ApiError::no_route(&parts.method, parts.uri.path()))?;
        caller.may(app, operation, Whose::Anything, Subject::default()).await?;
        Ok(Self(caller.name()))
    }
}

impl Caller {
    /// Rejects a caller whose role may not do this to any object, before the object is looked up.
    pub fn might(&self, operation: Operation) -> Result<(), ApiError> {
        let cells = TABLE.iter().filter(|row| row.operation == operation);
        let mut verdicts =
            cells.flat_map(|row| row.whose).map(|whose| verdict(operation, *whose, self.role()));
        match verdicts.next() {
            Some(Verdict::No(denial)) if verdicts.all(|other| other == Verdict::No(denial)) => {
                Err(self.refusal(operation, denial, Subject::default(), &[]))
            }
            _ => Ok(()),
        }
    }

    /// Queries the table.
    pub async fn may(
        &self,
        app: &App,
        operation: Operation,
        whose: Whose,
        subject: Subject<'_>,
    ) -> Result<(), ApiError> {
        match verdict(operation, whose, self.role()) {
            Verdict::Yes => Ok(()),
            Verdict::No(denial) => Err(self.refusal(operation, denial, subject, &[])),
            Verdict::Never => Err(self.refusal(operation, Denial::AdminOnly, subject, &[])),
            Verdict::IfPermitted => {
                let permissions = self.permissions(app, subject.team_id).await?;
                if permissions.iter().any(|path| Operation::at(path) == Some(operation)) {
                    return Ok(());
                }
                Err(self.refusal(operation, Denial::NotPermitted, subject, &permissions))
            }
        }
    }

    /// Queries the table for a key.
    pub async fn may_with_key(&self, app: &App, operation: Operation, key: &KeyRow) -> Result<(), ApiError> {
        let whose = self.relation(app, key).await?;
        self.may(app, operation, whose, Subject::key(key)).await
    }

    /// The relation of a key to this caller. Callers that can see everything need none.
    pub async fn relation(&self, app: &App, key: &KeyRow) -> Result<Whose, ApiError> {
        let Self::Key { key: calling, .. } = self else { return Ok(Whose::OfOthers) };
        if self.views_all() {
            return Ok(Whose::OfOthers);
        }
        let place = match key.team_id.as_deref() {
            Some(team) => self.place_in(app, team).await?,
            None => None,
        };
        let is_own = self.is_user(key.user_id.as_deref());
        Ok(match place {
            Some(place) if place.administers() => Whose::OfLedTeam,
            _ if self.governs(app, key.team_id.as_deref()).await? => Whose::OfLedTeam,
            _ if is_own && key.team_id.is_some() => Whose::OwnInTeam,
            _ if is_own && self.user_id() == Some(&key.created_by) => Whose::Made,
            _ if is_own => Whose::Given,
            Some(_) => Whose::OfFellow,
            None if calling.token == key.token => Whose::Itself,
            None => Whose::OfOthers,
        })
    }

    /// The relation of a team to this caller. A team's key belongs to the team, whoever holds it.
    pub async fn relation_to_team(&self, app: &App, team_id: &str) -> Result<Whose, ApiError> {
        let Self::Key { key, .. } = self else { return Ok(Whose::OtherTeam) };
        if self.views_all() {
            return Ok(Whose::OtherTeam);
        }
        Ok(match self.place_in(app, team_id).await? {
            Some(place) if place.administers() => Whose::LedTeam,
            _ if self.governs(app, Some(team_id)).await? => Whose::LedTeam,
            Some(_) => Whose::JoinedTeam,
            None if key.team_id.as_deref() == Some(team_id) => Whose::JoinedTeam,
            None => Whose::OtherTeam,
        })
    }

    /// The relation of an organization to this caller.
    pub async fn relation_to_organization(&self, app: &App, id: &str) -> Result<Whose, ApiError> {
        if self.views_all() {
            return Ok(Whose::OtherOrganization);
        }
        let Some(user) = self.user_id() else { return Ok(Whose::OtherOrganization) };
        let place = app.store.account(Kind::OrganizationMember, &member_id(id, user)).await?;
        Ok(match place {
            Some(place) if place.administers() => Whose::LedOrganization,
            Some(_) => Whose::JoinedOrganization,
            None => Whose::OtherOrganization,
        })
    }

    /// Whether the caller administers the organization of a team.
    async fn governs(&self, app: &App, team_id: Option<&str>) -> Result<bool, ApiError> {
        let (Some(team), Some(_)) = (team_id, self.user_id()) else { return Ok(false) };
        let team = app.store.account(Kind::Team, team).await?;
        match team.and_then(|team| team.organization_id) {
            Some(id) => Ok(self.relation_to_organization(app, &id).await? == Whose::LedOrganization),
            None => Ok(false),
        }
    }

    /// The caller's membership of a team.
    async fn place_in(&self, app: &App, team_id: &str) -> Result<Option<AccountRow>, ApiError> {
        let Some(user) = self.user_id() else { return Ok(None) };
        Ok(app.store.account(Kind::TeamMember, &member_id(team_id, user)).await?)
    }

    /// The paths that the caller may call for keys of a team of which it is an ordinary member.
    async fn permissions(&self, app: &App, team_id: Option<&str>) -> Result<Vec<String>, ApiError> {
        let Some(team_id) = team_id else { return Ok(Vec::new()) };
        if self.place_in(app, team_id).await?.is_none() {
            return Ok(Vec::new());
        }
        let team = app.store.account(Kind::Team, team_id).await?;
        Ok(team.map_or_else(Vec::new, |team| team_member_permissions(&team)))
    }

    fn refusal(
        &self,
        operation: Operation,
        denial: Denial,
        subject: Subject<'_>,
        permissions: &[String],
    ) -> ApiError {
        let (path, role, user_id) = (operation.path(), self.role(), self.user_id());
        let (user, team) = (subject.user_id.unwrap_or("None"), subject.team_id.unwrap_or("None"));
        match denial {
            Denial::AdminOnly => ApiError::admin_only(path, role, user_id),
            Denial::ViewOnly => ApiError::view_only(path, role),
            Denial::NotPermitted => ApiError::member_not_permitted(path, team, permissions),
            Denial::NotInTeam => ApiError::not_in_team(user_id.unwrap_or("None"), team),
            Denial::NotYours => ApiError::forbidden(format!(
                "User can only create keys for themselves. Got user_id={user}, Your ID={}",
                user_id.unwrap_or("None")
            )),
            Denial::KeyAdmins => ApiError::key_admins_only(path, role, user_id),
            Denial::TeamAdmins => ApiError::python_forbidden(&format!(
                "Call not allowed. User not proxy admin OR team admin. route={path}, team_id={team}"
            )),
            Denial::OrganizationAdmins => ApiError::python_forbidden(&format!(
                "Call not allowed. User not proxy admin OR org admin. route={path}, organization_id={}",
                subject.organization_id.unwrap_or("None")
            )),
            Denial::BulkAdmins => {
                ApiError::python_forbidden("Only proxy admins can perform bulk key updates")
            }
            Denial::SpendAdmins => {
                ApiError::python_forbidden("You must be a proxy admin or team admin to reset key spend")
            }
            Denial::ModelAdmins => ApiError::python_forbidden(&format!(
                "User does not have permission to make this model call. Your role={role}. You can only make model calls if \
                 you are a PROXY_ADMIN or if you are a team admin, by specifying a team_id in the model_info."
            )),
            Denial::TeamModelAdmins => ApiError::python_forbidden(&format!(
                "Team ID={team} does not match the API key's team ID={}, OR you are not the admin for this team. Check \
                 `/user/info` to verify your team admin status.",
                self.team_id().unwrap_or("None")
            )),
            Denial::UserAdmins => ApiError::python_forbidden("Only proxy admins can list users"),
            Denial::NotToDelete => ApiError::key_not_to_delete(),
            Denial::NotToRegenerate => ApiError::key_not_to_regenerate(),
            Denial::UnseenKey => ApiError::others_key_info(role),
            Denial::UnseenUser => ApiError::forbidden(format!(
                "key not allowed to access this user's info. user_id={user}, key's user_id={}",
                user_id.unwrap_or("None")
            )),
            Denial::UnseenTeam => ApiError::python_forbidden(&self.unseen_team(team)),
            Denial::UnseenUsage => {
                ApiError::python_forbidden("Non-admin users can only view their own spend data.")
            }
            Denial::NotOfTeam => ApiError::missing(format!(
                "User does not belong to Team= {team}. Call `/user/info` to see user's teams"
            )),
            Denial::NoUser => ApiError::no_user_id(),
        }
    }

    /// The team of the calling key.
    fn team_id(&self) -> Option<&str> {
        match self {
            Self::Key { key, .. } => key.team_id.as_deref(),
            Self::Admin => None,
        }
    }

    fn unseen_team(&self, team: &str) -> String {
        match (self.user_id(), self.team_id()) {
            (Some(user), _) => format!("User={user} not authorized to access this team={team}"),
            (None, Some(own)) => format!("Team key for team={own} not authorized to access this team={team}"),
            (None, None) => format!(
                "API key not authorized to access this team={team}. No user_id or team_id associated with this key."
            ),
        }
    }

    /// Whether this caller may see the key.
    pub async fn sees(&self, app: &App, key: &KeyRow) -> Result<bool, ApiError> {
        let whose = self.relation(app, key).await?;
        Ok(verdict(Operation::KeyInfo, whose, self.role()) == Verdict::Yes)
    }

    /// Whether the caller may do what only administrators of the key's team may.
    pub async fn administers_key(&self, app: &App, key: &KeyRow) -> Result<bool, ApiError> {
        Ok(self.role() == Role::ProxyAdmin || self.relation(app, key).await? == Whose::OfLedTeam)
    }
}

/// The paths that ordinary members of a team may call for its keys.
pub fn team_member_permissions(team: &AccountRow) -> Vec<String> {
    let said = team.strings("team_member_permissions");
    if said.is_empty() { DEFAULT_PERMISSIONS.map(str::to_owned).to_vec() } else { said }
}
