//! Facts about models in `LiteLLM`'s price map, other than prices: provider, windows, capabilities.
//!
//! Used by the launcher and the key service, like [`crate::price_map`], which reads the same file.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::providers;

/// What is known about a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// `litellm_provider`, as the prefix used in `litellm_params.model`.
    pub provider: String,
    /// `mode`: `chat`, `embedding` …
    pub mode: Option<String>,
    /// `max_input_tokens`
    pub max_input_tokens: Option<u64>,
    /// `max_output_tokens`, or `max_tokens` if it is absent.
    pub max_output_tokens: Option<u64>,
    /// The names of the `supports_*` fields that are true.
    pub supports: Vec<String>,
}

/// Models by their names in the price map, with or without their provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelMap(BTreeMap<String, About>);

impl ModelMap {
    /// Reads the entries of a price map. Entries without a provider are not models, nor those of an image's size.
    pub(crate) fn of(entries: &HashMap<String, Value>) -> Self {
        let models = entries.iter().filter(|(name, _)| !name.contains("-x-"));
        Self(models.filter_map(|(name, entry)| Some((name.clone(), About::of(entry)?))).collect())
    }

    /// Adds the entries of another map, which override existing ones.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// What is known about a provider's model.
    pub fn about(&self, provider: &str, model: &str) -> Option<&About> {
        self.0.get(&format!("{provider}/{model}")).or_else(|| self.0.get(model))
    }

    /// The names of a provider's models, sorted, including those listed with the provider's prefix.
    pub fn names<'m>(&'m self, provider: &'m str) -> impl Iterator<Item = &'m str> {
        self.0.iter().filter(move |(_, about)| about.provider == provider).map(|(name, _)| name.as_str())
    }
}

impl About {
    fn of(entry: &Value) -> Option<Self> {
        let number = |name: &str| entry.get(name).and_then(Value::as_u64);
        let supports = entry
            .as_object()?
            .iter()
            .filter(|(name, value)| name.starts_with("supports_") && **value == Value::Bool(true));
        Some(Self {
            provider: provider(entry.get("litellm_provider")?.as_str()?).to_owned(),
            mode: entry.get("mode").and_then(Value::as_str).map(str::to_owned),
            max_input_tokens: number("max_input_tokens"),
            max_output_tokens: number("max_output_tokens").or_else(|| number("max_tokens")),
            supports: supports.map(|(name, _)| name.clone()).collect(),
        })
    }
}

/// The provider's row. For some providers, the map distinguishes kinds of models by a suffix.
fn provider(name: &str) -> &str {
    let is_kind_of = |row: &&str| {
        name.strip_prefix(*row).is_some_and(|kind| kind.is_empty() || kind.starts_with(['_', '-']))
    };
    providers::names().filter(is_kind_of).max_by_key(|row| row.len()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use crate::price_map::PriceMap;

    #[test]
    fn the_map_tells_whose_a_model_is_and_what_it_can_do() {
        let map = PriceMap::parse(
            br#"{
            "m-1": {"litellm_provider": "openai", "mode": "chat", "max_tokens": 7, "max_input_tokens": 9,
                    "supports_vision": true, "supports_reasoning": false},
            "azure/m-1": {"litellm_provider": "azure", "mode": "chat"},
            "g": {"litellm_provider": "vertex_ai-language-models"},
            "sample_spec": {"mode": "chat"}}"#,
        )
        .unwrap();
        let about = map.models().about("openai", "m-1").unwrap();
        assert_eq!((about.max_input_tokens, about.max_output_tokens), (Some(9), Some(7)));
        assert_eq!(about.supports, ["supports_vision"]);
        assert_eq!(map.models().names("azure").collect::<Vec<_>>(), ["azure/m-1"]);
        assert_eq!(map.models().names("vertex_ai").collect::<Vec<_>>(), ["g"]);
        assert!(map.models().about("", "sample_spec").is_none());
    }
}
