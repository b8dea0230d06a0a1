//! `anthropic-beta`: names the beta features that a request uses. A table maps fields and tools to them.
//!
//! Sources: `LiteLLM`'s `common_utils.py` 1.109.1, and the provider's documentation of each feature.

use std::borrow::Cow;

use super::super::Target;
use super::super::claude::Surface;
use super::super::claude::{betas, features};
use crate::json::{Object, Raw, read};
use crate::openai::Request;

/// The beta features of a request.
#[derive(Default)]
pub(super) struct Betas(Vec<Cow<'static, str>>);

/// A message refers to an uploaded file.
pub(super) const FILES: &str = "files-api-2025-04-14";

/// `output_config` has a `task_budget`.
pub(super) const TASK_BUDGETS: &str = "task-budgets-2026-03-13";

const CONTEXT_MANAGEMENT: &str = "context-management-2025-06-27";
const COMPACT: &str = "compact-2026-01-12";

/// Server tools, by the prefix of their type.
const TOOLS: &[(&str, &str)] = &[
    ("advisor_", "advisor-tool-2026-03-01"),
    ("code_execution_20250522", "code-execution-2025-05-22"),
    ("code_execution_20250825", "code-execution-2025-08-25"),
    ("computer_20241022", "computer-use-2024-10-22"),
    ("computer_20250124", "computer-use-2025-01-24"),
    ("computer_20251124", "computer-use-2025-11-24"),
    ("mcp_toolset", "mcp-client-2025-11-20"),
    ("memory_", CONTEXT_MANAGEMENT),
    ("tool_search_tool_", "advanced-tool-use-2025-11-20"),
    ("web_fetch_20250910", "web-fetch-2025-09-10"),
];

impl Betas {
    /// Adds a feature.
    pub(super) fn add(&mut self, beta: &'static str) {
        features::merge(&mut self.0, [Cow::Borrowed(beta)]);
    }

    /// Adds the features that the client and the operator name explicitly.
    pub(super) fn asked(&mut self, request: &Request<'_>, to: &Target<'_>) {
        let asked = features::in_headers(request, to).into_iter().chain(features::in_body(request));
        features::merge(&mut self.0, asked.map(|beta| Cow::Owned(beta.into_owned())));
    }

    /// Adds the feature of a server tool.
    pub(super) fn tool(&mut self, kind: &str) {
        for (prefix, beta) in TOOLS {
            if kind.starts_with(prefix) {
                self.add(beta);
            }
        }
    }

    /// Adds the feature of a parameter that is not `OpenAI`'s.
    pub(super) fn param(&mut self, name: &str, value: Raw<'_>) {
        match name {
            "container" => {
                let container: Option<Object<'_>> = read(value).ok();
                if container.is_some_and(|container| container.get("skills").is_some()) {
                    self.add("skills-2025-10-02");
                    self.add("code-execution-2025-08-25");
                }
            }
            "context_management" => self.context_management(value),
            // The older client also listed its servers' tools here; the newer one uses `mcp_toolset` tools
            // for that.
            "mcp_servers" if !self.0.iter().any(|beta| beta == "mcp-client-2025-11-20") => {
                self.add("mcp-client-2025-04-04");
            }
            "speed" if value.get() == r#""fast""# => self.add("fast-mode-2026-02-01"),
            _ => {}
        }
    }

    fn context_management(&mut self, value: Raw<'_>) {
        let edits = read::<Object<'_>>(value).ok();
        let edits = edits.as_ref().and_then(|management| management.get("edits"));
        let edits: Vec<Object<'_>> = edits.and_then(|edits| read(edits).ok()).unwrap_or_default();
        for edit in &edits {
            let compact = edit.get("type").is_some_and(|kind| kind.get() == r#""compact_20260112""#);
            self.add(if compact { COMPACT } else { CONTEXT_MANAGEMENT });
        }
    }

    /// The header's value on that surface; `None` if there are no features.
    pub(super) fn header(&self, surface: Surface) -> Option<String> {
        let said: Vec<&str> = self.0.iter().filter_map(|beta| betas::on(surface, beta)).collect();
        (!said.is_empty()).then(|| said.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_named_once_and_nothing_without_one() {
        let mut betas = Betas::default();
        betas.tool("web_search_20250305");
        assert_eq!(betas.header(Surface::Own), None);
        betas.tool("memory_20250818");
        let edits =
            Raw::parse(r#"{"edits":[{"type":"compact_20260112"},{"type":"clear_tool_uses_20250919"}]}"#)
                .unwrap();
        betas.param("context_management", edits);
        betas.add(FILES);
        betas.add(FILES);
        assert_eq!(
            betas.header(Surface::Own).as_deref(),
            Some("context-management-2025-06-27,compact-2026-01-12,files-api-2025-04-14")
        );
    }
}
