//! What can be wrong with an Envoy that has the filter, and how to fix it.

use std::collections::BTreeSet;

use serde_json::Value;
use switchboard::config::{CLUSTER_HEADER, DOWNSTREAM_ROOT, RETRY_HEADER, UPSTREAM_ROOT, VERSION};

use super::dump::{Dump, Host, Plugin, plugins};
use crate::up::programs::OLDEST_FOR_MODULE;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: String,
    /// What to do.
    pub help: String,
}

/// What was asked of an Envoy.
#[derive(Debug)]
pub struct Seen {
    /// `/server_info`
    pub version: Option<(u32, u32)>,
    /// `/config_dump`
    pub dump: Dump,
    /// Calls to the key service's internal port in the time between two looks, by how they went.
    pub calls: Calls,
    /// Answers that came compressed, by provider.
    pub compressed: Vec<(String, u64)>,
}

/// How calls to the key service went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Answered as they should be.
    pub answered: u64,
    /// Refused with a 4xx.
    pub refused: u64,
    /// Answered with a 5xx, or by nobody.
    pub failed: u64,
}

/// The oldest Envoy in which a filter can hold a request's headers until the body arrives.
const OLDEST: (u32, u32) = (1, 35);

/// Envoy's limit where nothing is said; a photograph is larger.
const USUAL_BUFFER: u64 = 1 << 20;

/// All problems; those that cause others come first.
pub fn findings(seen: &Seen) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    let dump = &seen.dump;
    if seen.version.is_some_and(|version| version < OLDEST) {
        found.add(
            "Envoy is older than 1.35: the filter cannot hold a request's headers until its body arrives",
            "upgrade to Envoy 1.35 or later (Istio 1.27, Envoy Gateway 1.5)",
        );
    }
    let Some(downstream) = dump.on_listeners(DOWNSTREAM_ROOT).next() else {
        found.add(
            "no listener has the filter with root_id \"downstream\" (filter_name, if it is the module): keys are not checked",
            "add it to the listener's http_filters, before the router: see `switchboard render`",
        );
        return found.0;
    };
    if downstream.host() == Host::Native && seen.version.is_some_and(|version| version < OLDEST_FOR_MODULE) {
        found.add(
            &format!(
                "Envoy is older than {}.{}: it does not load the module",
                OLDEST_FOR_MODULE.0, OLDEST_FOR_MODULE.1
            ),
            "use a newer Envoy, or render the configuration with `--filter wasm`",
        );
    }
    plugin(&mut found, "the listener's filter", downstream);
    let document = downstream.configuration();
    if document["groups"].is_null() {
        found.add(
            "the listener's filter has no valid configuration",
            "copy `configuration`, a StringValue, from the output of `switchboard render`",
        );
    } else if document["version"] != VERSION {
        found.add(
            &format!(
                "the filter's configuration has version {}, but this program writes version {VERSION}",
                document["version"]
            ),
            "render the configuration with the `switchboard` of the same release as the filter",
        );
    }
    secrets(&mut found, downstream, &document);
    groups(&mut found, dump, downstream, &document);
    buffers(&mut found, dump, &document);
    routes(&mut found, dump);
    key_service(&mut found, dump, &document, seen.calls);
    found.0
}

/// What works, and costs something that need not be.
pub fn notes(seen: &Seen) -> Vec<Finding> {
    let note = |(provider, count): &(String, u64)| Finding {
        what: format!(
            "{provider} compressed {count} responses although it was asked not to: the key service decompressed each, and \
             streams were held until they were complete"
        ),
        help: "disable compression at the provider or in the proxy in front of it".to_owned(),
    };
    seen.compressed.iter().filter(|(_, count)| *count > 0).map(note).collect()
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: &str, help: &str) {
        self.0.push(Finding { what: what.to_owned(), help: help.to_owned() });
    }
}

/// What must be so in both roles.
fn plugin(found: &mut Findings, whose: &str, plugin: &Plugin) {
    if plugin.host() == Host::Native {
        if !plugin.stays() {
            found.add(
                &format!("{whose} lacks do_not_close: Envoy stops when it unloads the module, whose timer is a thread"),
                "set `do_not_close: true` in its dynamic_module_config",
            );
        }
        return;
    }
    if !plugin.may_wait() {
        found.add(
            &format!("{whose} lacks allow_on_headers_stop_iteration: every request with a body hangs"),
            "set `allow_on_headers_stop_iteration: true` next to its vm_config (Istio's WasmPlugin does not support \
             it: use an EnvoyFilter, `switchboard render --format istio`)",
        );
    }
    match plugin.failure_policy() {
        "FAIL_RELOAD" => {}
        "FAIL_OPEN" => found.add(
            &format!("{whose} has the failure policy FAIL_OPEN: after a crash, requests are not checked"),
            "set `failure_policy: FAIL_RELOAD`",
        ),
        other => found.add(
            &format!("{whose} has the failure policy {other}: after a crash, a worker answers every request with 503"),
            "set `failure_policy: FAIL_RELOAD`",
        ),
    }
}

/// Whether the filter gets the secrets that its configuration names, and from where.
fn secrets(found: &mut Findings, downstream: &Plugin, document: &Value) {
    // A module gets all of Envoy's environment.
    let Some(given) = downstream.variables() else { return };
    let given: BTreeSet<&str> = given.into_iter().collect();
    let inline = downstream.inline_variables();
    if !inline.is_empty() {
        found.add(
            &format!(
                "Envoy's configuration may contain secrets: environment_variables.key_values has {}",
                inline.join(", ")
            ),
            "set them in Envoy's environment, and list their names in host_env_keys",
        );
    }
    let mut named = BTreeSet::new();
    for name in ["token_env", "master_key_env"] {
        named.extend(document["keys"][name].as_str());
    }
    for deployment in document["deployments"].as_array().into_iter().flatten() {
        named.extend(deployment["api_key_env"].as_str());
        let secrets = deployment["secrets"].as_array().into_iter().flatten();
        named.extend(secrets.filter_map(|pair| pair[1].as_str()));
        let headers = deployment["headers"].as_array().into_iter().flatten();
        named.extend(headers.filter_map(|header| header["value_env"].as_str()));
    }
    for name in named.into_iter().filter(|name| !given.contains(name) && !inline.contains(name)) {
        found.add(
            &format!("the filter's configuration refers to {name}, which Envoy does not pass to it"),
            "add the name to vm_config.environment_variables.host_env_keys, in both roles",
        );
    }
}

/// Whether each group has its cluster, and each cluster, or the router, the filter in its second role.
fn groups(found: &mut Findings, dump: &Dump, downstream: &Plugin, document: &Value) {
    let known: BTreeSet<&str> =
        document["deployments"].as_array().into_iter().flatten().filter_map(|of| of["id"].as_str()).collect();
    for group in document["groups"].as_array().into_iter().flatten() {
        let (model, name) = (&group["name"], group["cluster"].as_str().unwrap_or_default());
        let Some(cluster) = dump.cluster(name) else {
            found.add(
                &format!("the model {model} has no cluster: its requests fail with 503"),
                &format!("copy the cluster {name:?} from the output of `switchboard render`"),
            );
            continue;
        };
        let whose = format!("the filter of cluster {name:?}");
        let used = plugins(cluster);
        // A cluster's own filters override those in the router.
        let own = used.iter().find(|plugin| plugin.role() == UPSTREAM_ROOT);
        let Some(upstream) = own.or_else(|| dump.on_listeners(UPSTREAM_ROOT).next()) else {
            found.add(
                &format!("cluster {name:?} lacks the filter with root_id \"upstream\": providers receive requests that \
                          are not translated and have no credential"),
                "add it to http_filters in the cluster's HttpProtocolOptions, before upstream_codec",
            );
            continue;
        };
        plugin(found, &whose, upstream);
        if upstream.host() != downstream.host() {
            found.add(
                &format!("{whose} and the listener's filter are not of the same form, wasm or native: requests fail with 503"),
                "use the same form in both places",
            );
        } else if upstream.vm() != downstream.vm() {
            found.add(
                &format!("{whose} runs in a different VM or module than the listener's filter: requests fail with 503"),
                "make vm_config (vm_id, code, environment_variables) or dynamic_module_config.name identical in both places",
            );
        }
        if let Some(stranger) =
            endpoints(cluster).find(|id| !known.contains(id) && *id != switchboard::config::NOBODY)
        {
            found.add(
                &format!("cluster {name:?} has an endpoint for the deployment {stranger:?}, which is not in the filter's configuration"),
                "render clusters and filter from the same config.yaml",
            );
        }
    }
}

/// The deployments that a cluster's endpoints name.
fn endpoints(cluster: &Value) -> impl Iterator<Item = &str> {
    use switchboard::config::{METADATA_DEPLOYMENT, METADATA_NAMESPACE};
    let localities = cluster["load_assignment"]["endpoints"].as_array().into_iter().flatten();
    let endpoints = localities.flat_map(|locality| locality["lb_endpoints"].as_array().into_iter().flatten());
    endpoints.filter_map(|endpoint| {
        endpoint["metadata"]["filter_metadata"][METADATA_NAMESPACE][METADATA_DEPLOYMENT].as_str()
    })
}

/// Whether bodies fit.
fn buffers(found: &mut Findings, dump: &Dump, document: &Value) {
    let limit = |part: &Value| part["per_connection_buffer_limit_bytes"].as_u64().unwrap_or(USUAL_BUFFER);
    let help = "set per_connection_buffer_limit_bytes to 52428800 (50 MiB) on the listener and every cluster";
    let mut listeners: Vec<u64> = dump.own_listeners().map(limit).collect();
    listeners.sort_unstable();
    let Some(largest) = listeners.last().copied() else { return };
    if largest <= USUAL_BUFFER {
        found.add(
            "the listener accepts bodies up to 1 MiB only: larger ones, such as images, fail with 413",
            help,
        );
    }
    for group in document["groups"].as_array().into_iter().flatten() {
        let name = group["cluster"].as_str().unwrap_or_default();
        if let Some(cluster) = dump.cluster(name)
            && limit(cluster) < largest
        {
            found.add(
                &format!("cluster {name:?} has a smaller buffer than the listener: long responses fail"),
                help,
            );
        }
    }
}

/// Whether the routes let the filter say where a request goes, and whether it is tried again.
fn routes(found: &mut Findings, dump: &Dump) {
    let hosts =
        dump.routes.iter().flat_map(|config| config["virtual_hosts"].as_array().into_iter().flatten());
    let routes = hosts.flat_map(|host| host["routes"].as_array().into_iter().flatten());
    let mut own = routes
        .map(|route| &route["route"])
        .filter(|route| route["cluster_header"] == CLUSTER_HEADER)
        .peekable();
    if own.peek().is_none() {
        found.add(
            &format!("no route uses the header {CLUSTER_HEADER}: requests do not reach the cluster that the filter selects"),
            &format!("add a route for `prefix: /` with `cluster_header: {CLUSTER_HEADER}`"),
        );
        return;
    }
    let (mut retries, mut redirects) = (true, true);
    for route in own {
        let policy = &route["retry_policy"];
        let names_it = policy["retriable_headers"].to_string().contains(RETRY_HEADER);
        retries &= names_it && policy["retry_on"].as_str().is_some_and(|on| on.contains("retriable-headers"));
        redirects &= route["internal_redirect_policy"].is_object();
    }
    if !retries {
        found.add(
            "a route does not retry what the filter marks: provider errors are not retried",
            &format!("add `retriable-headers` to retry_on of its retry_policy, and {RETRY_HEADER} to retriable_headers"),
        );
    }
    if !redirects {
        found.add(
            "a route has no internal_redirect_policy: fallbacks to other model groups do not work",
            "copy internal_redirect_policy from the output of `switchboard render`",
        );
    }
}

/// Whether the key service answers the filter.
fn key_service(found: &mut Findings, dump: &Dump, document: &Value, calls: Calls) {
    let Some(name) = document["keys"]["cluster"].as_str() else { return };
    if dump.cluster(name).is_none() {
        found.add(
            &format!("the cluster {name:?} is missing: the filter cannot reach the key service"),
            "copy the cluster from the output of `switchboard render`",
        );
        return;
    }
    match calls {
        Calls { answered: 1.., .. } => {}
        Calls { refused: 1.., .. } => found.add(
            "the key service rejects the filter's calls",
            "start Envoy and switchboard-keys with the same SWITCHBOARD_INTERNAL_TOKEN",
        ),
        Calls { failed: 1.., .. } => found.add(
            "the key service does not answer: unknown keys get 503, and usage is not recorded yet",
            &format!(
                "start switchboard-keys, and set the endpoint of {name:?} to its --internal-listen address"
            ),
        ),
        Calls { .. } => found.add(
            "the filter is not running: it calls the key service every second, but no calls were seen",
            "check Envoy's log for errors from the filter; a variable may be missing in Envoy's environment",
        ),
    }
}
