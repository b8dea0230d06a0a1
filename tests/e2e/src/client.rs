//! A client that shows everything: no redirects, no retries, no help.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

use crate::sse::Events;

/// Longer than anything that should happen in a test.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client of one server; it belongs to the runtime that made it.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of `http://host:port`.
    pub fn new(base: impl Into<String>) -> Self {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { base: base.into(), http }
    }

    /// `http://host:port`
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Begins a request. The content type is JSON unless said otherwise.
    pub fn request(&self, method: Method, path: &str) -> Call {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.base).parse().expect("a URL");
        Call { client: self.clone(), request }
    }

    /// Begins a POST request with that body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.request(Method::POST, path).header("content-type", "application/json").body(body.to_string())
    }

    /// Begins a GET request.
    pub fn get(&self, path: &str) -> Call {
        self.request(Method::GET, path)
    }
}

/// A request that is being written.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Call {
    client: Client,
    request: Request<Full<Bytes>>,
}

impl Call {
    /// `Authorization: Bearer KEY`
    pub fn key(self, key: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {key}"))
    }

    /// Sets a header to any bytes.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::try_from(name).expect("a header's name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Sets the body to any bytes.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self
    }

    /// Sends it, and waits for the whole answer.
    pub async fn send(self) -> Answer {
        self.open().await.finish().await
    }

    /// Sends it, and waits for the whole answer or the reason why there is none.
    pub async fn try_send(self) -> Result<Answer, String> {
        let answered = timeout(PATIENCE, self.client.http.request(self.request)).await;
        let response = answered.map_err(|_| "no answer in time")?.map_err(|error| format!("{error:?}"))?;
        let (head, body) = response.into_parts();
        let body = timeout(PATIENCE, body.collect()).await.map_err(|_| "no end of the answer in time")?;
        let body = body.map_err(|error| format!("{error:?}"))?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Sends it, and waits for the answer's head.
    pub async fn open(self) -> Opened {
        let target = format!("{} {}", self.request.method(), self.request.uri());
        let answered = timeout(PATIENCE, self.client.http.request(self.request)).await;
        let response = answered
            .unwrap_or_else(|_| panic!("{target}: no answer in {PATIENCE:?}"))
            .unwrap_or_else(|error| panic!("{target}: {error:?}"));
        let (head, body) = response.into_parts();
        Opened { status: head.status.as_u16(), headers: head.headers, body }
    }
}

/// An answer whose body is still coming.
#[derive(Debug)]
pub struct Opened {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    body: Incoming,
}

impl Opened {
    /// The next bytes; nothing at the end.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            let frame = timeout(PATIENCE, self.body.frame()).await.expect("something in time")?;
            if let Ok(data) = frame.expect("a connection that holds").into_data() {
                return Some(data);
            }
        }
    }

    /// What comes until the end, and whether that is a good one.
    pub async fn rest(mut self) -> (Vec<u8>, bool) {
        let mut seen = Vec::new();
        loop {
            match timeout(PATIENCE, self.body.frame()).await.expect("something in time") {
                None => return (seen, true),
                Some(Err(_)) => return (seen, false),
                Some(Ok(frame)) => seen.extend(frame.into_data().unwrap_or_default()),
            }
        }
    }

    /// The rest of the answer.
    pub async fn finish(self) -> Answer {
        let body = timeout(PATIENCE, self.body.collect()).await.expect("an end of the answer in time");
        let body = body.expect("a connection that holds").to_bytes();
        Answer { status: self.status, headers: self.headers, body }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        assert_eq!(
            self.header(CONTENT_TYPE.as_str()),
            "application/json",
            "{}: {}",
            self.status,
            self.text()
        );
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The answer, if its status is that.
    #[allow(clippy::return_self_not_must_use, reason = "often the status is all that matters")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{:#?}", self.text(), self.headers);
        self
    }

    /// A header as text; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let value =
            self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        value.unwrap_or_default()
    }

    /// The events of a stream.
    pub fn events(&self) -> Events {
        let kind = self.header(CONTENT_TYPE.as_str());
        assert!(kind.starts_with("text/event-stream"), "{}, {kind}: {}", self.status, self.text());
        Events::parse(&self.body)
    }

    /// The `error` object.
    pub fn error(&self) -> Value {
        let mut body = self.json();
        let fields = body.as_object().expect("an object");
        assert!(fields.keys().eq(["error"]), "an error has nothing beside it: {body}");
        let error = body["error"].take();
        let names: Vec<&str> = error.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["code", "message", "param", "type"], "{error}");
        assert_eq!(error["code"], self.status.to_string(), "{error}");
        error
    }
}
