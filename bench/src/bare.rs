//! Bare Envoy: the configuration that the gateway's Envoy has, without the filter.
//!
//! It is made from the gateway's own, so that the two cannot come to differ in anything else.

use std::error::Error;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard_cli::up::allocator;
use switchboard_e2e::{Child, Client, Stack, envoy, free_ports};

const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// The one upstream filter that bare Envoy needs.
const CODEC: &str = "envoy.filters.http.upstream_codec";

/// A running Envoy without the filter.
pub struct Bare {
    process: Child,
    /// Where it listens.
    pub port: u16,
}

impl Bare {
    /// Starts it beside a gateway, in front of the same provider.
    pub fn start(gateway: &Stack) -> Result<Self, Box<dyn Error>> {
        let port = free_ports(2);
        let bootstrap = std::fs::read_to_string(gateway.data_dir.join("envoy.json"))?;
        let mut config: Value = serde_json::from_str(&bootstrap)?;
        let dump = dumped(gateway)?;
        discovered(&dump)
            .and_then(|parts| join(&mut config, parts))
            .and_then(|()| strip(&mut config, port))
            .ok_or("the gateway's configuration is not as it was when this was written")?;
        let path = gateway.data_dir.join("bare.json");
        std::fs::write(&path, config.to_string())?;
        let path = path.to_str().ok_or("a path in UTF-8")?;
        let arguments =
            ["--config-path", path, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"];
        // As the launcher does.
        let environment = [(allocator::TUNABLES.to_owned(), allocator::tunables())];
        let mut process = Child::start(&envoy(), &arguments.map(str::to_owned), &environment);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if process.ended().is_some() || begun.elapsed() > Duration::from_secs(20) {
                return Err(format!("bare Envoy did not start:\n{}", process.stderr.text()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { process, port })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// What the gateway's Envoy says of its configuration.
fn dumped(gateway: &Stack) -> Result<Value, Box<dyn Error>> {
    let admin = gateway.admin;
    // Benchmarks may or may not run in a runtime.
    let dump = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::new(format!("http://127.0.0.1:{admin}"));
        Ok::<_, std::io::Error>(
            runtime.block_on(async { client.get("/config_dump").send().await.expect(200).text() }),
        )
    });
    let text = dump.join().map_err(|_| "Envoy's admin interface does not answer")??;
    Ok(serde_json::from_str(&text)?)
}

/// Clusters, routes and listeners of a dump.
fn discovered(dump: &Value) -> Option<[Value; 3]> {
    let configs = dump["configs"].as_array()?;
    let all = |list: &str, path: &str| -> Value {
        let found = configs.iter().filter_map(|config| config[list].as_array()).flatten();
        found.filter_map(|one| one.pointer(path)).cloned().collect()
    };
    let parts = [
        all("dynamic_active_clusters", "/cluster"),
        all("dynamic_route_configs", "/route_config"),
        all("dynamic_listeners", "/active_state/listener"),
    ];
    parts.iter().all(|part| part.as_array().is_some_and(|part| !part.is_empty())).then_some(parts)
}

/// Puts the parts that the gateway's Envoy has discovered into its bootstrap configuration.
fn join(config: &mut Value, parts: [Value; 3]) -> Option<()> {
    let [clusters, mut routes, mut listeners] = parts.map(|mut resources| {
        for resource in resources.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            resource.remove("@type");
        }
        resources
    });
    let manager = listeners.pointer_mut("/0/filter_chains/0/filters/0/typed_config")?.as_object_mut()?;
    manager.remove("rds")?;
    manager.insert("route_config".to_owned(), routes.get_mut(0)?.take());
    let config = config.as_object_mut()?;
    config.remove("dynamic_resources")?;
    config.insert("static_resources".to_owned(), json!({ "listeners": listeners, "clusters": clusters }));
    Some(())
}

/// Takes the filter out of a configuration, and moves it to other ports. Nothing where it is not as expected.
fn strip(config: &mut Value, port: u16) -> Option<()> {
    *config.pointer_mut("/admin/address/socket_address/port_value")? = json!(port + 1);
    let resources = config.get_mut("static_resources")?;
    let clusters = resources.get_mut("clusters")?.as_array_mut()?;
    for cluster in clusters.iter_mut() {
        // The gateway's own listener has none.
        let Some(options) = cluster.get_mut("typed_extension_protocol_options") else { continue };
        let options = options.get_mut(HTTP_OPTIONS)?;
        options.get_mut("http_filters")?.as_array_mut()?.retain(|filter| filter["name"] == CODEC);
    }
    // All groups have the same provider behind them.
    let is_group = |cluster: &&Value| cluster["name"].as_str().is_some_and(|name| name.starts_with("group:"));
    let cluster = clusters.iter().find(is_group)?.get("name")?.clone();
    let listener = resources.get_mut("listeners")?.get_mut(0)?;
    *listener.pointer_mut("/address/socket_address/port_value")? = json!(port);
    let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config")?;
    let filters = manager.get_mut("http_filters")?.as_array_mut()?;
    let before = filters.len();
    filters.retain(|filter| !is_wasm(filter));
    if filters.len() == before {
        return None;
    }
    for route in manager.pointer_mut("/route_config/virtual_hosts/0/routes")?.as_array_mut()? {
        // Others are answered by Envoy itself.
        let Some(action) = route.get_mut("route").and_then(Value::as_object_mut) else { continue };
        if action.remove("cluster_header").is_some() {
            action.insert("cluster".to_owned(), cluster.clone());
        }
    }
    Some(())
}

/// The listener's filter, which may be there by its name only.
fn is_wasm(filter: &Value) -> bool {
    filter["name"] == "envoy.filters.http.wasm" || filter.get("config_discovery").is_some()
}
