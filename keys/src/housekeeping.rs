//! Periodic tasks.

use std::time::Duration as Pause;

use jiff::{SignedDuration, Timestamp};

use crate::clock;
use crate::duration::Duration;
use crate::store::{BLOCK, Store, StoreError, Unit, hour_of};
use crate::ui;

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

/// How long roll-ups by the hour are kept. Those by day and month stay.
const HOURS_KEPT: i64 = 92 * 24;

/// Maximum number of segments of an older log that are added to the roll-ups in one round. Each is a transaction.
const FILLS_PER_ROUND: usize = 20;

/// How long records are kept; forever if `None`.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Rows of the spend log.
    pub log: Option<Duration>,
    /// Roll-ups.
    pub usage: Option<Duration>,
    /// Entries of the audit log.
    pub audit: Duration,
}

/// Runs forever. A failure is logged and the task is repeated later, because the database may recover.
pub async fn keep_house(store: Store, retention: Retention) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let now = clock::now();
        let done = async {
            once(&store, retention.log, now).await?;
            trim_audit_log(&store, retention.audit, now).await
        };
        if let Err(cause) = done.await {
            tracing::warn!(%cause, "housekeeping failed; will retry");
        }
        if let Err(cause) = roll_up(&store, retention.usage, now).await {
            tracing::warn!(%cause, "updating the roll-ups failed; will retry");
        }
    }
}

/// Adds an older log to the roll-ups, and deletes roll-ups older than `retention`.
pub async fn roll_up(store: &Store, retention: Option<Duration>, now: Timestamp) -> Result<(), StoreError> {
    for _ in 0..FILLS_PER_ROUND {
        if !store.fill_usage().await? {
            break;
        }
    }
    let before = retention.and_then(|retention| retention.before(now).ok()).map(hour_of);
    let hours = hour_of(now) - HOURS_KEPT;
    let hours = before.map_or(hours, |before| before.max(hours));
    for (unit, before) in [(Unit::Hour, Some(hours)), (Unit::Day, before), (Unit::Month, before)] {
        // A day or a month is deleted when all of it is too old.
        let Some(before) = before.map(|before| unit.begin(before)) else { continue };
        for _ in 0..TRIMS_PER_ROUND {
            if !store.trim_usage(unit, before).await? {
                break;
            }
        }
    }
    Ok(())
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
    if let (Ok(begun), Ok(seen)) = (now.checked_sub(ui::LIFE), now.checked_sub(ui::IDLE)) {
        store.forget_sessions(begun, seen).await?;
    }
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

/// Deletes entries of the audit log that are older than `retention`, a limited number in each round.
pub async fn trim_audit_log(store: &Store, retention: Duration, now: Timestamp) -> Result<(), StoreError> {
    let Ok(before) = retention.before(now) else { return Ok(()) };
    for _ in 0..TRIMS_PER_ROUND {
        if store.trim_audit_log(before, ROWS_AT_ONCE).await? == 0 {
            break;
        }
    }
    Ok(())
}
