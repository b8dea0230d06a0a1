//! What the filter counts in Envoy's own statistics. Envoy's histograms hold integers, so times are in milliseconds.

use switchboard::config::COMPRESSED_COUNTER;
use switchboard::key::{UsageEntry, operation_name};

use crate::abi::{Counter, EnvoyConfig, EnvoyFilter, Histogram};

/// Of a filter's configuration. What Envoy refuses to define is not counted.
#[derive(Clone, Copy, Default)]
pub(crate) struct Metrics {
    compressed: Option<Counter<1>>,
    refused: Option<Counter<2>>,
    tokens: Option<Histogram<5>>,
    duration: Option<Histogram<5>>,
    first_token: Option<Histogram<4>>,
    output_token: Option<Histogram<4>>,
}

/// Labels of all of OpenTelemetry's metrics for generative AI:
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>.
const LABELS: [&str; 4] =
    ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_response_model"];

fn labels_and(last: &'static str) -> [&'static str; 5] {
    let [operation, provider, request, response] = LABELS;
    [operation, provider, request, response, last]
}

impl Metrics {
    /// Of the listener's filter.
    pub(crate) fn of_requests(envoy: EnvoyConfig) -> Self {
        Self {
            compressed: None,
            refused: envoy.counter("switchboard.refused_requests", ["status", "error"]),
            tokens: envoy.histogram("gen_ai.client.token.usage", labels_and("gen_ai_token_type")),
            duration: envoy
                .histogram("gen_ai.server.request.duration_milliseconds", labels_and("error_type")),
            first_token: envoy.histogram("gen_ai.server.time_to_first_token_milliseconds", LABELS),
            output_token: envoy.histogram("gen_ai.server.time_per_output_token_milliseconds", LABELS),
        }
    }

    /// Of the clusters' filter.
    pub(crate) fn of_attempts(envoy: EnvoyConfig) -> Self {
        Self { compressed: envoy.counter(COMPRESSED_COUNTER, ["provider"]), ..Self::default() }
    }

    /// Counts a response that a provider has compressed.
    pub(crate) fn compressed(self, filter: EnvoyFilter, provider: &str) {
        if let Some(counter) = self.compressed {
            filter.count(counter, [provider]);
        }
    }

    /// Counts a refused request.
    pub(crate) fn refused(self, filter: EnvoyFilter, status: u16, error: &str) {
        if let Some(counter) = self.refused {
            filter.count(counter, [&status.to_string(), error]);
        }
    }

    /// Measures a request that has ended, as the key service does for its own metrics.
    pub(crate) fn measure(self, filter: EnvoyFilter, entry: &UsageEntry<'_>) {
        // Rejected before any deployment was selected.
        if entry.deployment_id.is_empty() && (400..500).contains(&entry.status) {
            return;
        }
        let operation = operation_name(&entry.mode);
        let (provider, model) = entry.model.split_once('/').unwrap_or_default();
        let own = [operation, provider, &entry.model_group, model];
        let and = |last| [operation, provider, &entry.model_group, model, last];
        let error = if entry.status >= 400 { entry.status.to_string() } else { String::new() };
        if let Some(duration) = self.duration {
            filter.record(duration, and(&error), entry.duration_ms);
        }
        if let Some(tokens) = self.tokens {
            for (kind, count) in [("input", entry.prompt_tokens), ("output", entry.completion_tokens)] {
                if count > 0 {
                    filter.record(tokens, and(kind), count);
                }
            }
        }
        let Some(first_ms) = entry.first_token_ms else { return };
        if let Some(first_token) = self.first_token {
            filter.record(first_token, own, first_ms);
        }
        if let (Some(output_token), Some(others @ 1..)) =
            (self.output_token, entry.completion_tokens.checked_sub(1))
        {
            filter.record(output_token, own, entry.duration_ms.saturating_sub(first_ms) / others);
        }
    }
}
