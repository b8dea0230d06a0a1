//! Speech: the bytes of the input, again and again, in pieces whose length nobody knows before.

use bytes::Bytes;
use serde_json::Value;

use super::super::{Refusal, unknown};
use super::request::invalid;
use crate::script::Script;

/// Pieces of a speech; the last byte of each is no UTF-8.
pub(super) const PIECES: usize = 20;

pub(super) fn speech(body: &Value) -> Result<Script, Refusal> {
    let known = ["model", "input", "voice", "instructions", "response_format", "speed", "stream_format"];
    if let Some(name) = unknown(body, &known) {
        return Err(Refusal::bad(format!("Unknown parameter: '{name}'.")).about(name));
    }
    let (Some(input), Some(_)) = (body["input"].as_str(), body["voice"].as_str()) else {
        return Err(invalid("voice", "the name of a voice"));
    };
    let kind = match body["response_format"].as_str() {
        None | Some("mp3") => "audio/mpeg",
        Some("wav") => "audio/wav",
        Some(_) => return Err(invalid("response_format", "mp3 or wav")),
    };
    let piece = [input.as_bytes(), &[0, 0xff]].concat();
    Ok(Script::streamed(200, kind, vec![Bytes::from(piece); PIECES]))
}
