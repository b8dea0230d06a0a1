//! What every handler may use.

use std::sync::Arc;

use crate::google::Tokens;
use crate::media::Media;
use crate::metrics::Metrics;
use crate::prices::Prices;
use crate::secret::Secret;
use crate::store::Store;

/// The service's state; a clone is another handle on the same.
#[derive(Clone, Debug)]
pub struct App {
    /// Keys, spend, changes.
    pub store: Store,
    /// Whoever presents it may do everything.
    pub master_key: Secret,
    /// The filter's ticket to the internal port.
    pub internal_token: Secret,
    /// Access tokens for the filter.
    pub tokens: Tokens,
    /// Files that clients' URLs lead to.
    pub media: Media,
    /// What models cost.
    pub prices: Arc<Prices>,
    /// What happened so far.
    pub metrics: Metrics,
    /// Whether anybody may read that.
    pub open_metrics: bool,
    /// Whether a row is kept for each request (`disable_spend_logs`); spend is counted either way.
    pub spend_log: bool,
}
