//! The body comes in pieces that cut whatever they like.

use std::time::Duration;

use bytes::Bytes;

use crate::script::{Act, Script};

pub(super) fn apply(mut script: Script, size: usize) -> Script {
    let bytes = script.bytes();
    // A pause after each piece keeps the kernel from putting them together again.
    script.acts = bytes
        .chunks(size.max(1))
        .flat_map(|piece| [Act::Send(Bytes::copy_from_slice(piece)), Act::Wait(Duration::from_micros(200))])
        .collect();
    script
}
