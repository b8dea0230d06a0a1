//! Responses that the gateway generates itself.

use std::borrow::Cow;
use std::rc::Rc;

use crate::inbound::Language;
use crate::json::Writer;
use crate::key::UsageError;
use crate::openai::ErrorBody;

use super::unserved_routes::instead_of;
use crate::headers::Value;

/// A complete response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides `content-length`.
    pub headers: Vec<(Cow<'static, str>, Value)>,
    /// The body.
    pub body: Vec<u8>,
    /// The error in it, if it is one.
    pub error: Option<Box<ErrorBody>>,
}

impl Reply {
    /// A JSON document.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self { status, headers, body: body.into(), error: None }
    }

    /// `FastAPI`'s error format, which `LiteLLM` uses outside the data plane.
    pub fn detail(status: u16, detail: &str) -> Self {
        let mut body = Vec::new();
        Writer::new(&mut body).object().key("detail").string(detail).end_object();
        let error = Some(Box::new(ErrorBody::new(status, "HTTPException", detail)));
        Self { error, ..Self::json(status, body) }
    }

    /// An unknown path. SDKs print the message, so it lists the available ones.
    #[cold]
    pub fn no_route(method: &[u8], path: &str) -> Self {
        let hint = instead_of(path);
        let message = format!(
            "Not Found: no route {}. {hint} See GET /openapi.json for all routes.",
            line(method, path)
        );
        ErrorBody::new(404, "not_found_error", message).into()
    }

    /// A known path with the wrong method.
    #[cold]
    pub fn method_not_allowed(method: &[u8], path: &str, allow: &'static str) -> Self {
        let message = format!("Method Not Allowed: {}. Use {allow}.", line(method, path));
        Self::from(ErrorBody::new(405, "invalid_request_error", message)).with("allow", allow)
    }

    /// A stored response: there is none.
    #[cold]
    pub fn not_stored(id: &str) -> Self {
        let id: String = id.chars().take(100).collect();
        let message = format!(
            "Response with id '{id}' not found. This gateway stores no responses; send the whole conversation in `input`."
        );
        ErrorBody::new(404, "invalid_request_error", message).into()
    }

    /// Converts an error to the client's language. `id` is the request's.
    #[must_use]
    pub(super) fn in_language(mut self, language: &dyn Language, id: &str) -> Self {
        let written =
            self.error.as_ref().and_then(|error| Some((language.status(error), language.error(error, id)?)));
        if let Some((status, body)) = written {
            (self.status, self.body) = (status, body);
        }
        self
    }

    /// Records the error in it.
    fn because(self, error: ErrorBody) -> Self {
        Self { error: Some(Box::new(error)), ..self }
    }

    /// Adds the request's ids for finding it in logs, unless they are set. Envoy overwrites the second if it
    /// still has the request's own.
    #[must_use]
    pub fn to_call(mut self, id: &Rc<str>) -> Self {
        for name in ["x-litellm-call-id", "x-request-id"] {
            if !id.is_empty() && self.headers.iter().all(|(header, _)| *header != name) {
                self = self.with(name, Rc::clone(id));
            }
        }
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The response to a request that lost its admission because the VM was restarted.
    pub fn lost() -> Self {
        ErrorBody::new(
            503,
            "internal_server_error",
            "The gateway restarted while serving this request. Try again.",
        )
        .into()
    }

    /// No memory for another large body.
    #[cold]
    pub fn no_room() -> Self {
        Self::from(ErrorBody::new(
            503,
            "service_unavailable_error",
            "The gateway has no memory left for another large request (--memory-limit). Try again later.",
        ))
        .with("retry-after", "1")
    }

    /// The key service cannot resolve the request's references.
    pub fn unresolved() -> Self {
        Self::from(ErrorBody::new(
            503,
            "service_unavailable_error",
            "The key service is not responding, so the URLs or token arrays in this request cannot be resolved. Try again later.",
        ))
        .with("retry-after", "1")
    }

    /// The endpoint's deployment is not in the table.
    pub fn unknown_deployment() -> Self {
        ErrorBody::ours(
            "The selected deployment is not in the current configuration: Envoy's clusters and the filter's configuration differ.",
        )
        .into()
    }
}

/// Method and path for a message, without the query and truncated.
fn line(method: &[u8], path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let shown: String = path.chars().take(200).collect();
    [&*String::from_utf8_lossy(method), " ", &shown].concat()
}

impl From<ErrorBody> for Reply {
    fn from(error: ErrorBody) -> Self {
        Self::json(error.status, error.to_json()).because(error)
    }
}

impl ErrorBody {
    /// The spend log's view of the error.
    #[cold]
    pub(super) fn told(&self) -> UsageError<'static> {
        UsageError::new(self.kind.clone(), &self.message)
    }
}
