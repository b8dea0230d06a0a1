//! Replies of Envoy itself, in the client's API format.
//!
//! Envoy writes them in `OpenAI`'s format (`local_reply_config`). It cannot tell the client's, because an attempt has
//! overwritten the path.

use std::borrow::Cow;
use std::rc::Rc;

use crate::inbound::Language;
use crate::json::{JsonStr, Text, fields, read};
use crate::openai::ErrorBody;

use super::admission::Admission;
use super::call::Call;

/// A reply of Envoy whose body has not arrived yet.
#[derive(Debug)]
pub struct LocalReply {
    language: &'static dyn Language,
    /// The request's id.
    id: Rc<str>,
    /// The error that is reported instead of Envoy's, if it is another.
    error: Option<ErrorBody>,
}

impl LocalReply {
    /// The same with another error than Envoy's.
    #[must_use]
    pub fn instead(self, error: ErrorBody) -> Self {
        Self { error: Some(error), ..self }
    }

    /// Status and body for the client. `None` if the body is not an error, and stays as it is.
    #[cold]
    pub fn rewritten(self, status: u16, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let error = self.error.or_else(|| read_error(status, body))?;
        Some((self.language.status(&error), self.language.error(&error, &self.id)?))
    }
}

/// An error in `OpenAI`'s format.
fn read_error(status: u16, body: &[u8]) -> Option<ErrorBody> {
    struct Wire<'a> {
        error: Told<'a>,
    }
    fields!(Wire<'a> { error; "error" });
    struct Told<'a> {
        message: JsonStr<'a>,
        kind: Text<'a>,
    }
    fields!(Told<'a> { message, kind = "type"; "message", "type" });
    let told = read::<Wire<'_>>(body).ok()?.error;
    let message = told.message.decode()?.into_owned();
    let kind = Cow::Owned(told.kind.0.into_owned());
    Some(ErrorBody { status, kind, message, param: None, code: None, details: None })
}

impl Admission {
    /// A reply of Envoy to a request that is not admitted yet; `None` if Envoy's format is the client's.
    pub fn local_reply(&self) -> Option<LocalReply> {
        let language = self.language().filter(|language| !language.has_openai_errors())?;
        Some(LocalReply { language, id: Rc::clone(self.id()), error: None })
    }
}

impl Call {
    /// A reply of Envoy instead of a response; `None` if there is a response, or if Envoy's format is the client's.
    pub fn local_reply(&self) -> Option<LocalReply> {
        let is_envoys = !self.language.has_openai_errors() && !self.journey.borrow().has_response();
        is_envoys.then(|| LocalReply { language: self.language, id: Rc::clone(&self.id), error: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::{GENERATE, MESSAGES};

    fn rewritten(language: &'static dyn Language, status: u16, body: &str) -> Option<(u16, String)> {
        let reply = LocalReply { language, id: "the-id".into(), error: None };
        let (status, body) = reply.rewritten(status, body.as_bytes())?;
        Some((status, String::from_utf8(body).unwrap()))
    }

    #[test]
    fn an_error_of_envoy_is_written_in_the_clients_words() {
        let envoys = r#"{"error":{"code":"503","message":"a \"quoted\" é","param":null,"type":"internal_server_error"}}"#;
        assert_eq!(
            rewritten(&MESSAGES, 503, envoys).unwrap(),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"a \"quoted\" é"},"request_id":"the-id"}"#
                    .to_owned()
            )
        );
        assert_eq!(
            rewritten(&GENERATE, 503, envoys).unwrap(),
            (503, r#"{"error":{"code":503,"message":"a \"quoted\" é","status":"UNAVAILABLE"}}"#.to_owned())
        );
    }

    #[test]
    fn another_error_takes_the_place_of_envoys() {
        let reply = LocalReply { language: &GENERATE, id: "the-id".into(), error: None };
        let (status, body) =
            reply.instead(ErrorBody::new(408, "x", "after 0.5 s")).rewritten(408, b"").unwrap();
        let expected = r#"{"error":{"code":408,"message":"after 0.5 s","status":"DEADLINE_EXCEEDED"}}"#;
        assert_eq!((status, String::from_utf8(body).unwrap().as_str()), (408, expected));
    }

    #[test]
    fn what_is_no_error_stays_as_it_is() {
        for body in
            ["", "upstream connect error", "{}", r#"{"error":{}}"#, r#"{"error":{"message":1,"type":"x"}}"#]
        {
            assert_eq!(rewritten(&MESSAGES, 503, body), None, "{body}");
        }
    }
}
