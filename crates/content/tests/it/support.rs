//! Builds responses, encodes bodies, runs taps.

use std::io::Write as _;

use arachne_content::{TapOptions, tap};
use arachne_model::{Anomaly, AnomalySet, BodyFacts, Field, Limits, Message, Span, StartLine, TapFacts};
use arachne_wire::sink::{BodyTap, Direction, MessageHead};

/// All that a tap can do, with the default limits.
pub fn all() -> TapOptions {
    TapOptions { decode: true, hash: true, keep: true, limits: Limits::default() }
}

/// A tap for a response with `Content-Encoding: encoding` (none when it is empty).
pub fn tap_for(encoding: &str, options: &TapOptions) -> Option<Box<dyn BodyTap>> {
    let name = "Content-Encoding";
    let head = format!("{name}{encoding}").into_bytes();
    let (middle, end) = (name.len() as u32, head.len() as u32);
    let field = Field { name: Span { start: 0, end: middle }, value: Span { start: middle, end } };
    let message = Message {
        head,
        start_line: StartLine::Response { version: Span::default(), status: 200, reason: Span::default() },
        fields: if encoding.is_empty() { Vec::new() } else { vec![field] },
        trailers_at: usize::from(!encoding.is_empty()),
        body: BodyFacts::default(),
        complete: false,
        wire_bytes: 0,
    };
    tap(&MessageHead { direction: Direction::Response, message: &message }, options)
}

/// The facts of `body`, given in one piece.
pub fn facts_of(encoding: &str, body: &[u8], options: &TapOptions) -> TapFacts {
    let mut tap = tap_for(encoding, options).unwrap();
    tap.write(body);
    tap.finish(true)
}

/// Only `anomaly`.
pub fn only(anomaly: Anomaly) -> AnomalySet {
    AnomalySet::from(anomaly)
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn raw_deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Brotli with a window of 2^`window_log`; over 24 it is a "large window" stream.
pub fn brotli_window(content: &[u8], window_log: i32) -> Vec<u8> {
    let mut out = Vec::new();
    let params = brotli::enc::BrotliEncoderParams {
        quality: 3,
        lgwin: window_log,
        large_window: window_log > 24,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &*content, &mut out, &params).unwrap();
    out
}

pub fn brotli(content: &[u8]) -> Vec<u8> {
    brotli_window(content, 22)
}

pub fn zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Name in the header and encoder of each coding.
pub type Encoder = fn(&[u8]) -> Vec<u8>;
pub const CODINGS: [(&str, Encoder); 5] =
    [("gzip", gzip), ("deflate", zlib), ("deflate", raw_deflate), ("br", brotli), ("zstd", zstd)];

/// Text that compresses as web text does, from a seed.
pub fn text(bytes: usize, mut seed: u32) -> Vec<u8> {
    let words = ["exchange ", "<div class=\"row\">", "session", "</div>\n", "\"price\": ", "0.", "time ", "\u{e9}"];
    let mut out = Vec::with_capacity(bytes + 32);
    while out.len() < bytes {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.extend_from_slice(words[(seed >> 29) as usize].as_bytes());
        out.extend_from_slice(((seed >> 12) & 0x3ff).to_string().as_bytes());
    }
    out.truncate(bytes);
    out
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}
