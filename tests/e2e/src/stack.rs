//! The whole of Switchboard, as its users start it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::artefacts::{envoy, filter, is_native, launcher, module, other_keys};
use crate::client::Client;
use crate::config::Config;
use crate::nursery::{Child, send};
use crate::ports::{free_port, free_ports};

/// The master key of every stack.
pub const MASTER_KEY: &str = "sk-master-0123456789abcdef";

/// How a stack is to be started.
#[derive(Clone, Debug)]
pub struct Setup {
    config: String,
    environment: Vec<(String, String)>,
    concurrency: u32,
    launcher: Option<PathBuf>,
    filter: Option<PathBuf>,
    native: bool,
    data_dir: Option<PathBuf>,
    port: Option<u16>,
    access_log: bool,
    memory_limit: Option<String>,
    metrics: Option<u16>,
}

impl Setup {
    /// With that configuration, one worker, and [`MASTER_KEY`].
    pub fn new(config: &Config) -> Self {
        Self::of_text(config.text())
    }

    /// With that text as `config.yaml`.
    pub fn of_text(config: String) -> Self {
        let environment = vec![("LITELLM_MASTER_KEY".to_owned(), MASTER_KEY.to_owned())];
        Self {
            config,
            environment,
            concurrency: 1,
            launcher: None,
            filter: None,
            native: is_native(),
            data_dir: None,
            port: None,
            access_log: false,
            memory_limit: None,
            metrics: None,
        }
    }

    /// Sets a variable of the launcher's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Without a master key: the launcher makes one.
    #[must_use]
    pub fn without_master_key(mut self) -> Self {
        self.environment.retain(|(name, _)| name != "LITELLM_MASTER_KEY");
        self
    }

    /// With so many workers.
    #[must_use]
    pub fn workers(mut self, count: u32) -> Self {
        self.concurrency = count;
        self
    }

    /// With another build: a folder with the launcher, the key service and the filter, as an unpacked release is.
    #[must_use]
    pub fn release(mut self, folder: &Path) -> Self {
        self.launcher = Some(folder.join("switchboard"));
        self.filter(folder.join("switchboard.wasm"))
    }

    /// With another build of the filter.
    #[must_use]
    pub fn filter(mut self, path: PathBuf) -> Self {
        self.filter = Some(path);
        self
    }

    /// On the native host, or in wasm, whatever `$SWITCHBOARD_HOST` says.
    #[must_use]
    pub fn native(mut self, native: bool) -> Self {
        self.native = native;
        self
    }

    /// With a data directory that outlives the stack.
    #[must_use]
    pub fn data_dir(mut self, path: &Path) -> Self {
        self.data_dir = Some(path.to_owned());
        self
    }

    /// On that port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// With a line in its log for every request.
    #[must_use]
    pub fn access_log(mut self) -> Self {
        self.access_log = true;
        self
    }

    /// With so much memory for Envoy, as `512Mi`.
    #[must_use]
    pub fn memory_limit(mut self, limit: &str) -> Self {
        self.memory_limit = Some(limit.to_owned());
        self
    }

    /// With a port of its own for the metrics: [`Stack::metrics`].
    #[must_use]
    pub fn metrics(mut self) -> Self {
        self.metrics = Some(free_port());
        self
    }

    /// Starts it, and waits until it is ready.
    pub fn start(self) -> Stack {
        let begun = Instant::now();
        let mut stack = self.launch();
        let line = stack.launcher.wait_for_line("ready ", Duration::from_secs(30));
        stack.ready_after = begun.elapsed();
        assert_eq!(line, format!("ready {}", stack.base()));
        stack
    }

    /// Starts it, and does not wait.
    pub fn launch(self) -> Stack {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, &self.config).expect("a file");
        let (port, admin, keys) = (self.port.unwrap_or_else(free_port), free_port(), free_ports(2));
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        let data_dir = self.data_dir.unwrap_or_else(|| folder.path().join("data"));
        let mut arguments: Vec<String> = ["up", "--config"].map(str::to_owned).into();
        arguments.extend([text(&path), "--port".to_owned(), port.to_string()]);
        arguments.extend(["--admin-port".to_owned(), admin.to_string()]);
        arguments.extend(["--keys-port".to_owned(), keys.to_string()]);
        arguments.extend(["--data-dir".to_owned(), text(&data_dir)]);
        arguments.extend(["--concurrency".to_owned(), self.concurrency.to_string()]);
        arguments.extend(["--envoy".to_owned(), text(&envoy())]);
        if self.native {
            let module = text(&self.filter.unwrap_or_else(module));
            arguments.extend(["--filter".to_owned(), "native".to_owned(), "--module".to_owned(), module]);
        } else {
            arguments.extend(["--wasm".to_owned(), text(&self.filter.unwrap_or_else(filter))]);
        }
        if self.launcher.is_none()
            && let Some(keys) = other_keys()
        {
            arguments.extend(["--keys".to_owned(), text(&keys)]);
        }
        if self.access_log {
            arguments.extend(["--access-log", "-"].map(str::to_owned));
        }
        if let Some(limit) = self.memory_limit {
            arguments.extend(["--memory-limit".to_owned(), limit]);
        }
        if let Some(port) = self.metrics {
            arguments.extend(["--metrics-port".to_owned(), port.to_string()]);
        }
        let launcher = Child::start(&self.launcher.unwrap_or_else(launcher), &arguments, &self.environment);
        let metrics = self.metrics;
        Stack { launcher, port, admin, keys, metrics, data_dir, folder, ready_after: Duration::ZERO }
    }
}

/// A running stack. Dropped, it is stopped as its users stop it, and has to end well.
#[derive(Debug)]
pub struct Stack {
    /// The process that was started.
    pub launcher: Child,
    /// Where clients connect.
    pub port: u16,
    /// Envoy's administration.
    pub admin: u16,
    /// The key service's public port.
    pub keys: u16,
    /// `--metrics-port`, if it was asked for.
    pub metrics: Option<u16>,
    /// `--data-dir`
    pub data_dir: PathBuf,
    /// From the start to `ready`.
    pub ready_after: Duration,
    folder: TempDir,
}

impl Stack {
    /// `http://127.0.0.1:PORT`
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client of it, for this test's runtime.
    pub fn client(&self) -> Client {
        Client::new(self.base())
    }

    /// A client of Envoy's administration.
    pub fn admin(&self) -> Client {
        Client::new(format!("http://127.0.0.1:{}", self.admin))
    }

    /// Makes a key.
    pub async fn generate_key(&self, fields: Value) -> Value {
        self.client().post("/key/generate", &fields).key(MASTER_KEY).send().await.expect(200).json()
    }

    /// Makes a key that may do everything, and gives it.
    pub async fn key(&self) -> String {
        self.generate_key(json!({})).await["key"].as_str().expect("a key").to_owned()
    }

    /// Envoy's process.
    pub fn envoy_pid(&self) -> u32 {
        let pids = self.launcher.children("envoy");
        assert_eq!(pids.len(), 1, "one Envoy should run: {pids:?}");
        pids[0]
    }

    /// The key service's process, if it runs.
    pub fn keys_pid(&self) -> Option<u32> {
        self.launcher.children("switchboard-keys").first().copied()
    }

    /// Kills a process of the stack, as the kernel does when memory runs out.
    pub fn kill(&self, pid: u32) {
        send(pid, Signal::KILL);
    }

    /// Stops a process of the stack until [`Self::thaw`], and waits until all its threads have stopped: on a busy machine
    /// some go on for a while.
    pub fn freeze(&self, pid: u32) {
        send(pid, Signal::STOP);
        let patience = Instant::now() + Duration::from_secs(10);
        let runs = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            !stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
        };
        let tasks = || std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
        while tasks().any(|task| runs(task.expect("a thread"))) {
            assert!(Instant::now() < patience, "process {pid} does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets a process go on.
    pub fn thaw(&self, pid: u32) {
        send(pid, Signal::CONT);
    }

    /// Puts another text into the place of `config.yaml`.
    pub fn rewrite(&self, text: &str) {
        let path = self.folder.path().join("config.yaml");
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).expect("a file");
        std::fs::rename(&beside, &path).expect("a file in its place");
    }

    /// Waits until it has logged those words so often.
    pub async fn wait_for_log(&self, words: &str, times: usize) {
        let patience = Instant::now() + Duration::from_mins(1);
        while self.log().matches(words).count() < times {
            assert!(Instant::now() < patience, "{words:?} was not said {times} times:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.launcher.signal(Signal::TERM);
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        self.launcher.stderr.text()
    }

    /// Stops it, and checks that it ends well.
    pub fn stop(&mut self) {
        if self.launcher.ended().is_none() {
            self.terminate();
        }
        let status = self.launcher.wait(Duration::from_secs(20));
        assert!(status.success(), "switchboard should have exited with 0, not {status}:\n{}", self.log());
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.launcher.ended().is_none() {
            self.stop();
        }
    }
}
