//! Tells other replicas which models this one's Envoys use, and waits for theirs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Control;
use crate::store::Store;

/// How often a replica says so, if nothing has changed.
const PERIOD: Duration = Duration::from_secs(1);

/// How often others are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What was said last.
#[derive(Debug, Default)]
pub(super) struct Said {
    models: Option<i64>,
    at: Option<Instant>,
}

impl Control {
    /// Tells other replicas, if it is time.
    pub(super) async fn tell_replicas(&self, said: &mut Said) {
        let (stored, models, number, id) = {
            let state = self.state();
            (state.stored.clone(), state.accepted, state.nodes.count(Instant::now()), state.replica.clone())
        };
        let Some(store) = stored.map(|stored| stored.store).filter(Store::is_shared) else { return };
        let models = (number > 0).then_some(models);
        let is_due = said.at.is_none_or(|at| at.elapsed() > PERIOD);
        if said.models == models && (models.is_none() || !is_due) {
            return;
        }
        let told = match models {
            Some(models) => store.replica_uses(&id, models).await,
            None => store.replica_is_idle(&id).await,
        };
        match told {
            Ok(()) => *said = Said { models, at: Some(Instant::now()) },
            Err(cause) => tracing::debug!(%cause, "cannot tell other replicas which models are used"),
        }
    }

    /// Waits until the Envoys of other replicas use the models of this version, until `deadline` at most. Returns whether they
    /// do.
    pub(super) async fn await_replicas(&self, version: i64, deadline: Instant) -> bool {
        let (stored, id) = {
            let state = self.state();
            (state.stored.clone(), state.replica.clone())
        };
        let Some(store) = stored.map(|stored| stored.store).filter(Store::is_shared) else { return true };
        loop {
            match store.others_are_behind(&id, version).await {
                Ok(false) => return true,
                Ok(true) if Instant::now() < deadline => sleep(LOOK).await,
                Ok(true) | Err(_) => return false,
            }
        }
    }
}
