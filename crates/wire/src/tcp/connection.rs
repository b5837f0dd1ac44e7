//! A connection: takes segments in any order and hands each direction's bytes to the protocol in order.
//!
//! Policies (law 6): the first copy of a byte wins, a differing one is flagged. The urgent byte is taken out of the
//! stream, as most stacks do. Data in RST is not part of the stream. A segment with a wrong checksum is a copy of last
//! resort. A segment waits while bytes that its sender had acknowledged are missing in the peer's direction: so a
//! request always comes before its response, whatever the order in the capture.

use arachne_model::{Anomaly, AnomalySet, CloseReason, DropReason, Exchange, TcpSession, UnixNanos};

use super::queue::{Arrival, Doubt, Queue};
use super::recent::{Comparison, Recent};
use super::side::{NONE, Side};
use crate::conversation::{Conversation, Scene};
use crate::flow::{FlowKey, SideIndex};
use crate::packet::{Checksum, Segment, flag};
use crate::shard::Shared;
use crate::sink::{Belongs, Sink};

/// How far a connection has come; decides its time-out and who goes first when memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Only one side was seen, without data.
    HalfOpen,
    /// Alive.
    Open,
    /// Ended by both FINs or by RST; remembered for late packets.
    Closed,
}

/// What a segment's checksum allows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Everything.
    Full,
    /// Nothing but a copy of last resort.
    LastResort,
    /// Flags and numbers count, its data are a copy of last resort: nothing good was seen of the side yet.
    Numbers,
}

/// Wrong checksums in a row from the start after which a side is taken for one with checksum offload.
const OFFLOAD_FROM: u32 = 3;

/// A segment may lie a little beyond the announced window: probes do.
const WINDOW_SLACK: u64 = 2048;

/// With the scale of the windows unknown, this much is taken for possible.
const WINDOW_UNKNOWN: u64 = 16 * 1024 * 1024;

/// A TTL that differs by as much came another way, or from another host.
const TTL_STEP: u8 = 5;

/// A timestamp older by more than this marks a segment of an earlier life of the sequence numbers.
const PAWS_TICKS: u32 = 60_000;

/// A connection.
pub struct Connection {
    /// Its key.
    pub key: FlowKey,
    /// Both directions, by the side that sends.
    pub sides: [Side; 2],
    /// Tells incarnations of a slot apart.
    pub generation: u32,
    /// For time-outs and eviction.
    pub stage: Stage,
    /// Position of the engine at the last packet.
    pub touched: UnixNanos,
    /// Memory that was reported for it.
    pub held: usize,
    /// Since when acknowledged bytes are missing.
    pub lacking_since: Option<UnixNanos>,
    number: u64,
    first: UnixNanos,
    last: Arrival,
    established: Option<UnixNanos>,
    handshake_rtt_ns: Option<u64>,
    opened_by: Option<SideIndex>,
    reset: bool,
    lacking_packets: u32,
    anomalies: AnomalySet,
    conversation: Conversation,
}

impl Connection {
    /// A connection that begins with `segment`.
    #[must_use]
    pub fn new(segment: &Segment<'_>, generation: u32, now: UnixNanos) -> Self {
        Self {
            key: segment.key,
            sides: [Side::default(), Side::default()],
            generation,
            stage: Stage::HalfOpen,
            touched: now,
            held: 0,
            lacking_since: None,
            number: segment.number,
            first: segment.at,
            last: Arrival { at: segment.at, number: segment.number, needs: 0, doubt: Doubt::None },
            established: None,
            handshake_rtt_ns: None,
            opened_by: None,
            reset: false,
            lacking_packets: 0,
            anomalies: AnomalySet::EMPTY,
            conversation: Conversation::default(),
        }
    }

    /// Memory held.
    #[inline]
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.sides[0].held_bytes() + self.sides[1].held_bytes() + self.conversation.held_bytes()
    }

    /// The number of its first packet.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// What a segment of `side` belongs to.
    #[must_use]
    pub fn belongs(&self, side: SideIndex) -> Belongs {
        Belongs { session: self.number, session_start: self.first, from_client: side == self.client() }
    }

    /// Calls `visit` with each exchange that is open.
    pub fn open_exchanges(&self, visit: &mut dyn FnMut(&Exchange)) {
        self.conversation.open_exchanges(visit);
    }

    /// The client, or who seems to be it so far.
    fn client(&self) -> SideIndex {
        self.conversation.client().or(self.opened_by).unwrap_or_else(|| self.lower_port_serves())
    }

    /// Sets a flag from outside.
    pub fn mark(&mut self, anomaly: Anomaly) {
        self.anomalies.insert(anomaly);
        self.conversation.flag(anomaly);
    }

    /// Whether a SYN starts a new connection on the same ports.
    #[must_use]
    pub fn is_reused_by(&self, segment: &Segment<'_>) -> bool {
        let side = &self.sides[segment.side];
        let start = segment.sequence.wrapping_add(1);
        if !segment.has(flag::SYN) || segment.has(flag::RST) || !side.seen || side.starts_at(start) {
            return false;
        }
        if segment.checksum == Checksum::Bad && side.good > 0 {
            return false;
        }
        if self.stage == Stage::Closed {
            return true;
        }
        if segment.has(flag::ACK) {
            return false;
        }
        // A SYN that comes late, behind data of its own connection, starts a little before what was seen first; in a
        // split handshake behind a bare acknowledgement with its own number.
        let late = !side.syn && (-65_536..=1).contains(&side.offset(start));
        !late
    }

    /// Takes one segment.
    #[inline]
    pub fn segment(&mut self, segment: &Segment<'_>, shared: &mut Shared, sink: &mut dyn Sink) {
        let me = segment.side;
        let length = segment.payload.len() as u64;
        shared.ledger.segments.input += 1;
        shared.ledger.bytes.input += length;
        self.touched = shared.now;
        if self.sides[me].is_duplicate(segment, shared.limits.duplicate_ns) {
            shared.drop_segment(DropReason::Duplicate, length);
            self.flag_quietly(Anomaly::DuplicatePacket, shared);
            return;
        }
        self.sides[me].facts.packets += 1;
        self.sides[me].facts.bytes += length;
        self.last.at = self.last.at.max(segment.at);
        self.last.number = segment.number;
        let trust = self.trust(segment, shared);
        if trust != Trust::LastResort {
            if !self.numbers(segment, shared) {
                return;
            }
            self.acknowledge(segment, shared);
        }
        self.payload(segment, trust, shared, sink);
        if segment.has(flag::FIN) && trust != Trust::LastResort {
            self.fin(segment, shared);
        }
        self.settle(shared, sink);
    }

    /// What the checksum allows. Law 6.
    #[inline]
    fn trust(&mut self, segment: &Segment<'_>, shared: &mut Shared) -> Trust {
        let side = &mut self.sides[segment.side];
        match segment.checksum {
            Checksum::Good => {
                side.good += 1;
                return Trust::Full;
            }
            Checksum::Unknown | Checksum::Either => return Trust::Full,
            Checksum::Offloaded if side.good == 0 => return Trust::Full,
            Checksum::Offloaded | Checksum::Bad => {}
        }
        side.bad += 1;
        if side.good > 0 {
            self.flag(Anomaly::BadChecksum, shared);
            Trust::LastResort
        } else if side.bad >= OFFLOAD_FROM {
            self.assume_offload(segment.side, shared);
            Trust::Full
        } else {
            Trust::Numbers
        }
    }

    /// SYN, RST, the first numbers of a side, TTL, timestamps. False when the segment says nothing more.
    #[inline]
    fn numbers(&mut self, segment: &Segment<'_>, shared: &mut Shared) -> bool {
        let me = segment.side;
        let side = &mut self.sides[me];
        let odd_path = side.ttl != 0 && side.ttl.abs_diff(segment.ttl) >= TTL_STEP;
        if side.ttl == 0 {
            side.ttl = segment.ttl;
        }
        if segment.has(flag::SYN | flag::RST) || !side.seen {
            if segment.has(flag::RST) {
                self.rst(segment, shared);
                if odd_path {
                    self.flag(Anomaly::TtlAnomaly, shared);
                }
                return false;
            }
            if segment.has(flag::SYN) {
                if !self.syn(segment, shared) {
                    return false;
                }
            } else {
                self.start_midstream(segment, shared);
            }
        }
        if odd_path {
            self.flag(Anomaly::TtlAnomaly, shared);
        }
        if self.is_from_the_past(segment) {
            self.flag(Anomaly::Paws, shared);
            shared.drop_segment(DropReason::Paws, segment.payload.len() as u64);
            return false;
        }
        true
    }

    fn start_midstream(&mut self, segment: &Segment<'_>, shared: &mut Shared) {
        let me = segment.side;
        self.sides[me].start(segment.sequence);
        if !self.sides[1 - me].seen {
            self.flag(Anomaly::Midstream, shared);
            if segment.has(flag::ACK) {
                self.sides[1 - me].start(segment.ack);
            }
        }
    }

    /// True when the SYN belongs to this connection.
    fn syn(&mut self, segment: &Segment<'_>, shared: &mut Shared) -> bool {
        let me = segment.side;
        let start = segment.sequence.wrapping_add(1);
        let side = &mut self.sides[me];
        if side.starts_at(start) && side.syn {
            side.facts.retransmitted += 1;
        } else if side.starts_at(start) || !side.seen || side.is_fresh() {
            // The SYN itself; or it comes late, or its number had been guessed from an acknowledgement.
            side.start(start);
            side.syn = true;
            side.scale = segment.window_scale();
        } else {
            // Data was delivered from another start: a late SYN of a connection found in the middle, or a wrong one.
            let late = !side.syn && !segment.has(flag::ACK);
            side.syn |= late;
            if !late {
                self.flag(Anomaly::Desync, shared);
                shared.drop_segment(DropReason::OutOfWindow, segment.payload.len() as u64);
                return false;
            }
        }
        let peer = &mut self.sides[1 - me];
        peer.window_end = peer.window_end.max(u64::from(segment.window));
        let opener = if segment.has(flag::ACK) { 1 - me } else { me };
        self.opened_by.get_or_insert(opener);
        if segment.has(flag::ACK) && !self.sides[1 - me].seen {
            self.sides[1 - me].start(segment.ack);
        }
        if !segment.payload.is_empty() {
            self.flag(Anomaly::SynData, shared);
        }
        true
    }

    /// A reset counts when it lies in the window; RFC 5961 section 3 has stacks be stricter, an observer cannot ask.
    fn rst(&mut self, segment: &Segment<'_>, shared: &mut Shared) {
        let me = segment.side;
        let (side, peer) = (&self.sides[me], &self.sides[1 - me]);
        let valid = !side.seen || {
            let offset = side.offset(segment.sequence);
            let low = signed(side.next.min(side.acked)) - 1;
            let high = signed(side.highest.max(side.next) + u64::from(peer.window).max(65_535));
            (low..=high).contains(&offset)
        };
        // An answer to a SYN carries number 0 and acknowledges the SYN.
        let refuses = segment.has(flag::ACK) && side.facts.packets == 1 && peer.seen;
        if !valid && !refuses {
            self.flag(Anomaly::OutOfWindow, shared);
            shared.drop_segment(DropReason::OutOfWindow, segment.payload.len() as u64);
            return;
        }
        self.reset = true;
        self.stage = Stage::Closed;
        shared.ledger.segments.output += 1;
        shared.ledger.bytes.drop(DropReason::AfterClose, segment.payload.len() as u64);
    }

    /// Protection against wrapped sequence numbers, with a wide margin: reordering in the capture is no reason to lose
    /// data. Source: RFC 7323, section 5.
    #[inline]
    fn is_from_the_past(&mut self, segment: &Segment<'_>) -> bool {
        let side = &mut self.sides[segment.side];
        let Some(timestamp) = segment.timestamp() else {
            return false;
        };
        let Some(newest) = side.timestamp else {
            side.timestamp = Some(timestamp);
            return false;
        };
        let behind = newest.wrapping_sub(timestamp);
        if behind == 0 {
            return false;
        }
        if behind < 1 << 31 {
            return behind > PAWS_TICKS && !segment.payload.is_empty();
        }
        side.timestamp = Some(timestamp);
        false
    }

    #[inline]
    fn acknowledge(&mut self, segment: &Segment<'_>, shared: &mut Shared) {
        if !segment.has(flag::ACK) {
            return;
        }
        let me = segment.side;
        let (side, peer) = pair(&mut self.sides, me);
        let plain = segment.payload.is_empty() && !segment.has(flag::SYN | flag::FIN | flag::RST);
        side.announce(segment, peer.scale, peer.highest > peer.acked, plain);
        if !peer.seen {
            peer.start(segment.ack);
        }
        let offset = peer.offset(segment.ack);
        let possible = peer.highest + u64::from(side.window).max(WINDOW_UNKNOWN);
        if offset > signed(possible) {
            self.flag(Anomaly::Desync, shared);
            return;
        }
        peer.acknowledge(u64::try_from(offset).unwrap_or(0), side.window, segment.at);
        if self.established.is_none() && self.sides[0].syn && self.sides[1].syn && !segment.has(flag::SYN) {
            self.established = Some(segment.at);
            if Some(me) == self.opened_by {
                self.handshake_rtt_ns = Some(segment.at.since(self.first));
            }
        }
    }

    #[inline]
    fn payload(&mut self, segment: &Segment<'_>, trust: Trust, shared: &mut Shared, sink: &mut dyn Sink) {
        let me = segment.side;
        let length = segment.payload.len() as u64;
        if length == 0 && segment.cut == 0 {
            self.empty(segment, trust, shared);
            return;
        }
        let (side, peer) = pair(&mut self.sides, me);
        if !side.seen {
            shared.drop_segment(DropReason::BadChecksum, length);
            return;
        }
        let sequence = segment.sequence.wrapping_add(u32::from(segment.has(flag::SYN)));
        let start = side.offset(sequence);
        let end = start + signed(length);
        let before = if side.syn { 0 } else { -signed(WINDOW_UNKNOWN) };
        let window_end = if side.syn && peer.syn { side.window_end } else { side.next + WINDOW_UNKNOWN };
        let beyond = window_end.max(side.next) + WINDOW_SLACK;
        let keep_alive = length <= 1 && end == signed(side.next) && !segment.has(flag::SYN);
        if start < before && !keep_alive {
            self.flag(Anomaly::OutOfWindow, shared);
            shared.drop_segment(DropReason::OutOfWindow, length);
            return;
        }
        // Acknowledgements that were not captured may have opened the window: the peer's word decides later.
        let outside = peer.facts.packets > 0 && end > signed(beyond);
        if end + i64::from(segment.cut) <= signed(side.next) {
            if keep_alive {
                side.facts.keep_alives += 1;
            }
            self.known(segment, start, trust, shared);
            return;
        }
        if side.ended || (side.fin != NONE && end > signed(side.fin)) {
            self.flag(Anomaly::Desync, shared);
            shared.drop_segment(DropReason::AfterClose, length);
            return;
        }
        let doubt = match trust {
            Trust::Full if outside => Doubt::Window,
            Trust::Full => Doubt::None,
            Trust::LastResort | Trust::Numbers => Doubt::Checksum,
        };
        if outside {
            self.flag(Anomaly::OutOfWindow, shared);
        }
        self.fresh(segment, start, doubt, shared, sink);
    }

    /// A segment without data: an acknowledgement, a probe, SYN, FIN.
    #[inline]
    fn empty(&mut self, segment: &Segment<'_>, trust: Trust, shared: &mut Shared) {
        if trust == Trust::LastResort {
            shared.drop_segment(DropReason::BadChecksum, 0);
            return;
        }
        let side = &mut self.sides[segment.side];
        let probe = side.next > 0 && side.offset(segment.sequence) == signed(side.next) - 1;
        if probe && !segment.has(flag::SYN | flag::FIN) {
            side.facts.keep_alives += 1;
        }
        shared.ledger.segments.output += 1;
    }

    /// All its bytes were delivered before.
    #[cold]
    fn known(&mut self, segment: &Segment<'_>, start: i64, trust: Trust, shared: &mut Shared) {
        let length = segment.payload.len() as u64;
        if trust == Trust::LastResort {
            shared.drop_segment(DropReason::BadChecksum, length);
            return;
        }
        let side = &mut self.sides[segment.side];
        side.facts.retransmitted += 1;
        side.spoil_probe();
        shared.drop_segment(DropReason::Retransmission, length);
        // What some hosts send to keep a connection alive.
        if segment.payload == [0] {
            return;
        }
        let skip = usize::try_from(-start).unwrap_or(0);
        let offset = u64::try_from(start).unwrap_or(0);
        if let Some(bytes) = segment.payload.get(skip..)
            && side.recent.compare(offset, bytes) == Comparison::Differs
            && side.urgent == NONE
        {
            self.flag(Anomaly::OverlapConflict, shared);
        }
    }

    /// At least one byte, or cut byte, is new.
    #[inline]
    fn fresh(&mut self, segment: &Segment<'_>, start: i64, doubt: Doubt, shared: &mut Shared, sink: &mut dyn Sink) {
        let me = segment.side;
        let (side, peer) = pair(&mut self.sides, me);
        let needs = if segment.has(flag::ACK) && peer.seen {
            u64::try_from(peer.offset(segment.ack)).unwrap_or(0).min(peer.acked_data())
        } else {
            0
        };
        let arrival = Arrival { at: segment.at, number: segment.number, needs, doubt };
        if segment.has(flag::URG) && segment.urgent > 0 {
            // The pointer names the byte after the urgent one. Source: RFC 6093, section 3.1.
            let at = start + i64::from(segment.urgent) - 1;
            side.urgent = u64::try_from(at).unwrap_or(NONE);
            self.flag(Anomaly::Urgent, shared);
        }
        let side = &mut self.sides[me];
        let known = usize::try_from(signed(side.next) - start).unwrap_or(0).min(segment.payload.len());
        let (old, new) = segment.payload.split_at(known);
        if !old.is_empty() {
            self.partial(me, start, old, doubt, shared);
        }
        let side = &mut self.sides[me];
        let offset = side.next.max(u64::try_from(start).unwrap_or(0));
        if doubt != Doubt::None {
            Self::hold(&mut side.suspects, offset, new, arrival, shared);
            return;
        }
        let end = u64::try_from(start + signed(segment.payload.len() as u64) + i64::from(segment.cut)).unwrap_or(0);
        side.highest = side.highest.max(end);
        let waits = offset != side.next || side.queue.is_some() || self.sides[1 - me].lacks(needs);
        if waits {
            self.hold_good(me, offset, new, arrival, shared);
        } else {
            self.sides[me].probe(offset + new.len() as u64, segment.at);
            shared.ledger.segments.output += 1;
            self.deliver(me, new, arrival, shared, sink);
        }
        if segment.cut > 0 {
            self.cut(me, (!waits).then_some(end), arrival, shared, sink);
        }
    }

    fn partial(&mut self, me: SideIndex, start: i64, old: &[u8], doubt: Doubt, shared: &mut Shared) {
        shared.ledger.bytes.drop(DropReason::Retransmission, old.len() as u64);
        if doubt != Doubt::None {
            return;
        }
        let side = &mut self.sides[me];
        side.facts.overlapped += 1;
        side.spoil_probe();
        let skip = usize::try_from(-start).unwrap_or(0).min(old.len());
        if side.recent.compare(u64::try_from(start).unwrap_or(0), &old[skip..]) == Comparison::Differs {
            self.flag(Anomaly::OverlapConflict, shared);
        }
    }

    /// The snap length took the end of the segment: these bytes will not come, so the gap is declared at once.
    /// `end` of the whole segment, unless it waits.
    fn cut(&mut self, me: SideIndex, end: Option<u64>, arrival: Arrival, shared: &mut Shared, sink: &mut dyn Sink) {
        self.flag(Anomaly::Truncated, shared);
        shared.truncated_packets += 1;
        if let Some(end) = end {
            self.lose(me, end, arrival, shared, sink);
        }
    }

    /// Holds a good segment that cannot be delivered yet.
    fn hold_good(&mut self, me: SideIndex, offset: u64, bytes: &[u8], arrival: Arrival, shared: &mut Shared) {
        let side = &mut self.sides[me];
        if offset == side.next {
            side.spoil_probe();
        } else if side.queue.is_none() {
            side.facts.reordered += 1;
        }
        let inserted = Self::hold(&mut side.queue, offset, bytes, arrival, shared);
        side.facts.retransmitted += u64::from(inserted.added == 0);
        side.facts.overlapped += u64::from(inserted.partial);
        if inserted.conflict {
            self.flag(Anomaly::OverlapConflict, shared);
        }
    }

    fn hold(
        queue: &mut Option<Box<Queue>>,
        offset: u64,
        bytes: &[u8],
        arrival: Arrival,
        shared: &mut Shared,
    ) -> super::queue::Inserted {
        let queue = queue.get_or_insert_default();
        let before = queue.counts().1;
        let inserted = queue.insert(offset, bytes, arrival);
        let held = queue.counts().1 - before;
        shared.ledger.segments.in_flight += held;
        shared.ledger.bytes.in_flight += inserted.added;
        shared.ledger.bytes.drop(DropReason::Retransmission, inserted.known);
        if held == 0 {
            shared.ledger.segments.drop(DropReason::Retransmission, 1);
        }
        inserted
    }

    fn fin(&mut self, segment: &Segment<'_>, shared: &mut Shared) {
        let side = &mut self.sides[segment.side];
        let length = segment.payload.len() as u64 + u64::from(segment.cut);
        let end = side.offset(segment.sequence) + signed(length) + i64::from(segment.has(flag::SYN));
        let beyond = signed(side.highest.max(side.acked).max(side.next) + WINDOW_UNKNOWN);
        match u64::try_from(end) {
            // The first FIN counts, unless bytes beyond it were delivered.
            Ok(end) if side.fin == NONE && end >= side.next && signed(end) <= beyond => {
                side.fin = end;
                side.highest = side.highest.max(end);
            }
            _ if side.fin != NONE => {}
            _ => self.flag(Anomaly::OutOfWindow, shared),
        }
    }

    /// After each segment: what may be delivered is; what waits too long is given up; the stage follows.
    #[inline]
    fn settle(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        let [a, b] = &self.sides;
        let quiet = a.queue.is_none() && b.queue.is_none() && a.fin == NONE && b.fin == NONE;
        if !quiet {
            self.pump(shared, sink);
        }
        let lacks = self.sides[0].lacks_acked() || self.sides[1].lacks_acked() || self.one_sided_hole();
        if lacks {
            self.lack(shared, sink);
        } else if self.lacking_since.is_some() {
            self.lacking_since = None;
            self.lacking_packets = 0;
        }
        if !quiet || self.sides.iter().any(|side| side.suspects.is_some()) {
            self.enforce_limits(shared, sink);
        }
        self.advance_stage(shared, sink);
    }

    fn advance_stage(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        match self.stage {
            Stage::HalfOpen => {
                let [a, b] = &self.sides;
                if (a.facts.packets > 0 && b.facts.packets > 0) || a.next > 0 || b.next > 0 || !(a.syn || b.syn) {
                    self.stage = Stage::Open;
                }
            }
            Stage::Open if self.sides[0].ended && self.sides[1].ended => self.close(shared, sink),
            Stage::Open | Stage::Closed => {}
        }
    }

    /// Both ends were delivered: nothing can follow. What is remembered for late packets should be small, since
    /// short connections that are over are many.
    fn close(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        self.stage = Stage::Closed;
        let last = self.last;
        self.with_conversation(shared, sink, |conversation, scene| conversation.close(last, scene));
        for side in &mut self.sides {
            side.recent = Recent::default();
        }
    }

    /// Delivers what has become contiguous in both directions, ends included.
    fn pump(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        loop {
            let progress = self.pump_side(0, shared, sink) | self.pump_side(1, shared, sink);
            if !progress && !self.untie(shared, sink) {
                return;
            }
        }
    }

    fn pump_side(&mut self, me: SideIndex, shared: &mut Shared, sink: &mut dyn Sink) -> bool {
        let mut progress = false;
        loop {
            let (side, peer) = pair(&mut self.sides, me);
            let Some(queue) = side.queue.as_mut() else {
                break;
            };
            let Some((at, arrival)) = queue.first() else {
                side.queue = None;
                break;
            };
            if at > side.next || peer.lacks(arrival.needs) {
                break;
            }
            progress |= self.deliver_held(me, false, shared, sink);
        }
        progress | self.end_side(me, shared, sink)
    }

    /// Delivers the first held segment of a side, which nothing is missing before. `forced`: what its sender had of the
    /// peer's stream is not believed.
    fn deliver_held(&mut self, me: SideIndex, forced: bool, shared: &mut Shared, sink: &mut dyn Sink) -> bool {
        let (side, peer) = pair(&mut self.sides, me);
        let Some((at, mut held)) = side.queue.as_mut().and_then(|queue| queue.pop()) else {
            return false;
        };
        shared.ledger.segments.in_flight -= held.segments;
        shared.ledger.segments.output += held.segments;
        shared.ledger.bytes.in_flight -= held.bytes.len() as u64;
        // Nothing is delivered past a held segment but by a gap that ended at it.
        let known = usize::try_from(side.next - at).unwrap_or(usize::MAX).min(held.bytes.len());
        shared.ledger.bytes.drop(DropReason::Retransmission, known as u64);
        if forced {
            held.arrival.needs = held.arrival.needs.min(peer.next);
        }
        self.deliver(me, &held.bytes[known..], held.arrival, shared, sink);
        true
    }

    /// Where both directions wait for each other, the client's goes on: what is sent again acknowledges more than its
    /// first copy did, and that was not captured.
    fn untie(&mut self, shared: &mut Shared, sink: &mut dyn Sink) -> bool {
        let ready = |side: &Side| {
            side.queue.as_ref().and_then(|q| q.first()).filter(|(at, _)| *at <= side.next).map(|(_, a)| a.number)
        };
        let (Some(zero), Some(one)) = (ready(&self.sides[0]), ready(&self.sides[1])) else {
            return false;
        };
        let client = self.conversation.client().or(self.opened_by).unwrap_or(usize::from(one < zero));
        self.deliver_held(client, true, shared, sink)
    }

    /// Tells the protocol that a direction ended, once everything before was delivered, in both directions.
    fn end_side(&mut self, me: SideIndex, shared: &mut Shared, sink: &mut dyn Sink) -> bool {
        let (side, peer) = pair(&mut self.sides, me);
        if side.ended || side.fin != side.next || peer.lacks_acked() {
            return false;
        }
        side.ended = true;
        let last = self.last;
        self.with_conversation(shared, sink, |conversation, scene| conversation.end(me, last, scene));
        true
    }

    #[inline]
    fn deliver(&mut self, me: SideIndex, bytes: &[u8], arrival: Arrival, shared: &mut Shared, sink: &mut dyn Sink) {
        let side = &self.sides[me];
        let end = side.next + bytes.len() as u64;
        if (side.next..end).contains(&side.urgent) {
            let at = usize::try_from(side.urgent - side.next).unwrap_or(0);
            self.deliver_plain(me, &bytes[..at], arrival, shared, sink);
            let side = &mut self.sides[me];
            side.recent.restart(side.next + 1);
            side.next += 1;
            shared.ledger.bytes.drop(DropReason::Urgent, 1);
            self.deliver_plain(me, &bytes[at + 1..], arrival, shared, sink);
        } else {
            self.deliver_plain(me, bytes, arrival, shared, sink);
        }
    }

    #[inline]
    fn deliver_plain(
        &mut self,
        me: SideIndex,
        bytes: &[u8],
        arrival: Arrival,
        shared: &mut Shared,
        sink: &mut dyn Sink,
    ) {
        if bytes.is_empty() {
            return;
        }
        let side = &mut self.sides[me];
        let (offset, sequence) = (side.next, side.sequence(side.next));
        side.next += bytes.len() as u64;
        side.facts.payload += bytes.len() as u64;
        side.recent.push(offset, bytes, shared.limits.recent_bytes_max);
        shared.ledger.bytes.output += bytes.len() as u64;
        self.with_conversation(shared, sink, |conversation, scene| {
            conversation.data(me, offset, sequence, bytes, arrival, scene);
        });
    }

    /// Gives up the bytes before `to`.
    fn lose(&mut self, me: SideIndex, to: u64, arrival: Arrival, shared: &mut Shared, sink: &mut dyn Sink) {
        let side = &mut self.sides[me];
        let offset = side.next;
        let Some(length) = to.checked_sub(offset).filter(|n| *n > 0) else {
            return;
        };
        side.next = to;
        side.facts.missing += length;
        shared.ledger.bytes_lost += length;
        self.flag(Anomaly::Gap, shared);
        self.with_conversation(shared, sink, |conversation, scene| {
            conversation.gap(me, offset, length, arrival, scene)
        });
    }

    #[inline]
    fn with_conversation(
        &mut self,
        shared: &mut Shared,
        sink: &mut dyn Sink,
        act: impl FnOnce(&mut Conversation, &mut Scene<'_>),
    ) {
        let mut scene = Scene {
            shared,
            sink,
            key: self.key,
            session: self.number,
            session_start: self.first,
            opened_by: self.opened_by,
            retransmissions: self.sides[0].facts.retransmitted + self.sides[1].facts.retransmitted,
            handshake_rtt_ns: self.handshake_rtt_ns,
            two_sided: self.sides[0].facts.packets > 0 && self.sides[1].facts.packets > 0,
            from_start: [self.sides[0].syn, self.sides[1].syn],
            anomalies: &mut self.anomalies,
        };
        act(&mut self.conversation, &mut scene);
    }

    /// With one direction captured nobody acknowledges: what follows a hole is the only evidence.
    fn one_sided_hole(&self) -> bool {
        let [a, b] = &self.sides;
        (a.queue.is_some() && b.facts.packets == 0) || (b.queue.is_some() && a.facts.packets == 0)
    }

    /// Acknowledged bytes are missing: a copy of last resort, patience, then the gap.
    #[cold]
    fn lack(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        for me in 0..2 {
            // A side without any good segment, or one whose wrong checksums proved right before, sends with checksum
            // offload: its copies are used once they are acknowledged, without waiting for better ones.
            let offload = self.sides[me].good == 0 || self.sides[me].offload;
            if offload && self.sides[me].lacks_acked() {
                self.exhaust_suspects(me, shared, sink);
            }
        }
        if !(self.sides[0].lacks_acked() || self.sides[1].lacks_acked() || self.one_sided_hole()) {
            self.lacking_since = None;
            self.lacking_packets = 0;
            return;
        }
        self.lacking_packets += 1;
        if self.lacking_since.is_none() {
            self.lacking_since = Some(shared.now);
            shared.wait(self.generation);
        }
        if self.lacking_packets > shared.limits.gap_packets_max {
            self.give_up(shared, sink);
        }
    }

    /// Ends the waiting for acknowledged bytes: copies of last resort are used, then gaps are declared.
    pub fn give_up(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        self.lacking_since = None;
        self.lacking_packets = 0;
        for me in 0..2 {
            self.exhaust_suspects(me, shared, sink);
            let (side, peer) = pair(&mut self.sides, me);
            let first = side.queue.as_ref().and_then(|q| q.first()).map(|(at, _)| at);
            let suspect = side.suspects.as_ref().and_then(|q| q.first()).map_or(u64::MAX, |(at, _)| at);
            let to = match first {
                Some(first) if first <= side.acked_data() || peer.facts.packets == 0 => first.min(suspect),
                _ => side.acked_data().min(suspect),
            };
            // One byte behind everything is rather a FIN that was not captured.
            let lost_fin = first.is_none() && side.fin == NONE && side.acked == side.next + 1;
            if side.facts.packets > 0 && to > side.next && !lost_fin {
                let last = self.last;
                self.lose(me, to, last, shared, sink);
            }
            self.pump(shared, sink);
            self.exhaust_suspects(me, shared, sink);
        }
    }

    /// Wrong checksums of a side proved right: noticed once.
    fn assume_offload(&mut self, me: SideIndex, shared: &mut Shared) {
        let side = &mut self.sides[me];
        if side.bad > 0 && !side.offload {
            side.offload = true;
            shared.offloaded_sides += 1;
        }
    }

    /// Uses copies of last resort and what follows them, in turns.
    fn exhaust_suspects(&mut self, me: SideIndex, shared: &mut Shared, sink: &mut dyn Sink) {
        while self.use_suspects(me, shared, sink) {
            self.assume_offload(me, shared);
            self.pump(shared, sink);
        }
    }

    /// Delivers held copies with wrong checksums that the peer acknowledged.
    fn use_suspects(&mut self, me: SideIndex, shared: &mut Shared, sink: &mut dyn Sink) -> bool {
        let mut used = false;
        loop {
            let side = &mut self.sides[me];
            let Some(queue) = side.suspects.as_mut() else {
                return used;
            };
            let Some((at, _)) = queue.first() else {
                side.suspects = None;
                return used;
            };
            if at > side.next {
                return used;
            }
            let Some((at, held)) = queue.pop() else {
                return used;
            };
            shared.ledger.segments.in_flight -= held.segments;
            shared.ledger.bytes.in_flight -= held.bytes.len() as u64;
            let next_good = side.queue.as_ref().and_then(|q| q.first()).map_or(u64::MAX, |(at, _)| at);
            let end = (at + held.bytes.len() as u64).min(side.acked_data()).min(next_good);
            if end <= side.next {
                shared.drop_segments(held.arrival.doubt.reason(), held.segments, held.bytes.len() as u64);
                continue;
            }
            let from = usize::try_from(side.next - at).unwrap_or(usize::MAX);
            let to = usize::try_from(end - at).unwrap_or(usize::MAX);
            let bytes = held.bytes.get(from..to).unwrap_or_default();
            shared.ledger.segments.output += held.segments;
            shared.ledger.bytes.drop(held.arrival.doubt.reason(), (held.bytes.len() - bytes.len()) as u64);
            side.highest = side.highest.max(end);
            used = true;
            self.deliver(me, bytes, held.arrival, shared, sink);
        }
    }

    /// Law 3: what is held out of order is bounded; the gap before it is declared.
    fn enforce_limits(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        for me in 0..2 {
            while let Some(queue) = &self.sides[me].queue {
                let (entries, _) = queue.counts();
                if queue.held_bytes() <= shared.limits.gap_bytes_max && entries <= shared.limits.gap_segments_max {
                    break;
                }
                let Some((first, _)) = queue.first() else {
                    break;
                };
                self.flag(Anomaly::Memcap, shared);
                self.release(me, first, shared, sink);
            }
            while let Some(suspects) = &mut self.sides[me].suspects {
                if suspects.held_bytes() <= shared.limits.gap_bytes_max / 16 {
                    break;
                }
                let Some((_, held)) = suspects.pop() else {
                    break;
                };
                shared.ledger.segments.in_flight -= held.segments;
                shared.ledger.bytes.in_flight -= held.bytes.len() as u64;
                shared.drop_segments(held.arrival.doubt.reason(), held.segments, held.bytes.len() as u64);
            }
        }
    }

    /// Forces the first held segment of a side out: what it waits for is given up.
    fn release(&mut self, me: SideIndex, first: u64, shared: &mut Shared, sink: &mut dyn Sink) {
        let last = self.last;
        if first > self.sides[me].next {
            self.lose(me, first, last, shared, sink);
        }
        let needs = self.sides[me].queue.as_ref().and_then(|q| q.first()).map_or(0, |(_, a)| a.needs);
        if self.sides[1 - me].lacks(needs) {
            let to = self.sides[1 - me].queue.as_ref().and_then(|q| q.first()).map_or(needs, |(at, _)| at.min(needs));
            self.lose(1 - me, to, last, shared, sink);
        }
        self.pump(shared, sink);
    }

    /// The connection is over: everything held is delivered or counted, and the session is reported.
    pub fn finish(mut self, reason: CloseReason, shared: &mut Shared, sink: &mut dyn Sink) {
        loop {
            let before = [self.sides[0].next, self.sides[1].next];
            self.give_up(shared, sink);
            if before == [self.sides[0].next, self.sides[1].next] {
                break;
            }
        }
        // Each turn empties at least one entry.
        while let Some(me) = (0..2).find(|me| self.sides[*me].queue.is_some()) {
            let me = if self.sides[1 - me].queue.is_some() { self.opened_by.unwrap_or(me) } else { me };
            let Some((first, _)) = self.sides[me].queue.as_ref().and_then(|q| q.first()) else {
                self.sides[me].queue = None;
                continue;
            };
            self.release(me, first, shared, sink);
        }
        for side in &mut self.sides {
            while let Some((_, held)) = side.suspects.as_mut().and_then(|q| q.pop()) {
                shared.ledger.segments.in_flight -= held.segments;
                shared.ledger.bytes.in_flight -= held.bytes.len() as u64;
                shared.drop_segments(held.arrival.doubt.reason(), held.segments, held.bytes.len() as u64);
            }
            // A direction of which nothing was captured, though its peer acknowledged data.
            if side.facts.packets == 0 && side.acked > 1 {
                side.facts.missing += side.acked;
                shared.ledger.bytes_lost += side.acked;
            }
        }
        let one_sided = self.sides.iter().any(|s| s.facts.packets == 0) && self.sides.iter().any(|s| s.next > 0);
        if one_sided {
            self.flag(Anomaly::OneSided, shared);
        }
        let last = self.last;
        self.with_conversation(shared, sink, |conversation, scene| conversation.finish(last, scene));
        let reason = if self.reset {
            CloseReason::Reset
        } else if self.sides[0].ended && self.sides[1].ended {
            CloseReason::Fin
        } else {
            reason
        };
        shared.anomalies.merge(self.anomalies);
        sink.session(self.record(reason));
    }

    fn record(self, close: CloseReason) -> TcpSession {
        let client = self.client();
        let [zero, one] = self.sides;
        let syn_seen = zero.syn || one.syn;
        let (client_side, server_side) = if client == 0 { (zero, one) } else { (one, zero) };
        TcpSession {
            number: self.number,
            client: self.key.endpoint(client),
            server: self.key.endpoint(1 - client),
            network: self.key.network(),
            first: self.first,
            established: self.established,
            last: self.last.at,
            close,
            syn_seen,
            client_facts: client_side.facts,
            server_facts: server_side.facts,
            handshake_rtt_ns: self.handshake_rtt_ns,
            exchanges: self.conversation.exchanges(),
            protocol: self.conversation.into_protocol(),
            anomalies: self.anomalies,
        }
    }

    fn lower_port_serves(&self) -> SideIndex {
        usize::from(self.key.endpoint(0).port < self.key.endpoint(1).port)
    }

    fn flag_quietly(&mut self, anomaly: Anomaly, shared: &mut Shared) {
        self.anomalies.insert(anomaly);
        shared.anomalies.insert(anomaly);
    }

    fn flag(&mut self, anomaly: Anomaly, shared: &mut Shared) {
        self.flag_quietly(anomaly, shared);
        self.conversation.flag(anomaly);
    }
}

/// Both sides, mine first.
#[inline]
fn pair(sides: &mut [Side; 2], me: SideIndex) -> (&mut Side, &mut Side) {
    let [a, b] = sides;
    if me == 0 { (a, b) } else { (b, a) }
}

/// Stream offsets fit: a connection does not carry 2^63 bytes.
#[inline]
const fn signed(offset: u64) -> i64 {
    offset.cast_signed()
}
