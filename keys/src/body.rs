//! Parses a request's body as a JSON object, or returns `FastAPI`'s 422.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde_json::error::Category;
use serde_json::{Map, Value, json};

use crate::error::{ApiError, Complaint};

/// The object in the body. Like `LiteLLM`, ignores `Content-Type`.
#[derive(Debug)]
pub struct Object(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Object {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // The only other cause is a client that disconnected and will not read the response.
        let body = Bytes::from_request(request, state).await.map_err(|_| ApiError::body_too_large())?;
        object(&body).map(Self).map_err(|complaint| ApiError::invalid_body(&[complaint]))
    }
}

/// The object in the body, or an empty one if there is no body.
#[derive(Debug)]
pub struct OptionalObject(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for OptionalObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await.map_err(|_| ApiError::body_too_large())?;
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        object(&body).map(Self).map_err(|complaint| ApiError::invalid_body(&[complaint]))
    }
}

/// Parses a body that must be a JSON object.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, Complaint> {
    let complain = |kind, loc, msg: &str| Complaint { kind, loc, msg: msg.to_owned() };
    let missing = || complain("missing", vec![json!("body")], "Field required");
    if body.is_empty() {
        return Err(missing());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null) => Err(missing()),
        Ok(_) => Err(complain(
            "model_attributes_type",
            vec![json!("body")],
            "Input should be a valid dictionary or object to extract fields from",
        )),
        Err(error) => Err(complain(
            "json_invalid",
            vec![json!("body"), json!(offset(body, &error))],
            "JSON decode error",
        )),
    }
}

/// The position of the JSON error, in characters from the start, as in Python.
fn offset(body: &[u8], error: &serde_json::Error) -> usize {
    let text = String::from_utf8_lossy(body);
    if error.classify() == Category::Eof {
        return text.chars().count();
    }
    let before = text.split_inclusive('\n').take(error.line() - 1).map(str::len).sum::<usize>();
    let at = (before + error.column()).saturating_sub(1).min(text.len());
    text.char_indices().take_while(|(index, _)| *index < at).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn complaint(body: &str) -> (&'static str, Value) {
        let Complaint { kind, loc, .. } = object(body.as_bytes()).unwrap_err();
        (kind, loc.into())
    }

    #[test]
    fn a_body_that_is_no_object_is_refused_with_what_it_is() {
        assert_eq!(complaint(""), ("missing", json!(["body"])));
        assert_eq!(complaint("null"), ("missing", json!(["body"])));
        assert_eq!(complaint("[]"), ("model_attributes_type", json!(["body"])));
        assert_eq!(complaint(r#"{"a":"#), ("json_invalid", json!(["body", 5])));
        assert_eq!(complaint("{bad}"), ("json_invalid", json!(["body", 1])));
        assert_eq!(complaint("{\n\"ä\": x}"), ("json_invalid", json!(["body", 7])));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = object(&body);
        }

        #[test]
        fn the_place_of_the_error_is_within_the_body(body in "[{}\":,a1\nä ]{1,20}") {
            if let Err(Complaint { kind: "json_invalid", loc, .. }) = object(body.as_bytes()) {
                prop_assert!(loc[1].as_u64().unwrap() <= body.chars().count() as u64);
            }
        }
    }
}
