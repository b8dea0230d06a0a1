//! `router_settings`, and the mappings in it.

use super::because;
use crate::config::section::{Kind, Section, row, unread};

/// More retries than anybody means; a larger number is a mistake.
pub const MOST_RETRIES: u64 = 100;

/// More failures than anybody means.
pub const MOST_FAILS: u64 = 1_000_000;

/// `router_settings`.
pub const ROUTER_SETTINGS: Section = Section {
    path: "router_settings",
    about: "Balancing, retries, fallbacks and cooldown. [routing.md](routing.md) tells what differs from LiteLLM, and why.",
    rows: &[&[
        row("routing_strategy", Kind::Text, "`simple-shuffle`", "the load balancing of the groups' clusters; see below"),
        row("num_retries", Kind::Whole(MOST_RETRIES), "that of `litellm_settings`, or 2", "attempts in a group after the first: the route's `num_retries`"),
        row("timeout", Kind::Number, "`request_timeout` of `litellm_settings`, or 600", "seconds, above 0: `per_try_timeout`, the longest wait for an answer, and the longest silence of a stream"),
        row("stream_timeout", Kind::Number, "`timeout`", "seconds, above 0: the longest wait for a stream's first event, and between two"),
        row("fallbacks", Kind::List, "that of `litellm_settings`", "`[{a: [b, c]}]`: the groups that are asked in turn when one has failed; `*` is every group"),
        row("context_window_fallbacks", Kind::List, "that of `litellm_settings`, or `fallbacks`", "the same, for prompts that are too long"),
        row("content_policy_fallbacks", Kind::List, "that of `litellm_settings`, or `fallbacks`", "the same, for contents that the provider refuses"),
        row("default_fallbacks", Kind::Texts, "that of `litellm_settings`", "the groups for all groups that `fallbacks` does not name"),
        row("max_fallbacks", Kind::Whole(MOST_RETRIES), "5", "groups that are asked after the first"),
        row("retry_after", Kind::Number, "0", "seconds, 60 at most: the shortest wait before a lone deployment is asked again"),
        row("retry_policy", Kind::Table, "", "retries by the class of the error"),
        row("model_group_retry_policy", Kind::Table, "", "the same by `model_name`, instead of `retry_policy`"),
        row("allowed_fails", Kind::Whole(MOST_FAILS), "that of `litellm_settings`, or 3", "failures in a row after one more of which a deployment rests: outlier detection"),
        row("allowed_fails_policy", Kind::Table, "", "the same by the class of the error"),
        row("cooldown_time", Kind::Number, "5", "seconds, above 0, that it rests for"),
        row("disable_cooldowns", Kind::Boolean, "false", "no deployment rests"),
        row("model_group_alias", Kind::Table, "", "further names of groups: `alias: model_name`, or a mapping"),
    ]],
    values: &[],
    without_effect: &[
        unread(because::CACHE, "cache_kwargs cache_responses caching_groups client_ttl redis_db redis_host
            redis_password redis_port redis_url"),
        unread(because::CALLS, "search_tools"),
        unread(because::HOOKS, "guardrail_list"),
        unread(because::KEYS, "provider_budget_config"),
        unread(because::LOGS, "alerting_config set_verbose"),
        unread(because::PROCESS, "polling_interval router_general_settings"),
        unread(because::ROUTES, "default_litellm_params default_max_parallel_requests default_priority
            deployment_affinity_ttl_seconds enable_pre_call_checks enable_tag_filtering enable_weighted_failover
            fallback_access_control health_check_staleness_threshold optional_pre_call_checks routing_groups
            routing_strategy_args tag_filtering_match_any"),
        unread("it belongs in general_settings, with background_health_checks", "enable_health_check_routing"),
        unread("a file with a mistake is refused, with its line", "ignore_invalid_deployments"),
    ],
};

/// `retry_policy`, and each entry of `model_group_retry_policy`.
pub const RETRY_POLICY: Section = Section {
    path: "router_settings.retry_policy",
    about: "Retries by the class of the error, and so each entry of `model_group_retry_policy`.",
    rows: &[&[
        row("BadRequestErrorRetries", Kind::Whole(MOST_RETRIES), "0", "retries after 400 and 422"),
        row(
            "AuthenticationErrorRetries",
            Kind::Whole(MOST_RETRIES),
            "`num_retries`, if there is another deployment",
            "after 401 and 403",
        ),
        row(
            "TimeoutErrorRetries",
            Kind::Whole(MOST_RETRIES),
            "`num_retries`",
            "after 408; what never answers counts against the largest number",
        ),
        row("RateLimitErrorRetries", Kind::Whole(MOST_RETRIES), "`num_retries`", "after 429"),
        row(
            "ContentPolicyViolationErrorRetries",
            Kind::Whole(MOST_RETRIES),
            "0",
            "after a refusal of the content",
        ),
        row("InternalServerErrorRetries", Kind::Whole(MOST_RETRIES), "`num_retries`", "after 500 and above"),
    ]],
    values: &[],
    without_effect: &[],
};

/// `allowed_fails_policy`.
pub const ALLOWED_FAILS_POLICY: Section = Section {
    path: "router_settings.allowed_fails_policy",
    about: "Failures by the class of the error. Envoy counts all answers together: the smallest number counts, and a \
            class that is allowed 100 or more is not counted.",
    rows: &[&[
        row("BadRequestErrorAllowedFails", Kind::Whole(MOST_FAILS), "not counted", "400, 404 and 422"),
        row("AuthenticationErrorAllowedFails", Kind::Whole(MOST_FAILS), "not counted", "401 and 403"),
        row(
            "TimeoutErrorAllowedFails",
            Kind::Whole(MOST_FAILS),
            "counted with the answers",
            "time-outs and connections that fail, by a counter of their own",
        ),
        row("RateLimitErrorAllowedFails", Kind::Whole(MOST_FAILS), "`allowed_fails`", "429"),
        row("InternalServerErrorAllowedFails", Kind::Whole(MOST_FAILS), "`allowed_fails`", "500 and above"),
    ]],
    values: &[],
    without_effect: &[unread(
        "a refusal of the content is an answer 400, and tells nothing of the deployment",
        "ContentPolicyViolationErrorAllowedFails",
    )],
};

/// An entry of `model_group_alias` that is a mapping.
pub const ALIAS: Section = Section {
    path: "router_settings.model_group_alias.*",
    about: "A further name of a group, where it is a mapping.",
    rows: &[&[
        row("model", Kind::Text, "required", "the group's `model_name`"),
        row("hidden", Kind::Boolean, "false", "it is in no list of models"),
    ]],
    values: &[],
    without_effect: &[],
};
