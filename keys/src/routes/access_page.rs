//! Renders the table as `docs/access.md`.

use core::fmt::Write as _;

use super::{budget, customer, key, organization, schema::Row, tag, team, user};
use crate::rights::{Denial, ROLES, TABLE, Verdict, Whose};

/// The page as Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Permissions of the key API\n\n\
         <!-- Written by `UPDATE=1 cargo test -p switchboard-keys --test keys rights`. -->\n\n\
         The key API authorizes every request by this table (`keys/src/rights/table.rs`). The holder of the master key is a\n\
         `proxy_admin`. A user without a `user_role` is an `internal_user`. The last column is for keys without a user.\n\n\
         `yes`: allowed. A number: rejected with this status. `if permitted`: allowed if the team's `team_member_permissions`\n\
         include the path (`/team/permissions_update`), otherwise 401; the default permissions are `/key/info` and\n\
         `/key/health`. `–`: cannot occur.\n\n| path | whose |",
    );
    for role in ROLES {
        let _ =
            write!(page, " {} |", if role == ROLES[4] { "no user".to_owned() } else { format!("`{role}`") });
    }
    page.push_str("\n|---|---|---|---|---|---|---|\n");
    for row in TABLE {
        let whose: Vec<_> = row.whose.iter().map(|whose| whose.describe()).collect();
        let _ = write!(page, "| `{}` | {} |", row.operation.path(), whose.join("; "));
        for verdict in row.verdicts {
            let _ = write!(page, " {} |", cell(verdict));
        }
        page.push('\n');
    }
    page.push_str(BESIDES);
    page.push_str("| field | of a | reason |\n|---|---|---|\n");
    let schemas: [(&str, &[Row]); 7] = [
        ("key", &key::schema::FIELDS),
        ("user", &user::schema::FIELDS),
        ("team", &team::schema::FIELDS),
        ("organization", &organization::schema::FIELDS),
        ("customer", &customer::schema::FIELDS),
        ("tag", &tag::schema::FIELDS),
        ("budget", &budget::schema::FIELDS),
    ];
    for (of, rows) in schemas {
        for row in rows {
            if let Some(why) = row.refused {
                let _ = writeln!(page, "| `{}` | {of} | {why} |", row.field.name);
            }
        }
    }
    page
}

const BESIDES: &str = "\nA team of an organization that a user administers (`org_admin`) counts as a team that it administers, and its keys as keys\n\
    of such a team. `/team/new` is for a team whose `organization_id` is the organization's.\n\n## Limits of a new key\n\n\
    A key cannot exceed the key that created it, unless a `proxy_admin` created it. `max_budget`, `tpm_limit`, `rpm_limit`,\n\
    `max_parallel_requests`, `models`, `duration`, `budget_limits`, `model_max_budget`, `model_rpm_limit`, `model_tpm_limit` and\n\
    `allowed_routes` default to the values of the creating key; larger values are rejected with 400. The same applies to\n\
    changes by `/key/update` and `/key/regenerate`. Only a `proxy_admin` can set `allowed_routes`.\n\n\
    A user who created a key for themselves can change everything except its budget (`max_budget`, `budget_duration`, `budget_id`,\n\
    `budget_limits`, `model_max_budget`, `spend`, temporary increases) and `blocked`; only administrators of its team and\n\
    `proxy_admin`s can change those. Only a `proxy_admin` can move a key to another user, team or organization.\n\n\
    ## Unsupported fields\n\n\
    Every field of a request is either enforced, stored as a label (`key_alias`, `metadata`) or rejected. These fields are\n\
    accepted only if empty (`null`, `false`, `\"\"`, `[]`, `{}`), and rejected with 400 otherwise:\n\n";

fn cell(verdict: Verdict) -> String {
    match verdict {
        Verdict::Yes => "yes".to_owned(),
        Verdict::IfPermitted => "if permitted".to_owned(),
        Verdict::No(denial) => Denial::status(denial).to_string(),
        Verdict::Never => "–".to_owned(),
    }
}

impl Whose {
    /// A description.
    fn describe(self) -> &'static str {
        match self {
            Self::Anything => "",
            Self::Itself => "the calling key",
            Self::Made => "its own key, created by its user",
            Self::Given => "its own key, created by another user",
            Self::OwnInTeam => "its own key in a team that it does not administer",
            Self::OfFellow => "another member's key in a team that it does not administer",
            Self::OfLedTeam => "a key in a team that it administers",
            Self::OfOthers => "any other key",
            Self::LedTeam => "a team that it administers",
            Self::JoinedTeam => "a team that it belongs to",
            Self::OtherTeam => "any other team",
            Self::LedOrganization => "an organization that it administers",
            Self::JoinedOrganization => "an organization that it belongs to",
            Self::OtherOrganization => "any other organization",
            Self::OwnUser => "itself",
            Self::OtherUser => "any other user",
        }
    }
}
