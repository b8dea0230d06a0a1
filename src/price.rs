//! Computes cost in whole picodollars (1e-12 USD): sums of integers are exact, sums of floats are not.

use crate::config::{Price, SearchSize, ServiceTier, Tier, UnitPrice};
use crate::facts::Usage;

/// Picodollars per dollar.
const PICO: f64 = 1e12;

/// The cost of a request, picodollars.
///
/// Cached, cache-written and audio input tokens are part of the prompt; reasoning and audio output tokens are
/// part of the completion. A part without a separate price costs the same as the whole (`LiteLLM`'s
/// `generic_cost_per_token`). If the prompt exceeds a tier's bound, the tier's prices apply to all tokens.
pub fn cost(price: &Price, usage: &Usage) -> u64 {
    let cached = usage.cached.min(usage.prompt);
    let written = usage.cache_write.min(usage.prompt - cached);
    let written_1h = usage.cache_write_1h.min(written);
    let fresh = usage.prompt - cached - written;
    let heard = usage.audio_heard.min(fresh);
    let reasoning = usage.reasoning.min(usage.completion);
    let said = usage.completion - reasoning;
    let spoken = usage.audio_said.min(said);
    let drawn = usage.images_said.min(said - spoken);
    let is_priced = |service| price.tiers.iter().any(|tier| tier.service == service);
    let service = match usage.tier.unwrap_or_default() {
        // OpenAI's clients have this name for its priority tier.
        ServiceTier::Fast if !is_priced(ServiceTier::Fast) => ServiceTier::Priority,
        service => service,
    };
    let bounds = price.tiers.iter().map(|tier| tier.above_tokens);
    let reached = bounds.filter(|above| usage.prompt > *above).max().unwrap_or_default();
    let of_tier = |rate: fn(&Tier) -> Option<f64>| {
        let at = |above, service| {
            let is_it = |tier: &&Tier| tier.above_tokens == above && tier.service == service;
            price.tiers.iter().find(is_it).and_then(rate)
        };
        // A service tier without a price for long prompts uses the standard one (LiteLLM).
        at(reached, service).or_else(|| at(reached, ServiceTier::Standard)).or_else(|| at(0, service))
    };
    let input = of_tier(|tier| tier.input_cost_per_token).unwrap_or(price.input_cost_per_token);
    let output = of_tier(|tier| tier.output_cost_per_token).unwrap_or(price.output_cost_per_token);
    let cache_read = of_tier(|tier| tier.cache_read_input_token_cost).or(price.cache_read_input_token_cost);
    let cache_creation =
        of_tier(|tier| tier.cache_creation_input_token_cost).or(price.cache_creation_input_token_cost);
    let cache_creation_1h = of_tier(|tier| tier.cache_creation_input_token_cost_above_1hr)
        .or(price.cache_creation_input_token_cost_above_1hr);
    let written_rate = cache_creation.unwrap_or(input);
    // Where queries have a price, those to a map have the same.
    let (searches, maps) = if price.search_per_query {
        (usage.searches.saturating_add(usage.maps).max(usage.search_queries), 0)
    } else {
        (usage.searches, usage.maps)
    };
    let search = search_rate(price, usage.search_size.unwrap_or_default());
    let factor = price.us_factor.filter(|_| usage.in_us).unwrap_or(1.0);
    let parts = [
        (fresh - heard, input),
        (heard, price.input_cost_per_audio_token.unwrap_or(input)),
        (cached, cache_read.unwrap_or(input)),
        (written - written_1h, written_rate),
        (written_1h, cache_creation_1h.unwrap_or(written_rate)),
        (said - spoken - drawn, output),
        (drawn, price.output_cost_per_image_token.unwrap_or(output)),
        (spoken, price.output_cost_per_audio_token.unwrap_or(output)),
        (reasoning, price.output_cost_per_reasoning_token.unwrap_or(output)),
    ];
    let costs = parts.iter().map(|(tokens, rate)| tokens.saturating_mul(picodollars(*rate * factor)));
    let grounding = searches.saturating_mul(picodollars(search));
    let grounding = grounding.saturating_add(maps.saturating_mul(picodollars(MAP)));
    let others = price.units.as_ref().map_or(0, |price| of_units(price, usage, input));
    costs.fold(usage.fees.saturating_add(grounding).saturating_add(others), u64::saturating_add)
}

/// What is charged by other units than tokens.
#[cold]
fn of_units(price: &UnitPrice, usage: &Usage, input: f64) -> u64 {
    let units = usage.units;
    // The tokens of images and of audio have a price already.
    let (images, milliseconds) =
        if usage.completion > 0 { (0, 0) } else { (units.images, units.milliseconds) };
    let searches = u64::from(units.searches).saturating_mul(picodollars(price.input_cost_per_query));
    let characters = u64::from(units.characters).saturating_mul(picodollars(price.input_cost_per_character));
    let audio = picodollars(price.output_cost_per_second * f64::from(milliseconds) / 1000.0);
    let images = u64::from(images).saturating_mul(picodollars(price.of_picture(units.picture)));
    // They are part of the prompt, at the price of its other tokens.
    let more = (price.input_cost_per_image_token - input).max(0.0);
    let seen = u64::from(units.image_tokens).saturating_mul(picodollars(more));
    [searches, characters, audio, images, seen].into_iter().fold(0, u64::saturating_add)
}

/// What an answer costs that is grounded in a map, dollars; price maps do not have it:
/// <https://ai.google.dev/gemini-api/docs/pricing>.
const MAP: f64 = 0.025;

/// What one search costs, dollars.
fn search_rate(price: &Price, size: SearchSize) -> f64 {
    let of_size = match size {
        SearchSize::Low => price.search_cost_low,
        SearchSize::Medium => None,
        SearchSize::High => price.search_cost_high,
    };
    of_size.or(price.search_cost).unwrap_or_default()
}

/// A charge in dollars that a provider reports, in picodollars; `None` if it is negative or not finite.
pub fn charge(dollars: f64) -> Option<u64> {
    (dollars.is_finite() && dollars >= 0.0).then(|| picodollars(dollars))
}

/// A rate per token, rounded half up to whole picodollars. A negative price counts as 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to u64's range first")]
fn picodollars(dollars: f64) -> u64 {
    (dollars * PICO + 0.5).floor().clamp(0.0, 1e18) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Units;

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
    fn a_long_prompt_costs_the_price_of_its_tier_from_the_first_token() {
        let tier =
            |above_tokens, rate| Tier { above_tokens, input_cost_per_token: Some(rate), ..Tier::default() };
        let price = Price {
            input_cost_per_token: 1e-6,
            output_cost_per_token: 1e-6,
            tiers: vec![tier(200, 3e-6), tier(100, 2e-6)],
            ..Price::default()
        };
        for (prompt, dearer) in [(100, 1), (101, 2), (200, 2), (201, 3)] {
            let usage = Usage { prompt, completion: 1, ..Usage::default() };
            assert_eq!(cost(&price, &usage), prompt * dearer * 1_000_000 + 1_000_000, "{prompt}");
        }
    }

    #[test]
    fn speech_images_and_what_a_cache_keeps_for_an_hour_have_prices_of_their_own() {
        let price = Price {
            input_cost_per_token: 1e-6,
            output_cost_per_token: 2e-6,
            cache_creation_input_token_cost: Some(3e-6),
            cache_creation_input_token_cost_above_1hr: Some(5e-6),
            input_cost_per_audio_token: Some(7e-6),
            output_cost_per_audio_token: Some(11e-6),
            output_cost_per_image_token: Some(13e-6),
            ..Price::default()
        };
        let usage = Usage {
            prompt: 100,
            cache_write: 30,
            cache_write_1h: 10,
            completion: 50,
            audio_heard: 40,
            audio_said: 20,
            images_said: 10,
            ..Usage::default()
        };
        let micro = 30 + 7 * 40 + 3 * 20 + 5 * 10 + 2 * 20 + 11 * 20 + 13 * 10;
        assert_eq!(cost(&price, &usage), micro * 1_000_000);
    }

    #[test]
    fn a_tier_of_service_has_its_prices_also_above_a_bound() {
        let tier = |above_tokens, service, rate| Tier {
            above_tokens,
            service,
            input_cost_per_token: Some(rate),
            ..Tier::default()
        };
        let price = Price {
            input_cost_per_token: 4e-6,
            tiers: vec![
                tier(0, ServiceTier::Flex, 2e-6),
                tier(0, ServiceTier::Priority, 8e-6),
                tier(100, ServiceTier::Standard, 6e-6),
                tier(100, ServiceTier::Priority, 12e-6),
            ],
            search_cost: Some(0.01),
            ..Price::default()
        };
        for (tier, prompt, micro) in [
            (None, 100, 400),
            (Some(ServiceTier::Standard), 100, 400),
            (Some(ServiceTier::Flex), 100, 200),
            (Some(ServiceTier::Priority), 100, 800),
            (Some(ServiceTier::Priority), 200, 2_400),
            (Some(ServiceTier::Flex), 200, 1_200),
        ] {
            let usage = Usage { prompt, tier, ..Usage::default() };
            assert_eq!(cost(&price, &usage), micro * 1_000_000, "{tier:?} {prompt}");
        }
        let fast = Usage { prompt: 100, tier: Some(ServiceTier::Fast), ..Usage::default() };
        assert_eq!(cost(&price, &fast), 800 * 1_000_000, "another name, where it has no price");
        let searched = Usage { searches: 3, ..Usage::default() };
        assert_eq!(cost(&price, &searched), 30_000_000_000);
    }

    #[test]
    fn an_answer_from_a_map_has_its_own_fee_unless_queries_have_a_price() {
        let mapped = Usage { maps: 1, search_queries: 3, ..Usage::default() };
        let both = Usage { searches: 1, ..mapped };
        let by_prompt = Price { search_cost: Some(0.035), ..Price::default() };
        assert_eq!(cost(&by_prompt, &mapped), 25_000_000_000);
        assert_eq!(cost(&by_prompt, &both), 60_000_000_000);
        let by_query = Price { search_cost: Some(0.014), search_per_query: true, ..Price::default() };
        assert_eq!(cost(&by_query, &mapped), 42_000_000_000);
    }

    #[test]
    fn a_search_costs_what_its_size_costs_and_counts_by_query_where_the_price_says_so() {
        let price = Price {
            search_cost: Some(0.002),
            search_cost_low: Some(0.001),
            search_cost_high: Some(0.003),
            ..Price::default()
        };
        let searched = |price: &Price, search_size| {
            let usage = Usage { searches: 1, search_queries: 4, search_size, ..Usage::default() };
            cost(price, &usage) / 1_000_000_000
        };
        assert_eq!(searched(&price, None), 2);
        assert_eq!(searched(&price, Some(SearchSize::Low)), 1);
        assert_eq!(searched(&price, Some(SearchSize::High)), 3);
        assert_eq!(searched(&Price { search_per_query: true, ..price }, None), 8);
        let one_price = Price { search_cost: Some(0.002), ..Price::default() };
        assert_eq!(searched(&one_price, Some(SearchSize::High)), 2);
        assert_eq!(cost(&one_price, &Usage { fees: 7, ..Usage::default() }), 7);
    }

    #[test]
    fn tokens_that_stay_in_the_united_states_have_a_factor_and_searches_have_none() {
        let price = Price {
            input_cost_per_token: 1e-6,
            output_cost_per_token: 1e-5,
            us_factor: Some(1.1),
            search_cost: Some(0.01),
            ..Price::default()
        };
        let usage = Usage { prompt: 100, completion: 10, searches: 1, ..Usage::default() };
        assert_eq!(cost(&price, &usage), 10_200_000_000);
        assert_eq!(cost(&price, &Usage { in_us: true, ..usage }), 10_220_000_000);
        assert_eq!(
            cost(&Price { us_factor: None, ..price }, &Usage { in_us: true, ..usage }),
            10_200_000_000
        );
    }

    #[test]
    fn searches_characters_seconds_and_images_have_their_own_prices() {
        let units = UnitPrice {
            input_cost_per_query: 0.002,
            input_cost_per_character: 1.5e-5,
            output_cost_per_second: 1e-4,
            output_cost_per_image: 0.04,
            ..UnitPrice::default()
        };
        let price = Price { output_cost_per_token: 1e-6, units: Some(units), ..Price::default() };
        let of = |units: Units| cost(&price, &Usage { units, ..Usage::default() });
        assert_eq!(of(Units { searches: 3, ..Units::default() }), 6_000_000_000);
        assert_eq!(of(Units { characters: 100, ..Units::default() }), 1_500_000_000);
        assert_eq!(of(Units { milliseconds: 1_500, ..Units::default() }), 150_000_000);
        let images = Units { images: 2, ..Units::default() };
        assert_eq!(of(images), 80_000_000_000);
        let counted = Usage { completion: 10, units: images, ..Usage::default() };
        assert_eq!(cost(&price, &counted), 10_000_000, "images that are counted in tokens cost these");
    }

    #[test]
    fn what_cannot_be_a_charge_is_none() {
        assert_eq!(charge(0.000_012_5), Some(12_500_000));
        assert_eq!(charge(0.0), Some(0));
        for dollars in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(charge(dollars), None);
        }
    }

    #[test]
    fn parts_that_exceed_their_whole_are_cut_to_it() {
        let price = Price { input_cost_per_token: 1e-6, output_cost_per_token: 1e-6, ..Price::default() };
        let usage = Usage {
            prompt: 10,
            cached: 50,
            cache_write: 7,
            cache_write_1h: 8,
            completion: 3,
            reasoning: 9,
            audio_heard: 11,
            audio_said: 4,
            images_said: 5,
            ..Usage::default()
        };
        assert_eq!(cost(&price, &usage), 13_000_000);
    }
}
