//! `OpenAI`'s `usage` object, read and written.

use crate::config::{SearchSize, ServiceTier};
use crate::facts::Usage;
use crate::json::{JsonStr, Raw, Writer, fields, read};

/// `service_tier` of a request or a response.
pub fn service_tier(raw: Option<Raw<'_>>) -> Option<ServiceTier> {
    ServiceTier::named(JsonStr::of(raw?)?.inner())
}

/// Whether a request lets the provider search the web, and how much context such a search returns.
pub fn web_search(raw: Option<Raw<'_>>) -> Option<SearchSize> {
    #[derive(Default)]
    struct Options<'a> {
        search_context_size: Option<Raw<'a>>,
    }
    fields!(Options<'a> { search_context_size });
    let options: Options<'_> = read(raw?).unwrap_or_default();
    let size = options.search_context_size.and_then(JsonStr::of);
    Some(size.and_then(|size| SearchSize::named(size.inner())).unwrap_or_default())
}

impl Usage {
    /// Parses `OpenAI`'s `usage` object. Fields of an unexpected type, which some vendors send, count as
    /// absent.
    pub fn parse(raw: Raw<'_>) -> Option<Self> {
        struct Wire<'a> {
            prompt_tokens: Option<Raw<'a>>,
            completion_tokens: Option<Raw<'a>>,
            total_tokens: Option<Raw<'a>>,
            prompt_tokens_details: Option<Raw<'a>>,
            completion_tokens_details: Option<Raw<'a>>,
            /// `DeepSeek` and Moonshot report cached tokens here.
            prompt_cache_hit_tokens: Option<Raw<'a>>,
            cached_tokens: Option<Raw<'a>>,
            /// Anthropic's names, which `LiteLLM` and OpenAI-compatible Claude servers send.
            cache_read_input_tokens: Option<Raw<'a>>,
            cache_creation_input_tokens: Option<Raw<'a>>,
            /// Perplexity and Moonshot report reasoning tokens here.
            reasoning_tokens: Option<Raw<'a>>,
        }
        fields!(Wire<'a> {
            prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details,
            completion_tokens_details, prompt_cache_hit_tokens, cached_tokens, cache_read_input_tokens,
            cache_creation_input_tokens, reasoning_tokens
        });
        #[derive(Default)]
        struct Details<'a> {
            cached_tokens: Option<Raw<'a>>,
            cache_write_tokens: Option<Raw<'a>>,
            /// `LiteLLM`'s other name for it.
            cache_creation_tokens: Option<Raw<'a>>,
            reasoning_tokens: Option<Raw<'a>>,
            audio_tokens: Option<Raw<'a>>,
            image_tokens: Option<Raw<'a>>,
        }
        fields!(Details<'a> {
            cached_tokens, cache_write_tokens, cache_creation_tokens, reasoning_tokens, audio_tokens,
            image_tokens
        });
        fn details(raw: Option<Raw<'_>>) -> Details<'_> {
            raw.and_then(|raw| read(raw).ok()).unwrap_or_default()
        }

        let wire: Wire<'_> = read(raw).ok()?;
        let prompt = count(wire.prompt_tokens);
        let total = count(wire.total_tokens);
        let in_prompt = details(wire.prompt_tokens_details);
        let in_completion = details(wire.completion_tokens_details);
        Some(Self {
            prompt: prompt.or(total).unwrap_or_default(),
            completion: count(wire.completion_tokens).unwrap_or_default(),
            cached: count(in_prompt.cached_tokens)
                .or_else(|| count(wire.prompt_cache_hit_tokens))
                .or_else(|| count(wire.cached_tokens))
                .or_else(|| count(wire.cache_read_input_tokens))
                .unwrap_or_default(),
            cache_write: count(in_prompt.cache_write_tokens)
                .or_else(|| count(in_prompt.cache_creation_tokens))
                .or_else(|| count(wire.cache_creation_input_tokens))
                .unwrap_or_default(),
            cache_write_1h: 0,
            reasoning: count(in_completion.reasoning_tokens)
                .or_else(|| count(wire.reasoning_tokens))
                .unwrap_or_default(),
            audio_heard: count(in_prompt.audio_tokens).unwrap_or_default(),
            audio_said: count(in_completion.audio_tokens).unwrap_or_default(),
            images_said: count(in_completion.image_tokens).unwrap_or_default(),
            ..Self::default()
        })
    }

    /// Writes `OpenAI`'s `usage` object.
    pub fn write(&self, w: &mut Writer<'_>) {
        w.object();
        w.key("prompt_tokens").number(self.prompt);
        w.key("completion_tokens").number(self.completion);
        w.key("total_tokens").number(self.total());
        w.key("prompt_tokens_details").object().key("cached_tokens").number(self.cached);
        if self.cache_write > 0 {
            w.key("cache_write_tokens").number(self.cache_write);
            w.key("cache_creation_tokens").number(self.cache_write);
        }
        if self.audio_heard > 0 {
            w.key("audio_tokens").number(self.audio_heard);
        }
        w.end_object();
        w.key("completion_tokens_details").object();
        w.key("reasoning_tokens").number(self.reasoning);
        if self.images_said > 0 {
            w.key("image_tokens").number(self.images_said);
        }
        if self.audio_said > 0 {
            w.key("audio_tokens").number(self.audio_said);
        }
        w.end_object();
        if self.cached > 0 || self.cache_write > 0 {
            // Anthropic's names, which LiteLLM's clients read.
            w.key("cache_creation_input_tokens").number(self.cache_write);
            w.key("cache_read_input_tokens").number(self.cached);
        }
        w.end_object();
    }
}

/// A token count, which some providers write as a float. Other values count as absent.
pub fn count(raw: Option<Raw<'_>>) -> Option<u64> {
    let text = raw?.get();
    text.parse().ok().or_else(|| text.strip_suffix(".0")?.parse().ok())
}
