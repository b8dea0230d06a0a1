//! Records reports that arrive together in one transaction.
//!
//! While a transaction is in progress, further reports are queued, and the next transaction records the whole queue.
//! So no report waits for others to arrive, and under load a commit is shared by many. A report is acknowledged after
//! the commit of its transaction, whoever else is part of it.

use std::sync::{Arc, Mutex, PoisonError};

use switchboard::key::UsageBatch;
use tokio::sync::oneshot;

use super::log::Segment;
use super::rollups::Known;
use super::{Store, StoreError};

/// Entries of reports after which a transaction takes no further one, so that others can write in between.
const MOST: usize = 4_096;

/// Records reports in turn.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by the transaction that records.
    progress: tokio::sync::Mutex<Progress>,
}

/// What this process has written so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) segment: Option<Segment>,
    pub(super) known: Known,
}

#[derive(Debug)]
struct Waiting {
    report: Report,
    tell: oneshot::Sender<Result<bool, StoreError>>,
}

/// A batch to record.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// The batch.
    pub(super) batch: Arc<UsageBatch>,
    /// Whether each of its entries gets a row in the spend log.
    pub(super) logged: bool,
}

impl Recorder {
    /// The reports for the next transaction.
    fn next(&self) -> Vec<Waiting> {
        // A panic while the lock was held leaves a valid state.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = 0;
        let fits = |waiting: &&Waiting| {
            let is_first = entries == 0;
            entries += waiting.report.batch.len().max(1);
            is_first || entries <= MOST
        };
        let count = waiting.iter().take_while(fits).count();
        waiting.drain(..count).collect()
    }
}

impl Store {
    /// Records a batch, with a row for each of its entries if `spend_log`. Returns `false` without changing anything if
    /// it was recorded before.
    pub async fn record_usage(&self, batch: Arc<UsageBatch>, spend_log: bool) -> Result<bool, StoreError> {
        let (tell, told) = oneshot::channel();
        let waiting = Waiting { report: Report { batch, logged: spend_log }, tell };
        self.recorder.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
        // A separate task: if this caller disconnects, the others must not lose their transaction. Each report has
        // one, and most of them find that an earlier one has recorded theirs.
        tokio::spawn(self.clone().record_waiting());
        told.await.unwrap_or(Err(StoreError::Database(sqlx::Error::WorkerCrashed)))
    }

    async fn record_waiting(self) {
        let mut progress = self.recorder.progress.lock().await;
        let waiting = self.recorder.next();
        let reports: Vec<_> = waiting.iter().map(|waiting| waiting.report.clone()).collect();
        if reports.len() > 1
            && let Ok(new) = self.record_reports(&mut progress, &reports).await
        {
            for (Waiting { tell, .. }, new) in waiting.into_iter().zip(new) {
                // A caller that has disconnected sends its report again.
                let _ = tell.send(Ok(new));
            }
            return;
        }
        // Alone, or the transaction has failed: one report may be the cause, which must not stop the others.
        for Waiting { report, tell } in waiting {
            let recorded = self.record_reports(&mut progress, &[report]).await;
            let _ = tell.send(recorded.map(|new| new == [true]));
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard::key::UsageEntry;

    use super::*;

    fn push(recorder: &Recorder, entries: usize) {
        let batch = Arc::new(UsageBatch::of("b", vec![UsageEntry::default(); entries]));
        let report = Report { batch, logged: true };
        recorder.waiting.lock().unwrap().push(Waiting { report, tell: oneshot::channel().0 });
    }

    #[test]
    fn a_transaction_takes_what_waits_up_to_a_bound_and_always_something() {
        let recorder = Recorder::default();
        for entries in [MOST / 2, MOST / 2, 1, MOST + 1, 0, 0] {
            push(&recorder, entries);
        }
        let taken = || recorder.next().len();
        assert_eq!([taken(), taken(), taken(), taken(), taken()], [2, 1, 1, 2, 0]);
    }
}
