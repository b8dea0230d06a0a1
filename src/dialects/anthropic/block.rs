//! A content block of a response or a stream.

use crate::json::{JsonStr, Raw, Text, fields};

/// A content block, as a flat struct; which fields are set depends on its type.
pub(super) struct Block<'a> {
    pub(super) kind: Text<'a>,
    pub(super) text: Option<Raw<'a>>,
    pub(super) citations: Option<Raw<'a>>,
    pub(super) thinking: Option<Raw<'a>>,
    pub(super) signature: Option<Raw<'a>>,
    pub(super) data: Option<Raw<'a>>,
    pub(super) id: Option<Raw<'a>>,
    pub(super) name: Option<Raw<'a>>,
    pub(super) input: Option<Raw<'a>>,
    pub(super) tool_use_id: Option<Raw<'a>>,
    pub(super) content: Option<Raw<'a>>,
}
fields!(Block<'a> {
    kind = "type", text, citations, thinking, signature, data, id, name, input, tool_use_id, content; "type"
});

/// A field that should be a string; other values count as empty.
pub(super) fn string(raw: Option<Raw<'_>>) -> JsonStr<'_> {
    raw.and_then(JsonStr::of).unwrap_or(JsonStr::EMPTY)
}
