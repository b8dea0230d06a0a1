//! Waits until everything answers.

use std::time::Duration;

use http::{Method, StatusCode};
use tokio::time::{Instant, sleep};

use super::Failure;
use super::http::ask;
use switchboard_compile::envoy::Site;

/// Longer than a cold start with a slow name server takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until the key service and, through the filter, Envoy answer.
pub(super) async fn wait(site: &Site) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    let host = site.reachable_host();
    // Any answer will do: the key service says on this port what it says to everybody.
    until(deadline, "the key service", async || {
        ask(Method::GET, &site.keys_host, site.keys_port, "/").await.is_some()
    })
    .await?;
    until(deadline, "Envoy", async || {
        status("127.0.0.1", site.admin_port, "/ready").await == Some(StatusCode::OK)
    })
    .await?;
    until(deadline, "the filter", async || is_ready(&host, site.port).await).await
}

/// Whether the filter can verify keys.
pub(crate) async fn is_ready(host: &str, port: u16) -> bool {
    status(host, port, "/health/readiness").await == Some(StatusCode::OK)
}

async fn status(host: &str, port: u16, path: &str) -> Option<StatusCode> {
    ask(Method::GET, host, port, path).await.map(|(status, _)| status)
}

async fn until(deadline: Instant, what: &str, answers: impl AsyncFn() -> bool) -> Result<(), Failure> {
    while !answers().await {
        if Instant::now() > deadline {
            let seconds = PATIENCE.as_secs();
            return Err(Failure::new(format!(
                "{what} is not ready after {seconds} seconds; see its log above"
            )));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
