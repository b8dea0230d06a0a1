//! `switchboard up`: the key service and Envoy, from the first process to the last request.

pub mod allocator;
mod child;
mod core_files;
pub(crate) mod drain;
pub mod guard;
pub(crate) mod http;
mod key_service;
mod master_key;
mod ports;
pub mod programs;
pub(crate) mod ready;
mod reload;
mod welcome;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::compile::{Origin, Plan};
use crate::config::Secret;
use crate::envoy::discovery::bootstrap;
use crate::envoy::{MODULES_PATH_ENV, Site};
use child::Child;
use key_service::{DATABASE_URL_ENV, KeyService};
use reload::{Files, Watched};

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything listens, and where Envoy finds its files.
    pub site: Site,
    /// Key database, generated master key, Envoy's configuration.
    pub data_dir: PathBuf,
    /// Prices of models over the built-in ones.
    pub prices: Option<PathBuf>,
    /// Worker threads of Envoy; one for each processor when not given.
    pub concurrency: Option<u32>,
    /// Envoy.
    pub envoy: PathBuf,
    /// The key service; nothing when it runs elsewhere, at [`Site::keys_host`].
    pub keys: Option<PathBuf>,
    /// Where that one shows its metrics to everyone, on loopback.
    pub metrics_port: Option<u16>,
    /// Longest time that requests get to finish after a signal.
    pub drain_timeout: Duration,
}

/// Why everything was stopped. Errors in `config.yaml` are diagnostics, not failures.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the plan comes from, to look for another one.
pub struct Source<'a> {
    /// `config.yaml`
    pub path: &'a std::path::Path,
    /// Compiles it again; `None` if it has errors, which have then been reported.
    pub compile: &'a dyn Fn() -> Option<Plan>,
}

/// Runs until a signal ends it well, or a failure does.
pub async fn run(plan: &Plan, options: &Options, source: &Source<'_>) -> Result<(), Failure> {
    core_files::prevent();
    // Before anything is started: a signal that comes now must not leave a child behind.
    let mut signals = Signals::new()?;
    ports::check(options)?;
    let watched = Watched::new(source.path);
    let (configuration, files) = prepare(plan, options)?;
    let mut keys = KeyService::start(plan, options)?;
    let mut envoy = match start_envoy(plan, options, &configuration, &keys.environment) {
        Ok(envoy) => envoy,
        Err(failure) => {
            keys.stop().await;
            return Err(failure);
        }
    };
    let outcome = serve(&mut keys, &mut envoy, (plan, options), &mut signals, (source, watched, files)).await;
    envoy.stop().await;
    keys.stop().await;
    outcome
}

async fn serve(
    keys: &mut KeyService,
    envoy: &mut Child,
    (plan, options): (&Plan, &Options),
    signals: &mut Signals,
    (source, mut watched, mut files): (&Source<'_>, Watched, Files),
) -> Result<(), Failure> {
    tokio::select! {
        ready = ready::wait(&options.site) => ready?,
        exit = envoy.exited() => return Err(Failure::new(format!("Envoy did not start: {exit}; see its log above"))),
        exit = keys.exited() => return Err(Failure::new(format!("the key service did not start: {exit}; see its log above"))),
        () = signals.next() => return Ok(()),
    }
    announce(&options.site);
    welcome::print(plan, options, source.path);
    loop {
        tokio::select! {
            exit = envoy.exited() => return Err(Failure::new(format!("Envoy exited: {exit}"))),
            exit = keys.exited() => {
                tokio::select! {
                    () = keys.restart(&exit) => {}
                    () = signals.next() => return Ok(()),
                }
            }
            () = watched.changed() => {
                let outcome = match (source.compile)() {
                    Some(plan) => files.exchange(plan, &options.site).await,
                    None => Err("it has errors (see above)".to_owned()),
                };
                reload::log_outcome(&outcome);
            }
            () = signals.next() => break,
        }
    }
    say("draining: no new connections; waiting for requests in flight (a second signal stops them)");
    tokio::select! {
        _ = drain::drain(options.site.admin_port, Duration::ZERO, options.drain_timeout) => {}
        exit = envoy.exited() => return Err(Failure::new(format!("Envoy exited while draining: {exit}"))),
        () = signals.next() => say("stopping immediately"),
    }
    Ok(())
}

/// The one line on standard output, for scripts that wait for it.
fn announce(site: &Site) {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    // If our standard output is closed, nobody waits for this line.
    let _ = writeln!(stdout, "ready {}", base_url(site));
    let _ = stdout.flush();
}

/// The gateway's address, as clients on this machine reach it.
fn base_url(site: &Site) -> String {
    let host = site.reachable_host();
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("http://{host}:{}", site.port)
}

/// A line on standard error.
fn say(line: &str) {
    say_as("switchboard", line);
}

/// A line on standard error, prefixed with the process that wrote it. Write errors are ignored: a closed log is not a
/// reason to stop.
fn say_as(name: &str, line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{name}: {line}");
}

/// Writes what the children need; gives the path of Envoy's configuration.
fn prepare(plan: &Plan, options: &Options) -> Result<(PathBuf, Files), Failure> {
    let failed = |path: &std::path::Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| Failure::new(format!("cannot write {path}: {error}"))
    };
    std::fs::create_dir_all(&options.data_dir).map_err(failed(&options.data_dir))?;
    // Envoy watches the folder by the name that it is given.
    let folder = std::fs::canonicalize(&options.data_dir).map_err(failed(&options.data_dir))?;
    let files = Files::write(plan, &options.site, &folder).map_err(failed(&folder))?;
    let path = folder.join("envoy.json");
    // JSON, because Envoy reads it faster than YAML.
    std::fs::write(&path, bootstrap(&options.site, &folder).to_string()).map_err(failed(&path))?;
    Ok((path, files))
}

fn start_envoy(
    plan: &Plan,
    options: &Options,
    configuration: &std::path::Path,
    shared: &BTreeMap<String, Secret>,
) -> Result<Child, Failure> {
    let mut environment = shared.clone();
    for variable in &plan.token_sources {
        environment.remove(&variable.name);
    }
    environment.remove(DATABASE_URL_ENV);
    environment.insert(allocator::TUNABLES.to_owned(), Secret::new(allocator::tunables()));
    if let Some(folder) = options.site.module.as_ref().and_then(|module| module.parent()) {
        environment.insert(MODULES_PATH_ENV.to_owned(), Secret::new(folder.display().to_string()));
    }
    for variable in &plan.variables {
        if let Origin::Inline(secret) = &variable.origin {
            environment.insert(variable.name.clone(), secret.clone());
        }
    }
    let mut arguments: Vec<OsString> = [
        "--log-level",
        "warning",
        "--disable-hot-restart",
        "--file-flush-interval-msec",
        "1000",
        "--config-path",
    ]
    .into_iter()
    .map(OsString::from)
    .collect();
    arguments.push(configuration.into());
    if let Some(workers) = options.concurrency {
        arguments.extend(["--concurrency".into(), workers.to_string().into()]);
    }
    Child::start("envoy", &options.envoy, &arguments, &environment)
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::new(format!("cannot listen for signals: {error}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
