//! Nothing comes for a while; then everything.

use std::time::Duration;

use crate::script::Script;

pub(super) fn apply(mut script: Script, ms: u64) -> Script {
    script.delay += Duration::from_millis(ms);
    script
}
