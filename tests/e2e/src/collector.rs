//! A collector of spans: takes OTLP over HTTP in Protobuf, as Envoy sends it, and keeps what it is told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// One span.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Of the trace, in hexadecimal digits.
    pub trace_id: String,
    /// Of the span.
    pub span_id: String,
    /// Of the span that it belongs to; empty for the first.
    pub parent_id: String,
    /// What it is called.
    pub name: String,
    /// Its attributes; Envoy's are all texts.
    pub attributes: BTreeMap<String, String>,
}

/// A running collector; it belongs to the runtime that made it.
#[derive(Clone, Debug)]
pub struct Collector {
    port: u16,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    spans: Vec<Span>,
    headers: Vec<HeaderMap>,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let told = Arc::<Mutex<Told>>::default();
        let collector = Self { port, told: Arc::clone(&told) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let told = Arc::clone(&told);
                let service = service_fn(move |request| take(request, Arc::clone(&told)));
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        collector
    }

    /// Its `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Span> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).spans.clone()
    }

    /// The headers that came with them.
    pub fn headers(&self) -> Vec<HeaderMap> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).headers.clone()
    }
}

async fn take(
    request: Request<Incoming>,
    told: Arc<Mutex<Told>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    if head.uri.path() == "/v1/traces" {
        told.headers.push(head.headers);
        told.spans.extend(spans(&body));
    }
    Ok(Response::new(Full::default()))
}

/// `ExportTraceServiceRequest` of OTLP's `trace_service.proto`.
fn spans(request: &[u8]) -> Vec<Span> {
    let resources = fields(request).filter(|(number, _)| *number == 1);
    let scopes = resources.flat_map(|(_, resource)| fields(resource).filter(|(number, _)| *number == 2));
    let spans = scopes.flat_map(|(_, scope)| fields(scope).filter(|(number, _)| *number == 2));
    spans.map(|(_, span)| span_of(span)).collect()
}

fn span_of(message: &[u8]) -> Span {
    let mut span = Span::default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("half a byte");
    let hex = |bytes: &[u8]| bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    for (number, bytes) in fields(message) {
        match number {
            1 => span.trace_id = hex(bytes),
            2 => span.span_id = hex(bytes),
            4 => span.parent_id = hex(bytes),
            5 => span.name = text(bytes),
            9 => {
                let part = |wanted| fields(bytes).find(|(number, _)| *number == wanted).map(|(_, part)| part);
                let value = part(2).and_then(|value| fields(value).find(|(number, _)| *number == 1));
                let value = value.map(|(_, value)| text(value)).unwrap_or_default();
                span.attributes.insert(text(part(1).unwrap_or_default()), value);
            }
            _ => {}
        }
    }
    span
}

/// The fields of a Protobuf message that have a length, with their numbers; numbers alone are passed over.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            if message.is_empty() {
                return None;
            }
            let tag = varint(&mut message);
            let length = match tag & 7 {
                0 => {
                    varint(&mut message);
                    continue;
                }
                1 => 8,
                2 => usize::try_from(varint(&mut message)).expect("a length"),
                5 => 4,
                other => panic!("no Protobuf: wire type {other}"),
            };
            let (field, rest) = message.split_at(length);
            message = rest;
            if tag & 7 == 2 {
                return Some((tag >> 3, field));
            }
        }
    })
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().expect("the rest of a number");
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
