//! The orderly end: no new connections, requests in flight finish, their usage is delivered.

use std::time::Duration;

use http::Method;
use tokio::time::{Instant, sleep};

use super::http::ask;
use super::say;
use crate::envoy::Site;

/// The filter delivers usage each second; this is one period and the time of the call.
const DELIVERY: Duration = Duration::from_millis(1_500);

/// Waits until no request is left, at most `patience`, and then until usage is delivered.
pub(super) async fn drain(site: &Site, patience: Duration) {
    let deadline = Instant::now() + patience;
    // Clients on connections that stay open are told to close them with their next answer.
    admin(site, Method::POST, "/healthcheck/fail").await;
    // Stops accepting at once; what is accepted goes on.
    admin(site, Method::POST, "/drain_listeners").await;
    let mut told = 0;
    while let Some(active) = active_requests(site).await
        && active > 0
    {
        if Instant::now() > deadline {
            say(&format!("{active} requests did not finish in {} seconds and are cut", patience.as_secs()));
            break;
        }
        if active != told {
            say(&format!("{active} requests in flight"));
            told = active;
        }
        sleep(Duration::from_millis(100)).await;
    }
    sleep(DELIVERY).await;
}

async fn active_requests(site: &Site) -> Option<u64> {
    let stats = admin(site, Method::GET, "/stats?filter=downstream_rq_active").await?;
    let (_, count) =
        stats.lines().find_map(|line| line.split_once("http.switchboard.downstream_rq_active: "))?;
    count.trim().parse().ok()
}

async fn admin(site: &Site, method: Method, path: &str) -> Option<String> {
    ask(method, "127.0.0.1", site.admin_port, path).await.map(|(_, body)| body)
}
