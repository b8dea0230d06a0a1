//! An answer that the gateway gives by itself.

use std::borrow::Cow;

use crate::json::Writer;
use crate::key::UsageError;
use crate::openai::ErrorBody;

use super::headers::Value;

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides `content-length`.
    pub headers: Vec<(Cow<'static, str>, Value)>,
    /// The body.
    pub body: Vec<u8>,
    /// What the spend log tells of it, if it is an error.
    pub error: Option<Box<UsageError<'static>>>,
}

impl Reply {
    /// A JSON document.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self { status, headers, body: body.into(), error: None }
    }

    /// `FastAPI`'s error shape, which `LiteLLM` has for what is no route of the data plane.
    pub fn detail(status: u16, detail: &str) -> Self {
        let mut body = Vec::new();
        Writer::new(&mut body).object().key("detail").string(detail).end_object();
        let error = Some(Box::new(UsageError::new("HTTPException", detail)));
        Self { error, ..Self::json(status, body) }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// An answer to a request that has lost its admission: the VM was started anew in between.
    pub fn lost() -> Self {
        ErrorBody::new(
            503,
            "internal_server_error",
            "The gateway was restarted while it served this request.",
        )
        .into()
    }

    /// The key service does not resolve what the request refers to.
    pub fn unresolved() -> Self {
        Self::from(ErrorBody::new(
            503,
            "service_unavailable_error",
            "The key service does not answer, so what the request refers to by URL or by tokens cannot be resolved. \
             Try again later.",
        ))
        .with("retry-after", "1")
    }

    /// An endpoint that the table does not know.
    pub fn unknown_deployment() -> Self {
        ErrorBody::ours(
            "The endpoint that was picked is in no table of this gateway; its configuration is stale.",
        )
        .into()
    }
}

impl From<ErrorBody> for Reply {
    fn from(error: ErrorBody) -> Self {
        let told = Some(Box::new(error.told()));
        Self { error: told, ..Self::json(error.status, error.to_json()) }
    }
}

impl ErrorBody {
    /// As the spend log has it.
    #[cold]
    pub(super) fn told(&self) -> UsageError<'static> {
        UsageError::new(self.kind.clone(), &self.message)
    }
}
