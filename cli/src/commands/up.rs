//! `switchboard up`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{ConfigArgs, Filter, SiteArgs, failed, load};
use crate::memory;
use crate::up::{self, Options, programs};

#[derive(Debug, Args)]
#[command(after_help = "\
Prints `ready http://127.0.0.1:4000` to standard output once the gateway accepts
requests; everything else goes to standard error. SIGTERM or Ctrl-C drains in-flight
requests and records their usage; a second one stops immediately.

If neither general_settings.master_key nor LITELLM_MASTER_KEY is set, a master key is
generated in the data directory.

Example:
  OPENAI_API_KEY=… switchboard up --config config.yaml --port 8080")]
pub(super) struct Up {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    site: SiteArgs,
    /// Directory for the key database, the generated master key and Envoy's configuration
    #[arg(long, value_name = "DIR", default_value = ".switchboard")]
    data_dir: PathBuf,
    /// Worker threads of Envoy [default: one per CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    concurrency: Option<u32>,
    /// Envoy 1.35 or later [default: $ENVOY, `envoy` on the PATH, or the one downloaded by `make build`]
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// The filter [default: switchboard.wasm next to this program, or in the build directory]
    #[arg(long, value_name = "FILE")]
    wasm: Option<PathBuf>,
    /// The module for --filter native [default: `libswitchboard_module.so` next to this program or in `/etc/switchboard`]
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// The key service [default: switchboard-keys next to this program, or on the PATH]
    #[arg(long, value_name = "PATH")]
    keys: Option<PathBuf>,
    /// Use the key service at this host and --keys-port instead of starting one; requires its
    /// `SWITCHBOARD_INTERNAL_TOKEN` and `SWITCHBOARD_MASTER_KEY` in the environment
    #[arg(long, value_name = "HOST", conflicts_with = "keys")]
    keys_host: Option<String>,
    /// Where to look up `os.environ/NAME` for credentials, before the environment: a directory with a file per name, or
    /// a file with lines NAME=value; changes take effect immediately; repeatable
    #[arg(long, value_name = "PATH", conflicts_with = "keys_host")]
    secrets: Vec<PathBuf>,
    /// Port on loopback where the key service serves only /metrics, without a key [default: none; /metrics is served on
    /// --port to keys that may read it]
    #[arg(long, value_name = "PORT", conflicts_with = "keys_host")]
    metrics_port: Option<u16>,
    /// Seconds to wait for in-flight requests after SIGTERM or Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    drain_timeout: u64,
}

impl Up {
    pub(super) fn run(self) -> ExitCode {
        let plan = match load(&self.config, &self.secrets, self.keys_host.is_none()) {
            Ok(loaded) => loaded.plan,
            Err(code) => return code,
        };
        let options = match self.options(plan.calls_over_tls()) {
            Ok(options) => options,
            Err(problem) => return failed(&problem),
        };
        // One thread: children are signalled when the *thread* that started them ends (see `up::guard`).
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let outcome = match runtime {
            Ok(runtime) => runtime.block_on(up::run(&plan, &options)),
            Err(error) => return failed(&format!("cannot start: {error}")),
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failed(&failure.to_string()),
        }
    }

    /// As many as Envoy will have.
    fn workers(&self) -> u32 {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        self.concurrency.unwrap_or(u32::try_from(processors).unwrap_or(u32::MAX))
    }

    fn options(self, needs_authorities: bool) -> Result<Options, String> {
        let workers = self.workers();
        let envoy = programs::envoy(self.envoy)?;
        let module = match self.site.filter()? {
            Filter::Wasm => None,
            Filter::Native => Some(programs::module(self.module, &envoy)?),
        };
        // The module needs no other filter.
        let wasm = if module.is_some() { PathBuf::new() } else { programs::wasm(self.wasm)? };
        let ca_bundle = match programs::ca_bundle() {
            Err(_) if !needs_authorities => PathBuf::new(),
            found => found?,
        };
        let mut site = self.site.site(wasm, ca_bundle, memory::of_this_machine());
        site.module = module;
        let keys = match self.keys_host {
            Some(host) => {
                site.keys_host = host;
                None
            }
            None => Some(programs::keys(self.keys)?),
        };
        Ok(Options {
            config: self.config.config,
            site,
            envoy,
            keys,
            metrics_port: self.metrics_port,
            data_dir: self.data_dir,
            secrets: self.secrets,
            prices: self.config.prices,
            workers,
            drain_timeout: Duration::from_secs(self.drain_timeout),
        })
    }
}
