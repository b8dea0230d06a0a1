//! The tables of all settings. A setting that has no line here is not known, and its reader does not pass a test.

mod general;
mod litellm;
pub mod model;
mod router;

pub use general::{GENERAL_SETTINGS, LONGEST_GRACE_S};
pub use litellm::LITELLM_SETTINGS;
pub use model::{LITELLM_PARAMS, MODEL, MODEL_INFO};
pub use router::{ALIAS, ALLOWED_FAILS_POLICY, MOST_FAILS, MOST_RETRIES, RETRY_POLICY, ROUTER_SETTINGS};

use super::section::{Kind, Section, row, unread};

/// Reasons that hold for settings of several mappings.
mod because {
    pub(super) const CACHE: &str = "answers are not cached; what Redis was for is in the key service";
    pub(super) const CALLS: &str =
        "only chat, completions and embeddings are served: no files, searches, agents, tools' servers";
    pub(super) const DESCRIBES: &str = "it only describes, and nothing here asks for it";
    pub(super) const HOOKS: &str =
        "no code of the operator's runs here: no guardrails, rules, hooks, prompt stores";
    pub(super) const KEYS: &str = "give such limits to keys, users, teams and budgets by the key API";
    pub(super) const LOGS: &str =
        "requests are told of in the access log, /metrics and spans; see docs/observability.md";
    pub(super) const PAGES: &str =
        "there are keys and no accounts: no pages for the administration, no SSO, no JWT";
    pub(super) const PRICES: &str = "only tokens are priced, by input_cost_per_token and its kin";
    pub(super) const PROCESS: &str =
        "it steers LiteLLM's own process or its database, of which nothing is here";
    pub(super) const REQUESTS: &str =
        "requests are translated by one set of rules, which docs/providers.md tells";
    pub(super) const ROUTES: &str = "Envoy balances and retries; docs/routing.md tells what it can be told";
    pub(super) const STORES: &str = "secrets come from the environment, and from no other store";
    pub(super) const TLS: &str =
        "providers' certificates are always verified; SSL_CERT_FILE names the authorities";
}

/// The top of the file.
pub const TOP: Section = Section {
    path: "",
    about: "The file is a mapping. A setting that is empty or `null` counts as absent.",
    rows: &[&[
        row("model_list", Kind::List, "", "the models that clients can ask for, one deployment an entry"),
        row("router_settings", Kind::Table, "", "balancing, retries, fallbacks, cooldown"),
        row("litellm_settings", Kind::Table, "", "what holds for all requests, and where they are told of"),
        row("general_settings", Kind::Table, "", "the gateway itself: master key, database, health checks"),
        row(
            "environment_variables",
            Kind::Table,
            "",
            "variables for Envoy and the key service, by name; each goes before that of the launcher's environment",
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
        unread("put it all into one file", "include"),
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
