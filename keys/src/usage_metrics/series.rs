//! The metrics of those requests of a batch that have the same labels. They are found once, however many requests
//! there are.

use prometheus_client::metrics::histogram::Histogram;
use switchboard::key::{UsageEntry, operation_name};

use super::labels::{GenAi, Labels, Outcome, TokenUsage, WithStatus};
use super::{UsageMetrics, float, seconds};

/// Requests with the same key, model and status.
pub(super) struct Series<'m> {
    metrics: &'m UsageMetrics,
    labels: Labels,
    status: u16,
    sum: Sum,
    observed: Option<Observed>,
}

/// The sum of their usage.
#[derive(Default)]
struct Sum {
    requests: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    cached_tokens: u64,
    cache_write_tokens: u64,
    reasoning_tokens: u64,
    cost_picodollars: Option<u64>,
}

/// Their histograms; those of values that not all requests have are found when one does.
struct Observed {
    request: GenAi,
    latency: Histogram,
    duration: Histogram,
    input: Option<Histogram>,
    output: Option<Histogram>,
    streamed: Option<Streamed>,
}

/// Histograms of streams.
struct Streamed {
    first_token: Histogram,
    time_to_first_token: Histogram,
    time_per_output_token: Option<Histogram>,
}

impl<'m> Series<'m> {
    pub(super) fn new(metrics: &'m UsageMetrics, labels: Labels, status: u16) -> Self {
        Self { metrics, labels, status, sum: Sum::default(), observed: None }
    }

    /// Adds a request: to its histograms, and to the sum for [`Self::count`].
    pub(super) fn add(&mut self, entry: &UsageEntry<'_>) {
        self.observe(entry);
        let sum = &mut self.sum;
        for (sum, count) in [
            (&mut sum.requests, entry.requests),
            (&mut sum.prompt_tokens, entry.prompt_tokens),
            (&mut sum.completion_tokens, entry.completion_tokens),
            (&mut sum.cached_tokens, entry.cached_tokens),
            (&mut sum.cache_write_tokens, entry.cache_write_tokens),
            (&mut sum.reasoning_tokens, entry.reasoning_tokens),
        ] {
            *sum = sum.saturating_add(count);
        }
        if let Some(cost) = entry.cost_picodollars {
            sum.cost_picodollars = Some(sum.cost_picodollars.unwrap_or_default().saturating_add(cost));
        }
    }

    /// Adds the sum to the counters.
    pub(super) fn count(self) {
        let Self { metrics, labels, status, sum, .. } = self;
        let with_status = WithStatus { labels: labels.clone(), status_code: status };
        if status >= 400 {
            metrics.failed.get_or_create(&with_status).inc_by(sum.requests);
        }
        metrics.total.get_or_create(&with_status).inc_by(sum.requests);
        if let Some(cost) = sum.cost_picodollars {
            #[expect(clippy::cast_precision_loss, reason = "the database keeps the exact sum")]
            metrics.spend.get_or_create(&labels).inc_by(cost as f64 / 1e12);
        }
        for (family, count) in [
            (&metrics.requests, sum.requests),
            (&metrics.tokens, sum.prompt_tokens.saturating_add(sum.completion_tokens)),
            (&metrics.input, sum.prompt_tokens),
            (&metrics.output, sum.completion_tokens),
            (&metrics.cached, sum.cached_tokens),
            (&metrics.cache_write, sum.cache_write_tokens),
            (&metrics.reasoning, sum.reasoning_tokens),
        ] {
            family.get_or_create(&labels).inc_by(count);
        }
    }

    /// Histograms cover served requests only, so entries that sum up several requests, and rejections, are not
    /// included.
    fn observe(&mut self, entry: &UsageEntry<'_>) {
        let is_refusal = entry.deployment_id.is_empty() && (400..500).contains(&entry.status);
        if entry.requests != 1 || is_refusal {
            return;
        }
        let Self { metrics, labels, status, observed, .. } = self;
        let Observed { request, latency, duration, input, output, streamed } =
            observed.get_or_insert_with(|| Observed::of(metrics, labels, *status, &entry.mode));
        let took = seconds(entry.duration_ms);
        latency.observe(took);
        duration.observe(took);
        for (histogram, gen_ai_token_type, count) in
            [(input, "input", entry.prompt_tokens), (output, "output", entry.completion_tokens)]
        {
            if count > 0 {
                let find = || {
                    let labels = TokenUsage { request: request.clone(), gen_ai_token_type };
                    metrics.token_usage.get_or_create_owned(&labels)
                };
                histogram.get_or_insert_with(find).observe(float(count));
            }
        }
        let Some(first) = entry.first_token_ms.map(seconds) else { return };
        let streamed = streamed.get_or_insert_with(|| Streamed {
            first_token: metrics.first_token.get_or_create_owned(&labels.model),
            time_to_first_token: metrics.time_to_first_token.get_or_create_owned(request),
            time_per_output_token: None,
        });
        streamed.first_token.observe(first);
        streamed.time_to_first_token.observe(first);
        if entry.completion_tokens > 1 {
            let each = (took - first).max(0.0) / float(entry.completion_tokens - 1);
            let find = || metrics.time_per_output_token.get_or_create_owned(request);
            streamed.time_per_output_token.get_or_insert_with(find).observe(each);
        }
    }
}

impl Observed {
    fn of(metrics: &UsageMetrics, labels: &Labels, status: u16, mode: &str) -> Self {
        let model = &labels.model;
        let request = GenAi {
            gen_ai_operation_name: operation_name(mode),
            gen_ai_provider_name: model.api_provider.clone(),
            gen_ai_request_model: model.requested_model.clone(),
            gen_ai_response_model: model.model.clone(),
        };
        let error_type = if status >= 400 { status.to_string() } else { String::new() };
        Self {
            latency: metrics.latency.get_or_create_owned(model),
            duration: metrics.duration.get_or_create_owned(&Outcome { request: request.clone(), error_type }),
            request,
            input: None,
            output: None,
            streamed: None,
        }
    }
}
