//! The control plane: compiles `config.yaml`, and serves the result to Envoys by REST discovery (xDS in JSON).
//!
//! - `files` reads the file and those that it includes,
//! - `listed` is what the console shows of it,
//! - `models` is what the key API needs for the models of the database,
//! - `source` compiles the file and those models,
//! - `served` writes a configuration down for one Envoy,
//! - `nodes` knows what each Envoy has, and decides what it gets next,
//! - `discovery` answers the requests.
//!
//! Envoy asks again after each response. A request for which there is nothing new is held, so that a change reaches all
//! Envoys at once. Parts that refer to others are sent when Envoy has accepted those.

pub mod discovery;
mod files;
mod listed;
mod models;
mod nodes;
mod replicas;
mod served;
mod source;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchboard::secret::Secret;
use switchboard_compile::plan::{Cluster, Plan, References};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::credentials::{Broker, Definition, Secrets};
use crate::metrics::Discovery;
use crate::prices::Prices;
use crate::seal::{SealError, Sealer};
use crate::store::Store;
use crate::token::random_id;

use files::Files;
pub use listed::Deployed;
pub use models::Outcome;
use models::Stored;
use nodes::Nodes;
use replicas::Said;
use served::Configuration;
use source::Fixed;
pub use source::StoredModel;

/// How often the file is read.
const PERIOD: Duration = Duration::from_millis(250);

/// What to say of another file.
const FILE_CHANGED: &str = "config.yaml changed";

/// How long a new configuration waits for Envoys to accept or reject the clusters of the last one. One that starts may be
/// busy for seconds.
const VERDICT: Duration = Duration::from_secs(10);

/// How long a removed cluster is kept: requests in flight may still use it.
const AFTERLIFE: Duration = Duration::from_mins(5);

/// Maximum number of removed clusters that are kept.
const MOST_REMOVED: usize = 64;

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `config.yaml`
    pub file: PathBuf,
    /// The launcher has already reported what is wrong with the file as it is at the start.
    pub is_checked: bool,
    /// The token of the internal port.
    pub token: Secret,
    /// From which the key is derived that encrypts models in the database.
    pub salt: Secret,
}

/// The configuration and the Envoys that use it. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Counts events: a held request looks again.
    events: watch::Sender<u64>,
    /// Notified to look for changes at once.
    hurry: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// `None` until there is one.
    configuration: Option<Arc<Configuration>>,
    /// Number of the last configuration, and when it was published.
    number: u64,
    published: Option<Instant>,
    /// Number of the configuration whose outcome was logged.
    logged: u64,
    /// Why the latest file is not used.
    problem: Option<String>,
    /// Removed clusters, oldest first.
    removed: VecDeque<(Cluster, Instant)>,
    nodes: Nodes,
    token: Option<Secret>,
    metrics: Discovery,
    /// The service stops, and holds no request.
    stops: bool,
    /// The models of the latest configuration that all Envoys have accepted.
    accepted: i64,
    /// Tells this service apart from others on the database.
    replica: String,
    stored: Option<Stored>,
}

/// What Envoys use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The latest configuration, or the one that they are getting.
    Active,
    /// An older one, because the latest file has an error.
    Invalid,
    /// Some have rejected the latest configuration.
    Rejected,
}

impl Control {
    /// Loads the file, and watches it and the database for as long as the runtime exists. The credentials of all models are
    /// handed out by the broker, with references looked up in the secrets.
    pub async fn start(
        settings: Settings,
        store: Store,
        prices: Arc<Prices>,
        metrics: Discovery,
        (secrets, broker): (Secrets, Broker),
    ) -> Result<Self, SealError> {
        let control = Self::default();
        let sealer = Arc::new(Sealer::new(&settings.salt)?);
        {
            let mut state = control.state();
            state.token = Some(settings.token.clone());
            state.replica = random_id();
            state.metrics = metrics;
            state.stored = Some(Stored { store: store.clone(), sealer, prices: Arc::clone(&prices) });
        }
        let mut watched = Watched {
            settings,
            prices,
            files: None,
            references: References::default(),
            models: None,
            fixed: None,
            secrets,
            broker,
        };
        control.look(&mut watched, true).await;
        let watching = control.clone();
        tokio::spawn(async move {
            let (mut said, mut events) = (Said::default(), watching.0.events.subscribe());
            loop {
                let waits = watching.waits_for_envoys();
                tokio::select! {
                    () = sleep(PERIOD) => {}
                    () = watching.0.hurry.notified() => {}
                    _ = events.changed(), if waits => {}
                }
                if !watching.waits_for_envoys() {
                    watching.look(&mut watched, false).await;
                }
                watching.settle(Instant::now());
                watching.tell_replicas(&mut said).await;
            }
        });
        Ok(control)
    }

    /// Whether there is a configuration file.
    pub fn is_used(&self) -> bool {
        self.state().token.is_some()
    }

    /// What Envoys use; `None` without a configuration file.
    pub fn standing(&self) -> Option<Standing> {
        let state = self.state();
        state.token.as_ref()?;
        Some(match (&state.problem, state.nodes.has_rejected(state.number)) {
            (Some(_), _) => Standing::Invalid,
            (None, true) => Standing::Rejected,
            (None, false) => Standing::Active,
        })
    }

    /// Answers all held requests, because the service stops.
    pub fn stop(&self) {
        self.state().stops = true;
        self.wake();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.0.events.send_modify(|events| *events = events.wrapping_add(1));
    }

    /// Compiles the configuration if the file or a model of the database has changed.
    async fn look(&self, watched: &mut Watched, is_start: bool) {
        let file = watched.settings.file.clone();
        let (last, references, secrets) =
            (watched.files.clone(), watched.references.clone(), watched.secrets.clone());
        let read = tokio::task::spawn_blocking(move || {
            let have_changed = references.have_changed(secrets.lookup());
            (Files::read(&file, last.as_ref()), have_changed)
        });
        let (files, is_environment) = match read.await {
            Ok((Ok(files), is_environment)) => (files, is_environment),
            Ok((Err(error), _)) if is_start => {
                let why = format!("cannot read the file: {error}");
                return self.refuse(FILE_CHANGED, &why, watched, is_start);
            }
            Ok((Err(_), _)) | Err(_) => return,
        };
        let models = match self.models(watched.models.as_ref().map(|(version, _)| *version)).await {
            Ok(models) => models,
            Err(cause) => {
                tracing::warn!(%cause, "cannot load the models of the database; will retry");
                None
            }
        };
        let is_file = watched.files.as_ref() != Some(&files);
        if !is_file && !is_environment && models.is_none() {
            return self.forget_removed();
        }
        if let Some(models) = models {
            watched.models = Some(models);
        }
        let (version, models) = watched.models.clone().unwrap_or_default();
        let (path, prices) = (watched.settings.file.clone(), Arc::clone(&watched.prices));
        let quiet = !is_file || is_start && watched.settings.is_checked;
        let secrets = watched.secrets.clone();
        let loaded = tokio::task::spawn_blocking(move || {
            source::load(&path, files, &models, prices.map(), &secrets, quiet)
        });
        let Ok(loaded) = loaded.await else { return };
        watched.files = Some(loaded.files);
        watched.references = loaded.references;
        let why = match (is_file, is_environment) {
            (true, _) => FILE_CHANGED,
            (false, true) => "a variable that config.yaml refers to changed",
            (false, false) => "the models in the database changed",
        };
        match loaded.plan {
            Some(plan) => {
                let fixed = watched.fixed.get_or_insert_with(|| Fixed::of(&plan));
                match fixed.check(&plan) {
                    Ok(()) => {
                        // Before a table names them.
                        watched.hand_out(&plan).await;
                        self.publish(*plan, version, (!is_start).then_some(why));
                    }
                    Err(reason) => self.refuse(why, &reason, watched, is_start),
                }
            }
            None if is_file || is_environment => {
                self.refuse(why, "it has errors (see above)", watched, is_start);
            }
            None => {}
        }
    }

    /// Whether a new configuration must wait: which clusters of the last one are kept depends on whether Envoys have
    /// accepted them.
    fn waits_for_envoys(&self) -> bool {
        let state = self.state();
        let is_recent = state.published.is_some_and(|at| at.elapsed() < VERDICT);
        is_recent && state.nodes.is_undecided(state.number)
    }

    fn refuse(&self, why: &str, reason: &str, watched: &Watched, is_start: bool) {
        if is_start {
            let file = watched.settings.file.display();
            tracing::error!("{file} is not used: {reason}; Envoys get no configuration until this is fixed");
        } else {
            tracing::error!("{why}, but the old configuration stays active: {reason}");
        }
        let mut state = self.state();
        state.problem = Some(reason.to_owned());
        state.metrics.valid.set(0);
    }

    /// Serves a plan. `why` is what to log when all Envoys use it.
    fn publish(&self, mut plan: Plan, models: i64, why: Option<&'static str>) {
        {
            let mut state = self.state();
            state.problem = None;
            state.metrics.valid.set(1);
            let now = Instant::now();
            // What no Envoy uses need not be kept, and must not be sent again if an Envoy has rejected it.
            let old = state.configuration.clone().filter(|old| state.nodes.have_clusters_of(old.number));
            if let Some(old) = old {
                let gone =
                    old.own_clusters().filter(|old| plan.clusters.iter().all(|new| new.name != old.name));
                let gone: Vec<_> = gone.cloned().map(|cluster| (cluster, now)).collect();
                state.removed.extend(gone);
            }
            state.removed.retain(|(old, _)| plan.clusters.iter().all(|new| new.name != old.name));
            while state.removed.len() > MOST_REMOVED {
                state.removed.pop_front();
            }
            let own = plan.clusters.len();
            plan.clusters.extend(state.removed.iter().map(|(cluster, _)| cluster.clone()));
            state.number += 1;
            state.published = Some(now);
            state.configuration = Some(Arc::new(Configuration::new(state.number, plan, own, (models, why))));
        }
        self.wake();
    }

    /// Removes clusters that no request can still use.
    fn forget_removed(&self) {
        let plan = {
            let mut state = self.state();
            let before = state.removed.len();
            state.removed.retain(|(_, at)| at.elapsed() < AFTERLIFE);
            if state.removed.len() == before {
                return;
            }
            state.configuration.as_ref().map(|latest| (latest.own_plan(), latest.models))
        };
        if let Some((plan, models)) = plan {
            self.publish(plan, models, None);
        }
    }
}

/// The file, and what was in it.
#[derive(Debug)]
struct Watched {
    settings: Settings,
    prices: Arc<Prices>,
    files: Option<Files>,
    /// The variables that they refer to.
    references: References,
    /// The models of the database, and their version.
    models: Option<(i64, Vec<StoredModel>)>,
    fixed: Option<Fixed>,
    secrets: Secrets,
    broker: Broker,
}

impl Watched {
    /// Has the credentials that a plan names handed out.
    async fn hand_out(&self, plan: &Plan) {
        let variables = plan.environment.iter();
        self.secrets.give(variables.map(|(name, value)| (name.clone(), Secret::new(value.reveal()))));
        let definitions = plan.credentials.iter().cloned().map(Definition::from);
        self.broker.define("config.yaml", definitions.collect()).await;
    }
}
