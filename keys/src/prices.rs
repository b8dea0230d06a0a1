//! What models cost, for `/spend/calculate`. The filter has its own prices, from the launcher, for what it bills.
//!
//! The file has the format of `LiteLLM`'s `model_prices_and_context_window.json`: an object of models, each with its
//! prices in USD per token. The launcher writes it into the data directory; `--prices` names another.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard::config::Price;
use switchboard::openai::Usage;
use switchboard::price::cost;

use crate::money::Picodollars;

/// The name of the file in the data directory.
pub const FILE: &str = "model_prices.json";

/// Prices by model.
#[derive(Debug, Default)]
pub struct Prices(HashMap<String, Price>);

/// The prices of an entry; its other fields (limits, what the model supports) are not ours.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    input_cost_per_token: Option<f64>,
    #[serde(default)]
    output_cost_per_token: Option<f64>,
    #[serde(default)]
    cache_read_input_token_cost: Option<f64>,
    #[serde(default)]
    cache_creation_input_token_cost: Option<f64>,
    #[serde(default)]
    output_cost_per_reasoning_token: Option<f64>,
}

impl Prices {
    /// Reads a file; one that is not there holds no prices.
    pub fn load(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(file) => Self::parse(&file).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Reads the text of a file. An entry without a price per token (images, searches) is left out.
    pub fn parse(text: &[u8]) -> serde_json::Result<Self> {
        let entries: Map<String, Value> = serde_json::from_slice(text)?;
        let mut prices = HashMap::new();
        for (model, entry) in entries {
            let Ok(entry) = Entry::deserialize(entry) else { continue };
            if entry.input_cost_per_token.is_none() && entry.output_cost_per_token.is_none() {
                continue;
            }
            #[allow(clippy::needless_update, reason = "prices grow in the filter first")]
            let price = Price {
                input_cost_per_token: entry.input_cost_per_token.unwrap_or_default(),
                output_cost_per_token: entry.output_cost_per_token.unwrap_or_default(),
                cache_read_input_token_cost: entry.cache_read_input_token_cost,
                cache_creation_input_token_cost: entry.cache_creation_input_token_cost,
                output_cost_per_reasoning_token: entry.output_cost_per_reasoning_token,
                ..Price::default()
            };
            prices.insert(model, price);
        }
        Ok(Self(prices))
    }

    /// What this usage of a model costs; `None` when its price is not known. A model is known by its name, with its
    /// provider before it or without.
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<Picodollars> {
        let bare = model.split_once('/').map(|(_, model)| model);
        let price = self.0.get(model).or_else(|| self.0.get(bare?))?;
        Some(Picodollars::reported(cost(price, usage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_costs_what_the_file_says() {
        let file = br#"{
            "sample_spec": {"input_cost_per_token": "a number", "mode": "chat"},
            "gpt-4o": {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "max_tokens": 16384,
                       "cache_read_input_token_cost": 1.25e-06, "litellm_provider": "openai"},
            "dall-e-3": {"output_cost_per_image": 0.04}
        }"#;
        let prices = Prices::parse(file).unwrap();
        let usage = Usage { prompt: 1000, cached: 400, completion: 100, ..Usage::default() };
        assert_eq!(prices.cost("gpt-4o", &usage), Some(Picodollars::from_usd(0.003)));
        assert_eq!(prices.cost("openai/gpt-4o", &usage), Some(Picodollars::from_usd(0.003)));
        for unknown in ["gpt-5", "dall-e-3", "sample_spec"] {
            assert_eq!(prices.cost(unknown, &usage), None, "{unknown}");
        }
    }
}
