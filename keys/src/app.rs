//! The state that all handlers share.

use std::sync::Arc;

use crate::google::Tokens;
use crate::media::Media;
use crate::metrics::Metrics;
use crate::prices::Prices;
use crate::secret::Secret;
use crate::store::Store;

/// The service's state. Clones share it.
#[derive(Clone, Debug)]
pub struct App {
    /// Keys, spend and changes.
    pub store: Store,
    /// The master key, which has full access.
    pub master_key: Secret,
    /// The filter's token for the internal port.
    pub internal_token: Secret,
    /// Access tokens for the filter.
    pub tokens: Tokens,
    /// Fetches media by URL.
    pub media: Media,
    /// Prices of models.
    pub prices: Arc<Prices>,
    /// Metrics.
    pub metrics: Metrics,
    /// Whether /metrics needs no authentication.
    pub open_metrics: bool,
    /// Whether a row is written for each request (`disable_spend_logs`); spend is counted either way.
    pub spend_log: bool,
}
