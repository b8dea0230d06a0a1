//! What models cost, for `/spend/calculate`. The filter has its own prices, from the launcher, for what it bills.
//!
//! The built-in map, and a file in its format over it: `--prices` names the file.

use std::fs;
use std::io;
use std::path::Path;

use switchboard::facts::Usage;
use switchboard::price::cost;
use switchboard::price_map::PriceMap;

use crate::money::Picodollars;

/// The name of the file in the data directory.
pub const FILE: &str = "model_prices.json";

/// Prices by model.
#[derive(Debug, Default)]
pub struct Prices(PriceMap);

impl Prices {
    /// Reads a file over what is built in; one that is not there changes nothing.
    pub fn load(path: &Path) -> io::Result<Self> {
        let mut prices = PriceMap::built_in();
        match fs::read(path) {
            Ok(file) => prices.extend(PriceMap::parse(&file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self(prices))
    }

    /// Reads the text of a file, with nothing under it.
    pub fn parse(text: &[u8]) -> serde_json::Result<Self> {
        PriceMap::parse(text).map(Self)
    }

    /// What this usage of a model costs; `None` when its price is not known. A model is known by its name, with its
    /// provider before it or without.
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
