//! Gemini: `generateContent`, whole and streamed.

mod answer;
mod names;
mod request;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Dialect, Refusal, unknown};
use crate::script::Script;

/// See the module.
pub(super) struct Gemini;

impl Dialect for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn paths(&self) -> &'static [&'static str] {
        &[":generateContent", ":streamGenerateContent", ":countTokens"]
    }

    fn account<'p>(&self, path: &'p str) -> Option<&'p str> {
        let before = self.paths().iter().find_map(|end| path.strip_suffix(end))?;
        let (account, _) = before.rsplit_once("/v1beta/models/")?;
        Some(account.trim_matches('/'))
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        if !asked.header("x-goog-api-key").is_some_and(|key| key.starts_with("AIza")) {
            return Err(
                Refusal::bad("API key not valid. Please pass a valid API key.").code("API_KEY_INVALID")
            );
        }
        let model = asked.path.rsplit('/').next().and_then(|end| end.split(':').next()).unwrap_or_default();
        if asked.path.ends_with(":countTokens") {
            return count(asked, model);
        }
        let mut prompt = request::read(&names::in_camel_case(&asked.json()?), model)?;
        prompt.stream = asked.path.ends_with(":streamGenerateContent");
        let framed = asked.query.split('&').any(|pair| pair == "alt=sse");
        Ok(answer::answer(&prompt, &asked.reply(&prompt), framed))
    }

    fn error(&self, refusal: &Refusal) -> Script {
        Script::whole(refusal.status, "application/json; charset=UTF-8", error_object(refusal).to_string())
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        event(&error_object(refusal))
    }

    fn more(&self) -> Bytes {
        event(&answer::chunk("gemini-endless", &[json!({ "text": "more " })], None))
    }
}

/// How long contents are, or a whole request, which names the model once more.
fn count(asked: &Asked<'_>, model: &str) -> Result<Script, Refusal> {
    let body = names::in_camel_case(&asked.json()?);
    if let Some(name) = unknown(&body, &["contents", "generateContentRequest"]) {
        let words = format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.");
        return Err(Refusal::bad(words));
    }
    let mut whole = body["generateContentRequest"].clone();
    match whole.as_object_mut() {
        None => {
            request::read(&body, model)?;
        }
        Some(members) => {
            if members.remove("model") != Some(json!(format!("models/{model}"))) {
                return Err(Refusal::bad("generate_content_request.model must be that of the path"));
            }
            request::read(&whole, model)?;
        }
    }
    let tokens = asked.body.len() / 4;
    let details = json!([{ "modality": "TEXT", "tokenCount": tokens }]);
    let answer = json!({ "totalTokens": tokens, "promptTokensDetails": details });
    Ok(Script::whole(200, "application/json; charset=UTF-8", answer.to_string()))
}

fn error_object(refusal: &Refusal) -> Value {
    let status = match refusal.status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        400..=499 => "INVALID_ARGUMENT",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    let mut error = json!({ "code": refusal.status, "message": refusal.message, "status": status });
    if let Some(code) = &refusal.code {
        error["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": code,
            "domain": "googleapis.com",
        }]);
    }
    json!({ "error": error })
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\r\n\r\n"))
}
