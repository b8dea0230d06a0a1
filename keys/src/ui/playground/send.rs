//! Sends a chat to the gateway for a browser without the script.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};

use super::super::show::{count, usd};
use super::super::visit::Visit;
use super::{Turn, Typed};
use crate::credentials::http;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a model has answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    /// Time, tokens and cost.
    pub(super) facts: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

fn failure(status: StatusCode, text: impl Into<String>) -> Failure {
    Failure { status, text: text.into() }
}

/// Sends what was typed, with this key, which is then forgotten.
pub(super) async fn send(visit: &Visit, asked: &Typed, turns: &[Turn], key: &str) -> Result<Answer, Failure> {
    let Some(gateway) = &visit.app.gateway else {
        let text = "The key service does not know how to reach the gateway. Start it with --gateway and the gateway's address, or use a browser with \
                    JavaScript.";
        return Err(failure(StatusCode::CONFLICT, text));
    };
    if key.is_empty() {
        return Err(failure(StatusCode::BAD_REQUEST, "Enter a key."));
    }
    if asked.prompt.trim().is_empty() || asked.model.is_empty() {
        return Err(failure(StatusCode::BAD_REQUEST, "Enter a model and a message."));
    }
    let turn = |role: &str, content: &str| json!({"role": role, "content": content});
    let mut messages = Vec::new();
    if !asked.system.is_empty() {
        messages.push(turn("system", &asked.system));
    }
    messages.extend(turns.iter().map(|one| turn(&one.role, &one.content)));
    messages.push(turn("user", &asked.prompt));
    let body = json!({"model": asked.model, "messages": messages}).to_string();
    let request = Request::post(format!("{gateway}/v1/chat/completions"))
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body))
        .map_err(|_| failure(StatusCode::BAD_REQUEST, "This is not a key."))?;
    let begun = Instant::now();
    let unreachable =
        |why: String| failure(StatusCode::BAD_GATEWAY, format!("The gateway cannot be reached: {why}."));
    let response = match tokio::time::timeout(PATIENCE, http::send(request)).await {
        Ok(response) => response.map_err(unreachable)?,
        Err(_) => {
            return Err(failure(StatusCode::GATEWAY_TIMEOUT, "There was no answer within two minutes."));
        }
    };
    let (parts, body) = response.into_parts();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !parts.status.is_success() {
        let message = body["error"]["message"].as_str().unwrap_or("there is no reason given");
        return Err(failure(
            parts.status,
            format!("The gateway answers with {}: {message}", parts.status.as_u16()),
        ));
    }
    Ok(Answer {
        text: body["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned(),
        facts: facts(&body, &parts.headers, begun.elapsed()),
    })
}

fn facts(body: &Value, headers: &HeaderMap, time: Duration) -> String {
    let usage = |name: &str| body["usage"][name].as_i64().map(count);
    let mut facts = vec![format!("{:.1} s", time.as_secs_f64())];
    if let Some((prompt, completion)) = usage("prompt_tokens").zip(usage("completion_tokens")) {
        facts.push(format!("{prompt} tokens in, {completion} out"));
    }
    let cost =
        headers.get("x-litellm-response-cost").and_then(|cost| cost.to_str().ok()?.parse::<f64>().ok());
    facts.extend(cost.map(usd));
    facts.join(", ")
}
