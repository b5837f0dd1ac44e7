//! A share of all connections, with its own table, limits and counts. Connections are spread over a fixed number of
//! shards by their key, so that results do not depend on how many threads carry them.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::ops::Range;

use arachne_model::{Anomaly, AnomalySet, CloseReason, DropReason, Exchange, Ledger, Limits, UnixNanos};
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::flow::FlowKey;
use crate::packet::{Segment, flag};
use crate::sink::Sink;
use crate::tcp::clock::Clock;
use crate::tcp::connection::{Connection, Stage};

/// Shards of an engine: also the most threads that can carry it.
pub const SHARDS: usize = 8;

/// Time-outs are looked at once in so much time.
const CHECK_NS: u64 = 100_000_000;

/// The queues of time-outs are tidied when they are longer than so much and the open connections.
const TIDY_FROM: usize = 1024;

/// What an entry of the table costs beside the connection.
const ENTRY_COST: usize = 16;

/// A slot and the incarnation of its connection.
type Handle = (u32, u32);

/// What connections of a shard share.
pub struct Shared {
    /// All caps.
    pub limits: Limits,
    /// The counts.
    pub ledger: Ledger,
    /// All flags of the shard.
    pub anomalies: AnomalySet,
    /// The position in time.
    pub now: UnixNanos,
    /// Bodies with a tap.
    pub open_bodies: usize,
    /// Whether reassembled bytes are wanted.
    pub streams: bool,
    /// Whether it is wanted which session each segment belongs to.
    pub segments: bool,
    /// Sides taken for hosts with checksum offload.
    pub offloaded_sides: u64,
    /// Segments cut by the snap length.
    pub truncated_packets: u64,
    current: u32,
    waiting: VecDeque<(Handle, UnixNanos)>,
}

impl Shared {
    /// Counts a segment as dropped with its payload.
    pub fn drop_segment(&mut self, reason: DropReason, bytes: u64) {
        self.drop_segments(reason, 1, bytes);
    }

    /// Counts segments as dropped with their payload.
    pub fn drop_segments(&mut self, reason: DropReason, segments: u64, bytes: u64) {
        self.ledger.segments.drop(reason, segments);
        self.ledger.bytes.drop(reason, bytes);
    }

    /// The current connection waits for acknowledged bytes from now on.
    pub fn wait(&mut self, generation: u32) {
        self.waiting.push_back(((self.current, generation), self.now));
    }
}

/// Connections in the order in which they entered a stage, or were last found alive.
#[derive(Default)]
struct Line {
    entries: VecDeque<(Handle, UnixNanos)>,
}

/// A share of all connections.
pub struct Shard {
    shared: Shared,
    hasher: FixedState,
    table: HashTable<u32>,
    slots: Vec<Option<Box<Connection>>>,
    free: Vec<u32>,
    generation: u32,
    half_open: Line,
    half_open_alive: usize,
    open: Line,
    closed: Line,
    clock: Clock,
    next_check: UnixNanos,
    held: usize,
    held_max: usize,
    high_water: usize,
}

impl Shard {
    /// An empty shard with its part of `limits`. `seed` keys the hash table: keys are chosen by strangers.
    #[must_use]
    pub fn new(limits: &Limits, seed: u64, streams: bool) -> Self {
        Self {
            shared: Shared {
                limits: limits.clone(),
                ledger: Ledger::default(),
                anomalies: AnomalySet::EMPTY,
                now: UnixNanos(i64::MIN),
                open_bodies: 0,
                streams,
                segments: false,
                offloaded_sides: 0,
                truncated_packets: 0,
                current: 0,
                waiting: VecDeque::new(),
            },
            hasher: FixedState::with_seed(seed),
            table: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            generation: 0,
            half_open: Line::default(),
            half_open_alive: 0,
            open: Line::default(),
            closed: Line::default(),
            clock: Clock::default(),
            next_check: UnixNanos(i64::MIN),
            held: 0,
            held_max: limits.held_bytes_max / SHARDS,
            high_water: 0,
        }
    }

    /// Tells the sink from now on which session each segment belongs to, if `wanted`.
    pub const fn want_segments(&mut self, wanted: bool) {
        self.shared.segments = wanted;
    }

    /// Goes by its part of other limits from now on.
    pub fn limit(&mut self, limits: &Limits) {
        self.shared.limits.clone_from(limits);
        self.held_max = limits.held_bytes_max / SHARDS;
    }

    /// Takes one segment.
    #[inline]
    pub fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        let now = self.clock.observe(segment.at);
        self.shared.now = now;
        if now >= self.next_check {
            self.expire(now, sink);
        }
        let hash = self.hasher.hash_one(segment.key);
        let slots = &self.slots;
        let found =
            self.table.find(hash, |slot| slots[*slot as usize].as_ref().is_some_and(|c| c.key == segment.key)).copied();
        let slot = match found {
            Some(slot) if self.slots[slot as usize].as_ref().is_some_and(|c| c.is_reused_by(segment)) => {
                self.close(slot, CloseReason::Reused, sink);
                self.open(segment, hash)
            }
            Some(slot) => slot,
            // A stray reset tells of a connection that was over before.
            None if segment.has(flag::RST) && !segment.has(flag::SYN) => {
                return self.refuse(segment, DropReason::AfterClose);
            }
            None => self.open(segment, hash),
        };
        self.shared.current = slot;
        let Some(connection) = &mut self.slots[slot as usize] else {
            return;
        };
        let stage = connection.stage;
        connection.segment(segment, &mut self.shared, sink);
        if self.shared.segments {
            sink.segment(connection.belongs(segment.side), segment);
        }
        let held = connection.held_bytes();
        self.held = self.held - connection.held + held;
        connection.held = held;
        if connection.stage != stage {
            self.half_open_alive -= usize::from(stage == Stage::HalfOpen);
            let (stage, entry) = (connection.stage, ((slot, connection.generation), now));
            self.line(stage).entries.push_back(entry);
            self.tidy();
        } else if self.shared.waiting.len() > TIDY_FROM {
            self.tidy();
        }
        if self.held > self.high_water {
            self.high_water = self.held;
            if self.held > self.held_max {
                self.evict(sink);
            }
        } else if self.held > self.held_max {
            self.evict(sink);
        }
    }

    /// The input is drained: no packet captured before `at` is on its way. Time goes on without packets, so that what is
    /// silent ends. `at` comes from the clock of the host that captures, by which packets are marked.
    ///
    /// Where that clock was set back by more than an hour, everything open is as if just heard of.
    pub fn at(&mut self, at: UnixNanos, sink: &mut dyn Sink) {
        if let Some(now) = self.clock.set_back(at) {
            self.set_back(now);
        }
        let now = self.clock.observe(at);
        self.shared.now = now;
        if now >= self.next_check {
            self.expire(now, sink);
        }
    }

    /// Calls `visit` with each exchange that is open and began in `started`, as it is now: without its end, and without
    /// what taps keep. Changes and counts nothing; costs a look at every connection.
    pub fn open_exchanges(&self, started: &Range<UnixNanos>, visit: &mut dyn FnMut(Exchange)) {
        let mut copy = |exchange: &Exchange| {
            if started.contains(&exchange.start) {
                visit(exchange.clone());
            }
        };
        self.slots.iter().flatten().for_each(|connection| connection.open_exchanges(&mut copy));
    }

    /// Counts a segment as dropped for `reason`; no connection hears of it.
    pub fn refuse(&mut self, segment: &Segment<'_>, reason: DropReason) {
        let ledger = &mut self.shared.ledger;
        ledger.segments.input += 1;
        ledger.bytes.input += segment.payload.len() as u64;
        self.shared.drop_segment(reason, segment.payload.len() as u64);
    }

    /// Payload bytes of both directions of the connection with this key, those sent again too; `None` when it is not open.
    #[must_use]
    pub fn payload_of(&self, key: &FlowKey) -> Option<u64> {
        let hash = self.hasher.hash_one(key);
        let slot = self.table.find(hash, |slot| self.slots[*slot as usize].as_ref().is_some_and(|c| c.key == *key))?;
        let connection = self.slots[*slot as usize].as_ref()?;
        Some(connection.sides.iter().map(|side| side.facts.bytes).sum())
    }

    /// The connections that are alive, as number of the session and slot.
    pub fn alive_sessions(&self) -> impl Iterator<Item = (u64, u32)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(slot, connection)| Some((connection.as_ref()?.number(), slot)))
    }

    /// The connection in a slot.
    #[must_use]
    pub(crate) fn connection(&self, slot: u32) -> Option<&Connection> {
        self.slots.get(slot as usize)?.as_deref()
    }

    /// Ends one connection, since the input is over.
    pub fn finish(&mut self, slot: u32, sink: &mut dyn Sink) {
        let reason = match self.slots.get(slot as usize).and_then(|c| c.as_ref()).map(|c| c.stage) {
            Some(Stage::HalfOpen) => CloseReason::HandshakeTimeout,
            Some(_) => CloseReason::InputEnd,
            None => return,
        };
        self.close(slot, reason, sink);
    }

    /// The counts.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Memory held now, in bytes.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.held
    }

    /// Most memory held so far, in bytes.
    #[must_use]
    pub const fn held_bytes_max(&self) -> usize {
        self.high_water
    }

    /// Places in the queues of time-outs.
    #[must_use]
    pub fn waiting_entries(&self) -> usize {
        let lines = [&self.half_open, &self.open, &self.closed];
        self.shared.waiting.len() + lines.into_iter().map(|line| line.entries.len()).sum::<usize>()
    }

    /// Memory counted as held, and the same counted anew from what is there: equal unless there is a bug.
    #[must_use]
    pub fn audit(&self) -> (usize, usize) {
        let counted = self.slots.iter().flatten().map(|c| c.held_bytes() + ENTRY_COST).sum();
        (self.held, counted)
    }

    fn open(&mut self, segment: &Segment<'_>, hash: u64) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        let mut connection = Box::new(Connection::new(segment, self.generation, self.shared.now));
        connection.held = connection.held_bytes();
        self.held += connection.held + ENTRY_COST;
        self.half_open_alive += 1;
        self.shared.ledger.sessions.input += 1;
        self.shared.ledger.sessions.in_flight += 1;
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(connection);
            slot
        } else {
            self.slots.push(Some(connection));
            u32::try_from(self.slots.len() - 1).expect("the memory limit allows far fewer than 2^32 connections")
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.table
            .insert_unique(hash, slot, |slot| slots[*slot as usize].as_ref().map_or(0, |c| hasher.hash_one(c.key)));
        self.half_open.entries.push_back(((slot, self.generation), self.shared.now));
        self.tidy();
        slot
    }

    fn close(&mut self, slot: u32, reason: CloseReason, sink: &mut dyn Sink) {
        let Some(key) = self.slots[slot as usize].as_ref().map(|c| c.key) else {
            return;
        };
        if let Ok(entry) = self.table.find_entry(self.hasher.hash_one(key), |found| *found == slot) {
            entry.remove();
        }
        let Some(connection) = self.slots[slot as usize].take() else {
            return;
        };
        self.free.push(slot);
        self.half_open_alive -= usize::from(connection.stage == Stage::HalfOpen);
        self.held -= connection.held + ENTRY_COST;
        self.shared.current = slot;
        self.shared.ledger.sessions.in_flight -= 1;
        self.shared.ledger.sessions.output += 1;
        connection.finish(reason, &mut self.shared, sink);
    }

    fn alive(&self, (slot, generation): Handle) -> Option<&Connection> {
        self.slots[slot as usize].as_deref().filter(|c| c.generation == generation)
    }

    #[cold]
    fn expire(&mut self, now: UnixNanos, sink: &mut dyn Sink) {
        self.next_check = now.plus(CHECK_NS);
        while let Some((handle, since)) = self.shared.waiting.front().copied() {
            if now.since(since) < self.shared.limits.gap_wait_ns {
                break;
            }
            self.shared.waiting.pop_front();
            self.give_up(handle, since, sink);
        }
        let limits = &self.shared.limits;
        let (half_open_ns, idle_ns, closed_ns) = (limits.half_open_ns, limits.idle_ns, limits.closed_ns);
        self.expire_line(Stage::HalfOpen, half_open_ns, CloseReason::HandshakeTimeout, now, sink);
        self.expire_line(Stage::Closed, closed_ns, CloseReason::Fin, now, sink);
        self.expire_line(Stage::Open, idle_ns, CloseReason::IdleTimeout, now, sink);
    }

    #[cold]
    fn set_back(&mut self, now: UnixNanos) {
        self.next_check = now;
        for connection in self.slots.iter_mut().flatten() {
            connection.touched = connection.touched.min(now);
            connection.lacking_since = connection.lacking_since.map(|since| since.min(now));
        }
        let lines = [&mut self.half_open.entries, &mut self.open.entries, &mut self.closed.entries];
        for (_, since) in lines.into_iter().flatten().chain(&mut self.shared.waiting) {
            *since = (*since).min(now);
        }
    }

    fn give_up(&mut self, (slot, generation): Handle, since: UnixNanos, sink: &mut dyn Sink) {
        let Some(connection) = self.slots[slot as usize].as_deref_mut() else {
            return;
        };
        if connection.generation != generation || connection.lacking_since != Some(since) {
            return;
        }
        self.shared.current = slot;
        connection.give_up(&mut self.shared, sink);
        let held = connection.held_bytes();
        self.held = self.held - connection.held + held;
        connection.held = held;
    }

    /// What is over by now leaves the queues, whoever stands before it: they hold a small multiple of what is open.
    fn tidy(&mut self) {
        let lines = [&self.half_open, &self.open, &self.closed];
        let waiting = self.shared.waiting.len() + lines.into_iter().map(|line| line.entries.len()).sum::<usize>();
        if waiting <= 4 * self.table.len() + TIDY_FROM {
            return;
        }
        for stage in [Stage::HalfOpen, Stage::Open, Stage::Closed] {
            let mut entries = std::mem::take(&mut self.line(stage).entries);
            entries.retain(|(handle, _)| self.alive(*handle).is_some_and(|c| c.stage == stage));
            self.line(stage).entries = entries;
        }
        let mut waiting = std::mem::take(&mut self.shared.waiting);
        waiting.retain(|(handle, since)| self.alive(*handle).is_some_and(|c| c.lacking_since == Some(*since)));
        self.shared.waiting = waiting;
    }

    fn line(&mut self, stage: Stage) -> &mut Line {
        match stage {
            Stage::HalfOpen => &mut self.half_open,
            Stage::Open => &mut self.open,
            Stage::Closed => &mut self.closed,
        }
    }

    fn expire_line(&mut self, stage: Stage, after: u64, reason: CloseReason, now: UnixNanos, sink: &mut dyn Sink) {
        while let Some((handle, since)) = self.line(stage).entries.front().copied() {
            let state = self.alive(handle).filter(|c| c.stage == stage).map(|c| now.since(c.touched) >= after);
            if state.is_some() && now.since(since) < after {
                break;
            }
            self.line(stage).entries.pop_front();
            match state {
                None => {}
                Some(true) => self.close(handle.0, reason, sink),
                // It was heard of meanwhile: asked again after another time-out.
                Some(false) => self.line(stage).entries.push_back((handle, now)),
            }
        }
    }

    /// Law 3: closed connections go first, then half-open ones where they are many (a flood), then those that are silent
    /// for longest. A few half-open ones are connections that just begin, and go last.
    #[cold]
    fn evict(&mut self, sink: &mut dyn Sink) {
        self.shared.anomalies.insert(Anomaly::Memcap);
        let alive = self.slots.len() - self.free.len();
        let order = if self.half_open_alive > alive / 8 {
            [Stage::Closed, Stage::HalfOpen, Stage::Open]
        } else {
            [Stage::Closed, Stage::Open, Stage::HalfOpen]
        };
        for stage in order {
            // Twice around at most: whoever was heard of since its entry gets a second chance once.
            let mut chances = self.line(stage).entries.len();
            while self.held > self.held_max {
                let Some((handle, since)) = self.line(stage).entries.pop_front() else {
                    break;
                };
                let Some(touched) = self.alive(handle).filter(|c| c.stage == stage).map(|c| c.touched) else {
                    continue;
                };
                if touched > since && chances > 0 && stage == Stage::Open {
                    chances -= 1;
                    self.line(stage).entries.push_back((handle, touched));
                    continue;
                }
                if let Some(connection) = &mut self.slots[handle.0 as usize] {
                    connection.mark(Anomaly::Memcap);
                }
                self.close(handle.0, CloseReason::Evicted, sink);
            }
        }
    }
}
