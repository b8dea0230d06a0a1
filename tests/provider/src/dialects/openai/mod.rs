//! `OpenAI`: chat completions, completions, embeddings, moderations, images, speech.

mod answer;
mod embeddings;
mod form;
mod images;
mod moderations;
mod request;
mod speech;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Dialect, Refusal};
use crate::script::Script;

/// See the module.
pub(super) struct OpenAi;

impl Dialect for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn paths(&self) -> &'static [&'static str] {
        &[
            "/v1/chat/completions",
            "/v1/completions",
            "/v1/embeddings",
            "/v1/moderations",
            "/v1/images/generations",
            "/v1/audio/speech",
            "/v1/images/edits",
            "/v1/audio/transcriptions",
            "/v1/audio/translations",
        ]
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        check_key(asked)?;
        if ["/edits", "/transcriptions", "/translations"].iter().any(|end| asked.path.ends_with(end)) {
            return form::answer(asked);
        }
        if asked.header("content-type").is_none_or(|kind| !kind.starts_with("application/json")) {
            return Err(Refusal::bad("you must provide a JSON body with content-type application/json"));
        }
        let body = asked.json()?;
        let model =
            body["model"].as_str().ok_or_else(|| Refusal::bad("you must provide a model parameter"))?;
        let mut script = match () {
            () if asked.path.ends_with("/embeddings") => embeddings::embeddings(&body, model)?,
            () if asked.path.ends_with("/images/generations") => images::images(&body, model)?,
            () if asked.path.ends_with("/audio/speech") => speech::speech(&body)?,
            () if asked.path.ends_with("/moderations") => moderations::moderations(&body, model)?,
            () if asked.path.ends_with("/chat/completions") => {
                let prompt = request::read_chat(&body, model)?;
                answer::chat(&prompt, &asked.reply(&prompt))
            }
            () => {
                let prompt = request::read_completion(&body, model)?;
                answer::completion(&prompt, &asked.reply(&prompt))
            }
        };
        script.set("x-request-id", "req_8f7d2c");
        script.set("openai-processing-ms", "12");
        script.set("x-ratelimit-remaining-requests", "9999");
        Ok(script)
    }

    fn error(&self, refusal: &Refusal) -> Script {
        let body = json!({ "error": error_object(refusal) });
        Script::whole(
            refusal.status,
            "application/json",
            serde_json::to_vec_pretty(&body).unwrap_or_default(),
        )
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        event(&json!({ "error": error_object(refusal) }))
    }

    fn more(&self) -> Bytes {
        event(&answer::chunk("gpt-endless", &json!([answer::choice(&json!({ "content": "more " }), None)])))
    }
}

pub(super) fn error_object(refusal: &Refusal) -> Value {
    let kind = match refusal.status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "requests",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let code = refusal.code.as_deref().or(match refusal.status {
        401 => Some("invalid_api_key"),
        404 => Some("model_not_found"),
        429 => Some("rate_limit_exceeded"),
        _ => None,
    });
    json!({ "message": refusal.message, "type": kind, "param": refusal.param, "code": code })
}

pub(super) fn check_key(asked: &Asked<'_>) -> Result<(), Refusal> {
    // The header is Azure's.
    let Some(key) = asked.bearer().or_else(|| asked.header("api-key")) else {
        return Err(Refusal::new(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header.",
        ));
    };
    if key.starts_with("sk-openai-") {
        return Ok(());
    }
    let last = key.get(key.len().saturating_sub(4)..).unwrap_or_default();
    Err(Refusal::new(401, format!("Incorrect API key provided: ****{last}.")))
}

fn whole(answer: &Value) -> Script {
    Script::whole(200, "application/json", serde_json::to_vec_pretty(answer).unwrap_or_default())
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}
