//! A stream that goes on until the client goes away.

use std::time::Duration;

use crate::dialects::Dialect;
use crate::script::{Act, Script};

pub(super) fn apply(mut script: Script, dialect: &dyn Dialect, ms: u64) -> Script {
    // After the beginning of an answer, and before its end.
    script.acts.truncate(3);
    script.acts.push(Act::Repeat(dialect.more(), Duration::from_millis(ms)));
    script
}
