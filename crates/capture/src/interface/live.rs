//! Live capture for one thread, and the shape of its ring.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, SystemTime};

use arachne_model::UnixNanos;

use super::block::Block;
use super::filter::Program;
use super::refusal::LiveError;
use super::ring::{Ring, Shape};

/// Most bytes of a ring.
const RING_MAX: usize = 1 << 30;

/// Largest block.
const BLOCK_MAX: usize = 4 << 20;

/// How to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// Threads that capture: as many captures are given.
    pub threads: usize,
    /// Bytes of the rings of all threads together. Each has two blocks at least and 1 GiB at most.
    pub ring_bytes: usize,
    /// Bytes of a block; the next power of two between 64 KiB and 4 MiB is taken. A packet longer than a block is cut, and
    /// offloaded ones reach 64 KiB. Blocks that are handed out before they are full are what a ring is used up with when
    /// there is little traffic and nobody polls: it lasts for `retire` times the number of blocks.
    pub block_bytes: usize,
    /// A block that is not full is handed out after so long: how late a packet may be seen.
    pub retire: Duration,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { threads: 1, ring_bytes: 16 << 20, block_bytes: 128 << 10, retire: Duration::from_millis(50) }
    }
}

impl LiveOptions {
    fn shape(&self) -> Shape {
        let block_bytes = self.block_bytes.clamp(Shape::BLOCK_MIN, BLOCK_MAX).next_power_of_two();
        let bytes = (self.ring_bytes / self.threads.max(1)).min(RING_MAX);
        let retire_ms = u32::try_from(self.retire.as_millis()).unwrap_or(u32::MAX).clamp(1, 10_000);
        Shape { block_bytes, blocks: (bytes / block_bytes).max(2), retire_ms }
    }
}

/// What the kernel counted for a capture. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that passed the filter, those that were dropped behind it too.
    pub packets: u64,
    /// Packets that the kernel dropped since no block was free.
    pub drops: u64,
}

/// What [`LiveCapture::poll`] finds.
pub enum Turn<'r> {
    /// Packets.
    Block(Block<'r>),
    /// The ring is drained: each packet that was captured before this instant of the host's clock has been handed out, so
    /// that state may expire by it.
    Drained(UnixNanos),
}

/// Captures all interfaces for one thread.
///
/// All that it does after [`open`] needs no capability. System calls: `ppoll` or `poll`, `getsockopt`, `setsockopt`,
/// `munmap`, `close`, and the clock.
pub struct LiveCapture {
    ring: Ring,
    counters: Counters,
}

/// Starts capturing on all interfaces, on those that appear later too, whatever passes `program`. With several threads
/// the packets of a connection all come to the same one.
///
/// # Errors
/// [`LiveError::NotPermitted`] without `CAP_NET_RAW`; see [`LiveError`].
pub fn open(options: &LiveOptions, program: &Program) -> Result<Vec<LiveCapture>, LiveError> {
    let shape = options.shape();
    let rings = (0..options.threads.max(1)).map(|_| Ring::new(shape)).collect::<Result<Vec<_>, _>>()?;
    let mut group = None;
    for ring in &rings {
        ring.listen()?;
        if rings.len() > 1 {
            group = Some(ring.share(group)?);
        }
    }
    // Until all share, each would get what another gets too: nothing passes before.
    rings.iter().try_for_each(|ring| ring.attach(program))?;
    Ok(rings.into_iter().map(|ring| LiveCapture { ring, counters: Counters::default() }).collect())
}

impl LiveCapture {
    /// The next packets; waits for some at most `timeout`, less where a signal comes.
    ///
    /// # Errors
    /// When the kernel refuses to wait.
    pub fn poll(&mut self, timeout: Duration) -> Result<Turn<'_>, LiveError> {
        if !self.ring.is_ready() && !timeout.is_zero() {
            self.ring.wait(timeout)?;
        }
        // The clock first: what comes between it and the look at the ring is later than it.
        let now = self.settled(now());
        Ok(self.ring.take().map_or(Turn::Drained(now), |held| Turn::Block(Block::new(held))))
    }

    /// What the kernel counted so far. Ask at least once an hour: it counts in 32 bits.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn counters(&mut self) -> Result<Counters, LiveError> {
        let tally = self.ring.tally()?;
        self.counters.packets += u64::from(tally.packets);
        self.counters.drops += u64::from(tally.drops);
        Ok(self.counters)
    }

    /// Swaps the filter. Packets meet the old one or the new one, none is lost; those that wait in the ring met the old
    /// one. The filter is not locked (`SO_LOCK_FILTER`), so that a new one needs no capability.
    ///
    /// # Errors
    /// When the kernel refuses the program, or has no room for it (`net.core.optmem_max`); the old one stays.
    pub fn set_filter(&self, program: &Program) -> Result<(), LiveError> {
        self.ring.attach(program)
    }

    /// How full its ring is: 1 is full, and packets are dropped.
    #[must_use]
    pub fn fill(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
        let share = |part: usize, whole: usize| part as f64 / whole as f64;
        share(self.ring.ready(), self.ring.shape().blocks)
    }

    /// Bytes of its ring.
    #[must_use]
    pub const fn ring_bytes(&self) -> usize {
        self.ring.shape().bytes()
    }

    /// Blocks are handed out by a timer of the kernel, which may be late a little.
    fn settled(&self, now: UnixNanos) -> UnixNanos {
        UnixNanos(now.0.saturating_sub(4_000_000 * i64::from(self.ring.shape().retire_ms)))
    }
}

impl AsFd for LiveCapture {
    /// The socket: readable when there are packets.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// The host's clock, by which the kernel marks packets.
fn now() -> UnixNanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
