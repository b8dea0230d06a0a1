//! What Envoy does when memory or connections run short: it refuses new requests while those that it has end, and
//! resets the streams that hold the most, before the kernel ends the whole process.

use serde_json::{Value, json};

use super::Site;

const HEAP: &str = "envoy.resource_monitors.fixed_heap";

/// Share of the memory that Envoy's heap may have, in percent. The rest is for what it does not count: the filter's own
/// memory, in which each worker holds one body while it translates it, the modules, the stacks.
const HEAP_PERCENT: u64 = 50;

/// Share of the memory that large request bodies may have while they are held, all workers together, in percent. Envoy
/// holds a body a second time while it sends it on, and the filter translates it in its own memory.
const BODIES_PERCENT: u64 = 15;

/// Bytes of large request bodies that each of so many workers may hold, where the memory is known.
pub fn most_held_bytes(memory_limit: Option<u64>, workers: u32) -> Option<u64> {
    Some(memory_limit? / 100 * BODIES_PERCENT / u64::from(workers.max(1)))
}

/// `overload_manager`
pub(super) fn manager(site: &Site) -> Value {
    let mut manager = json!({
        "resource_monitors": [{
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors\
                          .downstream_connections.v3.DownstreamConnectionsConfig",
                "max_active_downstream_connections": 50_000,
            },
        }],
    });
    if let (Some(limit), Some(fields)) = (site.memory_limit, manager.as_object_mut()) {
        // A body of fifty megabytes arrives in less than the second that is Envoy's default.
        fields.insert("refresh_interval".to_owned(), json!("0.1s"));
        if let Some(monitors) = fields["resource_monitors"].as_array_mut() {
            monitors.push(json!({
                "name": HEAP,
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.resource_monitors\
                              .fixed_heap.v3.FixedHeapConfig",
                    "max_heap_size_bytes": limit / 100 * HEAP_PERCENT,
                },
            }));
        }
        fields.insert("actions".to_owned(), actions());
        // Streams are told apart by how much they hold from a megabyte on.
        fields.insert(
            "buffer_factory_config".to_owned(),
            json!({ "minimum_account_to_track_power_of_two": 20 }),
        );
    }
    manager
}

fn actions() -> Value {
    let at = |action: &str, share: f64| {
        json!({
            "name": format!("envoy.overload_actions.{action}"),
            "triggers": [{ "name": HEAP, "threshold": { "value": share } }],
        })
    };
    json!([
        at("shrink_heap", 0.4),
        // Early: requests that are in already go on growing, and each body is held twice.
        at("stop_accepting_requests", 0.5),
        {
            "name": "envoy.overload_actions.reset_high_memory_stream",
            "triggers": [{
                "name": HEAP,
                "scaled": { "scaling_threshold": 0.55, "saturation_threshold": 0.75 },
            }],
        },
    ])
}
