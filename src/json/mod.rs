//! The only clever JSON: tokens that are never decoded, structs read without code of their own, a body that is
//! edited in place, a writer without a tree.
//!
//! The house's signature trick is [`JsonStr`]: a JSON string that stays the token it was. A model's words travel
//! from a provider's answer into `OpenAI`'s `content` verbatim. That is faster than decoding, and more correct:
//! half of a surrogate pair (`"\ud83d"`, as a delta cut inside an emoji carries) is no Rust string, but it is a
//! JSON token that the client's parser joins with the next one.

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
