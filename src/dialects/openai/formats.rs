//! Adapts `response_format` for vendors that support only one of its forms.

use super::quirks::Formats;
use crate::openai::{ErrorBody, Request, ResponseFormat};

/// A replacement, or `None` if it can stay.
pub(super) fn replaced(formats: Formats, request: &Request<'_>) -> Result<Option<Vec<u8>>, ErrorBody> {
    if formats == Formats::All {
        return Ok(None);
    }
    Ok(match (formats, request.response_format()?) {
        (Formats::Object, ResponseFormat::JsonSchema { .. }) => Some(br#"{"type":"json_object"}"#.to_vec()),
        (Formats::Schema, ResponseFormat::JsonObject) => Some(
            br#"{"type":"json_schema","json_schema":{"name":"object","schema":{"type":"object"}}}"#.to_vec(),
        ),
        _ => None,
    })
}

/// An instruction for the model, if the vendor cannot enforce a schema.
pub(super) fn note(formats: Formats, request: &Request<'_>) -> Result<Option<String>, ErrorBody> {
    if formats != Formats::Object {
        return Ok(None);
    }
    Ok(match request.response_format()? {
        ResponseFormat::JsonSchema { schema, .. } => Some(format!(
            "Respond with a single JSON object only. It must conform to this JSON Schema: {}",
            schema.get()
        )),
        _ => None,
    })
}
