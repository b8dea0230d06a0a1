//! Requests to the key service's discovery: whether it has a configuration for this Envoy, and what Envoy has rejected.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_compile::config::Secret;
use switchboard_compile::envoy::discovery::Part;
use switchboard_compile::envoy::{Node, Site};
use tokio::time::{Instant, sleep};

use super::envoy_log::Rejection;
use super::http::send;
use super::{Failure, say};

/// How long to wait before saying what for.
const QUIET: Duration = Duration::from_secs(2);

/// Longer than a database takes to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// This Envoy, to the key service.
pub(super) struct Client {
    site: Site,
    node: Value,
    token: Secret,
}

impl Client {
    pub(super) fn new(node: &Node, id: &str, token: &Secret) -> Self {
        let own = json!({ "id": id, "metadata": node.metadata() });
        Self { site: node.site.clone(), node: own, token: token.clone() }
    }

    /// Waits until there is a configuration for this Envoy, which it then gets at once.
    pub(super) async fn wait(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut told = String::new();
        loop {
            let (host, port) = (&self.site.keys_host, self.site.keys_internal_port());
            // Without an id, because it is not Envoy that asks.
            let request = json!({ "node": { "metadata": self.node["metadata"] } });
            let problem = match self.post(Part::Listener.path(), &request).await {
                Some((StatusCode::OK, _)) => return Ok(()),
                Some((StatusCode::SERVICE_UNAVAILABLE, why)) => why,
                Some((StatusCode::UNAUTHORIZED, _)) => {
                    return Err(Failure::new(format!(
                        "the key service at {host}:{port} rejects SWITCHBOARD_INTERNAL_TOKEN; set it to the value that the \
                         key service was started with"
                    )));
                }
                Some((status, _)) => format!("{host}:{port} answers {status} to discovery requests"),
                None => format!("nothing answers at {host}:{port}"),
            };
            if begun.elapsed() > PATIENCE {
                return Err(Failure::new(format!(
                    "the key service has no configuration for Envoy: {problem}"
                )));
            }
            if begun.elapsed() > QUIET && told != problem {
                say(&format!("waiting for the key service: {problem}"));
                told = problem;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Reports what Envoy has rejected.
    pub(super) async fn report(&self, rejection: &Rejection) {
        let request = json!({ "node": self.node, "error_detail": { "code": 3, "message": rejection.words } });
        // If it is lost, the key service finds out by itself, only without the words.
        let _ = self.post(&rejection.path, &request).await;
    }

    async fn post(&self, path: &str, request: &Value) -> Option<(StatusCode, String)> {
        let (host, port) = (&self.site.keys_host, self.site.keys_internal_port());
        send(Method::POST, host, port, path, Some(&self.token), request.to_string()).await
    }
}
