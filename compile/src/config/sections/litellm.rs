//! `litellm_settings`.

use super::because;
use super::router::{MOST_FAILS, MOST_RETRIES};
use crate::config::section::{Kind, Section, row, unread};

/// `litellm_settings`.
pub const LITELLM_SETTINGS: Section = Section {
    path: "litellm_settings",
    about: "Settings for all requests. `router_settings` overrides settings with the same name.",
    rows: &[&[
        row("drop_params", Kind::Boolean, "false", "drop parameters that a provider does not support, instead of rejecting the request"),
        row("enable_azure_ad_token_refresh", Kind::Boolean, "false", "use the managed identity of the key service's machine for Azure, if there is no other credential"),
        row("num_retries", Kind::Whole(MOST_RETRIES), "2", "as in `router_settings`"),
        row("request_timeout", Kind::Number, "600", "seconds, above 0; see `timeout` in `router_settings`"),
        row("sse_keepalive_ping_interval_seconds", Kind::Number, "never", "default of `keepalive_seconds` for deployments"),
        row("budget_exceeded_status_code", Kind::Number, "422", "HTTP status for a request over budget, 400 to 599"),
        row("fallbacks", Kind::List, "", "as in `router_settings`"),
        row("context_window_fallbacks", Kind::List, "`fallbacks`", "as in `router_settings`"),
        row("content_policy_fallbacks", Kind::List, "`fallbacks`", "as in `router_settings`"),
        row("default_fallbacks", Kind::Texts, "", "as in `router_settings`"),
        row("allowed_fails", Kind::Whole(MOST_FAILS), "3", "as in `router_settings`"),
        row("callbacks", Kind::Texts, "", "`otel` enables tracing; the collector is set with the variables below. `/metrics` is always available; with `prometheus`, the native filter also measures requests in Envoy's own statistics"),
        row("success_callback", Kind::Texts, "", "the same as `callbacks`; each request is exported once"),
        row("failure_callback", Kind::Texts, "", "the same as `callbacks`"),
        row("user_url_validation", Kind::Boolean, "true", "`false` allows clients to have media fetched from any host, including private networks"),
        row("user_url_allowed_hosts", Kind::Texts, "", "hosts with private addresses that media may be fetched from, in the notation of URLs: `files.internal`, `10.0.0.12:8080`, `[::1]:443`"),
        row("require_auth_for_metrics_endpoint", Kind::Boolean, "true", "`false` makes `/metrics` public"),
        row("max_budget", Kind::Number, "unlimited", "budget in USD of all requests together; 0 is unlimited. Requests with the master key count, and are not rejected"),
        row("budget_duration", Kind::Text, "never reset", "period of `max_budget`, for example `30d`"),
        row("default_key_generate_params", Kind::Table, "", "fields of new keys"),
        row("upperbound_key_generate_params", Kind::Table, "", "the largest values of fields of keys"),
        row("default_team_params", Kind::Table, "", "fields of new teams"),
        row("default_internal_user_params", Kind::Table, "", "fields of new users"),
        row("max_internal_user_budget", Kind::Number, "", "`max_budget` in USD of new users with the role `internal_user` that do not have one"),
        row("store_audit_logs", Kind::Boolean, "true", "`false`: do not record who changes keys, users, teams, budgets and models"),
        row("max_end_user_budget", Kind::Number, "", "budget in USD of each end user that has none (`/customer/new`)"),
        row("max_end_user_budget_id", Kind::Text, "", "the budget (`/budget/new`) that limits each end user that has none; it takes precedence over `max_end_user_budget`"),
        row("internal_user_budget_duration", Kind::Text, "", "`budget_duration` of such users, for example `30d`"),
    ]],
    values: &[],
    without_effect: &[
        unread(because::CACHE, "cache cache_params enable_caching_on_provider_specific_optional_params
            enable_redis_auth_cache in_memory_llm_clients_cache"),
        unread(because::CALLS, "image_generation_model mcp_aliases"),
        unread(because::HOOKS, "custom_provider_map guardrails post_call_rules pre_call_rules"),
        unread(because::KEYS, "default_max_internal_user_budget default_soft_budget
            default_team_settings key_generation_settings
            priority_reservation tag_budget_config"),
        unread(because::LOGS, "callback_settings disable_add_user_agent_to_request_tags
            disable_end_user_cost_tracking disable_streaming_logging enable_end_user_cost_tracking_prometheus_only
            extra_spend_tag_headers generic_logger_headers global_disable_no_log_param json_logs
            langfuse_default_tags langfuse_host langfuse_public_key langfuse_secret log_raw_request_response
            prometheus_initialize_budget_metrics prometheus_metrics_config redact_messages_in_exceptions
            redact_user_api_key_info s3_callback_params service_callback set_verbose suppress_debug_info telemetry turn_off_message_logging"),
        unread(because::PRICES, "cost_discount_config"),
        unread(because::PROCESS, "disable_hf_tokenizer_download enable_preview_features force_ipv4"),
        unread(because::REQUESTS, "add_function_to_prompt disable_add_prefix_to_prompt
            disable_add_transform_inline_image_block disable_copilot_system_to_assistant
            disable_stop_sequence_limit enable_json_schema_validation forward_traceparent_to_llm_provider
            include_cost_in_streaming_usage model_group_settings modify_params return_response_headers"),
        unread(because::ROUTES, "num_retries_per_request"),
        unread(because::TLS, "ssl_certificate ssl_security_level ssl_verify"),
        unread("models are granted in `models` of keys and teams", "public_model_groups"),
    ],
};
