//! `general_settings`.

use super::because;
use crate::config::section::{Kind, Section, row, unread};

/// A day: a key that was revoked while the key service was away works that long.
pub const LONGEST_GRACE_S: u64 = 86_400;

/// `general_settings`.
pub const GENERAL_SETTINGS: Section = Section {
    path: "general_settings",
    about: "The gateway itself.",
    rows: &[&[
        row("master_key", Kind::Setting, "`LITELLM_MASTER_KEY`, or one that `switchboard up` makes", "the key that may do everything; never in a file that is written"),
        row("dangerously_permit_weak_or_unset_master_key", Kind::Boolean, "false", "a master key that anybody would guess is no error"),
        row("database_url", Kind::Setting, "`DATABASE_URL`, or SQLite in the data directory", "where the key service keeps its data"),
        row("user_api_key_cache_ttl", Kind::Whole(LONGEST_GRACE_S), "300", "seconds that a known key works while the key service is away"),
        row("litellm_key_header_name", Kind::Text, "", "a header that may hold the key, before `x-litellm-api-key`, `authorization` and the like"),
        row("background_health_checks", Kind::Boolean, "false", "with the next one: each deployment's address is connected to now and then, and who refuses is not asked"),
        row("enable_health_check_routing", Kind::Boolean, "false", "with the one before"),
        row("health_check_interval", Kind::Number, "300", "seconds, above 0, between two of those connections"),
        row("maximum_spend_logs_retention_period", Kind::Text, "rows are kept", "how long the key service keeps a row for each request, as `30d` or `12h`; a bare number is days"),
        row("disable_spend_logs", Kind::Boolean, "false", "the key service keeps no row for each request; spend, budgets and metrics stay exact"),
        row("user_url_validation", Kind::Boolean, "", "as in `litellm_settings`"),
        row("user_url_allowed_hosts", Kind::Texts, "", "as in `litellm_settings`; the hosts of both count"),
        row("cors_allow_origins", Kind::Texts, "`LITELLM_CORS_ORIGINS`, or `*`", "origins whose pages may call from a browser (`https://app.example`); `*`: all"),
        row("cors_allow_credentials", Kind::Boolean, "`LITELLM_CORS_ALLOW_CREDENTIALS`, or `true` where origins are named", "whether a browser may send cookies with such calls"),
        row("max_request_size_mb", Kind::Number, "50", "MiB that a request's body may have, up to 1024"),
    ]],
    values: &[],
    without_effect: &[
        unread(because::CALLS, "completion_model enable_mcp_registry mcp_client_side_auth_header_name
            mcp_internal_ip_ranges mcp_trusted_proxy_ranges pass_through_endpoints search_tools
            supported_db_objects use_client_credentials_pass_through_routes user_mcp_management_mode"),
        unread(because::HOOKS, "block_robots custom_auth custom_key_generate reject_clientside_metadata_tags"),
        unread(because::KEYS, "allowed_routes default_team_disabled enforce_user_param enforced_params
            global_max_parallel_requests max_parallel_requests service_account_settings token_rate_limit_type"),
        unread(because::LOGS, "alert_to_webhook_url alert_types alerting alerting_args alerting_threshold
            disable_error_logs otel spend_report_frequency
            store_prompts_in_spend_logs"),
        unread(because::PAGES, "allow_user_auth auto_redirect_ui_login_to_sso control_plane_url custom_sso
            custom_ui_sso_sign_in_handler enable_jwt_auth enable_oauth2_auth enable_oauth2_proxy_auth enforce_rbac
            experimental_ui_login litellm_jwtauth oauth2_config_mappings role_permissions ui_access_mode"),
        unread(because::PROCESS, "database_args database_connection_pool_limit
            database_connection_timeout database_type disable_adding_master_key_hash_to_db
            disable_budget_reservation disable_master_key_return disable_prisma_schema_update disable_reset_budget
            disable_spend_updates fail_closed_budget_enforcement fail_closed_rate_limit_enforcement
            proxy_batch_polling_interval proxy_batch_write_at proxy_budget_rescheduler_max_time
            proxy_budget_rescheduler_min_time store_model_in_db use_redis_transaction_buffer
            user_api_key_cache_max_size"),
        unread("rows past maximum_spend_logs_retention_period are deleted every few seconds",
            "maximum_spend_logs_cleanup_cron maximum_spend_logs_retention_interval"),
        unread(because::REQUESTS, "allow_client_side_credentials always_include_stream_usage cancel_on_disconnect
            disable_responses_id_security forward_client_headers_to_llm_api forward_llm_provider_auth_headers
            forward_openai_org_id max_response_size_mb"),
        unread(because::ROUTES, "disable_retry_on_max_parallel_request_limit_error health_check_concurrency
            health_check_details health_check_staleness_threshold infer_model_from_keys use_shared_health_check"),
        unread(because::STORES, "azure_key_vault_uri google_kms_resource_name key_management_settings
            key_management_system use_azure_key_vault use_google_kms"),
        unread("who may connect is the network's or Envoy's to say", "allowed_ips public_routes use_x_forwarded_for"),
        unread("known keys always work for user_api_key_cache_ttl while the key service is away",
            "allow_requests_on_db_unavailable"),
        unread("a request names its user in the body's `user`", "user_header_mappings user_header_name"),
    ],
};
