//! The filter, in both of its roles.

use serde_json::{Value, json};
use switchboard::config::{DOWNSTREAM_ROOT, UPSTREAM_ROOT, VERSION};

use super::Site;
use crate::compile::Plan;

/// The listener's filter; it alone carries the document.
pub(super) fn downstream(plan: &Plan, site: &Site, document: &str) -> Value {
    wasm(DOWNSTREAM_ROOT, document, plan, site)
}

/// A cluster's filter. It shares the VM, and with it the document, with the listener's filter of its worker:
/// three hundred groups would otherwise carry three hundred copies.
pub(super) fn upstream(plan: &Plan, site: &Site) -> Value {
    wasm(UPSTREAM_ROOT, &json!({ "version": VERSION }).to_string(), plan, site)
}

/// `vm_config` must be equal in both roles: Envoy makes one VM for each different one.
fn wasm(root_id: &str, configuration: &str, plan: &Plan, site: &Site) -> Value {
    let names: Vec<_> = plan.variables.iter().map(|variable| variable.name.as_str()).collect();
    json!({
        "name": "envoy.filters.http.wasm",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
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
