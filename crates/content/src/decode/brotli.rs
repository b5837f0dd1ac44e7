//! `br`.
//!
//! Source: RFC 7932.

use brotli_decompressor::{
    Allocator, BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper as _, StandardAlloc,
};

use super::{Decode, Emit, Stop};

/// The largest block that a stream can need: the widest window of RFC 7932, and what the library puts on top of it.
const BLOCK_BYTES_MAX: usize = (1 << 24) + 1024;

/// Allocates like the library does by itself, but counts, and refuses what no stream can need. The library reports a
/// refused block as an error of the stream.
#[derive(Default)]
struct Counting {
    held_bytes: usize,
}

impl<T: Clone + Default> Allocator<T> for Counting {
    type AllocatedMemory = <StandardAlloc as Allocator<T>>::AllocatedMemory;

    fn alloc_cell(&mut self, length: usize) -> Self::AllocatedMemory {
        let bytes = length.saturating_mul(size_of::<T>());
        if bytes > BLOCK_BYTES_MAX {
            return Self::AllocatedMemory::default();
        }
        self.held_bytes += bytes;
        StandardAlloc::default().alloc_cell(length)
    }

    fn free_cell(&mut self, cell: Self::AllocatedMemory) {
        self.held_bytes = self.held_bytes.saturating_sub(size_of_val(cell.slice()));
    }
}

/// Undoes `br`.
pub(crate) struct Brotli {
    // Boxed: it is some kilobytes by itself.
    state: Box<BrotliState<Counting, Counting, Counting>>,
    produced: usize,
    ended: bool,
}

impl Brotli {
    /// A decoder for windows of up to 16 MiB.
    pub(crate) fn new() -> Self {
        let mut state = Box::new(BrotliState::new(Counting::default(), Counting::default(), Counting::default()));
        // The library reads large windows (up to 1 GiB) unless told otherwise; they are no `br`.
        state.large_window = false;
        Self { state, produced: 0, ended: false }
    }

    /// One call of the library: takes from the front of `input`.
    fn step(&mut self, input: &mut &[u8], scratch: &mut [u8], emit: &mut Emit<'_>) -> Result<BrotliResult, Stop> {
        let (mut in_left, mut in_at) = (input.len(), 0);
        let (mut out_left, mut out_at, mut total) = (scratch.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut in_left,
            &mut in_at,
            input,
            &mut out_left,
            &mut out_at,
            scratch,
            &mut total,
            &mut self.state,
        );
        *input = input.get(in_at..).unwrap_or_default();
        if out_at > 0 {
            self.produced += out_at;
            emit(&scratch[..out_at])?;
        }
        Ok(result)
    }

    /// What the library had unpacked into its window, but not given, when it met an error.
    fn left_behind(&self) -> &[u8] {
        let state = &*self.state;
        let size = u64::try_from(state.ringbuffer_size).unwrap_or_default();
        let given = state.partial_pos_out.checked_sub(state.rb_roundtrips.saturating_mul(size));
        let from = given.and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
        let to = usize::try_from(state.pos).unwrap_or_default();
        state.ringbuffer.slice().get(from..to).unwrap_or_default()
    }
}

impl Decode for Brotli {
    fn decode(&mut self, mut input: &[u8], scratch: &mut [u8], emit: &mut Emit<'_>) -> Result<(), Stop> {
        if self.ended && !input.is_empty() {
            return Err(Stop::Broken);
        }
        loop {
            match self.step(&mut input, scratch, emit)? {
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultFailure => {
                    self.left_behind().chunks(scratch.len()).try_for_each(emit)?;
                    return Err(Stop::Broken);
                }
                BrotliResult::ResultSuccess => {
                    self.ended = true;
                    return if input.is_empty() { Ok(()) } else { Err(Stop::Broken) };
                }
            }
        }
    }

    fn content_ended(&self) -> bool {
        self.ended
    }

    fn held_bytes(&self) -> usize {
        let state = &*self.state;
        let allocated = state.alloc_u8.held_bytes + state.alloc_u32.held_bytes + state.alloc_hc.held_bytes;
        // A window is as large as the stream declares, but is no memory before it is written to.
        let window = state.ringbuffer.slice().len();
        let unused = window.saturating_sub(self.produced);
        size_of::<Self>() + size_of_val(state) + allocated.saturating_sub(unused)
    }
}
