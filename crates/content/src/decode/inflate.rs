//! The DEFLATE core that gzip and deflate share.
//!
//! Source: RFC 1951.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Emit, Stop};

/// Memory of one inflate state: the window of 32 KiB with its slack, and the code tables.
pub(crate) const HELD_BYTES: usize = 48 * 1024;

/// How far [`inflate`] came.
pub(crate) struct Progress {
    /// Bytes of the input that belong to the stream.
    pub(crate) consumed: usize,
    /// Whether the stream ended behind them.
    pub(crate) ended: bool,
}

/// Inflates `input` until it is used up or the stream ends.
pub(crate) fn inflate(
    state: &mut Decompress,
    input: &[u8],
    scratch: &mut [u8],
    emit: &mut Emit<'_>,
) -> Result<Progress, Stop> {
    let mut consumed = 0;
    loop {
        let (in_before, out_before) = (state.total_in(), state.total_out());
        let status = state.decompress(&input[consumed..], scratch, FlushDecompress::None);
        // Both are bounded by the slices given.
        consumed += (state.total_in() - in_before) as usize;
        let produced = (state.total_out() - out_before) as usize;
        if produced > 0 {
            emit(&scratch[..produced])?;
        }
        match status {
            Err(_) => return Err(Stop::Broken),
            Ok(Status::StreamEnd) => return Ok(Progress { consumed, ended: true }),
            // The output was full: there may be more without further input.
            Ok(_) if produced == scratch.len() => {}
            Ok(_) if consumed == input.len() => return Ok(Progress { consumed, ended: false }),
            Ok(_) => return Err(Stop::Broken),
        }
    }
}
