//! One line of JSON for each request, when asked for. It names no key and no query, and of a client's headers none but
//! the id that it gave its request.

use serde_json::{Value, json};
use switchboard::config::{ONWARD_PREFIX, PART_HEADER, REPORT_STATE};

use super::Site;

/// A path that names a key, as `/key/{key}/regenerate` does.
const NAMES_A_KEY: &str = "request.url_path.matches('^/+key/[^/]+/')";

/// Whether the filter reports a request. An attempt writes the request's headers from scratch, so that those which the
/// client sent are the report's to tell.
const IS_TOLD: &str = "'x-litellm-call-id' in response.headers";

/// The access logs of the listener: none unless asked for, as a line for each success costs time.
pub(super) fn access_log(site: &Site) -> Value {
    let Some(target) = &site.access_log else { return json!([]) };
    json!([
        log(site, target, &told(site, "path", "request.url_path"), &once(&format!("!{NAMES_A_KEY}"))),
        log(site, target, "/key/{key}/…", &once(NAMES_A_KEY)),
    ])
}

/// Where the filter leaves its report, in CEL. A module cannot store a message in the filter state.
pub(super) fn report(site: &Site) -> String {
    match site.module {
        Some(_) => format!("metadata.filter_metadata['{REPORT_STATE}']"),
        None => format!("filter_state['wasm.{REPORT_STATE}']"),
    }
}

/// What the filter tells, or the value of another CEL expression where it tells nothing.
fn told(site: &Site, field: &str, otherwise: &str) -> String {
    format!("%CEL({IS_TOLD} ? {}.{field} : {otherwise})%", report(site))
}

/// The path of a request, for eyes other than the operator's: without a key, and without what leads to another group.
pub(super) fn harmless_path(site: &Site) -> String {
    let hidden = format!("request.url_path.matches('^{ONWARD_PREFIX}')");
    told(site, "path", &format!("({NAMES_A_KEY} || {hidden} ? '/…' : request.url_path)"))
}

fn log(site: &Site, target: &str, path: &str, filter: &Value) -> Value {
    let format = json!({ "json_format": {
        "time": "%START_TIME%",
        "request_id": told(site, "call_id", "request.id"),
        "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "method": "%REQ(:METHOD)%",
        "path": path,
        "status": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "group": "%UPSTREAM_CLUSTER_RAW%",
        "upstream": "%UPSTREAM_HOST%",
        "duration_ms": "%DURATION%",
        "request_bytes": "%BYTES_RECEIVED%",
        "response_bytes": "%BYTES_SENT%",
        "trace_id": "%TRACE_ID%",
        // Models, tokens, cost, attempts, by the filter; null for a request that asks no model anything.
        "llm": format!("%TYPED_CEL({})%", report(site)),
    } });
    if target == "-" {
        return json!({
            "name": "envoy.access_loggers.stderr",
            "filter": filter,
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
                "log_format": format,
            },
        });
    }
    json!({
        "name": "envoy.access_loggers.file",
        "filter": filter,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": target,
            "log_format": format,
        },
    })
}

/// A request that is redirected to another group ends for Envoy, and starts again: that end is not logged. Nor is a part of
/// a request that was split, whose line covers all its parts.
fn once(which: &str) -> Value {
    json!({ "extension_filter": {
        "name": "envoy.access_loggers.extension_filters.cel",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            "expression": format!("response.code_details != 'internal_redirect' && !('{PART_HEADER}' in response.headers) && {which}"),
        },
    } })
}
