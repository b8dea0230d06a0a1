//! `callbacks` of `litellm_settings`: where `LiteLLM` exports data about requests.

use super::diagnostic::suggestion;
use super::table::{At, Table};

/// The settings that name callbacks. `LiteLLM` calls them at different times; here, each request is exported once.
const SETTINGS: [&str; 3] = ["callbacks", "success_callback", "failure_callback"];

/// What `LiteLLM` knows besides, and is not known here.
pub(super) const OTHERS: [&str; 24] = [
    "arize",
    "athina",
    "azure_sentinel",
    "braintrust",
    "datadog",
    "dynamodb",
    "galileo",
    "gcs_bucket",
    "generic_api",
    "greenscale",
    "helicone",
    "lago",
    "langfuse",
    "langfuse_otel",
    "langsmith",
    "literalai",
    "logfire",
    "lunary",
    "mlflow",
    "openmeter",
    "opik",
    "posthog",
    "s3_v2",
    "weave",
];

/// What `callbacks` asks for.
#[derive(Default)]
pub(super) struct Callbacks {
    /// Requests are traced.
    pub(super) otel: Option<At<()>>,
    /// Envoy measures requests, if its filter can.
    pub(super) prometheus: bool,
}

/// Reads `callbacks` and its variants.
pub(super) fn callbacks(table: &mut Table<'_>) -> Callbacks {
    let mut found = Callbacks::default();
    for setting in SETTINGS {
        for name in table.texts(setting).unwrap_or_default() {
            match name.value.as_str() {
                "otel" => found.otel = found.otel.or(Some(At { at: name.at, value: () })),
                "prometheus" => found.prometheus = true,
                other => {
                    let known = ["otel", "prometheus"].into_iter().chain(OTHERS);
                    let help = if OTHERS.contains(&other) {
                        Some("use \"otel\" with a collector that exports to it".to_owned())
                    } else {
                        suggestion(other, known)
                    };
                    let message = format!(
                        "{}: callback '{other}' is not supported and has no effect",
                        table.name(setting)
                    );
                    table.report.warning(name.at, message, help);
                }
            }
        }
    }
    found
}
