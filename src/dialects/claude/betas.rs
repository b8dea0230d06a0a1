//! Beta features of Anthropic's API: on which surfaces they exist, and which fields need them.
//!
//! Clients request the same features everywhere. A surface rejects a request that names a feature which it lacks, and also
//! one that has a feature's field without the feature's name: a name that is left out takes its fields with it.
//!
//! Source: `LiteLLM`'s `anthropic_beta_headers_config.json` 1.110.2, and what Claude Code 2.1 sends.

use super::relayed::Surface;

/// A beta feature.
struct Beta {
    name: &'static str,
    vertex: Fate,
    /// The fields that only requests with this feature may have.
    governs: &'static [Place],
}

/// What becomes of a feature's name.
#[derive(Clone, Copy)]
enum Fate {
    Keep,
    /// The surface lacks the feature.
    Cut,
    /// The surface has it under this name.
    As(&'static str),
}

/// Where a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialects) enum Place {
    /// A field of the request.
    Request(&'static str),
    /// A field of `output_config`.
    OutputConfig(&'static str),
    /// A field of turns whose role is `system`.
    SystemTurn(&'static str),
    /// A field of tools.
    Tool(&'static str),
    /// Tools whose type begins with this.
    ToolType(&'static str),
    /// A field of cache marks.
    CacheControl(&'static str),
}

const fn beta(name: &'static str, _aws: Fate, vertex: Fate, governs: &'static [Place]) -> Beta {
    Beta { name, vertex, governs }
}

use Fate::{As, Cut, Keep};
use Place::{CacheControl, OutputConfig, Request, SystemTurn, Tool, ToolType};

const TOOL_SEARCH: &str = "tool-search-tool-2025-10-19";

/// The features that some surface besides the provider's own has. The others are [`Cut`] there, and listed only if they
/// govern fields.
const BETAS: &[Beta] = &[
    beta("advanced-tool-use-2025-11-20", As(TOOL_SEARCH), As(TOOL_SEARCH), &[]),
    beta("advisor-tool-2026-03-01", Cut, Cut, &[ToolType("advisor_")]),
    beta("claude-code-20250219", Cut, Keep, &[]),
    beta("code-execution-2025-08-25", Cut, Cut, &[ToolType("code_execution_")]),
    beta("compact-2026-01-12", Keep, Keep, &[]),
    beta("compact-2026-09-04", Cut, Keep, &[Request("compaction")]),
    beta("computer-use-2024-10-22", Keep, Keep, &[]),
    beta("computer-use-2025-01-24", Keep, Keep, &[]),
    beta("computer-use-2025-11-24", Keep, Keep, &[]),
    beta("context-1m-2025-08-07", Keep, Keep, &[]),
    beta("context-management-2025-06-27", Keep, Keep, &[]),
    beta("dangerous-tool-use-2026-09-03", Keep, Keep, &[]),
    beta("effort-2025-11-24", Keep, Keep, &[]),
    beta("fallback-credit-2026-06-01", Cut, Keep, &[Request("fallback_credit_token")]),
    beta("fast-mode-2026-02-01", Cut, Cut, &[Request("speed")]),
    beta("fine-grained-tool-streaming-2025-05-14", Keep, Cut, &[Tool("eager_input_streaming")]),
    beta("interleaved-thinking-2025-05-14", Cut, Keep, &[]),
    beta("mcp-client-2025-04-04", Cut, Cut, &[Request("mcp_servers")]),
    beta("mcp-client-2025-11-20", Cut, Cut, &[Request("mcp_servers"), ToolType("mcp_toolset")]),
    beta("mid-conversation-output-config-2026-07-01", Keep, Cut, &[SystemTurn("output_config")]),
    beta("mid-conversation-tool-changes-2026-07-01", Keep, Keep, &[]),
    beta("per-turn-control-2026-07-01", Cut, Keep, &[SystemTurn("output_config")]),
    beta("prompt-caching-scope-2026-01-05", Cut, Cut, &[CacheControl("scope")]),
    beta("skills-2025-10-02", Cut, Cut, &[Request("container")]),
    beta("structured-outputs-2025-11-13", Cut, Cut, &[Request("output_format")]),
    beta("structured-outputs-2025-12-15", Cut, Keep, &[OutputConfig("format")]),
    beta("task-budgets-2026-03-13", Cut, Cut, &[OutputConfig("task_budget")]),
    beta("thinking-binding-controls-2026-08-01", Keep, Keep, &[]),
    beta("thinking-display-updates-2026-08-18", Keep, Keep, &[]),
    beta("thinking-token-count-2026-05-13", Cut, Keep, &[]),
    beta("token-counting-2024-11-01", Cut, Keep, &[]),
    beta(TOOL_SEARCH, Keep, Keep, &[]),
    beta("web-fetch-2025-09-10", Cut, Cut, &[ToolType("web_fetch_")]),
    beta("web-search-2025-03-05", Cut, Keep, &[]),
];

/// The name of a feature on that surface, or the fields to leave out with it.
pub(in crate::dialects) fn on(surface: Surface, name: &str) -> Result<&str, &'static [Place]> {
    let row = BETAS.iter().find(|beta| beta.name == name);
    let fate = match (surface, row) {
        (Surface::Own, _) => Keep,
        (_, None) => Cut,
        (Surface::Vertex { .. }, Some(row)) => row.vertex,
    };
    match fate {
        Keep => Ok(name),
        As(other) => Ok(other),
        Cut => Err(row.map_or(&[], |row| row.governs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_unique() {
        assert!(BETAS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn a_name_is_kept_renamed_or_cut_with_its_fields() {
        let vertex = Surface::Vertex { version: "v" };
        assert_eq!(on(Surface::Own, "new-2027-01-01"), Ok("new-2027-01-01"));
        assert_eq!(on(vertex, "new-2027-01-01"), Err(&[][..]));
        assert_eq!(on(vertex, "advanced-tool-use-2025-11-20"), Ok("tool-search-tool-2025-10-19"));
        assert_eq!(on(vertex, "per-turn-control-2026-07-01"), Ok("per-turn-control-2026-07-01"));
        assert_eq!(on(vertex, "prompt-caching-scope-2026-01-05"), Err(&[CacheControl("scope")][..]));
    }
}
