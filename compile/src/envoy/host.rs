//! A cluster of one host, and how hosts are found and verified.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::Site;
use super::values::socket_address;

/// TLS to the host that an endpoint's `hostname` names.
pub(super) fn tls(site: &Site) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "auto_host_sni": true,
            "auto_sni_san_validation": true,
            "common_tls_context": {
                "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
                "validation_context": { "trusted_ca": { "filename": site.ca_bundle } },
            },
        },
    })
}

/// A cluster of one HTTP/1.1 host that is not a provider.
pub(super) fn plain(name: &str, host: &str, port: u16, hostname: &str) -> Value {
    let mut value = json!({
        "name": name,
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{
                "endpoint": { "address": socket_address(host, port), "hostname": hostname },
            }] }],
        },
    });
    if let Some(cluster) = value.as_object_mut() {
        resolve(cluster, host.parse::<IpAddr>().is_err());
    }
    value
}

/// How the addresses of a cluster are found: as they are written, or by name (every address of a name is an
/// endpoint, what Envoy calls strict DNS).
pub(super) fn resolve(cluster: &mut Map<String, Value>, named: bool) {
    if !named {
        cluster.insert("type".to_owned(), "STATIC".into());
        return;
    }
    let by_name = json!({
        "name": "envoy.cluster.dns",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster",
            // Containers often have no route for IPv6 and a name server that hands it out all the same.
            "dns_lookup_family": "V4_PREFERRED",
            // Five seconds by default; the records of providers live for a minute.
            "dns_refresh_rate": "30s",
        },
    });
    cluster.insert("cluster_type".to_owned(), by_name);
}
