//! The client's language: what `OpenAI` SDKs send, and what they expect back.
//!
//! Sources: the types of the official `openai` packages; where `OpenAI` leaves room, `LiteLLM` Proxy's behaviour.

mod answer_parts;
mod chunk;
mod completion;
mod embedding;
mod error;
mod logprobs;
mod media;
mod message;
mod params;
mod prompt;
mod request;
mod resolved;
mod results;
mod shape;
mod signature;
mod streamed;
mod tool;
mod tool_names;
mod usage;

pub use answer_parts::finish_word;
pub use chunk::ChunkWriter;
pub use completion::{Answer, CompletionWriter};
pub use embedding::{EmbeddingWriter, pack};
pub use error::ErrorBody;
pub use logprobs::read_logprobs;
pub use media::{DataUrl, media_type_of};
pub use message::{Call, Content, File, ImageUrl, InputAudio, Message, Part, ToolCall};
pub use params::{STANDARD_PARAMS, is_admitted, is_default, is_empty_array, is_private};
pub use request::{Request, ResponseFormat};
pub use resolved::{Resolved, Wanted};
pub use results::in_order_of_calls;
pub use shape::check_shape;
pub use signature::{SIGNATURE_FIELDS, SIGNATURE_IN_ID, bare_id, signature_of, signed_id};
pub use streamed::streamed;
pub use tool::{AnyTool, ChosenTools, Tool, ToolChoice, arguments_text};
pub use tool_names::{ToolNames, nine_letter_id, safe_id};
pub use usage::{count, service_tier};

use std::rc::Rc;

/// What the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `/chat/completions`
    Chat,
    /// `/completions`
    Completions,
    /// `/embeddings`
    Embeddings,
}

impl Operation {
    /// `LiteLLM`'s route name, as its messages write it.
    pub fn route(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Embeddings => "/embeddings",
        }
    }

    /// `LiteLLM`'s `mode` of a model that serves it.
    pub fn mode(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completion",
            Self::Embeddings => "embedding",
        }
    }

    /// The field without which the request means nothing.
    pub fn required(self) -> &'static str {
        match self {
            Self::Chat => "messages",
            Self::Completions => "prompt",
            Self::Embeddings => "input",
        }
    }
}

/// What the request taught us that the answer needs.
#[derive(Clone, Debug)]
pub struct Memo {
    /// What was asked for.
    pub operation: Operation,
    /// The model's name as the client wrote it: what the answer shows.
    pub model: Rc<str>,
    /// The client wants a stream.
    pub stream: bool,
    /// The client asked to see the usage chunk.
    pub include_usage: bool,
    /// The client asked for base64 vectors (`encoding_format`).
    pub base64: bool,
    /// Start of the request, Unix seconds: `created` where the provider gives none.
    pub created: u64,
    /// Identifies the request: what an answer is called, where the provider gives no id.
    pub id: Rc<str>,
    /// The client asked with the deprecated `functions`, and knows calls as `function_call` only.
    pub function_call: bool,
    /// The provider was given a tool that stands for `response_format`: its input is the answer's content.
    pub json_tool: Option<String>,
    /// Tool names that the provider would refuse: (as sent, as the client wrote it).
    pub renamed: Vec<(String, String)>,
    /// What the answer's headers said, of those that its language reads.
    pub headers: Vec<(&'static str, String)>,
}

impl Memo {
    /// A header of the answer, of those that its language reads.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
    }

    /// An id for the answer, where the provider gives none.
    pub fn answer_id(&self) -> String {
        answer_id(&self.id)
    }

    /// An id for the call of that number, where the provider gives none.
    pub fn call_id(&self, number: usize) -> String {
        format!("call_{}_{number}", self.id)
    }

    /// The client's name of a tool.
    pub fn tool_name<'n>(&'n self, sent: &'n str) -> &'n str {
        self.renamed.iter().find(|(as_sent, _)| as_sent == sent).map_or(sent, |(_, asked)| asked)
    }
}

/// What the answer to that request is called, where the provider gives no id.
fn answer_id(request: &str) -> String {
    ["chatcmpl-", request].concat()
}
