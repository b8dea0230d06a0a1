//! Beta features of Claude. Converse has no header for them, so they are named in
//! `additionalModelRequestFields`.

use super::super::Target;
use super::super::claude::features;
use super::models::{Model, Reasoning};
use crate::dialect::FEATURES_FIELD;
use crate::json::Writer;
use crate::openai::Request;

/// Features for which the service rejects the whole request. Clients send them with every request, whatever
/// the provider.
///
/// Source: `LiteLLM`'s `anthropic_beta_headers_config.json` 1.109.1, `bedrock_converse`; the last two name
/// clients and their credentials.
const LACKS: &[&str] = &[
    "advanced-tool-use-2025-11-20",
    "advisor-tool-2026-03-01",
    "code-execution-2025-08-25",
    "compact-2026-01-12",
    "context-management-2025-06-27",
    "dangerous-tool-use-2026-09-03",
    "fast-mode-2026-02-01",
    "files-api-2025-04-14",
    "interleaved-thinking-2025-05-14",
    "mcp-client-2025-04-04",
    "mcp-client-2025-11-20",
    "output-128k-2025-02-19",
    "per-turn-control-2026-07-01",
    "prompt-caching-scope-2026-01-05",
    "skills-2025-10-02",
    "token-efficient-tools-2025-02-19",
    "tool-search-tool-2025-10-19",
    "web-fetch-2025-09-10",
    "web-search-2025-03-05",
    "claude-code-20250219",
    "oauth-2025-04-20",
];

/// Writes the features. Those in headers are sent only to Claude, and to models known only by an ARN; those
/// in the body are always sent.
pub(super) fn write(w: &mut Writer<'_>, request: &Request<'_>, to: &Target<'_>, model: &Model) {
    let mut asked = features::in_body(request);
    if model.reasoning == Reasoning::Claude || model.name.is_empty() {
        let named = features::in_headers(request, to);
        features::merge(&mut asked, named.into_iter().filter(|feature| !LACKS.contains(&&**feature)));
    }
    if asked.is_empty() {
        return;
    }
    w.key(FEATURES_FIELD).array();
    for feature in asked {
        w.string(&feature);
    }
    w.end_array();
}
