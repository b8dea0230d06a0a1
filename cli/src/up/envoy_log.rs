//! What Envoy's log says about discovery.
//!
//! Envoy's REST client does not tell the key service that it has rejected a resource, so the launcher does, with Envoy's
//! words from its log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often an unreachable key service is reported.
const REPEAT: Duration = Duration::from_secs(10);

/// Resources that Envoy has rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    /// The path at which Envoy got them.
    pub(super) path: String,
    /// Why.
    pub(super) words: String,
}

/// Reads Envoy's log. Clones share what they have read.
#[derive(Clone, Debug)]
pub(super) struct EnvoyLog {
    rejections: mpsc::UnboundedSender<Rejection>,
    /// When the last failure was reported.
    failed: Arc<Mutex<Option<Instant>>>,
    /// The path of a rejection whose reason follows on a later line.
    pending: Arc<Mutex<Option<String>>>,
}

/// What protobuf puts before a message that it prints. The reason follows the message, which has a line for each field.
const PRINTED: &str = "goo.gle/debug";

impl EnvoyLog {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Rejection>) {
        let (rejections, receiver) = mpsc::unbounded_channel();
        (Self { rejections, failed: Arc::default(), pending: Arc::default() }, receiver)
    }

    /// What to log for a line; `None` for a failure that was just reported. Envoy repeats it with every attempt.
    pub(super) fn read(&self, line: &str) -> Option<String> {
        if let Some(rejection) = self.rejection(line) {
            // There may be no receiver while everything stops.
            let _ = self.rejections.send(rejection);
        }
        if !(line.contains("REST update for /v3/discovery:") && line.ends_with(" failed")) {
            return Some(line.to_owned());
        }
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|at| at.elapsed() < REPEAT) {
            return None;
        }
        *failed = Some(Instant::now());
        Some(
            "cannot fetch its configuration from the key service; it uses what it has, and keeps trying"
                .to_owned(),
        )
    }
}

impl EnvoyLog {
    /// The rejection that is complete with this line.
    fn rejection(&self, line: &str) -> Option<Rejection> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        match rejection(line) {
            Some(rejection) if rejection.words.contains(PRINTED) => {
                *pending = Some(rejection.path);
                None
            }
            Some(rejection) => Some(rejection),
            None => {
                let words = line.strip_prefix(": ")?.to_owned();
                pending.take().map(|path| Rejection { path, words })
            }
        }
    }
}

fn rejection(line: &str) -> Option<Rejection> {
    let (path, words) = line.split_once("REST config for ")?.1.split_once(" rejected: ")?;
    path.starts_with("/v3/discovery:").then(|| Rejection { path: path.to_owned(), words: words.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rejection_is_found_with_envoys_words_and_a_failure_is_told_once() {
        let (log, mut rejections) = EnvoyLog::new();
        let line = "[warning][config] [http_subscription_impl.cc:132] REST config for /v3/discovery:clusters rejected: \
                    Error adding/updating cluster(s) a: malformed";
        assert_eq!(log.read(line).as_deref(), Some(line));
        let words = "Error adding/updating cluster(s) a: malformed".to_owned();
        assert_eq!(rejections.try_recv(), Ok(Rejection { path: "/v3/discovery:clusters".to_owned(), words }));
        // With a message of protobuf's in between.
        let printed = "[warning][config] REST config for /v3/discovery:clusters rejected: goo.gle/debugstr";
        for line in [printed, "name: \"a\"", "}"] {
            log.read(line);
        }
        assert!(rejections.try_recv().is_err());
        log.read(": Proto constraint validation failed (Interval)");
        let words = "Proto constraint validation failed (Interval)".to_owned();
        assert_eq!(rejections.try_recv(), Ok(Rejection { path: "/v3/discovery:clusters".to_owned(), words }));
        let failure = "[warning][config] REST update for /v3/discovery:routes failed";
        assert!(log.read(failure).is_some_and(|told| told.contains("key service")));
        assert_eq!(log.read(failure), None);
        assert!(log.read("something else failed").is_some());
    }
}
