//! Converts Google's token counts to `OpenAI`'s conventions: the prompt's count includes cached tokens; the
//! response's count usually does not include thoughts.

use super::grounding::Grounded;
use crate::config::ServiceTier;
use crate::facts::Usage;
use crate::json::{JsonStr, Raw, fields, read};

/// The latest counters. Every event of a stream repeats them cumulatively. Zeros are omitted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    last: Counts,
    audio_heard: u64,
    audio_said: u64,
    images_said: u64,
    tier: Option<ServiceTier>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    total_token_count: Option<u64>,
}
fields!(Counts {
    prompt_token_count = "promptTokenCount", cached_content_token_count = "cachedContentTokenCount",
    candidates_token_count = "candidatesTokenCount", thoughts_token_count = "thoughtsTokenCount",
    tool_use_prompt_token_count = "toolUsePromptTokenCount", total_token_count = "totalTokenCount"
});

impl Counters {
    /// Updates the counters from a `usageMetadata` object. Objects without counts (`{"trafficType":…}`), as
    /// in the first events of Vertex AI, are ignored.
    pub(super) fn hear(&mut self, usage: Raw<'_>) {
        if memchr::memmem::find(usage.get().as_bytes(), b"\"trafficType\"").is_some() {
            self.tier = traffic(usage).or(self.tier);
        }
        let last: Counts = read(usage).unwrap_or_default();
        if last.prompt_token_count.is_none() && last.total_token_count.is_none() {
            return;
        }
        *self = Self { last, tier: self.tier, ..Self::default() };
        // Few requests contain audio, and few responses images, and every event of a stream repeats the counts.
        let has = |kind: &[u8]| memchr::memmem::find(usage.get().as_bytes(), kind).is_some();
        if has(b"\"AUDIO\"") || has(b"\"IMAGE\"") {
            let counts: ByModality<'_> = read(usage).unwrap_or_default();
            self.audio_heard = count_of("AUDIO", &counts.prompt_tokens_details);
            self.audio_said = count_of("AUDIO", &counts.candidates_tokens_details);
            self.images_said = count_of("IMAGE", &counts.candidates_tokens_details);
        }
    }

    /// Sets the tier from the answer's header.
    pub(super) fn served(&mut self, tier: Option<&str>) {
        self.tier = tier.and_then(|tier| ServiceTier::named(&tier.to_ascii_lowercase())).or(self.tier);
    }

    /// The usage in `OpenAI`'s conventions. What an answer is grounded in is not billed as prompt
    /// tokens.
    pub(super) fn usage(&self, grounded: Grounded) -> Usage {
        let count = |count: Option<u64>| count.unwrap_or_default();
        let last = &self.last;
        let (prompt, candidates) = (count(last.prompt_token_count), count(last.candidates_token_count));
        let (thoughts, tools) = (count(last.thoughts_token_count), count(last.tool_use_prompt_token_count));
        let said = prompt.saturating_add(candidates);
        // Some models include thoughts in the candidates' tokens; the total shows which.
        let thoughts_are_in =
            last.total_token_count.is_some_and(|total| total == said || total == said.saturating_add(tools));
        Usage {
            prompt: if grounded.any() { prompt } else { prompt.saturating_add(tools) },
            completion: if thoughts_are_in { candidates } else { candidates.saturating_add(thoughts) },
            cached: count(last.cached_content_token_count),
            reasoning: thoughts,
            audio_heard: self.audio_heard,
            audio_said: self.audio_said,
            images_said: self.images_said,
            // Google charges per grounded prompt for most models, and per query for the others.
            searches: grounded.searched.into(),
            maps: grounded.mapped.into(),
            search_queries: grounded.queries,
            tier: self.tier,
            ..Usage::default()
        }
    }
}

/// The tier in Vertex AI's terms (`TrafficType`). Types without a price of their own are standard.
fn traffic(usage: Raw<'_>) -> Option<ServiceTier> {
    #[derive(Default)]
    struct Wire<'a> {
        traffic_type: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { traffic_type = "trafficType" });
    let wire: Wire<'_> = read(usage).unwrap_or_default();
    match JsonStr::of(wire.traffic_type?)?.inner() {
        "TRAFFIC_TYPE_UNSPECIFIED" => None,
        "ON_DEMAND_PRIORITY" => Some(ServiceTier::Priority),
        "ON_DEMAND_FLEX" | "FLEX" | "BATCH" => Some(ServiceTier::Flex),
        _ => Some(ServiceTier::Standard),
    }
}

/// The counts by modality (`ModalityTokenCount`).
#[derive(Default)]
struct ByModality<'a> {
    prompt_tokens_details: Vec<Modality<'a>>,
    candidates_tokens_details: Vec<Modality<'a>>,
}
fields!(ByModality<'a> {
    prompt_tokens_details = "promptTokensDetails", candidates_tokens_details = "candidatesTokensDetails"
});

struct Modality<'a> {
    modality: Option<JsonStr<'a>>,
    token_count: Option<u64>,
}
fields!(Modality<'a> { modality, token_count = "tokenCount" });

fn count_of(modality: &str, counts: &[Modality<'_>]) -> u64 {
    let of = counts.iter().filter(|count| count.modality.is_some_and(|kind| kind.inner() == modality));
    of.filter_map(|count| count.token_count).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(usages: &[&str], queries: Option<u64>) -> Usage {
        let mut counters = Counters::default();
        for usage in usages {
            counters.hear(Raw::parse(usage).unwrap());
        }
        let searched = queries.is_some();
        counters.usage(Grounded { searched, mapped: false, queries: queries.unwrap_or_default() })
    }

    #[test]
    fn thoughts_are_added_unless_the_total_says_that_they_are_in() {
        let apart = r#"{"promptTokenCount":29,"candidatesTokenCount":15,"totalTokenCount":1845,"thoughtsTokenCount":1801,"cachedContentTokenCount":20}"#;
        let expected =
            Usage { prompt: 29, completion: 1816, cached: 20, reasoning: 1801, ..Usage::default() };
        assert_eq!(heard(&[apart], None), expected);
        let within = r#"{"promptTokenCount":10,"candidatesTokenCount":50,"totalTokenCount":60,"thoughtsTokenCount":40}"#;
        assert_eq!(heard(&[within], None).completion, 50);
    }

    #[test]
    fn speech_is_counted_apart_where_there_is_some() {
        let usage = r#"{"promptTokenCount":110,"candidatesTokenCount":30,"totalTokenCount":140,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":10},{"modality":"AUDIO","tokenCount":100}],
            "candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":25},{"modality":"TEXT","tokenCount":5}]}"#;
        let usage = heard(&[usage], None);
        assert_eq!((usage.prompt, usage.audio_heard), (110, 100));
        assert_eq!((usage.completion, usage.audio_said), (30, 25));
    }

    #[test]
    fn the_last_count_stands_and_one_without_counts_does_not() {
        let usage = heard(
            &[
                r#"{"promptTokenCount":5,"candidatesTokenCount":1,"totalTokenCount":6}"#,
                r#"{"promptTokenCount":5,"candidatesTokenCount":9,"totalTokenCount":14}"#,
                r#"{"trafficType":"ON_DEMAND"}"#,
            ],
            None,
        );
        assert_eq!((usage.prompt, usage.completion), (5, 9));
        assert_eq!(usage.tier, Some(ServiceTier::Standard));
    }

    #[test]
    fn the_tier_is_read_from_the_traffic_and_from_the_header() {
        for (traffic, tier) in [
            ("ON_DEMAND", Some(ServiceTier::Standard)),
            ("PROVISIONED_THROUGHPUT", Some(ServiceTier::Standard)),
            ("ON_DEMAND_FLEX", Some(ServiceTier::Flex)),
            ("ON_DEMAND_PRIORITY", Some(ServiceTier::Priority)),
            ("TRAFFIC_TYPE_UNSPECIFIED", None),
        ] {
            let early = format!(r#"{{"trafficType":"{traffic}"}}"#);
            let counts = r#"{"promptTokenCount":5,"totalTokenCount":6}"#;
            assert_eq!(heard(&[&early, counts], None).tier, tier, "{traffic}");
        }
        let mut counters = Counters::default();
        counters.served(Some("FLEX"));
        counters.served(None);
        assert_eq!(counters.usage(Grounded::default()).tier, Some(ServiceTier::Flex));
    }

    #[test]
    fn what_the_providers_tools_read_is_the_prompts_unless_it_is_the_web() {
        let usage = r#"{"promptTokenCount":22,"candidatesTokenCount":3,"toolUsePromptTokenCount":100,"totalTokenCount":125}"#;
        assert_eq!((heard(&[usage], None).prompt, heard(&[usage], Some(2)).prompt), (122, 22));
        let fee = heard(&[usage], Some(2));
        assert_eq!((fee.searches, fee.search_queries), (1, 2));
    }

    #[test]
    fn tokens_of_images_are_told_apart() {
        let usage = heard(
            &[r#"{"promptTokenCount":10,"candidatesTokenCount":1300,"candidatesTokensDetails":[
                {"modality":"IMAGE","tokenCount":1290},{"modality":"TEXT","tokenCount":10}]}"#],
            None,
        );
        assert_eq!((usage.completion, usage.images_said, usage.audio_said), (1300, 1290, 0));
    }
}
