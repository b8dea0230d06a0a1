//! Prices.

use std::borrow::Cow;

use serde::Serialize;

use super::UnitPrice;
use crate::json::{fields, leaves};

/// The price of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelPrice {
    /// The model, with or without its provider's prefix.
    pub model: String,
    /// Its price.
    pub price: Price,
}
fields!(strict ModelPrice { model, price; "model", "price" });

/// US dollars per token, under the names of `LiteLLM`'s price map.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Price {
    /// Prompt tokens.
    pub input_cost_per_token: f64,
    /// Completion tokens.
    pub output_cost_per_token: f64,
    /// Prompt tokens read from a cache; if absent, the input price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_input_token_cost: Option<f64>,
    /// Prompt tokens written to a cache; if absent, the input price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_input_token_cost: Option<f64>,
    /// Prompt tokens written to a cache for an hour; if absent, the price of other cache-written tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_input_token_cost_above_1hr: Option<f64>,
    /// Reasoning tokens; if absent, the output price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_cost_per_reasoning_token: Option<f64>,
    /// Audio prompt tokens; if absent, the input price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cost_per_audio_token: Option<f64>,
    /// Audio completion tokens; if absent, the output price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_cost_per_audio_token: Option<f64>,
    /// Tokens of images in the completion; if absent, the output price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_cost_per_image_token: Option<f64>,
    /// A web search by the provider, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_cost: Option<f64>,
    /// A search with context size `low`; if absent, [`Self::search_cost`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_cost_low: Option<f64>,
    /// A search with context size `high`; if absent, [`Self::search_cost`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_cost_high: Option<f64>,
    /// The provider charges per query instead of per search (`web_search_billing_unit`).
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub search_per_query: bool,
    /// A factor for tokens that are processed in the United States only (`provider_specific_entry.us`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub us_factor: Option<f64>,
    /// The operator has set these prices: they apply even if the provider reports its charge.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub custom: bool,
    /// Prices for long prompts and other service tiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Prices by other units than tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<UnitPrice>,
}

fields!(strict Price {
    input_cost_per_token, output_cost_per_token, cache_read_input_token_cost,
    cache_creation_input_token_cost, cache_creation_input_token_cost_above_1hr,
    output_cost_per_reasoning_token, input_cost_per_audio_token, output_cost_per_audio_token, output_cost_per_image_token, search_cost,
    search_cost_low, search_cost_high, search_per_query, us_factor, custom, tiers, units
});

/// How much context a web search returns (`search_context_size`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchSize {
    /// `low`
    Low,
    /// `medium`
    #[default]
    Medium,
    /// `high`
    High,
}

impl SearchSize {
    /// A size by name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "low" => Some(Self::Low),
            "medium" => Some(Self::Medium),
            "high" => Some(Self::High),
            _ => None,
        }
    }
}

/// Service tiers (`service_tier`) with separate prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceTier {
    /// The default.
    #[default]
    Standard,
    /// Cheaper and slower.
    Flex,
    /// More expensive and faster.
    Priority,
    /// Anthropic's `speed: "fast"`, which its priority tier does not include.
    Fast,
}

impl ServiceTier {
    /// A tier by name; `None` for names that leave the choice to the provider.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "default" | "standard" => Some(Self::Standard),
            "flex" => Some(Self::Flex),
            "priority" => Some(Self::Priority),
            "fast" => Some(Self::Fast),
            _ => None,
        }
    }

    /// The suffix of price names in the price map.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Standard => "",
            Self::Flex => "_flex",
            Self::Priority => "_priority",
            Self::Fast => "_fast",
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde's skip_serializing_if requires"
    )]
    fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}

leaves! {
    ServiceTier: ServiceTier::Standard, |token| ServiceTier::named(token.get().trim_matches('"')), "a service tier";
}

/// Prices of a request with a longer prompt or another service tier; absent prices are unchanged.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tier {
    /// Minimum prompt tokens (exclusive), including cached ones.
    pub above_tokens: u64,
    /// The service tier.
    #[serde(skip_serializing_if = "ServiceTier::is_standard")]
    pub service: ServiceTier,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cost_per_token: Option<f64>,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_cost_per_token: Option<f64>,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_input_token_cost: Option<f64>,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_input_token_cost: Option<f64>,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_input_token_cost_above_1hr: Option<f64>,
}

fields!(strict Tier {
    above_tokens, service, cache_creation_input_token_cost_above_1hr, input_cost_per_token, output_cost_per_token, cache_read_input_token_cost,
    cache_creation_input_token_cost
});

impl Price {
    /// All known prices, by their names in the price map.
    pub fn named(&self) -> Vec<(Cow<'static, str>, f64)> {
        let mut named: Vec<(Cow<'static, str>, f64)> = vec![
            ("input_cost_per_token".into(), self.input_cost_per_token),
            ("output_cost_per_token".into(), self.output_cost_per_token),
        ];
        for (name, rate) in [
            ("cache_read_input_token_cost", self.cache_read_input_token_cost),
            ("cache_creation_input_token_cost", self.cache_creation_input_token_cost),
            ("cache_creation_input_token_cost_above_1hr", self.cache_creation_input_token_cost_above_1hr),
            ("output_cost_per_reasoning_token", self.output_cost_per_reasoning_token),
            ("input_cost_per_audio_token", self.input_cost_per_audio_token),
            ("output_cost_per_audio_token", self.output_cost_per_audio_token),
            ("output_cost_per_image_token", self.output_cost_per_image_token),
        ] {
            named.extend(rate.map(|rate| (name.into(), rate)));
        }
        named.extend(self.units.iter().flat_map(UnitPrice::named).map(|(name, rate)| (name.into(), rate)));
        for tier in &self.tiers {
            for (name, rate) in [
                ("input_cost_per_token", tier.input_cost_per_token),
                ("output_cost_per_token", tier.output_cost_per_token),
                ("cache_read_input_token_cost", tier.cache_read_input_token_cost),
                ("cache_creation_input_token_cost", tier.cache_creation_input_token_cost),
                ("cache_creation_input_token_cost_above_1hr", tier.cache_creation_input_token_cost_above_1hr),
            ] {
                let Some(rate) = rate else { continue };
                let above = match tier.above_tokens / 1000 {
                    0 => String::new(),
                    thousands => format!("_above_{thousands}k_tokens"),
                };
                named.push(([name, &above, tier.service.suffix()].concat().into(), rate));
            }
        }
        named
    }
}

impl Tier {
    /// Overrides prices with those of another.
    pub fn take(&mut self, other: &Self) {
        self.input_cost_per_token = other.input_cost_per_token.or(self.input_cost_per_token);
        self.output_cost_per_token = other.output_cost_per_token.or(self.output_cost_per_token);
        self.cache_read_input_token_cost =
            other.cache_read_input_token_cost.or(self.cache_read_input_token_cost);
        self.cache_creation_input_token_cost =
            other.cache_creation_input_token_cost.or(self.cache_creation_input_token_cost);
        self.cache_creation_input_token_cost_above_1hr = other
            .cache_creation_input_token_cost_above_1hr
            .or(self.cache_creation_input_token_cost_above_1hr);
    }
}
