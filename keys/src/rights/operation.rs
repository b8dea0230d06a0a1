//! The paths of the operations.

use super::Operation::{
    self, BudgetDelete, BudgetInfo, BudgetList, BudgetNew, BudgetUpdate, KeyAliases, KeyBlock, KeyBulkUpdate,
    KeyDelete, KeyGenerate, KeyHealth, KeyInfo, KeyList, KeyRegenerate, KeyResetSpend, KeyUnblock, KeyUpdate,
    SpendCalculate, SpendLogs, TeamBlock, TeamDelete, TeamInfo, TeamList, TeamMemberAdd, TeamNew,
    TeamPermissionsList, TeamPermissionsUpdate, TeamUnblock, TeamUpdate, UserDelete, UserInfo, UserList,
    UserNew, UserUpdate,
};

/// Each operation with its path in messages. Other spellings are in [`Operation::at`].
const PATHS: [(Operation, &str); 34] = [
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
    (TeamPermissionsList, "/team/permissions_list"),
    (TeamPermissionsUpdate, "/team/permissions_update"),
    (BudgetNew, "/budget/new"),
    (BudgetInfo, "/budget/info"),
    (BudgetUpdate, "/budget/update"),
    (BudgetDelete, "/budget/delete"),
    (BudgetList, "/budget/list"),
    (SpendLogs, "/spend/logs"),
    (SpendCalculate, "/spend/calculate"),
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
            _ => None,
        })
    }
}
