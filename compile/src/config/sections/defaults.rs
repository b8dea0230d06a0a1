//! Settings for new keys, users and teams, in `litellm_settings`.

use super::because;
use crate::config::section::{Kind, Row, Section, row, unread};

/// Counts are stored in 64 bits, with a sign.
pub const MOST_COUNTED: u64 = 1 << 53;

const MAX_BUDGET: Row = row("max_budget", Kind::Number, "", "budget in USD");
const BUDGET_DURATION: Row =
    row("budget_duration", Kind::Text, "", "period of the budget, for example `30d`");
const MODELS: Row = row("models", Kind::Texts, "", "models that may be used");
const TPM_LIMIT: Row = row("tpm_limit", Kind::Whole(MOST_COUNTED), "", "tokens per minute");
const RPM_LIMIT: Row = row("rpm_limit", Kind::Whole(MOST_COUNTED), "", "requests per minute");
const PARALLEL: Row = row("max_parallel_requests", Kind::Whole(MOST_COUNTED), "", "requests in flight");

/// `default_key_generate_params`.
pub const DEFAULT_KEY: Section = Section {
    path: "litellm_settings.default_key_generate_params",
    about: "Values of fields that a request to `/key/generate` does not set.",
    rows: &[&[
        MAX_BUDGET,
        BUDGET_DURATION,
        row("duration", Kind::Text, "", "time until the key expires, for example `30d`"),
        MODELS,
        TPM_LIMIT,
        RPM_LIMIT,
        PARALLEL,
        row("user_id", Kind::Text, "", "owner of keys that a proxy administrator creates"),
        row("team_id", Kind::Text, "", "team of the key"),
        row("metadata", Kind::Table, "", "metadata of the key"),
    ]],
    values: &[],
    without_effect: &[],
};

/// `upperbound_key_generate_params`.
pub const UPPERBOUND_KEY: Section = Section {
    path: "litellm_settings.upperbound_key_generate_params",
    about: "The largest values that a key can have, also for proxy administrators, in `/key/generate`, `/key/update` and \
            `/key/regenerate`. Larger ones are rejected with 400. A new key without a value has the largest.",
    rows: &[&[
        MAX_BUDGET,
        BUDGET_DURATION,
        row("duration", Kind::Text, "", "time until the key expires, for example `30d`"),
        TPM_LIMIT,
        RPM_LIMIT,
        PARALLEL,
    ]],
    values: &[],
    without_effect: &[],
};

/// `default_team_params`.
pub const DEFAULT_TEAM: Section = Section {
    path: "litellm_settings.default_team_params",
    about: "Values of fields that a request to `/team/new` does not set.",
    rows: &[&[
        MAX_BUDGET,
        BUDGET_DURATION,
        MODELS,
        TPM_LIMIT,
        RPM_LIMIT,
        row(
            "team_member_permissions",
            Kind::Texts,
            "",
            "paths that members may call for the keys of the team",
        ),
    ]],
    values: &[],
    without_effect: &[],
};

/// `default_internal_user_params`.
pub const DEFAULT_USER: Section = Section {
    path: "litellm_settings.default_internal_user_params",
    about: "Values of fields that `/user/new` does not set, and of users that are created as members of a team; not for \
            `proxy_admin` and `proxy_admin_viewer`.",
    rows: &[&[
        row("user_role", Kind::Text, "`internal_user`", "`internal_user` or `internal_user_viewer`"),
        MAX_BUDGET,
        BUDGET_DURATION,
        MODELS,
        TPM_LIMIT,
        RPM_LIMIT,
        PARALLEL,
    ]],
    values: &[],
    without_effect: &[
        unread("add users to teams with /team/member_add, or `teams` of /user/new", "teams"),
        unread(because::PAGES, "available_teams"),
    ],
};
