//! One line of JSON for each request, when asked for. It names no key, no header of a client and no query.

use serde_json::{Value, json};
use switchboard::config::ATTEMPTS_STATE;

use super::Site;

/// A path that names a key, as `/key/{key}/regenerate` does.
const NAMES_A_KEY: &str = "request.url_path.matches('^/+key/[^/]+/')";

/// The access logs of the listener: none unless asked for, as a line for each success costs time.
pub(super) fn access_log(site: &Site) -> Value {
    let Some(target) = &site.access_log else { return json!([]) };
    json!([
        log(target, "%PATH(NQ:ORIG_OR_PATH)%", &once(&format!("!{NAMES_A_KEY}"))),
        log(target, "/key/{key}/…", &once(NAMES_A_KEY)),
    ])
}

fn log(target: &str, path: &str, filter: &Value) -> Value {
    let format = json!({ "json_format": {
        "time": "%START_TIME%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "method": "%REQ(:METHOD)%",
        "path": path,
        "status": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "group": "%UPSTREAM_CLUSTER_RAW%",
        "upstream": "%UPSTREAM_HOST%",
        "attempts": format!("%FILTER_STATE(wasm.{ATTEMPTS_STATE}:PLAIN)%"),
        "duration_ms": "%DURATION%",
        "request_bytes": "%BYTES_RECEIVED%",
        "response_bytes": "%BYTES_SENT%",
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

/// A request that goes on to another group ends for Envoy, and begins anew: that end is not worth a line.
fn once(which: &str) -> Value {
    json!({ "extension_filter": {
        "name": "envoy.access_loggers.extension_filters.cel",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            "expression": format!("response.code_details != 'internal_redirect' && {which}"),
        },
    } })
}
