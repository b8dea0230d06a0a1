//! The connection is reset.

use crate::script::{Act, Script};

pub(super) fn before_headers(mut script: Script) -> Script {
    script.head = None;
    script.acts = vec![Act::Reset];
    script
}

pub(super) fn after_headers(mut script: Script) -> Script {
    script.acts = vec![Act::Reset];
    script
}
