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

/// Whether requests are traced.
pub(super) fn callbacks(table: &mut Table<'_>) -> Option<At<()>> {
    let mut otel = None;
    for setting in SETTINGS {
        for name in table.texts(setting).unwrap_or_default() {
            match name.value.as_str() {
                "otel" => otel = otel.or(Some(At { at: name.at, value: () })),
                // There are always metrics.
                "prometheus" => {}
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
    otel
}
