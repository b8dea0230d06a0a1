//! Cohere's rerank, and Voyage's: a document is the more relevant the more words it shares with the query.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Dialect, Refusal, unknown};
use crate::script::Script;

/// See the module.
pub(super) struct Rerank;

impl Dialect for Rerank {
    fn name(&self) -> &'static str {
        "rerank"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v2/rerank", "/voyage/rerank"]
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal> {
        if asked.bearer().is_none() {
            return Err(Refusal::new(401, "no api key supplied"));
        }
        let is_voyage = asked.path.contains("/voyage/");
        let most = if is_voyage { "top_k" } else { "top_n" };
        let body = asked.json()?;
        let known =
            ["model", "query", "documents", most, "max_tokens_per_doc", "return_documents", "truncation"];
        if let Some(name) = unknown(&body, &known) {
            return Err(Refusal::bad(format!("unknown field: parameter '{name}' is not a valid field")));
        }
        let (Some(query), Some(documents)) = (body["query"].as_str(), body["documents"].as_array()) else {
            return Err(Refusal::bad("invalid request: query and documents must be provided"));
        };
        let score = |document: &Value| {
            let text = document.as_str().unwrap_or_default().to_lowercase();
            let words: Vec<&str> = query.split_whitespace().collect();
            let shared = words.iter().filter(|word| text.contains(&word.to_lowercase())).count();
            f64::from(u32::try_from(shared * 8 / words.len().max(1)).unwrap_or(0)) / 8.0
        };
        let mut ranked: Vec<(usize, f64)> =
            documents.iter().enumerate().map(|(index, document)| (index, score(document))).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let count = body[most].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let results: Vec<Value> = ranked
            .into_iter()
            .take(count)
            .map(|(index, score)| json!({ "index": index, "relevance_score": score }))
            .collect();
        let answer = if is_voyage {
            let tokens = documents.len() * 5;
            json!({ "object": "list", "data": results, "model": body["model"], "usage": { "total_tokens": tokens } })
        } else {
            let units = documents.len().div_ceil(100);
            let meta =
                json!({ "api_version": { "version": "2" }, "billed_units": { "search_units": units } });
            json!({ "id": "rerank-1", "results": results, "meta": meta })
        };
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
