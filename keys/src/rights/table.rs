//! The table itself.

use super::Denial::{
    AdminOnly, BulkAdmins, KeyAdmins, NoUser, NotInTeam, NotToDelete, NotToRegenerate, NotYours, SpendAdmins,
    TeamAdmins, UnseenKey, UnseenTeam, UnseenUser, UserAdmins, ViewOnly,
};
use super::Operation::{
    self, BudgetDelete, BudgetInfo, BudgetList, BudgetNew, BudgetUpdate, KeyAliases, KeyBlock, KeyBulkUpdate,
    KeyDelete, KeyGenerate, KeyHealth, KeyInfo, KeyList, KeyRegenerate, KeyResetSpend, KeyUnblock, KeyUpdate,
    SpendCalculate, SpendLogs, TeamBlock, TeamDelete, TeamInfo, TeamList, TeamMemberAdd, TeamNew,
    TeamPermissionsList, TeamPermissionsUpdate, TeamUnblock, TeamUpdate, UserDelete, UserInfo, UserList,
    UserNew, UserUpdate,
};
use super::Verdict::{self, IfPermitted, Never, No, Yes};
use super::Whose::{
    self, Anything, Given, Itself, JoinedTeam, LedTeam, Made, OfFellow, OfLedTeam, OfOthers, OtherTeam,
    OtherUser, OwnInTeam, OwnUser,
};

/// A row: what each role may do.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The operation.
    pub operation: Operation,
    /// The relations that it applies to.
    pub whose: &'static [Whose],
    /// One verdict for each of [`super::ROLES`].
    pub verdicts: [Verdict; 5],
}

const fn row(operation: Operation, whose: &'static [Whose], verdicts: [Verdict; 5]) -> Row {
    Row { operation, whose, verdicts }
}

/// An operation on keys that administrators may do, and internal users according to `user`.
const fn keeps(operation: Operation, whose: &'static [Whose], user: Verdict) -> Row {
    row(operation, whose, [Yes, No(ViewOnly), user, No(AdminOnly), No(AdminOnly)])
}

/// An operation for administrators only.
const fn admins(operation: Operation) -> Row {
    keeps(operation, &[Anything], No(AdminOnly))
}

/// An operation that administrators and their viewers may do.
const fn viewers(operation: Operation) -> Row {
    row(operation, &[Anything], [Yes, Yes, No(AdminOnly), No(AdminOnly), No(AdminOnly)])
}

/// All authorization rules, with `LiteLLM`'s statuses, for each role in the order of [`super::ROLES`].
pub const TABLE: &[Row] = &[
    // The owner of a new key: oneself, oneself in a team, or someone else.
    keeps(KeyGenerate, &[Made, OfLedTeam], Yes),
    keeps(KeyGenerate, &[OwnInTeam], IfPermitted),
    keeps(KeyGenerate, &[OtherTeam], No(NotInTeam)),
    keeps(KeyGenerate, &[OfOthers], No(NotYours)),
    row(KeyInfo, &[Itself], [Never, Never, Never, Never, Yes]),
    row(KeyInfo, &[Made, Given, OwnInTeam], [Yes, Yes, Yes, Yes, Yes]),
    row(KeyInfo, &[OfFellow, OfLedTeam], [Yes, Yes, Yes, Yes, Never]),
    row(KeyInfo, &[OfOthers], [Yes, Yes, No(UnseenKey), No(UnseenKey), No(UnseenKey)]),
    row(KeyList, &[Anything], [Yes, Yes, Yes, Yes, No(NoUser)]),
    row(KeyAliases, &[Anything], [Yes, Yes, Yes, Yes, No(NoUser)]),
    row(KeyHealth, &[Anything], [Yes, Yes, Yes, Yes, Yes]),
    // Users may change everything but the budget of keys that they created themselves, and nothing of keys
    // that they were given.
    keeps(KeyUpdate, &[Made, OfLedTeam], Yes),
    keeps(KeyUpdate, &[Given], No(KeyAdmins)),
    keeps(KeyUpdate, &[OwnInTeam], IfPermitted),
    keeps(KeyUpdate, &[OfFellow, OfOthers], No(NotYours)),
    keeps(KeyBulkUpdate, &[Anything], No(BulkAdmins)),
    keeps(KeyRegenerate, &[Made, Given, OfLedTeam], Yes),
    keeps(KeyRegenerate, &[OwnInTeam, OfFellow], IfPermitted),
    keeps(KeyRegenerate, &[OfOthers], No(NotToRegenerate)),
    keeps(KeyResetSpend, &[Made, Given, OwnInTeam, OfFellow, OfOthers], No(SpendAdmins)),
    keeps(KeyResetSpend, &[OfLedTeam], Yes),
    keeps(KeyDelete, &[Made, Given, OwnInTeam, OfLedTeam], Yes),
    keeps(KeyDelete, &[OfFellow, OfOthers], No(NotToDelete)),
    keeps(KeyBlock, &[Made, Given, OwnInTeam, OfFellow, OfOthers], No(KeyAdmins)),
    keeps(KeyBlock, &[OfLedTeam], Yes),
    keeps(KeyUnblock, &[Made, Given, OwnInTeam, OfFellow, OfOthers], No(KeyAdmins)),
    keeps(KeyUnblock, &[OfLedTeam], Yes),
    admins(UserNew),
    row(UserInfo, &[OwnUser], [Yes, Yes, Yes, Yes, Never]),
    row(UserInfo, &[OtherUser], [Yes, Yes, No(UnseenUser), No(UnseenUser), No(UnseenUser)]),
    admins(UserUpdate),
    admins(UserDelete),
    row(UserList, &[Anything], [Yes, Yes, No(UserAdmins), No(UserAdmins), No(UserAdmins)]),
    admins(TeamNew),
    row(TeamInfo, &[LedTeam], [Yes, Yes, Yes, Yes, Never]),
    row(TeamInfo, &[JoinedTeam], [Yes, Yes, Yes, Yes, Yes]),
    row(TeamInfo, &[OtherTeam], [Yes, Yes, No(UnseenTeam), No(UnseenTeam), No(UnseenTeam)]),
    admins(TeamUpdate),
    admins(TeamDelete),
    row(TeamList, &[Anything], [Yes, Yes, Yes, Yes, No(NoUser)]),
    admins(TeamBlock),
    admins(TeamUnblock),
    row(TeamMemberAdd, &[LedTeam], [Yes, No(ViewOnly), Yes, Yes, Never]),
    row(
        TeamMemberAdd,
        &[JoinedTeam, OtherTeam],
        [Yes, No(ViewOnly), No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)],
    ),
    row(TeamPermissionsList, &[LedTeam], [Yes, Yes, Yes, Yes, Never]),
    row(
        TeamPermissionsList,
        &[JoinedTeam, OtherTeam],
        [Yes, Yes, No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)],
    ),
    row(TeamPermissionsUpdate, &[LedTeam], [Yes, No(ViewOnly), Yes, Yes, Never]),
    row(
        TeamPermissionsUpdate,
        &[JoinedTeam, OtherTeam],
        [Yes, No(ViewOnly), No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)],
    ),
    admins(BudgetNew),
    viewers(BudgetInfo),
    admins(BudgetUpdate),
    admins(BudgetDelete),
    viewers(BudgetList),
    row(SpendLogs, &[Anything], [Yes, Yes, Yes, Yes, Yes]),
    row(SpendCalculate, &[Anything], [Yes, Yes, Yes, Yes, Yes]),
];
