//! Authorization: a single [table](TABLE), which the handlers query, a test checks cell by cell, and
//! `docs/access.md` shows.
//!
//! A caller has a [`Role`], what it calls is an [`Operation`], and the object of the operation has a relation
//! to the caller ([`Whose`]). The three determine a [`Verdict`].

mod ask;
mod ceiling;
mod operation;
mod table;

pub use ask::{Allowed, Subject, team_member_permissions};
pub use ceiling::{Ceiling, Touched};
pub use table::{Row, TABLE};

use crate::auth::Role;

/// The columns of the table.
pub const ROLES: [Role; 5] =
    [Role::ProxyAdmin, Role::ProxyAdminViewer, Role::InternalUser, Role::InternalUserViewer, Role::Unknown];

/// An operation: a path of the key API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the path that `path` gives")]
pub enum Operation {
    KeyGenerate,
    KeyInfo,
    KeyList,
    KeyAliases,
    KeyHealth,
    KeyUpdate,
    KeyBulkUpdate,
    KeyRegenerate,
    KeyResetSpend,
    KeyDelete,
    KeyBlock,
    KeyUnblock,
    UserNew,
    UserInfo,
    UserUpdate,
    UserDelete,
    UserList,
    TeamNew,
    TeamInfo,
    TeamUpdate,
    TeamDelete,
    TeamList,
    TeamBlock,
    TeamUnblock,
    TeamMemberAdd,
    TeamMemberUpdate,
    TeamMemberDelete,
    TeamPermissionsList,
    TeamPermissionsUpdate,
    OrganizationNew,
    OrganizationUpdate,
    OrganizationDelete,
    OrganizationInfo,
    OrganizationList,
    OrganizationMemberAdd,
    OrganizationMemberUpdate,
    OrganizationMemberDelete,
    CustomerNew,
    CustomerInfo,
    CustomerUpdate,
    CustomerDelete,
    CustomerList,
    CustomerBlock,
    CustomerUnblock,
    TagNew,
    TagUpdate,
    TagInfo,
    TagList,
    TagDelete,
    BudgetNew,
    BudgetInfo,
    BudgetUpdate,
    BudgetDelete,
    BudgetList,
    SpendLogs,
    SpendCalculate,
    SpendKeys,
    SpendUsers,
    SpendTags,
    GlobalSpend,
    GlobalActivity,
    GlobalExceptions,
    UserDailyActivity,
    TeamDailyActivity,
    TagDailyActivity,
    OrganizationDailyActivity,
    ModelNew,
    ModelUpdate,
    ModelDelete,
    AuditList,
    AuditInfo,
}

/// The relation between the object of an operation and the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The operation has no object with an owner.
    Anything,
    /// The calling key, which has no user.
    Itself,
    /// The caller's own key outside of teams, which the caller created.
    Made,
    /// The caller's own key outside of teams, which someone else created for it.
    Given,
    /// The caller's own key in a team that it does not administer.
    OwnInTeam,
    /// Another member's key in a team of which the caller is an ordinary member.
    OfFellow,
    /// A key in a team that the caller administers, or in a team of an organization that it administers.
    OfLedTeam,
    /// Any other key.
    OfOthers,
    /// A team that the caller administers, or of an organization that it administers.
    LedTeam,
    /// A team that the caller or the calling key belongs to.
    JoinedTeam,
    /// Any other team.
    OtherTeam,
    /// An organization that the caller administers.
    LedOrganization,
    /// An organization that the caller belongs to.
    JoinedOrganization,
    /// Any other organization.
    OtherOrganization,
    /// The caller's end user.
    OwnUser,
    /// Any other user.
    OtherUser,
}

/// The contents of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed.
    Yes,
    /// Allowed if the team's `team_member_permissions` include the path.
    IfPermitted,
    /// Not allowed, with this error.
    No(Denial),
    /// This relation cannot occur for this role.
    Never,
}

/// Which error a rejected caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// 401: only proxy administrators call this.
    AdminOnly,
    /// 403: this role is read-only.
    ViewOnly,
    /// 401 `team_member_permission_error`.
    NotPermitted,
    /// 400: the user does not belong to the team.
    NotInTeam,
    /// 403: users can create keys only for themselves.
    NotYours,
    /// 403: only administrators of the key's team.
    KeyAdmins,
    /// 403: only administrators of the team.
    TeamAdmins,
    /// 403: only administrators of the organization.
    OrganizationAdmins,
    /// 403: only administrators update in bulk.
    BulkAdmins,
    /// 403: only administrators, and those of the key's team, reset spend.
    SpendAdmins,
    /// 403: only administrators change models.
    ModelAdmins,
    /// 403: only administrators, and those of the team, change a team's models.
    TeamModelAdmins,
    /// 403: only administrators list users.
    UserAdmins,
    /// 403: deleting another user's key.
    NotToDelete,
    /// 401: regenerating another user's key.
    NotToRegenerate,
    /// 403: reading another user's key.
    UnseenKey,
    /// 403: reading another user.
    UnseenUser,
    /// 403: reading another team.
    UnseenTeam,
    /// 403: the usage of another user.
    UnseenUsage,
    /// 404: the usage of a team that the caller does not belong to.
    NotOfTeam,
    /// 403: the calling key has no user whose objects could be listed.
    NoUser,
}

impl Denial {
    /// The status of the response.
    pub fn status(self) -> u16 {
        match self {
            Self::AdminOnly | Self::NotPermitted | Self::NotToRegenerate => 401,
            Self::NotInTeam => 400,
            Self::NotOfTeam => 404,
            Self::ViewOnly
            | Self::NotYours
            | Self::KeyAdmins
            | Self::TeamAdmins
            | Self::OrganizationAdmins
            | Self::BulkAdmins
            | Self::SpendAdmins
            | Self::ModelAdmins
            | Self::TeamModelAdmins
            | Self::UserAdmins
            | Self::NotToDelete
            | Self::UnseenKey
            | Self::UnseenUser
            | Self::UnseenTeam
            | Self::UnseenUsage
            | Self::NoUser => 403,
        }
    }
}

/// The cell of the table. Combinations without a row are rejected.
pub fn verdict(operation: Operation, whose: Whose, role: Role) -> Verdict {
    let row = TABLE.iter().find(|row| row.operation == operation && row.whose.contains(&whose));
    let column = ROLES.iter().position(|column| *column == role);
    let cell = row.zip(column).and_then(|(row, column)| row.verdicts.get(column));
    cell.copied().unwrap_or(Verdict::No(Denial::AdminOnly))
}
