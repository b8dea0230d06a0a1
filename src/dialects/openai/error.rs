//! Parses errors in the formats that vendors use.

use super::super::wording::refined;
use crate::facts::{Class, Fault};
use crate::json::{self, JsonStr, Object, Raw, fields};

/// Parses a response with an error status.
pub(super) fn read(status: u16, body: &[u8]) -> Fault {
    // Google's compatible endpoint wraps it in an array.
    let inside =
        body.trim_ascii().strip_prefix(b"[").and_then(|body| body.strip_suffix(b"]")).unwrap_or(body);
    let Ok(object) = Object::parse(inside) else { return Fault::unreadable(status, body) };
    if let Some(error) = object.get("error") {
        return read_error(status, error);
    }
    // Flat: `{"object":"error","message",…}`, `{"message"}`, `{"detail"}`.
    let is_flat = object.get("message").is_some() || object.get("detail").is_some();
    match json::read::<Raw<'_>>(inside) {
        Ok(flat) if is_flat => read_error(status, flat),
        _ => Fault::unreadable(status, body),
    }
}

/// An error inside a response with status 200 (`base_resp`); `None` if there is none.
pub(super) fn in_base_resp(object: &Object<'_>) -> Option<Fault> {
    struct Wire<'a> {
        status_code: i64,
        status_msg: Option<JsonStr<'a>>,
    }
    fields!(Wire<'a> { status_code, status_msg; "status_code" });
    let wire: Wire<'_> = json::read(object.get("base_resp")?.get()).ok()?;
    let class = match wire.status_code {
        0 => return None,
        1002 | 1008 => Class::RateLimit,
        1004 => Class::Authentication,
        1026 | 1027 => Class::ContentPolicyViolation,
        1039 => Class::ContextWindowExceeded,
        2013 => Class::BadRequest,
        _ => Class::InternalServer,
    };
    let message = wire.status_msg.and_then(JsonStr::decode).unwrap_or_default();
    Some(Fault::new(class, message))
}

/// Parses the contents of `{"error": …}` in the formats that vendors use: an object or a string.
pub(super) fn read_error(status: u16, error: Raw<'_>) -> Fault {
    #[derive(Default)]
    struct Wire<'a> {
        message: Option<Raw<'a>>,
        param: Option<Raw<'a>>,
        code: Option<Raw<'a>>,
        kind: Option<Raw<'a>>,
        detail: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { message, param, code, kind = "type", detail });
    fn text(raw: Option<Raw<'_>>) -> Option<String> {
        let raw = raw?;
        JsonStr::of(raw).map_or_else(|| Some(raw.get().to_owned()), |s| Some(s.decode()?.into_owned()))
    }
    if let Some(message) = JsonStr::of(error) {
        let message = message.decode().unwrap_or_default();
        return Fault::new(refined(Class::of_status(status), &[], &message), message);
    }
    let wire: Wire<'_> = json::read(error).unwrap_or_default();
    let code = text(wire.code);
    // Some vendors put the status into the body of a 200, or into a stream.
    let status = match code.as_deref().and_then(|code| code.parse().ok()) {
        Some(in_body @ 400..=599) if status == 500 => in_body,
        _ => status,
    };
    let message = text(wire.message).or_else(|| Some(detail(wire.detail?)));
    let message = message.unwrap_or_else(|| error.get().chars().take(512).collect());
    let kind = text(wire.kind);
    // The text exceeds a fixed limit, independent of the model's window (not a context window error in
    // `LiteLLM` either).
    let class = match code.as_deref() {
        Some("string_above_max_length") => Class::of_status(status),
        code => refined(Class::of_status(status), &[code, kind.as_deref()], &message),
    };
    let param = text(wire.param).filter(|param| !param.is_empty());
    let is_word =
        |code: &String| !code.is_empty() && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
    Fault { param, code: code.filter(is_word), ..Fault::new(class, message) }
}

/// `detail`: a text, or `FastAPI`'s list of validation errors.
fn detail(raw: Raw<'_>) -> String {
    struct Wrong<'a> {
        loc: Vec<Raw<'a>>,
        msg: JsonStr<'a>,
    }
    fields!(Wrong<'a> { loc, msg; "loc", "msg" });
    if let Some(text) = JsonStr::of(raw).and_then(JsonStr::decode) {
        return text.into_owned();
    }
    let wrong: Vec<Wrong<'_>> = json::read(raw).unwrap_or_default();
    if wrong.is_empty() {
        return raw.get().chars().take(512).collect();
    }
    let told: Vec<String> = wrong
        .iter()
        .map(|wrong| {
            let place: Vec<&str> = wrong.loc.iter().map(|step| step.get().trim_matches('"')).collect();
            format!("{}: {}", place.join("."), wrong.msg.decode().unwrap_or_default())
        })
        .collect();
    told.join("; ")
}
