//! What the API knows: fields of requests, tools and items.

/// Fields of a request.
pub(super) const REQUEST: &[&str] = &[
    "access_programs",
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// Fields of a request that only counts.
pub(super) const COUNTED: &[&str] = &[
    "conversation",
    "input",
    "instructions",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "reasoning",
    "text",
    "tool_choice",
    "tools",
    "truncation",
];

/// Fields of a request that compacts a conversation.
pub(super) const COMPACTED: &[&str] =
    &["input", "instructions", "model", "previous_response_id", "prompt_cache_key", "prompt_cache_retention"];

/// What `include` may name.
pub(super) const INCLUDE: &[&str] = &[
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
];

/// A type of tool or item, the members that it must have, and those that it may have.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// What its id begins with; empty where any will do.
    pub(super) id: &'static str,
    pub(super) required: &'static [&'static str],
    pub(super) optional: &'static [&'static str],
}

const fn tool(
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
) -> Kind {
    Kind { name, id: "", required, optional }
}

/// Tools.
pub(super) const TOOLS: &[Kind] = &[
    tool("apply_patch", &[], &[]),
    tool("code_interpreter", &["container"], &[]),
    tool("custom", &["name"], &["defer_loading", "description", "format"]),
    tool("file_search", &["vector_store_ids"], &["filters", "max_num_results", "ranking_options"]),
    tool("function", &["name", "parameters"], &["defer_loading", "description", "strict"]),
    tool("image_generation", &[], &["background", "model", "output_format", "quality", "size"]),
    tool("local_shell", &[], &[]),
    tool("mcp", &["server_label"], &["allowed_tools", "headers", "require_approval", "server_url"]),
    tool("namespace", &["description", "name", "tools"], &[]),
    tool("shell", &[], &["environment"]),
    tool("tool_search", &[], &["description", "execution", "parameters"]),
    tool(
        "web_search",
        &[],
        &["external_web_access", "filters", "search_content_types", "search_context_size", "user_location"],
    ),
    tool("web_search_preview", &[], &["search_context_size", "user_location"]),
];

const fn item(
    name: &'static str,
    id: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
) -> Kind {
    Kind { name, id, required, optional }
}

/// Input items.
pub(super) const ITEMS: &[Kind] = &[
    item("additional_tools", "", &["tools"], &["role"]),
    item("compaction", "cmp", &["encrypted_content"], &[]),
    item("compaction_trigger", "", &[], &[]),
    item("custom_tool_call", "ctc", &["call_id", "input", "name"], &["namespace", "status"]),
    item("custom_tool_call_output", "", &["call_id", "output"], &["status"]),
    item("function_call", "fc", &["arguments", "call_id", "name"], &["namespace", "status"]),
    item("function_call_output", "", &["call_id", "output"], &["status"]),
    item("item_reference", "", &["id"], &[]),
    item("message", "msg", &["content", "role"], &["phase", "status"]),
    item("reasoning", "rs", &["summary"], &["content", "encrypted_content", "status"]),
    item("tool_search_call", "tsc", &["arguments"], &["call_id", "execution", "status"]),
    item("tool_search_output", "", &["tools"], &["call_id", "execution", "status"]),
    item("web_search_call", "ws", &["action"], &["status"]),
];

/// Parts of a user's, a developer's or a system's message.
pub(super) const INPUT_PARTS: &[Kind] = &[
    tool("input_file", &[], &["detail", "file_data", "file_id", "file_url", "filename"]),
    tool("input_image", &[], &["detail", "file_id", "image_url"]),
    tool("input_text", &["text"], &[]),
];

/// Parts of the model's message.
pub(super) const OUTPUT_PARTS: &[Kind] =
    &[tool("output_text", &["text"], &["annotations", "logprobs"]), tool("refusal", &["refusal"], &[])];
