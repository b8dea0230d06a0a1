//! The command line of `switchboard-keys`, the key service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use switchboard_keys::google;
use switchboard_keys::import::import;
use switchboard_keys::media::policy::{AllowedHost, Policy};
use switchboard_keys::media::{self, SIZE_ENV, USUAL_SIZE_MB};
use switchboard_keys::prices::FILE as PRICES;
use switchboard_keys::ready::is_ready;
use switchboard_keys::secret::Secret;
use switchboard_keys::serve::{Settings, serve};
use switchboard_keys::store::default_url;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Switchboard's key service: issues virtual keys and records their spend.
///
/// It listens on two ports. Envoy routes the key API (/key/*, /user/*, ...) to the first. The filter inside Envoy calls
/// the second to verify keys, report usage and receive changes; clients must not be able to reach it.
/// An optional third port is for Prometheus.
#[derive(Parser)]
#[command(name = "switchboard-keys", version)]
struct Command {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the service; SIGTERM or Ctrl-C drains in-flight requests and exits with 0
    #[command(after_help = "\
Secrets are read from environment variables. There are no options for them, because other users of the machine can
see command lines.
  SWITCHBOARD_MASTER_KEY          the master key, which has full access (or LITELLM_MASTER_KEY)
  SWITCHBOARD_INTERNAL_TOKEN      the bearer token that the filter sends to the internal port
  SWITCHBOARD_GOOGLE_CREDENTIALS  comma-separated names of variables, each with a Google service account's JSON or
                                  the path of its file; the service fetches access tokens for them

Logs go to standard error, one line per event; RUST_LOG=debug adds detail. Exit code 2 means that the service failed
to start; the message on standard error says why and what to do.

Example:
  export SWITCHBOARD_MASTER_KEY=sk-a-long-secret SWITCHBOARD_INTERNAL_TOKEN=another-secret
  switchboard-keys serve
  curl -X POST http://127.0.0.1:4001/key/generate -H \"Authorization: Bearer $SWITCHBOARD_MASTER_KEY\" -d '{}'")]
    Serve(Serve),
    /// Import keys, users, teams and budgets from a LiteLLM database
    #[command(after_help = "\
The LiteLLM database is only read. Keys keep working, because both programs store the same hash of a key. Existing
rows are not overwritten, so you can repeat the import until you switch over.

Example:
  switchboard-keys import --from postgres://litellm:password@db.example.com/litellm")]
    Import(Import),
    /// Check that a running service can reach its database; exits with 0 or 1, for probes
    Ready(Ready),
}

#[derive(Args)]
struct Ready {
    /// Address of the service's key API
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4001")]
    address: SocketAddr,
}

#[derive(Args)]
struct Serve {
    /// Address of the key API, to which Envoy routes /key/*, /user/*, /team/* and so on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4001")]
    listen: SocketAddr,
    /// Address of the internal API, for the Envoy filter only; do not expose it to clients
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4002")]
    internal_listen: SocketAddr,
    /// Address that serves only /metrics, without authentication [default: none]
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Directory of the SQLite database; created with access for the current user only if it does not exist
    #[arg(long, value_name = "DIR", default_value = ".switchboard")]
    data_dir: PathBuf,
    /// Database URL (SQLite or Postgres) [default: switchboard.db in the data directory]
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Seconds to wait for the database at startup
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    database_wait: u64,
    /// Model prices in the format of LiteLLM's price map [default: `model_prices.json` in the data directory, if it
    /// exists]
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Serve /metrics without authentication (`litellm_settings.require_auth_for_metrics_endpoint: false`)
    #[arg(long)]
    open_metrics: bool,
    /// Delete spend log rows older than this, such as 30d or 12h (`general_settings.maximum_spend_logs_retention_period`)
    /// [default: keep all]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    spend_log_retention: Option<switchboard_keys::duration::Duration>,
    /// Do not write a spend log row per request; spend is still counted (`general_settings.disable_spend_logs`)
    #[arg(long)]
    no_spend_log: bool,
    /// Host in a private network from which clients' URLs may be fetched, optionally limited to a port; repeatable
    #[arg(long = "allow-url-host", value_name = "HOST[:PORT]")]
    allowed_url_hosts: Vec<AllowedHost>,
    /// Fetch clients' URLs from any host, including private and loopback addresses
    #[arg(long)]
    allow_any_url_host: bool,
    /// Maximum size in MiB of a file fetched from a client's URL, up to 23; 0 disables fetching
    #[arg(long, value_name = "MIB", env = SIZE_ENV, default_value_t = USUAL_SIZE_MB, value_parser = size)]
    max_url_size_mb: f64,
}

#[derive(Args)]
struct Import {
    /// The LiteLLM database
    #[arg(long, value_name = "URL", env = "LITELLM_DATABASE_URL", hide_env_values = true)]
    from: String,
    /// Directory of the SQLite database; created with access for the current user only if it does not exist
    #[arg(long, value_name = "DIR", default_value = ".switchboard")]
    data_dir: PathBuf,
    /// Database URL of this service (SQLite or Postgres) [default: switchboard.db in the data directory]
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

fn duration(text: &str) -> Result<switchboard_keys::duration::Duration, &'static str> {
    switchboard_keys::duration::Duration::parse(text)
        .map_err(|_| "expected a number and a unit (s, m, h, d, w or mo), such as 30d")
}

fn main() -> ExitCode {
    let verb = Command::parse().command;
    leave_no_core();
    let levels = std::env::var("RUST_LOG").ok().and_then(|levels| levels.parse::<Targets>().ok());
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false))
        .with(levels.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)))
        .init();
    let outcome = match verb {
        Verb::Serve(options) => run(options),
        Verb::Import(options) => take_over(&options),
        Verb::Ready(Ready { address }) if is_ready(address) => Ok(()),
        Verb::Ready(_) => return ExitCode::FAILURE,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("switchboard-keys: {error}");
            ExitCode::from(2)
        }
    }
}

/// Disables core dumps, which would contain keys and credentials. Set `SWITCHBOARD_CORE_DUMPS=1` to enable them for debugging.
fn leave_no_core() {
    if std::env::var_os("SWITCHBOARD_CORE_DUMPS").is_none() {
        let limit = getrlimit(Resource::Core);
        // Lowering a limit never fails.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..limit });
    }
}

fn take_over(options: &Import) -> Result<(), String> {
    let to = database(options.database_url.as_deref(), &options.data_dir)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start threads: {error}"))?;
    let imported = runtime.block_on(import(&options.from, &to)).map_err(|error| error.to_string())?;
    println!("{imported}");
    Ok(())
}

fn size(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(size) if size.is_finite() && size >= 0.0 => Ok(size),
        _ => Err("expected a number of MiB, 0 or more".to_owned()),
    }
}

/// The given URL, or that of the SQLite file in the data directory.
fn database(url: Option<&str>, data_dir: &Path) -> Result<String, String> {
    match url.filter(|url| !url.is_empty()) {
        Some(url) => Ok(url.to_owned()),
        None => default_url(data_dir).map_err(|error| error.to_string()),
    }
}

fn run(options: Serve) -> Result<(), String> {
    let settings = Settings {
        master_key: secret(&["SWITCHBOARD_MASTER_KEY", "LITELLM_MASTER_KEY"], "the master key")?,
        internal_token: secret(&["SWITCHBOARD_INTERNAL_TOKEN"], "the internal token")?,
        database_url: database(options.database_url.as_deref(), &options.data_dir)?,
        database_wait: Duration::from_secs(options.database_wait),
        prices: options.prices.unwrap_or_else(|| options.data_dir.join(PRICES)),
        token_sources: google::sources(|name| std::env::var(name).ok()),
        media: media::Settings {
            policy: Policy { allowed: options.allowed_url_hosts, any_host: options.allow_any_url_host },
            most_bytes: media::bytes(options.max_url_size_mb),
            time_out: media::TIME_OUT,
        },
        listen: options.listen,
        internal_listen: options.internal_listen,
        metrics_listen: options.metrics_listen,
        open_metrics: options.open_metrics,
        spend_log: !options.no_spend_log,
        spend_log_retention: options.spend_log_retention,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start threads: {error}"))?;
    runtime.block_on(serve(settings)).map_err(|error| error.to_string())
}

/// The first of these variables that is set and not empty.
fn secret(variables: &[&str], what: &str) -> Result<Secret, String> {
    variables
        .iter()
        .find_map(|name| Secret::new(&std::env::var(name).ok()?))
        .ok_or_else(|| format!("{what} is not set; export {} and start again", variables.join(" or ")))
}
