//! Brings the log back into memory at a start.
//!
//! Frames are read in their order, decoded on all processors, and counted in their order. What they hold is gathered before it
//! goes to the rows in memory, so that a log of many small frames costs about what one of few large frames does.

use std::thread;

use arachne_model::table::TABLES;
use arachne_store::StoreError;
use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::append::split_open;
use super::live::Live;
use crate::frames::Frame;
use crate::memtable::Memtable;
use crate::record::wal_error;
use crate::rows::{Batches, FrameRows, SENT, decode, merge};
use crate::wal::{Recovery, WalError};

/// Bytes of frames that are decoded at a time.
const TOGETHER_BYTES: usize = 32 << 20;
/// Rows, and bytes of their frames, that are gathered.
const GATHERED_ROWS: usize = 32_768;
const GATHERED_BYTES: usize = 8 << 20;

/// Adds the frames above `mark`. What cannot be read is named in [`Live::damage`].
///
/// # Errors
/// When the log cannot be read at all, or a later release wrote it.
pub(super) fn replay(recovery: &Recovery, mark: u64, live: &mut Live) -> Result<(), StoreError> {
    live.damage.extend(recovery.findings.iter().filter(|finding| finding.is_damage()).map(ToString::to_string));
    live.sequence = mark;
    let mut replayed = Replayed { gathered: Gathered::default(), live };
    let mut frames = recovery.replay(mark);
    loop {
        let together = some(&mut frames).map_err(wal_error)?;
        if together.is_empty() {
            return replayed.gathered.settle(&mut replayed.live.memory).map_err(refused);
        }
        for (frame, rows) in together.iter().zip(decoded(&together)) {
            replayed.live.sequence = frame.sequence;
            match rows.and_then(|rows| replayed.add(rows, frame.payload.len())) {
                Err(newer @ StoreError::Newer { .. }) => return Err(newer),
                Err(error) => {
                    let what = format!("frame {} of the log cannot be read: {error}", frame.sequence);
                    replayed.live.damage.push(what);
                }
                Ok(()) => {}
            }
        }
    }
}

fn refused(error: ArrowError) -> StoreError {
    StoreError::Refused(error.to_string())
}

/// The next frames; none at the end.
fn some(frames: &mut impl Iterator<Item = Result<Frame, WalError>>) -> Result<Vec<Frame>, WalError> {
    let (mut together, mut bytes) = (Vec::new(), 0);
    while bytes < TOGETHER_BYTES
        && let Some(frame) = frames.next().transpose()?
    {
        bytes += frame.payload.len();
        together.push(frame);
    }
    Ok(together)
}

/// The rows of frames, in their order.
fn decoded(frames: &[Frame]) -> Vec<Result<FrameRows, StoreError>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let all = |frames: &[Frame]| frames.iter().map(|frame| decode(&frame.payload)).collect::<Vec<_>>();
    thread::scope(|scope| {
        let shares = frames.chunks(frames.len().div_ceil(threads).max(1));
        let working: Vec<_> = shares.map(|share| scope.spawn(move || all(share))).collect();
        let done = working.into_iter().map(|one| one.join().unwrap_or_else(|p| std::panic::resume_unwind(p)));
        done.flatten().collect()
    })
}

/// What was brought back so far.
struct Replayed<'a> {
    live: &'a mut Live,
    gathered: Gathered,
}

impl Replayed<'_> {
    fn add(&mut self, mut rows: FrameRows, bytes: usize) -> Result<(), StoreError> {
        if rows.token.as_ref().is_some_and(|token| self.live.senders.contains(token)) {
            return Ok(());
        }
        let mut open = Vec::new();
        if let Some(exchanges) = rows.batches[0].take() {
            (rows.batches[0], open) = split_open(exchanges).map_err(refused)?;
        }
        self.live.note(rows.token.as_ref(), rows.batches[0].as_ref(), open);
        self.gathered.add(rows.batches, bytes);
        if self.gathered.is_full() { self.gathered.settle(&mut self.live.memory).map_err(refused) } else { Ok(()) }
    }
}

/// Rows that wait for more.
#[derive(Default)]
struct Gathered {
    tables: [Vec<RecordBatch>; SENT],
    rows: usize,
    bytes: usize,
}

impl Gathered {
    fn add(&mut self, batches: Batches, bytes: usize) {
        for (table, batch) in self.tables.iter_mut().zip(batches) {
            self.rows += batch.as_ref().map_or(0, RecordBatch::num_rows);
            table.extend(batch);
        }
        self.bytes += bytes;
    }

    fn is_full(&self) -> bool {
        self.rows >= GATHERED_ROWS || self.bytes >= GATHERED_BYTES
    }

    fn settle(&mut self, memory: &mut Memtable) -> Result<(), ArrowError> {
        let mut merged = Batches::default();
        for (at, batches) in self.tables.iter_mut().enumerate().filter(|(_, batches)| !batches.is_empty()) {
            merged[at] = Some(merge(TABLES[at], &std::mem::take(batches))?);
        }
        (self.rows, self.bytes) = (0, 0);
        memory.add(merged)
    }
}
