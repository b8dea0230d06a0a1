//! How vendors differ from `OpenAI`: data for the rows, and no code.

use super::charges::Charges;
use super::models::Model;
use crate::openai::Operation;

/// How a vendor differs. [`Quirks::NONE`] is `OpenAI` itself, [`Quirks::VENDOR`] fits most others.
#[derive(Clone, Copy, Debug)]
pub struct Quirks {
    /// The supported endpoints, with their paths below the base URL. Without `/completions`, prompts are sent
    /// as chats.
    pub endpoints: &'static [(Operation, &'static str)],
    /// It has the Responses API, too: clients of that API get the vendor's own responses.
    pub responses: bool,
    /// Some of its models search the web (`web_search_options`).
    pub searches: bool,
    /// URL surfaces; the first match is used. If empty, the base URL itself.
    pub surfaces: &'static [Surface],
    /// What the models support, if the vendor's models differ.
    pub models: &'static [Model],
    /// Unsupported standard parameters.
    pub lacks: &'static [&'static str],
    /// Other vendors' parameters that are rejected; `drop_params` leaves them out.
    pub rejects: &'static [&'static str],
    /// Renamed parameters, as pairs of `OpenAI`'s and the vendor's name.
    pub renames: &'static [(&'static str, &'static str)],
    /// Renamed string values, as parameter, `OpenAI`'s value and the vendor's value; an empty one is
    /// rejected.
    pub words: &'static [(&'static str, &'static str, &'static str)],
    /// Default parameters of chat requests, as pairs of name and JSON.
    pub adds: &'static [(&'static str, &'static str)],
    /// `stream_options` is supported.
    pub stream_options: bool,
    /// The maximum temperature; higher values are reduced to it.
    pub most_temperature: Option<&'static str>,
    /// How `reasoning_effort` is sent.
    pub effort: Effort,
    /// Prefix of model names without a `/`.
    pub model_prefix: &'static str,
    /// What the body names as `model`.
    pub names: Names,
    /// `logprobs` is a number, as `top_logprobs` is for `OpenAI`.
    pub counted_logprobs: bool,
    /// `stop` must be an array.
    pub stop_array: bool,
    /// How many stop sequences are accepted; the first ones are sent.
    pub most_stops: Option<usize>,
    /// Supported values of `response_format`.
    pub formats: Formats,
    /// Messages.
    pub messages: Messages,
    /// Tools.
    pub tools: Tools,
    /// Embeddings.
    pub embedding: Embedding,
    /// Requests that are neither chats nor embeddings, where they differ.
    pub others: &'static [Other],
    /// Answers.
    pub answer: Answers,
}

/// What the body names as `model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// The model.
    Model,
    /// The model without `@` and its version, which the path has.
    Unversioned,
    /// Nothing: the path names an endpoint that serves one model.
    Nothing,
}

/// A URL surface of a vendor with several.
#[derive(Clone, Copy, Debug)]
pub struct Surface {
    /// Values of `api_version` that select it; if empty, any.
    pub versions: &'static [&'static str],
    /// A substring that the base URL must contain; empty matches all.
    pub base: &'static str,
    /// What stands between the base and the endpoint's path. `{model}` and `{api_version}` stand for values,
    /// `{method}` for Google Cloud's `rawPredict` or `streamRawPredict`, `{endpoint}` for what follows the last slash of
    /// the model.
    pub prefix: &'static str,
    /// The query, with the same placeholders.
    pub query: &'static str,
}

/// How `reasoning_effort` is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Unchanged.
    Same,
    /// `thinking: {"type": "enabled" | "disabled"}`.
    Thinking,
    /// The same, with the effort in addition unless it is `none`.
    ThinkingAndEffort,
    /// A boolean with this name.
    Flag(&'static str),
}

/// Supported values of `response_format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// All values.
    All,
    /// Only `json_object`: a schema becomes an instruction.
    Object,
    /// Only `json_schema`: `json_object` becomes a schema that allows any object.
    Schema,
}

/// Restrictions on messages.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    /// The role `developer` is supported.
    pub developer: bool,
    /// Members to remove; `name` stays in tool messages.
    pub without: &'static [&'static str],
    /// An array of texts must be joined to one string.
    pub flat: bool,
    /// Images must be `data:` URLs; other URLs are fetched first.
    pub inline: bool,
    /// The values of `file` and `input_audio` parts are not nested in an object, and PDFs are sent as
    /// `document_url`.
    pub bare_parts: bool,
    /// An empty assistant message is rejected.
    pub no_empty: bool,
    /// Ids of calls must consist of nine letters or digits.
    pub nine_letter_ids: bool,
    /// An assistant's call requires `reasoning_content` for models whose name contains one of these, or if
    /// the request asks for reasoning.
    pub reasoning_with_calls: Option<&'static [&'static str]>,
}

/// Restrictions on tools.
#[derive(Clone, Copy, Debug)]
pub struct Tools {
    /// Keywords to remove from the function and its schema, including `strict`.
    pub without: &'static [&'static str],
    /// `parameters` is required.
    pub parameters: bool,
    /// `tool_choice` may be `allowed_tools`.
    pub allowed: bool,
    /// Patterns of schemas must be regular expressions that the vendor's validator knows.
    pub patterns: bool,
}

/// How embeddings differ.
#[derive(Clone, Copy, Debug)]
pub struct Embedding {
    /// Unsupported parameters; `user` is dropped silently.
    pub lacks: &'static [&'static str],
    /// Renamed parameters.
    pub renames: &'static [(&'static str, &'static str)],
    /// Default parameters, as pairs of name and JSON.
    pub adds: &'static [(&'static str, &'static str)],
    /// Token arrays are supported.
    pub tokens: bool,
    /// Supported formats of vectors.
    pub format: Format,
    /// Maximum number of inputs per request; `None` if no limit is known.
    pub most: Option<usize>,
    /// Maximum number of tokens of all inputs of a request; `None` if no limit is known.
    pub most_tokens: Option<u64>,
    /// Inputs may be images, which are objects beside those of texts: `{"image":"…"}`, `{"text":"…"}`.
    pub images: bool,
}

/// How requests of an operation differ that is neither a chat nor an embedding.
#[derive(Clone, Copy, Debug)]
pub struct Other {
    /// The operation.
    pub operation: Operation,
    /// Unsupported parameters; `user` is dropped silently.
    pub lacks: &'static [&'static str],
    /// Renamed parameters, as pairs of the client's and the vendor's name.
    pub renames: &'static [(&'static str, &'static str)],
}

/// Supported formats of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Selected by `encoding_format`.
    Both,
    /// Selected by `encoding_format`, but the value `float` must be omitted.
    Base64OrNothing,
    /// Floats only; the gateway converts them to base64.
    Floats,
}

/// How responses differ.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    /// Responses are checked for deviations from `OpenAI`'s format.
    pub mended: bool,
    /// `completion_tokens` does not include reasoning.
    pub reasoning_apart: bool,
    /// `citations` and `search_results` are next to the choices.
    pub citations: bool,
    /// `base_resp` reports an error in a response with status 200.
    pub base_resp: bool,
    /// A stream starts with a chunk without choices, id and model.
    pub preamble: bool,
    /// The member that contains `usage` in a stream's chunk, if it is not at the top level.
    pub usage_in: &'static str,
    /// A text may start with thoughts in `<think>` tags.
    pub thinks: bool,
    /// Costs that `usage` reports.
    pub charges: Option<&'static Charges>,
}

const CHAT: (Operation, &str) = (Operation::Chat, "/chat/completions");
const COMPLETIONS: (Operation, &str) = (Operation::Completions, "/completions");
const EMBEDDINGS: (Operation, &str) = (Operation::Embeddings, "/embeddings");
const MODERATIONS: (Operation, &str) = (Operation::Moderations, "/moderations");
const RERANK: (Operation, &str) = (Operation::Rerank, "/rerank");
const IMAGES: (Operation, &str) = (Operation::Images, "/images/generations");
const SPEECH: (Operation, &str) = (Operation::Speech, "/audio/speech");
const TRANSCRIPTIONS: (Operation, &str) = (Operation::Transcriptions, "/audio/transcriptions");
const TRANSLATIONS: (Operation, &str) = (Operation::Translations, "/audio/translations");
const IMAGE_EDITS: (Operation, &str) = (Operation::ImageEdits, "/images/edits");

impl Quirks {
    /// Chat only.
    pub const CHAT: &'static [(Operation, &'static str)] = &[CHAT];
    /// Chat and completions.
    pub const TEXT: &'static [(Operation, &'static str)] = &[CHAT, COMPLETIONS];
    /// Chat and embeddings.
    pub const CHAT_AND_EMBEDDINGS: &'static [(Operation, &'static str)] = &[CHAT, EMBEDDINGS];
    /// Completions only.
    pub const COMPLETIONS: &'static [(Operation, &'static str)] = &[COMPLETIONS];
    /// All three.
    pub const ALL: &'static [(Operation, &'static str)] = &[CHAT, COMPLETIONS, EMBEDDINGS];
    /// Those that `OpenAI` has.
    pub const OPENAI: &'static [(Operation, &'static str)] = &[
        CHAT,
        COMPLETIONS,
        EMBEDDINGS,
        MODERATIONS,
        IMAGES,
        SPEECH,
        TRANSCRIPTIONS,
        TRANSLATIONS,
        IMAGE_EDITS,
    ];
    /// The same without moderations.
    pub const AZURE: &'static [(Operation, &'static str)] =
        &[CHAT, COMPLETIONS, EMBEDDINGS, IMAGES, SPEECH, TRANSCRIPTIONS, TRANSLATIONS, IMAGE_EDITS];
    /// Chat, completions and images.
    pub const TEXT_AND_IMAGES: &'static [(Operation, &'static str)] = &[CHAT, COMPLETIONS, IMAGES];
    /// Chat and audio.
    pub const CHAT_AND_AUDIO: &'static [(Operation, &'static str)] =
        &[CHAT, SPEECH, TRANSCRIPTIONS, TRANSLATIONS];
    /// Those that servers have that claim to be compatible with `OpenAI`.
    pub const ANY: &'static [(Operation, &'static str)] = &[
        CHAT,
        COMPLETIONS,
        EMBEDDINGS,
        MODERATIONS,
        RERANK,
        IMAGES,
        SPEECH,
        TRANSCRIPTIONS,
        TRANSLATIONS,
        IMAGE_EDITS,
    ];
    /// Chat, embeddings and moderations.
    pub const CHAT_EMBEDDINGS_AND_MODERATIONS: &'static [(Operation, &'static str)] =
        &[CHAT, EMBEDDINGS, MODERATIONS];
    /// Chat, completions, embeddings and rerank.
    pub const ALL_AND_RERANK: &'static [(Operation, &'static str)] = &[CHAT, COMPLETIONS, EMBEDDINGS, RERANK];
    /// Embeddings and rerank.
    pub const RETRIEVAL: &'static [(Operation, &'static str)] = &[EMBEDDINGS, RERANK];

    /// `OpenAI` itself.
    pub const NONE: Self = Self {
        endpoints: Self::ALL,
        responses: false,
        searches: true,
        surfaces: &[],
        models: &[],
        lacks: &[],
        rejects: &[],
        renames: &[],
        words: &[],
        adds: &[],
        stream_options: true,
        most_temperature: None,
        effort: Effort::Same,
        model_prefix: "",
        names: Names::Model,
        counted_logprobs: false,
        stop_array: false,
        most_stops: Some(4),
        formats: Formats::All,
        messages: Messages {
            developer: true,
            // Fields of other providers' responses that clients send back.
            without: &["reasoning_content", "thinking_blocks", "provider_specific_fields", "cache_control"],
            flat: false,
            inline: false,
            bare_parts: false,
            no_empty: false,
            nine_letter_ids: false,
            reasoning_with_calls: None,
        },
        tools: Tools { without: &["cache_control"], parameters: false, allowed: true, patterns: true },
        embedding: Embedding {
            lacks: &[],
            renames: &[],
            adds: &[],
            tokens: true,
            format: Format::Both,
            most: None,
            most_tokens: None,
            images: false,
        },
        others: &[],
        answer: Answers {
            mended: false,
            reasoning_apart: false,
            citations: false,
            base_resp: false,
            preamble: false,
            usage_in: "",
            thinks: false,
            charges: None,
        },
    };

    /// A vendor with the usual differences.
    pub const VENDOR: Self = Self {
        endpoints: Self::CHAT,
        searches: false,
        rejects: &["prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier"],
        most_stops: None,
        renames: &[("max_completion_tokens", "max_tokens")],
        messages: Messages {
            developer: false,
            without: &["thinking_blocks", "provider_specific_fields", "cache_control"],
            ..Self::NONE.messages
        },
        tools: Tools { allowed: false, patterns: false, ..Self::NONE.tools },
        answer: Answers { mended: true, thinks: true, ..Self::NONE.answer },
        ..Self::NONE
    };
}
