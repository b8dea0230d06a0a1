//! Stored responses: the calls to the key service, and its responses.
//!
//! They are JSON in which items stay the text that the client or the provider sent.

use core::fmt;

use crate::inbound::Recall;
use crate::json::{Raw, Text, Writer, fields, read};
use crate::key::{StoredAction, TokenHash};
use crate::openai::ErrorBody;

use super::Reply;

/// What a client asks of a stored response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// Its id.
    pub id: String,
    /// What to do with it.
    pub action: StoredAction,
}

/// The same of a response that a provider keeps.
#[derive(Clone, Debug)]
pub struct NativeRequest {
    /// The provider's id.
    pub(super) id: String,
    /// What to do with it.
    pub(super) action: StoredAction,
    /// The client's query.
    pub(super) query: String,
}

impl NativeRequest {
    /// The method of the request.
    pub(super) fn method(&self) -> &'static str {
        match self.action {
            StoredAction::Get | StoredAction::InputItems => "GET",
            StoredAction::Delete => "DELETE",
            StoredAction::Cancel => "POST",
        }
    }

    /// The path, with that of the provider's endpoint before it.
    pub(super) fn path(&self, endpoint: &str) -> String {
        let (path, query) = endpoint.split_once('?').unwrap_or((endpoint, ""));
        let below = match self.action {
            StoredAction::Get | StoredAction::Delete => "",
            StoredAction::Cancel => "/cancel",
            StoredAction::InputItems => "/input_items",
        };
        let queries: Vec<&str> = [query, &self.query].into_iter().filter(|query| !query.is_empty()).collect();
        let mark = if queries.is_empty() { "" } else { "?" };
        [path, "/", &self.id, below, mark, &queries.join("&")].concat()
    }
}

/// What is stored of a request together with its response.
pub struct Keeping {
    /// The response that it continues.
    pub(super) parent: Option<String>,
    /// `input`, JSON.
    pub(super) input: String,
}

impl fmt::Debug for Keeping {
    /// Hides the input, which is a person's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keeping({:?})", self.parent)
    }
}

impl Keeping {
    /// The call that stores a response.
    pub(super) fn call(&self, token: Option<TokenHash>, response: &str) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.input.len() + response.len() + 256);
        let mut w = begun(&mut body, token);
        if let Some(parent) = &self.parent {
            w.key("parent").string(parent);
        }
        w.key("input").raw(&self.input).key("response").raw(response).end_object();
        body
    }
}

/// The call that asks for what a request refers to.
pub(super) fn recall(recall: &Recall, token: Option<TokenHash>) -> Vec<u8> {
    let mut body = Vec::new();
    let mut w = begun(&mut body, token);
    if let Some(previous) = &recall.previous {
        w.key("previous").string(previous);
    }
    w.key("items").array();
    for item in &recall.items {
        w.string(item);
    }
    w.end_array().end_object();
    body
}

/// The call for what a client asks of a stored response.
pub(super) fn ask(stored: &StoredRequest, query: &str, token: Option<TokenHash>) -> Vec<u8> {
    let mut body = Vec::new();
    let mut w = begun(&mut body, token);
    w.key("id").string(&stored.id).key("action").string(stored.action.name());
    w.key("query").string(query).end_object();
    body
}

fn begun(body: &mut Vec<u8>, token: Option<TokenHash>) -> Writer<'_> {
    let mut w = Writer::new(body);
    w.object();
    if let Some(token) = token {
        w.key("token").string(&token.to_string());
    }
    w
}

/// The key service's response.
pub(super) struct Answer<'a> {
    problem: Option<Problem<'a>>,
    /// The items of the conversation.
    pub(super) input: Option<Raw<'a>>,
    /// Items by their ids.
    pub(super) items: Option<Raw<'a>>,
    /// What the client gets.
    pub(super) body: Option<Raw<'a>>,
}
fields!(Answer<'a> { problem, input, items, body });

/// An error of the client.
struct Problem<'a> {
    status: u16,
    message: Text<'a>,
    param: Option<Text<'a>>,
}
fields!(Problem<'a> { status, message, param; "status", "message" });

impl<'a> Answer<'a> {
    /// Reads it; `None` if there was none.
    ///
    /// # Errors
    /// The response to the client.
    pub(super) fn read(answer: Option<&'a [u8]>) -> Result<Self, Reply> {
        let Some(answer) = answer.and_then(|answer| read::<Self>(answer).ok()) else {
            return Err(unavailable());
        };
        match answer.problem {
            Some(problem) => Err(problem.error().into()),
            None => Ok(answer),
        }
    }
}

impl Problem<'_> {
    fn error(self) -> ErrorBody {
        let error = ErrorBody::new(self.status, "invalid_request_error", self.message.0.into_owned());
        match self.param {
            Some(param) if &*param == "previous_response_id" && self.status == 400 => {
                error.about("previous_response_id").coded("previous_response_not_found")
            }
            Some(param) => error.about(param.0.into_owned()),
            None => error,
        }
    }
}

#[cold]
fn unavailable() -> Reply {
    Reply::from(ErrorBody::new(
        503,
        "service_unavailable_error",
        "The key service is not responding, so stored responses are not available. Try again later.",
    ))
    .with("retry-after", "1")
}
