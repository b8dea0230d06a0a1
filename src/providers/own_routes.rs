//! Routes of vendors' own APIs, by which a client of theirs is known.

/// The segment of a path, and whose API has it.
pub const SEGMENTS: &[(&str, &str)] = &[("complete", "Anthropic's older"), ("api", "Ollama's")];
