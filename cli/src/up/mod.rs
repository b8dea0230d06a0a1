//! `switchboard up`: the key service and Envoy, from the first process to the last request.

pub mod allocator;
mod child;
mod core_files;
mod discovery;
pub(crate) mod drain;
mod envoy_log;
pub mod guard;
pub(crate) mod http;
mod key_service;
mod master_key;
mod ports;
pub mod programs;
pub(crate) mod ready;
mod welcome;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::rand::distr::{Alphanumeric, SampleString as _};
use switchboard_compile::config::Secret;
use switchboard_compile::envoy::discovery::bootstrap;
use switchboard_compile::envoy::{MODULES_PATH_ENV, Node, Site};
use switchboard_compile::plan::{Known, Origin, Plan, TOKEN_ENV, by_reference};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;

use child::Child;
use discovery::Client;
use envoy_log::{EnvoyLog, Rejection};
use key_service::{DATABASE_URL_ENV, KeyService};

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    /// `config.yaml`
    pub config: PathBuf,
    /// Where everything listens, and where Envoy finds its files.
    pub site: Site,
    /// Key database, generated master key, Envoy's bootstrap configuration.
    pub data_dir: PathBuf,
    /// Where the key service looks up references, besides the environment.
    pub secrets: Vec<PathBuf>,
    /// Prices of models over the built-in ones.
    pub prices: Option<PathBuf>,
    /// Worker threads of Envoy.
    pub workers: u32,
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

/// Runs until a signal ends it well, or a failure does.
pub async fn run(plan: &Plan, options: &Options) -> Result<(), Failure> {
    core_files::prevent();
    // Before anything is started: a signal that comes now must not leave a child behind.
    let mut signals = Signals::new()?;
    ports::check(options)?;
    let data_dir = &options.data_dir;
    std::fs::create_dir_all(data_dir).map_err(|error| cannot_write(data_dir, &error))?;
    let mut keys = KeyService::start(plan, options)?;
    let outcome = with_keys(&mut keys, plan, options, &mut signals).await;
    keys.stop().await;
    outcome
}

/// Starts Envoy when the key service has a configuration for it.
async fn with_keys(
    keys: &mut KeyService,
    plan: &Plan,
    options: &Options,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let token = keys.environment.get(TOKEN_ENV).cloned().unwrap_or_else(|| Secret::new(""));
    let node = Node {
        site: options.site.clone(),
        workers: options.workers,
        variables: plan.variables.iter().map(|variable| Known::of(variable, token.reveal())).collect(),
    };
    // Replicas of a container have the same process id and ports.
    let id = format!("switchboard-{}", Alphanumeric.sample_string(&mut ::rand::rng(), 8));
    let client = Client::new(&node, &id, &token);
    tokio::select! {
        waited = client.wait() => waited?,
        exit = keys.exited() => return Err(did_not_start(&exit)),
        () = signals.next() => return Ok(()),
    }
    let path = options.data_dir.join("envoy.json");
    // JSON, because Envoy reads it faster than YAML.
    std::fs::write(&path, bootstrap(&node, Some(&id)).to_string())
        .map_err(|error| cannot_write(&path, &error))?;
    let (log, mut rejections) = EnvoyLog::new();
    let mut envoy = start_envoy(plan, options, &path, &keys.environment, &log)?;
    let outcome = serve(keys, &mut envoy, (plan, options), signals, (&client, &mut rejections)).await;
    envoy.stop().await;
    outcome
}

fn did_not_start(exit: &child::Exit) -> Failure {
    Failure::new(format!("the key service did not start: {exit}; see its log above"))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}

async fn serve(
    keys: &mut KeyService,
    envoy: &mut Child,
    (plan, options): (&Plan, &Options),
    signals: &mut Signals,
    (client, rejections): (&Client, &mut UnboundedReceiver<Rejection>),
) -> Result<(), Failure> {
    tokio::select! {
        ready = ready::wait(&options.site) => ready?,
        exit = envoy.exited() => return Err(Failure::new(format!("Envoy did not start: {exit}; see its log above"))),
        exit = keys.exited() => return Err(did_not_start(&exit)),
        () = signals.next() => return Ok(()),
        never = report(client, rejections) => match never {},
    }
    announce(&options.site);
    welcome::print(plan, options);
    loop {
        tokio::select! {
            exit = envoy.exited() => return Err(Failure::new(format!("Envoy exited: {exit}"))),
            exit = keys.exited() => {
                tokio::select! {
                    () = keys.restart(&exit) => {}
                    () = signals.next() => return Ok(()),
                }
            }
            never = report(client, rejections) => match never {},
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

/// Passes on what Envoy rejects.
async fn report(client: &Client, rejections: &mut UnboundedReceiver<Rejection>) -> std::convert::Infallible {
    while let Some(rejection) = rejections.recv().await {
        client.report(&rejection).await;
    }
    std::future::pending().await
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

fn start_envoy(
    plan: &Plan,
    options: &Options,
    configuration: &Path,
    shared: &BTreeMap<String, Secret>,
    log: &EnvoyLog,
) -> Result<Child, Failure> {
    let mut environment = shared.clone();
    environment.remove(DATABASE_URL_ENV);
    // What the configuration itself gives to variables may be credentials.
    let is_read = |name: &str| plan.variables.iter().any(|variable| variable.name == name);
    for (name, _) in plan.environment.iter().filter(|(name, _)| !is_read(name)) {
        environment.remove(name);
    }
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
    arguments.extend(["--concurrency".into(), options.workers.to_string().into()]);
    Child::start("envoy", &options.envoy, &arguments, &environment, Some(log), &withheld(plan))
}

/// The launcher's variables that Envoy must not have: the providers' credentials.
fn withheld(plan: &Plan) -> BTreeSet<String> {
    let (_, variables) = by_reference(&plan.credentials);
    // A model that is added later may refer to what is not named yet.
    let telling = ["CREDENTIAL", "KEY", "PASSW", "SECRET", "TOKEN"];
    let ours = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let ours = ours.filter(|name| telling.iter().any(|word| name.to_ascii_uppercase().contains(word)));
    let names = variables.into_iter().map(|variable| variable.name).chain(WITHHELD.map(str::to_owned));
    let names = names.chain(ours);
    let is_read = |name: &str| plan.variables.iter().any(|variable| variable.name == name);
    names.flat_map(|name| [format!("{name}_FILE"), name]).filter(|name| !is_read(name)).collect()
}

/// Secrets that the key service finds by itself, or has by another name.
const WITHHELD: [&str; 2] = ["DATABASE_URL", "IDENTITY_HEADER"];

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
