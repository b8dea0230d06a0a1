//! Spans: Envoy's OpenTelemetry tracer, with the attributes of OpenTelemetry's conventions for generative AI.

use serde_json::{Value, json};

use super::access_log::{harmless_path, report};
use super::{Site, host};
use crate::plan::{Plan, Tracing};

/// Cluster of the collector.
const CLUSTER: &str = "switchboard-traces";

/// Attributes, and the fields of the filter's report that they hold. The first seven are OpenTelemetry's
/// (<https://opentelemetry.io/docs/specs/semconv/gen-ai/>).
const ATTRIBUTES: [(&str, &str); 17] = [
    ("gen_ai.operation.name", "operation"),
    ("gen_ai.provider.name", "provider"),
    ("gen_ai.request.model", "requested_model"),
    ("gen_ai.response.model", "model"),
    ("gen_ai.usage.input_tokens", "prompt_tokens"),
    ("gen_ai.usage.output_tokens", "completion_tokens"),
    ("gen_ai.usage.cache_read.input_tokens", "cached_tokens"),
    ("gen_ai.usage.cache_creation.input_tokens", "cache_write_tokens"),
    ("switchboard.call_id", "call_id"),
    ("switchboard.model_group", "model_group"),
    ("switchboard.deployment", "deployment"),
    ("switchboard.attempts", "attempts"),
    ("switchboard.cost_usd", "cost"),
    ("switchboard.time_to_first_token_ms", "time_to_first_token_ms"),
    ("switchboard.key_alias", "key_alias"),
    ("switchboard.user", "user"),
    ("switchboard.team", "team"),
];

/// `tracing` of the connection manager; nothing when requests are not traced.
pub(super) fn tracing(plan: &Plan, site: &Site) -> Option<Value> {
    let tracing = plan.tracing.as_ref()?;
    let report = report(site);
    let field = |name: &str| format!("%CEL({report}.{name})%");
    // Envoy's own tag of that name holds the query too, and some clients have their key in it.
    let mut tags = vec![json!({ "tag": "http.url", "value": harmless_path(site) })];
    tags.extend(ATTRIBUTES.map(|(tag, name)| json!({ "tag": tag, "value": field(name) })));
    let header = |(name, variable): &(String, String)| {
        // The value stays in Envoy's environment, where no dump of the configuration shows it.
        json!({ "header": { "key": name, "value": format!("%ENVIRONMENT({variable})%") } })
    };
    Some(json!({
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "service_name": tracing.service,
                "http_service": {
                    "http_uri": { "uri": tracing.url, "cluster": CLUSTER, "timeout": "5s" },
                    "request_headers_to_add": tracing.headers.iter().map(header).collect::<Vec<_>>(),
                },
            },
        },
        // A caller's own decision (`traceparent`) is followed in any case.
        "random_sampling": { "value": tracing.percent },
        // A span for each attempt, below that of the request.
        "spawn_upstream_span": true,
        // It is named before anything is known of it but its path, and a path may name a key.
        "operation": "switchboard",
        "custom_tags": tags,
    }))
}

/// `tracing` of a route whose requests leave no span: a path of the key service may name a key.
pub(super) fn never() -> Value {
    let none = json!({ "numerator": 0 });
    json!({ "client_sampling": none, "random_sampling": none, "overall_sampling": none })
}

/// The collector's cluster.
pub(super) fn cluster(tracing: &Tracing, site: &Site) -> Value {
    let address = &tracing.address;
    let mut value = host::plain(CLUSTER, &address.host, address.port, &address.hostname());
    if address.tls {
        value["transport_socket"] = host::tls(site);
    }
    value
}
