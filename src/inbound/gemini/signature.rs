//! `thoughtSignature`: what a model must get back with its calls. Clients keep it on the part where it came.
//!
//! A signature of this API's own models passes as it is. Reasoning of other models that must come back unchanged
//! (`thinking_blocks`) is put into the signature of the first call that follows it, because clients drop thoughts from their
//! history, but never a call's signature.

use super::proto;
use crate::json::{JsonStr, Object};

/// The beginning of a signature that holds reasoning of another model.
const BLOCKS: &str = r#"{"thinking_blocks":["#;

/// A signature that a client sent back.
pub(super) enum Signature {
    /// One of this API's own models.
    Own(String),
    /// `thinking_blocks`, a JSON array.
    Blocks(String),
}

impl Signature {
    pub(super) fn read(token: JsonStr<'_>) -> Option<Self> {
        let text = token.decode().filter(|text| !text.is_empty())?;
        let blocks = proto::decode(&text).and_then(|bytes| blocks_in(&bytes));
        Some(blocks.map_or_else(|| Self::Own(text.into_owned()), Self::Blocks))
    }
}

fn blocks_in(bytes: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok().filter(|text| text.starts_with(BLOCKS))?;
    let object = Object::parse_text(text).ok()?;
    let blocks: Vec<crate::json::Raw<'_>> = crate::json::read(object.get("thinking_blocks")?).ok()?;
    if blocks.iter().all(|block| Object::of(*block).is_some()) {
        Some(object.get("thinking_blocks")?.get().to_owned())
    } else {
        None
    }
}

/// The signature that holds these blocks: objects, separated by commas.
pub(super) fn of_blocks(blocks: &[u8]) -> String {
    proto::encode(&[BLOCKS.as_bytes(), blocks, b"]}"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonString;

    #[test]
    fn reasoning_comes_back_as_it_was_and_a_signature_stays_one() {
        let blocks = r#"{"type":"thinking","thinking":"\ud83d?","signature":"AB/+=="}"#;
        let signature = of_blocks(blocks.as_bytes());
        for text in [signature.clone(), signature.replace('+', "-").replace('/', "_")] {
            let Some(Signature::Blocks(read)) = Signature::read(JsonString::new(&text).as_str()) else {
                panic!("{text}")
            };
            assert_eq!(read, format!("[{blocks}]"));
        }
        for text in
            ["VGV4dA==", "skip_thought_signature_validator", &proto::encode(br#"{"thinking_blocks":[1]}"#)]
        {
            assert!(
                matches!(Signature::read(JsonString::new(text).as_str()), Some(Signature::Own(own)) if own == text)
            );
        }
    }
}
