//! What has to be done from time to time without anybody asking.

use std::time::Duration as Pause;

use jiff::{SignedDuration, Timestamp};

use crate::clock;
use crate::duration::Duration;
use crate::store::{BLOCK, Store, StoreError};

/// A budget starts again at most so much too late.
const PERIOD: Pause = Pause::from_secs(5);

/// How long the ids of recorded batches are kept. A worker holds an unacknowledged batch in memory; none lives in
/// an Envoy that could not report for so long.
const BATCH_MEMORY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long the book of an account is kept that nobody asks for: much longer than anything in it holds.
const LEASE_MEMORY: SignedDuration = SignedDuration::from_hours(1);

/// Budgets per look: between two looks others may write.
const AT_ONCE: i64 = 500;

/// Runs for ever. A failure is logged and tried again: the database may come back.
pub async fn keep_house(store: Store) {
    loop {
        tokio::time::sleep(PERIOD).await;
        if let Err(cause) = once(&store, clock::now()).await {
            tracing::warn!(%cause, "housekeeping failed and will be tried again");
        }
    }
}

/// Does what is due at `now`.
pub async fn once(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    loop {
        let due = store.due_budgets(now, AT_ONCE).await?;
        for budget in &due {
            let duration = budget.budget_duration.as_deref().and_then(|text| Duration::parse(text).ok());
            let next = duration.and_then(|duration| duration.next_reset(now).ok());
            store.restart_budget(budget, next).await?;
        }
        if due.is_empty() {
            break;
        }
    }
    if let Ok(before) = now.checked_sub(BATCH_MEMORY) {
        store.forget_batches(before).await?;
    }
    if let Ok(before) = now.checked_sub(LEASE_MEMORY) {
        store.forget_leases(before).await?;
    }
    store.forget_retired(now).await?;
    store.arrange_keys(BLOCK).await?;
    Ok(())
}
