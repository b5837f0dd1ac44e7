//! Packets of a source through the wire core into a sink, on one thread or several, with the same outcome.
//!
//! With several threads the caller's thread reads and decodes; workers carry shards; what they find comes back in
//! rounds and is handed over in the order of the packets that completed it. Each queue is bounded, a slow sink slows the
//! reading down.

mod batch;
mod minutes;
mod one;
mod threads;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;

use arachne_model::{Anomaly, AnomalySet, Ledger, Limits, UnixNanos};
use arachne_wire::{Belongs, BodyTap, Frame, MessageHead, SHARDS, Segment, Sink, Summary};

use crate::error::CaptureError;
use crate::packet::{Packet, PacketSource};
pub use minutes::Minutes;

/// Makes the tap of a body, or none; called by every worker.
pub type TapFactory = Arc<dyn Fn(&MessageHead<'_>) -> Option<Box<dyn BodyTap>> + Send + Sync>;

/// Which bytes of frames a sink wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameBytes {
    /// No frames at all.
    #[default]
    None,
    /// From the link header to the end of the TCP header. Nothing of a frame whose TCP header came in an earlier fragment.
    Headers,
    /// All that was captured.
    Whole,
}

impl FrameBytes {
    /// The frame of a segment with the bytes that are wanted of it.
    #[must_use]
    pub fn cut<'a>(self, frame: &Frame<'a>, segment: &Segment<'_>) -> Frame<'a> {
        let end = match self {
            Self::None => 0,
            Self::Headers => segment.header_end(frame),
            Self::Whole => frame.data.len(),
        };
        Frame { data: frame.data.get(..end).unwrap_or_default(), ..*frame }
    }
}

/// A sink that is told of more than records.
pub trait PipelineSink: Sink {
    /// `bytes_read` of the source were read so far. What was found should go out now. `Break` ends the run.
    fn waiting(&mut self, bytes_read: u64) -> ControlFlow<()>;

    /// Which frames [`Self::frame`] is to be called with. Asked once.
    fn wants_frames(&self) -> FrameBytes {
        FrameBytes::None
    }

    /// A frame of a session, behind all records that it completed, with the bytes that were asked for.
    fn frame(&mut self, _belongs: Belongs, _frame: &Frame<'_>) {}

    /// Whether [`Self::minute`] is wanted. Asked once.
    fn wants_minutes(&self) -> bool {
        false
    }

    /// A minute is over: what each stage counted meanwhile, and what was in flight at its end. The next record belongs to
    /// another minute. Minutes come in ascending order, by packet time as [`arachne_wire::tcp::clock::Clock`] believes
    /// it; the last one holds what the end of the source brought.
    fn minute(&mut self, _start: UnixNanos, _counts: &Ledger) {}
}

/// How to run.
#[derive(Clone)]
pub struct PipelineOptions {
    /// All caps.
    pub limits: Limits,
    /// Threads in all, the reading one included; more than [`SHARDS`] and that one are of no use. Reassembled streams
    /// are only given on one thread.
    pub threads: usize,
    /// Taps for bodies.
    pub taps: Option<TapFactory>,
}

/// What a run gave beside the records.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Counts and flags.
    pub summary: Summary,
    /// What was wrong with the source, in order; a joined source goes on behind a damaged file.
    pub errors: Vec<CaptureError>,
}

/// Progress is told once in so many packets.
const PROGRESS_PACKETS: u64 = 4096;

/// Reads `source` to its end, or until the sink breaks off.
pub fn run(source: &mut dyn PacketSource, options: &PipelineOptions, sink: &mut dyn PipelineSink) -> Outcome {
    let threads = if sink.wants_streams() { 1 } else { options.threads.clamp(1, SHARDS + 1) };
    // One of them reads and decodes frames.
    if threads == 1 { one::run(source, options, sink) } else { threads::run(source, options, threads - 1, sink) }
}

/// The flow tables are keyed with it: keys are chosen by strangers.
fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Takes frames one by one.
trait Intake {
    /// A packet.
    fn frame(&mut self, frame: &Frame<'_>);
    /// The minute that began at `start` is over, before packet `next` or at the end.
    fn minute(&mut self, start: UnixNanos, next: u64);
    /// The source is about to wait, or some packets have passed.
    fn pause(&mut self, bytes_read: u64, waits: bool) -> ControlFlow<()>;
}

/// What was fed.
struct Fed {
    /// Faults of the source.
    errors: Vec<CaptureError>,
    /// Flags of its packets.
    anomalies: AnomalySet,
    /// The minute that is not over, where minutes are wanted and there was a packet.
    minute: Option<UnixNanos>,
}

/// Feeds all packets of `source`.
fn feed(source: &mut dyn PacketSource, wants_minutes: bool, intake: &mut impl Intake) -> Fed {
    let (mut number, mut errors, mut anomalies) = (0, Vec::new(), AnomalySet::EMPTY);
    let mut minutes = Minutes::new(wants_minutes);
    loop {
        let waits = !source.is_buffered();
        if (waits || number % PROGRESS_PACKETS == 0) && intake.pause(source.bytes_read(), waits).is_break() {
            break;
        }
        match source.next_packet() {
            Ok(None) => break,
            Ok(Some(packet)) => {
                number += 1;
                if packet.bad_timestamp {
                    anomalies.insert(Anomaly::BadTimestamp);
                }
                if let Some(over) = minutes.observe(packet.timestamp) {
                    intake.minute(over, number);
                }
                intake.frame(&frame(number, &packet));
            }
            Err(error) => errors.push(error),
        }
    }
    Fed { errors, anomalies, minute: minutes.current() }
}

#[inline]
const fn frame<'a>(number: u64, packet: &Packet<'a>) -> Frame<'a> {
    Frame {
        number,
        at: packet.timestamp,
        link_type: packet.link_type,
        original_length: packet.original_length,
        data: packet.data,
    }
}
