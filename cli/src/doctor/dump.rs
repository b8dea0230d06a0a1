//! Envoy's `/config_dump`, as far as a diagnosis needs it. Wherever a part came from (the bootstrap, a file, a control
//! plane), it is found by its type.

use serde_json::Value;

/// What an Envoy runs by.
#[derive(Debug, Default)]
pub struct Dump {
    /// Listeners that are in use.
    pub listeners: Vec<Value>,
    /// Clusters that are in use.
    pub clusters: Vec<Value>,
    /// All routes.
    pub routes: Vec<Value>,
    /// Filters of listeners, and those that are discovered apart.
    filters: Vec<Plugin>,
}

/// A use of a wasm filter.
#[derive(Clone, Debug)]
pub struct Plugin(Value);

impl Dump {
    /// Reads `/config_dump`.
    pub fn parse(dump: &Value) -> Self {
        let mut read = Self::default();
        for section in dump["configs"].as_array().into_iter().flatten() {
            let kind = section["@type"].as_str().unwrap_or_default();
            let kind = kind.rsplit('.').next().unwrap_or_default();
            match kind {
                "ClustersConfigDump" => read.clusters.extend(parts(section, "cluster")),
                "ListenersConfigDump" => read.listeners.extend(parts(section, "listener")),
                "RoutesConfigDump" => read.routes.extend(parts(section, "route_config")),
                "EcdsConfigDump" => collect_plugins(section, &mut read.filters),
                _ => {}
            }
        }
        for listener in &read.listeners {
            collect_plugins(listener, &mut read.filters);
            collect_inline_routes(listener, &mut read.routes);
        }
        read
    }

    /// Uses of the filter in that role on listeners.
    pub fn on_listeners<'a>(&'a self, root_id: &'a str) -> impl Iterator<Item = &'a Plugin> {
        self.filters.iter().filter(move |plugin| plugin.root_id() == root_id)
    }

    /// The cluster of that name.
    pub fn cluster(&self, name: &str) -> Option<&Value> {
        self.clusters.iter().find(|cluster| cluster["name"] == name)
    }

    /// Listeners that have the filter, or find it apart.
    pub fn own_listeners(&self) -> impl Iterator<Item = &Value> {
        let has = |listener: &&Value| {
            let text = listener.to_string();
            text.contains("filters.http.wasm.v3.Wasm") || text.contains("config_discovery")
        };
        self.listeners.iter().filter(has)
    }
}

/// The uses of wasm filters in a part.
pub(super) fn plugins(part: &Value) -> Vec<Plugin> {
    let mut found = Vec::new();
    collect_plugins(part, &mut found);
    found
}

/// The values of that name in the entries of a section, which are listed by how they came and whether they are in use.
fn parts(section: &Value, name: &str) -> Vec<Value> {
    let lists = section.as_object().into_iter().flatten();
    let used = lists.filter(|(list, _)| !list.contains("warming") && !list.contains("draining"));
    let entries = used.flat_map(|(_, entries)| entries.as_array().into_iter().flatten());
    let of = |entry: &Value| {
        let state = if entry["active_state"].is_object() { &entry["active_state"] } else { entry };
        state.get(name).cloned()
    };
    entries.filter_map(of).collect()
}

fn collect_plugins(value: &Value, found: &mut Vec<Plugin>) {
    match value {
        Value::Object(fields) => {
            let is_wasm =
                |kind: &Value| kind.as_str().is_some_and(|kind| kind.ends_with("filters.http.wasm.v3.Wasm"));
            if fields.get("@type").is_some_and(is_wasm) {
                found.extend(fields.get("config").cloned().map(Plugin));
                return;
            }
            fields.values().for_each(|value| collect_plugins(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_plugins(value, found)),
        _ => {}
    }
}

fn collect_inline_routes(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("route_config").cloned());
            let others = fields.iter().filter(|(name, _)| *name != "route_config");
            others.for_each(|(_, value)| collect_inline_routes(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_inline_routes(value, found)),
        _ => {}
    }
}

impl Plugin {
    /// `root_id`
    pub fn root_id(&self) -> &str {
        self.0["root_id"].as_str().unwrap_or_default()
    }

    /// `allow_on_headers_stop_iteration`
    pub fn may_wait(&self) -> bool {
        self.0["allow_on_headers_stop_iteration"] == true
    }

    /// `failure_policy`, by its name.
    pub fn failure_policy(&self) -> &str {
        if self.0["fail_open"] == true {
            return "FAIL_OPEN";
        }
        self.0["failure_policy"].as_str().unwrap_or("UNSPECIFIED")
    }

    /// `vm_config`, which is the same for all uses that share a VM.
    pub fn vm(&self) -> &Value {
        &self.0["vm_config"]
    }

    /// The filter's own configuration.
    pub fn configuration(&self) -> Value {
        let text = self.0["configuration"]["value"].as_str().unwrap_or_default();
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Names of the variables that it gets of Envoy's environment.
    pub fn variables(&self) -> Vec<&str> {
        let names = self.vm()["environment_variables"]["host_env_keys"].as_array();
        names.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Names of the variables whose values are in the configuration.
    pub fn inline_variables(&self) -> Vec<&str> {
        let values = self.vm()["environment_variables"]["key_values"].as_object();
        values.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }
}
