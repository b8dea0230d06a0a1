//! Prices of models for `/spend/calculate`. The filter bills with its own prices, which it gets from the
//! launcher.
//!
//! The built-in price map, overridden by a file in the same format (`--prices`).

use std::fs;
use std::io;
use std::path::Path;

use switchboard::facts::Usage;
use switchboard::price::cost;
use switchboard::price_map::PriceMap;

use crate::money::Picodollars;

/// Default name of the file in the data directory.
pub const FILE: &str = "model_prices.json";

/// Prices by model.
#[derive(Debug, Default)]
pub struct Prices(PriceMap);

impl Prices {
    /// Reads a file that overrides the built-in prices; a missing file is ignored.
    pub fn load(path: &Path) -> io::Result<Self> {
        let mut prices = PriceMap::built_in();
        match fs::read(path) {
            Ok(file) => prices.extend(PriceMap::parse(&file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self(prices))
    }

    /// All prices.
    pub fn map(&self) -> &PriceMap {
        &self.0
    }

    /// Parses a file, without the built-in prices.
    pub fn parse(text: &[u8]) -> serde_json::Result<Self> {
        PriceMap::parse(text).map(Self)
    }

    /// The cost of a model's usage; `None` if its price is unknown. Models are known by their names, with or
    /// without the provider's prefix.
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<Picodollars> {
        Some(Picodollars::reported(cost(self.0.price(model)?, usage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_costs_what_the_file_says_and_else_what_is_built_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let usage = Usage { prompt: 1000, cached: 400, completion: 100, ..Usage::default() };
        let built_in = Prices::load(&path).unwrap();
        assert_eq!(built_in.cost("openai/gpt-4o", &usage), Some(Picodollars::from_usd(0.003)));
        fs::write(&path, br#"{"gpt-4o": {"input_cost_per_token": 1e-06}}"#).unwrap();
        let own = Prices::load(&path).unwrap();
        assert_eq!(own.cost("gpt-4o", &usage), Some(Picodollars::from_usd(0.001)));
        assert_eq!(own.cost("no-such-model", &usage), None);
    }
}
