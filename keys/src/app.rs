//! The state that all handlers share.

use std::sync::Arc;

use crate::control::Control;
use crate::credentials::Broker;
use crate::defaults::Defaults;
use crate::envoys::Envoys;
use crate::login_attempts::Attempts;
use crate::media::Media;
use crate::metrics::Metrics;
use crate::prices::Prices;
use crate::secret::HashedSecret;
use crate::sso;
use crate::store::Store;

/// The service's state. Clones share it.
#[derive(Clone, Debug)]
pub struct App {
    /// Keys, spend and changes.
    pub store: Store,
    /// The master key, which has full access.
    pub master_key: HashedSecret,
    /// The filter's token for the internal port.
    pub internal_token: HashedSecret,
    /// Providers' credentials for the filter.
    pub credentials: Broker,
    /// Envoy's configuration.
    pub control: Control,
    /// Fetches media by URL.
    pub media: Media,
    /// Prices of models.
    pub prices: Arc<Prices>,
    /// Fields of new keys, users and teams.
    pub defaults: Arc<Defaults>,
    /// Metrics.
    pub metrics: Metrics,
    /// Whether /metrics needs no authentication.
    pub open_metrics: bool,
    /// Whether a row is written for each request (`disable_spend_logs`); spend is counted either way.
    pub spend_log: bool,
    /// Whether changes are recorded in the audit log (`store_audit_logs`).
    pub audit_log: bool,
    /// Address at which this service reaches the gateway, for the playground of browsers without JavaScript.
    pub gateway: Option<String>,
    /// What Envoys say about deployments.
    pub envoys: Envoys,
    /// How people log in to the console with a provider, if they can.
    pub sso: Option<Arc<sso::Settings>>,
    /// Failed logins to the console.
    pub attempts: Attempts,
}
