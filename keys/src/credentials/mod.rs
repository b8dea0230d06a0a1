//! Providers' credentials: resolves them, renews them before they expire, and hands them out to the filter. Their values are
//! in memory only.
//!
//! A static credential is read again four times a second. Each other one has a task that fetches the next value well
//! before the current one expires. A failed fetch is repeated within two seconds; the current value is kept until it
//! expires.

mod aws;
mod azure;
mod certificate;
#[cfg(test)]
mod clouds;
mod google;
pub(crate) mod http;
mod keeper;
mod oidc;
#[cfg(test)]
mod outages;
mod secrets;
mod source;
mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use switchboard::key::{Credential, CredentialRequest, HandedOut, TokenHash};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

pub use secrets::Secrets;
pub use source::{Definition, Kind, Setting};
use source::{Fetched, Inputs};
pub use status::{State as Standing, Status};

/// How often secrets are read again.
const PERIOD: Duration = Duration::from_millis(250);

/// How long a caller waits for a credential that is being fetched, or that is not defined yet.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the secrets are read again after a provider has rejected one that has not changed: it may know of a change
/// before the file does.
const RACE: Duration = Duration::from_millis(500);

/// Minimum age of a fetched credential before its rejection causes a new fetch.
const FRESH: Duration = Duration::from_secs(10);

/// How long a credential is handed out after its definition was removed: requests of the previous configuration may
/// still need it.
const AFTERLIFE: Duration = Duration::from_mins(1);

/// All credentials. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Broker(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    secrets: Secrets,
    state: Mutex<State>,
    /// Counts events: a caller may wait for the next one.
    events: watch::Sender<u64>,
    /// Only one task reads the secrets.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// 0 until something is defined.
    revision: u64,
    entries: BTreeMap<String, Entry>,
}

/// A credential.
#[derive(Debug)]
struct Entry {
    definition: Definition,
    /// Who has defined it; `None` if it was removed.
    owner: Option<&'static str>,
    /// When it was removed.
    removed: Option<Instant>,
    /// What its settings amount to.
    inputs: Inputs,
    value: Option<Fetched>,
    /// When the value was fetched.
    since: Instant,
    /// Why the last fetch failed.
    problem: Option<String>,
    /// Notified to fetch a new value now.
    wanted: Arc<Notify>,
    /// A caller waits for a fetch.
    is_renewing: bool,
    /// Fetches values, if they expire.
    keeper: Option<AbortHandle>,
    /// Fetches that failed in a row.
    failures: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}

impl Entry {
    /// Neither a value nor a problem is known yet.
    fn is_pending(&self) -> bool {
        self.value.is_none() && self.problem.is_none()
    }

    fn handed_out(&self, name: &str, now: u64) -> Credential {
        let none = Credential { name: name.to_owned(), ..Credential::default() };
        match &self.value {
            Some(value) if !value.has_expired(now) => value.credential(name),
            _ => {
                let pending = || "it is being fetched".to_owned();
                Credential { problem: Some(self.problem.clone().unwrap_or_else(pending)), ..none }
            }
        }
    }
}

impl Broker {
    /// Starts reading `secrets`, for as long as the runtime exists.
    pub fn start(secrets: Secrets) -> Self {
        let broker = Self(Arc::new(Shared { secrets, ..Shared::default() }));
        let reader = broker.clone();
        tokio::spawn(async move {
            let mut next = Instant::now();
            loop {
                next += PERIOD;
                sleep_until(next).await;
                reader.read_again().await;
                next = next.max(Instant::now());
            }
        });
        broker
    }

    /// Replaces all definitions of `owner`. Equal ones keep their values, and those that are gone are handed out for
    /// another minute. A name that another owner has defined is left alone.
    pub async fn define(&self, owner: &'static str, definitions: Vec<Definition>) {
        let _reading = self.0.reading.lock().await;
        let secrets = self.0.secrets.clone();
        let resolved = tokio::task::spawn_blocking(move || {
            let known = secrets.read();
            let resolve = |definition: Definition| (definition.inputs(&known), definition);
            definitions.into_iter().map(resolve).collect::<Vec<_>>()
        });
        let Ok(resolved) = resolved.await else { return };
        let mut state = self.state();
        let now = Instant::now();
        for entry in state.entries.values_mut().filter(|entry| entry.owner == Some(owner)) {
            (entry.owner, entry.removed) = (None, Some(now));
        }
        for (inputs, definition) in resolved {
            let name = definition.name.clone();
            if let Some(known) = state.entries.get_mut(&name) {
                if known.owner.is_some_and(|other| other != owner) {
                    tracing::warn!(credential = name, "defined twice; the first definition is used");
                    continue;
                }
                (known.owner, known.removed) = (Some(owner), None);
                if known.definition == definition {
                    continue;
                }
            }
            let known = state.entries.remove(&name);
            let entry = self.entry(owner, definition, inputs, known);
            state.entries.insert(name, entry);
        }
        self.publish(&mut state);
    }

    /// A new entry, which keeps the value of the `previous` one until there is another.
    fn entry(
        &self,
        owner: &'static str,
        definition: Definition,
        inputs: Inputs,
        previous: Option<Entry>,
    ) -> Entry {
        let mut entry = Entry {
            owner: Some(owner),
            removed: None,
            inputs: Inputs::default(),
            value: previous.and_then(|mut entry| entry.value.take()),
            since: Instant::now(),
            problem: None,
            wanted: Arc::default(),
            is_renewing: false,
            keeper: None,
            failures: 0,
            definition,
        };
        self.feed(&mut entry, inputs);
        entry
    }

    /// Gives an entry what its settings amount to now.
    fn feed(&self, entry: &mut Entry, inputs: Inputs) {
        entry.inputs = inputs;
        match entry.definition.at_once(&entry.inputs) {
            Some(Ok(value)) => {
                (entry.value, entry.problem, entry.since) = (Some(value), None, Instant::now());
            }
            // A file that is missing for a moment must not stop requests.
            Some(Err(problem)) => entry.problem = Some(problem),
            None => {
                if let Some(keeper) = entry.keeper.take() {
                    keeper.abort();
                }
                let (definition, inputs) = (entry.definition.clone(), entry.inputs.clone());
                let keeper = self.clone().keep(definition, inputs, Arc::clone(&entry.wanted));
                entry.keeper = Some(tokio::spawn(keeper).abort_handle());
            }
        }
    }

    /// Reads all secrets again, and applies those that have changed.
    async fn read_again(&self) {
        let _reading = self.0.reading.lock().await;
        let definitions: Vec<Definition> =
            self.state().entries.values().map(|entry| entry.definition.clone()).collect();
        if definitions.is_empty() {
            return;
        }
        let secrets = self.0.secrets.clone();
        let resolved = tokio::task::spawn_blocking(move || {
            let known = secrets.read();
            let resolve = |definition: Definition| (definition.inputs(&known), definition.name);
            definitions.into_iter().map(resolve).collect::<Vec<_>>()
        });
        let Ok(resolved) = resolved.await else { return };
        let mut state = self.state();
        let before = state.entries.len();
        state.entries.retain(|_, entry| entry.removed.is_none_or(|at| at.elapsed() < AFTERLIFE));
        let mut is_changed = state.entries.len() != before;
        for (inputs, name) in resolved {
            let Some(entry) = state.entries.get_mut(&name) else { continue };
            if entry.inputs != inputs {
                tracing::info!(credential = name, "the secret has changed");
                self.feed(entry, inputs);
                is_changed = true;
            }
        }
        if is_changed {
            self.publish(&mut state);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the state a revision and wakes those who wait. The revision is a digest, so that key services with the same
    /// credentials agree on it.
    fn publish(&self, state: &mut State) {
        let all = all(state);
        let json = serde_json::to_vec(&all).unwrap_or_default();
        let digest = TokenHash::of(&json).to_string();
        let revision = u64::from_str_radix(digest.get(..13).unwrap_or_default(), 16).unwrap_or_default();
        state.revision = revision.max(1);
        self.0.events.send_modify(|events| *events = events.wrapping_add(1));
    }

    /// All credentials, unless the caller has them already (that revision), or names none.
    pub fn newer_than(&self, revision: Option<u64>) -> Option<HandedOut> {
        let state = self.state();
        let is_newer = revision.is_some_and(|known| known != state.revision) && state.revision != 0;
        is_newer.then(|| HandedOut { revision: state.revision, credentials: all(&state) })
    }

    /// All credentials, after the named one was fetched, if a fetch can help: it is being fetched, or a provider has
    /// rejected the caller's.
    pub async fn ask(&self, asked: &CredentialRequest) -> HandedOut {
        let deadline = Instant::now() + PATIENCE;
        let mut events = self.0.events.subscribe();
        if asked.rejected && self.state().revision == asked.revision {
            self.read_again().await;
            self.renew(&asked.name, asked.revision);
            let until = Instant::now() + RACE;
            while self.is_unchanged(asked) && Instant::now() < until {
                let _ = timeout_at(until.min(Instant::now() + RACE / 10), events.changed()).await;
                self.read_again().await;
            }
        }
        loop {
            events.borrow_and_update();
            {
                let state = self.state();
                let waits = match state.entries.get(&asked.name) {
                    None => true,
                    Some(entry) => {
                        entry.is_pending() || entry.is_renewing && state.revision == asked.revision
                    }
                };
                if !waits || Instant::now() >= deadline {
                    return HandedOut { revision: state.revision, credentials: all(&state) };
                }
            }
            // Either way the state is looked at again.
            let _ = timeout_at(deadline, events.changed()).await;
        }
    }

    /// Whether the asker has the latest value of a secret, which nobody has to fetch.
    fn is_unchanged(&self, asked: &CredentialRequest) -> bool {
        let state = self.state();
        state.revision == asked.revision
            && state.entries.get(&asked.name).is_some_and(|entry| entry.keeper.is_none())
    }

    /// Fetches a credential now, unless it is new.
    fn renew(&self, name: &str, revision: u64) {
        let mut state = self.state();
        if state.revision != revision {
            return;
        }
        let Some(entry) = state.entries.get_mut(name).filter(|entry| entry.keeper.is_some()) else { return };
        if entry.value.is_some() && entry.since.elapsed() >= FRESH {
            entry.is_renewing = true;
            entry.wanted.notify_one();
        }
    }
}

fn all(state: &State) -> Vec<Credential> {
    let now = now();
    state.entries.iter().map(|(name, entry)| entry.handed_out(name, now)).collect()
}

/// Unix seconds.
fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}
