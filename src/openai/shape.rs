//! Checks that a request has the required shape in every dialect, before any provider is called.
//!
//! Only the outer structure is checked, which is cheap even for a long conversation. The contents are checked
//! by the code that reads them.

use super::request::excerpt;
use super::{ErrorBody, Operation, Request};
use crate::json::Raw;

/// Checks the operation's required fields and the lists next to them.
///
/// # Errors
/// 400, with the field and what was expected.
pub fn check_shape(request: &Request<'_>) -> Result<(), ErrorBody> {
    let operation = request.operation;
    for field in operation.required() {
        let Some(raw) = request.get(field) else { return Err(ErrorBody::missing(operation.route(), field)) };
        check_field(request, field, raw)?;
    }
    if operation == Operation::Chat {
        for (field, expected) in [("tools", "an array of tools"), ("functions", "an array of functions")] {
            if let Some(raw) = request.get(field) {
                list(raw, field, expected)?;
            }
        }
    }
    if operation.generates_text() && request.read::<u64>("n", "a positive integer")? == Some(0) {
        return Err(ErrorBody::invalid("n", "expected a positive integer, but got 0"));
    }
    Ok(())
}

/// Checks a required field.
fn check_field(request: &Request<'_>, field: &'static str, raw: Raw<'_>) -> Result<(), ErrorBody> {
    match request.operation {
        Operation::Chat => {
            let items = list(raw, "messages", "an array of messages")?;
            if items.is_empty() {
                return Err(ErrorBody::invalid(
                    "messages",
                    "the array is empty, expected at least one message",
                ));
            }
            if !items.starts_with('{') {
                let given = excerpt(items);
                return Err(ErrorBody::invalid(
                    "messages[0]",
                    &format!("expected an object, but got {given}"),
                ));
            }
        }
        Operation::Completions | Operation::Embeddings | Operation::Moderations
            if raw.get().starts_with('"') => {}
        Operation::Completions | Operation::Embeddings | Operation::Moderations => {
            if list(raw, field, "a string or an array")?.is_empty() {
                return Err(ErrorBody::invalid(field, "the array is empty"));
            }
        }
        Operation::Rerank if field == "documents" => {
            if list(raw, field, "an array of documents")?.is_empty() {
                return Err(ErrorBody::invalid(field, "the array is empty"));
            }
        }
        Operation::Images | Operation::ImageEdits | Operation::Transcriptions if request.stream()? => {
            return Err(ErrorBody::invalid("stream", "the response is not streamed; leave it out"));
        }
        // Of a file, only its length is known.
        Operation::Transcriptions | Operation::Translations => {}
        Operation::ImageEdits if field == "image" => {}
        Operation::Rerank | Operation::Images | Operation::ImageEdits | Operation::Speech => {
            request.text(field)?;
        }
    }
    Ok(())
}

/// The contents of an array.
fn list<'a>(raw: Raw<'a>, field: &'static str, expected: &str) -> Result<&'a str, ErrorBody> {
    let inside = raw.get().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.map(str::trim_ascii).ok_or_else(|| {
        ErrorBody::invalid(field, &format!("expected {expected}, but got {}", excerpt(raw.get())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_request_is_refused_by_the_name_of_its_field() {
        let refused = |operation, body: &str| {
            let request = Request::parse(operation, body.as_bytes()).unwrap();
            check_shape(&request).err().map(|error| {
                assert_eq!((error.status, &*error.kind), (400, "invalid_request_error"), "{body}");
                (error.param.unwrap_or_default().into_owned(), error.message)
            })
        };
        let chat = |messages: &str| refused(Operation::Chat, &format!(r#"{{"messages":{messages}}}"#));
        let told = |param: &str, message: &str| Some((param.to_owned(), message.to_owned()));
        assert_eq!(chat(r#"[{"role":"user"}]"#), None);
        for (messages, given) in [(r#""hi""#, "a string"), ("{}", "an object"), ("5", "5"), ("true", "true")]
        {
            let message =
                format!("Invalid value for 'messages': expected an array of messages, but got {given}");
            assert_eq!(chat(messages), told("messages", &message));
        }
        let missing = "/chat/completions: Missing required parameter: 'messages'.";
        assert_eq!(chat("null"), told("messages", missing));
        assert_eq!(refused(Operation::Chat, "{}"), told("messages", missing));
        let empty = "Invalid value for 'messages': the array is empty, expected at least one message";
        assert_eq!(chat("[ ]"), told("messages", empty));
        let first = "Invalid value for 'messages[0]': expected an object, but got a string";
        assert_eq!(chat(r#"[ "hi"]"#), told("messages[0]", first));

        for (field, value) in
            [("n", "0"), ("n", "-1"), ("n", r#""2""#), ("tools", "{}"), ("functions", r#""f""#)]
        {
            let body = format!(r#"{{"messages":[{{}}],"{field}":{value}}}"#);
            assert_eq!(refused(Operation::Chat, &body).unwrap().0, field, "{body}");
        }
        for fine in [r#""n":null"#, r#""n":2"#, r#""tools":[]"#, r#""tools":null"#] {
            assert_eq!(refused(Operation::Chat, &format!(r#"{{"messages":[{{}}],{fine}}}"#)), None);
        }
        for (operation, field) in [(Operation::Completions, "prompt"), (Operation::Embeddings, "input")] {
            for value in ["{}", "7", "false", "[]"] {
                let body = format!(r#"{{"{field}":{value}}}"#);
                assert_eq!(refused(operation, &body).unwrap().0, field, "{body}");
            }
            for value in [r#""""#, r#"["a"]"#, "[1,2]"] {
                assert_eq!(refused(operation, &format!(r#"{{"{field}":{value}}}"#)), None);
            }
        }
    }
}
