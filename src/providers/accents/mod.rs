//! How vendors differ from `OpenAI`, beyond [`Quirks::VENDOR`]. Sorted by vendor; sources are their SDKs and
//! documentation, and `LiteLLM` 1.109.1.

mod clouds;

use crate::dialects::openai::{
    Answers, Charges, Effort, Embedding, Format, Formats, Messages, Model, OPENAI_MODELS, OpenAi, Other,
    Quirks, Sampling, Tools,
};

pub(super) use clouds::{AZURE, AZURE_AI, DATABRICKS, GITHUB, VERTEX_AI21, VERTEX_ENDPOINT, VERTEX_MISTRAL};

use crate::openai::Operation;

const VENDOR: Quirks = Quirks::VENDOR;

/// Embeddings of a server that does not support `OpenAI`'s token arrays.
const TEXT_ONLY: Embedding = Embedding { lacks: &["user"], tokens: false, ..Quirks::NONE.embedding };

/// Vendors with the usual differences, by the endpoints that they have.
pub(super) static CHAT: OpenAi = OpenAi(VENDOR);
pub(super) static CHAT_AND_EMBEDDINGS: OpenAi =
    OpenAi(Quirks { endpoints: Quirks::CHAT_AND_EMBEDDINGS, ..VENDOR });
pub(super) static TEXT: OpenAi = OpenAi(Quirks { endpoints: Quirks::TEXT, ..VENDOR });
pub(super) static ALL: OpenAi = OpenAi(Quirks { endpoints: Quirks::ALL, ..VENDOR });

/// The same, with arrays of texts joined to one string.
pub(super) static FLAT: OpenAi =
    OpenAi(Quirks { messages: Messages { flat: true, ..VENDOR.messages }, ..VENDOR });

/// `api.openai.com` through another company's server.
pub(super) static LIKE: OpenAi = OpenAi(Quirks { endpoints: Quirks::ANY, most_stops: None, ..Quirks::NONE });

/// `OpenAI`'s models that complete texts and do not chat.
pub(super) static OPENAI_TEXT: OpenAi = OpenAi(Quirks { endpoints: Quirks::COMPLETIONS, ..Quirks::NONE });

/// Any server that claims to be compatible with `OpenAI`, such as a model server or a proxy. Models'
/// templates do not know `developer`, and responses may have any quirk. The token limit keeps the name that
/// the client used (as in `LiteLLM`), because a model behind a proxy may support only the newer one.
pub(super) static ANY_SERVER: OpenAi = OpenAi(Quirks { searches: false, ..ELSEWHERE });
const ELSEWHERE: Quirks = Quirks {
    endpoints: Quirks::ANY,
    messages: Messages { developer: false, ..Quirks::NONE.messages },
    answer: VENDOR.answer,
    most_stops: None,
    ..Quirks::NONE
};

/// The same under the name `openai`, where model names may be `OpenAI`'s.
pub(super) static OPENAI_ELSEWHERE: OpenAi = OpenAi(Quirks { models: OPENAI_MODELS, ..ELSEWHERE });

/// Vendors that reject a field that their moderations do not have.
const STRICT_OTHERS: &[Other] =
    &[Other { operation: Operation::Moderations, lacks: &["user"], renames: &[] }];

/// Members of messages that `OpenAI`'s SDK sends back, null or not, and who is strict refuses; and others.
macro_rules! foreign {
    ($($more:literal),*) => {
        &[
            "annotations",
            "audio",
            "cache_control",
            "function_call",
            "provider_specific_fields",
            "refusal",
            "thinking_blocks",
            $($more),*
        ]
    };
}

/// All of them.
const STRICT: &[&str] = foreign!["name", "reasoning", "reasoning_content"];

pub(super) static CEREBRAS: OpenAi = OpenAi(Quirks {
    lacks: &[
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "top_logprobs",
    ],
    stream_options: false,
    messages: Messages {
        flat: true,
        // It accepts its own `reasoning`.
        without: foreign!["reasoning_content"],
        ..VENDOR.messages
    },
    ..VENDOR
});

/// Alibaba.
pub(super) static DASHSCOPE: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::CHAT_AND_EMBEDDINGS,
    effort: Effort::Flag("enable_thinking"),
    messages: CACHE_MARKS,
    tools: Tools { without: &[], ..VENDOR.tools },
    // From `text-embedding-v3` on; older models accept 25.
    embedding: Embedding { most: Some(10), ..TEXT_ONLY },
    ..VENDOR
});
/// Prompt cache markers are kept.
const CACHE_MARKS: Messages =
    Messages { without: &["thinking_blocks", "provider_specific_fields"], ..VENDOR.messages };

pub(super) static DEEPINFRA: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::ALL,
    words: &[("tool_choice", "required", "")],
    stream_options: false,
    messages: Messages { flat: true, ..VENDOR.messages },
    embedding: TEXT_ONLY,
    ..VENDOR
});

pub(super) static DEEPSEEK: OpenAi = OpenAi(Quirks {
    most_stops: Some(16),
    endpoints: Quirks::TEXT,
    effort: Effort::ThinkingAndEffort,
    formats: Formats::Object,
    messages: Messages { flat: true, reasoning_with_calls: Some(&["reasoner"]), ..VENDOR.messages },
    ..VENDOR
});

pub(super) static FEATHERLESS: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::TEXT,
    lacks: &["parallel_tool_calls", "response_format", "tool_choice", "tools"],
    ..VENDOR
});

pub(super) static FIREWORKS: OpenAi = OpenAi(Quirks {
    // It accepts the key of the prompt cache.
    rejects: &[],
    endpoints: Quirks::ALL,
    model_prefix: "accounts/fireworks/models/",
    messages: Messages {
        // Extra fields are rejected, including its own `reasoning_content`.
        without: foreign![],
        ..VENDOR.messages
    },
    embedding: TEXT_ONLY,
    ..VENDOR
});

pub(super) static GROQ: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::CHAT_AND_AUDIO,
    lacks: &[
        "audio",
        "logit_bias",
        "logprobs",
        "modalities",
        "n",
        "prediction",
        "top_logprobs",
        "verbosity",
        "web_search_options",
    ],
    renames: &[],
    most_stops: Some(4),
    messages: Messages { without: STRICT, ..VENDOR.messages },
    answer: Answers { usage_in: "x_groq", ..VENDOR.answer },
    ..VENDOR
});

pub(super) static LM_STUDIO: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::ALL,
    formats: Formats::Schema,
    // It says so itself: "'url' field must be a base64 encoded image".
    messages: Messages { inline: true, ..VENDOR.messages },
    embedding: Embedding { format: Format::Floats, ..TEXT_ONLY },
    ..VENDOR
});

pub(super) static MINIMAX: OpenAi = OpenAi(Quirks {
    // Otherwise the reasoning is between `<think>` tags in the content.
    adds: &[("reasoning_split", "true")],
    answer: Answers { base_resp: true, ..VENDOR.answer },
    ..VENDOR
});

pub(super) static MISTRAL: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::CHAT_EMBEDDINGS_AND_MODERATIONS,
    others: STRICT_OTHERS,
    lacks: &[
        "audio",
        "function_call",
        "functions",
        "logit_bias",
        "modalities",
        "moderation",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
        "web_search_options",
    ],
    renames: &[("max_completion_tokens", "max_tokens"), ("seed", "random_seed")],
    words: &[("tool_choice", "required", "any")],
    stream_options: false,
    most_temperature: Some("1.5"),
    messages: Messages {
        without: STRICT,
        bare_parts: true,
        no_empty: true,
        nine_letter_ids: true,
        ..VENDOR.messages
    },
    tools: Tools {
        without: &["cache_control", "$id", "$schema", "additionalProperties"],
        parameters: true,
        ..VENDOR.tools
    },
    embedding: Embedding {
        renames: &[("dimensions", "output_dimension")],
        // 257 are "Too many inputs in request, split into more batches."
        most: Some(256),
        // "Too many tokens in batch. Max is 16384"
        most_tokens: Some(16_384),
        ..TEXT_ONLY
    },
    ..VENDOR
});

/// Kimi.
pub(super) static MOONSHOT: OpenAi = OpenAi(Quirks {
    // It accepts the key of the prompt cache.
    rejects: &[],
    words: &[("tool_choice", "required", "")],
    most_temperature: Some("1"),
    // "URL-formatted images: Not supported", says its guide to vision.
    messages: Messages {
        inline: true,
        reasoning_with_calls: Some(&["thinking", "kimi-k3"]),
        ..VENDOR.messages
    },
    ..VENDOR
});

pub(super) static NSCALE: OpenAi =
    OpenAi(Quirks { lacks: &["parallel_tool_calls", "tool_choice", "tools"], ..VENDOR });

pub(super) static NVIDIA: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::ALL,
    lacks: &["logit_bias", "logprobs", "n", "top_logprobs"],
    stream_options: false,
    // Retrieval models require the type of input.
    embedding: Embedding { adds: &[("input_type", "\"query\"")], ..TEXT_ONLY },
    ..VENDOR
});

pub(super) static OPENAI: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::OPENAI,
    others: STRICT_OTHERS,
    responses: true,
    models: OPENAI_MODELS,
    rejects: FOREIGN_PARAMS,
    embedding: OPENAI_EMBEDDING,
    ..Quirks::NONE
});
/// Sampling parameters of other APIs.
const FOREIGN_PARAMS: &[&str] = &["top_k"];
/// `input`: "Any array must be 2048 dimensions or less."
const OPENAI_EMBEDDING: Embedding = Embedding { most: Some(2048), ..Quirks::NONE.embedding };

pub(super) static OPENROUTER: OpenAi = OpenAi(Quirks {
    // It accepts the key of the prompt cache.
    rejects: &[],
    endpoints: Quirks::ALL,
    searches: true,
    words: &[("reasoning_effort", "max", "xhigh")],
    adds: &[("usage", r#"{"include":true}"#)],
    messages: CACHE_MARKS,
    tools: Tools { without: &[], ..VENDOR.tools },
    answer: Answers { charges: Some(&DOLLARS), ..VENDOR.answer },
    ..VENDOR
});
/// `usage.cost`, dollars.
const DOLLARS: Charges = Charges { total: "cost", ..Charges::NOTHING };

pub(super) static PERPLEXITY: OpenAi = OpenAi(Quirks {
    searches: true,
    lacks: &[
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "n",
        "parallel_tool_calls",
        "seed",
        "stop",
        "tool_choice",
        "tools",
        "top_logprobs",
    ],
    stream_options: false,
    answer: Answers { citations: true, charges: Some(&PERPLEXITY_CHARGES), ..VENDOR.answer },
    ..VENDOR
});
/// The fee of a request depends on how much context its search returned.
const PERPLEXITY_CHARGES: Charges =
    Charges { searches: "num_search_queries", size: "search_context_size", ..DOLLARS };

pub(super) static SAMBANOVA: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::CHAT_AND_EMBEDDINGS,
    lacks: &["frequency_penalty", "logit_bias", "logprobs", "n", "presence_penalty", "seed", "top_logprobs"],
    messages: Messages { flat: true, ..VENDOR.messages },
    embedding: TEXT_ONLY,
    ..VENDOR
});

pub(super) static SCX: OpenAi = OpenAi(Quirks { most_temperature: Some("1.99"), ..VENDOR });

/// It supports only the newer name.
pub(super) static STREAMLAKE: OpenAi =
    OpenAi(Quirks { renames: &[("max_tokens", "max_completion_tokens")], messages: CACHE_MARKS, ..VENDOR });

pub(super) static TOGETHER: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::ALL_AND_RERANK,
    stop_array: true,
    counted_logprobs: true,
    embedding: TEXT_ONLY,
    ..VENDOR
});

pub(super) static V0: OpenAi = OpenAi(Quirks {
    lacks: &[
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "response_format",
        "seed",
        "stop",
        "temperature",
        "top_logprobs",
        "top_p",
    ],
    renames: &[],
    ..VENDOR
});

/// A self-hosted server.
pub(super) static VLLM: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::ALL_AND_RERANK,
    tools: Tools { without: &["cache_control", "strict", "additionalProperties"], ..VENDOR.tools },
    ..VENDOR
});

/// `ByteDance`.
pub(super) static VOLCENGINE: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::CHAT_AND_EMBEDDINGS,
    effort: Effort::Thinking,
    embedding: TEXT_ONLY,
    ..VENDOR
});

pub(super) static VOYAGE: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::RETRIEVAL,
    others: &[Other { operation: Operation::Rerank, lacks: COHERE_ONLY, renames: &[("top_n", "top_k")] }],
    embedding: Embedding {
        renames: &[("dimensions", "output_dimension")],
        format: Format::Base64OrNothing,
        // "The maximum length of the list is 1,000."
        most: Some(1000),
        // Of the larger models; the smaller ones take up to a million.
        most_tokens: Some(120_000),
        ..TEXT_ONLY
    },
    ..VENDOR
});

/// Parameters of `/rerank` that only Cohere has.
const COHERE_ONLY: &[&str] = &["max_chunks_per_doc", "max_tokens_per_doc", "rank_fields", "user"];

pub(super) static JINA: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::RETRIEVAL,
    others: &[Other { operation: Operation::Rerank, lacks: COHERE_ONLY, renames: &[] }],
    embedding: Embedding {
        renames: &[("encoding_format", "embedding_type")],
        // "Each input list can contain at most 512 items", says `jina-embeddings-v4`; the older ones take 2048.
        most: Some(512),
        images: true,
        ..TEXT_ONLY
    },
    ..VENDOR
});

pub(super) static XAI: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::TEXT_AND_IMAGES,
    others: &[Other {
        operation: Operation::Images,
        // "quality, size or style are not supported by xAI API at the moment."
        lacks: &["background", "moderation", "output_format", "quality", "size", "style"],
        renames: &[],
    }],
    models: &[
        Model { lacks: &["stop"], ..GROK },
        Model { name: "grok-4", lacks: &["frequency_penalty", "presence_penalty", "stop"], ..GROK },
        Model { name: "grok-code", lacks: &["frequency_penalty", "presence_penalty", "stop"], ..GROK },
    ],
    lacks: &["web_search_options"],
    messages: Messages {
        without: &["name", "thinking_blocks", "provider_specific_fields", "cache_control"],
        ..VENDOR.messages
    },
    tools: Tools { without: &["cache_control", "strict"], ..VENDOR.tools },
    answer: Answers { reasoning_apart: true, charges: Some(&XAI_CHARGES), ..VENDOR.answer },
    ..VENDOR
});
/// A tick is 1e-10 US dollars. A source of a live search costs 0.025 US dollars.
const XAI_CHARGES: Charges = Charges {
    total: "cost_in_usd_ticks",
    unit: 1e-10,
    searches: "server_side_tool_usage_details.web_search_calls",
    pieces: "num_sources_used",
    per_piece: 0.025,
    ..Charges::NOTHING
};
const GROK: Model = Model {
    name: "grok-3-mini",
    lacks: &[],
    completion_tokens: false,
    sampling: Sampling::Free,
    refused_efforts: &[],
    silent: false,
    tools_without_reasoning: false,
};

/// GLM.
pub(super) static ZAI: OpenAi =
    OpenAi(Quirks { effort: Effort::Thinking, formats: Formats::Object, ..VENDOR });

pub(super) static AI21: OpenAi =
    OpenAi(Quirks { lacks: &["frequency_penalty", "logit_bias", "presence_penalty", "top_p"], ..VENDOR });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacked_is_a_standard_parameter_in_order() {
        let lists = [CEREBRAS.0, DATABRICKS.0, GROQ.0, MISTRAL.0, PERPLEXITY.0, SAMBANOVA.0, V0.0, NVIDIA.0];
        for list in lists.map(|quirks| quirks.lacks) {
            assert!(list.is_sorted(), "{list:?}");
            for name in list {
                assert!(crate::openai::STANDARD_PARAMS.contains(name), "{name}");
            }
        }
    }
}
