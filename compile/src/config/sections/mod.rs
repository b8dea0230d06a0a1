//! The tables of all settings. A test fails if the parser reads a setting that has no row here.

mod defaults;
mod general;
mod litellm;
pub mod model;
mod router;

pub use defaults::{DEFAULT_KEY, DEFAULT_TEAM, DEFAULT_USER, MOST_COUNTED, UPPERBOUND_KEY};
pub use general::{GENERAL_SETTINGS, LONGEST_GRACE_S, USER_HEADER};
pub use litellm::LITELLM_SETTINGS;
pub use model::{LITELLM_PARAMS, MODEL, MODEL_INFO};
pub use router::{ALIAS, ALLOWED_FAILS_POLICY, MOST_FAILS, MOST_RETRIES, RETRY_POLICY, ROUTER_SETTINGS};

use super::section::{Kind, Section, row, unread};

/// Reasons shared by settings of several sections.
mod because {
    pub(super) const CACHE: &str = "there is no response cache; the key service replaces Redis";
    pub(super) const CALLS: &str = "images, files, search, agents and MCP servers are not supported";
    pub(super) const DESCRIBES: &str = "metadata that Switchboard does not use";
    pub(super) const HOOKS: &str =
        "custom code is not supported: no guardrails, rules, hooks or prompt stores";
    pub(super) const KEYS: &str =
        "set such limits on keys, users, teams, organizations, customers, tags and budgets with the key API";
    pub(super) const LOGS: &str = "use the access log, /metrics and traces; see docs/observability.md";
    pub(super) const PAGES: &str = "not supported: admin UI, SSO, JWT";
    pub(super) const PRICES: &str = "there are no batches, no discounts and no prices of this unit";
    pub(super) const PROCESS: &str =
        "it configures LiteLLM's process or database, which Switchboard does not have";
    pub(super) const REQUESTS: &str =
        "the translation of requests is not configurable; see docs/providers.md";
    pub(super) const ROUTES: &str =
        "Envoy does load balancing and retries; see docs/routing.md for what can be configured";
    pub(super) const STORES: &str = "secret stores are not read; mount their secrets as files (Secrets Store CSI, External Secrets, Vault Agent) for the key service: see docs/security.md";
    pub(super) const TLS: &str =
        "providers' certificates are always verified; set SSL_CERT_FILE to your CA bundle";
}

/// The top of the file.
pub const TOP: Section = Section {
    path: "",
    about: "The top level of the file. A setting that is empty or `null` is treated as absent.",
    rows: &[&[
        row("model_list", Kind::List, "", "the models that clients can use, one deployment per entry"),
        row(
            "include",
            Kind::Any,
            "",
            "a list of other files, relative to this one's directory: their lists are appended, other settings replaced",
        ),
        row("credential_list", Kind::List, "", "named settings that entries of `model_list` share"),
        row("router_settings", Kind::Table, "", "balancing, retries, fallbacks, cooldown"),
        row("litellm_settings", Kind::Table, "", "settings for all requests, and callbacks"),
        row(
            "general_settings",
            Kind::Table,
            "",
            "settings of the gateway: master key, database, health checks",
        ),
        row(
            "environment_variables",
            Kind::Table,
            "",
            "variables for references in this file; they override the environment",
        ),
    ]],
    values: &[],
    without_effect: &[
        unread(
            because::CALLS,
            "assistant_settings files_settings finetune_settings mcp_aliases mcp_servers mcp_tools
            search_tools vector_store_registry",
        ),
        unread(because::HOOKS, "guardrails policies prompts"),
        unread(because::LOGS, "callback_settings"),
        unread(because::PROCESS, "worker_registry"),
    ],
};

/// An entry of `credential_list`.
pub const CREDENTIAL: Section = Section {
    path: "credential_list[]",
    about: "Settings that entries of `model_list` share: `litellm_credential_name` names them.",
    rows: &[&[
        row("credential_name", Kind::Text, "required", "the name"),
        row(
            "credential_values",
            Kind::Table,
            "required",
            "settings of `litellm_params`, for entries that do not have them",
        ),
        row("credential_info", Kind::Any, "", "metadata"),
    ]],
    values: &[],
    without_effect: &[],
};

/// Every table, in the order of the reference.
pub const ALL: [&Section; 16] = [
    &TOP,
    &CREDENTIAL,
    &MODEL,
    &LITELLM_PARAMS,
    &MODEL_INFO,
    &ROUTER_SETTINGS,
    &RETRY_POLICY,
    &ALLOWED_FAILS_POLICY,
    &ALIAS,
    &LITELLM_SETTINGS,
    &DEFAULT_KEY,
    &UPPERBOUND_KEY,
    &DEFAULT_TEAM,
    &DEFAULT_USER,
    &GENERAL_SETTINGS,
    &USER_HEADER,
];
