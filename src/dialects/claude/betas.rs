//! Beta features of Anthropic's API: on which surfaces they exist, and which fields need them.
//!
//! Clients request the same features everywhere. A surface rejects a request that names a feature which it lacks, and also
//! one that has a feature's field without the feature's name: a name that is left out takes its fields with it.
//!
//! Source: `LiteLLM`'s `anthropic_beta_headers_config.json` 1.110.2, and what Claude Code 2.1 sends.

use std::borrow::Cow;

use super::surface::Surface;

/// A beta feature.
struct Beta {
    name: &'static str,
    /// What becomes of it on Vertex AI.
    vertex: Fate,
    /// What becomes of it with Amazon's `InvokeModel`.
    invoke: Fate,
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

const fn beta(name: &'static str, vertex: Fate, invoke: Fate, governs: &'static [Place]) -> Beta {
    Beta { name, vertex, invoke, governs }
}

use Fate::{As, Cut, Keep};
use Place::{CacheControl, OutputConfig, Request, SystemTurn, Tool, ToolType};

const TOOL_SEARCH: &str = "tool-search-tool-2025-10-19";

/// The features that clouds have, and those that they lack if these govern fields. All others are [`Cut`] there, too.
const BETAS: &[Beta] = &[
    beta("advanced-tool-use-2025-11-20", As(TOOL_SEARCH), As(TOOL_SEARCH), &[]),
    beta("advisor-tool-2026-03-01", Cut, Cut, &[ToolType("advisor_")]),
    beta("claude-code-20250219", Keep, Cut, &[]),
    beta("code-execution-2025-08-25", Cut, Cut, &[ToolType("code_execution_")]),
    beta("compact-2026-01-12", Keep, Keep, &[]),
    beta("compact-2026-09-04", Keep, Cut, &[Request("compaction")]),
    beta("computer-use-2024-10-22", Keep, Keep, &[]),
    beta("computer-use-2025-01-24", Keep, Keep, &[]),
    beta("computer-use-2025-11-24", Keep, Keep, &[]),
    beta("context-1m-2025-08-07", Keep, Keep, &[]),
    beta("context-management-2025-06-27", Keep, Keep, &[]),
    beta("dangerous-tool-use-2026-09-03", Keep, Keep, &[]),
    beta("effort-2025-11-24", Keep, Keep, &[]),
    beta("fallback-credit-2026-06-01", Keep, Cut, &[Request("fallback_credit_token")]),
    beta("fast-mode-2026-02-01", Cut, Cut, &[Request("speed")]),
    beta("fine-grained-tool-streaming-2025-05-14", Cut, Keep, &[Tool("eager_input_streaming")]),
    beta("interleaved-thinking-2025-05-14", Keep, Cut, &[]),
    beta("mcp-client-2025-04-04", Cut, Cut, &[Request("mcp_servers")]),
    beta("mcp-client-2025-11-20", Cut, Cut, &[Request("mcp_servers"), ToolType("mcp_toolset")]),
    beta("mid-conversation-output-config-2026-07-01", Cut, Keep, &[SystemTurn("output_config")]),
    beta("mid-conversation-tool-changes-2026-07-01", Keep, Keep, &[]),
    beta("per-turn-control-2026-07-01", Keep, Cut, &[SystemTurn("output_config")]),
    beta("prompt-caching-scope-2026-01-05", Cut, Cut, &[CacheControl("scope")]),
    beta("skills-2025-10-02", Cut, Cut, &[Request("container")]),
    beta("structured-outputs-2025-11-13", Cut, Cut, &[Request("output_format")]),
    beta("structured-outputs-2025-12-15", Keep, Cut, &[OutputConfig("format")]),
    beta("task-budgets-2026-03-13", Cut, Cut, &[OutputConfig("task_budget")]),
    beta("thinking-binding-controls-2026-08-01", Keep, Keep, &[]),
    beta("thinking-display-updates-2026-08-18", Keep, Keep, &[]),
    beta("thinking-token-count-2026-05-13", Keep, Cut, &[]),
    beta("token-counting-2024-11-01", Keep, Cut, &[]),
    beta(TOOL_SEARCH, Keep, Keep, &[]),
    beta("web-fetch-2025-09-10", Cut, Cut, &[ToolType("web_fetch_")]),
    beta("web-search-2025-03-05", Keep, Cut, &[]),
];

/// The name of a feature on that surface; `None` if it lacks the feature.
pub(in crate::dialects) fn on(surface: Surface, name: &str) -> Option<&str> {
    let row = BETAS.iter().find(|beta| beta.name == name);
    let fate = match surface {
        Surface::Own => return Some(name),
        Surface::Vertex { .. } => row.map(|row| row.vertex),
        Surface::Invoke { .. } => row.map(|row| row.invoke),
    };
    match fate {
        Some(Keep) => Some(name),
        Some(As(other)) => Some(other),
        Some(Cut) | None => None,
    }
}

/// The fields to leave out of a request with these features: those that only features need which the surface lacks.
pub(in crate::dialects) fn cuts(surface: Surface, names: &[Cow<'_, str>]) -> Vec<Place> {
    let rows = BETAS.iter().filter(|beta| names.iter().any(|name| *name == beta.name));
    let (kept, cut): (Vec<&Beta>, Vec<&Beta>) = rows.partition(|beta| on(surface, beta.name).is_some());
    let is_kept = |place: &Place| kept.iter().any(|beta| beta.governs.contains(place));
    let mut places: Vec<Place> =
        cut.iter().flat_map(|beta| beta.governs).filter(|place| !is_kept(place)).copied().collect();
    if let Surface::Invoke { keeps_ttl, .. } = surface {
        // Rejected there whatever the request names.
        places.push(CacheControl("scope"));
        places.extend((!keeps_ttl).then_some(CacheControl("ttl")));
    }
    places
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
        let cut = |names: &[&'static str]| {
            let names: Vec<Cow<'_, str>> = names.iter().map(|name| Cow::Borrowed(*name)).collect();
            assert_eq!(cuts(Surface::Own, &names), []);
            cuts(vertex, &names)
        };
        assert_eq!(on(Surface::Own, "new-2027-01-01"), Some("new-2027-01-01"));
        assert_eq!(on(vertex, "new-2027-01-01"), None);
        assert_eq!(on(vertex, "advanced-tool-use-2025-11-20"), Some("tool-search-tool-2025-10-19"));
        assert_eq!(on(vertex, "per-turn-control-2026-07-01"), Some("per-turn-control-2026-07-01"));
        assert_eq!(on(vertex, "prompt-caching-scope-2026-01-05"), None);
        assert_eq!(cut(&["prompt-caching-scope-2026-01-05", "new-2027-01-01"]), [CacheControl("scope")]);
        let other = "mid-conversation-output-config-2026-07-01";
        assert_eq!(cut(&[other]), [SystemTurn("output_config")]);
        assert_eq!(cut(&[other, "per-turn-control-2026-07-01"]), []);
    }

    #[test]
    fn invoke_rejects_more() {
        let invoke = |keeps_ttl| Surface::Invoke { version: "v", fields: &[], keeps_ttl };
        assert_eq!(on(invoke(false), "per-turn-control-2026-07-01"), None);
        assert_eq!(on(invoke(false), "advanced-tool-use-2025-11-20"), Some("tool-search-tool-2025-10-19"));
        assert_eq!(on(invoke(false), "context-1m-2025-08-07"), Some("context-1m-2025-08-07"));
        let names = [Cow::Borrowed("per-turn-control-2026-07-01")];
        let always = [CacheControl("scope"), CacheControl("ttl")];
        assert_eq!(cuts(invoke(false), &names), [&[SystemTurn("output_config")][..], &always].concat());
        assert_eq!(cuts(invoke(true), &[]), always[..1]);
    }
}
