//! Periodic tasks.

use std::time::Duration as Pause;

use jiff::{SignedDuration, Timestamp};

use crate::clock;
use crate::duration::Duration;
use crate::store::{BLOCK, Store, StoreError};

/// Maximum delay of a budget reset.
const PERIOD: Pause = Pause::from_secs(5);

/// How long the ids of recorded batches are kept. A worker keeps an unacknowledged batch in memory; no Envoy
/// keeps running for this long without reporting.
const BATCH_MEMORY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long an account's unused lease book is kept: much longer than anything in it is valid.
const LEASE_MEMORY: SignedDuration = SignedDuration::from_hours(1);

/// Budgets per transaction; others can write in between.
const AT_ONCE: i64 = 500;

/// Stored responses deleted per statement; others can write in between.
const ROWS_AT_ONCE: i64 = 2_000;

/// Maximum number of segments of the spend log that are deleted in one round, so that an overdue trim does not delay
/// budget resets. Each is a transaction, and others can write in between.
const TRIMS_PER_ROUND: usize = 25;

/// Runs forever. A failure is logged and the task is repeated later, because the database may recover. Rows
/// of the spend log older than `retention` are deleted; without it they are kept.
pub async fn keep_house(store: Store, retention: Option<Duration>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        if let Err(cause) = once(&store, retention, clock::now()).await {
            tracing::warn!(%cause, "housekeeping failed; will retry");
        }
    }
}

/// Runs the tasks that are due at `now`.
pub async fn once(store: &Store, retention: Option<Duration>, now: Timestamp) -> Result<(), StoreError> {
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
    store.forget_responses(now, ROWS_AT_ONCE).await?;
    if let Some(before) = retention.and_then(|retention| retention.before(now).ok()) {
        for _ in 0..TRIMS_PER_ROUND {
            if !store.trim_spend_log(before).await? {
                break;
            }
        }
    }
    store.arrange_keys(BLOCK).await?;
    Ok(())
}
