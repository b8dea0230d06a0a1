//! `POST /internal/decode`: decompresses a provider's response that was compressed although the request did
//! not allow it.
//!
//! The codings are those of RFC 9110, section 8.4.1, of RFC 7932 (`br`) and of RFC 8878 (`zstd`).

use std::io::{self, Read};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;

use crate::error::ApiError;

/// Maximum size of a body, compressed or not: Envoy accepts no larger response to a filter's call
/// (`http.async_response_buffer_limit`).
pub const LARGEST: usize = 32 << 20;

/// Returns the decompressed body.
pub async fn decode(headers: HeaderMap, body: Bytes) -> Result<Vec<u8>, ApiError> {
    let named = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let codings = named.to_ascii_lowercase();
    // Large bodies take longer than may block other tasks.
    let decoded = tokio::task::spawn_blocking(move || {
        // The last coding in the list was applied last.
        codings.rsplit(',').try_fold(body.to_vec(), |body, coding| one(coding.trim(), &body))
    });
    match decoded.await {
        Ok(Ok(body)) => Ok(body),
        _ => Err(ApiError::undecodable(named)),
    }
}

fn one(coding: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    match coding {
        "gzip" | "x-gzip" => whole(MultiGzDecoder::new(body)),
        // Servers disagree about the name: with a zlib header, as in the RFC, or without.
        "deflate" => whole(ZlibDecoder::new(body)).or_else(|_| whole(DeflateDecoder::new(body))),
        "br" => whole(brotli_decompressor::Decompressor::new(body, 4096)),
        "zstd" => whole(StreamingDecoder::new(body).map_err(io::Error::other)?),
        "identity" | "" => Ok(body.to_vec()),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn whole(decoder: impl Read) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    decoder.take(LARGEST as u64 + 1).read_to_end(&mut body)?;
    if body.len() > LARGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"one two three one two three one two three";

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_coding_is_taken_off() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(TEXT).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(TEXT).unwrap();
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let cases = [
            ("gzip", gzip(TEXT)),
            ("x-gzip", [gzip(&TEXT[..9]), gzip(&TEXT[9..])].concat()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
            ("zstd", ruzstd::encoding::compress_to_vec(TEXT, level)),
            ("identity", TEXT.to_vec()),
        ];
        for (coding, body) in cases {
            assert_eq!(one(coding, &body).unwrap(), TEXT, "{coding}");
        }
    }

    #[test]
    fn what_is_cut_or_wrong_or_unknown_is_an_error() {
        let cut = gzip(TEXT);
        assert!(one("gzip", &cut[..cut.len() - 6]).is_err());
        for coding in ["gzip", "deflate", "br", "zstd", "compress", "*"] {
            assert!(one(coding, b"{\"error\": 1}").is_err(), "{coding}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        assert!(one("gzip", &gzip(&vec![0; LARGEST + 1])).is_err());
        assert!(one("gzip", &gzip(&vec![0; 1 << 20])).is_ok());
    }
}
