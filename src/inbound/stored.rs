//! Formats whose responses the gateway can store, for clients that continue a conversation by the id of its last response.

use core::any::Any;
use core::fmt;
use std::rc::Rc;

use crate::json::Raw;
use crate::openai::ErrorBody;

/// What a request needs from the store, and what is to be stored of it.
#[derive(Clone, Default)]
pub struct Recall {
    /// The response that it continues.
    pub previous: Option<String>,
    /// Ids of the items that it refers to.
    pub items: Vec<String>,
    /// Its own items, the text of a JSON value, if its response is to be stored.
    pub input: Option<String>,
}

impl fmt::Debug for Recall {
    /// Hides the input, which is a person's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recall({:?}, {:?})", self.previous, self.items)
    }
}

/// What the store returned.
pub struct Recalled<'a> {
    /// The items of the conversation, an array.
    pub input: Option<Raw<'a>>,
    /// The items that the request refers to, by their ids.
    pub items: Option<Raw<'a>>,
}

/// What a client's name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The provider's own.
    Own(String),
    /// Something that another deployment keeps.
    Elsewhere,
    /// Nothing that the client was given a name for.
    Unknown,
}

/// Opens the names that a client was given for what a provider keeps.
pub trait Open {
    /// An id.
    fn id(&mut self, shown: &str) -> Found;

    /// Encrypted content.
    fn content(&mut self, shown: &str) -> Found;

    /// The request cannot be served without what was opened last.
    fn require(&mut self);
}

/// A format with stored responses.
pub trait Stateful {
    /// The body with the provider's names in place of the client's; `None` if it has none. What the provider cannot read is
    /// left out.
    ///
    /// # Errors
    /// It names something that the client may not have.
    fn opened(&self, body: &[u8], open: &mut dyn Open) -> Result<Option<Vec<u8>>, ErrorBody>;

    /// The body without what only the provider that made it can read; `None` if there is nothing of it.
    fn forgotten(&self, body: &[u8]) -> Option<Vec<u8>>;

    /// What a request needs. A body that cannot be read needs nothing: it is rejected when it is translated.
    ///
    /// # Errors
    /// A field of the wrong type.
    fn recall(&self, body: &[u8]) -> Result<Recall, ErrorBody>;

    /// The body with the items in place of what refers to them.
    fn recalled(&self, body: &[u8], recalled: &Recalled<'_>) -> Vec<u8>;

    /// What admission reads of a request that cannot be translated, but that a provider with the same API may serve; `None`
    /// if none may. `is_own` says that the response which it continues was checked to be the client's.
    fn outline(&self, body: &[u8], is_own: bool) -> Option<Vec<u8>>;

    /// Notes for the response what it continues, and whether it is to be stored.
    fn note(&self, echo: Option<Rc<dyn Any>>, recall: &Recall) -> Option<Rc<dyn Any>>;

    /// The response, in a complete response or in the events that end a stream. `None` if it has failed or goes on.
    fn response<'e>(&self, end: &'e [u8]) -> Option<&'e str>;

    /// The same bytes for a response that could not be stored.
    fn unstored(&self, end: &[u8]) -> Vec<u8>;
}
