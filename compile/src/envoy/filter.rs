//! The filter, in both of its roles, on either host.

use serde_json::{Value, json};
use switchboard::config::{
    ATTEMPT_HEADER, CALL_STATE, DOWNSTREAM_ROOT, METADATA_DEPLOYMENT, METADATA_NAMESPACE, UPSTREAM_ROOT,
    VERSION,
};

use super::{MODULE_NAME, Site};
use crate::plan::Plan;

/// The listener's filter; it alone carries the document.
pub(super) fn downstream(plan: &Plan, site: &Site, document: &str) -> Value {
    of_host(DOWNSTREAM_ROOT, document, plan, site)
}

/// The filters that each attempt at a group passes, the codec included. They are the same for every group.
///
/// The filter shares its VM, and with it the document, with the listener's filter of its worker.
pub(super) fn of_attempts(plan: &Plan, site: &Site) -> Vec<Value> {
    let upstream = of_host(UPSTREAM_ROOT, &json!({ "version": VERSION }).to_string(), plan, site);
    vec![attempt(), upstream, codec()]
}

/// Tells the filter that follows which request an attempt is for, and which deployment was picked. It runs once for each
/// attempt, and takes the place of what an earlier attempt, or a client, has left there.
fn attempt() -> Value {
    let told = format!(
        "%FILTER_STATE(wasm.{CALL_STATE}:PLAIN)% %UPSTREAM_METADATA({METADATA_NAMESPACE}:{METADATA_DEPLOYMENT})%"
    );
    json!({
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": { "request_mutations": [{ "append": {
                "header": { "key": ATTEMPT_HEADER, "value": told },
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            } }] },
        },
    })
}

pub(super) fn codec() -> Value {
    json!({
        "name": "envoy.filters.http.upstream_codec",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
        },
    })
}

/// The type of its configuration.
pub(super) fn kind(site: &Site) -> &'static str {
    if site.module.is_some() { MODULE } else { WASM }
}

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const MODULE: &str =
    "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter";

fn of_host(role: &str, configuration: &str, plan: &Plan, site: &Site) -> Value {
    match &site.module {
        Some(_) => native(role, configuration),
        None => wasm(role, configuration, plan, site),
    }
}

/// Envoy finds the library in `ENVOY_DYNAMIC_MODULES_SEARCH_PATH`. It must never be unloaded, because its timer is a
/// thread.
fn native(role: &str, configuration: &str) -> Value {
    json!({
        "name": "envoy.filters.http.dynamic_modules",
        "typed_config": {
            "@type": MODULE,
            "dynamic_module_config": { "name": MODULE_NAME, "do_not_close": true },
            "filter_name": role,
            "filter_config": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": configuration,
            },
        },
    })
}

/// `vm_config` must be equal in both roles: Envoy makes one VM for each different one.
fn wasm(root_id: &str, configuration: &str, plan: &Plan, site: &Site) -> Value {
    let names: Vec<_> = plan.variables.iter().map(|variable| variable.name.as_str()).collect();
    json!({
        "name": "envoy.filters.http.wasm",
        "typed_config": {
            "@type": WASM,
            "config": {
                "name": "switchboard",
                "root_id": root_id,
                "vm_config": {
                    "vm_id": "switchboard",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": site.wasm } },
                    "environment_variables": { "host_env_keys": names },
                },
                "allow_on_headers_stop_iteration": true,
                "failure_policy": "FAIL_RELOAD",
                // Envoy waits between reloads of a VM, a second by default: that long a worker would be down.
                "reload_config": { "backoff": { "base_interval": "0.05s", "max_interval": "1s" } },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration,
                },
            },
        },
    })
}
