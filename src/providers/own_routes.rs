//! Routes of vendors' own APIs, by which a client of theirs is known.

/// The segment of a path, and whose API has it.
pub const SEGMENTS: &[(&str, &str)] = &[("complete", "Anthropic's older"), ("api", "Ollama's")];

/// What follows the name of a model in the paths of Google's API.
pub const GOOGLE_METHODS: [&str; 5] =
    [":generateContent", ":streamGenerateContent", ":countTokens", ":embedContent", ":batchEmbedContents"];
