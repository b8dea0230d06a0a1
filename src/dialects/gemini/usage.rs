//! Token counts, from Google's bases to `OpenAI`'s: the prompt's count holds the cached tokens, the answer's leaves
//! the thoughts out, mostly.

use crate::json::{Raw, fields, read};
use crate::openai::Usage;

/// The counters as they were last heard: every event of a stream repeats them, cumulatively. What is 0 is left out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    total_token_count: Option<u64>,
}
fields!(Counters {
    prompt_token_count = "promptTokenCount", cached_content_token_count = "cachedContentTokenCount",
    candidates_token_count = "candidatesTokenCount", thoughts_token_count = "thoughtsTokenCount",
    tool_use_prompt_token_count = "toolUsePromptTokenCount", total_token_count = "totalTokenCount"
});

impl Counters {
    /// Hears a `usageMetadata` object. One without counts (`{"trafficType":…}`), as the first events of Vertex AI
    /// have it, says nothing.
    pub(super) fn hear(&mut self, usage: Raw<'_>) {
        let heard: Self = read(usage).unwrap_or_default();
        if heard.prompt_token_count.is_some() || heard.total_token_count.is_some() {
            *self = heard;
        }
    }

    /// On `OpenAI`'s bases. `searched`: the provider searched the web by itself, and what it read is not billed as
    /// the prompt's.
    pub(super) fn usage(&self, searched: bool) -> Usage {
        let count = |count: Option<u64>| count.unwrap_or_default();
        let (prompt, candidates) = (count(self.prompt_token_count), count(self.candidates_token_count));
        let (thoughts, tools) = (count(self.thoughts_token_count), count(self.tool_use_prompt_token_count));
        let said = prompt.saturating_add(candidates);
        // Some models count the thoughts among the candidates' tokens: the total tells.
        let thoughts_are_in =
            self.total_token_count.is_some_and(|total| total == said || total == said.saturating_add(tools));
        Usage {
            prompt: if searched { prompt } else { prompt.saturating_add(tools) },
            completion: if thoughts_are_in { candidates } else { candidates.saturating_add(thoughts) },
            cached: count(self.cached_content_token_count),
            cache_write: 0,
            reasoning: thoughts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(usages: &[&str], searched: bool) -> Usage {
        let mut counters = Counters::default();
        for usage in usages {
            counters.hear(Raw::parse(usage).unwrap());
        }
        counters.usage(searched)
    }

    #[test]
    fn thoughts_are_added_unless_the_total_says_that_they_are_in() {
        let apart = r#"{"promptTokenCount":29,"candidatesTokenCount":15,"totalTokenCount":1845,"thoughtsTokenCount":1801,"cachedContentTokenCount":20}"#;
        let expected = Usage { prompt: 29, completion: 1816, cached: 20, cache_write: 0, reasoning: 1801 };
        assert_eq!(heard(&[apart], false), expected);
        let within = r#"{"promptTokenCount":10,"candidatesTokenCount":50,"totalTokenCount":60,"thoughtsTokenCount":40}"#;
        assert_eq!(heard(&[within], false).completion, 50);
    }

    #[test]
    fn the_last_count_stands_and_one_without_counts_does_not() {
        let usage = heard(
            &[
                r#"{"promptTokenCount":5,"candidatesTokenCount":1,"totalTokenCount":6}"#,
                r#"{"promptTokenCount":5,"candidatesTokenCount":9,"totalTokenCount":14}"#,
                r#"{"trafficType":"ON_DEMAND"}"#,
            ],
            false,
        );
        assert_eq!((usage.prompt, usage.completion), (5, 9));
    }

    #[test]
    fn what_the_providers_tools_read_is_the_prompts_unless_it_is_the_web() {
        let usage = r#"{"promptTokenCount":22,"candidatesTokenCount":3,"toolUsePromptTokenCount":100,"totalTokenCount":125}"#;
        assert_eq!((heard(&[usage], false).prompt, heard(&[usage], true).prompt), (122, 22));
    }
}
