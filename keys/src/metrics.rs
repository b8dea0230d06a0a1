//! The service's metrics for Prometheus.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::credentials::Status;
use crate::usage_metrics::UsageMetrics;

/// All counters. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    duration: Family<PathLabels, Histogram>,
    media: Family<MediaLabels, Counter>,
    /// Usage batches recorded.
    pub batches: Counter,
    /// Duplicate usage batches ignored.
    pub repeated_batches: Counter,
    /// Requests in recorded usage batches.
    pub usage: Counter,
    /// Lease requests from filters.
    pub leases: Counter,
    /// Lease requests that could not be granted in full.
    pub short_leases: Counter,
    /// Key verifications served from the cache.
    pub verify_hits: Counter,
    /// Key verifications that queried the database.
    pub verify_misses: Counter,
    /// Key cache resets of filters.
    pub resets: Counter,
    /// Envoy's configuration.
    pub discovery: Discovery,
    /// Usage of models.
    pub used: UsageMetrics,
    credentials: Family<CredentialLabels, Gauge>,
    credential_expiry: Family<NameLabels, Gauge>,
    credential_failures: Family<NameLabels, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CredentialLabels {
    credential: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NameLabels {
    credential: String,
}

/// Metrics of Envoy's configuration. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// 1 if the latest configuration is valid, 0 if an older one is used because of an error.
    pub valid: Gauge,
    /// Envoys that fetch their configuration here.
    pub envoys: Gauge,
    /// 1 if an Envoy has rejected the latest configuration.
    pub rejecting: Gauge,
    rejections: Family<ResourceLabels, Counter>,
}

impl Discovery {
    /// Counts a rejection of resources of this type.
    pub fn rejection(&self, resource: &'static str) {
        self.rejections.get_or_create(&ResourceLabels { resource }).inc();
    }

    fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        registry.register(
            "configuration_valid",
            "1 if the latest configuration is valid; 0 if an older one is used because of an error",
            own.valid.clone(),
        );
        registry.register("envoys", "Envoys that fetch their configuration here", own.envoys.clone());
        registry.register(
            "configuration_rejected",
            "1 if an Envoy has rejected the latest configuration",
            own.rejecting.clone(),
        );
        registry.register(
            "discovery_rejections",
            "Resources that Envoys have rejected, by type",
            own.rejections.clone(),
        );
        own
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResourceLabels {
    resource: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    path: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct MediaLabels {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PathLabels {
    path: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::default();
        let used = UsageMetrics::register(&mut all);
        let registry = all.sub_registry_with_prefix("switchboard_keys");
        let requests = Family::default();
        registry.register("requests", "HTTP requests, by path and status", requests.clone());
        let duration = Family::<PathLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.0001, 4.0, 9))
        });
        registry.register(
            "request_duration_seconds",
            "Request latency in seconds, by path",
            duration.clone(),
        );
        let media = Family::default();
        registry.register("media", "URLs of media that were requested, by result", media.clone());
        let discovery = Discovery::register(registry);
        let credentials = Family::default();
        registry.register(
            "credential",
            "Providers' credentials by state (ok, stale, pending, missing)",
            credentials.clone(),
        );
        let credential_expiry = Family::default();
        registry.register(
            "credential_expiry_timestamp_seconds",
            "When a credential expires, Unix time",
            credential_expiry.clone(),
        );
        let credential_failures = Family::default();
        registry.register(
            "credential_failures",
            "Attempts to fetch a credential that failed since the last one that did not",
            credential_failures.clone(),
        );
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let batches = counter("usage_batches", "Usage batches recorded");
        let repeated_batches = counter("usage_batches_duplicate", "Duplicate usage batches ignored");
        let usage = counter("usage_requests", "Requests in recorded usage batches");
        let leases = counter("lease_requests", "Lease requests from filters");
        let short_leases =
            counter("lease_requests_unmet", "Lease requests that could not be granted in full");
        let verify_hits = counter("verify_cache_hits", "Key verifications served from the cache");
        let verify_misses = counter("verify_cache_misses", "Key verifications that queried the database");
        let resets = counter("key_cache_resets", "Key cache resets of filters");
        Self {
            registry: Arc::new(all),
            requests,
            duration,
            media,
            batches,
            repeated_batches,
            usage,
            leases,
            short_leases,
            verify_hits,
            verify_misses,
            resets,
            discovery,
            used,
            credentials,
            credential_expiry,
            credential_failures,
        }
    }
}

impl Metrics {
    /// Describes the providers' credentials as they are now.
    fn describe(&self, statuses: Vec<Status>) {
        self.credentials.clear();
        self.credential_expiry.clear();
        self.credential_failures.clear();
        for Status { name: credential, state, expires_at, failures, .. } in statuses {
            let labels = CredentialLabels { credential: credential.clone(), state: state.name() };
            self.credentials.get_or_create(&labels).set(1);
            let labels = NameLabels { credential };
            if let Some(expires_at) = expires_at {
                let expiry = self.credential_expiry.get_or_create(&labels);
                expiry.set(i64::try_from(expires_at).unwrap_or(i64::MAX));
            }
            let count = self.credential_failures.get_or_create(&labels);
            count.set(i64::try_from(failures).unwrap_or(i64::MAX));
        }
    }

    /// Counts a request under the template of its path, so that ids do not become labels.
    pub fn request(&self, path: &str, status: u16, took: Duration) {
        let labels = PathLabels { path: path.to_owned() };
        self.duration.get_or_create(&labels).observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { path: labels.path, status }).inc();
    }

    /// All metrics in the `OpenMetrics` text format, with the providers' credentials as they are now.
    pub fn text(&self, credentials: Vec<Status>) -> Result<String, fmt::Error> {
        self.describe(credentials);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Counts a client's URL by result.
    pub fn media(&self, result: &'static str) {
        self.media.get_or_create(&MediaLabels { result }).inc();
    }
}
