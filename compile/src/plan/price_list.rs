//! The prices of models that only responses name, and the deployments whose price is not known.

use std::collections::BTreeMap;

use switchboard::config::{ModelPrice, Price};
use switchboard::price_map::PriceMap;
use switchboard::providers;

use super::deployments::{Deployment, Target};
use crate::config::Report;
use crate::config::yaml::Location;

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
