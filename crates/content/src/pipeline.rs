//! Decoders behind each other, under limits.
//!
//! Law 9 (any chunking, same result) is kept by cutting the input again: decoders see blocks of [`BLOCK`] bytes at
//! fixed offsets of the body, whatever the packets were. So the same bytes always lead to the same calls, and to the
//! same output before an error or a limit.

use std::cell::Cell;

use arachne_model::Limits;

use crate::codings::Coding;
use crate::decode::{Decode, Stop, decoder};
use crate::output::Output;

/// Bytes of the body that are decoded at once.
const BLOCK: usize = 16 * 1024;
/// Bytes of output that a decoder produces at once: with 8 KiB inflate is a third slower.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    /// Output buffers, one for each layer. They are needed only while a block is decoded, so bodies share them.
    static SCRATCHES: Cell<Vec<Box<[u8]>>> = const { Cell::new(Vec::new()) };
}

/// One coding being undone.
struct Layer {
    decoder: Box<dyn Decode>,
    produced: u64,
}

/// Undoes codings on top of each other.
pub(crate) struct Pipeline {
    layers: Vec<Layer>,
    /// The beginning of a block that is not full yet.
    pending: Vec<u8>,
    /// Bytes of the body given to the first decoder.
    fed: u64,
    bytes_max: u64,
    ratio_max: u64,
    ratio_from_bytes: u64,
}

impl Pipeline {
    /// Decoders for `codings`, in the order in which they are undone.
    ///
    /// # Errors
    /// [`Stop::Broken`] when a decoder cannot be made.
    pub(crate) fn new(codings: &[Coding], limits: &Limits) -> Result<Self, Stop> {
        let layer = |coding: &Coding| {
            let decoder = decoder(*coding, limits.window_log_max)?;
            Ok(Layer { decoder, produced: 0 })
        };
        Ok(Self {
            layers: codings.iter().map(layer).collect::<Result<_, _>>()?,
            pending: Vec::new(),
            fed: 0,
            bytes_max: limits.decoded_bytes_max,
            ratio_max: limits.ratio_max,
            ratio_from_bytes: limits.ratio_from_bytes,
        })
    }

    /// Takes the next bytes of the body. Up to [`BLOCK`] bytes wait for the next call.
    ///
    /// # Errors
    /// Why decoding ends here. `output` holds what came before; nothing may be written any more.
    pub(crate) fn write(&mut self, mut bytes: &[u8], output: &mut Output) -> Result<(), Stop> {
        if !self.pending.is_empty() {
            let taken = bytes.len().min(BLOCK - self.pending.len());
            self.pending.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.pending.len() < BLOCK {
                return Ok(());
            }
            self.flush(output)?;
        }
        let blocks = bytes.chunks_exact(BLOCK);
        self.pending.extend_from_slice(blocks.remainder());
        blocks.into_iter().try_for_each(|block| self.feed(block, output))
    }

    /// Decodes what waits: the body ends here, or the bytes that follow are missing.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) fn flush(&mut self, output: &mut Output) -> Result<(), Stop> {
        let mut pending = std::mem::take(&mut self.pending);
        let result = self.feed(&pending, output);
        pending.clear();
        self.pending = pending;
        result
    }

    /// Whether every coding has come to the end of its content (its checksum may be wrong).
    pub(crate) fn content_ended(&self) -> bool {
        self.layers.iter().all(|layer| layer.decoder.content_ended())
    }

    /// Whether every coding has come to its proper end.
    pub(crate) fn ended(&self) -> bool {
        self.layers.iter().all(|layer| layer.decoder.ended())
    }

    /// Bytes held now.
    pub(crate) fn held_bytes(&self) -> usize {
        let layers: usize = self.layers.iter().map(|layer| layer.decoder.held_bytes()).sum();
        layers + self.pending.capacity() + size_of::<Self>()
    }

    fn feed(&mut self, block: &[u8], output: &mut Output) -> Result<(), Stop> {
        self.fed += block.len() as u64;
        // Each layer has the same limit: what lies between two layers costs time, too.
        let by_ratio = self.fed.saturating_mul(self.ratio_max).max(self.ratio_from_bytes);
        let mut scratches = SCRATCHES.take();
        while scratches.len() < self.layers.len() {
            scratches.push(vec![0; SCRATCH].into_boxed_slice());
        }
        let result = push(&mut self.layers, &mut scratches, block, by_ratio.min(self.bytes_max), output);
        SCRATCHES.set(scratches);
        result
    }
}

/// Sends `bytes` through `layers`; none of them may produce more than `limit` bytes in all.
fn push(
    layers: &mut [Layer],
    scratches: &mut [Box<[u8]>],
    bytes: &[u8],
    limit: u64,
    output: &mut Output,
) -> Result<(), Stop> {
    let (Some((layer, inner)), Some((scratch, scratches))) = (layers.split_first_mut(), scratches.split_first_mut())
    else {
        output.write(bytes);
        return Ok(());
    };
    let Layer { decoder, produced } = layer;
    decoder.decode(bytes, scratch, &mut |piece| {
        let room = usize::try_from(limit.saturating_sub(*produced)).unwrap_or(usize::MAX);
        let fits = piece.get(..room).unwrap_or(piece);
        *produced += fits.len() as u64;
        push(inner, scratches, fits, limit, output)?;
        if fits.len() < piece.len() { Err(Stop::Limit) } else { Ok(()) }
    })
}
