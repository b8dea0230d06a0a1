//! Signatures of a model's thoughts that must be sent back with a tool call. `LiteLLM` keeps them in two
//! places: `tool_calls[].provider_specific_fields.thought_signature`, and at the end of the call's id,
//! because most clients send back only the id.

use std::borrow::Cow;

use crate::json::{JsonStr, JsonString, Raw, fields, read};

/// Separates an id from the signature after it.
pub const SIGNATURE_IN_ID: &str = "__thought__";

/// How signatures begin that hold reasoning of another family: base64 of `{"thinking_blocks"` and `{"reasoning_conten`.
pub const FOREIGN_SIGNATURES: [&str; 2] = ["eyJ0aGlua2luZ19ibG9ja3Mi", "eyJyZWFzb25pbmdfY29udGVu"];

/// The field with signatures, in messages and in calls.
pub const SIGNATURE_FIELDS: &str = "provider_specific_fields";

/// Appends a signature to an id.
pub fn signed_id(id: &str, signature: JsonStr<'_>) -> JsonString {
    let signature = signature.decode().unwrap_or_default();
    JsonString::new(&format!("{id}{SIGNATURE_IN_ID}{signature}"))
}

/// An id without the signature, for a model that did not make it.
pub fn bare(id: JsonStr<'_>) -> Cow<'_, str> {
    bare_id(id.decode().unwrap_or_default())
}

/// Removes the signature from an id.
pub fn bare_id(id: Cow<'_, str>) -> Cow<'_, str> {
    match id.find(SIGNATURE_IN_ID) {
        None => id,
        Some(at) => match id {
            Cow::Borrowed(id) => Cow::Borrowed(id.get(..at).unwrap_or_default()),
            Cow::Owned(mut id) => {
                id.truncate(at);
                Cow::Owned(id)
            }
        },
    }
}

/// The signature of a call: from its own field, or else from its id.
pub fn signature_of<'a>(id: Option<JsonStr<'a>>, fields: Option<Raw<'a>>) -> Option<Cow<'a, str>> {
    struct Fields<'a> {
        thought_signature: Option<JsonStr<'a>>,
    }
    fields!(Fields<'a> { thought_signature });
    let field = fields
        .and_then(|fields| read::<Fields<'_>>(fields).ok())
        .and_then(|fields| fields.thought_signature?.decode());
    field.filter(|signature| !signature.is_empty()).or_else(|| match id?.decode()? {
        Cow::Borrowed(id) => id.split_once(SIGNATURE_IN_ID).map(|(_, signature)| Cow::Borrowed(signature)),
        Cow::Owned(id) => {
            id.split_once(SIGNATURE_IN_ID).map(|(_, signature)| Cow::Owned(signature.to_owned()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_survives_in_the_id_alone() {
        let signature: JsonStr<'_> = crate::json::read(r#""AB\/+=""#).unwrap();
        let id = signed_id("call_1", signature);
        assert_eq!(id.as_str().token(), r#""call_1__thought__AB/+=""#);
        assert_eq!(signature_of(Some(id.as_str()), None).as_deref(), Some("AB/+="));
        assert_eq!(bare_id(id.as_str().decode().unwrap()), "call_1");
        assert_eq!(bare_id("call_1".into()), "call_1");
    }

    #[test]
    fn the_field_goes_before_the_id() {
        let fields: Raw<'_> = crate::json::read(r#"{"thought_signature":"new"}"#).unwrap();
        let id: JsonStr<'_> = crate::json::read(r#""a__thought__old""#).unwrap();
        assert_eq!(signature_of(Some(id), Some(fields)).as_deref(), Some("new"));
        let none: Raw<'_> = crate::json::read("null").unwrap();
        assert_eq!(signature_of(Some(id), Some(none)).as_deref(), Some("old"));
        assert_eq!(signature_of(None, None), None);
    }
}
