//! Bedrock: Converse, and `InvokeModel` for Claude, whole and streamed.

mod answer;
mod invoke;
mod request;

use bytes::Bytes;
use serde_json::json;

use super::{Asked, Dialect, Refusal};
use crate::eventstream;
use crate::script::Script;

pub(super) use invoke::Invoke;

/// See the module.
pub(super) struct Bedrock;

impl Dialect for Bedrock {
    fn name(&self) -> &'static str {
        "bedrock"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/converse-stream", "/converse"]
    }

    fn account<'p>(&self, path: &'p str) -> Option<&'p str> {
        let before = self.paths().iter().find_map(|end| path.strip_suffix(end))?;
        let (account, _) = before.rsplit_once("/model/")?;
        Some(account.trim_matches('/'))
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        check_credential(asked)?;
        let model = model_of(asked.path);
        let mut prompt = request::read(&asked.json()?, model)?;
        prompt.stream = asked.path.ends_with("-stream");
        let mut script = answer::answer(&prompt, &asked.reply(&prompt));
        script.set("x-amzn-requestid", "7c1e4a3e-0c3b-4c53-8a3a-0c4e5f2f7b11");
        Ok(script)
    }

    fn error(&self, refusal: &Refusal) -> Script {
        let body = json!({ "message": refusal.message });
        let mut script = Script::whole(refusal.status, "application/json", body.to_string());
        let (kind, _) = kinds(refusal.status);
        script
            .set("x-amzn-errortype", &format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"));
        script
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        let (_, kind) = kinds(refusal.status);
        eventstream::exception(kind, &json!({ "message": refusal.message }))
    }

    fn more(&self) -> Bytes {
        answer::delta(0, &json!({ "text": "more " }))
    }
}

fn check_credential(asked: &Asked<'_>) -> Result<(), Refusal> {
    let signed = asked.header("authorization").is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 "));
    if signed || asked.bearer().is_some_and(|key| key.starts_with("bedrock-api-key-")) {
        return Ok(());
    }
    Err(Refusal::new(403, "The security token included in the request is invalid."))
}

/// The model in a path, before the action.
fn model_of(path: &str) -> &str {
    let before = path.rsplit_once('/').map_or("", |(before, _)| before);
    before.rsplit('/').next().unwrap_or_default()
}

/// The kind of an error in a header, and as an exception.
fn kinds(status: u16) -> (&'static str, &'static str) {
    match status {
        403 => ("AccessDeniedException", "accessDeniedException"),
        404 => ("ResourceNotFoundException", "resourceNotFoundException"),
        429 => ("ThrottlingException", "throttlingException"),
        503 => ("ServiceUnavailableException", "serviceUnavailableException"),
        400..=499 => ("ValidationException", "validationException"),
        _ => ("InternalServerException", "internalServerException"),
    }
}
