//! Usage metrics for Prometheus, under the names that `LiteLLM`'s dashboards use and under OpenTelemetry's
//! for generative AI. They are computed from usage batches when those are recorded, so each request is
//! counted exactly once, and serving requests costs nothing extra.
//!
//! Names: `LiteLLM`'s documentation of its `/metrics`;
//! <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/> as Prometheus names (dots become
//! underscores, the unit is a suffix).

mod labels;
mod series;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use switchboard::key::{KeyRecord, TokenHash, UsageBatch, UsageEntry, UsageGroup};

use labels::{GenAi, Labels, Model, Outcome, Payer, TokenUsage, WithStatus};
use series::Series;

/// Maximum number of label sets of counters. Further ones are counted as `other`, so that creating keys
/// cannot exhaust the memory of this process or of Prometheus.
const MOST_SETS: usize = 5_000;

/// Maximum number of models, because a wildcard group lets clients use any name.
const MOST_MODELS: usize = 500;

/// Maximum number of keys whose names are cached.
const MOST_KEYS: usize = 10_000;

/// How long a cached key name is used.
const RENAMED_AFTER: Duration = Duration::from_secs(10);

type Money = Counter<f64, AtomicU64>;

/// All usage metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct UsageMetrics {
    total: Family<WithStatus, Counter>,
    failed: Family<WithStatus, Counter>,
    requests: Family<Labels, Counter>,
    spend: Family<Labels, Money>,
    tokens: Family<Labels, Counter>,
    input: Family<Labels, Counter>,
    output: Family<Labels, Counter>,
    cached: Family<Labels, Counter>,
    cache_write: Family<Labels, Counter>,
    reasoning: Family<Labels, Counter>,
    latency: Family<Model, Histogram>,
    first_token: Family<Model, Histogram>,
    token_usage: Family<TokenUsage, Histogram>,
    duration: Family<Outcome, Histogram>,
    time_to_first_token: Family<GenAi, Histogram>,
    time_per_output_token: Family<GenAi, Histogram>,
    seen: Arc<Mutex<Seen>>,
}

/// The label values seen so far.
#[derive(Debug, Default)]
struct Seen {
    names: HashMap<TokenHash, (Instant, Arc<Payer>)>,
    sets: HashSet<Labels>,
    models: HashSet<Model>,
}

/// The buckets that OpenTelemetry recommends for each metric.
fn token_buckets() -> Histogram {
    Histogram::new((0..14).map(|power| 4_f64.powi(power)))
}

fn duration_buckets() -> Histogram {
    Histogram::new((0..14).map(|power| 0.01 * 2_f64.powi(power)))
}

fn first_token_buckets() -> Histogram {
    Histogram::new([
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    ])
}

fn per_token_buckets() -> Histogram {
    Histogram::new([0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5])
}

/// A subset of `LiteLLM`'s latency buckets, seconds.
fn latency_buckets() -> Histogram {
    Histogram::new([
        0.005, 0.0125, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0,
        30.0, 60.0, 120.0, 180.0, 240.0, 300.0,
    ])
}

impl UsageMetrics {
    /// Creates the metrics and registers them in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            total: Family::default(),
            failed: Family::default(),
            requests: Family::default(),
            spend: Family::default(),
            tokens: Family::default(),
            input: Family::default(),
            output: Family::default(),
            cached: Family::default(),
            cache_write: Family::default(),
            reasoning: Family::default(),
            latency: Family::new_with_constructor(latency_buckets),
            first_token: Family::new_with_constructor(latency_buckets),
            token_usage: Family::new_with_constructor(token_buckets),
            duration: Family::new_with_constructor(duration_buckets),
            time_to_first_token: Family::new_with_constructor(first_token_buckets),
            time_per_output_token: Family::new_with_constructor(per_token_buckets),
            seen: Arc::default(),
        };
        let m = metrics.clone();
        let litellm = registry.sub_registry_with_prefix("litellm");
        litellm.register(
            "proxy_total_requests_metric",
            "Requests, including rejected ones, by status code",
            m.total,
        );
        litellm.register("proxy_failed_requests_metric", "Failed requests, by status code", m.failed);
        litellm.register("requests_metric", "Admitted requests", m.requests);
        litellm.register("spend_metric", "Spend in US dollars", m.spend);
        litellm.register("total_tokens_metric", "Prompt and completion tokens", m.tokens);
        litellm.register("input_tokens_metric", "Prompt tokens", m.input);
        litellm.register("output_tokens_metric", "Completion tokens", m.output);
        litellm.register("input_cached_tokens_metric", "Prompt tokens read from a cache", m.cached);
        litellm.register(
            "input_cache_creation_tokens_metric",
            "Prompt tokens written to a cache",
            m.cache_write,
        );
        litellm.register("output_reasoning_tokens_metric", "Reasoning tokens", m.reasoning);
        litellm.register("request_total_latency_metric", "Total request latency in seconds", m.latency);
        litellm.register(
            "llm_api_time_to_first_token_metric",
            "Time to the first streamed token in seconds",
            m.first_token,
        );
        let gen_ai = registry.sub_registry_with_prefix("gen_ai");
        gen_ai.register("client_token_usage", "Tokens per request, by type", m.token_usage);
        gen_ai.register("server_request_duration_seconds", "Request duration in seconds", m.duration);
        gen_ai.register(
            "server_time_to_first_token_seconds",
            "Time to the first streamed token in seconds",
            m.time_to_first_token,
        );
        gen_ai.register(
            "server_time_per_output_token_seconds",
            "Time per output token after the first, in seconds",
            m.time_per_output_token,
        );
        metrics
    }

    /// The keys whose names must be looked up before [`Self::count`].
    pub fn unnamed(&self, tokens: &[TokenHash]) -> Vec<TokenHash> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |token: &TokenHash| {
            seen.names.get(token).is_none_or(|(since, _)| since.elapsed() > RENAMED_AFTER)
        };
        tokens.iter().copied().filter(is_old).collect()
    }

    /// Caches the names of keys.
    pub fn name(&self, records: &HashMap<TokenHash, KeyRecord>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.names.len() + records.len() > MOST_KEYS {
            seen.names.clear();
        }
        let now = Instant::now();
        seen.names.extend(
            records.iter().map(|(token, key)| (*token, (now, Arc::new(Payer::of(*token, Some(key)))))),
        );
    }

    /// Counts a batch that was just recorded.
    pub fn count(&self, batch: &UsageBatch) {
        let mut series: HashMap<(UsageGroup, u16), Series<'_>> = HashMap::new();
        for (group, entry) in batch.grouped() {
            let new = || Series::new(self, self.labels(&entry), entry.status);
            series.entry((group, entry.status)).or_insert_with(new).add(&entry);
        }
        series.into_values().for_each(Series::count);
    }

    /// The labels of an entry, or the overflow labels.
    fn labels(&self, entry: &UsageEntry<'_>) -> Labels {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut model = Model::of(entry);
        if !seen.models.contains(&model) {
            if seen.models.len() < MOST_MODELS {
                seen.models.insert(model.clone());
            } else {
                model = Model::other();
            }
        }
        let payer = match entry.token {
            None => Payer::master(),
            Some(token) => match seen.names.get(&token) {
                Some((_, payer)) => Payer::clone(payer),
                None => Payer::of(token, None),
            },
        };
        let labels = Labels { payer, model };
        if seen.sets.contains(&labels) {
            return labels;
        }
        if seen.sets.len() < MOST_SETS {
            seen.sets.insert(labels.clone());
            return labels;
        }
        Labels { payer: Payer::other(), ..labels }
    }
}

fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}

/// Counts of tokens are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(model: &str, token: Option<TokenHash>) -> UsageEntry<'static> {
        UsageEntry { model: format!("openai/{model}").into(), token, requests: 1, ..UsageEntry::default() }
    }

    #[test]
    fn whoever_makes_keys_without_end_makes_no_labels_without_end() {
        let metrics = UsageMetrics::register(&mut Registry::default());
        let keys = (0..MOST_SETS + 10).map(|i| TokenHash::of(format!("sk-{i}").as_bytes()));
        let entries: Vec<_> = keys.map(|token| entry("gpt-4o", Some(token))).collect();
        metrics.count(&UsageBatch::of("b", entries.iter().cloned()));
        assert_eq!(metrics.seen.lock().unwrap().sets.len(), MOST_SETS);
        let other = Labels { payer: Payer::other(), model: Model::of(&entries[0]) };
        assert_eq!(metrics.requests.get_or_create(&other).get(), 10);
    }

    #[test]
    fn whoever_names_models_without_end_makes_no_labels_without_end() {
        let metrics = UsageMetrics::register(&mut Registry::default());
        let entries: Vec<_> = (0..MOST_MODELS + 7).map(|i| entry(&format!("m{i}"), None)).collect();
        metrics.count(&UsageBatch::of("b", entries.iter().cloned()));
        let other = Labels { payer: Payer::master(), model: Model::other() };
        assert_eq!(metrics.requests.get_or_create(&other).get(), 7);
    }
}
