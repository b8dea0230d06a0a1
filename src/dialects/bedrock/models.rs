//! What each model supports. No code outside this table names a model.
//!
//! Sources: the provider's documentation of Converse ("Supported models and model features") and structured
//! outputs, and `LiteLLM`'s model map 1.109.1 (`supports_*` flags). Claude's other features are in `claude`.

use super::super::words::Words;

/// Whether a request to rerank must name the version of the maker's API.
pub(super) fn is_versioned(model: &str) -> bool {
    model.contains("cohere.")
}

/// How reasoning is requested, in `additionalModelRequestFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reasoning {
    /// Claude's `thinking` and `output_config`.
    Claude,
    /// `reasoning_effort`
    Effort,
    /// `reasoning: {effort}`
    Nested,
    /// `reasoningConfig: {type, maxReasoningEffort}`
    Config,
    /// Not supported.
    Never,
}

/// Where to put `top_k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TopK {
    /// `additionalModelRequestFields.top_k`
    Field,
    /// `additionalModelRequestFields.inferenceConfig.topK`
    Nested,
}

/// What a model supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// Part of the model's id. The first row whose name is contained in the id applies.
    pub name: &'static str,
    /// How reasoning is requested.
    pub reasoning: Reasoning,
    /// `system`
    pub system: bool,
    /// `toolConfig`
    pub tools: bool,
    /// `toolChoice` that forces a call.
    pub forced_tools: bool,
    /// Claude's `disable_parallel_tool_use`.
    pub serial_tools: bool,
    /// The provider's web search tool.
    pub grounding: bool,
    /// `outputConfig.textFormat`, and `strict` tools.
    pub json_schema: bool,
    /// Tool schemas must have `type`, `properties` and `required` at their root, and no `$ref`.
    pub plain_schemas: bool,
    /// `cachePoint`
    pub caching: bool,
    /// Where to put `top_k`.
    pub top_k: TopK,
}

/// A model that is newer than this table, or known only by an ARN. The provider rejects what it does not
/// support.
const UNKNOWN: Model = Model {
    name: "",
    reasoning: Reasoning::Effort,
    system: true,
    tools: true,
    forced_tools: true,
    serial_tools: false,
    grounding: false,
    json_schema: false,
    plain_schemas: false,
    caching: true,
    top_k: TopK::Field,
};
/// An open-weight model.
const OPEN: Model = Model { caching: false, ..UNKNOWN };
const OPEN_SCHEMA: Model = Model { json_schema: true, ..OPEN };
/// Supports tools, but cannot be forced to call one.
const UNFORCED: Model = Model { forced_tools: false, reasoning: Reasoning::Never, ..OPEN };
const NO_TOOLS: Model = Model { tools: false, ..UNFORCED };
/// Text only: instructions become part of the user's message.
const PLAIN: Model = Model { system: false, ..NO_TOOLS };

const CLAUDE: Model = Model { reasoning: Reasoning::Claude, ..UNKNOWN };
const CLAUDE_UNCACHED: Model = Model { caching: false, ..CLAUDE };
const CLAUDE_OLD: Model = Model { tools: false, forced_tools: false, ..CLAUDE_UNCACHED };
/// From 4.5 on.
const CLAUDE_SERIAL: Model = Model { serial_tools: true, ..CLAUDE };
const CLAUDE_SCHEMA: Model = Model { json_schema: true, ..CLAUDE_SERIAL };

const NOVA: Model = Model {
    reasoning: Reasoning::Never,
    top_k: TopK::Nested,
    grounding: true,
    plain_schemas: true,
    ..UNKNOWN
};

const fn named(name: &'static str, like: Model) -> Model {
    Model { name, ..like }
}

/// If one name contains another, the longer one comes first.
const MODELS: &[Model] = &[
    named("claude-v", CLAUDE_OLD),
    named("claude-instant", CLAUDE_OLD),
    named("claude-3-5-sonnet-20240620", CLAUDE_UNCACHED),
    named("claude-3-opus", CLAUDE_UNCACHED),
    named("claude-3-sonnet", CLAUDE_UNCACHED),
    named("claude-3-haiku", CLAUDE_UNCACHED),
    named("claude-3-", CLAUDE),
    named("claude-opus-4-2025", CLAUDE),
    named("claude-opus-4-1", CLAUDE),
    named("claude-sonnet-4-2025", CLAUDE),
    named("claude-opus-4-7", CLAUDE_SERIAL),
    named("claude-opus-4-", CLAUDE_SCHEMA),
    named("claude-sonnet-4-", CLAUDE_SCHEMA),
    named("claude-haiku-", CLAUDE_SCHEMA),
    named("claude-sonnet-", CLAUDE_SCHEMA),
    named("claude-mythos-5-", CLAUDE_SCHEMA),
    named("claude", CLAUDE_SERIAL),
    named("nova-2", Model { reasoning: Reasoning::Config, ..NOVA }),
    named("nova", NOVA),
    named("titan-text", PLAIN),
    named("ai21.j2", PLAIN),
    named("jamba-instruct", NO_TOOLS),
    named("jamba", UNFORCED),
    named("command-r", UNFORCED),
    named("cohere.command", PLAIN),
    named("deepseek.r1", NO_TOOLS),
    named("deepseek", OPEN_SCHEMA),
    named("gemma", Model { reasoning: Reasoning::Never, ..OPEN }),
    named("gpt-oss", OPEN),
    named("openai.gpt", Model { reasoning: Reasoning::Nested, ..UNKNOWN }),
    named("llama2", NO_TOOLS),
    named("llama3-8b", NO_TOOLS),
    named("llama3-70b", NO_TOOLS),
    named("llama", UNFORCED),
    named("minimax-m2.", OPEN),
    named("minimax", OPEN_SCHEMA),
    named("mistral-7b", PLAIN),
    named("mixtral", PLAIN),
    named("mistral-small-2402", UNFORCED),
    named("mistral-large-3", OPEN_SCHEMA),
    named("ministral", OPEN_SCHEMA),
    named("voxtral", OPEN_SCHEMA),
    named("kimi-k2-thinking", OPEN_SCHEMA),
    named("nemotron-nano-3", OPEN_SCHEMA),
    named("qwen3-coder-next", OPEN),
    named("qwen3", OPEN_SCHEMA),
    named("glm-5", OPEN_SCHEMA),
    named("mistral", OPEN),
    named("kimi", OPEN),
    named("nemotron", OPEN),
    named("glm", OPEN),
    named("palmyra", UNFORCED),
];

/// The row for a model id.
pub(super) fn find(id: &str) -> &'static Model {
    let words = Words::of(id);
    MODELS.iter().find(|model| words.hold(model.name)).unwrap_or(&UNKNOWN)
}

/// The format of an embedding request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `{"inputText"}`
    Text,
    /// The same in another model, with `embeddingConfig`.
    TextWithConfig,
    /// `{"texts","input_type"}`
    Texts,
    /// `{"taskType","singleEmbeddingParams"}`
    Task,
}

/// An embedding model.
pub(super) struct EmbeddingModel {
    /// Part of the model's id.
    pub name: &'static str,
    /// Its format.
    pub form: Form,
    /// The name of `dimensions`; empty if the model has a single size.
    pub dimensions: &'static str,
    /// Maximum number of texts per request. One attempt is one request to the provider.
    pub most: usize,
}

const EMBEDDING_MODELS: &[EmbeddingModel] = &[
    EmbeddingModel { name: "titan-embed-text-v2", form: Form::Text, dimensions: "dimensions", most: 1 },
    EmbeddingModel {
        name: "titan-embed-image",
        form: Form::TextWithConfig,
        dimensions: "outputEmbeddingLength",
        most: 1,
    },
    EmbeddingModel { name: "titan-embed", form: Form::Text, dimensions: "", most: 1 },
    EmbeddingModel { name: "cohere.embed-v4", form: Form::Texts, dimensions: "output_dimension", most: 96 },
    EmbeddingModel { name: "cohere.embed", form: Form::Texts, dimensions: "", most: 96 },
    EmbeddingModel {
        name: "nova-2-multimodal-embeddings",
        form: Form::Task,
        dimensions: "embeddingDimension",
        most: 1,
    },
];

/// The row for an embedding model's id; `None` if it is unknown.
pub(super) fn find_embedding(id: &str) -> Option<&'static EmbeddingModel> {
    let words = Words::of(id);
    EMBEDDING_MODELS.iter().find(|model| words.hold(model.name))
}

/// A model's id without the region of its inference profile.
pub(super) fn without_region(id: &str) -> &str {
    match id.split_once('.') {
        Some((_, rest)) if rest.starts_with("anthropic.") => rest,
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_reached_by_its_own_name() {
        for model in MODELS {
            assert_eq!(find(model.name), model, "hidden by an earlier row");
        }
        for model in EMBEDDING_MODELS {
            assert_eq!(find_embedding(model.name).unwrap().name, model.name, "hidden by an earlier row");
        }
    }

    #[test]
    fn ids_profiles_and_arns_find_their_row() {
        assert_eq!(find("us.anthropic.claude-opus-4-20250514-v1:0").name, "claude-opus-4-2025");
        assert_eq!(find("global.anthropic.claude-opus-4-6-v1").name, "claude-opus-4-");
        assert_eq!(find("anthropic.claude-v2:1").name, "claude-v");
        let arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-2-lite-v1:0";
        assert_eq!(find(arn).name, "nova-2");
        assert_eq!(find("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc").name, "");
    }

    #[test]
    fn a_count_is_asked_of_the_model_and_not_of_its_profile() {
        assert_eq!(without_region("us.anthropic.claude-sonnet-4-6"), "anthropic.claude-sonnet-4-6");
        assert_eq!(without_region("anthropic.claude-sonnet-4-6"), "anthropic.claude-sonnet-4-6");
        let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x";
        assert_eq!(without_region(arn), "anthropic.claude-x");
        let unnamed = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc";
        assert_eq!(without_region(unnamed), unnamed);
    }
}
