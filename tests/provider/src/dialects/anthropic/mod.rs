//! Anthropic: Messages, and how many tokens one has.

mod answer;
mod messages;
mod request;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Dialect, Refusal};
use crate::script::Script;
pub(super) use answer::answer;
pub(super) use request::read;

/// See the module.
pub(super) struct Anthropic;

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/messages/count_tokens", "/v1/messages"]
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        let key = asked.header("x-api-key").or_else(|| asked.bearer());
        if !key.is_some_and(|key| key.starts_with("sk-ant-")) {
            return Err(Refusal::new(401, "invalid x-api-key"));
        }
        match asked.header("anthropic-version") {
            Some("2023-06-01" | "2026-10-21") => {}
            Some(other) => {
                return Err(Refusal::bad(format!("anthropic-version: \"{other}\" is not a valid version")));
            }
            None => return Err(Refusal::bad("anthropic-version: header is required")),
        }
        let betas: Vec<&str> =
            asked.header("anthropic-beta").unwrap_or_default().split(',').map(str::trim).collect();
        let body = asked.json()?;
        let mut script = if asked.path.ends_with("/count_tokens") {
            request::read_counted(&body, &betas)?;
            let tokens = asked.body.len() / 4;
            Script::whole(200, "application/json", json!({ "input_tokens": tokens }).to_string())
        } else {
            let prompt = request::read(&body, &betas)?;
            answer::answer(&prompt, &asked.reply(&prompt))
        };
        script.set("request-id", "req_011CVxyz");
        script.set("anthropic-ratelimit-requests-remaining", "999");
        Ok(script)
    }

    fn error(&self, refusal: &Refusal) -> Script {
        Script::whole(refusal.status, "application/json", error_object(refusal).to_string())
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        event(&error_object(refusal))
    }

    fn more(&self) -> Bytes {
        event(&json!({
            "type": "content_block_delta",
            "index": 0,
            "delta": { "type": "text_delta", "text": "more " },
        }))
    }
}

fn error_object(refusal: &Refusal) -> Value {
    let kind = match refusal.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    };
    json!({
        "type": "error",
        "error": { "type": kind, "message": refusal.message },
        "request_id": "req_011CVxyz",
    })
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or("error")))
}
