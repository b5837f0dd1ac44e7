//! One side of a connection: what it sent, what the peer acknowledged of it.

use arachne_model::{DirectionFacts, UnixNanos};

use super::queue::Queue;
use super::recent::Recent;
use crate::packet::Segment;

/// What tells one captured packet from another: sequence number, identification and checksum, in one word.
type PacketId = u64;

const IDS: usize = 4;

/// No such offset.
pub const NONE: u64 = u64::MAX;

/// A direction of a connection. Stream offset 0 is the byte after the SYN, or the first byte seen.
#[derive(Debug)]
pub struct Side {
    /// The sequence number of offset 0 is known.
    pub seen: bool,
    /// A SYN was seen.
    pub syn: bool,
    /// The end was delivered.
    pub ended: bool,
    /// Wrong checksums of this side proved right, or there were no others: the sender leaves them to its network card.
    pub offload: bool,
    /// Time to live of the first packet, 0 before.
    pub ttl: u8,
    /// Window scale of the SYN.
    pub scale: Option<u8>,
    /// Segments with a right checksum.
    pub good: u32,
    /// Segments with a wrong one.
    pub bad: u32,
    base: u32,
    /// Newest timestamp option.
    pub timestamp: Option<u32>,
    last_ack: u32,
    last_window: u16,
    /// Announced receive window in bytes.
    pub window: u32,
    /// Offset of the next byte to deliver.
    pub next: u64,
    /// One past the highest byte seen.
    pub highest: u64,
    /// Acknowledged by the peer.
    pub acked: u64,
    /// How far the peer was ready to take data: the right edge of its window, which never moves back.
    pub window_end: u64,
    /// Offset of the FIN or [`NONE`].
    pub fin: u64,
    /// Offset of the urgent byte or [`NONE`].
    pub urgent: u64,
    /// A segment whose acknowledgement is awaited: its end and time.
    probe: Option<(u64, UnixNanos)>,
    ids: [PacketId; IDS],
    ids_at: u8,
    ids_time: UnixNanos,
    /// Counts.
    pub facts: DirectionFacts,
    /// Good segments that wait.
    pub queue: Option<Box<Queue>>,
    /// Segments with a wrong checksum: copies of last resort.
    pub suspects: Option<Box<Queue>>,
    /// The newest bytes delivered.
    pub recent: Recent,
}

impl Default for Side {
    fn default() -> Self {
        Self {
            seen: false,
            syn: false,
            ended: false,
            offload: false,
            ttl: 0,
            scale: None,
            good: 0,
            bad: 0,
            base: 0,
            timestamp: None,
            last_ack: 0,
            last_window: 0,
            window: 0,
            next: 0,
            highest: 0,
            acked: 0,
            window_end: 0,
            fin: NONE,
            urgent: NONE,
            probe: None,
            ids: [0; IDS],
            ids_at: 0,
            ids_time: UnixNanos(i64::MIN),
            facts: DirectionFacts::default(),
            queue: None,
            suspects: None,
            recent: Recent::default(),
        }
    }
}

impl Side {
    /// Offset 0 has the number `sequence`.
    pub const fn start(&mut self, sequence: u32) {
        self.seen = true;
        self.base = sequence;
    }

    /// Whether offset 0 has the number `sequence`.
    #[must_use]
    pub const fn starts_at(&self, sequence: u32) -> bool {
        self.seen && self.base == sequence
    }

    /// Whether nothing was delivered or held, so that the start may still move.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.next == 0 && self.queue.is_none() && self.suspects.is_none()
    }

    /// The stream offset of `sequence`, the nearest one to the next byte (modulo 2^32); negative before the start.
    #[inline]
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "sequence arithmetic is modulo 2^32"
    )]
    pub const fn offset(&self, sequence: u32) -> i64 {
        let delta = sequence.wrapping_sub(self.base.wrapping_add(self.next as u32)) as i32;
        self.next as i64 + delta as i64
    }

    /// The raw sequence number of `offset`.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "sequence arithmetic is modulo 2^32")]
    pub const fn sequence(&self, offset: u64) -> u32 {
        self.base.wrapping_add(offset as u32)
    }

    /// One past the last data byte that the peer acknowledged: the FIN takes a number too.
    #[inline]
    #[must_use]
    pub fn acked_data(&self) -> u64 {
        self.acked.min(self.fin)
    }

    /// Bytes that the peer acknowledged were not captured (yet). A side of which nothing was captured is not waited for.
    #[inline]
    #[must_use]
    pub fn lacks_acked(&self) -> bool {
        self.acked_data() > self.next && self.facts.packets > 0
    }

    /// Whether bytes before `offset` are to come. A side of which nothing was captured is not waited for.
    #[inline]
    #[must_use]
    pub const fn lacks(&self, offset: u64) -> bool {
        offset > self.next && self.facts.packets > 0
    }

    /// Whether the same packet was captured a moment ago, and remembers it.
    #[inline]
    pub fn is_duplicate(&mut self, segment: &Segment<'_>, window_ns: u64) -> bool {
        let id = u64::from(segment.sequence) << 32 | u64::from(segment.ip_id) << 16 | u64::from(segment.checksum_field);
        let recent = segment.at.since(self.ids_time) <= window_ns && self.ids_time.since(segment.at) <= window_ns;
        if segment.ip_id != 0 && recent && self.ids.contains(&id) {
            return true;
        }
        self.ids[usize::from(self.ids_at) % IDS] = id;
        self.ids_at = self.ids_at.wrapping_add(1);
        self.ids_time = segment.at;
        false
    }

    /// Takes the window this side announces, and counts repeated acknowledgements. `outstanding`: the peer has
    /// unacknowledged data.
    #[inline]
    pub fn announce(&mut self, segment: &Segment<'_>, peer_scale: Option<u8>, outstanding: bool, plain: bool) {
        if plain && outstanding && segment.ack == self.last_ack && segment.window == self.last_window {
            self.facts.duplicate_acks += 1;
        }
        if segment.window == 0 && !segment.has(crate::packet::flag::RST) {
            self.facts.zero_windows += 1;
        }
        self.last_ack = segment.ack;
        self.last_window = segment.window;
        self.window = self.scaled(segment, peer_scale);
    }

    /// The window that `segment` of this side announces, in bytes. Source: RFC 7323, section 2.3.
    #[inline]
    #[must_use]
    pub fn scaled(&self, segment: &Segment<'_>, peer_scale: Option<u8>) -> u32 {
        let scale = match (self.scale, peer_scale) {
            (Some(mine), Some(_)) if !segment.has(crate::packet::flag::SYN) => mine,
            _ => 0,
        };
        u32::from(segment.window) << scale
    }

    /// The peer acknowledged up to `offset` at `at` and takes `window` bytes more.
    #[inline]
    pub fn acknowledge(&mut self, offset: u64, window: u32, at: UnixNanos) {
        self.window_end = self.window_end.max(offset + u64::from(window));
        if offset <= self.acked {
            return;
        }
        self.acked = offset;
        if let Some((end, sent)) = self.probe
            && offset >= end
        {
            let rtt = at.since(sent);
            self.facts.rtt_min_ns = Some(self.facts.rtt_min_ns.map_or(rtt, |min| min.min(rtt)));
            // Forged capture times make centuries.
            self.facts.rtt_sum_ns = self.facts.rtt_sum_ns.saturating_add(rtt);
            self.facts.rtt_count += 1;
            self.probe = None;
        }
    }

    /// Measures the time until data up to `end` is acknowledged, one segment at a time (Karn's rule: new data only).
    #[inline]
    pub const fn probe(&mut self, end: u64, at: UnixNanos) {
        if self.probe.is_none() {
            self.probe = Some((end, at));
        }
    }

    /// A retransmission makes the running measurement ambiguous. Source: RFC 6298, section 3.
    pub const fn spoil_probe(&mut self) {
        self.probe = None;
    }

    /// Memory held.
    #[inline]
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.recent.held_bytes()
            + self.queue.as_ref().map_or(0, |q| q.held_bytes())
            + self.suspects.as_ref().map_or(0, |q| q.held_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::Side;
    use arachne_model::UnixNanos;

    #[test]
    fn centuries_of_round_trips_do_not_overflow() {
        let mut side = Side::default();
        side.start(0);
        for turn in 1..=4 {
            side.probe(turn, UnixNanos(i64::MIN));
            side.acknowledge(turn, 0, UnixNanos(i64::MAX));
        }
        assert_eq!((side.facts.rtt_count, side.facts.rtt_sum_ns), (4, u64::MAX));
    }

    #[test]
    fn offsets_wrap_with_the_sequence_number() {
        let mut side = Side::default();
        side.start(u32::MAX - 1);
        for (sequence, offset) in [(u32::MAX - 1, 0), (u32::MAX, 1), (0, 2), (3, 5), (u32::MAX - 2, -1)] {
            assert_eq!(side.offset(sequence), offset, "{sequence}");
        }
        side.next = 5_000_000_000;
        let sequence = side.sequence(5_000_000_100);
        assert_eq!(side.offset(sequence), 5_000_000_100);
        assert_eq!(side.offset(side.sequence(4_999_999_000)), 4_999_999_000);
    }
}
