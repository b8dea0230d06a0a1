//! Requests with files: the fields of a form as the members of an object.

use crate::form::{Form, Malformed};
use crate::json::{Raw, Writer};
use crate::openai::{ErrorBody, Operation};

/// Fields whose values are JSON, in the form as in other requests.
const JSON: [&str; 8] =
    ["disable_fallbacks", "drop_params", "fallbacks", "metadata", "n", "num_retries", "stream", "timeout"];

/// The fields of a form. A file is an object with its length in bytes; of fields with the same name, the first one counts.
pub(super) fn fields(operation: Operation, body: &[u8]) -> Result<Vec<u8>, ErrorBody> {
    let form = Form::parse(body).map_err(|Malformed(why)| {
        ErrorBody::bad_request([operation.route(), ": invalid form: ", why].concat()).about("request_body")
    })?;
    let mut names: Vec<&str> = Vec::new();
    let mut written = Vec::with_capacity(256);
    let mut w = Writer::new(&mut written);
    w.object();
    for field in form.fields() {
        // Lists have this suffix: `image[]`.
        let name = field.name.strip_suffix("[]").unwrap_or(&field.name);
        if names.contains(&name) {
            if name == "model" {
                let message = "Invalid form: duplicate field `model`";
                return Err(ErrorBody::bad_request(message).about("request_body"));
            }
            continue;
        }
        names.push(name);
        w.string(name).bytes().push(b':');
        let Some(value) = &field.value else {
            w.object().key("bytes").number(field.length() as u64).end_object();
            continue;
        };
        let text = core::str::from_utf8(value).map_err(|_| {
            ErrorBody::invalid(name.to_owned(), "expected a text in UTF-8; files need a `filename`")
        })?;
        match Raw::parse(text) {
            Ok(json) if JSON.contains(&name) => w.raw(json.get()),
            _ => w.string(text),
        };
    }
    w.end_object();
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[(&str, &str)]) -> Result<String, ErrorBody> {
        let part = |(head, value): &(&str, &str)| {
            format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
        };
        let parts: Vec<String> = parts.iter().map(part).collect();
        let body = [&parts.concat(), "--b--\r\n"].concat();
        fields(Operation::Transcriptions, body.as_bytes()).map(|json| String::from_utf8(json).unwrap())
    }

    #[test]
    fn a_form_is_an_object_and_a_file_is_its_length() {
        let parts = [
            (r#"name="file"; filename="a.wav""#, "RIFF"),
            (r#"name="model""#, "whisper-1"),
            (r#"name="num_retries""#, "2"),
            (r#"name="temperature""#, "0.5"),
            (r#"name="timestamp_granularities[]""#, "word"),
            (r#"name="timestamp_granularities[]""#, "segment"),
            (r#"name="n""#, "two"),
        ];
        let expected = r#"{"file":{"bytes":4},"model":"whisper-1","num_retries":2,"temperature":"0.5","timestamp_granularities":"word","n":"two"}"#;
        assert_eq!(read(&parts).unwrap(), expected);
    }

    #[test]
    fn two_models_and_no_form_are_refused() {
        let twice = [(r#"name="model""#, "a"), (r#"name="model""#, "b")];
        assert!(read(&twice).unwrap_err().message.contains("duplicate field `model`"));
        let refused = fields(Operation::ImageEdits, br#"{"model":"m"}"#).unwrap_err();
        assert_eq!((refused.status, refused.param.as_deref()), (400, Some("request_body")));
        assert!(
            refused.message.starts_with("/images/edits: invalid form: expected multipart"),
            "{}",
            refused.message
        );
    }
}
