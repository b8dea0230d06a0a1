//! Tools that `OpenAI` defines: their names, and what other models need to know of them.

/// Tools that run at `OpenAI`, and nowhere else.
pub(super) const HOSTED: &[&str] = &[
    "code_interpreter",
    "computer",
    "computer_use",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "mcp",
    "programmatic_tool_calling",
];

/// Parameters of the tools that models of `OpenAI` know without a definition. Source: `OpenAI`'s documentation of each tool.
pub(super) const LOCAL_SHELL: &str = r#"{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"},"env":{"type":"object","additionalProperties":{"type":"string"}}},"required":["command"]}"#;
pub(super) const SHELL: &str = r#"{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"},"description":"Shell commands."},"timeout_ms":{"type":"integer"},"max_output_length":{"type":"integer"}},"required":["commands"]}"#;
pub(super) const APPLY_PATCH: &str = r#"{"type":"object","properties":{"operation":{"type":"object","properties":{"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string"},"diff":{"type":"string","description":"The change as a V4A diff; not needed to delete a file."}},"required":["type","path"]}},"required":["operation"]}"#;
pub(super) const TOOL_SEARCH: &str = r#"{"type":"object","properties":{"query":{"type":"string"},"limit":{"type":"integer"}},"required":["query"]}"#;
