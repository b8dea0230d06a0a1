//! The task that fetches a credential's values.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::source::{Definition, Fetched, Inputs};
use super::{Broker, now};

/// How long before its expiry a value is replaced.
const EARLY: Duration = Duration::from_mins(5);

/// How often a value without an expiry is fetched again: its source may have another one by then.
const AGAIN: Duration = Duration::from_secs(30);

/// Minimum and maximum delay after a failure. The maximum is short, because no requests are served without a value.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// Timeout of a fetch. While one is pending, another starts after the maximum delay: an endpoint that accepts
/// connections but does not respond must not delay the first response after it has recovered.
const TIME_OUT: Duration = Duration::from_secs(10);

/// How often an unchanged problem is logged.
const REPEAT_LOG: Duration = Duration::from_mins(1);

impl Broker {
    /// Keeps a credential fresh, until it is aborted.
    pub(super) async fn keep(self, definition: Definition, inputs: Inputs, wanted: Arc<Notify>) {
        loop {
            let value = self.fetch(&definition, &inputs, &wanted).await;
            let pause = until_next(value.expires_at, rand::rng().random_range(0.0..1.0));
            self.keeps(&definition.name, Ok(value));
            tokio::select! {
                () = sleep(pause) => {}
                () = wanted.notified() => {
                    tracing::warn!(credential = definition.name, "rejected by its provider; fetching a new one");
                }
            }
        }
    }

    /// Retries until there is a value.
    async fn fetch(&self, definition: &Definition, inputs: &Inputs, wanted: &Notify) -> Fetched {
        let (shortest, longest) = BACK_OFF;
        let mut pause = shortest;
        let mut logged: Option<(String, Instant)> = None;
        let mut fetching = JoinSet::new();
        loop {
            let (kind, inputs) = (definition.kind, inputs.clone());
            fetching.spawn(async move { timeout(TIME_OUT, kind.fetch(&inputs)).await });
            let answer = timeout(longest, fetching.join_next()).await;
            let has_waited = answer.is_err();
            let problem = match answer {
                Ok(Some(Ok(Ok(Ok(value))))) => return value,
                Ok(Some(Ok(Ok(Err(problem))))) => problem,
                Ok(_) | Err(_) => format!("{} is not responding", definition.kind.authority()),
            };
            let at = Instant::now();
            if logged.as_ref().is_none_or(|(last, logged)| *last != problem || at - *logged >= REPEAT_LOG) {
                tracing::error!(
                    credential = definition.name,
                    "cannot fetch: {problem}; retrying at least every {} s",
                    longest.as_secs()
                );
                logged = Some((problem.clone(), at));
            }
            self.keeps(&definition.name, Err(problem));
            if has_waited {
                continue;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = async { sleep(shortest).await; wanted.notified().await } => {}
                Some(Ok(Ok(Ok(value)))) = fetching.join_next() => return value,
            }
            pause = pause.saturating_mul(2).min(longest);
        }
    }

    /// Stores an outcome.
    fn keeps(&self, name: &str, outcome: Result<Fetched, String>) {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(name) else { return };
        entry.is_renewing = false;
        match outcome {
            Ok(value) => {
                if entry.value.as_ref() != Some(&value) {
                    tracing::info!(credential = name, "fetched");
                    entry.since = Instant::now();
                }
                (entry.value, entry.problem, entry.failures) = (Some(value), None, 0);
            }
            Err(problem) => {
                entry.failures += 1;
                entry.problem = Some(problem);
                if entry.value.as_ref().is_some_and(|value| value.has_expired(now())) {
                    entry.value = None;
                }
            }
        }
        self.publish(&mut state);
    }
}

/// When to fetch the next value. A short-lived one, which a metadata server returns near the end of its own token's life,
/// is replaced after half of its life. `jitter` (0 to 1) spreads the fetches of several key services over a tenth of
/// that.
fn until_next(expires_at: Option<u64>, jitter: f64) -> Duration {
    let pause = match expires_at {
        None => AGAIN,
        Some(expires_at) => {
            let life = Duration::from_secs(expires_at.saturating_sub(now()));
            life.checked_sub(EARLY).unwrap_or_default().max(life / 2)
        }
    };
    pause.mul_f64(1.0 - jitter / 10.0).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_value_is_fetched_in_good_time_and_not_by_all_at_once() {
        let within = |life: u64, jitter: f64, expected: f64| {
            let pause = until_next(Some(now() + life), jitter).as_secs_f64();
            assert!((pause - expected).abs() <= 1.0, "{life} s, {jitter}: {pause}");
        };
        within(3_600, 0.0, 3_300.0);
        within(3_600, 1.0, 2_970.0);
        within(240, 0.0, 120.0);
        within(0, 1.0, 1.0);
        assert_eq!(until_next(None, 0.0), AGAIN);
    }
}
