//! `callbacks: ["otel"]` and OpenTelemetry's variables → where Envoy sends its spans.
//!
//! The variables are those of OpenTelemetry's specification (SDK environment variables, OTLP exporter), and `LiteLLM`'s
//! older names for two of them.

use super::Address;
use super::variables::Variables;
use crate::config::{At, Config, Report, Secret, Setting};

/// Where spans go.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracing {
    /// The collector.
    pub address: Address,
    /// Where it takes spans: OTLP over HTTP, in Protobuf.
    pub url: String,
    /// Headers for the collector: (name, variable of Envoy's environment with the value).
    pub headers: Vec<(String, String)>,
    /// `service.name`
    pub service: String,
    /// Of a hundred requests that no caller has decided about, so many are traced.
    pub percent: f64,
}

/// What `config` and the environment say; nothing when requests are not traced.
pub(super) fn compile(config: &Config, variables: &mut Variables<'_>, report: &Report) -> Option<Tracing> {
    let At { at, .. } = config.litellm.otel.as_ref()?;
    let own = variables.usual("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let general = || {
        let base =
            variables.usual("OTEL_EXPORTER_OTLP_ENDPOINT").or_else(|| variables.usual("OTEL_ENDPOINT"))?;
        let base = base.trim().trim_end_matches('/');
        Some(if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") })
    };
    let Some(endpoint) = own.or_else(general) else {
        let message = "tracing is disabled: the callback 'otel' needs a collector";
        let help = "set OTEL_EXPORTER_OTLP_ENDPOINT, for example to http://127.0.0.1:4318";
        report.warning(*at, message.to_owned(), Some(help.to_owned()));
        return None;
    };
    let protocol = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER"];
    if protocol.iter().any(|name| variables.usual(name).is_some_and(|value| value.contains("grpc"))) {
        let message = "tracing is disabled: gRPC is not supported for spans";
        let help = "use the collector's HTTP port (4318) with the protocol http/protobuf";
        report.error(*at, message.to_owned(), Some(help.to_owned()));
        return None;
    }
    let (address, url) = match Address::parse(&endpoint) {
        Ok(found) => found,
        Err(problem) => {
            let message = format!("the address of the collector (OTEL_EXPORTER_OTLP_ENDPOINT) {problem}");
            report.error(*at, message, Some("expected a URL such as http://host:4318".to_owned()));
            return None;
        }
    };
    let service = variables.usual("OTEL_SERVICE_NAME").unwrap_or_else(|| "switchboard".to_owned());
    Some(Tracing {
        address,
        url,
        headers: headers(*at, variables, report),
        service,
        percent: percent(variables),
    })
}

/// `name=value,name=value`, each value percent-encoded; they may be secrets, so each gets its own variable.
fn headers(
    at: crate::config::yaml::Location,
    variables: &mut Variables<'_>,
    report: &Report,
) -> Vec<(String, String)> {
    let names = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_HEADERS"];
    let Some(listed) = names.into_iter().find_map(|name| variables.usual(name)) else { return Vec::new() };
    let mut headers = Vec::new();
    for pair in listed.split(',').filter(|pair| !pair.trim().is_empty()) {
        let name = pair.split_once('=').and_then(|(name, _)| http::HeaderName::try_from(name.trim()).ok());
        let (Some(name), Some((_, value))) = (name, pair.split_once('=')) else {
            let message = "OTEL_EXPORTER_OTLP_HEADERS must have the form name=value,name=value";
            report.error(at, message.to_owned(), None);
            continue;
        };
        let setting = At { at, value: Setting::Literal(Secret::new(value.trim())) };
        let path = format!("OTEL_EXPORTER_OTLP_HEADERS ({name})");
        let variable = variables.secret(&setting, "opentelemetry", name.as_str(), &path);
        headers.push((name.as_str().to_owned(), variable));
    }
    headers
}

/// `OTEL_TRACES_SAMPLER` and its argument. A caller's own decision (`traceparent`) is followed in any case.
fn percent(variables: &Variables<'_>) -> f64 {
    let sampler = variables.usual("OTEL_TRACES_SAMPLER").unwrap_or_default();
    match sampler.trim_start_matches("parentbased_") {
        "always_off" => 0.0,
        "traceidratio" => {
            let ratio =
                variables.usual("OTEL_TRACES_SAMPLER_ARG").and_then(|ratio| ratio.trim().parse().ok());
            ratio.unwrap_or(1.0_f64).clamp(0.0, 1.0) * 100.0
        }
        _ => 100.0,
    }
}
