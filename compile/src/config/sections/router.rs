//! `router_settings`, and the mappings in it.

use super::because;
use crate::config::section::{Kind, Section, row, unread};

/// Larger numbers are rejected as a mistake.
pub const MOST_RETRIES: u64 = 100;

/// Larger numbers are rejected as a mistake.
pub const MOST_FAILS: u64 = 1_000_000;

/// `router_settings`.
pub const ROUTER_SETTINGS: Section = Section {
    path: "router_settings",
    about: "Load balancing, retries, fallbacks and cooldown. [routing.md](routing.md) lists the differences from LiteLLM, and why.",
    rows: &[&[
        row(
            "routing_strategy",
            Kind::Text,
            "`simple-shuffle`",
            "load balancing within a model group; see below",
        ),
        row(
            "num_retries",
            Kind::Whole(MOST_RETRIES),
            "that of `litellm_settings`, or 2",
            "retries within a model group",
        ),
        row(
            "timeout",
            Kind::Number,
            "`request_timeout` of `litellm_settings`, or 600",
            "seconds, above 0, to wait for a response (Envoy's `per_try_timeout`), and between two events of a stream",
        ),
        row(
            "stream_timeout",
            Kind::Number,
            "`timeout`",
            "seconds, above 0, to wait for the first event of a stream, and between two events",
        ),
        row(
            "fallbacks",
            Kind::List,
            "that of `litellm_settings`",
            "`[{a: [b, c]}]`: model groups to try in order if `a` fails; `*` is every group",
        ),
        row(
            "context_window_fallbacks",
            Kind::List,
            "that of `litellm_settings`, or `fallbacks`",
            "the same, if the prompt is too long",
        ),
        row(
            "content_policy_fallbacks",
            Kind::List,
            "that of `litellm_settings`, or `fallbacks`",
            "the same, if the provider rejects the content",
        ),
        row(
            "default_fallbacks",
            Kind::Texts,
            "that of `litellm_settings`",
            "fallbacks of all groups that `fallbacks` does not list",
        ),
        row("max_fallbacks", Kind::Whole(MOST_RETRIES), "5", "maximum number of fallbacks per request"),
        row(
            "retry_after",
            Kind::Number,
            "0",
            "minimum seconds between retries to a group's only deployment, up to 60",
        ),
        row("retry_policy", Kind::Table, "", "retries per class of error"),
        row(
            "model_group_retry_policy",
            Kind::Table,
            "",
            "the same per `model_name`; overrides `retry_policy`",
        ),
        row(
            "allowed_fails",
            Kind::Whole(MOST_FAILS),
            "that of `litellm_settings`, or 3",
            "consecutive failures that a deployment may have; one more starts its cooldown (outlier detection)",
        ),
        row("allowed_fails_policy", Kind::Table, "", "the same per class of error"),
        row("cooldown_time", Kind::Number, "5", "duration of a cooldown in seconds, above 0"),
        row("disable_cooldowns", Kind::Boolean, "false", "disable cooldowns"),
        row(
            "enable_tag_filtering",
            Kind::Boolean,
            "false",
            "a request is served by the deployments with its tags ([routing.md](routing.md#routing-by-tags))",
        ),
        row(
            "tag_filtering_match_any",
            Kind::Boolean,
            "true",
            "a deployment with one of the request's tags fits; if false, it must have all of them",
        ),
        row(
            "model_group_alias",
            Kind::Table,
            "",
            "aliases of model groups: `alias: model_name`, or a mapping",
        ),
    ]],
    values: &[],
    without_effect: &[
        unread(
            because::CACHE,
            "cache_kwargs cache_responses caching_groups client_ttl redis_db redis_host
            redis_password redis_port redis_url",
        ),
        unread(because::CALLS, "search_tools"),
        unread(because::HOOKS, "guardrail_list"),
        unread(
            "Envoy chooses deployments without regard to spend; use budgets of keys, teams or tags",
            "provider_budget_config",
        ),
        unread(because::LOGS, "alerting_config set_verbose"),
        unread(because::PROCESS, "polling_interval router_general_settings"),
        unread(
            because::ROUTES,
            "default_litellm_params default_max_parallel_requests default_priority
            deployment_affinity_ttl_seconds enable_pre_call_checks enable_weighted_failover
            fallback_access_control health_check_staleness_threshold optional_pre_call_checks routing_groups
            routing_strategy_args",
        ),
        unread("set it in general_settings, with background_health_checks", "enable_health_check_routing"),
        unread("a file with errors is rejected, with line numbers", "ignore_invalid_deployments"),
    ],
};

/// `retry_policy`, and each entry of `model_group_retry_policy`.
pub const RETRY_POLICY: Section = Section {
    path: "router_settings.retry_policy",
    about: "Retries per class of error. Entries of `model_group_retry_policy` have the same settings.",
    rows: &[&[
        row("BadRequestErrorRetries", Kind::Whole(MOST_RETRIES), "0", "retries after 400 and 422"),
        row(
            "AuthenticationErrorRetries",
            Kind::Whole(MOST_RETRIES),
            "`num_retries` if the group has another deployment",
            "after 401 and 403",
        ),
        row(
            "TimeoutErrorRetries",
            Kind::Whole(MOST_RETRIES),
            "`num_retries`",
            "after 408; if there is no response at all, the largest of these numbers applies",
        ),
        row("RateLimitErrorRetries", Kind::Whole(MOST_RETRIES), "`num_retries`", "after 429"),
        row(
            "ContentPolicyViolationErrorRetries",
            Kind::Whole(MOST_RETRIES),
            "0",
            "after a content policy violation",
        ),
        row("InternalServerErrorRetries", Kind::Whole(MOST_RETRIES), "`num_retries`", "after 500 and above"),
    ]],
    values: &[],
    without_effect: &[],
};

/// `allowed_fails_policy`.
pub const ALLOWED_FAILS_POLICY: Section = Section {
    path: "router_settings.allowed_fails_policy",
    about: "Consecutive failures per class of error. Envoy has a single counter for all responses: the smallest number \
            applies, and classes with 100 or more are not counted.",
    rows: &[&[
        row("BadRequestErrorAllowedFails", Kind::Whole(MOST_FAILS), "not counted", "400, 404 and 422"),
        row("AuthenticationErrorAllowedFails", Kind::Whole(MOST_FAILS), "not counted", "401 and 403"),
        row(
            "TimeoutErrorAllowedFails",
            Kind::Whole(MOST_FAILS),
            "counted with other failures",
            "timeouts and connection failures, in a separate counter",
        ),
        row("RateLimitErrorAllowedFails", Kind::Whole(MOST_FAILS), "`allowed_fails`", "429"),
        row("InternalServerErrorAllowedFails", Kind::Whole(MOST_FAILS), "`allowed_fails`", "500 and above"),
    ]],
    values: &[],
    without_effect: &[unread(
        "a content policy violation is a 400, which does not mean that the deployment is unhealthy",
        "ContentPolicyViolationErrorAllowedFails",
    )],
};

/// An entry of `model_group_alias` that is a mapping.
pub const ALIAS: Section = Section {
    path: "router_settings.model_group_alias.*",
    about: "An alias of a model group, written as a mapping.",
    rows: &[&[
        row("model", Kind::Text, "required", "the group's `model_name`"),
        row("hidden", Kind::Boolean, "false", "do not list it in `/v1/models`"),
    ]],
    values: &[],
    without_effect: &[],
};
