//! The table itself.

use super::Denial::{
    AdminOnly, BulkAdmins, KeyAdmins, ModelAdmins, NoUser, NotInTeam, NotOfTeam, NotToDelete,
    NotToRegenerate, NotYours, OrganizationAdmins, SpendAdmins, TeamAdmins, TeamModelAdmins, UnseenKey,
    UnseenTeam, UnseenUsage, UnseenUser, UserAdmins, ViewOnly,
};
use super::Operation::{
    self, AuditInfo, AuditList, BudgetDelete, BudgetInfo, BudgetList, BudgetNew, BudgetUpdate, CustomerBlock,
    CustomerDelete, CustomerInfo, CustomerList, CustomerNew, CustomerUnblock, CustomerUpdate, GlobalActivity,
    GlobalExceptions, GlobalSpend, KeyAliases, KeyBlock, KeyBulkUpdate, KeyDelete, KeyGenerate, KeyHealth,
    KeyInfo, KeyList, KeyRegenerate, KeyResetSpend, KeyUnblock, KeyUpdate, ModelDelete, ModelNew,
    ModelUpdate, OrganizationDailyActivity, OrganizationDelete, OrganizationInfo, OrganizationList,
    OrganizationMemberAdd, OrganizationMemberDelete, OrganizationMemberUpdate, OrganizationNew,
    OrganizationUpdate, SpendCalculate, SpendKeys, SpendLogs, SpendTags, SpendUsers, TagDailyActivity,
    TagDelete, TagInfo, TagList, TagNew, TagUpdate, TeamBlock, TeamDailyActivity, TeamDelete, TeamInfo,
    TeamList, TeamMemberAdd, TeamMemberDelete, TeamMemberUpdate, TeamNew, TeamPermissionsList,
    TeamPermissionsUpdate, TeamUnblock, TeamUpdate, UserDailyActivity, UserDelete, UserInfo, UserList,
    UserNew, UserUpdate,
};
use super::Verdict::{self, IfPermitted, Never, No, Yes};
use super::Whose::{
    self, Anything, Given, Itself, JoinedOrganization, JoinedTeam, LedOrganization, LedTeam, Made, OfFellow,
    OfLedTeam, OfOthers, OtherOrganization, OtherTeam, OtherUser, OwnInTeam, OwnUser,
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

/// An operation on models of all, for administrators only.
const fn models(operation: Operation) -> Row {
    row(operation, &[Anything], [Yes, No(ModelAdmins), No(ModelAdmins), No(ModelAdmins), No(ModelAdmins)])
}

/// An operation on models of a team that the caller administers.
const fn led_models(operation: Operation) -> Row {
    row(operation, &[LedTeam], [Yes, No(TeamModelAdmins), Yes, Yes, Never])
}

/// An operation on models of another team.
const fn other_models(operation: Operation) -> Row {
    let no = No(TeamModelAdmins);
    row(operation, &[JoinedTeam, OtherTeam], [Yes, no, no, no, no])
}

/// A change of a team, which its own administrators may make, too.
const fn leads(operation: Operation, whose: &'static [Whose], own: bool) -> Row {
    let cells = if own { [Yes, Yes, Never] } else { [No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)] };
    let [user, viewer, none] = cells;
    row(operation, whose, [Yes, No(ViewOnly), user, viewer, none])
}

/// What others than the members of an organization are told.
const NO_ORGANIZATION: Verdict = No(OrganizationAdmins);

/// A change of an organization, which its own administrators may make, too.
const fn governs(operation: Operation, whose: &'static [Whose], own: bool) -> Row {
    let cells = if own { [Yes, Yes, Never] } else { [NO_ORGANIZATION; 3] };
    let [user, viewer, none] = cells;
    row(operation, whose, [Yes, No(ViewOnly), user, viewer, none])
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
    keeps(TeamNew, &[LedOrganization], Yes),
    admins(TeamNew),
    row(TeamInfo, &[LedTeam], [Yes, Yes, Yes, Yes, Never]),
    row(TeamInfo, &[JoinedTeam], [Yes, Yes, Yes, Yes, Yes]),
    row(TeamInfo, &[OtherTeam], [Yes, Yes, No(UnseenTeam), No(UnseenTeam), No(UnseenTeam)]),
    admins(TeamUpdate),
    admins(TeamDelete),
    row(TeamList, &[Anything], [Yes, Yes, Yes, Yes, No(NoUser)]),
    admins(TeamBlock),
    admins(TeamUnblock),
    leads(TeamMemberAdd, &[LedTeam], true),
    leads(TeamMemberAdd, &[JoinedTeam, OtherTeam], false),
    leads(TeamMemberUpdate, &[LedTeam], true),
    leads(TeamMemberUpdate, &[JoinedTeam, OtherTeam], false),
    leads(TeamMemberDelete, &[LedTeam], true),
    leads(TeamMemberDelete, &[JoinedTeam, OtherTeam], false),
    row(TeamPermissionsList, &[LedTeam], [Yes, Yes, Yes, Yes, Never]),
    row(
        TeamPermissionsList,
        &[JoinedTeam, OtherTeam],
        [Yes, Yes, No(TeamAdmins), No(TeamAdmins), No(TeamAdmins)],
    ),
    leads(TeamPermissionsUpdate, &[LedTeam], true),
    leads(TeamPermissionsUpdate, &[JoinedTeam, OtherTeam], false),
    admins(OrganizationNew),
    admins(OrganizationUpdate),
    admins(OrganizationDelete),
    row(OrganizationInfo, &[LedOrganization, JoinedOrganization], [Yes, Yes, Yes, Yes, Never]),
    row(
        OrganizationInfo,
        &[OtherOrganization],
        [Yes, Yes, NO_ORGANIZATION, NO_ORGANIZATION, NO_ORGANIZATION],
    ),
    row(OrganizationList, &[Anything], [Yes, Yes, Yes, Yes, No(NoUser)]),
    governs(OrganizationMemberAdd, &[LedOrganization], true),
    governs(OrganizationMemberAdd, &[JoinedOrganization, OtherOrganization], false),
    governs(OrganizationMemberUpdate, &[LedOrganization], true),
    governs(OrganizationMemberUpdate, &[JoinedOrganization, OtherOrganization], false),
    governs(OrganizationMemberDelete, &[LedOrganization], true),
    governs(OrganizationMemberDelete, &[JoinedOrganization, OtherOrganization], false),
    admins(CustomerNew),
    viewers(CustomerInfo),
    admins(CustomerUpdate),
    admins(CustomerDelete),
    viewers(CustomerList),
    admins(CustomerBlock),
    admins(CustomerUnblock),
    admins(TagNew),
    admins(TagUpdate),
    viewers(TagInfo),
    viewers(TagList),
    admins(TagDelete),
    admins(BudgetNew),
    viewers(BudgetInfo),
    admins(BudgetUpdate),
    admins(BudgetDelete),
    viewers(BudgetList),
    row(SpendLogs, &[Anything], [Yes, Yes, Yes, Yes, Yes]),
    row(SpendCalculate, &[Anything], [Yes, Yes, Yes, Yes, Yes]),
    // Users have only their own keys, themselves, and their own requests in these.
    row(SpendKeys, &[Anything], [Yes, Yes, Yes, Yes, Yes]),
    row(SpendUsers, &[Anything], [Yes, Yes, Yes, Yes, No(NoUser)]),
    row(GlobalActivity, &[Anything], [Yes, Yes, Yes, Yes, Yes]),
    viewers(SpendTags),
    viewers(GlobalSpend),
    viewers(GlobalExceptions),
    row(UserDailyActivity, &[Itself], [Never, Never, Never, Never, Yes]),
    row(UserDailyActivity, &[OwnUser], [Yes, Yes, Yes, Yes, Never]),
    row(UserDailyActivity, &[OtherUser], [Yes, Yes, No(UnseenUsage), No(UnseenUsage), No(UnseenUsage)]),
    row(TeamDailyActivity, &[LedTeam], [Yes, Yes, Yes, Yes, Never]),
    row(TeamDailyActivity, &[JoinedTeam], [Yes, Yes, Yes, Yes, Yes]),
    row(TeamDailyActivity, &[OtherTeam], [Yes, Yes, No(NotOfTeam), No(NotOfTeam), No(NotOfTeam)]),
    viewers(TagDailyActivity),
    row(OrganizationDailyActivity, &[LedOrganization], [Yes, Yes, Yes, Yes, Never]),
    row(
        OrganizationDailyActivity,
        &[JoinedOrganization, OtherOrganization],
        [Yes, Yes, NO_ORGANIZATION, NO_ORGANIZATION, NO_ORGANIZATION],
    ),
    models(ModelNew),
    led_models(ModelNew),
    other_models(ModelNew),
    models(ModelUpdate),
    led_models(ModelUpdate),
    other_models(ModelUpdate),
    models(ModelDelete),
    led_models(ModelDelete),
    other_models(ModelDelete),
    viewers(AuditList),
    viewers(AuditInfo),
];
