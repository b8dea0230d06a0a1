//! Amazon's Titan for embeddings over Bedrock's `InvokeModel`: one text a request.

use bytes::Bytes;
use serde_json::json;

use super::{Asked, Dialect, Refusal, unknown};
use crate::model::embedding;
use crate::script::Script;

/// See the module.
pub(super) struct Titan;

impl Dialect for Titan {
    fn name(&self) -> &'static str {
        "titan"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/model/amazon.titan-embed-text-v2%3A0/invoke"]
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        if asked.bearer().is_none() {
            return Err(Refusal::new(403, "Missing Authentication Token"));
        }
        let body = asked.json()?;
        if let Some(name) = unknown(&body, &["inputText", "dimensions", "normalize", "embeddingTypes"]) {
            return Err(Refusal::bad(format!(
                "Malformed input request: #: extraneous key [{name}] is not permitted"
            )));
        }
        let Some(text) = body["inputText"].as_str() else {
            return Err(Refusal::bad("Malformed input request: #/inputText: expected type: String"));
        };
        let tokens = text.split_whitespace().count();
        let answer = json!({ "embedding": embedding(text, 8), "inputTextTokenCount": tokens });
        Ok(Script::whole(200, "application/json", answer.to_string()))
    }

    fn error(&self, refusal: &Refusal) -> Script {
        let body = json!({ "message": refusal.message });
        Script::whole(refusal.status, "application/json", body.to_string())
    }

    fn error_event(&self, _: &Refusal) -> Bytes {
        Bytes::new()
    }

    fn more(&self) -> Bytes {
        Bytes::new()
    }
}
