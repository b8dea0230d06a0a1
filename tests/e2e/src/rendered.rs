//! Switchboard in somebody's own Envoy: rendered, changed by hand, and started without the launcher.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::artefacts::{envoy, filter, is_native, launcher, module};
use crate::client::Client;
use crate::config::Config;
use crate::nursery::Child;
use crate::ports::{free_port, free_ports};
use crate::stack::MASTER_KEY;

/// A running Envoy and key service.
#[derive(Debug)]
pub struct Rendered {
    /// Envoy.
    pub envoy: Child,
    /// The key service.
    pub keys: Child,
    /// Envoy's administration.
    pub admin: u16,
    /// The key service's public port; its internal one is the next.
    pub keys_port: u16,
    port: u16,
    environment: Vec<(String, String)>,
    /// Started besides.
    others: Vec<Child>,
    folder: TempDir,
}

impl Rendered {
    /// Renders a configuration, lets `change` edit Envoy's, and starts what is needed. Secrets must be references to
    /// `environment`: what is rendered holds none.
    pub async fn start(
        config: &Config,
        environment: &[(&str, &str)],
        change: impl FnOnce(String) -> String,
    ) -> Self {
        Self::start_with(config, environment, 1, change).await
    }

    /// The same, with so many workers.
    pub async fn start_with(
        config: &Config,
        environment: &[(&str, &str)],
        workers: u32,
        change: impl FnOnce(String) -> String,
    ) -> Self {
        Self::start_as("bootstrap", config, environment, workers, |text, _, _| change(text)).await
    }

    /// The same, with the filter of that host, `wasm` or `native`, whatever `$SWITCHBOARD_HOST` says.
    pub async fn start_on(
        host: &str,
        config: &Config,
        environment: &[(&str, &str)],
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let options = ["--filter", host];
        Self::start_by("bootstrap", &options, config, environment, 1, |text, _, _| change(text)).await
    }

    /// The same for what is rendered in another format: `change` makes Envoy's configuration of it, with the help of a
    /// folder for more files and the port of Envoy's administration.
    pub async fn start_as(
        format: &str,
        config: &Config,
        environment: &[(&str, &str)],
        workers: u32,
        change: impl FnOnce(String, &Path, u16) -> String,
    ) -> Self {
        Self::start_by(format, &[], config, environment, workers, change).await
    }

    /// The same, with more options of `switchboard render`.
    pub async fn start_by(
        format: &str,
        options: &[&str],
        config: &Config,
        environment: &[(&str, &str)],
        workers: u32,
        change: impl FnOnce(String, &Path, u16) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).to_str().expect("a path in UTF-8").to_owned();
        std::fs::write(at("config.yaml"), config.text()).expect("a file");
        let (port, admin, keys) = (free_port(), free_port(), free_ports(2));
        let mut environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.push(("SWITCHBOARD_MASTER_KEY".to_owned(), MASTER_KEY.to_owned()));
        environment.push(("SWITCHBOARD_INTERNAL_TOKEN".to_owned(), "a-long-random-text".to_owned()));

        environment.push(("ENVOY_DYNAMIC_MODULES_SEARCH_PATH".to_owned(), modules()));
        let host = if is_native() && format == "bootstrap" { "native" } else { "wasm" };
        let options = if options.contains(&"--filter") {
            options.to_owned()
        } else {
            [options, &["--filter", host]].concat()
        };
        let rendered = render(folder.path(), format, &options, (port, admin, keys), &environment);
        let credentials = credentials(&rendered);
        let with_config = credentials.is_none();
        environment
            .extend(credentials.map(|credentials| ("SWITCHBOARD_CREDENTIALS".to_owned(), credentials)));
        let changed = change(rendered, folder.path(), admin);
        std::fs::write(at("changed.yaml"), changed).expect("a file");

        let service = start_keys(keys, folder.path(), &environment);
        let is_mesh = matches!(format, "istio" | "envoy-gateway");
        assert_eq!(with_config, !is_mesh, "the manifest of a mesh names the credentials");
        let envoy = start_envoy(&at("changed.yaml"), workers, &environment);
        let mut running = Self {
            envoy,
            keys: service,
            admin,
            keys_port: keys,
            port,
            environment,
            others: Vec::new(),
            folder,
        };
        wait_until_ready(&mut running.envoy, admin).await;
        running.wait_for_gateway().await;
        running
    }

    /// Waits until the gateway has the key service, because Envoy with the native filter is ready sooner; but only for a
    /// while, since some tests break exactly that.
    async fn wait_for_gateway(&mut self) {
        let client = self.client();
        let begun = Instant::now();
        while !client.get("/health/readiness").try_send().await.is_ok_and(|answer| answer.status == 200) {
            let log = self.keys.stderr.text();
            assert!(self.keys.ended().is_none(), "{log}");
            if begun.elapsed() > Duration::from_secs(5) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Panics with Envoy's words if its validation does not take the configuration.
    pub fn assert_valid(&self) {
        let path = self.folder.path().join("changed.yaml");
        let path = path.to_str().expect("a path in UTF-8");
        let arguments =
            ["--mode", "validate", "--log-level", "warning", "--config-path", path, "--service-node", "a"];
        let mut validation = Child::start(&envoy(), &arguments.map(str::to_owned), &self.environment);
        let status = validation.wait(Duration::from_secs(30));
        assert!(status.success(), "{}", validation.stderr.text());
    }

    /// Where everything lies that is written: the configuration, what was rendered, the database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills the key service, as the kernel does when memory runs out.
    pub fn kill_keys(&mut self) {
        self.keys.signal(Signal::KILL);
        self.keys.wait(Duration::from_secs(5));
    }

    /// Starts the key service again, on its old ports and data.
    pub fn start_keys(&mut self) {
        self.keys = start_keys(self.keys_port, self.folder.path(), &self.environment);
    }

    /// Kills Envoy.
    pub fn kill_envoy(&mut self) {
        self.envoy.signal(Signal::KILL);
        self.envoy.wait(Duration::from_secs(5));
    }

    /// Starts Envoy again, with so many workers.
    pub async fn start_envoy(&mut self, workers: u32) {
        let path = self.folder.path().join("changed.yaml");
        let path = path.to_str().expect("a path in UTF-8");
        self.envoy = start_envoy(path, workers, &self.environment);
        wait_until_ready(&mut self.envoy, self.admin).await;
    }

    /// Starts another Envoy with the same configuration on the same key service, and gives a client of it.
    pub async fn another_envoy(&mut self, workers: u32) -> Client {
        let (port, admin) = (free_port(), free_port());
        let at = |name: &str| self.folder.path().join(name).to_str().expect("a path in UTF-8").to_owned();
        let first = std::fs::read_to_string(at("changed.yaml")).expect("the first one's configuration");
        let second = first
            .replace(&format!("port_value: {}", self.port), &format!("port_value: {port}"))
            .replace(&format!("port_value: {}", self.admin), &format!("port_value: {admin}"));
        assert_ne!(first, second, "the ports are written in another way");
        self.start_another(&second, (port, admin), workers).await
    }

    /// The same, with the filter of that host: `wasm` or `native`.
    pub async fn another_envoy_on(&mut self, host: &str, workers: u32) -> Client {
        let (port, admin) = (free_port(), free_port());
        let ports = (port, admin, self.keys_port);
        let options = ["--filter", host];
        let rendered = render(self.folder.path(), "bootstrap", &options, ports, &self.environment);
        self.start_another(&rendered, (port, admin), workers).await
    }

    async fn start_another(&mut self, text: &str, (port, admin): (u16, u16), workers: u32) -> Client {
        let path = self.folder.path().join(format!("envoy-{port}.yaml"));
        std::fs::write(&path, text).expect("a file");
        let mut envoy = start_envoy(path.to_str().expect("a path in UTF-8"), workers, &self.environment);
        wait_until_ready(&mut envoy, admin).await;
        self.others.push(envoy);
        Client::new(format!("http://127.0.0.1:{port}"))
    }

    /// What Envoy and the key service were given.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(format!("http://127.0.0.1:{}", self.port))
    }
}

/// The folder of the module.
fn modules() -> String {
    let module = module();
    module.parent().and_then(Path::to_str).expect("a folder in UTF-8").to_owned()
}

/// Renders `config.yaml` in that folder, for the ports of the gateway, its administration and the key service.
fn render(
    folder: &Path,
    format: &str,
    options: &[&str],
    (port, admin, keys): (u16, u16, u16),
    environment: &[(String, String)],
) -> String {
    let at = |name: String| folder.join(name).to_str().expect("a path in UTF-8").to_owned();
    let owned = |arguments: &[&str]| arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (config, out) = (at("config.yaml".to_owned()), at(format!("rendered-{port}")));
    let mut arguments =
        owned(&["render", "--format", format, "--config", &config, "--out", &out, "--host", "127.0.0.1"]);
    arguments.extend(owned(&["--port", &port.to_string(), "--admin-port", &admin.to_string()]));
    arguments.extend(owned(&["--keys-host", "127.0.0.1", "--keys-port", &keys.to_string()]));
    arguments.extend(owned(options));
    // Istio's agent fetches the filter by its URL.
    if format != "istio" {
        arguments.extend(owned(&["--wasm", filter().to_str().expect("a path in UTF-8")]));
    }
    let mut render = Child::start(&launcher(), &arguments, environment);
    let status = render.wait(Duration::from_secs(10));
    assert!(status.success(), "{}", render.stderr.text());
    std::fs::read_to_string(render.stdout.text().trim()).expect("what was rendered")
}

/// Which credentials the key service of a manifest hands out; `None` if it reads `config.yaml`.
fn credentials(rendered: &str) -> Option<String> {
    let keys = resources_of(rendered).find(|one| one["metadata"]["name"] == "switchboard-keys")?;
    let container = &keys["spec"]["template"]["spec"]["containers"][0];
    if container["args"].as_array()?.iter().any(|argument| argument == "--config") {
        return None;
    }
    let environment = container["env"].as_array()?.clone();
    let named = environment.iter().find(|one| one["name"] == "SWITCHBOARD_CREDENTIALS");
    Some(named.and_then(|named| named["value"].as_str()).unwrap_or("[]").to_owned())
}

fn resources_of(rendered: &str) -> impl Iterator<Item = serde_json::Value> {
    crate::mesh::resources(rendered).into_iter().filter(|one| one["kind"] == "Deployment")
}

/// With `--config`, unless the environment names the credentials.
fn start_keys(port: u16, folder: &Path, environment: &[(String, String)]) -> Child {
    let data = folder.join("data");
    let is_named = environment.iter().any(|(name, _)| name == "SWITCHBOARD_CREDENTIALS");
    let mut arguments = vec![
        "serve".to_owned(),
        "--listen".to_owned(),
        format!("127.0.0.1:{port}"),
        "--internal-listen".to_owned(),
        format!("127.0.0.1:{}", port + 1),
        "--data-dir".to_owned(),
        data.to_str().expect("a path in UTF-8").to_owned(),
    ];
    let config = folder.join("config.yaml");
    let written = std::fs::read_to_string(&config).expect("a file");
    let written: serde_json::Value = serde_json::from_str(&written).unwrap_or_default();
    if let Some(budget) = written["litellm_settings"]["max_budget"].as_f64() {
        arguments.extend(["--max-budget".to_owned(), budget.to_string()]);
    }
    if !is_named {
        arguments.extend(["--config".to_owned(), config.to_str().expect("a path in UTF-8").to_owned()]);
    }
    Child::start(&launcher().with_file_name("switchboard-keys"), &arguments, environment)
}

fn start_envoy(config: &str, workers: u32, environment: &[(String, String)]) -> Child {
    let workers = workers.to_string();
    // Each has a file of its own.
    let name = ["--service-node", config];
    let arguments = ["--config-path", config, "--concurrency", &workers, "--disable-hot-restart"];
    let arguments = arguments.into_iter().chain(name);
    let arguments: Vec<_> =
        arguments.into_iter().chain(["--log-level", "warning"]).map(str::to_owned).collect();
    Child::start(&envoy(), &arguments, environment)
}

async fn wait_until_ready(envoy: &mut Child, admin: u16) {
    let admin = Client::new(format!("http://127.0.0.1:{admin}"));
    let begun = Instant::now();
    while !admin.get("/ready").try_send().await.is_ok_and(|answer| answer.status == 200) {
        let log = envoy.stderr.text();
        assert!(envoy.ended().is_none() && begun.elapsed() < Duration::from_secs(20), "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Drop for Rendered {
    fn drop(&mut self) {
        for child in [&self.envoy, &self.keys].into_iter().chain(&self.others) {
            // Stopped processes hear of it when they go on.
            child.signal(Signal::TERM);
            child.signal(Signal::CONT);
        }
        if !std::thread::panicking() {
            for child in [&mut self.envoy, &mut self.keys].into_iter().chain(&mut self.others) {
                child.wait(Duration::from_secs(10));
            }
        }
    }
}
