//! The body is compressed, though nobody asked for it.

use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::script::{Act, Script};

pub(super) fn apply(mut script: Script, coding: &str) -> Script {
    // Writing to a vector does not fail.
    let packed = Bytes::from(packed(&script.bytes(), coding).unwrap_or_default());
    if !script.is_stream() {
        script.set("content-length", &packed.len().to_string());
    }
    script.set("content-encoding", coding.trim_start_matches("raw "));
    script.acts = vec![Act::Send(packed)];
    script
}

fn packed(body: &[u8], coding: &str) -> io::Result<Vec<u8>> {
    let level = Compression::fast();
    match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(body)?;
            encoder.finish()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(body)?;
            encoder.finish()
        }
        "raw deflate" => {
            let mut encoder = DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(body)?;
            encoder.finish()
        }
        "br" => Ok(brotli(body)),
        "zstd" => Ok(zstd(body)),
        _ => Ok(body.iter().map(|byte| !byte).collect()),
    }
}

/// Brotli's stream of uncompressed meta-blocks (RFC 7932, section 9.2).
fn brotli(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, block) in body.chunks(1 << 16).enumerate() {
        // ISLAST 0, MNIBBLES 4, MLEN - 1 in 16 bits, ISUNCOMPRESSED 1; before the first, WBITS 16 in one bit.
        let length = u32::try_from(block.len() - 1).unwrap_or_default();
        let bits = (length << 3) | (1 << 19);
        let bits = if index == 0 { bits << 1 } else { bits };
        out.extend_from_slice(&bits.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    // ISLAST 1, ISLASTEMPTY 1; in an empty stream after WBITS.
    out.push(if body.is_empty() { 6 } else { 3 });
    out
}

/// Zstandard's frame of raw blocks (RFC 8878, section 3.1.1).
fn zstd(body: &[u8]) -> Vec<u8> {
    // Magic number; no content size, no checksum; a window of 1 MiB.
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50];
    for block in body.chunks(1 << 16) {
        let size = u32::try_from(block.len()).unwrap_or_default();
        out.extend_from_slice(&(size << 3).to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&[1, 0, 0]);
    out
}
