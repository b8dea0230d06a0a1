//! The body is compressed, though nobody asked for it.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::script::{Act, Script};

pub(super) fn apply(mut script: Script) -> Script {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to a vector does not fail.
    let _ = encoder.write_all(&script.bytes());
    let packed = Bytes::from(encoder.finish().unwrap_or_default());
    if !script.is_stream() {
        script.set("content-length", &packed.len().to_string());
    }
    script.set("content-encoding", "gzip");
    script.acts = vec![Act::Send(packed)];
    script
}
