//! What the key service spends on recording the requests of a row, until the last of them is recorded.
//!
//! It records while the next round is measured already, so this is one figure for all rounds of a row.

use std::io;
use std::time::Duration;

use switchboard_e2e::{MASTER_KEY, Stack, process};

/// Workers report once a second: if nothing was recorded for this long, nothing is left to record.
const SILENCE: Duration = Duration::from_millis(2_500);

/// Often enough to notice the last report soon, and too seldom for the metrics to cost anything.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A reading of the key service, when it had nothing left to record.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    cpu: Duration,
    requests: u64,
}

impl Reading {
    /// Waits until everything is recorded, and reads.
    ///
    /// # Errors
    /// There is no key service, or its metrics have no count of recorded requests.
    pub async fn take(stack: &Stack) -> io::Result<Self> {
        let pid = stack.keys_pid().ok_or_else(|| io::Error::other("there is no key service"))?;
        let (mut requests, mut silent) = (recorded(stack).await?, Duration::ZERO);
        while silent < SILENCE {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = recorded(stack).await?;
            silent = if now == requests { silent + LOOK_EVERY } else { Duration::ZERO };
            requests = now;
        }
        Ok(Self { cpu: process::cpu(pid)?, requests })
    }

    /// CPU of the key service per request that was recorded since, microseconds.
    pub fn cost_since(&self, earlier: &Self) -> f64 {
        let cpu = self.cpu.saturating_sub(earlier.cpu);
        #[expect(clippy::cast_precision_loss, reason = "a bench does not send 2^52 requests")]
        let requests = self.requests.saturating_sub(earlier.requests).max(1) as f64;
        cpu.as_secs_f64() * 1e6 / requests
    }
}

/// Requests that the key service has recorded so far.
async fn recorded(stack: &Stack) -> io::Result<u64> {
    const NAME: &str = "switchboard_keys_usage_requests_total ";
    let metrics = stack.client().get("/metrics").key(MASTER_KEY).send().await.expect(200).text();
    let count = metrics.lines().find_map(|line| line.strip_prefix(NAME)?.parse().ok());
    count.ok_or_else(|| io::Error::other(format!("the metrics do not have {NAME}")))
}
