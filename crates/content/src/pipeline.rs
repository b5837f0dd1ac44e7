//! Decoders behind each other, under limits.
//!
//! Law 9 (any chunking, same result) is kept by cutting the input again: decoders see blocks of [`BLOCK`] bytes at
//! fixed offsets of the body, whatever the packets were. So the same bytes always lead to the same calls, and to the
//! same output before an error or a limit.

use std::cell::{Cell, RefCell};

use arachne_model::Limits;

use crate::codings::Coding;
use crate::decode::{Decode, Stop, decoder};
use crate::known::{Job, Known, SENT_BYTES_MAX};
use crate::output::Output;

/// Bytes of the body that are decoded at once.
const BLOCK: usize = 16 * 1024;
/// Bytes of output that a decoder produces at once: with 8 KiB inflate is a third slower.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    /// Output buffers, one for each layer. They are needed only while a block is decoded, so bodies share them.
    static SCRATCHES: Cell<Vec<Box<[u8]>>> = const { Cell::new(Vec::new()) };
    /// What bodies became lately. It is the same for whoever decodes them, so it changes no result.
    static KNOWN: RefCell<Known> = RefCell::new(Known::default());
}

/// One coding being undone.
struct Layer {
    decoder: Box<dyn Decode>,
    produced: u64,
}

/// Undoes codings on top of each other.
pub(crate) struct Pipeline {
    job: Job,
    /// Made with the first block: a body that is known needs none.
    layers: Vec<Layer>,
    /// What was not decoded yet: a short body as a whole, of a longer one the beginning of a block.
    pending: Vec<u8>,
    /// Bytes of the body given to the first decoder.
    fed: u64,
    /// The whole body was known.
    known: bool,
}

impl Pipeline {
    /// For `codings`, in the order in which they are undone.
    pub(crate) fn new(codings: &[Coding], limits: &Limits) -> Self {
        Self { job: Job::new(codings, limits), layers: Vec::new(), pending: Vec::new(), fed: 0, known: false }
    }

    /// Takes the next bytes of the body. The first [`SENT_BYTES_MAX`] wait for its end, later up to [`BLOCK`].
    ///
    /// # Errors
    /// Why decoding ends here. `output` holds what came before; nothing may be written any more.
    pub(crate) fn write(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), Stop> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < BLOCK || (self.fed == 0 && self.pending.len() <= SENT_BYTES_MAX) {
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.pending);
        let whole = pending.len() - pending.len() % BLOCK;
        let result = pending[..whole].chunks_exact(BLOCK).try_for_each(|block| self.feed(block, output));
        pending.drain(..whole);
        self.pending = pending;
        result
    }

    /// Decodes what waits: the body ends here, or the bytes that follow are missing.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) fn flush(&mut self, output: &mut Output) -> Result<(), Stop> {
        let body = std::mem::take(&mut self.pending);
        let whole = self.fed == 0;
        if whole && KNOWN.with_borrow(|known| known.give(&self.job, &body, output)) {
            self.known = true;
            return Ok(());
        }
        let blocks = body.chunks_exact(BLOCK);
        let rest = blocks.remainder();
        blocks.chain([rest]).try_for_each(|block| self.feed(block, output))?;
        if whole && self.ended() {
            KNOWN.with_borrow_mut(|known| known.put(&self.job, &body, output));
        }
        Ok(())
    }

    /// Whether every coding has come to the end of its content (its checksum may be wrong).
    pub(crate) fn content_ended(&self) -> bool {
        self.known || (self.fed > 0 && self.layers.iter().all(|layer| layer.decoder.content_ended()))
    }

    /// Whether every coding has come to its proper end.
    pub(crate) fn ended(&self) -> bool {
        self.known || (self.fed > 0 && self.layers.iter().all(|layer| layer.decoder.ended()))
    }

    /// Bytes held now.
    pub(crate) fn held_bytes(&self) -> usize {
        let layers: usize = self.layers.iter().map(|layer| layer.decoder.held_bytes()).sum();
        layers + self.pending.capacity() + size_of::<Self>()
    }

    fn feed(&mut self, block: &[u8], output: &mut Output) -> Result<(), Stop> {
        if self.layers.is_empty() {
            let layer = |coding: &Coding| {
                let decoder = decoder(*coding, self.job.window_log_max)?;
                Ok(Layer { decoder, produced: 0 })
            };
            self.layers = self.job.codings.iter().map(layer).collect::<Result<_, _>>()?;
        }
        self.fed += block.len() as u64;
        // Each layer has the same limit: what lies between two layers costs time, too.
        let by_ratio = self.fed.saturating_mul(self.job.ratio_max).max(self.job.ratio_from_bytes);
        let limit = by_ratio.min(self.job.bytes_max);
        let mut scratches = SCRATCHES.take();
        while scratches.len() < self.layers.len() {
            scratches.push(vec![0; SCRATCH].into_boxed_slice());
        }
        let result = push(&mut self.layers, &mut scratches, block, limit, output);
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
