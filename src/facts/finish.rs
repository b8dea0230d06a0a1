//! Why a choice ended.

/// Why the model stopped. Each client format has its own values for it, some of them fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// A natural end.
    Stop,
    /// One of the request's stop sequences.
    StopSequence,
    /// `max_tokens` or the context window.
    Length,
    /// The client should run tools.
    ToolCalls,
    /// The provider withheld the response.
    ContentFilter,
    /// The model declined to answer (Anthropic's `refusal`).
    Refusal,
    /// The provider's server tools need another turn (Anthropic's `pause_turn`).
    PauseTurn,
}
