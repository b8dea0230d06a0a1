//! A provider's opaque state, carried through the client in the field for such state that its API has: `encrypted_content` of
//! a reasoning item, or the `signature` of a thinking block. It is `sb1.`, and base64url of JSON.
//!
//! Clients return reasoning unchanged, and this is the only member of it that every client returns. State of
//! one family of models is useless to another: each provider's language reads what is its own, and leaves the rest out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::facts::Thinking;
use crate::json::{JsonStr, JsonString, Raw, Writer, fields, read};

/// The format's name and version. A value that begins otherwise is a provider's own.
const PREFIX: &str = "sb1.";

/// What one item carries.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Claude's blocks, items of a JSON array.
    blocks: Vec<u8>,
    /// Signature of the text before it (Gemini).
    pub(super) text_signature: Option<JsonString>,
    /// Signatures of calls (Gemini): the call's id as the client has it, and the signature.
    pub(super) calls: Vec<(String, JsonString)>,
}

impl State {
    /// Adds a block as Claude wants it back.
    pub(super) fn push(&mut self, block: Thinking<'_>) {
        let mut w = Writer::new(&mut self.blocks);
        match block {
            Thinking::Signed { text, signature } => {
                w.object().key("type").string("thinking").key("thinking").escaped(text);
                w.key("signature").raw(signature.token()).end_object();
            }
            Thinking::Redacted { data } => {
                w.object().key("type").string("redacted_thinking").key("data").raw(data.token()).end_object();
            }
        }
    }

    /// The value of the field. `text` is the reasoning, as the contents of a JSON string: some clients do not
    /// return it elsewhere.
    pub(super) fn encrypted(&self, text: &str) -> String {
        let mut json = Vec::with_capacity(self.blocks.len() + text.len() + 64);
        let mut w = Writer::new(&mut json);
        w.object();
        if !self.blocks.is_empty() {
            w.key("blocks").array().bytes().extend_from_slice(&self.blocks);
            w.end_array();
        } else if !text.is_empty() {
            w.key("text").escaped(text);
        }
        if let Some(signature) = &self.text_signature {
            w.key("text_signature").raw(signature.as_str().token());
        }
        if !self.calls.is_empty() {
            w.key("calls").array();
            for (id, signature) in &self.calls {
                w.object().key("id").string(id).key("signature").raw(signature.as_str().token()).end_object();
            }
            w.end_array();
        }
        w.end_object();
        [PREFIX, &URL_SAFE_NO_PAD.encode(json)].concat()
    }
}

/// The value of `encrypted_content` of a compaction. `summary` is the contents of a JSON string.
pub(super) fn encrypted_summary(summary: &str) -> String {
    let mut json = Vec::with_capacity(summary.len() + 16);
    Writer::new(&mut json).object().key("summary").escaped(summary).end_object();
    [PREFIX, &URL_SAFE_NO_PAD.encode(json)].concat()
}

/// Whether it is state that this gateway put there.
pub(super) fn is_ours(encrypted: JsonStr<'_>) -> bool {
    encrypted.inner().starts_with(PREFIX)
}

/// Reads the state; `None` if it is not of this gateway.
pub(super) fn open(encrypted: JsonStr<'_>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(encrypted.inner().strip_prefix(PREFIX)?).ok()
}

/// The contents of a carrier.
pub(super) struct Carried<'a> {
    pub(super) blocks: Vec<Raw<'a>>,
    pub(super) text: Option<JsonStr<'a>>,
    pub(super) text_signature: Option<JsonStr<'a>>,
    pub(super) calls: Vec<SignedCall<'a>>,
    /// The text of a compaction.
    pub(super) summary: Option<JsonStr<'a>>,
}
fields!(Carried<'a> { blocks, text, text_signature, calls, summary });

/// A call's signature.
pub(super) struct SignedCall<'a> {
    pub(super) id: JsonStr<'a>,
    pub(super) signature: JsonStr<'a>,
}
fields!(SignedCall<'a> { id, signature; "id", "signature" });

impl<'a> Carried<'a> {
    /// Reads what [`open`] returned.
    pub(super) fn read(json: &'a [u8]) -> Option<Self> {
        read(json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_byte_for_byte() {
        let signature: JsonStr<'_> = read(r#""E\/r+=""#).unwrap();
        let mut state = State::default();
        state.push(Thinking::Signed { text: r"half \ud83d", signature });
        state.push(Thinking::Redacted { data: signature });
        state.text_signature = Some(JsonString::of(signature));
        state.calls.push(("call_1".to_owned(), JsonString::of(signature)));
        let encrypted = JsonString::new(&state.encrypted("unused"));
        let json = open(encrypted.as_str()).unwrap();
        let carried = Carried::read(&json).unwrap();
        let blocks: Vec<&str> = carried.blocks.iter().map(|block| block.get()).collect();
        assert_eq!(
            blocks,
            [
                r#"{"type":"thinking","thinking":"half \ud83d","signature":"E\/r+="}"#,
                r#"{"type":"redacted_thinking","data":"E\/r+="}"#
            ]
        );
        assert!(carried.text.is_none());
        assert_eq!(carried.text_signature.unwrap().token(), signature.token());
        let [call] = carried.calls.as_slice() else { panic!("one call") };
        assert_eq!((call.id.inner(), call.signature.token()), ("call_1", signature.token()));
    }

    #[test]
    fn text_without_a_signature_is_carried_and_foreign_state_is_not_read() {
        let encrypted = JsonString::new(&State::default().encrypted("why"));
        let json = open(encrypted.as_str()).unwrap();
        assert_eq!(Carried::read(&json).unwrap().text.unwrap().inner(), "why");
        for foreign in ["gAAAAABo", "sb1.!", ""] {
            let read = open(JsonString::new(foreign).as_str())
                .and_then(|json| Some(Carried::read(&json)?.blocks.len()));
            assert_eq!(read, None, "{foreign}");
        }
    }
}
