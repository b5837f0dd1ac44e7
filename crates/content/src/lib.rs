//! Taps on HTTP bodies: what a body is after content decoding, under limits.
//!
//! The wire core hands body bytes to a [`BodyTap`](arachne_wire::sink::BodyTap) as they flow by, after de-chunking.
//! [`tap`] makes one that undoes the codings of `Content-Encoding` (gzip, deflate, br, zstd, stacked), counts, hashes
//! and keeps the result, and gives up at a limit instead of growing. Any chunking of the same bytes gives the same
//! facts: input is cut again into blocks at fixed offsets before a decoder sees it.
//!
//! [`redact`] replaces the secrets in what is kept.
//!
//! What it never does: I/O, logging, trusting a size that a stranger declares.
//!
//! Decisions that the RFCs leave open:
//! - gzip members that follow each other are one body, as RFC 1952 says, and so are zstd frames; anything else behind
//!   the end of a stream is [`DecompressError`](arachne_model::Anomaly::DecompressError), and what was decoded stays.
//! - `deflate` means zlib, but raw deflate is read too, since servers send it. The first two bytes decide.
//! - The header checksum of gzip (FHCRC) is skipped, the checksum of the content is not.
//! - A body of which not one byte could be decoded is kept as it was sent; `decoded_size` is `None` then.
//! - The body of a 206 is a part of an encoded whole: it is kept as it was sent, without a flag.
//! - Brotli may use the full window of RFC 7932 (16 MiB), since its encoders do. `window_log_max` is for zstd, whose
//!   windows have no end otherwise. "Large window" brotli (up to 1 GiB) is refused, it is no `br`.
//! - A window counts as held memory as far as it was written to: that is what it costs, and it ties the memory that a
//!   stranger can claim to the bytes he sent.
//!
//! Sources: RFC 9110 section 8.4, RFC 1950, 1951, 1952, 7932, 8878, 9659.

mod codings;
mod decode;
mod known;
mod output;
mod pipeline;
pub mod redact;
mod tap;

pub use tap::{TapOptions, tap};
