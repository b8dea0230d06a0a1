//! Usage → cost, in whole picodollars (1e-12 USD): sums of integers are exact, sums of floats drift.

use crate::config::Price;
use crate::openai::Usage;

/// Picodollars in a dollar.
const PICO: f64 = 1e12;

/// What a request cost, picodollars.
///
/// Cached and cache-written tokens are part of the prompt, reasoning is part of the completion; a part without a
/// price of its own costs what the whole costs (`LiteLLM`'s `generic_cost_per_token`).
pub fn cost(price: &Price, usage: &Usage) -> u64 {
    let cached = usage.cached.min(usage.prompt);
    let written = usage.cache_write.min(usage.prompt - cached);
    let fresh = usage.prompt - cached - written;
    let reasoning = usage.reasoning.min(usage.completion);
    let said = usage.completion - reasoning;
    let input = price.input_cost_per_token;
    let output = price.output_cost_per_token;
    let parts = [
        (fresh, input),
        (cached, price.cache_read_input_token_cost.unwrap_or(input)),
        (written, price.cache_creation_input_token_cost.unwrap_or(input)),
        (said, output),
        (reasoning, price.output_cost_per_reasoning_token.unwrap_or(output)),
    ];
    parts.iter().map(|(tokens, rate)| tokens.saturating_mul(picodollars(*rate))).fold(0, u64::saturating_add)
}

/// A rate per token, rounded half up to whole picodollars. A price below zero is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to u64's range first")]
fn picodollars(dollars: f64) -> u64 {
    (dollars * PICO + 0.5).floor().clamp(0.0, 1e18) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_observed_cost_of_a_cached_prompt_comes_out() {
        let price = Price {
            input_cost_per_token: 2.5e-6,
            output_cost_per_token: 1e-5,
            cache_read_input_token_cost: Some(1.25e-6),
            ..Price::default()
        };
        let usage = Usage { prompt: 1000, cached: 400, completion: 100, ..Usage::default() };
        assert_eq!(cost(&price, &usage), 3_000_000_000, "0.003 USD, as LiteLLM's header says");
    }

    #[test]
    fn parts_that_exceed_their_whole_are_cut_to_it() {
        let price = Price { input_cost_per_token: 1e-6, output_cost_per_token: 1e-6, ..Price::default() };
        let usage = Usage { prompt: 10, cached: 50, cache_write: 7, completion: 3, reasoning: 9 };
        assert_eq!(cost(&price, &usage), 13_000_000);
    }
}
