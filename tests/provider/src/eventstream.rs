//! Messages of an AWS event stream.

use bytes::Bytes;
use serde_json::Value;

/// An event.
pub(crate) fn event(name: &str, payload: &Value) -> Bytes {
    message(
        &[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")],
        payload,
    )
}

/// An exception, which ends the stream.
pub(crate) fn exception(name: &str, payload: &Value) -> Bytes {
    let headers =
        [(":exception-type", name), (":content-type", "application/json"), (":message-type", "exception")];
    message(&headers, payload)
}

fn message(named: &[(&str, &str)], payload: &Value) -> Bytes {
    let payload = payload.to_string();
    let mut headers = Vec::new();
    for (header, value) in named {
        headers.extend_from_slice(&[u8::try_from(header.len()).expect("a short name")]);
        headers.extend_from_slice(header.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).expect("a short value").to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = u32::try_from(16 + headers.len() + payload.len()).expect("a short message");
    let mut message = total.to_be_bytes().to_vec();
    message.extend_from_slice(&u32::try_from(headers.len()).expect("short headers").to_be_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload.as_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.into()
}
