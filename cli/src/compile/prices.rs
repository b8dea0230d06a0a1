//! What deployments cost, and which of them nobody can tell.

use std::collections::BTreeMap;

use switchboard::config::{ModelPrice, Price};
use switchboard::price_map::PriceMap;
use switchboard::providers::{self, Provider};

use super::deployments::{Deployment, Target};
use crate::config::yaml::Location;
use crate::config::{Model, Report};

/// A deployment whose price is not known.
#[derive(Clone, Debug)]
pub struct Unpriced {
    at: Location,
    message: String,
    help: &'static str,
}

impl Unpriced {
    /// Warns of it.
    pub fn report(&self, report: &Report) {
        report.warning(self.at, self.message.clone(), Some(self.help.to_owned()));
    }
}

/// The entry's own prices, or those of the model that it is: `base_model`, `provider/model` or `model`. None where the
/// model is only known from a request or a response.
pub(super) fn of(
    model: &Model,
    provider: &Provider,
    upstream_model: &str,
    prices: &PriceMap,
) -> Option<Price> {
    let [input, output, cache_read, cache_creation, reasoning, cache_1h, audio_heard, audio_said] =
        model.rates;
    if model.rates.iter().all(Option::is_none) {
        let by_base = model.base_model.as_deref().and_then(|base| prices.price(base));
        if let Some(price) = by_base {
            return Some(Price { custom: true, ..price.clone() });
        }
        return prices.price(&format!("{}/{upstream_model}", provider.name)).cloned();
    }
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
        ..Price::default()
    })
}

/// The prices of all models that deployments without a price may turn out to serve, each once; and the deployments of
/// which nobody can tell.
pub(super) fn compile(deployments: &[Deployment], prices: &PriceMap) -> (Vec<ModelPrice>, Vec<Unpriced>) {
    let mut listed = BTreeMap::new();
    let mut unpriced = Vec::new();
    for Deployment { document, target, entry, .. } in deployments {
        if document.price.is_some() || *target == Some(Target::Itself) {
            continue;
        }
        let Some(provider) = providers::find(&document.provider) else { continue };
        let before = listed.len();
        listed.extend(prices.offered(provider.name, provider.dialect.name()));
        let has_offers =
            listed.len() > before || prices.offered(provider.name, provider.dialect.name()).next().is_some();
        if document.model.contains('*') && has_offers {
            continue;
        }
        let what = format!("{}: no price found for {}/{}", entry.value, document.provider, document.model);
        let comes = if has_offers {
            "requests cost the price of the model that the response names, or 0 if it has no price either"
        } else {
            "requests cost 0, and budgets do not limit them"
        };
        unpriced.push(Unpriced {
            at: entry.at,
            message: format!("{what}: {comes}"),
            help: "set `base_model` in model_info, or `input_cost_per_token` and `output_cost_per_token` (0 if it is \
                   free), or pass a price map with --prices",
        });
    }
    let listed = listed.into_iter();
    let price = |(model, price): (&str, &Price)| ModelPrice { model: model.to_owned(), price: price.clone() };
    (listed.map(price).collect(), unpriced)
}
