//! `model_list`.

use switchboard::openai::STANDARD_PARAMS;

use super::because;
use super::router::MOST_RETRIES;
use crate::config::section::{Kind, Row, Section, row, unread};

/// More tokens than any model has, less than `f64` holds exactly.
pub const MOST_TOKENS: u64 = 1 << 40;

/// More requests at a time than anybody means.
pub const MOST_PARALLEL: u64 = 1_000_000;

/// Prices, US dollars per token; both `litellm_params` and `model_info` may hold them.
pub const RATES: [Row; 8] = [
    row(
        "input_cost_per_token",
        Kind::Number,
        "public price",
        "US dollars for a token of the prompt. Where an entry gives any of these eight prices, the public ones do not count: an absent one of the first two is 0, the others are as these",
    ),
    row("output_cost_per_token", Kind::Number, "public price", "for a token of the answer"),
    row(
        "cache_read_input_token_cost",
        Kind::Number,
        "public price",
        "for a token that the provider's cache held",
    ),
    row(
        "cache_creation_input_token_cost",
        Kind::Number,
        "public price",
        "for a token that was put into the provider's cache",
    ),
    row("output_cost_per_reasoning_token", Kind::Number, "public price", "for a token of the reasoning"),
    row(
        "cache_creation_input_token_cost_above_1hr",
        Kind::Number,
        "public price",
        "for a token that was put into the provider's cache for an hour",
    ),
    row("input_cost_per_audio_token", Kind::Number, "public price", "for a token of speech in the prompt"),
    row("output_cost_per_audio_token", Kind::Number, "public price", "for a token of speech in the answer"),
];

/// What a provider needs besides a key. None is secret.
pub const OPTIONS: [Row; 6] = [
    row("api_version", Kind::Setting, "", "version of the API, in the addresses of Azure"),
    row("account_id", Kind::Setting, "", "account, in the address of Cloudflare and Snowflake"),
    row("aws_region_name", Kind::Setting, "", "region of AWS, in the address and the signature"),
    row("vertex_project", Kind::Setting, "", "Google Cloud's project, in the path"),
    row("vertex_location", Kind::Setting, "", "Google Cloud's location, in the address"),
    row(
        "model_id",
        Kind::Setting,
        "",
        "what AWS Bedrock is asked for instead of the model, as an inference profile's ARN",
    ),
];

/// The same, but secret.
pub const SECRET_OPTIONS: [Row; 6] = [
    row("aws_access_key_id", Kind::Setting, "", "half of AWS' key; requests are signed (SigV4)"),
    row("aws_secret_access_key", Kind::Setting, "", "the other half"),
    row("aws_session_token", Kind::Setting, "", "what makes a temporary key of them"),
    row("aws_bearer_token", Kind::Setting, "", "AWS' API key, a bearer's"),
    row("azure_ad_token", Kind::Setting, "", "token of Azure's directory, a bearer's, instead of `api_key`"),
    row(
        "vertex_credentials",
        Kind::Setting,
        "`GOOGLE_APPLICATION_CREDENTIALS`",
        "a Google service account: its JSON (text or mapping) or its file; only the key service has it, and fetches access tokens",
    ),
];

/// Options that are secret and not read: what they hold must not show, either.
pub const UNREAD_SECRETS: [&str; 2] = ["azure_password", "client_secret"];

/// Parameters of a request that may stand in `litellm_params`, besides [`STANDARD_PARAMS`].
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
    about: "A deployment. Entries of one `model_name` are a group, which shares its requests.",
    rows: &[&[
        row(
            "model_name",
            Kind::Text,
            "required",
            "the name that clients ask for; it may hold one `*`, which goes into the `*` of `model`",
        ),
        row("litellm_params", Kind::Table, "required", "who serves it, and how"),
        row("model_info", Kind::Table, "", "what is known of it"),
    ]],
    values: &[],
    without_effect: &[
        unread(because::DESCRIBES, "created_by description"),
        unread("keys and teams list the models that they may use", "blocked team_id"),
    ],
};

/// `litellm_params`.
pub const LITELLM_PARAMS: Section = Section {
    path: "model_list[].litellm_params",
    about: "Who serves a deployment, and how. Literal secrets are moved to Envoy's environment.",
    rows: &[
        &[
            row(
                "model",
                Kind::Text,
                "required",
                "`provider/model` ([providers.md](providers.md)), or a model whose name tells its provider",
            ),
            row("custom_llm_provider", Kind::Text, "", "the provider, where `model` does not begin with it"),
            row(
                "api_base",
                Kind::Setting,
                "the provider's",
                "the address, `scheme://host[:port][/prefix]`: an endpoint of the group's cluster",
            ),
            row("base_url", Kind::Setting, "", "the same, where `api_base` is absent"),
            row("aws_bedrock_runtime_endpoint", Kind::Setting, "", "the same, where both are absent"),
            row(
                "api_key",
                Kind::Setting,
                "the provider's variable",
                "the credential, which the filter reads in Envoy's environment",
            ),
            row(
                "extra_headers",
                Kind::Table,
                "",
                "headers of every request to the deployment, by name; a value may be `os.environ/NAME`",
            ),
            row("headers", Kind::Table, "", "more of them"),
            row("mock_response", Kind::Any, "", "what the filter answers itself, without asking anybody"),
            row(
                "drop_params",
                Kind::Boolean,
                "that of `litellm_settings`",
                "whether parameters that the provider does not have are left out, or an error",
            ),
            row(
                "additional_drop_params",
                Kind::Texts,
                "",
                "parameters that are taken out of every request, or paths into them, as `tools[*].function.strict`",
            ),
            row(
                "allowed_openai_params",
                Kind::Texts,
                "",
                "parameters that are sent as they are although the provider is said to lack them",
            ),
            row(
                "organization",
                Kind::Setting,
                "`OPENAI_ORGANIZATION`",
                "the header `openai-organization`, of deployments of `openai`",
            ),
            row(
                "num_retries",
                Kind::Whole(MOST_RETRIES),
                "that of `router_settings`",
                "attempts after the first, of which the group's largest counts",
            ),
            row("weight", Kind::Number, "", "share of the group's load"),
            row(
                "rpm",
                Kind::Number,
                "",
                "share of the load, where no deployment of the group has a `weight`; no limit",
            ),
            row("tpm", Kind::Number, "", "share of the load, where none has `weight` or `rpm`; no limit"),
            row(
                "timeout",
                Kind::Number,
                "that of `router_settings`",
                "seconds, above 0: the longest wait for an answer",
            ),
            row(
                "stream_timeout",
                Kind::Number,
                "that of `router_settings`",
                "seconds, above 0: the longest wait for a stream's first event, and between two",
            ),
            row(
                "keepalive_seconds",
                Kind::Number,
                "`sse_keepalive_ping_interval_seconds`",
                "seconds of silence in a stream, 1 to 300, after which a comment is put into it; 0 is never",
            ),
            row(
                "max_parallel_requests",
                Kind::Whole(MOST_PARALLEL),
                "",
                "requests at a time, of which the group's smallest counts; others wait. 0 is no limit",
            ),
        ],
        &OPTIONS,
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
            auto_router_embedding_model complexity_router_config cooldown_time max_retries mock_timeout tags",
        ),
        unread(
            because::STORES,
            "aws_external_id aws_profile_name aws_role_name aws_session_name aws_sts_endpoint
            aws_web_identity_token litellm_credential_name",
        ),
        unread(because::TLS, "ssl_verify"),
        unread(
            "give azure_ad_token or api_key: tokens of Azure's directory are not fetched",
            "azure_password azure_scope
            client_id client_secret tenant_id",
        ),
        unread("give it in extra_headers, as openai-project", "project"),
        unread(
            "no provider that is known here asks for it",
            "api_type deployment_id project_id region_name space_id
            watsonx_region_name",
        ),
        unread(
            "the configuration decides, and no request",
            "allow_client_keepalive_override
            configurable_clientside_auth_params",
        ),
    ],
};

/// What `/model/info` shows as it stands; so it does with names that nobody knows.
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
    about: "What is known of a deployment.",
    rows: &[
        &[
            row("id", Kind::Text, "a hash of the entry", "the deployment's name in `x-litellm-model-id`, logs, metrics and Envoy's statistics; unique in the file"),
            row("mode", Kind::Text, "", "what `/model/info` tells of the kind of the model, as `chat` or `embedding`"),
            row("base_model", Kind::Text, "", "the model that is meant, where its name in `litellm_params` does not tell: its price and peculiarities"),
            row("access_groups", Kind::Texts, "", "names that a key's or team's `models` may hold instead of the model's"),
            row("max_input_tokens", Kind::Whole(MOST_TOKENS), "", "the longest prompt: `/model/info` tells it, and a limit is not asked for more"),
            row("max_output_tokens", Kind::Whole(MOST_TOKENS), "", "the longest answer, for providers that want to be told and requests that do not tell"),
            row("max_tokens", Kind::Whole(MOST_TOKENS), "", "the same, where `max_output_tokens` is absent"),
        ],
        &RATES,
    ],
    values: &[SHOWN],
    without_effect: &[
        unread(because::DESCRIBES, "db_model litellm_provider"),
        unread(because::PRICES, "input_cost_per_character input_cost_per_image
            input_cost_per_query input_cost_per_second input_cost_per_token_batches output_cost_per_character output_cost_per_image output_cost_per_second output_cost_per_token_batches"),
        unread("prices of long prompts come from the public prices, or the file of --prices",
            "input_cost_per_token_above_128k_tokens input_cost_per_token_above_200k_tokens
            output_cost_per_token_above_128k_tokens output_cost_per_token_above_200k_tokens"),
        unread("health checks connect, and ask no model", "health_check_max_tokens health_check_model
            health_check_timeout health_check_voice"),
        unread("keys and teams list the models that they may use", "access_via_team_ids team_id
            team_public_model_name"),
        unread("limits belong to keys, users and teams", "max_tokens_per_minute"),
    ],
};
