//! The client's format: what `OpenAI` SDKs send and expect.
//!
//! Sources: the types of the official `openai` packages and, where those are not specific, `LiteLLM` Proxy's
//! behavior.

mod answer;
mod embedding;
mod error;
mod finish;
mod images;
mod logprobs;
mod media;
mod message;
mod operation;
mod params;
mod prompt;
mod request;
mod rerank;
mod resolved;
mod results;
mod shape;
mod signature;
mod tool;
mod tool_names;
mod units;
mod usage;

pub use answer::Answer;
pub use embedding::{EmbeddingWriter, embedded_image, pack};
pub use error::{ErrorBody, quoted};
pub use finish::finish_word;
pub use images::ImageWriter;
pub use logprobs::read_logprobs;
pub use media::{DataUrl, media_type_of};
pub use message::{Call, Content, File, ImageUrl, InputAudio, Message, Part, ToolCall};
pub use operation::Operation;
pub use params::{
    SEARCH_ID, SEARCH_REQUIRED, STANDARD_PARAMS, is_admitted, is_default, is_empty_array, is_private,
};
pub use prompt::input_tokens;
pub use request::{Request, ResponseFormat};
pub use resolved::{Resolved, Wanted};
pub use results::in_order_of_calls;
pub use shape::check_shape;
pub use signature::{
    FOREIGN_SIGNATURES, SIGNATURE_FIELDS, SIGNATURE_IN_ID, bare, bare_id, signature_of, signed_id,
};
pub use tool::{AnyTool, ChosenTools, Tool, ToolChoice, arguments_text};
pub use tool_names::{ToolNames, nine_letter_id, safe_id};
pub use usage::{count, service_tier, web_search};

use core::any::Any;
use core::fmt;
use std::rc::Rc;

use crate::facts::Wire;

/// Facts about the request that are needed to translate the response.
#[derive(Clone, Debug)]
pub struct Memo {
    /// The operation.
    pub operation: Operation,
    /// The model's name as the client sent it; the response repeats it.
    pub model: Rc<str>,
    /// Estimated tokens of the prompt; 0 if the client's language does not show it.
    pub prompt_estimate: u64,
    /// Whether the client requested a stream.
    pub stream: bool,
    /// Whether the client requested the usage chunk.
    pub include_usage: bool,
    /// Whether the client requested base64 vectors (`encoding_format`).
    pub base64: bool,
    /// Start of the request, Unix seconds: used for `created` if the provider sends none.
    pub created: u64,
    /// Id of the request: the response's id is derived from it if the provider sends none.
    pub id: Rc<str>,
    /// Whether the client used the deprecated `functions`, and so knows calls only as `function_call`.
    pub function_call: bool,
    /// Name of the tool that was sent to the provider in place of `response_format`. Its input becomes the
    /// response's content.
    pub json_tool: Option<String>,
    /// Tool names that the provider would reject, as pairs of the sent name and the client's name.
    pub renamed: Vec<(String, String)>,
    /// Response headers that the dialect reads.
    pub headers: Vec<(&'static str, String)>,
    /// The format in which the client's request was sent as it is; `None` if it was translated.
    pub wire: Option<Wire>,
    /// Client's names for what the provider keeps; `None` if clients have no such names in [`Self::wire`].
    pub names: Option<Rc<dyn Names>>,
    /// Whether the client asks only how long the prompt is.
    pub counts: bool,
    /// What the client's format needs from the request to write the response, in its own type.
    pub echo: Option<Rc<dyn Any>>,
}

/// Names of what a provider keeps for its account. All clients share the account, so each of them gets names that no other
/// client can use.
pub trait Names: fmt::Debug {
    /// The client's name for an id.
    fn id(&self, own: &str) -> String;

    /// What encrypted content begins with for the client; empty if any deployment of the group can read it.
    fn mark(&self) -> &str;
}

impl Memo {
    /// A response header that the dialect reads.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
    }

    /// An id for the response, if the provider sends none.
    pub fn answer_id(&self) -> String {
        answer_id(&self.id)
    }

    /// An id for the call with that index, if the provider sends none.
    pub fn call_id(&self, number: usize) -> String {
        format!("call_{}_{number}", self.id)
    }

    /// The client's name for a tool.
    pub fn tool_name<'n>(&'n self, sent: &'n str) -> &'n str {
        self.renamed.iter().find(|(as_sent, _)| as_sent == sent).map_or(sent, |(_, asked)| asked)
    }
}

/// The response id for a request, if the provider sends none.
pub fn answer_id(request: &str) -> String {
    ["chatcmpl-", request].concat()
}
