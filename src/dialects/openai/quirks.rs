//! What a vendor does otherwise than `OpenAI`: data for the rows, and no code.

use super::charges::Charges;
use super::models::Model;
use crate::openai::Operation;

/// What a vendor does otherwise. [`Quirks::NONE`] is `OpenAI` itself, [`Quirks::VENDOR`] nearly everybody else.
#[derive(Clone, Copy, Debug)]
pub struct Quirks {
    /// What is there, with its path below the base. Where `/completions` is not, prompts are asked over chat.
    pub endpoints: &'static [(Operation, &'static str)],
    /// URL surfaces, of which the first that fits is taken; none means the base itself.
    pub surfaces: &'static [Surface],
    /// What the models take, where the vendor's models differ.
    pub models: &'static [Model],
    /// Standard parameters that are refused.
    pub lacks: &'static [&'static str],
    /// Parameters under other names: (`OpenAI`'s, the vendor's).
    pub renames: &'static [(&'static str, &'static str)],
    /// String values in other words: (parameter, `OpenAI`'s word, the vendor's); an empty one is refused.
    pub words: &'static [(&'static str, &'static str, &'static str)],
    /// Parameters that every request for chat carries unless the client gives them: (name, JSON).
    pub adds: &'static [(&'static str, &'static str)],
    /// `stream_options` is taken.
    pub stream_options: bool,
    /// The highest temperature; a higher one is lowered.
    pub most_temperature: Option<&'static str>,
    /// Translates `reasoning_effort`.
    pub effort: Effort,
    /// What stands before a model's name that holds no `/`.
    pub model_prefix: &'static str,
    /// What the body names as `model`.
    pub names: Names,
    /// `logprobs` is a number: that of `top_logprobs`.
    pub counted_logprobs: bool,
    /// `stop` is taken as an array only.
    pub stop_array: bool,
    /// What `response_format` may be.
    pub formats: Formats,
    /// Messages.
    pub messages: Messages,
    /// Tools.
    pub tools: Tools,
    /// Embeddings.
    pub embedding: Embedding,
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
    /// Values of `api_version` that choose it; none means any.
    pub versions: &'static [&'static str],
    /// What the base must hold; empty fits every base.
    pub base: &'static str,
    /// What stands between the base and the endpoint's path. `{model}` and `{api_version}` stand for values,
    /// `{method}` for Google Cloud's `rawPredict` or `streamRawPredict`, `{endpoint}` for what follows the last slash of
    /// the model.
    pub prefix: &'static str,
    /// What follows the path, with the same.
    pub query: &'static str,
}

/// Translates `reasoning_effort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// As it is.
    Same,
    /// `thinking: {"type": "enabled" | "disabled"}`.
    Thinking,
    /// The same, and the effort beside it unless it is `none`.
    ThinkingAndEffort,
    /// `true` or `false` under this name.
    Flag(&'static str),
}

/// What `response_format` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// All of it.
    All,
    /// `json_object` only: a schema becomes an instruction.
    Object,
    /// `json_schema` only: an object becomes a schema that takes every object.
    Schema,
}

/// What messages may hold.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    /// The role `developer` is known.
    pub developer: bool,
    /// Members that are taken out; `name` stays in messages of tools.
    pub without: &'static [&'static str],
    /// An array of texts must be one string.
    pub flat: bool,
    /// Pictures must be `data:` URLs: those at other URLs are fetched.
    pub inline: bool,
    /// `file` and `input_audio` parts hold their value without an object around it, and PDF is a `document_url`.
    pub bare_parts: bool,
    /// An assistant's message that says nothing is refused.
    pub no_empty: bool,
    /// Ids of calls must be nine letters or digits.
    pub nine_letter_ids: bool,
    /// An assistant's call needs `reasoning_content` on models whose name holds one of these, or where the request
    /// asks for reasoning.
    pub reasoning_with_calls: Option<&'static [&'static str]>,
}

/// What tools may hold.
#[derive(Clone, Copy, Debug)]
pub struct Tools {
    /// Keywords of the function and of its schema that are taken out, `strict` among them.
    pub without: &'static [&'static str],
    /// `parameters` must be there.
    pub parameters: bool,
    /// `tool_choice` may be `allowed_tools`.
    pub allowed: bool,
}

/// How embeddings differ.
#[derive(Clone, Copy, Debug)]
pub struct Embedding {
    /// Parameters that are refused, `user` silently.
    pub lacks: &'static [&'static str],
    /// Parameters under other names.
    pub renames: &'static [(&'static str, &'static str)],
    /// Parameters that every request carries unless the client gives them: (name, JSON).
    pub adds: &'static [(&'static str, &'static str)],
    /// Arrays of tokens are taken.
    pub tokens: bool,
    /// How vectors can be had.
    pub format: Format,
    /// Inputs that one request may have; nothing where no limit is known.
    pub most: Option<usize>,
}

/// How vectors can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// By `encoding_format`.
    Both,
    /// By `encoding_format`, but the value `float` must be left out.
    Base64OrNothing,
    /// As floats only: they are packed here.
    Floats,
}

/// How answers differ.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    /// They are looked through for what is not `OpenAI`'s.
    pub mended: bool,
    /// `completion_tokens` leaves reasoning out.
    pub reasoning_apart: bool,
    /// `citations` and `search_results` stand beside the choices.
    pub citations: bool,
    /// `base_resp` tells an error in an answer with status 200.
    pub base_resp: bool,
    /// A stream begins with a chunk that has no choices, no id and no model.
    pub preamble: bool,
    /// The member that holds `usage` in a stream's chunk, where the chunk itself has none.
    pub usage_in: &'static str,
    /// A text may begin with thoughts between `<think>` marks.
    pub thinks: bool,
    /// Costs that `usage` reports.
    pub charges: Option<&'static Charges>,
}

const CHAT: (Operation, &str) = (Operation::Chat, "/chat/completions");
const COMPLETIONS: (Operation, &str) = (Operation::Completions, "/completions");
const EMBEDDINGS: (Operation, &str) = (Operation::Embeddings, "/embeddings");

impl Quirks {
    /// Chat only.
    pub const CHAT: &'static [(Operation, &'static str)] = &[CHAT];
    /// Chat and completions.
    pub const TEXT: &'static [(Operation, &'static str)] = &[CHAT, COMPLETIONS];
    /// Chat and embeddings.
    pub const CHAT_AND_EMBEDDINGS: &'static [(Operation, &'static str)] = &[CHAT, EMBEDDINGS];
    /// Embeddings only.
    pub const EMBEDDINGS: &'static [(Operation, &'static str)] = &[EMBEDDINGS];
    /// Completions only.
    pub const COMPLETIONS: &'static [(Operation, &'static str)] = &[COMPLETIONS];
    /// All three.
    pub const ALL: &'static [(Operation, &'static str)] = &[CHAT, COMPLETIONS, EMBEDDINGS];

    /// `OpenAI` itself.
    pub const NONE: Self = Self {
        endpoints: Self::ALL,
        surfaces: &[],
        models: &[],
        lacks: &[],
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
        formats: Formats::All,
        messages: Messages {
            developer: true,
            // What clients were given by other providers and send back.
            without: &["reasoning_content", "thinking_blocks", "provider_specific_fields", "cache_control"],
            flat: false,
            inline: false,
            bare_parts: false,
            no_empty: false,
            nine_letter_ids: false,
            reasoning_with_calls: None,
        },
        tools: Tools { without: &["cache_control"], parameters: false, allowed: true },
        embedding: Embedding {
            lacks: &[],
            renames: &[],
            adds: &[],
            tokens: true,
            format: Format::Both,
            most: None,
        },
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

    /// A vendor that follows `OpenAI` at some distance.
    pub const VENDOR: Self = Self {
        endpoints: Self::CHAT,
        renames: &[("max_completion_tokens", "max_tokens")],
        messages: Messages {
            developer: false,
            without: &["thinking_blocks", "provider_specific_fields", "cache_control"],
            ..Self::NONE.messages
        },
        tools: Tools { allowed: false, ..Self::NONE.tools },
        answer: Answers { mended: true, thinks: true, ..Self::NONE.answer },
        ..Self::NONE
    };
}
