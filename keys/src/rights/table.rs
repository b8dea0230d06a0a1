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

/// One row: what each role may do.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is asked for.
    pub operation: Operation,
    /// Whose it is.
    pub whose: Whose,
    /// One for each of [`super::ROLES`].
    pub verdicts: [Verdict; 5],
}

const fn row(operation: Operation, whose: Whose, verdicts: [Verdict; 5]) -> Row {
    Row { operation, whose, verdicts }
}

/// An operation on keys that administrators do, and internal users as `user` says.
const fn keeps(operation: Operation, whose: Whose, user: Verdict) -> Row {
    row(operation, whose, [Yes, No(ViewOnly), user, No(AdminOnly), No(AdminOnly)])
}

/// An operation that only administrators do.
const fn admins(operation: Operation) -> Row {
    keeps(operation, Anything, No(AdminOnly))
}

/// An operation that administrators do and their viewers see.
const fn viewers(operation: Operation) -> Row {
    row(operation, Anything, [Yes, Yes, No(AdminOnly), No(AdminOnly), No(AdminOnly)])
}

/// Everything that is decided about rights: statuses are `LiteLLM`'s, for each role in the order of [`super::ROLES`].
pub const TABLE: &[Row] = &[
    // For whom a key is made: for oneself, for oneself in a team, for somebody else.
    keeps(KeyGenerate, Made, Yes),
    keeps(KeyGenerate, OwnInTeam, IfPermitted),
    keeps(KeyGenerate, OfLedTeam, Yes),
    keeps(KeyGenerate, OtherTeam, No(NotInTeam)),
    keeps(KeyGenerate, OfOthers, No(NotYours)),
    row(KeyInfo, Itself, [Never, Never, Never, Never, Yes]),
    row(KeyInfo, Made, [Yes, Yes, Yes, Yes, Yes]),
    row(KeyInfo, Given, [Yes, Yes, Yes, Yes, Yes]),
    row(KeyInfo, OwnInTeam, [Yes, Yes, Yes, Yes, Yes]),
    row(KeyInfo, OfFellow, [Yes, Yes, Yes, Yes, Never]),
    row(KeyInfo, OfLedTeam, [Yes, Yes, Yes, Yes, Never]),
    row(KeyInfo, OfOthers, [Yes, Yes, No(UnseenKey), No(UnseenKey), No(UnseenKey)]),
    row(KeyList, Anything, [Yes, Yes, Yes, Yes, No(NoUser)]),
    row(KeyAliases, Anything, [Yes, Yes, Yes, Yes, No(NoUser)]),
    row(KeyHealth, Anything, [Yes, Yes, Yes, Yes, Yes]),
    // Who made a key and has it may change all but its budget; who was given one, nothing.
    keeps(KeyUpdate, Made, Yes),
    keeps(KeyUpdate, Given, No(KeyAdmins)),
    keeps(KeyUpdate, OwnInTeam, IfPermitted),
    keeps(KeyUpdate, OfFellow, No(NotYours)),
    keeps(KeyUpdate, OfLedTeam, Yes),
    keeps(KeyUpdate, OfOthers, No(NotYours)),
    keeps(KeyBulkUpdate, Anything, No(BulkAdmins)),
    keeps(KeyRegenerate, Made, Yes),
    keeps(KeyRegenerate, Given, Yes),
    keeps(KeyRegenerate, OwnInTeam, IfPermitted),
    keeps(KeyRegenerate, OfFellow, IfPermitted),
    keeps(KeyRegenerate, OfLedTeam, Yes),
    keeps(KeyRegenerate, OfOthers, No(NotToRegenerate)),
    keeps(KeyResetSpend, Made, No(SpendAdmins)),
    keeps(KeyResetSpend, Given, No(SpendAdmins)),
    keeps(KeyResetSpend, OwnInTeam, No(SpendAdmins)),
    keeps(KeyResetSpend, OfFellow, No(SpendAdmins)),
    keeps(KeyResetSpend, OfLedTeam, Yes),
    keeps(KeyResetSpend, OfOthers, No(SpendAdmins)),
    keeps(KeyDelete, Made, Yes),
    keeps(KeyDelete, Given, Yes),
    keeps(KeyDelete, OwnInTeam, Yes),
    keeps(KeyDelete, OfFellow, No(NotToDelete)),
    keeps(KeyDelete, OfLedTeam, Yes),
    keeps(KeyDelete, OfOthers, No(NotToDelete)),
    keeps(KeyBlock, Made, No(KeyAdmins)),
    keeps(KeyBlock, Given, No(KeyAdmins)),
    keeps(KeyBlock, OwnInTeam, No(KeyAdmins)),
    keeps(KeyBlock, OfFellow, No(KeyAdmins)),
    keeps(KeyBlock, OfLedTeam, Yes),
    keeps(KeyBlock, OfOthers, No(KeyAdmins)),
    keeps(KeyUnblock, Made, No(KeyAdmins)),
    keeps(KeyUnblock, Given, No(KeyAdmins)),
    keeps(KeyUnblock, OwnInTeam, No(KeyAdmins)),
    keeps(KeyUnblock, OfFellow, No(KeyAdmins)),
    keeps(KeyUnblock, OfLedTeam, Yes),
    keeps(KeyUnblock, OfOthers, No(KeyAdmins)),
    admins(UserNew),
    row(UserInfo, OwnUser, [Yes, Yes, Yes, Yes, Never]),
    row(UserInfo, OtherUser, [Yes, Yes, No(UnseenUser), No(UnseenUser), No(UnseenUser)]),
    admins(UserUpdate),
    admins(UserDelete),
    row(UserList, Anything, [Yes, Yes, No(UserAdmins), No(UserAdmins), No(UserAdmins)]),
    admins(TeamNew),
    row(TeamInfo, LedTeam, [Yes, Yes, Yes, Yes, Never]),
    row(TeamInfo, JoinedTeam, [Yes, Yes, Yes, Yes, Yes]),
    row(TeamInfo, OtherTeam, [Yes, Yes, No(UnseenTeam), No(UnseenTeam), No(UnseenTeam)]),
    admins(TeamUpdate),
    admins(TeamDelete),
    row(TeamList, Anything, [Yes, Yes, Yes, Yes, No(NoUser)]),
    admins(TeamBlock),
    admins(TeamUnblock),
    row(TeamMemberAdd, LedTeam, [Yes, No(ViewOnly), Yes, Yes, Never]),
    row(TeamMemberAdd, JoinedTeam, [Yes, No(ViewOnly), No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)]),
    row(TeamMemberAdd, OtherTeam, [Yes, No(ViewOnly), No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)]),
    row(TeamPermissionsList, LedTeam, [Yes, Yes, Yes, Yes, Never]),
    row(TeamPermissionsList, JoinedTeam, [Yes, Yes, No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)]),
    row(TeamPermissionsList, OtherTeam, [Yes, Yes, No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)]),
    row(TeamPermissionsUpdate, LedTeam, [Yes, No(ViewOnly), Yes, Yes, Never]),
    row(
        TeamPermissionsUpdate,
        JoinedTeam,
        [Yes, No(ViewOnly), No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)],
    ),
    row(
        TeamPermissionsUpdate,
        OtherTeam,
        [Yes, No(ViewOnly), No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)],
    ),
    admins(BudgetNew),
    viewers(BudgetInfo),
    admins(BudgetUpdate),
    admins(BudgetDelete),
    viewers(BudgetList),
    row(SpendLogs, Anything, [Yes, Yes, Yes, Yes, Yes]),
    row(SpendCalculate, Anything, [Yes, Yes, Yes, Yes, Yes]),
];
