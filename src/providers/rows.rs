//! The rows, sorted by name.

use super::{Auth, Preset, Provider, accents, hosts};
use crate::dialects::{ANTHROPIC, BEDROCK, COHERE, Dialect, GEMINI, MOCK, OLLAMA};

pub(super) const fn row(
    name: &'static str,
    dialect: &'static dyn Dialect,
    base: &'static str,
    key_env: &'static str,
) -> Provider {
    Provider {
        name,
        dialect,
        base,
        other_bases: &[],
        base_env: "",
        key_env,
        other_key_envs: &[],
        token_source: "",
        options: &[],
        auth: Auth::Bearer,
        headers: &[],
        publishers: &[],
        elsewhere: None,
    }
}

/// `openai` at other addresses than `OpenAI`'s.
static OPENAI_ELSEWHERE: Provider = row("openai", &accents::OPENAI_ELSEWHERE, "", "OPENAI_API_KEY");

/// Variables with the region, `LiteLLM`'s own and AWS's.
const AWS_REGION: &[&str] = &["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"];

/// The region, and the credentials for signing if there is no API key.
const AWS: &[Preset] = &[
    Preset { name: "aws_region_name", env: AWS_REGION, value: "" },
    Preset { name: "aws_access_key_id", env: &["AWS_ACCESS_KEY_ID"], value: "" },
    Preset { name: "aws_secret_access_key", env: &["AWS_SECRET_ACCESS_KEY"], value: "" },
    Preset { name: "aws_session_token", env: &["AWS_SESSION_TOKEN"], value: "" },
];

/// Every vendor.
pub static PROVIDERS: &[Provider] = &[
    row("abliteration", &accents::CHAT, "https://api.abliteration.ai/v1", "ABLITERATION_API_KEY"),
    row("ai21", &accents::AI21, "https://api.ai21.com/studio/v1", "AI21_API_KEY"),
    row("ai21_chat", &accents::AI21, "https://api.ai21.com/studio/v1", "AI21_API_KEY"),
    row("aiand", &accents::CHAT, "https://api.aiand.com/v1", "AIAND_API_KEY"),
    row("aihubmix", &accents::ALL, "https://aihubmix.com/v1", "AIHUBMIX_API_KEY"),
    row("aiml", &accents::CHAT_AND_EMBEDDINGS, "https://api.aimlapi.com/v1", "AIML_API_KEY"),
    row("amazon_nova", &accents::CHAT, "https://api.nova.amazon.com/v1", "AMAZON_NOVA_API_KEY"),
    Provider {
        auth: Auth::Header("x-api-key"),
        // `2026-10-21` rejects `temperature`, `top_p` and `top_k` for every model.
        headers: &[("anthropic-version", "2023-06-01")],
        ..row("anthropic", &ANTHROPIC, "https://api.anthropic.com", "ANTHROPIC_API_KEY")
    },
    row("apertis", &accents::CHAT, "https://api.stima.tech/v1", "STIMA_API_KEY"),
    row("assemblyai", &accents::CHAT, "https://llm-gateway.assemblyai.com/v1", "ASSEMBLYAI_API_KEY"),
    Provider {
        base_env: "AZURE_API_BASE",
        other_key_envs: &["AZURE_OPENAI_API_KEY"],
        options: &[Preset { name: "api_version", env: &["AZURE_API_VERSION"], value: "2025-02-01-preview" }],
        auth: Auth::HeaderOrToken { header: "api-key", token: "azure_ad_token" },
        ..row("azure", &accents::AZURE, "", "AZURE_API_KEY")
    },
    Provider {
        base_env: "AZURE_AI_API_BASE",
        options: &[Preset {
            name: "api_version",
            env: &["AZURE_AI_API_VERSION"],
            value: "2024-05-01-preview",
        }],
        auth: Auth::HeaderOrToken { header: "api-key", token: "azure_ad_token" },
        publishers: hosts::AZURE_PUBLISHERS,
        ..row("azure_ai", &accents::AZURE_AI, "", "AZURE_AI_API_KEY")
    },
    row("baseten", &accents::CHAT, "https://inference.baseten.co/v1", "BASETEN_API_KEY"),
    Provider {
        auth: Auth::Aws { service: "bedrock" },
        base_env: "AWS_BEDROCK_RUNTIME_ENDPOINT",
        options: AWS,
        ..row(
            "bedrock",
            &BEDROCK,
            "https://bedrock-runtime.{aws_region_name}.amazonaws.com",
            "AWS_BEARER_TOKEN_BEDROCK",
        )
    },
    Provider {
        options: &[Preset { name: "aws_region_name", env: AWS_REGION, value: "us-east-1" }],
        ..row(
            "bedrock_mantle",
            &accents::CHAT,
            "https://bedrock-mantle.{aws_region_name}.api.aws/v1",
            "AWS_BEARER_TOKEN_BEDROCK",
        )
    },
    row("bigmodel", &accents::ZAI, "https://open.bigmodel.cn/api/paas/v4", "BIGMODEL_API_KEY"),
    row("cerebras", &accents::CEREBRAS, "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    row(
        "charity_engine",
        &accents::CHAT,
        "https://api.charityengine.services/remotejobs/v2/inference",
        "CHARITY_ENGINE_API_KEY",
    ),
    row("chutes", &accents::CHAT, "https://llm.chutes.ai/v1", "CHUTES_API_KEY"),
    row("clarifai", &accents::CHAT, "https://api.clarifai.com/v2/ext/openai/v1", "CLARIFAI_API_KEY"),
    Provider {
        options: &[Preset { name: "account_id", env: &["CLOUDFLARE_ACCOUNT_ID"], value: "" }],
        ..row(
            "cloudflare",
            &accents::CHAT_AND_EMBEDDINGS,
            "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
            "CLOUDFLARE_API_KEY",
        )
    },
    row("codestral", &accents::MISTRAL, "https://codestral.mistral.ai/v1", "CODESTRAL_API_KEY"),
    row("cognition", &accents::CHAT, "https://api.cognition.ai/v1", "COGNITION_API_KEY"),
    Provider {
        other_key_envs: &["CO_API_KEY"],
        ..row("cohere", &COHERE, "https://api.cohere.com", "COHERE_API_KEY")
    },
    Provider {
        other_key_envs: &["CO_API_KEY"],
        ..row("cohere_chat", &COHERE, "https://api.cohere.com", "COHERE_API_KEY")
    },
    Provider {
        other_key_envs: &["COMETAPI_API_KEY"],
        ..row("cometapi", &accents::CHAT_AND_EMBEDDINGS, "https://api.cometapi.com/v1", "COMETAPI_KEY")
    },
    row("coralbricks", &accents::CHAT, "https://inference.coralbricks.ai/v1", "CORALBRICKS_API_KEY"),
    row("cortecs", &accents::CHAT, "https://api.cortecs.ai/v1", "CORTECS_API_KEY"),
    row("crusoe", &accents::CHAT, "https://api.inference.crusoecloud.com/v1", "CRUSOE_API_KEY"),
    row("custom_openai", &accents::ANY_SERVER, "", "OPENAI_API_KEY"),
    row("darkbloom", &accents::CHAT, "https://api.darkbloom.dev/v1", "DARKBLOOM_API_KEY"),
    Provider {
        base_env: "DASHSCOPE_API_BASE",
        ..row(
            "dashscope",
            &accents::DASHSCOPE,
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
            "DASHSCOPE_API_KEY",
        )
    },
    Provider {
        base_env: "DATABRICKS_API_BASE",
        ..row("databricks", &accents::DATABRICKS, "", "DATABRICKS_API_KEY")
    },
    row("deepinfra", &accents::DEEPINFRA, "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    row("deepseek", &accents::DEEPSEEK, "https://api.deepseek.com/beta", "DEEPSEEK_API_KEY"),
    Provider {
        base_env: "DOCKER_MODEL_RUNNER_API_BASE",
        auth: Auth::BearerIfAny,
        ..row(
            "docker_model_runner",
            &accents::CHAT_AND_EMBEDDINGS,
            "http://localhost:22088/engines/llama.cpp/v1",
            "DOCKER_MODEL_RUNNER_API_KEY",
        )
    },
    row("empiriolabs", &accents::CHAT, "https://api.empiriolabs.ai/v1", "EMPIRIOLABS_API_KEY"),
    row("empower", &accents::CHAT, "https://app.empower.dev/api/v1", "EMPOWER_API_KEY"),
    row("featherless_ai", &accents::FEATHERLESS, "https://api.featherless.ai/v1", "FEATHERLESS_AI_API_KEY"),
    Provider {
        other_key_envs: &["FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"],
        ..row(
            "fireworks_ai",
            &accents::FIREWORKS,
            "https://api.fireworks.ai/inference/v1",
            "FIREWORKS_API_KEY",
        )
    },
    Provider {
        other_key_envs: &["FRIENDLI_TOKEN"],
        ..row("friendliai", &accents::CHAT, "https://api.friendli.ai/serverless/v1", "FRIENDLIAI_API_KEY")
    },
    row("galadriel", &accents::CHAT, "https://api.galadriel.com/v1", "GALADRIEL_API_KEY"),
    Provider {
        auth: Auth::Header("x-goog-api-key"),
        other_key_envs: &["GOOGLE_API_KEY"],
        base_env: "GEMINI_API_BASE",
        ..row("gemini", &GEMINI, "https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY")
    },
    row("github", &accents::GITHUB, "https://models.github.ai/inference", "GITHUB_API_KEY"),
    row("gmi", &accents::CHAT, "https://api.gmi-serving.com/v1", "GMI_API_KEY"),
    row("gradient_ai", &accents::CHAT, "https://inference.do-ai.run/v1", "GRADIENT_AI_API_KEY"),
    row("groq", &accents::GROQ, "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    row("helicone", &accents::CHAT, "https://ai-gateway.helicone.ai", "HELICONE_API_KEY"),
    Provider {
        base_env: "HEROKU_API_BASE",
        ..row("heroku", &accents::CHAT_AND_EMBEDDINGS, "", "HEROKU_API_KEY")
    },
    Provider {
        base_env: "HOSTED_VLLM_API_BASE",
        auth: Auth::BearerIfAny,
        ..row("hosted_vllm", &accents::VLLM, "", "HOSTED_VLLM_API_KEY")
    },
    row(
        "hostinger_router",
        &accents::CHAT_AND_EMBEDDINGS,
        "https://router.hostinger.com/v1",
        "HOSTINGER_ROUTER_API_KEY",
    ),
    Provider {
        other_key_envs: &["HF_TOKEN"],
        ..row("huggingface", &accents::CHAT, "https://router.huggingface.co/v1", "HUGGINGFACE_API_KEY")
    },
    row("hyperbolic", &accents::TEXT, "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"),
    row("inception", &accents::CHAT, "https://api.inceptionlabs.ai/v1", "INCEPTION_API_KEY"),
    row("inferenceapis", &accents::CHAT, "https://api.inferenceapis.com/v1", "INFERENCEAPIS_API_KEY"),
    Provider {
        other_key_envs: &["JINA_AI_TOKEN"],
        ..row("jina_ai", &accents::JINA, "https://api.jina.ai/v1", "JINA_AI_API_KEY")
    },
    row("kyma", &accents::CHAT, "https://kymaapi.com/v1", "KYMA_API_KEY"),
    row("lambda_ai", &accents::TEXT, "https://api.lambda.ai/v1", "LAMBDA_API_KEY"),
    Provider {
        base_env: "LEMONADE_API_BASE",
        auth: Auth::BearerIfAny,
        ..row("lemonade", &accents::CHAT_AND_EMBEDDINGS, "http://localhost:8000/api/v1", "LEMONADE_API_KEY")
    },
    row("libertai", &accents::CHAT, "https://api.libertai.io/v1", "LIBERTAI_API_KEY"),
    Provider {
        base_env: "LITELLM_PROXY_API_BASE",
        ..row("litellm_proxy", &accents::LIKE, "", "LITELLM_PROXY_API_KEY")
    },
    Provider {
        base_env: "LLAMAFILE_API_BASE",
        auth: Auth::BearerIfAny,
        ..row("llamafile", &accents::ALL, "http://127.0.0.1:8080/v1", "LLAMAFILE_API_KEY")
    },
    row("llamagate", &accents::CHAT, "https://api.llamagate.dev/v1", "LLAMAGATE_API_KEY"),
    Provider {
        base_env: "LM_STUDIO_API_BASE",
        auth: Auth::BearerIfAny,
        ..row("lm_studio", &accents::LM_STUDIO, "", "LM_STUDIO_API_KEY")
    },
    row("meta", &accents::CHAT, "https://api.meta.ai/v1", "META_API_KEY"),
    row("meta_llama", &accents::CHAT, "https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
    row("minimax", &accents::MINIMAX, "https://api.minimax.io/v1", "MINIMAX_API_KEY"),
    row("mistral", &accents::MISTRAL, "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    Provider { auth: Auth::None, ..row("mock", &MOCK, "", "") },
    row("modelscope", &accents::CHAT, "https://api-inference.modelscope.cn/v1", "MODELSCOPE_API_KEY"),
    Provider {
        base_env: "MOONSHOT_API_BASE",
        ..row("moonshot", &accents::MOONSHOT, "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY")
    },
    row("morph", &accents::CHAT, "https://api.morphllm.com/v1", "MORPH_API_KEY"),
    row("nano-gpt", &accents::CHAT_AND_EMBEDDINGS, "https://nano-gpt.com/api/v1", "NANOGPT_API_KEY"),
    row("nebius", &accents::ALL, "https://api.studio.nebius.ai/v1", "NEBIUS_API_KEY"),
    row("neosantara", &accents::CHAT, "https://api.neosantara.xyz/v1", "NEOSANTARA_API_KEY"),
    row("novita", &accents::TEXT, "https://api.novita.ai/v3/openai", "NOVITA_API_KEY"),
    row("nscale", &accents::NSCALE, "https://inference.api.nscale.com/v1", "NSCALE_API_KEY"),
    Provider {
        base_env: "NVIDIA_NIM_API_BASE",
        ..row("nvidia_nim", &accents::NVIDIA, "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY")
    },
    Provider {
        base_env: "OLLAMA_API_BASE",
        auth: Auth::BearerIfAny,
        ..row("ollama", &OLLAMA, "http://localhost:11434", "OLLAMA_API_KEY")
    },
    Provider {
        base_env: "OLLAMA_API_BASE",
        auth: Auth::BearerIfAny,
        ..row("ollama_chat", &OLLAMA, "http://localhost:11434", "OLLAMA_API_KEY")
    },
    Provider {
        elsewhere: Some(&OPENAI_ELSEWHERE),
        ..row("openai", &accents::OPENAI, "https://api.openai.com/v1", "OPENAI_API_KEY")
    },
    Provider {
        base_env: "OPENAI_LIKE_API_BASE",
        auth: Auth::BearerIfAny,
        ..row("openai_like", &accents::ANY_SERVER, "", "OPENAI_LIKE_API_KEY")
    },
    row("openinfer", &accents::CHAT, "https://api.openinfer.ai/v1", "OPENINFER_API_KEY"),
    Provider {
        other_key_envs: &["OR_API_KEY"],
        ..row("openrouter", &accents::OPENROUTER, "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY")
    },
    row(
        "ovhcloud",
        &accents::CHAT_AND_EMBEDDINGS,
        "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
        "OVHCLOUD_API_KEY",
    ),
    row("parasail", &accents::CHAT, "https://api.parasail.io/v1", "PARASAIL_API_KEY"),
    Provider {
        other_key_envs: &["PERPLEXITY_API_KEY"],
        ..row("perplexity", &accents::PERPLEXITY, "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY")
    },
    row("pinstripes", &accents::CHAT, "https://pinstripes.io/v1", "PINSTRIPES_API_KEY"),
    row("poe", &accents::CHAT, "https://api.poe.com/v1", "POE_API_KEY"),
    row("prism", &accents::CHAT, "https://api.prisminference.com/v1", "PRISM_API_KEY"),
    row("publicai", &accents::FLAT, "https://api.publicai.co/v1", "PUBLICAI_API_KEY"),
    row(
        "qwen_ai_platform",
        &accents::DASHSCOPE,
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
    ),
    row(
        "qwencloud",
        &accents::DASHSCOPE,
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
    ),
    row("refuseless", &accents::CHAT, "https://api.refuseless.com/v1", "REFUSELESS_API_KEY"),
    row("reka", &accents::CHAT, "https://api.reka.ai/v1", "REKA_API_KEY"),
    row("sail", &accents::CHAT, "https://api.sailresearch.com/v1", "SAIL_API_KEY"),
    row("sambanova", &accents::SAMBANOVA, "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    Provider {
        auth: Auth::Header("api-subscription-key"),
        ..row("sarvam", &accents::CHAT, "https://api.sarvam.ai/v1", "SARVAM_API_KEY")
    },
    row("scaleway", &accents::CHAT_AND_EMBEDDINGS, "https://api.scaleway.ai/v1", "SCW_SECRET_KEY"),
    row("scx-ai", &accents::SCX, "https://api.scx.ai/v1", "SCX_API_KEY"),
    Provider {
        options: &[Preset { name: "account_id", env: &["SNOWFLAKE_ACCOUNT_ID"], value: "" }],
        headers: &[("x-snowflake-authorization-token-type", "KEYPAIR_JWT")],
        ..row(
            "snowflake",
            &accents::CHAT,
            "https://{account_id}.snowflakecomputing.com/api/v2/cortex/v1",
            "SNOWFLAKE_JWT",
        )
    },
    row(
        "streamlake",
        &accents::STREAMLAKE,
        "https://vanchin.streamlake.ai/api/gateway/v1/endpoints",
        "STREAMLAKE_API_KEY",
    ),
    row(
        "synthetic",
        &accents::CHAT_AND_EMBEDDINGS,
        "https://api.synthetic.new/openai/v1",
        "SYNTHETIC_API_KEY",
    ),
    row("tencent", &accents::CHAT, "https://tokenhub-intl.tencentcloudmaas.com/v1", "TENCENT_API_KEY"),
    row("tensormesh", &accents::CHAT, "https://serverless.tensormesh.ai/v1", "TENSORMESH_INFERENCE_API_KEY"),
    row("text-completion-openai", &accents::OPENAI_TEXT, "https://api.openai.com/v1", "OPENAI_API_KEY"),
    Provider {
        other_key_envs: &["TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"],
        ..row("together_ai", &accents::TOGETHER, "https://api.together.ai/v1", "TOGETHER_API_KEY")
    },
    row("v0", &accents::V0, "https://api.v0.dev/v1", "V0_API_KEY"),
    row("veniceai", &accents::CHAT_AND_EMBEDDINGS, "https://api.venice.ai/api/v1", "VENICE_AI_API_KEY"),
    Provider {
        other_key_envs: &["VERCEL_OIDC_TOKEN"],
        ..row(
            "vercel_ai_gateway",
            &accents::CHAT_AND_EMBEDDINGS,
            "https://ai-gateway.vercel.sh/v1",
            "VERCEL_AI_GATEWAY_API_KEY",
        )
    },
    Provider {
        other_bases: hosts::VERTEX_BASES,
        options: &[
            Preset { name: "vertex_project", env: &["VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT"], value: "" },
            Preset { name: "vertex_location", env: &["VERTEXAI_LOCATION"], value: "us-central1" },
        ],
        publishers: hosts::VERTEX_PUBLISHERS,
        token_source: "vertex_credentials",
        other_key_envs: &["VERTEXAI_CREDENTIALS"],
        ..row(
            "vertex_ai",
            &GEMINI,
            "https://{vertex_location}-aiplatform.googleapis.com/v1/projects/{vertex_project}/locations/{vertex_location}",
            "GOOGLE_APPLICATION_CREDENTIALS",
        )
    },
    Provider {
        other_key_envs: &["ARK_API_KEY"],
        ..row(
            "volcengine",
            &accents::VOLCENGINE,
            "https://ark.cn-beijing.volces.com/api/v3",
            "VOLCENGINE_API_KEY",
        )
    },
    Provider {
        other_key_envs: &["VOYAGE_AI_API_KEY"],
        ..row("voyage", &accents::VOYAGE, "https://api.voyageai.com/v1", "VOYAGE_API_KEY")
    },
    row("wandb", &accents::CHAT, "https://api.inference.wandb.ai/v1", "WANDB_API_KEY"),
    row("xai", &accents::XAI, "https://api.x.ai/v1", "XAI_API_KEY"),
    row("xiaomi_mimo", &accents::CHAT, "https://api.xiaomimimo.com/v1", "XIAOMI_MIMO_API_KEY"),
    row("zai", &accents::ZAI, "https://api.z.ai/api/paas/v4", "ZAI_API_KEY"),
    row("zerogpu", &accents::CHAT, "https://api.zerogpu.ai/v1", "ZEROGPU_API_KEY"),
];
