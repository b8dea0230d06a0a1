//! What is known of the credentials, without their values: for readiness and metrics.

use super::{Broker, now};

/// The state of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is handed out.
    Ok,
    /// It is handed out, but could not be renewed.
    Stale,
    /// It is being fetched for the first time.
    Pending,
    /// There is none.
    Missing,
}

impl State {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stale => "stale",
            Self::Pending => "pending",
            Self::Missing => "missing",
        }
    }
}

/// A credential, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// When its value expires, Unix seconds.
    pub expires_at: Option<u64>,
    /// Why it could not be fetched.
    pub problem: Option<String>,
    /// Fetches that failed since the last successful one.
    pub failures: u64,
}

impl Broker {
    /// All credentials, by name.
    pub fn statuses(&self) -> Vec<Status> {
        let now = now();
        let state = self.state();
        let entries = state.entries.iter().filter(|(_, entry)| entry.owner.is_some());
        let status = entries.map(|(name, entry)| {
            let value = entry.value.as_ref().filter(|value| !value.has_expired(now));
            let state = match (value, &entry.problem) {
                (Some(_), None) => State::Ok,
                (Some(_), Some(_)) => State::Stale,
                (None, None) => State::Pending,
                (None, Some(_)) => State::Missing,
            };
            Status {
                name: name.clone(),
                state,
                expires_at: value.and_then(|value| value.expires_at),
                problem: entry.problem.clone(),
                failures: entry.failures,
            }
        });
        status.collect()
    }
}
