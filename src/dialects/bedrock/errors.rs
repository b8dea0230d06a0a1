//! Parses exceptions, as an error response or inside a stream.
//!
//! The exception's name is in a header (`ThrottlingException:http://…`), in the body (`__type`), or in a
//! frame of the stream, where it starts with a lowercase letter.

use std::borrow::Cow;

use super::super::wording::refined;
use crate::facts::{Class, Fault};
use crate::json::{self, JsonStr, Text, fields};

/// Exception names and their classes.
const CLASSES: &[(&str, Class)] = &[
    ("AccessDeniedException", Class::PermissionDenied),
    ("ExpiredTokenException", Class::Authentication),
    ("IncompleteSignatureException", Class::Authentication),
    ("InternalServerException", Class::InternalServer),
    ("InvalidClientTokenId", Class::Authentication),
    ("InvalidSignatureException", Class::Authentication),
    ("MissingAuthenticationTokenException", Class::Authentication),
    ("ModelErrorException", Class::BadGateway),
    ("ModelNotReadyException", Class::RateLimit),
    ("ModelStreamErrorException", Class::BadGateway),
    ("ModelTimeoutException", Class::Timeout),
    ("ResourceNotFoundException", Class::NotFound),
    ("ServiceQuotaExceededException", Class::RateLimit),
    ("ServiceUnavailableException", Class::ServiceUnavailable),
    ("ThrottlingException", Class::RateLimit),
    ("UnrecognizedClientException", Class::Authentication),
    ("ValidationException", Class::BadRequest),
];

/// Parses an error response. `kind` is the exception's name from a header or a frame, if there is one.
pub(super) fn read(status: u16, kind: Option<&str>, body: &[u8]) -> Fault {
    struct Wire<'a> {
        message: Option<JsonStr<'a>>,
        // Responses of the API gateway in front of the service.
        capital: Option<JsonStr<'a>>,
        original: Option<JsonStr<'a>>,
        kind: Text<'a>,
    }
    fields!(Wire<'a> { message, capital = "Message", original = "originalMessage", kind = "__type" });
    let Ok(wire) = json::read::<Wire<'_>>(body) else {
        let fault = Fault::unreadable(status, body);
        return match kind.and_then(class_of) {
            Some(class) => Fault { class, ..fault },
            None => fault,
        };
    };
    let words = [wire.message, wire.capital, wire.original];
    let message = words.into_iter().flatten().find(|words| !words.is_blank());
    let message = message
        .and_then(JsonStr::decode)
        .map_or_else(|| String::from_utf8_lossy(body).chars().take(512).collect::<String>(), Cow::into_owned);
    let class = kind.or(Some(&wire.kind)).and_then(class_of).unwrap_or_else(|| Class::of_status(status));
    Fault::new(refined(class, &[], &message), message)
}

fn class_of(kind: &str) -> Option<Class> {
    let name = kind.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    CLASSES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_a_header_in_the_body_and_in_a_frame() {
        let class = |kind, body: &str| read(400, kind, body.as_bytes()).class;
        assert_eq!(class(Some("ThrottlingException:http://internal.amazon.com/x/"), "{}"), Class::RateLimit);
        assert_eq!(class(Some("throttlingException"), r#"{"message":"x"}"#), Class::RateLimit);
        assert_eq!(
            class(None, r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException"}"#),
            Class::Authentication
        );
        assert_eq!(class(Some("NewException"), r#"{"message":"x"}"#), Class::BadRequest);
    }
}
