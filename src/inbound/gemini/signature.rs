//! `thoughtSignature`: what a model must get back with its calls. Clients keep it on the part where it came.
//!
//! A signature of this API's own models passes as it is. Reasoning of other models that must come back unchanged
//! (`thinking_blocks`, or else `reasoning_content`) is put into the signature of the first call that follows it, because clients
//! drop thoughts from their history, but never a call's signature.

use super::proto;
use crate::facts::Thinking;
use crate::json::{JsonStr, JsonString, Object, Raw, Writer, read};

/// The beginning of a signature that holds reasoning of another model.
const BLOCKS: &str = r#"{"thinking_blocks":["#;
/// The same, of a model whose reasoning has no signature.
const TEXT: &str = r#"{"reasoning_content":"#;

/// A signature that a client sent back.
pub(super) enum Signature {
    /// One of this API's own models.
    Own(String),
    /// `thinking_blocks`, a JSON array.
    Blocks(String),
    /// `reasoning_content`
    Text(JsonString),
}

impl Signature {
    pub(super) fn read(token: JsonStr<'_>) -> Option<Self> {
        let text = token.decode().filter(|text| !text.is_empty())?;
        let carried = proto::decode(&text).and_then(|bytes| Self::carried(&bytes));
        Some(carried.unwrap_or_else(|| Self::Own(text.into_owned())))
    }

    fn carried(bytes: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(bytes).ok()?;
        let is_ours = text.starts_with(BLOCKS) || text.starts_with(TEXT);
        let object = Object::parse_text(text).ok().filter(|_| is_ours)?;
        if let Some(text) = object.get("reasoning_content") {
            return JsonStr::of(text).map(|text| Self::Text(JsonString::of(text)));
        }
        let array = object.get("thinking_blocks")?;
        let blocks: Vec<Raw<'_>> = read(array).ok()?;
        blocks.iter().all(|block| Object::of(*block).is_some()).then(|| Self::Blocks(array.get().to_owned()))
    }
}

/// Reasoning that must come back with the next call.
#[derive(Default)]
pub(super) struct Carried {
    /// Objects, separated by commas.
    blocks: Vec<u8>,
    /// The inside of a JSON string.
    text: String,
}

impl Carried {
    /// Adds text, the inside of a JSON string.
    pub(super) fn add_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a block, which contains its text.
    pub(super) fn add_block(&mut self, block: Thinking<'_>) {
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

    /// Takes all of it as a signature.
    pub(super) fn take(&mut self) -> Option<String> {
        let Self { blocks, text } = core::mem::take(self);
        if !blocks.is_empty() {
            return Some(proto::encode(&[BLOCKS.as_bytes(), &blocks, b"]}"].concat()));
        }
        (!text.is_empty()).then(|| proto::encode([TEXT, "\"", &text, "\"}"].concat().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_comes_back_as_it_was_and_a_signature_stays_one() {
        let blocks = r#"{"type":"thinking","thinking":"\ud83d?","signature":"AB/+=="}"#;
        let mut carried = Carried { blocks: blocks.into(), text: "Hm.".to_owned() };
        let signature = carried.take().unwrap();
        assert!(carried.take().is_none(), "it is taken once");
        assert!(signature.starts_with(crate::openai::FOREIGN_SIGNATURES[0]), "{signature}");
        for text in [signature.clone(), signature.replace('+', "-").replace('/', "_")] {
            let Some(Signature::Blocks(read)) = Signature::read(JsonString::new(&text).as_str()) else {
                panic!("{text}")
            };
            assert_eq!(read, format!("[{blocks}]"));
        }
        carried.add_text(r#"Hm\n\u00e9 \""#);
        let signature = carried.take().unwrap();
        assert!(signature.starts_with(crate::openai::FOREIGN_SIGNATURES[1]), "{signature}");
        let Some(Signature::Text(text)) = Signature::read(JsonString::new(&signature).as_str()) else {
            panic!("{signature}")
        };
        assert_eq!(text.as_str().inner(), r#"Hm\n\u00e9 \""#);
        for text in
            ["VGV4dA==", "skip_thought_signature_validator", &proto::encode(br#"{"thinking_blocks":[1]}"#)]
        {
            assert!(
                matches!(Signature::read(JsonString::new(text).as_str()), Some(Signature::Own(own)) if own == text)
            );
        }
    }
}
