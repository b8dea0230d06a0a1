//! Several Envoys, several key services, and one database.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::artefacts::{envoy, filter, is_native, launcher, module};
use crate::client::Client;
use crate::config::Config;
use crate::nursery::Child;
use crate::ports::{free_port, free_ports};
use crate::stack::MASTER_KEY;

/// An Envoy of a fleet.
#[derive(Debug)]
pub struct Member {
    /// The process.
    pub envoy: Child,
    /// Where clients connect.
    pub port: u16,
    /// Its administration.
    pub admin: u16,
}

impl Member {
    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(format!("http://127.0.0.1:{}", self.port))
    }

    /// Whether it accepts requests.
    pub async fn is_ready(&self) -> bool {
        let admin = Client::new(format!("http://127.0.0.1:{}", self.admin));
        admin.get("/ready").try_send().await.is_ok_and(|answer| answer.status == 200)
    }

    /// Waits until it accepts requests.
    pub async fn wait_until_ready(&mut self) {
        let patience = Instant::now() + Duration::from_secs(30);
        while !self.is_ready().await {
            let log = self.envoy.stderr.text();
            assert!(self.envoy.ended().is_none() && Instant::now() < patience, "{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Envoys with the bootstrap of `render --format discovery`, and key services behind one address.
#[derive(Debug)]
pub struct Fleet {
    /// The Envoys.
    pub members: Vec<Member>,
    keys: Vec<(u16, Option<Child>)>,
    /// Where the Envoys reach the key services: its internal port is the next.
    service: u16,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Fleet {
    /// Starts so many Envoys and key services, and waits until all are ready. Secrets must be references to `environment`.
    pub async fn start(
        config: &Config,
        database: &str,
        environment: &[(&str, &str)],
        (envoys, services): (usize, usize),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut add = |name: &str, value: &str| environment.push((name.to_owned(), value.to_owned()));
        add("SWITCHBOARD_MASTER_KEY", MASTER_KEY);
        add("SWITCHBOARD_INTERNAL_TOKEN", "a-long-random-text");
        add("DATABASE_URL", database);
        add("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", text(module().parent().expect("a folder")));
        let keys: Vec<_> = (0..services).map(|_| (free_ports(2), None)).collect();
        let service = free_ports(2);
        let backends: Arc<[u16]> = keys.iter().map(|(port, _)| *port).collect();
        for offset in 0..2 {
            balance(service + offset, Arc::clone(&backends), offset).expect("a port");
        }
        let arguments = Vec::new();
        let mut fleet = Self { members: Vec::new(), keys, service, environment, arguments, folder };
        fleet.rewrite(config);
        for at in 0..services {
            fleet.start_keys(at);
        }
        for at in 0..envoys {
            fleet.add_envoy();
            fleet.members[at].wait_until_ready().await;
        }
        fleet
    }

    /// Starts another Envoy, and does not wait until it is ready.
    pub fn add_envoy(&mut self) -> &mut Member {
        let (port, admin) = (free_port(), free_port());
        let out = self.folder.path().join(format!("envoy-{port}"));
        let config = self.folder.path().join("config.yaml");
        let mut arguments: Vec<String> =
            ["render", "--format", "discovery", "--host", "127.0.0.1", "--keys-host", "127.0.0.1"]
                .map(str::to_owned)
                .into();
        let host = if is_native() { "native" } else { "wasm" };
        for (option, value) in [
            ("--config", text(&config)),
            ("--out", text(&out)),
            ("--filter", host),
            ("--wasm", text(&filter())),
            ("--ca-bundle", text(&self.authorities())),
            ("--port", &port.to_string()),
            ("--admin-port", &admin.to_string()),
            ("--keys-port", &self.service.to_string()),
        ] {
            arguments.extend([option.to_owned(), value.to_owned()]);
        }
        let mut render = Child::start(&launcher(), &arguments, &self.environment);
        assert!(render.wait(Duration::from_secs(10)).success(), "{}", render.stderr.text());
        let bootstrap = out.join("discovery.yaml");
        let name = format!("envoy-{}", self.members.len());
        let arguments = ["--config-path", text(&bootstrap), "--service-node", &name, "--concurrency", "1"];
        let more = ["--disable-hot-restart", "--log-level", "warning"];
        let arguments: Vec<String> = arguments.into_iter().chain(more).map(str::to_owned).collect();
        // It has no database and no provider's secrets.
        let own =
            |(name, _): &&(String, String)| name.starts_with("SWITCHBOARD_") || name.starts_with("ENVOY_");
        let environment: Vec<_> = self.environment.iter().filter(own).cloned().collect();
        self.members.push(Member { envoy: Child::start(&envoy(), &arguments, &environment), port, admin });
        self.members.last_mut().expect("the new one")
    }

    /// More options for key services that are started from now on.
    pub fn keys_options(&mut self, options: &[&str]) {
        self.arguments = options.iter().map(|option| (*option).to_owned()).collect();
    }

    /// Starts a key service, again if it was killed.
    pub fn start_keys(&mut self, at: usize) {
        let config = self.folder.path().join("config.yaml");
        let data = self.folder.path().join(format!("data-{at}"));
        let (port, child) = &mut self.keys[at];
        let mut arguments: Vec<String> =
            ["serve", "--config", text(&config), "--data-dir", text(&data)].map(str::to_owned).into();
        arguments.extend(["--listen".to_owned(), format!("127.0.0.1:{port}")]);
        arguments.extend(["--internal-listen".to_owned(), format!("127.0.0.1:{}", *port + 1)]);
        arguments.extend(self.arguments.iter().cloned());
        let program = launcher().with_file_name("switchboard-keys");
        *child = Some(Child::start(&program, &arguments, &self.environment));
    }

    /// Kills a key service, as the kernel does when memory runs out.
    pub fn kill_keys(&mut self, at: usize) {
        if let Some(mut child) = self.keys[at].1.take() {
            child.signal(Signal::KILL);
            child.wait(Duration::from_secs(5));
        }
    }

    /// Asks a key service to end, as Kubernetes does when it replaces a pod, and waits for it.
    pub fn stop_keys(&mut self, at: usize) {
        if let Some(mut child) = self.keys[at].1.take() {
            child.signal(Signal::TERM);
            let status = child.wait(Duration::from_secs(15));
            assert!(status.success(), "{status}: {}", child.stderr.text());
        }
    }

    /// What a key service has logged since it was started.
    pub fn keys_log(&self, at: usize) -> String {
        self.keys[at].1.as_ref().map(|child| child.stderr.text()).unwrap_or_default()
    }

    /// A client of a key service's public port.
    pub fn keys_client(&self, at: usize) -> Client {
        Client::new(format!("http://127.0.0.1:{}", self.keys[at].0))
    }

    /// Puts another text into the place of `config.yaml`.
    pub fn rewrite(&self, config: &Config) {
        let path = self.folder.path().join("config.yaml");
        let beside = path.with_extension("new");
        std::fs::write(&beside, config.text()).expect("a file");
        std::fs::rename(&beside, &path).expect("a file in its place");
    }

    /// The certificates of authorities that the Envoys trust, which no test needs: Envoy rejects a provider with TLS.
    fn authorities(&self) -> std::path::PathBuf {
        let path = self.folder.path().join("authorities.pem");
        std::fs::write(&path, "").expect("a file");
        path
    }

    /// Where everything lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let keys = self.keys.iter_mut().filter_map(|(_, child)| child.as_mut());
        let mut all: Vec<_> = self.members.iter_mut().map(|member| &mut member.envoy).chain(keys).collect();
        for child in &all {
            child.signal(Signal::TERM);
        }
        if !std::thread::panicking() {
            for child in &mut all {
                child.wait(Duration::from_secs(15));
            }
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A `Service`: connections go to the backends in turn, except those where nobody listens.
fn balance(port: u16, backends: Arc<[u16]>, offset: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // It ends with the process.
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let next = Arc::new(AtomicUsize::new(0));
        loop {
            let (mut client, _) = listener.accept().await?;
            let (backends, next) = (Arc::clone(&backends), Arc::clone(&next));
            tokio::spawn(async move {
                for _ in 0..backends.len() {
                    let at = next.fetch_add(1, Ordering::Relaxed) % backends.len();
                    let address = (Ipv4Addr::LOCALHOST, backends[at] + offset);
                    if let Ok(mut backend) = TcpStream::connect(address).await {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut backend).await;
                        return;
                    }
                }
            });
        }
    };
    std::thread::spawn(move || -> io::Result<()> { runtime.block_on(serve) });
    Ok(())
}
