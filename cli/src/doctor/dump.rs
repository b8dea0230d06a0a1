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

/// A use of the filter.
#[derive(Clone, Debug)]
pub struct Plugin {
    host: Host,
    fields: Value,
}

/// What runs a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// A wasm VM.
    Wasm,
    /// Envoy itself, as a dynamic module.
    Native,
}

/// The filters' types, which say what runs them.
const KINDS: [(&str, Host); 2] = [
    ("filters.http.wasm.v3.Wasm", Host::Wasm),
    ("filters.http.dynamic_modules.v3.DynamicModuleFilter", Host::Native),
];

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
    pub fn on_listeners<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Plugin> {
        self.filters.iter().filter(move |plugin| plugin.role() == role)
    }

    /// The cluster of that name.
    pub fn cluster(&self, name: &str) -> Option<&Value> {
        self.clusters.iter().find(|cluster| cluster["name"] == name)
    }

    /// Listeners that have the filter, or find it apart.
    pub fn own_listeners(&self) -> impl Iterator<Item = &Value> {
        let has = |listener: &&Value| {
            let text = listener.to_string();
            KINDS.iter().any(|(kind, _)| text.contains(kind)) || text.contains("config_discovery")
        };
        self.listeners.iter().filter(has)
    }
}

/// The uses of filters of a host in a part.
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
            let kind = fields.get("@type").and_then(Value::as_str).unwrap_or_default();
            match KINDS.iter().find(|(known, _)| kind.ends_with(known)) {
                Some((_, Host::Wasm)) => {
                    let config = fields.get("config").cloned();
                    found.extend(config.map(|fields| Plugin { host: Host::Wasm, fields }));
                    return;
                }
                Some((_, Host::Native)) => {
                    found.push(Plugin { host: Host::Native, fields: value.clone() });
                    return;
                }
                None => {}
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
    /// What runs it.
    pub fn host(&self) -> Host {
        self.host
    }

    /// The filter's role: `root_id` in wasm, `filter_name` of a module.
    pub fn role(&self) -> &str {
        let name = match self.host {
            Host::Wasm => "root_id",
            Host::Native => "filter_name",
        };
        self.fields[name].as_str().unwrap_or_default()
    }

    /// `allow_on_headers_stop_iteration`, in wasm.
    pub fn may_wait(&self) -> bool {
        self.fields["allow_on_headers_stop_iteration"] == true
    }

    /// `failure_policy`, by its name, in wasm.
    pub fn failure_policy(&self) -> &str {
        if self.fields["fail_open"] == true {
            return "FAIL_OPEN";
        }
        self.fields["failure_policy"].as_str().unwrap_or("UNSPECIFIED")
    }

    /// `dynamic_module_config.do_not_close`, of a module.
    pub fn stays(&self) -> bool {
        self.fields["dynamic_module_config"]["do_not_close"] == true
    }

    /// What must be the same in both roles, so that they share their state: the VM's configuration, or the module's.
    pub fn vm(&self) -> &Value {
        match self.host {
            Host::Wasm => &self.fields["vm_config"],
            Host::Native => &self.fields["dynamic_module_config"]["name"],
        }
    }

    /// The filter's own configuration.
    pub fn configuration(&self) -> Value {
        let name = match self.host {
            Host::Wasm => "configuration",
            Host::Native => "filter_config",
        };
        let text = self.fields[name]["value"].as_str().unwrap_or_default();
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Names of the variables that it gets of Envoy's environment; `None` if it gets all.
    pub fn variables(&self) -> Option<Vec<&str>> {
        let names = self.fields["vm_config"]["environment_variables"]["host_env_keys"].as_array();
        let names = || names.into_iter().flatten().filter_map(Value::as_str).collect();
        (self.host == Host::Wasm).then(names)
    }

    /// Names of the variables whose values are in the configuration.
    pub fn inline_variables(&self) -> Vec<&str> {
        let values = self.fields["vm_config"]["environment_variables"]["key_values"].as_object();
        values.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }
}
