//! `LiteLLM`'s price map: the format of its `model_prices_and_context_window.json`, an object of models with
//! prices in US dollars per token, image, search …
//!
//! The launcher takes deployments' prices from it, and the key service uses it for `/spend/calculate`. The
//! filter receives prices and never reads the map.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{Picture, PicturePrice, Price, Quality, ServiceTier, Tier, UnitPrice};
use crate::model_map::ModelMap;

/// Compiled from the vendors' public price lists.
const BUILT_IN: &str = include_str!("../prices/model_prices.json");

/// Prices by model, and the file's other facts about models.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceMap(HashMap<String, Listed>, ModelMap);

/// A model's price, and its provider.
#[derive(Clone, Debug, PartialEq)]
struct Listed {
    /// `litellm_provider`; empty if absent.
    provider: String,
    price: Price,
}

/// The prices of an entry; other fields (limits, capabilities) are ignored here.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    litellm_provider: String,
    #[serde(default)]
    input_cost_per_token: Option<f64>,
    #[serde(default)]
    output_cost_per_token: Option<f64>,
    #[serde(default)]
    cache_read_input_token_cost: Option<f64>,
    #[serde(default)]
    cache_creation_input_token_cost: Option<f64>,
    #[serde(default)]
    cache_creation_input_token_cost_above_1hr: Option<f64>,
    #[serde(default)]
    output_cost_per_reasoning_token: Option<f64>,
    #[serde(default)]
    input_cost_per_audio_token: Option<f64>,
    #[serde(default)]
    output_cost_per_audio_token: Option<f64>,
    #[serde(default)]
    output_cost_per_image_token: Option<f64>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl PriceMap {
    /// The map that is built into this program.
    pub fn built_in() -> Self {
        // A test reads it; without it no model has a price.
        Self::parse(BUILT_IN.as_bytes()).unwrap_or_default()
    }

    /// Parses a file. Entries without a known price are skipped. Those of an image's size and quality
    /// (`hd/1024-x-1024/dall-e-3`) belong to their model.
    pub fn parse(text: &[u8]) -> serde_json::Result<Self> {
        let entries: HashMap<String, Value> = serde_json::from_slice(text)?;
        let models = ModelMap::of(&entries);
        let (sized, plain): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(name, _)| sized_picture(name).is_some());
        let price = |(model, entry)| {
            let mut entry = Entry::deserialize(entry).ok()?;
            let provider = core::mem::take(&mut entry.litellm_provider);
            Some((model, Listed { provider, price: entry.price()? }))
        };
        let mut listed: HashMap<String, Listed> = plain.into_iter().filter_map(price).collect();
        for (name, entry) in sized {
            let Some((picture, model)) = sized_picture(&name) else { continue };
            let Some((_, Listed { provider, price })) = price((model, entry)) else { continue };
            let cost = price.units.unwrap_or_default().of_picture(picture);
            let Picture { width, height, quality } = picture;
            let of_model = listed
                .entry(sized_picture(&name).map(|(_, model)| model).unwrap_or_default())
                .or_insert_with(|| Listed { provider, price: Price::default() });
            let units = of_model.price.units.get_or_insert_default();
            units.pictures.push(PicturePrice { width, height, quality, cost });
        }
        for Listed { price, .. } in listed.values_mut() {
            if let Some(units) = &mut price.units {
                units.pictures.sort_by_key(|price| (price.width, price.height, price.quality as u8));
            }
        }
        Ok(Self(listed, models))
    }

    /// Adds the entries of another map, which override existing ones.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
        self.1.extend(other.1);
    }

    /// The file's other facts about models.
    pub fn models(&self) -> &ModelMap {
        &self.1
    }

    /// The price of a model, by its name with or without the provider's prefix.
    pub fn price(&self, model: &str) -> Option<&Price> {
        let bare = model.split_once('/').map(|(_, model)| model);
        self.0.get(model).or_else(|| self.0.get(bare?)).map(|listed| &listed.price)
    }

    /// The models that a provider may serve, with their prices: those with its prefix, and those without a
    /// prefix that are listed for it or for the owner of its dialect.
    pub fn offered<'a>(
        &'a self,
        provider: &'a str,
        language: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Price)> {
        self.0.iter().filter_map(move |(model, Listed { provider: offers, price })| {
            let is_theirs = match model.split_once('/') {
                Some((named, _)) => named == provider,
                // LiteLLM has several names for a provider, one for each of its dialects.
                None => offers.is_empty() || offers.starts_with(provider) || offers.starts_with(language),
            };
            is_theirs.then_some((model.as_str(), price))
        })
    }
}

impl Entry {
    fn price(self) -> Option<Price> {
        let units = units(&self.others);
        if self.input_cost_per_token.is_none() && self.output_cost_per_token.is_none() && units.is_none() {
            return None;
        }
        let search = search_cost(&self.others, "search_context_size_medium");
        let factor = |name: &str| self.others.get("provider_specific_entry")?.get(name)?.as_f64();
        let mut tiers = tiers(&self.others);
        if let Some(fast) = factor("fast") {
            let times = |rate: Option<f64>| rate.map(|rate| rate * fast);
            tiers.push(Tier {
                above_tokens: 0,
                service: ServiceTier::Fast,
                input_cost_per_token: times(self.input_cost_per_token),
                output_cost_per_token: times(self.output_cost_per_token),
                cache_read_input_token_cost: times(self.cache_read_input_token_cost),
                cache_creation_input_token_cost: times(self.cache_creation_input_token_cost),
                cache_creation_input_token_cost_above_1hr: times(
                    self.cache_creation_input_token_cost_above_1hr,
                ),
            });
        }
        let other = |size| search_cost(&self.others, size).filter(|cost| Some(*cost) != search);
        Some(Price {
            input_cost_per_token: self.input_cost_per_token.unwrap_or_default(),
            output_cost_per_token: self.output_cost_per_token.unwrap_or_default(),
            cache_read_input_token_cost: self.cache_read_input_token_cost,
            cache_creation_input_token_cost: self.cache_creation_input_token_cost,
            cache_creation_input_token_cost_above_1hr: self.cache_creation_input_token_cost_above_1hr,
            output_cost_per_reasoning_token: self.output_cost_per_reasoning_token,
            input_cost_per_audio_token: self.input_cost_per_audio_token,
            output_cost_per_audio_token: self.output_cost_per_audio_token,
            output_cost_per_image_token: self.output_cost_per_image_token,
            search_cost: search,
            search_cost_low: other("search_context_size_low"),
            search_cost_high: other("search_context_size_high"),
            search_per_query: self
                .others
                .get("web_search_billing_unit")
                .is_some_and(|unit| unit == "per_query"),
            us_factor: factor("us"),
            custom: false,
            tiers,
            units,
        })
    }
}

/// The prices by other units than tokens.
fn units(fields: &Map<String, Value>) -> Option<UnitPrice> {
    let rate = |name: &str| fields.get(name).and_then(Value::as_f64).filter(|rate| *rate > 0.0);
    // The map has prices of what is generated under either name.
    let either = |output: &str, input: &str| rate(output).or_else(|| rate(input)).unwrap_or_default();
    let draws = || fields.get("mode").and_then(Value::as_str).is_none_or(|mode| mode.starts_with("image_"));
    let input_image = if draws() { "input_cost_per_image" } else { "" };
    let price = UnitPrice {
        input_cost_per_query: rate("input_cost_per_query").unwrap_or_default(),
        input_cost_per_character: rate("input_cost_per_character").unwrap_or_default(),
        input_cost_per_image_token: rate("input_cost_per_image_token").unwrap_or_default(),
        output_cost_per_second: either("output_cost_per_second", "input_cost_per_second"),
        output_cost_per_image: either("output_cost_per_image", input_image),
        output_cost_per_pixel: either("output_cost_per_pixel", "input_cost_per_pixel"),
        pictures: Vec::new(),
    };
    (price != UnitPrice::default()).then_some(price)
}

/// The image that an entry is about, and its model: `hd/1024-x-1024/dall-e-3`, `azure/low/1024-x-1024/gpt-image-1`.
pub(crate) fn sized_picture(name: &str) -> Option<(Picture, String)> {
    let mut picture = None;
    let mut quality = Quality::default();
    let mut rest: Vec<&str> = Vec::new();
    for segment in name.split('/') {
        match (Picture::sized(segment), Quality::named(segment)) {
            (Some(sized), _) if segment.contains("-x-") => picture = Some(sized),
            (_, Some(named)) if picture.is_none() => quality = named,
            _ => rest.push(segment),
        }
    }
    Some((Picture { quality, ..picture? }, rest.join("/")))
}

/// The price of the provider's own search with that context size, or of another size if that one is absent.
fn search_cost(fields: &Map<String, Value>, size: &str) -> Option<f64> {
    let sizes = fields.get("search_context_cost_per_query")?.as_object()?;
    let medium = || sizes.get("search_context_size_medium");
    sizes.get(size).or_else(medium).or_else(|| sizes.values().next())?.as_f64()
}

/// `input_cost_per_token_above_200k_tokens`, `input_cost_per_token_flex`, and both together.
fn tiers(fields: &Map<String, Value>) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for (name, value) in fields {
        let Some(rate) = value.as_f64() else { continue };
        let of_service = |service: ServiceTier| Some((name.strip_suffix(service.suffix())?, service));
        let service = of_service(ServiceTier::Flex).or_else(|| of_service(ServiceTier::Priority));
        let (name, service) = service.unwrap_or((name, ServiceTier::Standard));
        let bound = name.rsplit_once("_above_").and_then(|(what, above)| {
            let thousands = above.strip_suffix("k_tokens")?.parse::<u64>().ok()?;
            Some((what, thousands.checked_mul(1000)?))
        });
        let (what, above_tokens) = bound.unwrap_or((name, 0));
        let mut tier = Tier { above_tokens, service, ..Tier::default() };
        match what {
            _ if above_tokens == 0 && service == ServiceTier::Standard => continue,
            "input_cost_per_token" => tier.input_cost_per_token = Some(rate),
            "output_cost_per_token" => tier.output_cost_per_token = Some(rate),
            "cache_read_input_token_cost" => tier.cache_read_input_token_cost = Some(rate),
            "cache_creation_input_token_cost" => tier.cache_creation_input_token_cost = Some(rate),
            "cache_creation_input_token_cost_above_1hr" => {
                tier.cache_creation_input_token_cost_above_1hr = Some(rate);
            }
            _ => continue,
        }
        let is_same = |known: &&mut Tier| known.above_tokens == above_tokens && known.service == service;
        match tiers.iter_mut().find(is_same) {
            Some(known) => known.take(&tier),
            None => tiers.push(tier),
        }
    }
    tiers.sort_by_key(|tier| tier.above_tokens);
    tiers
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::facts::{Units, Usage};
    use crate::price::cost;

    #[test]
    fn the_built_in_map_is_read_to_the_last_entry_and_costs_what_vendors_say() {
        let entries: HashMap<String, Value> = serde_json::from_str(BUILT_IN).unwrap();
        let map = PriceMap::built_in();
        let models = entries.keys().filter(|name| sized_picture(name).is_none()).count();
        assert!(models < map.0.len() + 1 && map.0.len() <= entries.len());
        let usage = Usage { prompt: 1000, cached: 400, completion: 100, ..Usage::default() };
        assert_eq!(cost(map.price("openai/gpt-4o").unwrap(), &usage), 3_000_000_000);
        let long = Usage {
            prompt: 300_000,
            cached: 100_000,
            cache_write: 50_000,
            completion: 1_000,
            ..Usage::default()
        };
        // Above 200,000 tokens: 6, 0.6, 7.5 and 22.5 dollars per million.
        assert_eq!(
            cost(map.price("anthropic/claude-sonnet-4-5").unwrap(), &long),
            900_000_000_000 + 60_000_000_000 + 375_000_000_000 + 22_500_000_000
        );
        for Listed { price, .. } in map.0.values() {
            let is_priced = price.input_cost_per_token > 0.0 || price.units.is_some();
            let is_free = price.named().iter().all(|(_, rate)| *rate == 0.0);
            assert!((is_priced || is_free) && price.input_cost_per_token < 2e-4, "{price:?}");
            assert!(price.output_cost_per_token < 1e-3, "{price:?}");
        }
    }

    #[test]
    fn another_file_goes_before_it_entry_by_entry() {
        let mut map = PriceMap::built_in();
        map.extend(
            PriceMap::parse(
                br#"{"gpt-4o": {"input_cost_per_token": 1.0}, "mine": {"output_cost_per_token": 2.0}}"#,
            )
            .unwrap(),
        );
        assert!((map.price("gpt-4o").unwrap().input_cost_per_token - 1.0).abs() < 1e-12);
        assert!(map.price("openai/mine").is_some() && map.price("gpt-4o-mini").is_some());
    }

    #[test]
    fn tiers_of_service_hours_in_a_cache_and_searches_are_read() {
        let file = br#"{"m": {
            "input_cost_per_token": 4e-6, "input_cost_per_token_flex": 2e-6, "input_cost_per_token_priority": 8e-6,
            "input_cost_per_token_above_200k_tokens": 5e-6, "input_cost_per_token_above_200k_tokens_priority": 9e-6,
            "cache_creation_input_token_cost_above_1hr": 6e-6,
            "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 7e-6,
            "search_context_cost_per_query": {"search_context_size_low": 1.0, "search_context_size_medium": 2.0}
        }}"#;
        let map = PriceMap::parse(file).unwrap();
        let price = map.price("m").unwrap();
        let cost = |prompt, cache_write_1h, tier, searches| {
            let cache_write = cache_write_1h;
            cost(price, &Usage { prompt, cache_write, cache_write_1h, searches, tier, ..Usage::default() })
                / 1_000_000
        };
        assert_eq!(cost(10, 0, Some(ServiceTier::Flex), 0), 20);
        assert_eq!(cost(10, 0, Some(ServiceTier::Priority), 0), 80);
        assert_eq!(cost(300_000, 0, Some(ServiceTier::Priority), 0), 2_700_000);
        assert_eq!(cost(300_000, 0, Some(ServiceTier::Flex), 0), 1_500_000);
        assert_eq!(cost(10, 10, None, 0), 60);
        assert_eq!(cost(300_000, 300_000, None, 0), 2_100_000);
        assert_eq!(cost(0, 0, None, 1), 2_000_000);
        assert_eq!((price.search_cost_low, price.search_cost_high), (Some(1.0), None));
        let queries = Usage { searches: 1, search_queries: 3, ..Usage::default() };
        assert_eq!(crate::price::cost(price, &queries), 2_000_000_000_000);
        let by_query = PriceMap::parse(
            br#"{"m": {"input_cost_per_token": 0, "web_search_billing_unit": "per_query",
                "search_context_cost_per_query": {"search_context_size_medium": 2.0}}}"#,
        )
        .unwrap();
        assert_eq!(crate::price::cost(by_query.price("m").unwrap(), &queries), 6_000_000_000_000);
    }

    #[test]
    fn factors_of_a_provider_apply_to_the_tier_and_the_place_that_they_name() {
        let file = br#"{"m": {"input_cost_per_token": 5e-6, "output_cost_per_token": 25e-6,
            "provider_specific_entry": {"fast": 6.0, "us": 1.1}}}"#;
        let map = PriceMap::parse(file).unwrap();
        let usage = Usage { prompt: 10, completion: 10, ..Usage::default() };
        let of = |usage: Usage| cost(map.price("m").unwrap(), &usage) / 1_000_000;
        assert_eq!(of(usage), 300);
        assert_eq!(of(Usage { tier: Some(ServiceTier::Fast), ..usage }), 1_800);
        assert_eq!(of(Usage { tier: Some(ServiceTier::Priority), ..usage }), 300);
        assert_eq!(of(Usage { in_us: true, ..usage }), 330);
    }

    #[test]
    fn what_has_no_known_price_has_none() {
        let file = br#"{
            "sample_spec": {"input_cost_per_token": "a number", "mode": "chat"},
            "search": {"input_cost_per_fortnight": 0.04}
        }"#;
        let map = PriceMap::parse(file).unwrap();
        assert!(map.price("sample_spec").is_none() && map.price("search").is_none());
    }

    #[test]
    fn searches_seconds_and_characters_are_read_under_either_name() {
        let file = br#"{
            "rerank": {"input_cost_per_query": 0.002, "input_cost_per_token": 0.0},
            "whisper": {"input_cost_per_second": 0.0001, "mode": "audio_transcription"},
            "tts": {"input_cost_per_character": 1.5e-05},
            "grok": {"input_cost_per_image": 0.02, "mode": "image_generation"},
            "embed": {"input_cost_per_image": 0.02, "input_cost_per_token": 1e-6, "mode": "embedding"}
        }"#;
        let map = PriceMap::parse(file).unwrap();
        let of =
            |model: &str, units: Units| cost(map.price(model).unwrap(), &Usage { units, ..Usage::default() });
        assert_eq!(of("rerank", Units { searches: 2, ..Units::default() }), 4_000_000_000);
        assert_eq!(of("whisper", Units { milliseconds: 3_000, ..Units::default() }), 300_000_000);
        assert_eq!(of("tts", Units { characters: 2, ..Units::default() }), 30_000_000);
        assert_eq!(of("grok", Units { images: 2, ..Units::default() }), 40_000_000_000);
        assert_eq!(
            of("embed", Units { images: 2, ..Units::default() }),
            0,
            "that is the price of what it sees"
        );
    }

    #[test]
    fn entries_of_an_images_size_and_quality_are_prices_of_their_model() {
        let file = br#"{
            "hd/1024-x-1792/dall-e-3": {"input_cost_per_pixel": 1e-7, "mode": "image_generation"},
            "standard/1024-x-1792/dall-e-3": {"input_cost_per_pixel": 5e-8, "mode": "image_generation"},
            "azure/low/1024-x-1024/gpt-image-1": {"input_cost_per_image": 0.011, "mode": "image_generation"},
            "azure/gpt-image-1": {"input_cost_per_token": 5e-6, "mode": "image_generation"}
        }"#;
        let map = PriceMap::parse(file).unwrap();
        let of = |model: &str, size: &str, quality| {
            let picture = Picture { quality, ..Picture::sized(size).unwrap() };
            map.price(model).unwrap().units.as_ref().unwrap().of_picture(picture)
        };
        assert!((of("dall-e-3", "1024x1792", Quality::Hd) - 0.1835).abs() < 1e-3);
        assert!((of("dall-e-3", "1024x1792", Quality::Standard) - 0.0917).abs() < 1e-3);
        assert!((of("azure/gpt-image-1", "1024x1024", Quality::Low) - 0.011).abs() < 1e-9);
        assert!(map.price("azure/gpt-image-1").unwrap().input_cost_per_token > 0.0);
        assert!(map.models().about("", "hd/1024-x-1792/dall-e-3").is_none());
    }
}
