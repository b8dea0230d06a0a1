//! Switchboard in somebody's own Envoy: rendered, changed by hand, and started without the launcher.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::artefacts::{envoy, filter, launcher};
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
    port: u16,
    admin: u16,
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
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).to_str().expect("a path in UTF-8").to_owned();
        std::fs::write(at("config.yaml"), config.text()).expect("a file");
        let (port, admin, keys) = (free_port(), free_port(), free_ports(2));
        let mut environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.push(("SWITCHBOARD_MASTER_KEY".to_owned(), MASTER_KEY.to_owned()));
        environment.push(("SWITCHBOARD_INTERNAL_TOKEN".to_owned(), "a-long-random-text".to_owned()));

        let owned = |arguments: &[&str]| arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let wasm = filter();
        let mut render = Child::start(
            &launcher(),
            &owned(&[
                "render",
                "--config",
                &at("config.yaml"),
                "--out",
                &at("envoy"),
                "--port",
                &port.to_string(),
                "--admin-port",
                &admin.to_string(),
                "--keys-port",
                &keys.to_string(),
                "--wasm",
                wasm.to_str().expect("a path in UTF-8"),
            ]),
            &environment,
        );
        let status = render.wait(Duration::from_secs(10));
        assert!(status.success(), "{}", render.stderr.text());
        let rendered = std::fs::read_to_string(at("envoy/envoy.yaml")).expect("what was rendered");
        std::fs::write(at("changed.yaml"), change(rendered)).expect("a file");

        let keys = Child::start(
            &launcher().with_file_name("switchboard-keys"),
            &owned(&[
                "serve",
                "--listen",
                &format!("127.0.0.1:{keys}"),
                "--internal-listen",
                &format!("127.0.0.1:{}", keys + 1),
                "--data-dir",
                &at("data"),
            ]),
            &environment,
        );
        let envoy = start_envoy(&at("changed.yaml"), 1, &environment);
        let mut running = Self { envoy, keys, port, admin, environment, others: Vec::new(), folder };
        wait_until_ready(&mut running.envoy, admin).await;
        running
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
        let path = at(&format!("envoy-{port}.yaml"));
        std::fs::write(&path, second).expect("a file");
        let mut envoy = start_envoy(&path, workers, &self.environment);
        wait_until_ready(&mut envoy, admin).await;
        self.others.push(envoy);
        Client::new(format!("http://127.0.0.1:{port}"))
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(format!("http://127.0.0.1:{}", self.port))
    }
}

fn start_envoy(config: &str, workers: u32, environment: &[(String, String)]) -> Child {
    let workers = workers.to_string();
    let arguments = ["--config-path", config, "--concurrency", &workers, "--disable-hot-restart"];
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
            child.signal(Signal::TERM);
        }
        if !std::thread::panicking() {
            for child in [&mut self.envoy, &mut self.keys].into_iter().chain(&mut self.others) {
                child.wait(Duration::from_secs(10));
            }
        }
    }
}
