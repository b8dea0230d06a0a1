//! `OpenAI`'s Responses API, for clients: <https://platform.openai.com/docs/api-reference/responses>. Codex, the Agents SDK and the
//! AI SDK speak it.
//!
//! A request is translated to a chat, so that every provider can serve it, and the facts of the answer are written as
//! output items. What a provider needs to get back unchanged travels in `encrypted_content` of reasoning items. Clients send
//! the whole conversation with every request, or, if the operator has enabled the store, the id of the last response.

mod answer;
mod arguments;
mod builtin;
mod compaction;
mod content;
mod conversation;
mod echo;
mod error;
mod frames;
mod ids;
mod item;
mod references;
mod relay;
mod request;
mod sink;
mod stored;
mod tools;
mod turn;
mod writer;

use std::borrow::Cow;

use super::{Common, DROPPED_TOOLS, Events, Language, Place, Stateful, Whole};
use crate::facts::Wire;
use crate::openai::{ErrorBody, Memo, Operation};

/// The language of `/v1/responses`.
pub static RESPONSES: Responses = Responses { compacts: false };

/// The language of `/v1/responses/compact`, which asks for nothing but a compaction.
pub static COMPACT: Responses = Responses { compacts: true };

/// Whether a language is one of these.
pub fn is_one(language: &dyn Language) -> bool {
    [&RESPONSES, &COMPACT].iter().any(|own| own.name() == language.name())
}

/// See the module.
pub struct Responses {
    compacts: bool,
}

impl Language for Responses {
    fn name(&self) -> &'static str {
        if self.compacts { "compact" } else { "responses" }
    }

    fn endpoint(&self) -> &'static str {
        if self.compacts { "/responses/compact" } else { "/responses" }
    }

    fn is_at(&self, base: &str, _: &str) -> bool {
        matches!(base, "" | "/v1" | "/openai" | "/openai/v1")
    }

    fn operation(&self) -> Operation {
        Operation::Chat
    }

    fn wire(&self) -> Option<Wire> {
        Some(if self.compacts { Wire::Compaction } else { Wire::Responses })
    }

    fn request<'b>(&self, body: Cow<'b, [u8]>) -> Result<Common<'b>, ErrorBody> {
        request::to_chat(&body, self.compacts)
    }

    fn stateful(&self) -> Option<&dyn Stateful> {
        Some(self)
    }

    fn fits_output(&self) -> bool {
        true
    }

    fn headers(&self, memo: &Memo) -> Vec<(&'static str, String)> {
        let echo = echo::Echo::of(memo);
        if echo.dropped.is_empty() { Vec::new() } else { vec![(DROPPED_TOOLS, echo.dropped.clone())] }
    }

    fn count_endpoint(&self) -> Option<&'static str> {
        (!self.compacts).then_some("/responses/input_tokens")
    }

    fn count(&self, tokens: u64) -> Vec<u8> {
        format!(r#"{{"object":"response.input_tokens","input_tokens":{tokens}}}"#).into()
    }

    fn whole<'m>(&self, memo: &'m Memo) -> Box<dyn Whole + 'm> {
        Box::new(writer::ResponseWriter::new(memo, false, self.compacts))
    }

    fn events(&self, memo: &Memo) -> Box<dyn Events> {
        Box::new(writer::ResponseWriter::new(memo, true, false))
    }

    fn status(&self, error: &ErrorBody) -> u16 {
        error::status(error)
    }

    fn error(&self, error: &ErrorBody, _: &str) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        error::write(error, &mut body);
        Some(body)
    }

    fn error_event(&self, error: &ErrorBody, place: &Place, out: &mut Vec<u8>) {
        error::write_event(error, place, out);
    }
}
