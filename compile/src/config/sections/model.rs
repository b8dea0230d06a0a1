//! `model_list`.

use switchboard::openai::STANDARD_PARAMS;

use super::because;
use super::router::MOST_RETRIES;
use crate::config::section::{Kind, Row, Section, row, unread};

/// More tokens than any model has, and less than `f64` represents exactly.
pub const MOST_TOKENS: u64 = 1 << 40;

/// Larger numbers are rejected as a mistake.
pub const MOST_PARALLEL: u64 = 1_000_000;

/// Prices, US dollars; both `litellm_params` and `model_info` may hold them. First those per token, then those per other unit.
pub const RATES: [Row; 16] = [
    row(
        "input_cost_per_token",
        Kind::Number,
        "public price",
        "US dollars per input token. If an entry sets one of these sixteen prices, it uses no public prices: `input_cost_per_token` and `output_cost_per_token` then default to 0, and the other input and output prices default to these two",
    ),
    row("output_cost_per_token", Kind::Number, "public price", "per output token"),
    row(
        "cache_read_input_token_cost",
        Kind::Number,
        "public price",
        "per input token read from the provider's cache",
    ),
    row(
        "cache_creation_input_token_cost",
        Kind::Number,
        "public price",
        "per input token written to the provider's cache",
    ),
    row("output_cost_per_reasoning_token", Kind::Number, "public price", "per reasoning token"),
    row(
        "cache_creation_input_token_cost_above_1hr",
        Kind::Number,
        "public price",
        "per input token written to the provider's cache for an hour",
    ),
    row("input_cost_per_audio_token", Kind::Number, "public price", "per audio token in the input"),
    row("output_cost_per_audio_token", Kind::Number, "public price", "per audio token in the output"),
    row(
        "input_cost_per_query",
        Kind::Number,
        "public price",
        "per search of `/rerank`: a query over up to 100 documents",
    ),
    row("input_cost_per_character", Kind::Number, "public price", "per character of the input"),
    row("input_cost_per_second", Kind::Number, "public price", "per second of audio"),
    row("output_cost_per_second", Kind::Number, "public price", "alias of `input_cost_per_second`"),
    row("output_cost_per_image", Kind::Number, "public price", "per generated image"),
    row("input_cost_per_image", Kind::Number, "public price", "alias of `output_cost_per_image`"),
    row("output_cost_per_pixel", Kind::Number, "public price", "per pixel of a generated image"),
    row("input_cost_per_pixel", Kind::Number, "public price", "alias of `output_cost_per_pixel`"),
];

/// What a provider needs in addition to a key. None is secret.
pub const OPTIONS: [Row; 6] = [
    row("api_version", Kind::Setting, "", "API version of Azure OpenAI"),
    row("account_id", Kind::Setting, "", "account id of Cloudflare or Snowflake, part of the address"),
    row("aws_region_name", Kind::Setting, "", "AWS region, part of the address and the signature"),
    row("vertex_project", Kind::Setting, "", "Google Cloud project, part of the path"),
    row("vertex_location", Kind::Setting, "", "Google Cloud location, part of the address"),
    row(
        "model_id",
        Kind::Setting,
        "",
        "model id or ARN sent to AWS Bedrock instead of the model, for example of an inference profile",
    ),
];

/// What the key service obtains a credential with. None is secret.
pub const SOURCES: [Row; 7] = [
    row("aws_role_name", Kind::Setting, "", "ARN of an AWS role, which the key service assumes"),
    row("aws_session_name", Kind::Setting, "`switchboard-` and the time", "name of the role's session"),
    row("aws_sts_endpoint", Kind::Setting, "AWS's", "URL of STS, for example of a VPC endpoint"),
    row("aws_profile_name", Kind::Setting, "", "profile in the key service's `~/.aws`"),
    row("tenant_id", Kind::Setting, "`AZURE_TENANT_ID`", "Microsoft Entra tenant"),
    row("client_id", Kind::Setting, "`AZURE_CLIENT_ID`", "application (client) id in Entra ID"),
    row(
        "azure_scope",
        Kind::Setting,
        "`AZURE_SCOPE`, `https://cognitiveservices.azure.com/.default`",
        "scope of the access token",
    ),
];

/// The same, but secret.
pub const SECRET_OPTIONS: [Row; 9] = [
    row("aws_access_key_id", Kind::Setting, "", "AWS access key id; requests are signed (SigV4)"),
    row("aws_secret_access_key", Kind::Setting, "", "AWS secret access key"),
    row("aws_session_token", Kind::Setting, "", "session token of temporary AWS credentials"),
    row("aws_bearer_token", Kind::Setting, "", "AWS Bedrock API key, sent as a bearer token"),
    row("aws_external_id", Kind::Setting, "", "external id that the role's trust policy requires"),
    row(
        "aws_web_identity_token",
        Kind::Setting,
        "",
        "identity token with which the role is assumed: itself, a path, or `oidc/file/PATH`, `oidc/env/NAME`, `oidc/env_path/NAME`",
    ),
    row(
        "azure_ad_token",
        Kind::Setting,
        "`AZURE_AD_TOKEN`",
        "Microsoft Entra ID token, sent as a bearer token instead of `api_key`; `oidc/file/PATH` and similar are exchanged for one",
    ),
    row("client_secret", Kind::Setting, "`AZURE_CLIENT_SECRET`", "client secret of the application"),
    row(
        "vertex_credentials",
        Kind::Setting,
        "`GOOGLE_APPLICATION_CREDENTIALS`",
        "a Google account (service account, authorized user, workload identity federation, impersonation): its JSON (text or mapping), or a path",
    ),
];

/// Secret options that are not read: their values must not be shown, either.
pub const UNREAD_SECRETS: [&str; 1] = ["azure_password"];

/// Request parameters allowed in `litellm_params`, in addition to [`STANDARD_PARAMS`].
pub const OTHER_DEFAULTS: &[&str] = &[
    "dimensions",
    "encoding_format",
    "extra_body",
    "guardrailConfig",
    "performanceConfig",
    "requestMetadata",
    "safety_settings",
    "stream",
    "thinking",
    "top_k",
];

/// An entry of `model_list`.
pub const MODEL: Section = Section {
    path: "model_list[]",
    about: "A deployment. Entries with the same `model_name` form a model group, which shares the load.",
    rows: &[&[
        row(
            "model_name",
            Kind::Text,
            "required",
            "the model name that clients use. It may contain one `*`; the matched text replaces the `*` in `model`",
        ),
        row("litellm_params", Kind::Table, "required", "the provider, its model, and how to call it"),
        row("model_info", Kind::Table, "", "metadata"),
    ]],
    values: &[],
    without_effect: &[
        unread(because::DESCRIBES, "created_by description"),
        unread("models are granted in `models` of keys and teams", "blocked team_id"),
    ],
};

/// `litellm_params`.
pub const LITELLM_PARAMS: Section = Section {
    path: "model_list[].litellm_params",
    about: "The provider, its model, and how to call it. The filter gets secrets from the key service, and keeps them in memory only.",
    rows: &[
        &[
            row(
                "model",
                Kind::Text,
                "required",
                "`provider/model` ([providers.md](providers.md)), or a model name that implies its provider",
            ),
            row("custom_llm_provider", Kind::Text, "", "the provider, if `model` does not start with it"),
            row(
                "api_base",
                Kind::Setting,
                "the provider's address",
                "base URL, `scheme://host[:port][/prefix]`",
            ),
            row("base_url", Kind::Setting, "", "alias of `api_base`"),
            row(
                "litellm_credential_name",
                Kind::Text,
                "",
                "an entry of `credential_list`, whose values are used for settings that are absent here",
            ),
            row("aws_bedrock_runtime_endpoint", Kind::Setting, "", "alias of `api_base`"),
            row(
                "api_key",
                Kind::Setting,
                "the provider's variable",
                "the credential; the key service hands it out",
            ),
            row(
                "extra_headers",
                Kind::Table,
                "",
                "headers for every request to the deployment; a value may be `os.environ/NAME`",
            ),
            row("headers", Kind::Table, "", "the same as `extra_headers`"),
            row(
                "mock_response",
                Kind::Any,
                "",
                "the filter returns this response without calling a provider",
            ),
            row(
                "drop_params",
                Kind::Boolean,
                "`drop_params` in `litellm_settings`",
                "drop parameters that the provider does not support, instead of rejecting the request",
            ),
            row(
                "additional_drop_params",
                Kind::Texts,
                "",
                "parameters to remove from every request; paths such as `tools[*].function.strict` are allowed",
            ),
            row(
                "allowed_openai_params",
                Kind::Texts,
                "",
                "parameters to pass unchanged although they are listed as unsupported for the provider",
            ),
            row(
                "organization",
                Kind::Setting,
                "`OPENAI_ORGANIZATION`",
                "header `openai-organization`, for the provider `openai`",
            ),
            row(
                "num_retries",
                Kind::Whole(MOST_RETRIES),
                "that in `router_settings`",
                "retries; the largest number in the model group applies",
            ),
            row(
                "tags",
                Kind::Texts,
                "",
                "tags of the requests that it serves, with `enable_tag_filtering`; `default` is for requests without tags, and with unknown ones",
            ),
            row("weight", Kind::Number, "", "share of the model group's load"),
            row(
                "rpm",
                Kind::Number,
                "",
                "share of the load, if no deployment of the group has a `weight`; not a limit",
            ),
            row("tpm", Kind::Number, "", "share of the load, if none has `weight` or `rpm`; not a limit"),
            row(
                "timeout",
                Kind::Number,
                "that in `router_settings`",
                "seconds, above 0, to wait for a response",
            ),
            row(
                "stream_timeout",
                Kind::Number,
                "that in `router_settings`",
                "seconds, above 0, to wait for the first event of a stream, and between two events",
            ),
            row(
                "keepalive_seconds",
                Kind::Number,
                "`sse_keepalive_ping_interval_seconds`",
                "seconds of silence, 1 to 300, after which a comment is sent in a stream; 0 disables it",
            ),
            row(
                "max_parallel_requests",
                Kind::Whole(MOST_PARALLEL),
                "",
                "maximum parallel requests; the smallest number in the group applies, and further requests wait. 0 is unlimited",
            ),
        ],
        &OPTIONS,
        &SOURCES,
        &SECRET_OPTIONS,
        &RATES,
    ],
    values: &[STANDARD_PARAMS, OTHER_DEFAULTS],
    without_effect: &[
        unread(
            because::CALLS,
            "max_file_size_mb milvus_text_field use_in_pass_through vector_size vector_store_id",
        ),
        unread(because::DESCRIBES, "custom_tokenizer litellm_trace_id model_info"),
        unread(because::HOOKS, "guardrails"),
        unread(
            because::KEYS,
            "budget_duration default_api_key_rpm_limit default_api_key_tpm_limit max_budget",
        ),
        unread(because::PROCESS, "rust use_litellm_proxy"),
        unread(
            because::REQUESTS,
            "cache_control_injection_points
            merge_reasoning_content_in_choices organization_id supports_system_message",
        ),
        unread(
            because::ROUTES,
            "auto_router_config auto_router_config_path auto_router_default_model
            auto_router_embedding_model complexity_router_config cooldown_time max_retries mock_timeout",
        ),
        unread(because::TLS, "ssl_verify"),
        unread(
            "Entra ID discourages passwords; use client_secret, a certificate or an identity",
            "azure_password azure_username",
        ),
        unread("set the header openai-project in extra_headers", "project"),
        unread(
            "no supported provider uses it",
            "api_type deployment_id project_id region_name space_id
            watsonx_region_name",
        ),
        unread(
            "requests cannot override the configuration",
            "allow_client_keepalive_override
            configurable_clientside_auth_params",
        ),
    ],
};

/// What `/model/info` shows unchanged, as it does with unknown names.
pub const SHOWN: &[&str] = &[
    "created_at",
    "created_by",
    "description",
    "direct_access",
    "output_vector_size",
    "supported_environments",
    "supported_openai_params",
    "supports_audio_input",
    "supports_audio_output",
    "supports_function_calling",
    "supports_parallel_function_calling",
    "supports_pdf_input",
    "supports_prompt_caching",
    "supports_reasoning",
    "supports_response_schema",
    "supports_system_messages",
    "supports_tool_choice",
    "supports_vision",
    "supports_web_search",
    "tags",
    "tier",
    "updated_at",
    "updated_by",
];

/// `model_info`.
pub const MODEL_INFO: Section = Section {
    path: "model_list[].model_info",
    about: "Metadata of a deployment. `/model/info` also shows fields that are not listed here.",
    rows: &[
        &[
            row(
                "id",
                Kind::Text,
                "a hash of the entry",
                "id of the deployment in `x-litellm-model-id`, logs, metrics and Envoy's statistics; unique in the file",
            ),
            row("mode", Kind::Text, "", "kind of model in `/model/info`, for example `chat` or `embedding`"),
            row(
                "base_model",
                Kind::Text,
                "",
                "the actual model, if its name in `litellm_params` is a custom one; selects prices and quirks",
            ),
            row(
                "team_id",
                Kind::Text,
                "",
                "a team: only its keys can use the model, and each team can have its own models of the same name",
            ),
            row("team_public_model_name", Kind::Text, "`model_name`", "the name that keys of the team use"),
            row(
                "access_groups",
                Kind::Texts,
                "",
                "access groups, which may be used instead of the model name in `models` of a key or team",
            ),
            row(
                "max_input_tokens",
                Kind::Whole(MOST_TOKENS),
                "",
                "maximum number of input tokens: shown in `/model/info`, and the most that a request reserves from a limit",
            ),
            row(
                "max_output_tokens",
                Kind::Whole(MOST_TOKENS),
                "",
                "maximum number of output tokens: sent to providers that require it, if a request does not set it",
            ),
            row("max_tokens", Kind::Whole(MOST_TOKENS), "", "alias of `max_output_tokens`"),
        ],
        &RATES,
    ],
    values: &[SHOWN],
    without_effect: &[
        unread(because::DESCRIBES, "db_model litellm_provider"),
        unread(
            because::PRICES,
            "input_cost_per_token_batches output_cost_per_character output_cost_per_token_batches",
        ),
        unread(
            "prices for long prompts come from the public prices, or from --prices",
            "input_cost_per_token_above_128k_tokens input_cost_per_token_above_200k_tokens
            output_cost_per_token_above_128k_tokens output_cost_per_token_above_200k_tokens",
        ),
        unread(
            "health checks connect to the host and do not call the model",
            "health_check_max_tokens health_check_model
            health_check_timeout health_check_voice",
        ),
        unread(
            "models are granted in `models` of keys and teams, or belong to the team in `team_id`",
            "access_via_team_ids",
        ),
        unread("set limits on keys, users and teams", "max_tokens_per_minute"),
    ],
};
