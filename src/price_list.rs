//! Prices of models that are only named by a request or a response: those served by a wildcard, and those
//! behind an operator's own deployment name.

use crate::config::{ModelPrice, Price};

/// Prices by model, sorted by name. All deployments of a table share the list.
#[derive(Debug, Default)]
pub struct PriceList(Vec<ModelPrice>);

impl PriceList {
    /// Creates a list from a document's prices.
    pub fn new(mut prices: Vec<ModelPrice>) -> Self {
        prices.sort_unstable_by(|a, b| a.model.cmp(&b.model));
        Self(prices)
    }

    /// Whether no model has a price.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The index of a provider's model: under its name with the provider's prefix, or under its name alone.
    pub fn find(&self, provider: &str, model: &str) -> Option<usize> {
        if self.0.is_empty() {
            return None;
        }
        let at = |name: &str| self.0.binary_search_by(|listed| (*listed.model).cmp(name)).ok();
        let named = |model: &str| at(&[provider, "/", model].concat()).or_else(|| at(model));
        named(model).or_else(|| named(undated(model)?))
    }

    /// The price at an index.
    pub fn get(&self, at: usize) -> Option<&Price> {
        self.0.get(at).map(|listed| &listed.price)
    }
}

/// A model's name without its date suffix (`-2024-08-06`, `-20250929`). Vendors return dated names, which
/// price lists often lack.
fn undated(model: &str) -> Option<&str> {
    ["-0000-00-00", "-00000000"].into_iter().find_map(|form| {
        let (name, date) = model.split_at_checked(model.len().checked_sub(form.len())?)?;
        let fits = |(c, form): (u8, u8)| if form == b'0' { c.is_ascii_digit() } else { c == form };
        (!name.is_empty() && date.bytes().zip(form.bytes()).all(fits)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_version_is_taken_off_and_nothing_else() {
        assert_eq!(undated("gpt-4o-2024-08-06"), Some("gpt-4o"));
        assert_eq!(undated("claude-sonnet-4-20250514"), Some("claude-sonnet-4"));
        assert_eq!(undated("gpt-4o"), None);
        assert_eq!(undated("gpt-5"), None);
        assert_eq!(undated("-2024-08-06"), None);
    }

    #[test]
    fn a_providers_own_price_goes_before_that_of_the_bare_name() {
        let listed = |model: &str, rate| ModelPrice {
            model: model.to_owned(),
            price: Price { input_cost_per_token: rate, ..Price::default() },
        };
        let list = PriceList::new(vec![listed("m", 1.0), listed("azure/m", 2.0), listed("a", 3.0)]);
        let rate =
            |provider, model| Some(list.get(list.find(provider, model)?)?.input_cost_per_token.to_string());
        assert_eq!(rate("azure", "m").as_deref(), Some("2"));
        assert_eq!(rate("openai", "m").as_deref(), Some("1"));
        assert_eq!(rate("openai", "n"), None);
    }
}
