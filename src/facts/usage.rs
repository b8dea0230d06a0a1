//! Token usage of a response.

use super::Units;
use crate::config::{SearchSize, ServiceTier};

/// Token counts with `OpenAI`'s conventions: the prompt's count includes cached and cache-written tokens, and
/// the completion's count includes reasoning (unlike Anthropic's, Bedrock's and Gemini's).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// `prompt_tokens`
    pub prompt: u64,
    /// `completion_tokens`
    pub completion: u64,
    /// `prompt_tokens_details.cached_tokens`
    pub cached: u64,
    /// `prompt_tokens_details.cache_write_tokens`
    pub cache_write: u64,
    /// The part of `cache_write` that is cached for an hour, if that has a separate price (Anthropic).
    pub cache_write_1h: u64,
    /// `completion_tokens_details.reasoning_tokens`
    pub reasoning: u64,
    /// `prompt_tokens_details.audio_tokens`
    pub audio_heard: u64,
    /// `completion_tokens_details.audio_tokens`
    pub audio_said: u64,
    /// Tokens of generated images, as part of the completion: `completion_tokens_details.image_tokens`.
    pub images_said: u64,
    /// Web searches by the provider, which cost extra.
    pub searches: u64,
    /// Answers that the provider has grounded in a map, which costs extra.
    pub maps: u64,
    /// Queries that these searches consisted of, where the provider reports them.
    pub search_queries: u64,
    /// How much context the searches returned, where the request or the answer says so.
    pub search_size: Option<SearchSize>,
    /// Fees that no price map knows, at the provider's published rate, picodollars.
    pub fees: u64,
    /// What the provider reports as its charge for the whole request, fees included, picodollars.
    pub charged: Option<u64>,
    /// The tokens were processed in the United States only, which may cost more (Anthropic's `inference_geo`).
    pub in_us: bool,
    /// The service tier, if the response reports it.
    pub tier: Option<ServiceTier>,
    /// What is charged by other units than tokens.
    pub units: Units,
}

impl Usage {
    /// Prompt and completion tokens.
    pub fn total(&self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }

    /// Whether all counts are zero.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
