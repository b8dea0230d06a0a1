//! The command line of `switchboard-keys`, the key service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use switchboard_keys::configured;
use switchboard_keys::control;
use switchboard_keys::credentials::Secrets;
use switchboard_keys::defaults::Defaults;
use switchboard_keys::envoys::Envoys;
use switchboard_keys::housekeeping::Retention;
use switchboard_keys::import::import;
use switchboard_keys::media::policy::{AllowedHost, Policy};
use switchboard_keys::media::{self, SIZE_ENV, USUAL_SIZE_MB};
use switchboard_keys::prices::FILE as PRICES;
use switchboard_keys::ready::is_ready;
use switchboard_keys::secret::HashedSecret;
use switchboard_keys::serve::{Settings, serve};
use switchboard_keys::sso;
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
  LITELLM_SALT_KEY                encrypts stored models, instead of the master key
  GENERIC_CLIENT_ID, GENERIC_...  logging in to the console with OpenID Connect; see docs/console.md
  SWITCHBOARD_CREDENTIALS         the providers' credentials, as `switchboard render` writes it; not with --config

Logs go to standard error, one line per event; RUST_LOG=debug adds detail. Exit code 2 means that the service failed
to start; the message on standard error says why and what to do.

Example:
  export SWITCHBOARD_MASTER_KEY=sk-a-long-secret SWITCHBOARD_INTERNAL_TOKEN=another-secret
  switchboard-keys serve
  curl -X POST http://127.0.0.1:4001/key/generate -H \"Authorization: Bearer $SWITCHBOARD_MASTER_KEY\" -d '{}'")]
    Serve(Box<Serve>),
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
    /// Where to look up `os.environ/NAME`, before the environment: a directory with a file per name, such as a mounted
    /// Kubernetes Secret, or a file with lines NAME=value; changes take effect immediately; repeatable
    #[arg(long, value_name = "PATH")]
    secrets: Vec<PathBuf>,
    /// Directory of the SQLite database; created with access for the current user only if it does not exist
    #[arg(long, value_name = "DIR", default_value = ".switchboard")]
    data_dir: PathBuf,
    /// Database URL (SQLite or Postgres) [default: switchboard.db in the data directory]
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Seconds to wait for the database at startup
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    database_wait: u64,
    /// LiteLLM's config.yaml, from which this service makes Envoy's configuration and takes the credentials that it hands
    /// out; watched [default: none; Envoy's
    /// configuration comes from elsewhere]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Do not repeat the warnings about --config that the launcher has printed
    #[arg(long, hide = true, requires = "config")]
    config_checked: bool,
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
    /// Delete roll-ups by day and month older than this, such as 365d (`general_settings.maximum_usage_retention_period`); those
    /// by hour are kept for 92 days at most [default: keep all]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    usage_retention: Option<switchboard_keys::duration::Duration>,
    /// Do not write a spend log row per request; spend is still counted (`general_settings.disable_spend_logs`)
    #[arg(long)]
    no_spend_log: bool,
    /// Address of the gateway as this service reaches it, such as `http://127.0.0.1:4000`; the console's playground needs it in browsers
    /// without JavaScript [default: none]
    #[arg(long, value_name = "URL", value_parser = gateway)]
    gateway: Option<String>,
    /// Admin interface of an Envoy as this service reaches it, such as 127.0.0.1:9901; the console reads there which deployments
    /// are ejected; repeatable [default: none]
    #[arg(long, value_name = "HOST:PORT", value_parser = admin)]
    envoy_admin: Vec<String>,
    /// Do not record who changes what in the audit log (`litellm_settings.store_audit_logs: false`)
    #[arg(long)]
    no_audit_log: bool,
    /// Delete entries of the audit log older than this, such as 90d (`general_settings.maximum_audit_logs_retention_period`)
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "365d")]
    audit_log_retention: switchboard_keys::duration::Duration,
    /// Fields of new keys, users and teams, a JSON object: `default_key_generate_params`, `upperbound_key_generate_params`,
    /// `default_team_params`, `default_internal_user_params`, `max_internal_user_budget`, `internal_user_budget_duration`,
    /// `max_end_user_budget` and `max_end_user_budget_id` of `litellm_settings`
    #[arg(long, value_name = "JSON", value_parser = Defaults::parse)]
    defaults: Option<Defaults>,
    /// Budget in USD of all requests of the gateway together (`litellm_settings.max_budget`) [default: unlimited]
    #[arg(long, value_name = "USD", value_parser = budget)]
    max_budget: Option<f64>,
    /// Period of that budget, such as 30d (`litellm_settings.budget_duration`) [default: it is never reset]
    #[arg(long, value_name = "DURATION", value_parser = period, requires = "max_budget")]
    budget_duration: Option<String>,
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
        Verb::Serve(options) => run(*options),
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

fn period(text: &str) -> Result<String, &'static str> {
    duration(text).map(|_| text.to_owned())
}

/// The address without a trailing slash.
fn gateway(text: &str) -> Result<String, &'static str> {
    let url =
        url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("expected an address such as http://127.0.0.1:4000"),
    }
}

fn admin(text: &str) -> Result<String, &'static str> {
    match text.parse::<axum::http::uri::Authority>() {
        Ok(authority) if authority.port_u16().is_some() && !text.contains('@') => Ok(text.to_owned()),
        _ => Err("expected HOST:PORT, such as 127.0.0.1:9901"),
    }
}

fn budget(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(budget) if budget.is_finite() && budget >= 0.0 => Ok(budget),
        _ => Err("expected an amount in USD, 0 or more".to_owned()),
    }
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
    let secrets = Secrets::new(options.secrets);
    let credentials = match std::env::var("SWITCHBOARD_CREDENTIALS") {
        Ok(text) if !text.is_empty() => configured::from_variable(&text)?,
        _ => Vec::new(),
    };
    let settings = Settings {
        master_key: secret(&["SWITCHBOARD_MASTER_KEY", "LITELLM_MASTER_KEY"], "the master key")?,
        internal_token: secret(&["SWITCHBOARD_INTERNAL_TOKEN"], "the internal token")?,
        database_url: database(options.database_url.as_deref(), &options.data_dir)?,
        database_wait: Duration::from_secs(options.database_wait),
        prices: options.prices.unwrap_or_else(|| options.data_dir.join(PRICES)),
        secrets,
        credentials,
        control: options.config.map(|file| control::Settings {
            file,
            is_checked: options.config_checked,
            token: raw(&["SWITCHBOARD_INTERNAL_TOKEN"]),
            salt: raw(&["LITELLM_SALT_KEY", "SWITCHBOARD_MASTER_KEY", "LITELLM_MASTER_KEY"]),
        }),
        media: media::Settings {
            policy: Policy { allowed: options.allowed_url_hosts, any_host: options.allow_any_url_host },
            most_bytes: media::bytes(options.max_url_size_mb),
            time_out: media::TIME_OUT,
        },
        listen: options.listen,
        internal_listen: options.internal_listen,
        metrics_listen: options.metrics_listen,
        open_metrics: options.open_metrics,
        max_budget: options.max_budget,
        budget_duration: options.budget_duration,
        defaults: options.defaults.unwrap_or_default(),
        spend_log: !options.no_spend_log,
        gateway: options.gateway,
        envoys: Envoys::new(options.envoy_admin),
        sso: sso::Settings::from_variables(|name| std::env::var(name).ok())?,
        audit_log: !options.no_audit_log,
        retention: Retention {
            log: options.spend_log_retention,
            usage: options.usage_retention,
            audit: options.audit_log_retention,
        },
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start threads: {error}"))?;
    runtime.block_on(serve(settings)).map_err(|error| error.to_string())
}

/// The first of these variables, of which one is known to be set.
fn raw(variables: &[&str]) -> switchboard::secret::Secret {
    let mut values = variables.iter().filter_map(|name| std::env::var(name).ok());
    switchboard::secret::Secret::new(values.find(|value| !value.is_empty()).unwrap_or_default())
}

/// The first of these variables that is set and not empty.
fn secret(variables: &[&str], what: &str) -> Result<HashedSecret, String> {
    variables
        .iter()
        .find_map(|name| HashedSecret::new(&std::env::var(name).ok()?))
        .ok_or_else(|| format!("{what} is not set; export {} and start again", variables.join(" or ")))
}
