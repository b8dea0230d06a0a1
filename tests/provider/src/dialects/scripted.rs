//! Languages that the provider does not speak, and only replays: any path below `/scripted/NAME/`.

use bytes::Bytes;

use super::{Asked, Dialect, Refusal};
use crate::script::Script;

/// See the module.
pub(super) struct Scripted;

/// Where its paths begin.
const PREFIX: &str = "/scripted/";

impl Scripted {
    /// The name after the prefix, if that is such a path.
    pub(super) fn account(path: &str) -> Option<&str> {
        path.strip_prefix(PREFIX)?.split('/').next()
    }
}

impl Dialect for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn paths(&self) -> &'static [&'static str] {
        &[]
    }

    fn answer(&self, _: &Asked<'_>) -> Result<Script, Refusal> {
        Ok(Script::whole(501, "text/plain", "nothing is scripted"))
    }

    fn error(&self, refusal: &Refusal) -> Script {
        Script::whole(refusal.status, "text/plain", refusal.message.clone())
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        Bytes::from(refusal.message.clone())
    }

    fn more(&self) -> Bytes {
        Bytes::new()
    }
}
