//! The tables of all settings. A test fails if the parser reads a setting that has no row here.

mod general;
mod litellm;
pub mod model;
mod router;

pub use general::{GENERAL_SETTINGS, LONGEST_GRACE_S};
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
    pub(super) const KEYS: &str = "set such limits on keys, users, teams and budgets with the key API";
    pub(super) const LOGS: &str = "use the access log, /metrics and traces; see docs/observability.md";
    pub(super) const PAGES: &str = "not supported: admin UI, SSO, JWT";
    pub(super) const PRICES: &str = "only tokens have prices (input_cost_per_token and similar)";
    pub(super) const PROCESS: &str =
        "it configures LiteLLM's process or database, which Switchboard does not have";
    pub(super) const REQUESTS: &str =
        "the translation of requests is not configurable; see docs/providers.md";
    pub(super) const ROUTES: &str =
        "Envoy does load balancing and retries; see docs/routing.md for what can be configured";
    pub(super) const STORES: &str =
        "secrets come from environment variables; secret stores are not supported";
    pub(super) const TLS: &str =
        "providers' certificates are always verified; set SSL_CERT_FILE to your CA bundle";
}

/// The top of the file.
pub const TOP: Section = Section {
    path: "",
    about: "The top level of the file. A setting that is empty or `null` is treated as absent.",
    rows: &[&[
        row("model_list", Kind::List, "", "the models that clients can use, one deployment per entry"),
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
            "environment variables for Envoy and the key service; they override the launcher's environment",
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
        unread(because::STORES, "credential_list"),
        unread("use a single file", "include"),
        unread(because::PROCESS, "worker_registry"),
    ],
};

/// Every table, in the order of the reference.
pub const ALL: [&Section; 10] = [
    &TOP,
    &MODEL,
    &LITELLM_PARAMS,
    &MODEL_INFO,
    &ROUTER_SETTINGS,
    &RETRY_POLICY,
    &ALLOWED_FAILS_POLICY,
    &ALIAS,
    &LITELLM_SETTINGS,
    &GENERAL_SETTINGS,
];
