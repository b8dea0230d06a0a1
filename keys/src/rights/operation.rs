//! The paths of the operations.

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

/// Each operation with its path in messages. Other spellings are in [`Operation::at`].
const PATHS: [(Operation, &str); 71] = [
    (KeyGenerate, "/key/generate"),
    (KeyInfo, "/key/info"),
    (KeyList, "/key/list"),
    (KeyAliases, "/key/aliases"),
    (KeyHealth, "/key/health"),
    (KeyUpdate, "/key/update"),
    (KeyBulkUpdate, "/key/bulk_update"),
    (KeyRegenerate, "/key/regenerate"),
    (KeyResetSpend, "/key/{key}/reset_spend"),
    (KeyDelete, "/key/delete"),
    (KeyBlock, "/key/block"),
    (KeyUnblock, "/key/unblock"),
    (UserNew, "/user/new"),
    (UserInfo, "/user/info"),
    (UserUpdate, "/user/update"),
    (UserDelete, "/user/delete"),
    (UserList, "/user/list"),
    (TeamNew, "/team/new"),
    (TeamInfo, "/team/info"),
    (TeamUpdate, "/team/update"),
    (TeamDelete, "/team/delete"),
    (TeamList, "/team/list"),
    (TeamBlock, "/team/block"),
    (TeamUnblock, "/team/unblock"),
    (TeamMemberAdd, "/team/member_add"),
    (TeamMemberUpdate, "/team/member_update"),
    (TeamMemberDelete, "/team/member_delete"),
    (TeamPermissionsList, "/team/permissions_list"),
    (TeamPermissionsUpdate, "/team/permissions_update"),
    (OrganizationNew, "/organization/new"),
    (OrganizationUpdate, "/organization/update"),
    (OrganizationDelete, "/organization/delete"),
    (OrganizationInfo, "/organization/info"),
    (OrganizationList, "/organization/list"),
    (OrganizationMemberAdd, "/organization/member_add"),
    (OrganizationMemberUpdate, "/organization/member_update"),
    (OrganizationMemberDelete, "/organization/member_delete"),
    (CustomerNew, "/customer/new"),
    (CustomerInfo, "/customer/info"),
    (CustomerUpdate, "/customer/update"),
    (CustomerDelete, "/customer/delete"),
    (CustomerList, "/customer/list"),
    (CustomerBlock, "/customer/block"),
    (CustomerUnblock, "/customer/unblock"),
    (TagNew, "/tag/new"),
    (TagUpdate, "/tag/update"),
    (TagInfo, "/tag/info"),
    (TagList, "/tag/list"),
    (TagDelete, "/tag/delete"),
    (BudgetNew, "/budget/new"),
    (BudgetInfo, "/budget/info"),
    (BudgetUpdate, "/budget/update"),
    (BudgetDelete, "/budget/delete"),
    (BudgetList, "/budget/list"),
    (SpendLogs, "/spend/logs"),
    (SpendCalculate, "/spend/calculate"),
    (SpendKeys, "/spend/keys"),
    (SpendUsers, "/spend/users"),
    (SpendTags, "/spend/tags"),
    (GlobalSpend, "/global/spend"),
    (GlobalActivity, "/global/activity"),
    (GlobalExceptions, "/global/activity/exceptions"),
    (UserDailyActivity, "/user/daily/activity"),
    (TeamDailyActivity, "/team/daily/activity"),
    (TagDailyActivity, "/tag/daily/activity"),
    (OrganizationDailyActivity, "/organization/daily/activity"),
    (ModelNew, "/model/new"),
    (ModelUpdate, "/model/update"),
    (ModelDelete, "/model/delete"),
    (AuditList, "/audit"),
    (AuditInfo, "/audit/{id}"),
];

impl Operation {
    /// Its path.
    pub fn path(self) -> &'static str {
        PATHS.iter().find(|(operation, _)| *operation == self).map_or("", |(_, path)| path)
    }

    /// The operation for a path. A name in braces matches any segment: `/key/{key_id}/regenerate`.
    pub fn at(path: &str) -> Option<Self> {
        let exact =
            |path: &str| PATHS.iter().find(|(_, known)| *known == path).map(|(operation, _)| *operation);
        exact(path).or_else(|| match path.split('/').collect::<Vec<_>>().as_slice() {
            ["", "key", _, "regenerate"] => Some(KeyRegenerate),
            ["", "key", _, "reset_spend"] => Some(KeyResetSpend),
            ["", "v2", "key", "info"] => Some(KeyInfo),
            ["", "model", _, "update"] => Some(ModelUpdate),
            ["", "audit", _] => Some(AuditInfo),
            ["", "end_user", action] => exact(&format!("/customer/{action}")),
            ["", "global", "spend", _] | ["", "global", "all_end_users"] => Some(GlobalSpend),
            ["", "global", "activity", "exceptions", _] => Some(GlobalExceptions),
            ["", "global", "activity", _] => Some(GlobalActivity),
            ["", "user", "daily", "activity", "aggregated"] => Some(UserDailyActivity),
            _ => None,
        })
    }
}
