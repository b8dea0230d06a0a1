//! Anthropic's Messages API for clients: <https://platform.claude.com/docs/en/api/messages>, used by Claude
//! Code and Anthropic's SDKs.
//!
//! Providers with the same API receive the client's bytes, and their responses are relayed. For all others, a request is
//! translated to a chat, and the response is written as content blocks.

mod answer;
mod assistant;
mod calls;
mod changes;
mod content;
mod error;
mod events;
mod names;
mod relay;
mod request;
mod searches;
mod tools;
mod whole;

use core::any::Any;
use std::borrow::Cow;
use std::rc::Rc;

use super::{Common, Events, Language, Place, Whole};
use crate::facts::Wire;
use crate::openai::{ErrorBody, Memo, Operation, Request, check_shape};

/// The header that every client of this API sends.
pub const VERSION: &str = "anthropic-version";

/// `LiteLLM`'s name for the routes of this API, in `allowed_routes` of a key.
pub const ROUTES: &str = "anthropic_routes";

/// The format of `/v1/messages`.
pub static MESSAGES: Messages = Messages;

/// See the module documentation.
pub struct Messages;

impl Language for Messages {
    fn name(&self) -> &'static str {
        "messages"
    }

    fn endpoint(&self) -> &'static str {
        "/messages"
    }

    fn is_at(&self, base: &str, _: &str) -> bool {
        matches!(base, "/v1" | "/anthropic/v1")
    }

    fn operation(&self) -> Operation {
        Operation::Chat
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Messages)
    }

    fn is_read_as_it_is(&self) -> bool {
        true
    }

    fn check(&self, request: &Request<'_>) -> Result<(), ErrorBody> {
        if request.get("messages").is_none() {
            return Err(ErrorBody::bad_request("messages: Field required").about("messages"));
        }
        check_shape(request)
    }

    fn request<'b>(&self, body: Cow<'b, [u8]>) -> Result<Common<'b>, ErrorBody> {
        let (body, renamed) = request::to_chat(&body)?;
        let echo = (!renamed.is_empty()).then(|| Rc::new(renamed) as Rc<dyn Any>);
        Ok(Common { body: Cow::Owned(body), echo })
    }

    fn count_endpoint(&self) -> Option<&'static str> {
        Some("/messages/count_tokens")
    }

    fn count(&self, tokens: u64) -> Vec<u8> {
        format!(r#"{{"input_tokens":{tokens}}}"#).into_bytes()
    }

    fn shows_estimate(&self) -> bool {
        true
    }

    fn fits_output(&self) -> bool {
        true
    }

    fn whole<'m>(&self, memo: &'m Memo) -> Box<dyn Whole + 'm> {
        Box::new(whole::MessageWriter::new(memo))
    }

    fn events(&self, memo: &Memo) -> Box<dyn Events> {
        Box::new(events::EventWriter::new(memo))
    }

    fn has_openai_errors(&self) -> bool {
        false
    }

    fn status(&self, error: &ErrorBody) -> u16 {
        error::status(error)
    }

    fn error(&self, error: &ErrorBody, id: &str) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        error::write(error, id, &mut body);
        Some(body)
    }

    fn error_event(&self, error: &ErrorBody, place: &Place, out: &mut Vec<u8>) {
        error::write_event(error, &place.request, out);
    }
}
