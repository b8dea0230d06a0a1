//! `anthropic-beta`: what a request must say that it uses. A table of the fields and tools that are not yet general.
//!
//! Sources: `LiteLLM`'s `common_utils.py` 1.109.1, and the provider's pages on each feature.

use crate::json::{Object, Raw, read};

/// The features of one request.
#[derive(Default)]
pub(super) struct Betas(Vec<&'static str>);

/// A file that was uploaded before is named in a message.
pub(super) const FILES: &str = "files-api-2025-04-14";

/// `output_config` has a `task_budget`.
pub(super) const TASK_BUDGETS: &str = "task-budgets-2026-03-13";

const CONTEXT_MANAGEMENT: &str = "context-management-2025-06-27";
const COMPACT: &str = "compact-2026-01-12";

/// The provider's own tools, by the beginning of their type.
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
    /// A feature is used.
    pub(super) fn add(&mut self, beta: &'static str) {
        if !self.0.contains(&beta) {
            self.0.push(beta);
        }
    }

    /// One of the provider's own tools is used.
    pub(super) fn tool(&mut self, kind: &str) {
        for (prefix, beta) in TOOLS {
            if kind.starts_with(prefix) {
                self.add(beta);
            }
        }
    }

    /// A parameter that is not `OpenAI`'s is used.
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
            // The older client also named its servers' tools here; the newer one has `mcp_toolset` tools for that.
            "mcp_servers" if !self.0.contains(&"mcp-client-2025-11-20") => self.add("mcp-client-2025-04-04"),
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

    /// The header's value; `None` when nothing is to be said.
    pub(super) fn header(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_named_once_and_nothing_without_one() {
        let mut betas = Betas::default();
        betas.tool("web_search_20250305");
        assert_eq!(betas.header(), None);
        betas.tool("memory_20250818");
        let edits =
            Raw::parse(r#"{"edits":[{"type":"compact_20260112"},{"type":"clear_tool_uses_20250919"}]}"#)
                .unwrap();
        betas.param("context_management", edits);
        betas.add(FILES);
        betas.add(FILES);
        assert_eq!(
            betas.header().as_deref(),
            Some("context-management-2025-06-27,compact-2026-01-12,files-api-2025-04-14")
        );
    }
}
