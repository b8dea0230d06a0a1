//! `switchboard-keys`: the key service's command line.

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

/// The key service of Switchboard: issues virtual keys and keeps account of what they spend.
///
/// It listens on two ports. Envoy sends /key/* to the first. The filter inside Envoy calls the second, which no
/// client may reach: it verifies keys, reports usage, and hears what changed.
#[derive(Parser)]
#[command(name = "switchboard-keys", version)]
struct Command {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve until SIGTERM or Ctrl-C, then finish what is under way and exit with 0
    #[command(after_help = "\
Secrets come from the environment, never from the command line, where every user of the machine sees them:
  SWITCHBOARD_MASTER_KEY      whoever presents it may do everything (or LITELLM_MASTER_KEY)
  SWITCHBOARD_INTERNAL_TOKEN  the bearer that the filter presents on the internal port
  SWITCHBOARD_GOOGLE_CREDENTIALS  names of variables, commas between them: each holds the JSON of a Google
                              service account, or the path of its file, and the filter gets access tokens of it

Logs go to standard error, one line each; RUST_LOG=debug says more. Exit code 2 means that the service could not
start; the line on standard error says why and what to do.

Try it:
  export SWITCHBOARD_MASTER_KEY=sk-a-long-secret SWITCHBOARD_INTERNAL_TOKEN=another-secret
  switchboard-keys serve
  curl -X POST http://127.0.0.1:4001/key/generate -H \"Authorization: Bearer $SWITCHBOARD_MASTER_KEY\" -d '{}'")]
    Serve(Serve),
    /// Take over the keys, users, teams and budgets of a LiteLLM database, then exit with 0
    #[command(after_help = "\
The other database is only read. Keys keep working: both programs store the same hash of a key and never the key. What
is here already stays as it is, so the command may be repeated until the day of the move.

Try it:
  switchboard-keys import --from postgres://litellm:password@db.example.com/litellm")]
    Import(Import),
    /// Ask a running service whether its database answers: exit code 0, or 1; for probes
    Ready(Ready),
}

#[derive(Args)]
struct Ready {
    /// Address of its key API
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4001")]
    address: SocketAddr,
}

#[derive(Args)]
struct Serve {
    /// Address of the key API, to which Envoy routes /key/* and its like
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4001")]
    listen: SocketAddr,
    /// Address for the filter alone (verify and sync); keep it off every public listener
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4002")]
    internal_listen: SocketAddr,
    /// Directory of the SQLite database; created for this user alone when it is not there
    #[arg(long, value_name = "DIR", default_value = ".switchboard")]
    data_dir: PathBuf,
    /// Database; the default is the file switchboard.db in the data directory
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Seconds that a database which cannot be used yet is waited for at the start
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    database_wait: u64,
    /// Prices of models, in the format of `LiteLLM`'s price map; the default is the file
    /// `model_prices.json` in the data directory, if it is there
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Show /metrics to whoever asks, as `litellm_settings.require_auth_for_metrics_endpoint: false` says
    #[arg(long)]
    open_metrics: bool,
    /// Delete rows of the spend log after this time, e.g. 30d or 12h; by default they are kept. This is
    /// `general_settings.maximum_spend_logs_retention_period`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    spend_log_retention: Option<switchboard_keys::duration::Duration>,
    /// Keep no row per request: `general_settings.disable_spend_logs`. Spend is counted all the same
    #[arg(long)]
    no_spend_log: bool,
    /// A host in a private network that clients' URLs may name, with a port if that alone is meant; may be repeated
    #[arg(long = "allow-url-host", value_name = "HOST[:PORT]")]
    allowed_url_hosts: Vec<AllowedHost>,
    /// Fetch from every host that clients' URLs name, private and loopback ones too
    #[arg(long)]
    allow_any_url_host: bool,
    /// Largest file that is fetched for a client, MiB, up to 23; 0 turns fetching off
    #[arg(long, value_name = "MIB", env = SIZE_ENV, default_value_t = USUAL_SIZE_MB, value_parser = size)]
    max_url_size_mb: f64,
}

#[derive(Args)]
struct Import {
    /// The LiteLLM database
    #[arg(long, value_name = "URL", env = "LITELLM_DATABASE_URL", hide_env_values = true)]
    from: String,
    /// Directory of the SQLite database; created for this user alone when it is not there
    #[arg(long, value_name = "DIR", default_value = ".switchboard")]
    data_dir: PathBuf,
    /// Database of this service; the default is the file switchboard.db in the data directory
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

fn duration(text: &str) -> Result<switchboard_keys::duration::Duration, &'static str> {
    switchboard_keys::duration::Duration::parse(text)
        .map_err(|_| "expected a number and a unit (s, m, h, d, w or mo), e.g. 30d")
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

/// A core file would hold keys and credentials. Whoever looks for a fault asks for one with `SWITCHBOARD_CORE_DUMPS=1`.
fn leave_no_core() {
    if std::env::var_os("SWITCHBOARD_CORE_DUMPS").is_none() {
        let limit = getrlimit(Resource::Core);
        // To lower a limit is always allowed.
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

/// The URL that was given, or that of the file in the data directory.
fn database(url: Option<&str>, data_dir: &Path) -> Result<String, String> {
    match url.filter(|url| !url.is_empty()) {
        Some(url) => Ok(url.to_owned()),
        None => default_url(data_dir).map_err(|error| error.to_string()),
    }
}

fn run(options: Serve) -> Result<(), String> {
    let settings = Settings {
        master_key: secret(&["SWITCHBOARD_MASTER_KEY", "LITELLM_MASTER_KEY"], "the master key")?,
        internal_token: secret(&["SWITCHBOARD_INTERNAL_TOKEN"], "the filter's token")?,
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
        open_metrics: options.open_metrics,
        spend_log: !options.no_spend_log,
        spend_log_retention: options.spend_log_retention,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start threads: {error}"))?;
    runtime.block_on(serve(settings)).map_err(|error| error.to_string())
}

/// The first of these variables that holds something.
fn secret(variables: &[&str], what: &str) -> Result<Secret, String> {
    variables
        .iter()
        .find_map(|name| Secret::new(&std::env::var(name).ok()?))
        .ok_or_else(|| format!("{what} is not set; export {} before the start", variables.join(" or ")))
}
