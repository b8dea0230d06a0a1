//! Runs the ports until the process is stopped.

use core::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::ServiceExt;
use axum::extract::Request;
use axum::serve::{Listener, ListenerExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::App;
use crate::control::{self, Control};
use crate::credentials::{Broker, Definition, Secrets};
use crate::envoys::Envoys;
use crate::housekeeping::{Retention, keep_house};
use crate::internal::internal;
use crate::login_attempts::Attempts;
use crate::media::{self, Media};
use crate::metrics::Metrics;
use crate::prices::Prices;
use crate::public::public;
use crate::routes::metrics::only_metrics;
use crate::secret::HashedSecret;
use crate::sso;
use crate::store::{OpenError, Store, StoreError};

/// How long requests may take to finish after the process was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// The service's settings.
#[derive(Debug)]
pub struct Settings {
    /// Address of the key API.
    pub listen: SocketAddr,
    /// Address of the internal port.
    pub internal_listen: SocketAddr,
    /// Address of the metrics without authentication, if any.
    pub metrics_listen: Option<SocketAddr>,
    /// URL of the database.
    pub database_url: String,
    /// How long to wait for the database at startup.
    pub database_wait: Duration,
    /// The master key, which has full access.
    pub master_key: HashedSecret,
    /// The filter's token.
    pub internal_token: HashedSecret,
    /// Where references to secrets are looked up.
    pub secrets: Secrets,
    /// The providers' credentials that the environment names.
    pub credentials: Vec<Definition>,
    /// Where Envoy's configuration comes from, if it is fetched here.
    pub control: Option<control::Settings>,
    /// Settings for fetching media.
    pub media: media::Settings,
    /// The price file, which may be missing.
    pub prices: PathBuf,
    /// Whether the public port serves metrics without authentication.
    pub open_metrics: bool,
    /// Budget of all requests, USD.
    pub max_budget: Option<f64>,
    /// Its period.
    pub budget_duration: Option<String>,
    /// Fields of new keys, users and teams.
    pub defaults: crate::defaults::Defaults,
    /// Whether a row is written for each request.
    pub spend_log: bool,
    /// How people log in to the console with a provider.
    pub sso: Option<sso::Settings>,
    /// Address at which this service reaches the gateway.
    pub gateway: Option<String>,
    /// Admin interfaces of Envoys.
    pub envoys: Envoys,
    /// Whether changes are recorded.
    pub audit_log: bool,
    /// How long records are kept.
    pub retention: Retention,
}

/// Why the service did not start, in one line that says what to do.
#[derive(Debug)]
pub enum StartError {
    /// The database cannot be opened.
    Open(OpenError),
    /// The gateway's budget cannot be stored.
    Budget {
        /// The cause.
        cause: StoreError,
    },
    /// The price file cannot be read.
    Prices {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// Cannot listen on an address.
    Listen {
        /// The address.
        address: SocketAddr,
        /// The option that sets it.
        option: &'static str,
        /// The cause.
        cause: io::Error,
    },
    /// Signal handling or the server failed.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Budget { cause } => write!(f, "cannot store the budget of --max-budget: {cause}"),
            Self::Prices { path, cause } => {
                write!(
                    f,
                    "cannot read the prices in {}: {cause}; fix the file or pass another with --prices",
                    path.display()
                )
            }
            Self::Listen { address, option, cause } => {
                write!(
                    f,
                    "cannot listen on {address}: {cause}; stop the process that uses it, or pass another address with {option}"
                )
            }
            Self::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

/// Serves until SIGTERM or SIGINT, then drains in-flight requests and returns.
pub async fn serve(settings: Settings) -> Result<(), StartError> {
    let prices = Prices::load(&settings.prices)
        .map_err(|cause| StartError::Prices { path: settings.prices.clone(), cause })?;
    // Before the ports are open, because a caller may then already tell the process to stop.
    let mut terminated = signal(SignalKind::terminate()).map_err(StartError::System)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(StartError::System)?;
    let store = tokio::select! {
        opened = open(&settings.database_url, settings.database_wait) => opened?,
        _ = terminated.recv() => return Ok(()),
        _ = interrupted.recv() => return Ok(()),
    };
    store
        .set_gateway_budget(settings.max_budget, settings.budget_duration.as_deref())
        .await
        .map_err(|cause| StartError::Budget { cause })?;
    store.set_customer_default(settings.defaults.of_customers());
    let credentials = Broker::start(settings.secrets.clone());
    credentials.define("the environment", settings.credentials).await;
    let prices = Arc::new(prices);
    let metrics = Metrics::default();
    let control = match settings.control {
        Some(control) => {
            let handing_out = (settings.secrets, credentials.clone());
            let discovery = metrics.discovery.clone();
            let started = Control::start(control, store.clone(), Arc::clone(&prices), discovery, handing_out);
            started.await.map_err(|error| StartError::System(io::Error::other(error.to_string())))?
        }
        None => Control::default(),
    };
    let app = App {
        store: store.clone(),
        master_key: settings.master_key,
        internal_token: settings.internal_token,
        credentials,
        control,
        media: Media::new(settings.media),
        prices,
        defaults: Arc::new(settings.defaults),
        metrics,
        open_metrics: settings.open_metrics,
        spend_log: settings.spend_log,
        audit_log: settings.audit_log,
        gateway: settings.gateway,
        envoys: settings.envoys,
        sso: settings.sso.map(Arc::new),
        attempts: Attempts::default(),
    };
    let held = app.control.clone();
    let public_port = listen(settings.listen, "--listen").await?;
    let internal_port = listen(settings.internal_listen, "--internal-listen").await?;
    let metrics_port = match settings.metrics_listen {
        Some(address) => Some(listen(address, "--metrics-listen").await?),
        None => None,
    };

    let (stop, stopped) = watch::channel(false);
    let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which also means to stop.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let housekeeping = tokio::spawn(keep_house(store.clone(), settings.retention));
    let router = ServiceExt::<Request>::into_make_service(public(app.clone()));
    let public = axum::serve(public_port, router).with_graceful_shutdown(until_stopped(stopped.clone()));
    let internal = axum::serve(internal_port, internal(app.clone()))
        .with_graceful_shutdown(until_stopped(stopped.clone()));
    let metrics = metrics_port.map(|port| {
        axum::serve(port, only_metrics(app)).with_graceful_shutdown(until_stopped(stopped.clone()))
    });
    let mut serving = tokio::spawn(async move {
        let metrics = async {
            match metrics {
                Some(metrics) => metrics.await,
                None => Ok(()),
            }
        };
        tokio::try_join!(public.into_future(), internal.into_future(), metrics)
    });
    tracing::info!(
        listen = %settings.listen,
        internal = %settings.internal_listen,
        metrics = settings.metrics_listen.map(tracing::field::display),
        "serving"
    );

    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        ended = &mut serving => return broken(ended),
    }
    tracing::info!("stopping");
    housekeeping.abort();
    held.stop();
    let _ = stop.send(true);
    if tokio::time::timeout(GRACE, serving).await.is_err() {
        tracing::warn!("drain timeout: dropped unfinished requests");
    }
    store.close().await;
    Ok(())
}

/// Opens the store, retrying for as long as `patience`, because the database may still be starting.
async fn open(url: &str, patience: Duration) -> Result<Store, OpenError> {
    const PAUSE: Duration = Duration::from_secs(1);
    let deadline = Instant::now() + patience;
    loop {
        match Store::open(url).await {
            Err(error) if Instant::now() + PAUSE < deadline => {
                tracing::warn!(%error, "waiting for the database");
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

async fn listen(
    address: SocketAddr,
    option: &'static str,
) -> Result<impl Listener<Io = TcpStream, Addr = SocketAddr>, StartError> {
    let listener =
        TcpListener::bind(address).await.map_err(|cause| StartError::Listen { address, option, cause })?;
    Ok(listener.tap_io(|connection| {
        // Responses are short, and Nagle's algorithm would delay them by up to 40 ms. A failure to disable it
        // is harmless.
        let _ = connection.set_nodelay(true);
    }))
}

/// The servers end only when told to; anything else is a failure.
fn broken(ended: Result<io::Result<((), (), ())>, tokio::task::JoinError>) -> Result<(), StartError> {
    match ended {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(StartError::System(error)),
        Err(error) => Err(StartError::System(io::Error::other(error))),
    }
}
