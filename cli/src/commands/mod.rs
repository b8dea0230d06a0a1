//! The command line.

mod check;
mod doctor;
mod drain;
mod ready;
mod render;
mod up;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use switchboard::price_map::PriceMap;

use crate::memory;
use crate::secrets::lookup;
use crate::up::guard;
use switchboard_compile::config::{self, Report};
use switchboard_compile::envoy::Site;
use switchboard_compile::plan::{Environment, Plan, compile};

/// An error in `config.yaml`, or in the command line (clap's own).
const EXIT_USAGE: u8 = 2;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "switchboard", about = "An LLM gateway inside Envoy, configured with LiteLLM's config.yaml", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  switchboard up --config config.yaml      start on http://127.0.0.1:4000
  switchboard check --config config.yaml   validate the file, start nothing
  switchboard doctor                       diagnose a running Envoy
  switchboard render --out DIR             write a configuration for your own Envoy
                                           (--format: for a cluster)

A first request, to the demo model of the shipped config.yaml, which needs no account:
  curl http://127.0.0.1:4000/v1/chat/completions \\
    -H \"authorization: Bearer $(cat .switchboard/master_key)\" \\
    -H 'content-type: application/json' \\
    -d '{\"model\": \"demo\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'";

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
enum Command {
    /// Start the key service and Envoy, and supervise them until SIGTERM or Ctrl-C
    Up(up::Up),
    /// Validate a config.yaml; exit status 0, or 2 if it has errors
    Check(check::Check),
    /// Write the configuration for your own Envoy, for Kubernetes, Istio or Envoy Gateway
    Render(Box<render::Render>),
    /// Diagnose a running Envoy that has the filter, and suggest fixes
    Doctor(doctor::Doctor),
    /// Drain in-flight requests before Envoy is stopped
    Drain(drain::Drain),
    /// Check whether the gateway is ready, for health probes
    Ready(ready::Ready),
    #[command(name = guard::COMMAND, hide = true)]
    Guard {
        parent: u32,
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// Which file.
#[derive(Clone, Debug, Args)]
struct ConfigArgs {
    /// The LiteLLM config.yaml
    #[arg(long, value_name = "FILE", default_value = "config.yaml")]
    config: PathBuf,
    /// Model prices that override the built-in ones, in LiteLLM's format (`model_prices_and_context_window.json`)
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

/// `--filter`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Filter {
    /// In a wasm VM, which is a sandbox; for every Envoy
    Wasm,
    /// In Envoy itself, as a dynamic module; costs less CPU, for Envoy 1.38 or later
    Native,
}

/// What `up` and `render` put into the Envoy configuration.
#[derive(Debug, Args)]
struct SiteArgs {
    /// IP address to listen on; 0.0.0.0 for all interfaces [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Port to listen on
    #[arg(long, default_value_t = 4000)]
    port: u16,
    /// Port of Envoy's admin interface, on loopback only
    #[arg(long, default_value_t = 9901)]
    admin_port: u16,
    /// Port of the key service on loopback; it also uses the next port, and in Kubernetes the one after it, too
    #[arg(long, default_value_t = 4001, value_parser = clap::value_parser!(u16).range(1..=65533))]
    keys_port: u16,
    /// Write one JSON line per request to this file; `-` is standard error
    #[arg(long, value_name = "FILE")]
    access_log: Option<String>,
    /// Memory for Envoy, for example 1Gi or 512Mi; close to the limit, new requests get 503
    /// [default: `up`: the container's limit, or all memory; `render`: 1Gi, or 512Mi for a sidecar]
    #[arg(long, value_name = "SIZE", value_parser = memory::parse)]
    memory_limit: Option<u64>,
    /// How Envoy runs the filter [default: `$SWITCHBOARD_FILTER`, or wasm]
    #[arg(long, value_enum)]
    filter: Option<Filter>,
}

/// Selects the form of the filter, where a command line is fixed, as in an image.
const FILTER_ENV: &str = "SWITCHBOARD_FILTER";

impl SiteArgs {
    fn filter(&self) -> Result<Filter, String> {
        if let Some(filter) = self.filter {
            return Ok(filter);
        }
        match std::env::var(FILTER_ENV).unwrap_or_default().as_str() {
            "" | "wasm" => Ok(Filter::Wasm),
            "native" => Ok(Filter::Native),
            other => Err(format!("${FILTER_ENV} must be 'wasm' or 'native', but is {other:?}")),
        }
    }

    /// `memory` is the limit where none is given.
    fn site(self, wasm: PathBuf, ca_bundle: PathBuf, memory: Option<u64>) -> Site {
        Site {
            host: self.host.unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: self.port,
            tls: false,
            admin_port: self.admin_port,
            keys_host: "127.0.0.1".to_owned(),
            keys_port: self.keys_port,
            wasm,
            module: None,
            ca_bundle,
            access_log: self.access_log,
            memory_limit: self.memory_limit.or(memory),
        }
    }
}

/// Runs the command that the arguments of this process name.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Up(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Render(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Drain(command) => command.run(),
        Command::Ready(command) => command.run(),
        Command::Guard { parent, program, arguments } => failed(&format!(
            "cannot start {}: {}",
            program.display(),
            guard::become_child(parent, &program, &arguments)
        )),
    }
}

/// A configuration, and the texts of its files: `config.yaml` first, then those that it includes, with their paths.
struct Loaded {
    plan: Plan,
    files: Vec<(String, String)>,
}

/// Reads and compiles the file, and prints every diagnostic on standard error. References are looked up in the paths of
/// `--secrets` first. Without a key service, nothing is said of variables that only the key service needs.
fn load(args: &ConfigArgs, secrets: &[PathBuf], has_key_service: bool) -> Result<Loaded, ExitCode> {
    let mut prices = PriceMap::built_in();
    if let Some(path) = &args.prices {
        let read = std::fs::read(path).and_then(|file| Ok(PriceMap::parse(&file)?));
        match read {
            Ok(own) => prices.extend(own),
            Err(error) => {
                eprintln!("switchboard: --prices {}: {error}", path.display());
                return Err(ExitCode::from(EXIT_USAGE));
            }
        }
    }
    let report = Report::new(args.config.display().to_string());
    let mut files = Vec::new();
    let config = match std::fs::read_to_string(&args.config) {
        Ok(text) => {
            files.push(("config.yaml".to_owned(), text.clone()));
            let folder = args.config.parent().unwrap_or_else(|| Path::new(""));
            config::parse_with(&text, &report, &mut |path| {
                let text = std::fs::read_to_string(folder.join(path)).map_err(|error| error.to_string())?;
                files.push((path.to_owned(), text.clone()));
                Ok(text)
            })
        }
        Err(error) => {
            let help = "set --config to the path of a LiteLLM config.yaml".to_owned();
            report.error_in_file(format!("cannot read the file: {error}"), Some(help));
            None
        }
    };
    let plan = config.map(|config| {
        let environment = Environment::new(&config.environment, lookup(secrets));
        let environment = if has_key_service { environment } else { environment.without_key_service() };
        compile(&config, &environment, &prices, &report)
    });
    plan.iter().flat_map(|plan| &plan.unpriced).for_each(|unpriced| unpriced.report(&report));
    let errors = report.has_errors();
    for diagnostic in report.into_diagnostics() {
        eprintln!("{diagnostic}");
    }
    plan.filter(|_| !errors).map(|plan| Loaded { plan, files }).ok_or(ExitCode::from(EXIT_USAGE))
}

/// Runs a future on a single thread.
fn on_one_thread<T>(future: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}

fn failed(message: &str) -> ExitCode {
    eprintln!("switchboard: {message}");
    ExitCode::FAILURE
}
