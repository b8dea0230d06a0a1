//! One more header.

use crate::script::Script;

pub(super) fn apply(mut script: Script, name: &str, value: &str) -> Script {
    script.set(name, value);
    script
}
