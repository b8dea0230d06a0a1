//! `GET /health/readiness`: whether this worker can verify keys. It needs no key.

use super::Reply;
use crate::keyring::Keyring;

/// How long after the last response the key service counts as connected, milliseconds: longer than an idle worker waits
/// between two calls, and a call takes.
const CONNECTED_MS: u64 = 20_000;

/// The response. A worker cannot verify keys before the first response of the key service, nor when there was none for the
/// grace period; in between, known keys work. The grace period may be shorter than an idle worker waits between two calls,
/// which is no reason to be unready.
pub(super) fn readiness(keyring: &Keyring, now_ms: u64) -> Reply {
    match (keyring.has_heard_within(CONNECTED_MS, now_ms), keyring.is_current(now_ms)) {
        (true, _) => Reply::json(200, r#"{"status":"healthy","db":"connected"}"#),
        (false, true) => Reply::json(200, r#"{"status":"healthy","db":"Not connected"}"#),
        (false, false) => {
            Reply::json(503, r#"{"status":"unhealthy","db":"Not connected"}"#).with("retry-after", "1")
        }
    }
}
