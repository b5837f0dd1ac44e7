//! `zstd`: frames behind each other, skippable ones too.
//!
//! The library forgets what a call has produced when the same call meets an error. So each call gets the bytes of one
//! step only: a frame header, a block header, a block or a checksum.
//!
//! Sources: RFC 8878; RFC 9659, which caps the window of this coding at 8 MiB.

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::{Decode, Emit, Stop};

/// The header of the next block, which the library likes to get together with the block before.
const BLOCK_HEADER: usize = 3;

/// Undoes `zstd`.
pub(crate) struct Zstd {
    context: DCtx<'static>,
    /// Bytes that the library asks for; 0 between frames.
    wanted: usize,
    started: bool,
    /// Bytes of the context without buffers.
    context_bytes: usize,
    produced: usize,
}

/// The largest block, which the library buffers when it comes in pieces.
const BLOCK_BYTES_MAX: usize = 128 * 1024;

impl Zstd {
    /// A decoder that refuses windows over 2^`window_log_max` bytes before it allocates one.
    pub(crate) fn new(window_log_max: u32) -> Result<Self, Stop> {
        let mut context = DCtx::try_create().ok_or(Stop::Broken)?;
        // What the library knows: 1 KiB to 2 GiB.
        let window_log = window_log_max.clamp(10, 31);
        context.set_parameter(DParameter::WindowLogMax(window_log)).map_err(|_| Stop::Broken)?;
        Ok(Self { context_bytes: context.sizeof(), context, wanted: 0, started: false, produced: 0 })
    }

    /// How many bytes make the next step.
    const fn step_bytes(&self) -> usize {
        match self.wanted {
            // The first byte of a frame comes alone: a frame that is there as a whole would be unpacked in one go.
            0 => 1,
            few @ 1..=BLOCK_HEADER => few,
            more => more - BLOCK_HEADER,
        }
    }
}

impl Decode for Zstd {
    fn decode(&mut self, mut input: &[u8], scratch: &mut [u8], emit: &mut Emit<'_>) -> Result<(), Stop> {
        let mut output_full = false;
        while output_full || !input.is_empty() {
            let step = if output_full { 0 } else { self.step_bytes().min(input.len()) };
            let mut source = InBuffer::around(&input[..step]);
            let mut target = OutBuffer::around(&mut *scratch);
            self.wanted = self.context.decompress_stream(&mut target, &mut source).map_err(|_| Stop::Broken)?;
            let (consumed, produced) = (source.pos(), target.pos());
            self.started = true;
            if produced > 0 {
                self.produced += produced;
                emit(&scratch[..produced])?;
            }
            input = &input[consumed..];
            if step > 0 && consumed == 0 && produced == 0 {
                return Err(Stop::Broken);
            }
            output_full = produced == scratch.len();
        }
        Ok(())
    }

    fn content_ended(&self) -> bool {
        self.started && self.wanted == 0
    }

    fn held_bytes(&self) -> usize {
        // A window is as large as the frame declares, but is no memory before it is written to.
        let used = self.context_bytes + BLOCK_BYTES_MAX + self.produced;
        size_of::<Self>() + self.context.sizeof().min(used)
    }
}
