//! Who may do what, and with whose: one [table](TABLE) that the handlers ask, a test walks cell by cell, and
//! `docs/access.md` shows.
//!
//! A caller has a [`Role`]; what it calls is an [`Operation`]; what the operation is about stands in some relation to the
//! caller ([`Whose`]). The three together give a [`Verdict`].

mod ask;
mod ceiling;
mod operation;
mod page;
mod table;

pub use ask::{Allowed, Subject, team_member_permissions};
pub use ceiling::{Ceiling, Touched};
pub use page::page;
pub use table::{Row, TABLE};

use crate::auth::Role;

/// The columns of the table.
pub const ROLES: [Role; 5] =
    [Role::ProxyAdmin, Role::ProxyAdminViewer, Role::InternalUser, Role::InternalUserViewer, Role::Unknown];

/// What is asked for: one path of the key API.
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
    TeamPermissionsList,
    TeamPermissionsUpdate,
    BudgetNew,
    BudgetInfo,
    BudgetUpdate,
    BudgetDelete,
    BudgetList,
    SpendLogs,
    SpendCalculate,
}

/// What the thing that an operation is about has to do with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The operation is about nothing that belongs to somebody.
    Anything,
    /// The calling key, which has no user.
    Itself,
    /// A key of the caller in no team, which the caller made.
    Made,
    /// A key of the caller in no team, which somebody else made for it.
    Given,
    /// A key of the caller in a team that it does not administer.
    OwnInTeam,
    /// A key of somebody else in a team of which the caller is a plain member.
    OfFellow,
    /// A key in a team that the caller administers.
    OfLedTeam,
    /// Any other key.
    OfOthers,
    /// A team that the caller administers.
    LedTeam,
    /// A team to which the caller, or the calling key, belongs.
    JoinedTeam,
    /// Any other team.
    OtherTeam,
    /// The caller's own user.
    OwnUser,
    /// Any other user.
    OtherUser,
}

/// What a cell of the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Yes,
    /// It may where the team's `team_member_permissions` name the path.
    IfPermitted,
    /// It may not, and is told so in these words.
    No(Denial),
    /// Nobody of that role stands in that relation to anything.
    Never,
}

/// How a caller is told that it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// 401: only proxy administrators call this.
    AdminOnly,
    /// 403: this role only reads.
    ViewOnly,
    /// 401 `team_member_permission_error`.
    NotPermitted,
    /// 400: the user does not belong to the team.
    NotInTeam,
    /// 403: users have keys for themselves only.
    NotYours,
    /// 403: only administrators of the key's team.
    KeyAdmins,
    /// 403: only administrators of the team.
    TeamAdmins,
    /// 403: only administrators update in bulk.
    BulkAdmins,
    /// 403: only administrators, and those of the key's team, reset spend.
    SpendAdmins,
    /// 403: only administrators list users.
    UserAdmins,
    /// 403: somebody else's key is not deleted.
    NotToDelete,
    /// 401: somebody else's key is not regenerated.
    NotToRegenerate,
    /// 403: somebody else's key is not shown.
    UnseenKey,
    /// 403: somebody else is not shown.
    UnseenUser,
    /// 403: another team is not shown.
    UnseenTeam,
    /// 403: the calling key has no user whose things could be listed.
    NoUser,
}

impl Denial {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::AdminOnly | Self::NotPermitted | Self::NotToRegenerate => 401,
            Self::NotInTeam => 400,
            Self::ViewOnly
            | Self::NotYours
            | Self::KeyAdmins
            | Self::TeamAdmins
            | Self::BulkAdmins
            | Self::SpendAdmins
            | Self::UserAdmins
            | Self::NotToDelete
            | Self::UnseenKey
            | Self::UnseenUser
            | Self::UnseenTeam
            | Self::NoUser => 403,
        }
    }
}

/// The cell of the table. What has no row is refused.
pub fn verdict(operation: Operation, whose: Whose, role: Role) -> Verdict {
    let row = TABLE.iter().find(|row| row.operation == operation && row.whose.contains(&whose));
    let column = ROLES.iter().position(|column| *column == role);
    let cell = row.zip(column).and_then(|(row, column)| row.verdicts.get(column));
    cell.copied().unwrap_or(Verdict::No(Denial::AdminOnly))
}
