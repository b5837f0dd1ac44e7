//! Decoder and shards together, for one thread.

use std::ops::Range;

use arachne_model::{AnomalySet, DropReason, Exchange, Ledger, Limits, Stage, UnixNanos};

use crate::packet::{Decoder, Frame, Segment};
use crate::shard::{SHARDS, Shard};
use crate::sink::Sink;

/// Frames in, exchanges and sessions out.
pub struct Engine {
    decoder: Decoder,
    shards: Vec<Shard>,
}

/// What an engine counted.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The counts of all stages.
    pub ledger: Ledger,
    /// Every flag that was raised.
    pub anomalies: AnomalySet,
    /// Most memory held by connections: the sum of the most of each shard, in bytes.
    pub held_bytes_max: usize,
    /// Sides of connections whose checksums were all wrong.
    pub offloaded_sides: u64,
    /// Segments cut by the snap length.
    pub truncated_packets: u64,
}

impl Summary {
    /// Adds what a shard counted.
    pub fn add(&mut self, shard: &Shard) {
        let shared = shard.shared();
        self.ledger.add(&shared.ledger);
        self.anomalies.merge(shared.anomalies);
        self.held_bytes_max += shard.held_bytes_max();
        self.offloaded_sides += shared.offloaded_sides;
        self.truncated_packets += shared.truncated_packets;
    }

    /// Adds what a decoder counted.
    pub fn add_decoder(&mut self, decoder: &Decoder) {
        self.ledger.packets.add(&decoder.packets);
        self.anomalies.merge(decoder.anomalies);
    }
}

/// Ends all connections of `shards` by `end(shard, session, slot)`, in the order in which they began, whatever shards
/// they are in.
pub fn finish(shards: &mut [Shard], mut end: impl FnMut(&mut Shard, u64, u32)) {
    let sessions = |(at, shard): (usize, &Shard)| shard.alive_sessions().map(move |(n, slot)| (n, at, slot)).collect();
    let mut alive: Vec<(u64, usize, u32)> = shards.iter().enumerate().flat_map::<Vec<_>, _>(sessions).collect();
    alive.sort_unstable();
    for (session, at, slot) in alive {
        end(&mut shards[at], session, slot);
    }
}

impl Engine {
    /// An engine within `limits`. `seed` keys the flow tables.
    #[must_use]
    pub fn new(limits: &Limits, seed: u64, streams: bool) -> Self {
        let shards = (0..SHARDS).map(|_| Shard::new(limits, seed, streams)).collect();
        Self { decoder: Decoder::new(limits), shards }
    }

    /// Takes one captured packet.
    #[inline]
    pub fn packet(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        if let Some(segment) = self.decoder.decode(frame) {
            self.shards[segment.key.shard(SHARDS)].segment(&segment, sink);
        }
    }

    /// The input is drained up to `at`; see [`Shard::at`].
    pub fn at(&mut self, at: UnixNanos, sink: &mut dyn Sink) {
        self.shards.iter_mut().for_each(|shard| shard.at(at, sink));
    }

    /// Exchanges that are open and began in `started`, shard by shard; see [`Shard::open_exchanges`].
    pub fn open_exchanges(&self, started: &Range<UnixNanos>, visit: &mut dyn FnMut(Exchange)) {
        self.shards.iter().for_each(|shard| shard.open_exchanges(started, visit));
    }

    /// As [`Self::packet`], for those who must give way: `gate` is told of the segment, and of the payload bytes that its
    /// connection has shown, `None` where it begins a new one. A reason refuses the segment, which is counted by it.
    pub fn packet_through(
        &mut self,
        frame: &Frame<'_>,
        gate: &mut dyn FnMut(&Segment<'_>, Option<u64>) -> Option<DropReason>,
        sink: &mut dyn Sink,
    ) {
        if let Some(segment) = self.decoder.decode(frame) {
            let shard = &mut self.shards[segment.key.shard(SHARDS)];
            match gate(&segment, shard.payload_of(&segment.key)) {
                None => shard.segment(&segment, sink),
                Some(reason) => shard.refuse(&segment, reason),
            }
        }
    }

    /// The input is over: everything open is reported.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        self.decoder.finish();
        finish(&mut self.shards, |shard, _, slot| shard.finish(slot, sink));
    }

    /// Tells the sink from now on which session each segment belongs to, if `wanted`.
    pub fn want_segments(&mut self, wanted: bool) {
        self.shards.iter_mut().for_each(|shard| shard.want_segments(wanted));
    }

    /// Goes by other limits from now on; those of fragments stay. Who holds more than it may now gives way as soon as more comes.
    pub fn limit(&mut self, limits: &Limits) {
        self.shards.iter_mut().for_each(|shard| shard.limit(limits));
    }

    /// The counts of packets so far.
    #[must_use]
    pub const fn packets(&self) -> &Stage {
        &self.decoder.packets
    }

    /// The counts so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        summary.add_decoder(&self.decoder);
        self.shards.iter().for_each(|shard| summary.add(shard));
        summary
    }

    /// Places in the queues of time-outs, over all shards: a small multiple of the open connections.
    #[must_use]
    pub fn waiting_entries(&self) -> usize {
        self.shards.iter().map(Shard::waiting_entries).sum()
    }

    /// Memory held by connections now, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.shards.iter().map(Shard::held_bytes).sum()
    }

    /// Memory counted as held and counted anew, over all shards; see [`Shard::audit`].
    #[must_use]
    pub fn audit(&self) -> (usize, usize) {
        self.shards.iter().map(Shard::audit).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }
}
