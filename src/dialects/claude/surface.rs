//! The surfaces of the Messages API: who serves it, and how that differs from Anthropic.

/// A surface of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialects) enum Surface {
    /// Anthropic's own, or a cloud that serves it unchanged: the model's name is in the body, the version in a header.
    Own,
    /// The model's name is in the path, the version in the body.
    Vertex {
        /// The version.
        version: &'static str,
    },
    /// The model's name is in the path; the version and the names of beta features are in the body.
    Invoke {
        /// The version.
        version: &'static str,
        /// The fields of a request that it accepts. It rejects a request with any other.
        fields: &'static [&'static str],
        /// Whether the model knows the `ttl` of cache marks.
        keeps_ttl: bool,
    },
}
