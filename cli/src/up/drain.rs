//! The orderly end: no new connections, requests in flight finish, their usage is delivered.

use std::time::Duration;

use http::Method;
use tokio::time::{Instant, sleep};

use super::http::ask;
use super::say;

/// The filter delivers usage each second; this is one period and the time of the call.
const DELIVERY: Duration = Duration::from_millis(1_500);

/// Asks clients to close their connections, and keeps accepting new ones for `wait`; then waits until no request is
/// left, at most `patience`, and until usage is delivered. Whether there is an Envoy with that administration.
pub(crate) async fn drain(admin_port: u16, wait: Duration, patience: Duration) -> bool {
    // The next answer on each open connection asks the client to close it.
    if admin(admin_port, Method::POST, "/healthcheck/fail").await.is_none() {
        return false;
    }
    sleep(wait).await;
    let deadline = Instant::now() + patience;
    // Stops accepting at once; what is accepted goes on.
    admin(admin_port, Method::POST, "/drain_listeners").await;
    let mut told = 0;
    while let Some(active) = active_requests(admin_port).await
        && active > 0
    {
        if Instant::now() > deadline {
            say(&format!(
                "{active} requests did not finish in {} seconds; dropping them",
                patience.as_secs()
            ));
            break;
        }
        if active != told {
            say(&format!("{active} requests in flight"));
            told = active;
        }
        sleep(Duration::from_millis(100)).await;
    }
    sleep(DELIVERY).await;
    true
}

async fn active_requests(admin_port: u16) -> Option<u64> {
    let stats = admin(admin_port, Method::GET, "/stats?filter=downstream_rq_active").await?;
    let (_, count) =
        stats.lines().find_map(|line| line.split_once("http.switchboard.downstream_rq_active: "))?;
    count.trim().parse().ok()
}

async fn admin(port: u16, method: Method, path: &str) -> Option<String> {
    ask(method, "127.0.0.1", port, path).await.map(|(_, body)| body)
}
