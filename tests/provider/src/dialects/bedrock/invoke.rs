//! `InvokeModel` with Claude's own format: what Bedrock refuses of it, and its events in messages of an event stream.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{Asked, Dialect, Refusal, anthropic, unknown};
use super::{Bedrock, check_credential, model_of};
use crate::eventstream;
use crate::script::{Act, Script};

/// See the module.
pub(in super::super) struct Invoke;

const FIELDS: &[&str] = &[
    "anthropic_beta",
    "anthropic_version",
    "context_management",
    "max_tokens",
    "messages",
    "metadata",
    "output_config",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

const BETAS: &[&str] = &[
    "compact-2026-01-12",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "dangerous-tool-use-2026-09-03",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "mid-conversation-output-config-2026-07-01",
    "mid-conversation-tool-changes-2026-07-01",
    "thinking-binding-controls-2026-08-01",
    "thinking-display-updates-2026-08-18",
    "tool-search-tool-2025-10-19",
];

impl Dialect for Invoke {
    fn name(&self) -> &'static str {
        "bedrock"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/invoke-with-response-stream", "/invoke", "/count-tokens"]
    }

    fn account<'p>(&self, path: &'p str) -> Option<&'p str> {
        let before = self.paths().iter().find_map(|end| path.strip_suffix(end))?;
        let (account, model) = before.rsplit_once("/model/")?;
        model.contains("anthropic.").then(|| account.trim_matches('/'))
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        check_credential(asked)?;
        let body = asked.json()?;
        let model = model_of(asked.path);
        if asked.path.ends_with("/count-tokens") {
            return count(&body, model);
        }
        let mut prompt = anthropic::read(&checked(&body, model)?, &betas(&body))?;
        prompt.stream = asked.path.ends_with("-stream");
        let script = anthropic::answer(&prompt, &asked.reply(&prompt));
        let mut script = if prompt.stream { framed(&script) } else { script };
        script.set("x-amzn-requestid", "7c1e4a3e-0c3b-4c53-8a3a-0c4e5f2f7b12");
        Ok(script)
    }

    fn error(&self, refusal: &Refusal) -> Script {
        Bedrock.error(refusal)
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        Bedrock.error_event(refusal)
    }

    fn more(&self) -> Bytes {
        chunk(&json!({
            "type": "content_block_delta",
            "index": 0,
            "delta": { "type": "text_delta", "text": "more " },
        }))
    }
}

fn betas(body: &Value) -> Vec<&str> {
    body["anthropic_beta"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The request as Anthropic's own API would take it.
fn checked(body: &Value, model: &str) -> Result<Value, Refusal> {
    if body["anthropic_version"] != "bedrock-2023-05-31" {
        return Err(Refusal::bad("Malformed input request: #: required key [anthropic_version] not found"));
    }
    if let Some(name) = unknown(body, FIELDS) {
        return Err(Refusal::bad(format!("{name}: Extra inputs are not permitted")));
    }
    if betas(body).iter().any(|beta| !BETAS.contains(beta)) {
        return Err(Refusal::bad("invalid beta flag"));
    }
    let edits = body["context_management"]["edits"].as_array().map(Vec::as_slice).unwrap_or_default();
    if edits.iter().any(|edit| edit["type"] != "compact_20260112") {
        return Err(Refusal::bad("context_management: Extra inputs are not permitted"));
    }
    let mut own = body.clone();
    let members =
        own.as_object_mut().ok_or_else(|| Refusal::bad("Malformed input request: expected an object"))?;
    members.remove("anthropic_version");
    members.remove("anthropic_beta");
    members.insert("model".to_owned(), json!(model));
    Ok(own)
}

fn count(body: &Value, model: &str) -> Result<Script, Refusal> {
    if !model.starts_with("anthropic.") {
        return Err(Refusal::bad("The provided model doesn't support counting tokens."));
    }
    let inside = body["input"]["invokeModel"]["body"].as_str().unwrap_or_default();
    let request = BASE64_STANDARD.decode(inside).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let request: Value = request.ok_or_else(|| Refusal::bad("input.invokeModel.body: expected base64"))?;
    anthropic::read(&checked(&request, model)?, &betas(&request))?;
    let answer = json!({ "inputTokens": request.to_string().len() / 4 });
    Ok(Script::whole(200, "application/json", answer.to_string()))
}

/// The same events as messages of an event stream.
fn framed(script: &Script) -> Script {
    let events = script.acts.iter().filter_map(|act| {
        let Act::Send(bytes) = act else { return None };
        let (_, data) = std::str::from_utf8(bytes).ok()?.split_once("\ndata: ")?;
        let mut event: Value = serde_json::from_str(data.trim_end()).ok()?;
        if event["type"] == "message_stop" {
            let metrics = json!({ "inputTokenCount": 11, "outputTokenCount": 7, "invocationLatency": 812 });
            event["amazon-bedrock-invocationMetrics"] = metrics;
        }
        Some(chunk(&event))
    });
    Script::streamed(200, "application/vnd.amazon.eventstream", events.collect())
}

fn chunk(event: &Value) -> Bytes {
    let bytes = BASE64_STANDARD.encode(event.to_string());
    eventstream::event("chunk", &json!({ "bytes": bytes, "p": "abcdefghijk" }))
}
