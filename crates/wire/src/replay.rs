//! One session once more, from its kept frames: what each segment was to it, and the bytes of both directions in order.
//!
//! The decoder and the connection are those of the first run, so the same frames give the same bytes. Frames that were kept
//! without their payload still tell of every segment; their bytes are gaps.

use arachne_model::{DirectionFacts, Endpoint, Limits};

use crate::flow::FlowKey;
use crate::packet::{Checksum, Decoder, Frame, Segment, flag};
use crate::shard::Shard;
use crate::sink::{Belongs, Sink};
use crate::tcp::side::Side;

/// Holes of a direction that are remembered; what fills a forgotten one counts as sent again.
const HOLES_MAX: usize = 1024;

/// What a segment was to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Who sent it.
    pub from_client: bool,
    /// Its sequence number from the start of the direction: the SYN is 0, the first byte 1. `None` behind the end of the
    /// session.
    pub sequence: Option<i64>,
    /// What it acknowledges, counted the same way in the other direction. `None` without that flag, too.
    pub ack: Option<i64>,
    /// Payload bytes on the wire.
    pub length: u64,
    /// How many of them were not kept.
    pub cut: u64,
    /// See [`flag`].
    pub flags: u8,
    /// The announced window in bytes, as far as its scale is known.
    pub window: u64,
    /// All its bytes were seen before.
    pub retransmitted: bool,
    /// It has bytes that were not seen before, below some that were: they, or their first copy, came late.
    pub out_of_order: bool,
    /// It repeats an acknowledgement, without payload, while bytes are under way.
    pub duplicate_ack: bool,
    /// It probes a closed window or an idle connection.
    pub keep_alive: bool,
    /// The same packet was captured a moment ago.
    pub duplicate: bool,
    /// Its checksum is wrong.
    pub bad_checksum: bool,
}

/// Bytes of a direction that became readable, in order; without bytes they were never captured, or not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Who sent them.
    pub from_client: bool,
    /// How many bytes of the direction come before.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// The bytes; empty for a gap.
    pub bytes: Vec<u8>,
}

/// A session that is taken up again.
pub struct Replay {
    decoder: Decoder,
    shard: Shard,
    client: Option<Endpoint>,
    seen: [Seen; 2],
    known: [DirectionFacts; 2],
}

impl Replay {
    /// A session of `client`, within `limits`. Without a client, the engine finds out who it is.
    #[must_use]
    pub fn new(limits: &Limits, client: Option<Endpoint>) -> Self {
        // There is one connection: nobody can choose keys that meet.
        let mut shard = Shard::new(limits, 0, true);
        shard.want_segments(true);
        Self { decoder: Decoder::new(limits), shard, client, seen: Default::default(), known: Default::default() }
    }

    /// Takes the next frame, in the order of the capture, and adds what became readable to `pieces`. `None` for a frame
    /// without a segment: its headers were not kept, or it is a fragment.
    pub fn frame(&mut self, frame: &Frame<'_>, pieces: &mut Vec<Piece>) -> Option<Rung> {
        let segment = self.decoder.decode(frame)?;
        let me = segment.side;
        let mut heard = Heard::default();
        self.shard.segment(&segment, &mut heard);
        let belongs = heard.belongs;
        let from_client = match self.client {
            Some(client) if segment.key.endpoint(me) != segment.key.endpoint(1 - me) => {
                segment.key.endpoint(me) == client
            }
            _ => belongs.is_some_and(|belongs| belongs.from_client),
        };
        // The engine may hold the other one for the client; what it calls so is turned round with the segment.
        let turned = belongs.is_some_and(|belongs| belongs.from_client != from_client);
        pieces
            .extend(heard.pieces.into_iter().map(|piece| Piece { from_client: piece.from_client != turned, ..piece }));
        let (seen, known) = (&mut self.seen[me], &mut self.known[me]);
        Some(rung(&self.shard, &segment, from_client, seen, known))
    }

    /// The session is over: what waited for bytes that never came.
    pub fn finish(mut self, pieces: &mut Vec<Piece>) {
        let mut heard = Heard::default();
        let open: Vec<(u64, u32)> = self.shard.alive_sessions().collect();
        let turned = open.iter().any(|(_, slot)| self.turned(*slot));
        open.into_iter().for_each(|(_, slot)| self.shard.finish(slot, &mut heard));
        pieces
            .extend(heard.pieces.into_iter().map(|piece| Piece { from_client: piece.from_client != turned, ..piece }));
    }

    fn turned(&self, slot: u32) -> bool {
        let Some((client, connection)) = self.client.zip(self.shard.connection(slot)) else { return false };
        let theirs = connection.belongs(0).from_client;
        connection.key.endpoint(0) != connection.key.endpoint(1) && theirs != (connection.key.endpoint(0) == client)
    }
}

/// What `segment` was to its session, now that the session has it.
fn rung(shard: &Shard, segment: &Segment<'_>, from_client: bool, seen: &mut Seen, known: &mut DirectionFacts) -> Rung {
    let me = segment.side;
    let length = segment.payload.len() as u64 + u64::from(segment.cut);
    let mut rung = Rung {
        from_client,
        sequence: None,
        ack: None,
        length,
        cut: u64::from(segment.cut),
        flags: segment.flags,
        window: u64::from(segment.window),
        retransmitted: false,
        out_of_order: false,
        duplicate_ack: false,
        keep_alive: false,
        duplicate: false,
        bad_checksum: segment.checksum == Checksum::Bad,
    };
    let Some(sides) = sides(shard, &segment.key) else { return rung };
    let (side, peer) = (&sides[me], &sides[1 - me]);
    let start = side.offset(segment.sequence.wrapping_add(u32::from(segment.has(flag::SYN))));
    rung.sequence = side.seen.then(|| side.offset(segment.sequence) + 1);
    rung.ack = (segment.has(flag::ACK) && peer.seen).then(|| peer.offset(segment.ack) + 1);
    rung.window = u64::from(side.scaled(segment, peer.scale));
    let before = std::mem::replace(known, side.facts.clone());
    rung.duplicate = side.facts.packets == before.packets;
    rung.duplicate_ack = side.facts.duplicate_acks > before.duplicate_acks;
    let place = seen.take(start, length);
    // One byte sent again at the end of all is a probe; the connection knows that of an empty one.
    let last = seen.highest == Some(start.saturating_add_unsigned(length));
    rung.keep_alive = match length {
        0 => side.facts.keep_alives > before.keep_alives,
        1 => place == Place::Again && last,
        _ => false,
    };
    rung.retransmitted = place == Place::Again && !rung.keep_alive && !rung.duplicate;
    rung.out_of_order = place == Place::Late;
    rung
}

/// Both sides of the connection with this key.
fn sides<'a>(shard: &'a Shard, key: &FlowKey) -> Option<&'a [Side; 2]> {
    let open = shard.alive_sessions().find_map(|(_, slot)| shard.connection(slot).filter(|c| c.key == *key));
    open.map(|connection| &connection.sides)
}

/// What the engine said about one frame.
#[derive(Default)]
struct Heard {
    pieces: Vec<Piece>,
    belongs: Option<Belongs>,
}

impl Sink for Heard {
    fn exchange(&mut self, _exchange: arachne_model::Exchange) {}

    fn session(&mut self, _session: arachne_model::TcpSession) {}

    fn stream(&mut self, _session: u64, from_client: bool, offset: u64, bytes: &[u8]) {
        self.pieces.push(Piece { from_client, offset, length: bytes.len() as u64, bytes: bytes.to_vec() });
    }

    fn stream_gap(&mut self, _session: u64, from_client: bool, offset: u64, length: u64) {
        self.pieces.push(Piece { from_client, offset, length, bytes: Vec::new() });
    }

    fn segment(&mut self, belongs: Belongs, _segment: &Segment<'_>) {
        self.belongs = Some(belongs);
    }
}

/// Where the bytes of a segment lie beside those seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It has none, or some lie behind all others.
    Next,
    /// Some fill a hole.
    Late,
    /// All were seen.
    Again,
}

/// Which bytes of a direction were seen, kept or not.
#[derive(Debug, Default)]
struct Seen {
    highest: Option<i64>,
    /// From the first byte to the one behind.
    holes: Vec<(i64, i64)>,
}

impl Seen {
    fn take(&mut self, start: i64, length: u64) -> Place {
        let end = start.saturating_add_unsigned(length);
        let highest = *self.highest.get_or_insert(start.min(0));
        if length == 0 {
            return Place::Next;
        }
        if start > highest && self.holes.len() < HOLES_MAX {
            self.holes.push((highest, start));
        }
        self.highest = Some(highest.max(end));
        let filled = self.fill(start, end);
        match (end > highest, filled) {
            (true, _) => Place::Next,
            (false, true) => Place::Late,
            (false, false) => Place::Again,
        }
    }

    /// Takes `start..end` out of the holes; whether any of it was in one.
    fn fill(&mut self, start: i64, end: i64) -> bool {
        let mut filled = false;
        while let Some(at) = self.holes.iter().position(|(from, to)| *from < end && start < *to) {
            let (from, to) = self.holes.swap_remove(at);
            // What is left of it lies outside.
            self.holes.extend([(from, start), (end, to)].into_iter().filter(|(from, to)| from < to));
            filled = true;
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Seen};

    #[test]
    fn places() {
        type Case<'a> = (&'a [(i64, u64)], &'a [Place]);
        let cases: [Case<'_>; 5] = [
            (&[(-1, 0), (0, 3), (3, 3)], &[Place::Next, Place::Next, Place::Next]),
            (&[(0, 3), (0, 3), (1, 1)], &[Place::Next, Place::Again, Place::Again]),
            (&[(0, 3), (6, 3), (3, 3), (3, 3)], &[Place::Next, Place::Next, Place::Late, Place::Again]),
            (&[(0, 1), (2, 1), (4, 1), (0, 5)], &[Place::Next, Place::Next, Place::Next, Place::Late]),
            (&[(3, 3), (0, 3), (0, 9)], &[Place::Next, Place::Late, Place::Next]),
        ];
        for (segments, expected) in cases {
            let mut seen = Seen::default();
            let got: Vec<Place> = segments.iter().map(|(at, length)| seen.take(*at, *length)).collect();
            assert_eq!(got, expected, "{segments:?}");
            assert!(seen.holes.len() <= 2, "{seen:?}");
        }
    }
}
