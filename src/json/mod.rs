//! JSON without decoding: string tokens that stay encoded, structs read without generated code, bodies edited
//! in place, and a writer without a tree.
//!
//! The central type is [`JsonStr`], a JSON string that stays encoded. A model's text is copied verbatim from
//! a provider's response to `OpenAI`'s `content`. This is faster than decoding and also more correct: half of
//! a surrogate pair (`"\ud83d"`, in a delta that splits an emoji) is not a Rust string, but it is a valid
//! JSON token, which the client joins with the next one.

mod fields;
mod object;
mod path;
mod plain;
mod raw;
mod scan;
mod splice;
mod token;
mod writer;

pub use fields::{Fields, Leaf, List, Maybe, Place, Slot, Source, read};
pub(crate) use fields::{fields, leaves};
pub use object::{Member, Object, Span};
pub use path::without;
pub use raw::Raw;
pub(crate) use splice::range_in;
pub use splice::{Edits, Splice, around};
pub use token::{JsonStr, JsonString, Text};
pub use writer::Writer;
