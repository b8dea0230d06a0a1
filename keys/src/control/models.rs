//! The models of the database: opening and sealing them, and waiting until Envoys use them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Control, StoredModel};
use crate::prices::Prices;
use crate::seal::Sealer;
use crate::store::{ModelRow, Store, StoreError};

/// The models of the database.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) store: Store,
    pub(super) sealer: Arc<Sealer>,
    pub(super) prices: Arc<Prices>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All Envoys use it, or there are none.
    Used,
    /// An Envoy has rejected it.
    Rejected,
    /// Some Envoys do not use it yet.
    Pending,
}

/// How long a change of the API waits for Envoys. They take tens of milliseconds, and seconds on a machine that is overloaded.
const PATIENCE: Duration = Duration::from_secs(10);

impl Control {
    /// The models of the database and their version, if that is not `known`.
    pub(super) async fn models(
        &self,
        known: Option<i64>,
    ) -> Result<Option<(i64, Vec<StoredModel>)>, StoreError> {
        let Some(stored) = self.state().stored.clone() else { return Ok(None) };
        if known.is_some() && known == Some(stored.store.models_version().await?) {
            return Ok(None);
        }
        let (version, rows) = stored.store.stored_models().await?;
        let used = rows.iter().filter(|row| row.rejected.is_none());
        let opened = used.filter_map(|row| {
            let opened = self.open(row);
            if opened.is_none() {
                tracing::error!(
                    "model {} of the database is not used: it was encrypted with another key; set LITELLM_SALT_KEY, or the \
                     master key, to the former value",
                    row.id
                );
            }
            opened
        });
        Ok(Some((version, opened.collect())))
    }

    /// Decrypts a model.
    pub fn open(&self, row: &ModelRow) -> Option<StoredModel> {
        let stored = self.state().stored.clone()?;
        let params = stored.sealer.open(&row.id, &row.params)?;
        Some(StoredModel {
            id: row.id.clone(),
            version: row.version,
            name: row.name.clone(),
            params: serde_json::from_str(&params).ok()?,
            info: row.info.clone(),
        })
    }

    /// Encrypts the parameters of a model.
    pub fn seal(&self, model: &StoredModel) -> Option<String> {
        let stored = self.state().stored.clone()?;
        stored.sealer.seal(&model.id, &serde_json::to_string(&model.params).ok()?).ok()
    }

    /// Checks a model.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check(&self, model: &StoredModel) -> Result<(), String> {
        let Some(stored) = self.state().stored.clone() else { return Ok(()) };
        let model = model.clone();
        let checked = tokio::task::spawn_blocking(move || model.check(stored.prices.map()).map(drop));
        checked.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Whether models may be added by the API.
    pub fn stores_models(&self) -> bool {
        self.state().configuration.as_ref().is_some_and(|configuration| configuration.stores_models())
    }

    /// Whether the configuration has a deployment with this id.
    pub fn has_deployment(&self, id: &str) -> bool {
        self.state().configuration.as_ref().is_some_and(|configuration| configuration.has_deployment(id))
    }

    /// Waits until Envoys use the models of this version, ten seconds at most; also those of other replicas.
    pub async fn await_models(&self, version: i64) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        match self.await_own(version, deadline).await {
            Outcome::Used if !self.await_replicas(version, deadline).await => Outcome::Pending,
            outcome => outcome,
        }
    }

    async fn await_own(&self, version: i64, deadline: Instant) -> Outcome {
        self.0.hurry.notify_one();
        let mut events = self.0.events.subscribe();
        loop {
            events.borrow_and_update();
            {
                let (state, now) = (self.state(), Instant::now());
                let number = state.number;
                if state.configuration.as_ref().is_some_and(|latest| latest.models >= version) {
                    if state.nodes.has_rejected(number) {
                        return Outcome::Rejected;
                    }
                    if state.nodes.count(now) == 0 || state.nodes.all_use(number, now) {
                        return Outcome::Used;
                    }
                }
            }
            if timeout_at(deadline, events.changed()).await.is_err() {
                return Outcome::Pending;
            }
        }
    }

    /// Stops using the models of the configuration with models of the version `rejected` that were changed since Envoys
    /// accepted one. Newer models were not in it.
    pub(super) async fn reject_models(&self, rejected: i64, why: String) {
        let (stored, accepted) = {
            let state = self.state();
            (state.stored.clone(), state.accepted)
        };
        let Some(stored) = stored else { return };
        let outcome = async {
            let (_, rows) = stored.store.stored_models().await?;
            let suspects = rows
                .into_iter()
                .filter(|row| row.version > accepted && row.version <= rejected && row.rejected.is_none());
            let suspects: Vec<_> = suspects.map(|row| (row.id, row.version)).collect();
            if suspects.is_empty() {
                return Ok(());
            }
            let ids: Vec<&str> = suspects.iter().map(|(id, _)| id.as_str()).collect();
            tracing::error!(models = ids.join(","), "no longer used, because Envoy rejects them: {why}");
            stored.store.reject_models(&suspects, &why).await
        };
        if let Err(cause) = outcome.await {
            tracing::error!(%cause, "cannot mark the rejected models in the database");
        }
        self.0.hurry.notify_one();
    }
}
