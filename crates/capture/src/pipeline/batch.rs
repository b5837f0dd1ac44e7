//! Segments on their way to a worker, with their bytes.

use std::ops::Range;

use arachne_model::{LinkType, UnixNanos};
use arachne_wire::{Frame, Segment};

/// A segment without its bytes, which lie in the batch.
struct Parked {
    segment: Segment<'static>,
    options: usize,
    start: usize,
    end: usize,
    frame: Option<ParkedFrame>,
}

/// A frame whose bytes lie behind those of its segment.
struct ParkedFrame {
    link_type: LinkType,
    original_length: u32,
    bytes: Range<usize>,
}

/// A minute that ended before a segment.
#[derive(Clone, Copy)]
pub struct Mark {
    /// Segments of the batch that came before.
    pub behind: usize,
    /// The packet before which it ended.
    pub next: u64,
    /// When it began.
    pub start: UnixNanos,
}

/// Segments for one worker, in order.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    segments: Vec<Parked>,
    marks: Vec<Mark>,
}

impl Batch {
    /// Empties it and keeps its memory for the next round.
    pub fn clear(mut self) -> Self {
        self.bytes.clear();
        self.segments.clear();
        self.marks.clear();
        self
    }

    /// Bytes held.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes a segment, and its frame where that is wanted.
    pub fn push(&mut self, segment: &Segment<'_>, frame: Option<&Frame<'_>>) {
        let options = self.bytes.len();
        self.bytes.extend_from_slice(segment.options);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(segment.payload);
        let end = self.bytes.len();
        let frame = frame.map(|frame| {
            self.bytes.extend_from_slice(frame.data);
            let Frame { link_type, original_length, .. } = *frame;
            ParkedFrame { link_type, original_length, bytes: end..self.bytes.len() }
        });
        let segment = Segment { options: &[], payload: &[], ..*segment };
        self.segments.push(Parked { segment, options, start, end, frame });
    }

    /// A minute is over.
    pub fn mark(&mut self, start: UnixNanos, next: u64) {
        self.marks.push(Mark { behind: self.segments.len(), next, start });
    }

    /// The minutes that ended in between, in order.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// All segments with their frames, in order.
    pub fn segments(&self) -> impl Iterator<Item = (Segment<'_>, Option<Frame<'_>>)> {
        self.segments.iter().map(|parked| {
            let segment = Segment {
                options: &self.bytes[parked.options..parked.start],
                payload: &self.bytes[parked.start..parked.end],
                ..parked.segment
            };
            let frame = parked.frame.as_ref().map(|frame| Frame {
                number: segment.number,
                at: segment.at,
                link_type: frame.link_type,
                original_length: frame.original_length,
                data: &self.bytes[frame.bytes.clone()],
            });
            (segment, frame)
        })
    }
}
