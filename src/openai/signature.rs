//! Signatures of a model's thoughts that must come back with a tool call, in the two places where `LiteLLM` keeps
//! them: `tool_calls[].provider_specific_fields.thought_signature`, and the end of the call's id, for most clients
//! send back the id and nothing else.

use std::borrow::Cow;

use crate::json::{JsonStr, JsonString, Raw, fields, read};

/// Stands in an id before the signature.
pub const SIGNATURE_IN_ID: &str = "__thought__";

/// Holds signatures, in a message and in a call.
pub const SIGNATURE_FIELDS: &str = "provider_specific_fields";

/// An id that carries a signature.
pub fn signed_id(id: &str, signature: JsonStr<'_>) -> JsonString {
    let signature = signature.decode().unwrap_or_default();
    JsonString::new(&format!("{id}{SIGNATURE_IN_ID}{signature}"))
}

/// An id without its signature.
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

/// The signature of a call: its own field's, or else its id's.
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
