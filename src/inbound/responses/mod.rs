//! `OpenAI`'s Responses API, for clients: <https://platform.openai.com/docs/api-reference/responses>. Codex, the Agents SDK and the
//! AI SDK speak it.
//!
//! A request is translated to a chat, so that every provider can serve it, and the facts of the answer are written as
//! output items. Nothing is stored: the client sends the whole conversation with every request, and what a provider needs
//! to get back unchanged travels in `encrypted_content` of reasoning items.

mod answer;
mod arguments;
mod carrier;
mod content;
mod conversation;
mod echo;
mod error;
mod frames;
mod item;
mod request;
mod sink;
mod tools;
mod turn;
mod writer;

use std::borrow::Cow;

use super::{Common, Events, Language, Place, Whole};
use crate::openai::{ErrorBody, Memo, Operation};

/// The language of `/v1/responses`.
pub static RESPONSES: Responses = Responses;

/// See the module.
pub struct Responses;

impl Language for Responses {
    fn name(&self) -> &'static str {
        "responses"
    }

    fn endpoint(&self) -> &'static str {
        "/responses"
    }

    fn is_at(&self, base: &str, _: &str) -> bool {
        matches!(base, "" | "/v1" | "/openai" | "/openai/v1")
    }

    fn operation(&self) -> Operation {
        Operation::Chat
    }

    fn request<'b>(&self, body: Cow<'b, [u8]>) -> Result<Common<'b>, ErrorBody> {
        request::to_chat(&body)
    }

    fn count_endpoint(&self) -> Option<&'static str> {
        Some("/responses/input_tokens")
    }

    fn count(&self, tokens: u64) -> Vec<u8> {
        format!(r#"{{"object":"response.input_tokens","input_tokens":{tokens}}}"#).into()
    }

    fn whole<'m>(&self, memo: &'m Memo) -> Box<dyn Whole + 'm> {
        Box::new(writer::ResponseWriter::new(memo, false))
    }

    fn events(&self, memo: &Memo) -> Box<dyn Events> {
        Box::new(writer::ResponseWriter::new(memo, true))
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
