//! Segments that cannot be delivered yet: bytes before them are missing, or the peer's bytes that they answer are.
//!
//! First copy wins: what overlaps is trimmed away and compared.

use std::collections::BTreeMap;

use arachne_model::{DropReason, UnixNanos};

/// What a held segment costs beside its bytes: the tree's entry and the allocation.
pub const SEGMENT_COST: usize = 96;

/// Why a segment is only a copy of last resort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is none.
    None,
    /// Its checksum is wrong.
    Checksum,
    /// It lies outside the window that was announced, as far as that was captured.
    Window,
}

/// What the tree costs once it holds anything: a node has room for eleven entries.
const TREE_COST: usize = 16 + 11 * (size_of::<u64>() + size_of::<Held>());

/// Where and when bytes were captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Capture time.
    pub at: UnixNanos,
    /// Packet number.
    pub number: u64,
    /// How far the sender had received the peer's stream, as an offset; 0 when unknown.
    pub needs: u64,
    /// Whether the bytes may be used before the peer acknowledged them.
    pub doubt: Doubt,
}

/// A held segment.
#[derive(Debug)]
pub struct Held {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its arrival; of the first where small neighbours were merged.
    pub arrival: Arrival,
    /// Segments in it.
    pub segments: u64,
}

/// What became of an insertion, in payload bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inserted {
    /// Held now.
    pub added: u64,
    /// There before.
    pub known: u64,
    /// Known bytes came with another value.
    pub conflict: bool,
    /// Overlapped only in part.
    pub partial: bool,
}

/// Held segments of one direction, by stream offset, never overlapping.
#[derive(Debug, Default)]
pub struct Queue {
    held: BTreeMap<u64, Held>,
    bytes: usize,
    segments: u64,
    /// When the first of them began to wait.
    pub since: UnixNanos,
}

/// Neighbours are merged when both are small and there are many: one-byte segments must not cost a hundred each.
const MERGE_FROM_ENTRIES: usize = 64;
const MERGE_BYTES_MAX: usize = 2048;
const SMALL: usize = 64;

impl Doubt {
    /// The reason under which such bytes are dropped.
    #[must_use]
    pub const fn reason(self) -> DropReason {
        match self {
            Self::Window => DropReason::OutOfWindow,
            Self::None | Self::Checksum => DropReason::BadChecksum,
        }
    }
}

impl Queue {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let tree = if self.held.is_empty() { 0 } else { TREE_COST };
        size_of::<Self>() + tree + self.bytes + self.held.len() * SEGMENT_COST
    }

    /// Payload bytes held.
    #[must_use]
    pub const fn payload_bytes(&self) -> usize {
        self.bytes
    }

    /// Entries and segments held.
    #[must_use]
    pub fn counts(&self) -> (usize, u64) {
        (self.held.len(), self.segments)
    }

    /// Offset and arrival of the first held byte.
    #[must_use]
    pub fn first(&self) -> Option<(u64, Arrival)> {
        self.held.first_key_value().map(|(at, h)| (*at, h.arrival))
    }

    /// Takes the first segment.
    pub fn pop(&mut self) -> Option<(u64, Held)> {
        let (at, held) = self.held.pop_first()?;
        self.bytes -= held.bytes.len();
        self.segments -= held.segments;
        Some((at, held))
    }

    /// Holds `bytes` at `offset`, without what is held already. Counts one segment when anything was added.
    pub fn insert(&mut self, offset: u64, bytes: &[u8], arrival: Arrival) -> Inserted {
        if self.held.is_empty() {
            self.since = arrival.at;
        }
        // Nearly always what comes lies behind everything that waits.
        if self.held.last_key_value().is_none_or(|(at, last)| offset >= at + last.bytes.len() as u64) {
            return self.append(offset, bytes, arrival);
        }
        let mut result = Inserted::default();
        let (mut offset, mut bytes) = (offset, bytes);
        if let Some((at, before)) = self.held.range(..=offset).next_back() {
            let inside = usize::try_from(offset - at).unwrap_or(usize::MAX);
            if let Some(theirs) = before.bytes.get(inside..).filter(|b| !b.is_empty()) {
                let common = theirs.len().min(bytes.len());
                result.note(&theirs[..common], &bytes[..common]);
                offset += common as u64;
                bytes = &bytes[common..];
            }
        }
        let mut segments = 1;
        while !bytes.is_empty() {
            let next = self.held.range(offset..).next();
            let room = next.map_or(bytes.len(), |(at, _)| usize::try_from(at - offset).unwrap_or(usize::MAX));
            let take = room.min(bytes.len());
            let overlap = next.map(|(_, after)| {
                let common = after.bytes.len().min(bytes.len() - take);
                (common, after.bytes[..common] == bytes[take..take + common])
            });
            if take > 0 {
                self.add(offset, &bytes[..take], arrival, std::mem::take(&mut segments));
                result.added += take as u64;
            }
            let common = overlap.map_or(0, |(common, equal)| {
                result.known += common as u64;
                result.conflict |= !equal;
                common
            });
            offset += (take + common) as u64;
            bytes = &bytes[take + common..];
        }
        result.partial = result.added > 0 && result.known > 0;
        result
    }

    fn append(&mut self, offset: u64, bytes: &[u8], arrival: Arrival) -> Inserted {
        let inserted = Inserted { added: bytes.len() as u64, ..Inserted::default() };
        if bytes.is_empty() {
            return inserted;
        }
        self.bytes += bytes.len();
        self.segments += 1;
        let many = self.held.len() >= MERGE_FROM_ENTRIES;
        if many
            && bytes.len() <= SMALL
            && let Some(mut last) = self.held.last_entry()
        {
            let end = last.key() + last.get().bytes.len() as u64;
            let last = last.get_mut();
            let joins = end == offset && last.arrival.needs == arrival.needs && arrival.doubt == Doubt::None;
            if joins && last.bytes.len() + bytes.len() <= MERGE_BYTES_MAX {
                last.bytes.extend_from_slice(bytes);
                last.segments += 1;
                return inserted;
            }
        }
        self.held.insert(offset, Held { bytes: bytes.to_vec(), arrival, segments: 1 });
        inserted
    }

    fn add(&mut self, offset: u64, bytes: &[u8], arrival: Arrival, segments: u64) {
        self.bytes += bytes.len();
        self.segments += segments;
        if self.held.len() >= MERGE_FROM_ENTRIES && bytes.len() <= SMALL && self.merge(offset, bytes, arrival, segments)
        {
            return;
        }
        self.held.insert(offset, Held { bytes: bytes.to_vec(), arrival, segments });
    }

    fn merge(&mut self, offset: u64, bytes: &[u8], arrival: Arrival, segments: u64) -> bool {
        let mut after = self.held.range(offset + bytes.len() as u64..).next().map(|(at, _)| *at);
        after = after.filter(|at| *at == offset + bytes.len() as u64);
        let Some((at, before)) = self.held.range_mut(..offset).next_back() else {
            return false;
        };
        // What needs different bytes of the peer must stay apart: joined, two directions could wait for each other.
        let apart = at + before.bytes.len() as u64 != offset
            || before.arrival.needs != arrival.needs
            || arrival.doubt != Doubt::None;
        if apart || before.bytes.len() + bytes.len() > MERGE_BYTES_MAX {
            return false;
        }
        before.bytes.extend_from_slice(bytes);
        before.segments += segments;
        let at = *at;
        if let Some(after) = after {
            self.join(at, after);
        }
        true
    }

    /// Joins the entry at `after`, which follows directly, to the one at `at`.
    fn join(&mut self, at: u64, after: u64) {
        let joinable = match (self.held.get(&at), self.held.get(&after)) {
            (Some(a), Some(b)) => {
                a.bytes.len() + b.bytes.len() <= MERGE_BYTES_MAX && a.arrival.needs == b.arrival.needs
            }
            _ => false,
        };
        if !joinable {
            return;
        }
        let Some(tail) = self.held.remove(&after) else {
            return;
        };
        if let Some(head) = self.held.get_mut(&at) {
            head.bytes.extend_from_slice(&tail.bytes);
            head.segments += tail.segments;
        }
    }
}

impl Inserted {
    fn note(&mut self, theirs: &[u8], ours: &[u8]) {
        self.known += ours.len() as u64;
        self.conflict |= theirs != ours;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Arrival, Doubt, Inserted, Queue};
    use arachne_model::UnixNanos;

    const ARRIVAL: Arrival = Arrival { at: UnixNanos(1), number: 1, needs: 0, doubt: Doubt::None };

    fn queue(segments: &[(u64, &str)]) -> (Queue, Vec<Inserted>) {
        let mut queue = Queue::default();
        let results = segments.iter().map(|(at, text)| queue.insert(*at, text.as_bytes(), ARRIVAL)).collect();
        (queue, results)
    }

    fn drain(mut queue: Queue) -> String {
        let mut text = String::new();
        while let Some((at, held)) = queue.pop() {
            text += &format!("{at}{} ", String::from_utf8(held.bytes).unwrap());
        }
        assert_eq!((queue.payload_bytes(), queue.counts()), (0, (0, 0)));
        text
    }

    #[test]
    fn table() {
        let cases: [(&[(u64, &str)], &str); 9] = [
            (&[(5, "abc")], "5abc "),
            (&[(5, "abc"), (8, "def")], "5abc 8def "),
            (&[(8, "def"), (5, "abc")], "5abc 8def "),
            (&[(5, "abc"), (5, "abc")], "5abc "),
            (&[(5, "abc"), (6, "XYZ")], "5abc 8Z "),
            (&[(5, "abc"), (4, "XYZ")], "4X 5abc "),
            (&[(5, "abc"), (4, "VWXYZ")], "4V 5abc 8Z "),
            (&[(5, "a"), (7, "c"), (4, "VWXYZ")], "4V 5a 6X 7c 8Z "),
            (&[(5, "abc"), (6, "")], "5abc "),
        ];
        for (segments, expected) in cases {
            assert_eq!(drain(queue(segments).0), expected, "{segments:?}");
        }
    }

    #[test]
    fn overlaps_are_told() {
        let same = queue(&[(5, "abc"), (4, "xabcy")]).1[1];
        assert_eq!(same, Inserted { added: 2, known: 3, conflict: false, partial: true });
        let other = queue(&[(5, "abc"), (6, "bX")]).1[1];
        assert_eq!(other, Inserted { added: 0, known: 2, conflict: true, partial: false });
    }

    #[test]
    fn many_small_neighbours_cost_little() {
        let mut queue = Queue::default();
        for at in 1..=60_000 {
            queue.insert(at, b"z", ARRIVAL);
        }
        assert_eq!(queue.counts().1, 60_000);
        assert!(queue.held_bytes() < 80_000, "{}", queue.held_bytes());
        assert_eq!(queue.payload_bytes(), 60_000);
    }
}
