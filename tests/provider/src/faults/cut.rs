//! A stream ends in the middle.

use super::CutHow;
use crate::script::{Act, Script};

pub(super) fn apply(mut script: Script, after: usize, how: CutHow) -> Script {
    let next = script.acts.get(after).cloned();
    script.acts.truncate(after);
    match (how, next) {
        (CutHow::Reset, _) => script.acts.push(Act::Reset),
        (CutHow::HalfEvent, Some(Act::Send(event))) => {
            script.acts.push(Act::Send(event.slice(..event.len() / 2)));
        }
        (CutHow::HalfEvent | CutHow::Clean, _) => {}
    }
    script
}
