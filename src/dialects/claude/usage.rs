//! Converts Anthropic's token counts to `OpenAI`'s conventions: `input_tokens` does not include cached
//! tokens.

use crate::config::ServiceTier;
use crate::facts::Usage;
use crate::json::{Raw, fields, read};
use crate::openai::service_tier;

/// The latest counters. A stream repeats them cumulatively and may omit unchanged ones: present values
/// overwrite, absent ones keep the old value.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::dialects) struct Counters {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
    searches: Option<u64>,
    tier: Option<ServiceTier>,
    in_us: bool,
}

#[derive(Default)]
struct Wire<'a> {
    input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<Details>,
    server_tool_use: Option<ServerTools>,
    /// Rounds that the provider ran itself (compaction, fallback, an adviser). The totals next to this cover
    /// only the last round.
    iterations: Option<Vec<Wire<'a>>>,
    service_tier: Option<Raw<'a>>,
    speed: Option<Raw<'a>>,
    inference_geo: Option<Raw<'a>>,
}
fields!(Wire<'a> {
    input_tokens,
    cache_read_input_tokens,
    cache_creation_input_tokens,
    cache_creation,
    output_tokens,
    output_tokens_details,
    server_tool_use,
    iterations,
    service_tier,
    speed,
    inference_geo
});

/// Cache writes, by retention time.
struct CacheCreation {
    ephemeral_1h_input_tokens: Option<u64>,
}
fields!(CacheCreation { ephemeral_1h_input_tokens });

/// Server tools with an extra fee.
struct ServerTools {
    web_search_requests: Option<u64>,
}
fields!(ServerTools { web_search_requests });

struct Details {
    thinking_tokens: Option<u64>,
}
fields!(Details { thinking_tokens });

impl Counters {
    /// Updates the counters from a `usage` object.
    pub(in crate::dialects) fn hear(&mut self, usage: Raw<'_>) {
        let wire: Wire<'_> = read(usage).unwrap_or_default();
        let details = wire.output_tokens_details.as_ref();
        self.thinking = details.and_then(|details| details.thinking_tokens).or(self.thinking);
        let tools = wire.server_tool_use.as_ref();
        self.searches = tools.and_then(|tools| tools.web_search_requests).or(self.searches);
        let fast = wire.speed.filter(|speed| speed.get() == r#""fast""#);
        self.tier = service_tier(fast.or(wire.service_tier)).or(self.tier);
        self.in_us |= wire.inference_geo.is_some_and(|geo| geo.get() == r#""us""#);
        let iterations = wire.iterations.as_deref().unwrap_or_default();
        let sum = |count: fn(&Wire<'_>) -> Option<u64>| {
            let counts = iterations.iter().filter_map(count);
            counts.reduce(u64::saturating_add).or_else(|| count(&wire))
        };
        self.input = sum(|wire| wire.input_tokens).or(self.input);
        self.cache_read = sum(|wire| wire.cache_read_input_tokens).or(self.cache_read);
        self.cache_write = sum(|wire| wire.cache_creation_input_tokens).or(self.cache_write);
        self.cache_write_1h =
            sum(|wire| wire.cache_creation.as_ref()?.ephemeral_1h_input_tokens).or(self.cache_write_1h);
        self.output = sum(|wire| wire.output_tokens).or(self.output);
    }

    /// The usage in `OpenAI`'s conventions.
    pub(in crate::dialects) fn usage(&self) -> Usage {
        let cached = self.cache_read.unwrap_or_default();
        let cache_write = self.cache_write.unwrap_or_default();
        Usage {
            prompt: self.input.unwrap_or_default().saturating_add(cached).saturating_add(cache_write),
            completion: self.output.unwrap_or_default(),
            cached,
            cache_write,
            cache_write_1h: self.cache_write_1h.unwrap_or_default(),
            reasoning: self.thinking.unwrap_or_default(),
            searches: self.searches.unwrap_or_default(),
            tier: self.tier,
            in_us: self.in_us,
            ..Usage::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(usages: &[&str]) -> Usage {
        let mut counters = Counters::default();
        for usage in usages {
            counters.hear(Raw::parse(usage).unwrap());
        }
        counters.usage()
    }

    #[test]
    fn cached_tokens_are_part_of_the_prompt() {
        let usage = heard(&[
            r#"{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":2,"output_tokens":1}"#,
            r#"{"output_tokens":30,"output_tokens_details":{"thinking_tokens":12}}"#,
        ]);
        assert_eq!(
            usage,
            Usage {
                prompt: 17,
                completion: 30,
                cached: 5,
                cache_write: 2,
                reasoning: 12,
                ..Usage::default()
            }
        );
    }

    #[test]
    fn a_later_count_overwrites_and_null_does_not() {
        let usage = heard(&[
            r#"{"input_tokens":10,"output_tokens":5}"#,
            r#"{"input_tokens":12,"output_tokens":null}"#,
        ]);
        assert_eq!((usage.prompt, usage.completion), (12, 5));
    }

    #[test]
    fn searches_and_the_tier_are_heard_once_for_the_stream() {
        let usage = heard(&[
            r#"{"input_tokens":10,"service_tier":"priority","server_tool_use":{"web_search_requests":2}}"#,
            r#"{"output_tokens":30,"service_tier":null}"#,
        ]);
        assert_eq!((usage.searches, usage.tier), (2, Some(ServiceTier::Priority)));
        assert_eq!(heard(&[r#"{"input_tokens":1,"service_tier":"batch"}"#]).tier, None);
        let fast = r#"{"input_tokens":1,"service_tier":"standard","speed":"fast","inference_geo":"us"}"#;
        let usage = heard(&[fast, r#"{"output_tokens":3}"#]);
        assert_eq!((usage.tier, usage.in_us), (Some(ServiceTier::Fast), true));
        assert!(!heard(&[r#"{"input_tokens":1,"inference_geo":"global","speed":"standard"}"#]).in_us);
    }

    #[test]
    fn iterations_are_summed() {
        let usage = heard(&[
            r#"{"input_tokens":682,"output_tokens":1320,"iterations":[{"input_tokens":60385,"output_tokens":592},{"input_tokens":682,"output_tokens":1320}]}"#,
        ]);
        assert_eq!((usage.prompt, usage.completion), (61067, 1912));
    }
}
