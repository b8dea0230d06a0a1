//! `LiteLLM`'s names for settings that have no effect here (yet), so that a misspelt name can be told from
//! one that is right but not supported. From its documentation of `config.yaml`, version 1.109.

/// Every list is words between white space: rustfmt would give each of three hundred names its own line.
///
/// Top of the file.
pub(super) const TOP: &str = "
    assistant_settings callback_settings credential_list files_settings finetune_settings guardrails
    include mcp_aliases mcp_servers mcp_tools policies prompts search_tools vector_store_registry
    worker_registry
";

/// An entry of `model_list`.
pub(super) const MODEL: &str = "
    blocked created_by description team_id
";

/// `litellm_params`: what steers `LiteLLM` itself.
pub(super) const LITELLM_PARAMS: &str = "
    allow_client_keepalive_override allowed_openai_params auto_router_config auto_router_config_path
    auto_router_default_model auto_router_embedding_model aws_external_id aws_profile_name aws_role_name aws_session_name
    aws_sts_endpoint aws_web_identity_token budget_duration cache_control_injection_points complexity_router_config
    configurable_clientside_auth_params cooldown_time custom_tokenizer default_api_key_rpm_limit
    default_api_key_tpm_limit extra_body guardrails litellm_credential_name litellm_trace_id max_budget
    max_file_size_mb max_retries merge_reasoning_content_in_choices
    milvus_text_field mock_timeout model_info organization_id rust ssl_verify     supports_system_message tags use_in_pass_through use_litellm_proxy vector_size vector_store_id
";

/// `model_info`: facts that only describe.
pub(super) const MODEL_INFO: &str = "
    access_via_team_ids created_at created_by db_model description direct_access
    health_check_max_tokens health_check_model health_check_timeout health_check_voice
    input_cost_per_character input_cost_per_image input_cost_per_query
    input_cost_per_second input_cost_per_token_above_128k_tokens input_cost_per_token_above_200k_tokens
    input_cost_per_token_batches litellm_provider max_tokens_per_minute
    output_cost_per_character output_cost_per_image output_cost_per_second
    output_cost_per_token_above_128k_tokens output_cost_per_token_above_200k_tokens
    output_cost_per_token_batches output_vector_size supported_environments supported_openai_params
    supports_audio_input supports_audio_output supports_function_calling
    supports_parallel_function_calling supports_pdf_input supports_prompt_caching supports_reasoning
    supports_response_schema supports_system_messages supports_tool_choice supports_vision
    supports_web_search tags team_id team_public_model_name tier updated_at updated_by
";

/// `router_settings`.
pub(super) const ROUTER_SETTINGS: &str = "
    alerting_config cache_kwargs cache_responses caching_groups
    client_ttl default_litellm_params
    default_max_parallel_requests default_priority deployment_affinity_ttl_seconds     enable_health_check_routing enable_pre_call_checks enable_tag_filtering enable_weighted_failover
    fallback_access_control guardrail_list health_check_staleness_threshold ignore_invalid_deployments
    optional_pre_call_checks polling_interval provider_budget_config redis_db
    redis_host redis_password redis_port redis_url router_general_settings
    routing_groups routing_strategy_args search_tools set_verbose tag_filtering_match_any
";

/// `litellm_settings`.
pub(super) const LITELLM_SETTINGS: &str = "
    add_function_to_prompt budget_duration cache cache_params
    callback_settings cost_discount_config
    custom_provider_map default_internal_user_params default_key_generate_params
    default_max_internal_user_budget default_soft_budget default_team_params default_team_settings
    disable_add_prefix_to_prompt disable_add_transform_inline_image_block
    disable_add_user_agent_to_request_tags disable_copilot_system_to_assistant
    disable_end_user_cost_tracking disable_hf_tokenizer_download disable_stop_sequence_limit
    disable_streaming_logging enable_caching_on_provider_specific_optional_params
    enable_end_user_cost_tracking_prometheus_only enable_json_schema_validation enable_preview_features
    enable_redis_auth_cache extra_spend_tag_headers force_ipv4
    forward_traceparent_to_llm_provider generic_logger_headers global_disable_no_log_param guardrails
    image_generation_model in_memory_llm_clients_cache include_cost_in_streaming_usage
    internal_user_budget_duration json_logs key_generation_settings langfuse_default_tags langfuse_host
    langfuse_public_key langfuse_secret log_raw_request_response max_budget max_end_user_budget
    max_internal_user_budget mcp_aliases model_group_settings modify_params num_retries_per_request
    post_call_rules pre_call_rules priority_reservation prometheus_initialize_budget_metrics
    prometheus_metrics_config public_model_groups redact_messages_in_exceptions redact_user_api_key_info
    return_response_headers s3_callback_params service_callback
    set_verbose ssl_certificate ssl_security_level ssl_verify store_audit_logs
    suppress_debug_info tag_budget_config telemetry turn_off_message_logging
    upperbound_key_generate_params user_url_allowed_hosts user_url_validation
";

/// `general_settings`.
pub(super) const GENERAL_SETTINGS: &str = "
    alert_to_webhook_url alert_types alerting alerting_args alerting_threshold
    allow_client_side_credentials allow_requests_on_db_unavailable allow_user_auth allowed_ips
    allowed_routes always_include_stream_usage auto_redirect_ui_login_to_sso azure_key_vault_uri
    block_robots cancel_on_disconnect completion_model control_plane_url
    custom_auth custom_key_generate custom_sso custom_ui_sso_sign_in_handler database_args
    database_connection_pool_limit database_connection_timeout database_type database_url
    default_team_disabled disable_adding_master_key_hash_to_db disable_budget_reservation
    disable_error_logs disable_master_key_return disable_prisma_schema_update disable_reset_budget
    disable_responses_id_security disable_retry_on_max_parallel_request_limit_error disable_spend_logs
    disable_spend_updates enable_jwt_auth enable_mcp_registry
    enable_oauth2_auth enable_oauth2_proxy_auth enforce_rbac enforce_user_param enforced_params
    experimental_ui_login fail_closed_budget_enforcement fail_closed_rate_limit_enforcement
    forward_client_headers_to_llm_api forward_llm_provider_auth_headers forward_openai_org_id
    global_max_parallel_requests google_kms_resource_name health_check_concurrency health_check_details
    health_check_staleness_threshold infer_model_from_keys key_management_settings
    key_management_system litellm_jwtauth max_parallel_requests max_response_size_mb
    maximum_spend_logs_cleanup_cron maximum_spend_logs_retention_interval
    maximum_spend_logs_retention_period mcp_client_side_auth_header_name mcp_internal_ip_ranges
    mcp_trusted_proxy_ranges oauth2_config_mappings otel pass_through_endpoints
    proxy_batch_polling_interval proxy_batch_write_at proxy_budget_rescheduler_max_time
    proxy_budget_rescheduler_min_time public_routes reject_clientside_metadata_tags role_permissions
    search_tools service_account_settings spend_report_frequency store_model_in_db
    store_prompts_in_spend_logs supported_db_objects token_rate_limit_type ui_access_mode
    use_azure_key_vault use_client_credentials_pass_through_routes use_google_kms
    use_redis_transaction_buffer use_shared_health_check use_x_forwarded_for user_api_key_cache_max_size
    user_api_key_cache_ttl user_header_mappings user_header_name user_mcp_management_mode
";
