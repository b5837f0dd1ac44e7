//! Push-style decoders of one coding each.
//!
//! None of them allocates by what a stream declares beyond the window limit, and none allocates per call.

mod brotli;
mod deflate;
mod gzip;
mod inflate;
mod zstd;

use crate::codings::Coding;

/// Why decoding ends before the body does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes break the format.
    Broken,
    /// A limit was reached.
    Limit,
}

/// Takes decoded bytes; its error is passed on.
pub(crate) type Emit<'a> = dyn FnMut(&[u8]) -> Result<(), Stop> + 'a;

/// Undoes one coding.
pub(crate) trait Decode: Send {
    /// Decodes all of `input` and gives what comes out to `emit`, in pieces of up to `scratch.len()` bytes.
    ///
    /// # Errors
    /// [`Stop::Broken`] for what no stream of this coding holds, or the error of `emit`. Nothing may be decoded then.
    fn decode(&mut self, input: &[u8], scratch: &mut [u8], emit: &mut Emit<'_>) -> Result<(), Stop>;

    /// Whether all content was seen; a checksum may still be missing or wrong.
    fn content_ended(&self) -> bool;

    /// Whether the stream may end here.
    fn ended(&self) -> bool {
        self.content_ended()
    }

    /// Bytes held by the decoder.
    fn held_bytes(&self) -> usize;
}

/// A decoder of `coding`; a zstd frame may ask for a window of up to 2^`window_log_max` bytes.
pub(crate) fn decoder(coding: Coding, window_log_max: u32) -> Result<Box<dyn Decode>, Stop> {
    Ok(match coding {
        Coding::Gzip => Box::new(gzip::Gzip::new()),
        Coding::Deflate => Box::new(deflate::Deflate::new()),
        Coding::Brotli => Box::new(brotli::Brotli::new()),
        Coding::Zstd => Box::new(zstd::Zstd::new(window_log_max)?),
    })
}
