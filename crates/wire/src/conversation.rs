//! What is said on a connection: finds the protocol by the first bytes of either side and hands the rest to its parser.

use arachne_model::{Anomaly, AnomalySet, Exchange, Protocol as Kind, UnixNanos};

use crate::flow::{FlowKey, SideIndex};
use crate::protocol::{Chunk, Context, Protocol, Speaker, Verdict, detect};
use crate::shard::Shared;
use crate::sink::{Direction, Sink};
use crate::tcp::queue::Arrival;

/// Chunks of a direction found in the middle that are looked at before it is given up.
const TRIES_MAX: u32 = 64;

/// The connection and its surroundings, lent for one call.
pub struct Scene<'a> {
    /// Counters and limits of the shard.
    pub shared: &'a mut Shared,
    /// Where results go.
    pub sink: &'a mut dyn Sink,
    /// The connection.
    pub key: FlowKey,
    /// Its number.
    pub session: u64,
    /// Its first packet.
    pub session_start: UnixNanos,
    /// Who sent the SYN, where that is known.
    pub opened_by: Option<SideIndex>,
    /// Segments sent again so far.
    pub retransmissions: u64,
    /// Handshake round-trip time.
    pub handshake_rtt_ns: Option<u64>,
    /// Both directions were captured.
    pub two_sided: bool,
    /// Whose first byte was captured.
    pub from_start: [bool; 2],
    /// The flags of the connection.
    pub anomalies: &'a mut AnomalySet,
}

/// What is said on a connection.
#[derive(Default)]
pub struct Conversation {
    state: State,
    /// The client for streams and records: who opened, or seems to be the client.
    client: Option<SideIndex>,
    /// Bytes of each side that were lost before it was known who the client is.
    early_gaps: [u64; 2],
    /// The client of the protocol.
    speaker: SideIndex,
    exchanges: u64,
    pending: AnomalySet,
}

#[derive(Default)]
enum State {
    #[default]
    Silent,
    Detecting(Box<Detection>),
    Spoken(Box<dyn Protocol>),
    Opaque(Kind),
}

/// Bytes that came together; they stand in the prefix of their side, behind those of the pieces before.
struct Piece {
    side: SideIndex,
    offset: u64,
    sequence: u32,
    length: usize,
    arrival: Arrival,
}

#[derive(Default)]
struct Detection {
    pieces: Vec<Piece>,
    /// The bytes of all pieces of a side.
    prefix: [Vec<u8>; 2],
    rejected: [bool; 2],
    /// Offset and length of the newest gap.
    lost: [Option<(u64, u64, Arrival)>; 2],
    tries: [u32; 2],
    ended: [Option<Arrival>; 2],
}

impl Conversation {
    /// Memory held.
    #[inline]
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.state {
            State::Silent | State::Opaque(_) => 0,
            State::Detecting(detection) => detection.held_bytes(),
            State::Spoken(protocol) => protocol.held_bytes(),
        }
    }

    /// The client, once somebody spoke.
    #[must_use]
    pub const fn client(&self) -> Option<SideIndex> {
        self.client
    }

    /// Exchanges found.
    #[must_use]
    pub const fn exchanges(&self) -> u64 {
        self.exchanges
    }

    /// Calls `visit` with each exchange that is open.
    pub fn open_exchanges(&self, visit: &mut dyn FnMut(&Exchange)) {
        if let State::Spoken(protocol) = &self.state {
            protocol.open_exchanges(visit);
        }
    }

    /// What was spoken.
    #[must_use]
    pub fn into_protocol(self) -> Kind {
        match self.state {
            State::Spoken(protocol) => protocol.kind(),
            State::Opaque(kind) => kind,
            State::Silent | State::Detecting(_) => Kind::Unknown,
        }
    }

    /// Something odd happened now.
    pub fn flag(&mut self, anomaly: Anomaly) {
        match &mut self.state {
            State::Spoken(protocol) => protocol.flag(anomaly),
            State::Silent | State::Detecting(_) => self.pending.insert(anomaly),
            State::Opaque(_) => {}
        }
    }

    /// The next bytes of a side.
    #[inline]
    pub fn data(
        &mut self,
        me: SideIndex,
        offset: u64,
        sequence: u32,
        bytes: &[u8],
        arrival: Arrival,
        scene: &mut Scene<'_>,
    ) {
        let client = match self.client {
            Some(client) => client,
            None => self.settle_client(scene.opened_by.unwrap_or_else(|| guess_client(me, bytes, scene)), scene),
        };
        if scene.shared.streams {
            scene.sink.stream(scene.session, me == client, offset, bytes);
        }
        match &mut self.state {
            State::Spoken(protocol) => {
                let chunk = Chunk { direction: direction(me, self.speaker), offset, sequence, bytes, arrival };
                protocol.data(&chunk, &mut context(&mut self.exchanges, self.speaker, scene));
            }
            State::Opaque(_) => {}
            State::Silent => {
                if !self.begin_at_once(me, offset, sequence, bytes, arrival, scene) {
                    self.state = State::Detecting(Box::default());
                    self.detect(me, offset, sequence, bytes, arrival, scene);
                }
            }
            State::Detecting(_) => self.detect(me, offset, sequence, bytes, arrival, scene),
        }
    }

    /// Bytes of a side were not captured.
    pub fn gap(&mut self, me: SideIndex, offset: u64, length: u64, arrival: Arrival, scene: &mut Scene<'_>) {
        match self.client {
            Some(client) if scene.shared.streams => {
                scene.sink.stream_gap(scene.session, me == client, offset, length);
            }
            Some(_) => {}
            None => self.early_gaps[me] = offset + length,
        }
        match &mut self.state {
            State::Spoken(protocol) => {
                let mut cx = context(&mut self.exchanges, self.speaker, scene);
                protocol.gap(direction(me, self.speaker), offset, length, arrival, &mut cx);
            }
            State::Silent => {
                let mut detection = Box::<Detection>::default();
                detection.forget(me, (offset, length, arrival));
                self.state = State::Detecting(detection);
            }
            State::Detecting(detection) => detection.forget(me, (offset, length, arrival)),
            State::Opaque(_) => {}
        }
    }

    /// A side ended with FIN.
    pub fn end(&mut self, me: SideIndex, arrival: Arrival, scene: &mut Scene<'_>) {
        match &mut self.state {
            State::Spoken(protocol) => {
                let mut cx = context(&mut self.exchanges, self.speaker, scene);
                protocol.end(direction(me, self.speaker), arrival, &mut cx);
            }
            State::Detecting(detection) => detection.ended[me] = Some(arrival),
            State::Silent | State::Opaque(_) => {}
        }
    }

    /// Both directions ended: the parser reports what is open and goes, its name stays.
    pub fn close(&mut self, arrival: Arrival, scene: &mut Scene<'_>) {
        self.finish(arrival, scene);
        if let State::Spoken(protocol) = &self.state {
            self.state = State::Opaque(protocol.kind());
        }
    }

    /// It is known now who the client is: gaps from before are told.
    #[cold]
    fn settle_client(&mut self, client: SideIndex, scene: &mut Scene<'_>) -> SideIndex {
        self.client = Some(client);
        for (side, length) in std::mem::take(&mut self.early_gaps).into_iter().enumerate() {
            if length > 0 && scene.shared.streams {
                scene.sink.stream_gap(scene.session, side == client, 0, length);
            }
        }
        client
    }

    /// The connection is over.
    pub fn finish(&mut self, arrival: Arrival, scene: &mut Scene<'_>) {
        if self.client.is_none() && self.early_gaps != [0, 0] {
            self.settle_client(scene.opened_by.unwrap_or_else(|| by_port(scene.key)), scene);
        }
        if let State::Spoken(protocol) = &mut self.state {
            protocol.finish(arrival, &mut context(&mut self.exchanges, self.speaker, scene));
        }
    }

    /// Nearly always the first bytes decide, and nothing is copied.
    fn begin_at_once(
        &mut self,
        me: SideIndex,
        offset: u64,
        sequence: u32,
        bytes: &[u8],
        arrival: Arrival,
        scene: &mut Scene<'_>,
    ) -> bool {
        let (Verdict::Is(speaker, kind), Some(candidate)) = detect::ask(bytes) else {
            return false;
        };
        self.begin(me, speaker, kind, candidate, scene);
        if let State::Spoken(protocol) = &mut self.state {
            let chunk = Chunk { direction: direction(me, self.speaker), offset, sequence, bytes, arrival };
            protocol.data(&chunk, &mut context(&mut self.exchanges, self.speaker, scene));
        }
        true
    }

    fn begin(&mut self, me: SideIndex, speaker: Speaker, kind: Kind, candidate: &detect::Candidate, scene: &Scene<'_>) {
        self.speaker = match speaker {
            Speaker::Client => me,
            Speaker::Server => 1 - me,
            Speaker::Either => self.client.unwrap_or(me),
        };
        self.state = match (candidate.start)(&scene.shared.limits) {
            Some(mut protocol) => {
                self.pending.iter().for_each(|anomaly| protocol.flag(anomaly));
                State::Spoken(protocol)
            }
            None => State::Opaque(kind),
        };
    }

    fn detect(
        &mut self,
        me: SideIndex,
        offset: u64,
        sequence: u32,
        bytes: &[u8],
        arrival: Arrival,
        scene: &mut Scene<'_>,
    ) {
        let State::Detecting(detection) = &mut self.state else {
            return;
        };
        detection.prefix[me].extend_from_slice(bytes);
        detection.pieces.push(Piece { side: me, offset, sequence, length: bytes.len(), arrival });
        match detect::ask(&detection.prefix[me]) {
            (Verdict::Is(speaker, kind), Some(candidate)) if !detection.rejected[me] => {
                let detection = std::mem::take(detection);
                self.begin(me, speaker, kind, candidate, scene);
                self.replay(*detection, scene);
            }
            (Verdict::Unsure, _) => self.bound(me, scene),
            _ => {
                let in_the_middle = !scene.from_start[me] || detection.lost[me].is_some();
                detection.reject(me, in_the_middle);
                self.bound(me, scene);
            }
        }
    }

    /// Detection ends when both sides are no known protocol, or its memory is used up.
    fn bound(&mut self, me: SideIndex, scene: &Scene<'_>) {
        let State::Detecting(detection) = &mut self.state else {
            return;
        };
        if detection.prefix[me].len() > scene.shared.limits.detect_bytes_max {
            detection.reject(me, false);
        }
        // A piece may be one byte.
        let max = scene.shared.limits.detect_bytes_max;
        let full = detection.pieces.len() > max || detection.prefix.iter().map(Vec::len).sum::<usize>() > max * 4;
        if full || detection.rejected == [true, true] || detection.tries.iter().any(|t| *t > TRIES_MAX) {
            self.state = State::Opaque(Kind::Unknown);
        }
    }

    fn replay(&mut self, detection: Detection, scene: &mut Scene<'_>) {
        let State::Spoken(protocol) = &mut self.state else {
            return;
        };
        for (side, lost) in detection.lost.into_iter().enumerate() {
            if let Some((offset, length, arrival)) = lost {
                let mut cx = context(&mut self.exchanges, self.speaker, scene);
                protocol.gap(direction(side, self.speaker), offset, length, arrival, &mut cx);
            }
        }
        let mut taken = [0, 0];
        for Piece { side, offset, sequence, length, arrival } in detection.pieces {
            let bytes = detection.prefix[side].get(taken[side]..taken[side] + length).unwrap_or_default();
            taken[side] += length;
            let chunk = Chunk { direction: direction(side, self.speaker), offset, sequence, bytes, arrival };
            protocol.data(&chunk, &mut context(&mut self.exchanges, self.speaker, scene));
        }
        for (side, ended) in detection.ended.into_iter().enumerate() {
            if let Some(arrival) = ended {
                let mut cx = context(&mut self.exchanges, self.speaker, scene);
                protocol.end(direction(side, self.speaker), arrival, &mut cx);
            }
        }
    }
}

impl Detection {
    fn held_bytes(&self) -> usize {
        size_of::<Self>()
            + self.prefix.iter().map(Vec::capacity).sum::<usize>()
            + self.pieces.capacity() * size_of::<Piece>()
    }

    fn clear(&mut self, me: SideIndex) {
        self.prefix[me] = Vec::new();
        self.pieces.retain(|piece| piece.side != me);
    }

    /// The bytes so far are no protocol's beginning. In the middle of a stream the next chunk may begin one.
    ///
    /// Bytes from the start are kept: when the other side shows what is spoken, they are judged by that.
    fn reject(&mut self, me: SideIndex, in_the_middle: bool) {
        if in_the_middle {
            self.clear(me);
        }
        self.tries[me] += 1;
        self.rejected[me] |= !in_the_middle;
    }

    fn forget(&mut self, me: SideIndex, gap: (u64, u64, Arrival)) {
        self.clear(me);
        self.lost[me] = Some(gap);
        self.rejected[me] = false;
    }
}

fn direction(me: SideIndex, client: SideIndex) -> Direction {
    if me == client { Direction::Request } else { Direction::Response }
}

/// Without a handshake: who speaks like a client; else who has the higher port; else who was first.
fn guess_client(me: SideIndex, bytes: &[u8], scene: &Scene<'_>) -> SideIndex {
    match detect::ask(bytes).0 {
        Verdict::Is(Speaker::Client, _) => me,
        Verdict::Is(Speaker::Server, _) => 1 - me,
        _ => {
            let port = |side| scene.key.endpoint(side).port;
            if port(me) >= port(1 - me) { me } else { 1 - me }
        }
    }
}

/// The side with the higher port.
fn by_port(key: FlowKey) -> SideIndex {
    usize::from(key.endpoint(0).port < key.endpoint(1).port)
}

#[inline]
fn context<'a>(exchanges: &'a mut u64, client: SideIndex, scene: &'a mut Scene<'_>) -> Context<'a> {
    Context {
        sink: &mut *scene.sink,
        ledger: &mut scene.shared.ledger,
        limits: &scene.shared.limits,
        open_bodies: &mut scene.shared.open_bodies,
        anomalies: scene.anomalies,
        exchanges,
        key: scene.key,
        client,
        session: scene.session,
        session_start: scene.session_start,
        retransmissions: scene.retransmissions,
        handshake_rtt_ns: scene.handshake_rtt_ns,
        two_sided: scene.two_sided,
    }
}
