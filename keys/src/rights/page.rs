//! `docs/access.md`: the table for people.

use core::fmt::Write as _;

use super::{Denial, ROLES, TABLE, Verdict, Whose};
use crate::routes::{budget, key, schema::Row, team, user};

/// The page, made of the table.
pub fn page() -> String {
    let mut page = String::from(
        "# Who may do what\n\n\
         <!-- Written by `UPDATE=1 cargo test -p switchboard-keys --test keys rights`. -->\n\n\
         The key API decides by this table alone (`keys/src/rights/table.rs`). The holder of the master key is a `proxy_admin`. A\n\
         user without a `user_role` is an `internal_user`. The last column is for keys without a user.\n\n\
         `yes`: allowed. A number: refused with this status. `if permitted`: allowed where the team's\n\
         `team_member_permissions` name the path (`/team/permissions_update`), else 401. They are `/key/info` and `/key/health` until\n\
         somebody sets them. `–`: cannot be.\n\n| path | whose |",
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
    page.push_str("| field | of a | why |\n|---|---|---|\n");
    let schemas: [(&str, &[Row]); 4] = [
        ("key", &key::schema::FIELDS),
        ("user", &user::schema::FIELDS),
        ("team", &team::schema::FIELDS),
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

const BESIDES: &str = "\n## What a key may be given\n\n\
    A key never goes beyond the key that made it, unless a `proxy_admin` made it: `max_budget`, `tpm_limit`, `rpm_limit`,\n\
    `max_parallel_requests`, `models`, `duration`, `budget_limits`, `model_max_budget`, `model_rpm_limit`, `model_tpm_limit` and\n\
    `allowed_routes` that are not sent are those of the making key, and what is sent must be within them (400). The same holds for\n\
    what `/key/update` and `/key/regenerate` change. `allowed_routes` are set by a `proxy_admin` alone.\n\n\
    Whoever made a key for itself may change all but its budget (`max_budget`, `budget_duration`, `budget_id`, `budget_limits`,\n\
    `model_max_budget`, `spend`, temporary increases) and `blocked`; these are for the administrators of its team and for\n\
    `proxy_admin`s. Nobody but a `proxy_admin` moves a key to another user, team or organization.\n\n\
    ## What is refused\n\n\
    Whatever a request may set is enforced, is a label (`key_alias`, `metadata`, `tags`, `organization_id`), or is refused. These\n\
    fields are accepted when they say nothing (`null`, `false`, empty), and are 400 otherwise:\n\n";

fn cell(verdict: Verdict) -> String {
    match verdict {
        Verdict::Yes => "yes".to_owned(),
        Verdict::IfPermitted => "if permitted".to_owned(),
        Verdict::No(denial) => Denial::status(denial).to_string(),
        Verdict::Never => "–".to_owned(),
    }
}

impl Whose {
    /// In words.
    fn describe(self) -> &'static str {
        match self {
            Self::Anything => "",
            Self::Itself => "the calling key",
            Self::Made => "its own key, made by itself",
            Self::Given => "its own key, made by somebody else",
            Self::OwnInTeam => "its own key in a team that it does not administer",
            Self::OfFellow => "another member's key in a team that it does not administer",
            Self::OfLedTeam => "a key in a team that it administers",
            Self::OfOthers => "anybody else's key",
            Self::LedTeam => "a team that it administers",
            Self::JoinedTeam => "a team to which it belongs",
            Self::OtherTeam => "any other team",
            Self::OwnUser => "itself",
            Self::OtherUser => "any other user",
        }
    }
}
