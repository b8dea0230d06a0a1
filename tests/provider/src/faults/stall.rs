//! A stream stops coming.

use std::time::Duration;

use crate::script::{Act, Script};

pub(super) fn apply(mut script: Script, after: usize, ms: Option<u64>) -> Script {
    let after = after.min(script.acts.len());
    let act = match ms {
        Some(ms) => Act::Wait(Duration::from_millis(ms)),
        None => Act::Hang,
    };
    script.acts.insert(after, act);
    script
}
