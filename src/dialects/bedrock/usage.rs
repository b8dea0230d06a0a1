//! Converts the provider's token counts to `OpenAI`'s conventions: `inputTokens` does not include cached
//! tokens.

use crate::config::ServiceTier;
use crate::facts::Usage;
use crate::json::{self, JsonStr, Raw, fields};

/// Parses a `usage` object. `thinking` is the result of [`thinking_tokens`].
pub(super) fn read(usage: Raw<'_>, thinking: Option<u64>) -> Usage {
    #[derive(Default)]
    struct Wire {
        input_tokens: Option<u64>,
        output_tokens: Option<u64>,
        cache_read_input_tokens: Option<u64>,
        cache_write_input_tokens: Option<u64>,
    }
    fields!(Wire {
        input_tokens = "inputTokens", output_tokens = "outputTokens",
        cache_read_input_tokens = "cacheReadInputTokens",
        cache_write_input_tokens = "cacheWriteInputTokens"
    });
    let wire: Wire = json::read(usage).unwrap_or_default();
    let cached = wire.cache_read_input_tokens.unwrap_or_default();
    let cache_write = wire.cache_write_input_tokens.unwrap_or_default();
    Usage {
        prompt: wire.input_tokens.unwrap_or_default().saturating_add(cached).saturating_add(cache_write),
        completion: wire.output_tokens.unwrap_or_default(),
        cached,
        cache_write,
        reasoning: thinking.unwrap_or_default(),
        ..Usage::default()
    }
}

/// How the request was served: the `type` of a `serviceTier` object.
pub(super) fn tier(raw: Option<Raw<'_>>) -> Option<ServiceTier> {
    struct Tier<'a> {
        kind: JsonStr<'a>,
    }
    fields!(Tier<'a> { kind = "type"; "type" });
    let tier: Tier<'_> = json::read(raw?).ok()?;
    ServiceTier::named(tier.kind.inner())
}

/// Path of the model's own count of reasoning tokens, which the request asks for.
pub(super) const THINKING_PATH: &str = "/usage/output_tokens_details";

/// That count in `additionalModelResponseFields`.
pub(super) fn thinking_tokens(fields: Option<Raw<'_>>) -> Option<u64> {
    struct Fields {
        usage: Counts,
    }
    fields!(Fields { usage; "usage" });
    struct Counts {
        output_tokens_details: Details,
    }
    fields!(Counts { output_tokens_details; "output_tokens_details" });
    struct Details {
        thinking_tokens: u64,
    }
    fields!(Details { thinking_tokens; "thinking_tokens" });
    let fields: Fields = json::read(fields?).ok()?;
    Some(fields.usage.output_tokens_details.thinking_tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tier_is_the_answers_type_if_it_has_a_price() {
        for (answer, expected) in [
            (r#"{"type":"flex"}"#, Some(ServiceTier::Flex)),
            (r#"{"type":"priority"}"#, Some(ServiceTier::Priority)),
            (r#"{"type":"default"}"#, Some(ServiceTier::Standard)),
            (r#"{"type":"reserved"}"#, None),
            (r#""flex""#, None),
        ] {
            assert_eq!(tier(Raw::parse(answer).ok()), expected, "{answer}");
        }
    }

    #[test]
    fn cached_tokens_are_part_of_the_prompt() {
        let usage = Raw::parse(
            r#"{"inputTokens":10,"outputTokens":30,"totalTokens":47,"cacheReadInputTokens":5,"cacheWriteInputTokens":2}"#,
        )
        .unwrap();
        assert_eq!(
            read(usage, Some(12)),
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
}
