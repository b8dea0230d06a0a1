//! What a deployment costs.

use switchboard::config::{Price, UnitPrice};
use switchboard::price_map::PriceMap;
use switchboard::providers::Provider;

use crate::config::Model;

/// The entry's own prices, or those of the model that it is: `base_model`, `provider/model` or `model`. None where the
/// model is only known from a request or a response.
pub(super) fn of(
    model: &Model,
    provider: &Provider,
    upstream_model: &str,
    prices: &PriceMap,
) -> Option<Price> {
    let [tokens @ .., query, character, second, said_second, image, seen_image, pixel, seen_pixel] =
        model.rates;
    let [input, output, cache_read, cache_creation, reasoning, cache_1h, audio_heard, audio_said] = tokens;
    if model.rates.iter().all(Option::is_none) {
        let by_base = model.base_model.as_deref().and_then(|base| prices.price(base));
        if let Some(price) = by_base {
            return Some(Price { custom: true, ..price.clone() });
        }
        return prices.price(&format!("{}/{upstream_model}", provider.name)).cloned();
    }
    let units = UnitPrice {
        input_cost_per_query: query.unwrap_or(0.0),
        input_cost_per_character: character.unwrap_or(0.0),
        input_cost_per_image_token: 0.0,
        output_cost_per_second: said_second.or(second).unwrap_or(0.0),
        output_cost_per_image: image.or(seen_image).unwrap_or(0.0),
        output_cost_per_pixel: pixel.or(seen_pixel).unwrap_or(0.0),
        pictures: Vec::new(),
    };
    Some(Price {
        input_cost_per_token: input.unwrap_or(0.0),
        output_cost_per_token: output.unwrap_or(0.0),
        cache_read_input_token_cost: cache_read,
        cache_creation_input_token_cost: cache_creation,
        cache_creation_input_token_cost_above_1hr: cache_1h,
        output_cost_per_reasoning_token: reasoning,
        input_cost_per_audio_token: audio_heard,
        output_cost_per_audio_token: audio_said,
        custom: true,
        units: Some(units).filter(|units| *units != UnitPrice::default()),
        ..Price::default()
    })
}
