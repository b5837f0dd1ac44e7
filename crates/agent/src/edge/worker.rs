//! One capture thread: packets in, batches out. It never waits for anybody but its source.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use arachne_capture::rows::{Collector, NameKind, RowMaker};
use arachne_capture::{FrameBytes, Minutes, Packet};
use arachne_delivery::status::Pressure;
use arachne_model::table::Rows;
use arachne_model::{DropReason, Ledger, Limits, UnixNanos};
use arachne_wire::packet::datagram;
use arachne_wire::{Engine, Frame};

use super::batch::Batches;
use super::dns;
use super::gate;
use super::outlet::Outlet;
use super::peers::Peers;
use super::plan::Plan;
use super::quality::{self, Beside, Quality};
use super::sink::{BodyCounts, EdgeSink, Working};
use crate::channel::{FilePosition, of_interface};

/// How often a thread looks at what is asked of it and tells how it is.
pub const LOOK: Duration = Duration::from_millis(100);
/// An exchange that is open for so long is told as it is.
const OPEN_NS: i64 = 5_000_000_000;
/// How often open exchanges are looked for.
const OPEN_EVERY: Duration = Duration::from_secs(1);
/// How often all of them are told again: a store forgets what nobody tells any more, as after a process died.
const OPEN_AGAIN: Duration = Duration::from_secs(60);
/// What is lost is told so often, before its minute is over.
const LOST_EVERY: Duration = Duration::from_secs(5);
/// Port of the domain name system.
const DNS_PORT: u16 = 53;

/// What the kernel counted for the thread's source. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelCounts {
    /// Packets that passed the filter, dropped ones too.
    pub packets: u64,
    /// Packets dropped since the ring was full.
    pub drops: u64,
}

/// How a thread is.
#[derive(Clone, Debug, Default)]
pub struct WorkerReport {
    /// Counts of the stages.
    pub ledger: Ledger,
    /// Packets and bytes by interface.
    pub interfaces: BTreeMap<u32, (u64, u64)>,
    /// What the kernel counted.
    pub kernel: KernelCounts,
    /// What became of bodies.
    pub bodies: BodyCounts,
    /// Rows that were made, handed over, dropped for want of room, and that wait.
    pub rows: [u64; 4],
    /// Exchanges that the filter left out.
    pub not_kept: u64,
    /// Time of the newest packet.
    pub newest: Option<i64>,
    /// Generation of the plan in force.
    pub generation: u64,
}

/// See the module.
pub struct Worker {
    engine: Engine,
    sink: EdgeSink,
    batches: Batches,
    minutes: Minutes,
    /// Number of the next packet: each thread has its own numbers.
    number: u64,
    stride: u64,
    nesting_max: u32,
    before: Ledger,
    kernel: KernelCounts,
    quality: Quality,
    /// What was lost when that was last told, and when that was.
    lost_told: (u64, Instant),
    interfaces: BTreeMap<u32, (u64, u64)>,
    newest: Option<i64>,
    /// Up to which instant the source is drained.
    position: i64,
    /// Open exchanges that began before were told.
    told_until: UnixNanos,
    generation: u64,
    agent: String,
    open_looked: Instant,
    open_told: Instant,
}

impl Worker {
    /// The thread `thread` of `threads`.
    ///
    /// # Errors
    /// There is no memory to pack batches.
    pub fn new(
        plan: &Plan,
        limits: &Limits,
        thread: u64,
        threads: u64,
    ) -> Result<Self, arachne_delivery::codec::CodecError> {
        let maker = RowMaker::new(plan.rows.clone(), plan.redactor.clone(), plan.normaliser.clone());
        let collector = Collector::new(maker, plan.choice.clone());
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), thread);
        let mut engine = Engine::new(limits, seed, false);
        engine.want_segments(plan.choice.frames != FrameBytes::None);
        Ok(Self {
            engine,
            sink: EdgeSink::new(collector, plan.taps.clone(), Peers::new(plan.tell_addresses)),
            batches: Batches::new()?,
            minutes: Minutes::new(true),
            number: thread + 1,
            stride: threads,
            nesting_max: limits.nesting_max,
            before: Ledger::default(),
            kernel: KernelCounts::default(),
            quality: Quality::default(),
            lost_told: (0, Instant::now()),
            interfaces: BTreeMap::new(),
            newest: None,
            position: i64::MIN,
            told_until: UnixNanos(i64::MIN),
            generation: plan.generation,
            agent: plan.rows.agent.clone(),
            open_looked: Instant::now(),
            open_told: Instant::now(),
        })
    }

    /// A packet of `interface` that had `wire_bytes` on the wire.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>, interface: u32, wire_bytes: u32) {
        let counts = of_interface(&mut self.interfaces, interface);
        counts.0 += 1;
        counts.1 += u64::from(wire_bytes);
        self.newest = self.newest.max(Some(packet.timestamp.0));
        if let Some(over) = self.minutes.observe(packet.timestamp) {
            self.close_minute(over);
        }
        let frame = Frame {
            number: self.number,
            at: packet.timestamp,
            link_type: packet.link_type,
            original_length: packet.original_length,
            data: packet.data,
        };
        self.number += self.stride;
        let datagrams = self.engine.packets().dropped(DropReason::Udp);
        self.frame(&frame);
        if self.engine.packets().dropped(DropReason::Udp) != datagrams {
            self.names(&frame);
        }
    }

    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) {
        let level = self.sink.level;
        let sink = &mut Working { sink: &mut self.sink, frame: Some(frame) };
        if level >= Pressure::LargeFlows {
            self.engine.packet_through(frame, &mut |segment, seen| gate::refuse(level, segment, seen), sink);
        } else {
            self.engine.packet(frame, sink);
        }
    }

    fn names(&mut self, frame: &Frame<'_>) {
        if let Some(datagram) = datagram(frame, DNS_PORT, self.nesting_max) {
            for (address, name) in dns::names(datagram.payload) {
                self.sink.collector.maker.name((address, datagram.network), &name, NameKind::Dns, frame.at);
            }
        }
    }

    /// Everything that was captured before `at` has been looked at: state expires by it, and minutes end.
    pub fn drained(&mut self, at: UnixNanos) {
        if let Some(over) = self.minutes.set_back(at) {
            // The host's clock is another one: what was newest never comes again.
            self.close_minute(over);
            (self.newest, self.told_until) = (Some(at.0), at);
        }
        if let Some(over) = self.minutes.observe(at) {
            self.close_minute(over);
        }
        self.position = at.0;
        self.engine.at(at, &mut Working { sink: &mut self.sink, frame: None });
    }

    /// How far the file has been read that the packets come from.
    pub fn read_up_to(&mut self, position: FilePosition) {
        self.batches.position = Some(position);
    }

    /// What gives way from now on, and what the kernel counted.
    pub fn look(&mut self, level: Pressure, kernel: KernelCounts, outlet: &Outlet) {
        self.sink.level = level;
        self.kernel = kernel;
        self.look_for_open(Instant::now());
        self.look_for_losses(Instant::now());
        self.batches.look(&mut self.sink.collector, outlet, unix_now());
    }

    /// Addresses of those that talk and were not told yet.
    pub fn new_peers(&mut self) -> Vec<IpAddr> {
        self.sink.peers.take()
    }

    /// Batches that are full by now go out.
    #[inline]
    pub fn hand_over(&mut self, outlet: &Outlet) {
        if self.batches.is_full(&self.sink.collector) {
            self.batches.look(&mut self.sink.collector, outlet, unix_now());
        }
    }

    /// What was lost is on the quality line before the minute is over.
    fn look_for_losses(&mut self, now: Instant) {
        if let Some(minute) = self.minutes.current()
            && now.duration_since(self.lost_told.1) >= LOST_EVERY
            && self.lost() > self.lost_told.0
        {
            self.tell_quality(minute, false);
        }
    }

    fn beside(&self) -> Beside {
        let (bodies, [_, dropped, _]) = (self.sink.bodies(), self.batches.rows());
        Beside { kernel: self.kernel, bodies, made: self.sink.collector.made(), dropped }
    }

    /// All that was lost since the start, whatever it is counted in.
    fn lost(&self) -> u64 {
        let ledger = self.engine.summary().ledger;
        let stages = ledger.stages().into_iter().map(|(_, stage)| stage.own_losses()).sum::<u64>();
        stages + self.beside().lost()
    }

    fn look_for_open(&mut self, now: Instant) {
        if now.duration_since(self.open_looked) < OPEN_EVERY {
            return;
        }
        self.open_looked = now;
        if now.duration_since(self.open_told) >= OPEN_AGAIN {
            self.open_told = now;
            self.told_until = UnixNanos(i64::MIN);
        }
        self.tell_open();
        let hosts = self.sink.collector.maker.new_names();
        self.sink.collector.join(Rows { hosts, ..Rows::default() });
    }

    /// Each exchange that is open for long and was not told yet is told, as it is now.
    fn tell_open(&mut self) {
        let Some(newest) = self.newest else { return };
        let until = UnixNanos(newest.max(self.position).saturating_sub(OPEN_NS));
        if until > self.told_until {
            let collector = &mut self.sink.collector;
            self.engine.open_exchanges(&(self.told_until..until), &mut |exchange| collector.open_exchange(&exchange));
            self.told_until = until;
        }
    }

    /// Goes on by another plan.
    pub fn adopt(&mut self, plan: &Plan) {
        self.sink.collector.maker.reconfigure(plan.rows.clone(), plan.redactor.clone(), plan.normaliser.clone());
        self.sink.collector.choose(plan.choice.clone());
        self.sink.taps = plan.taps.clone();
        self.sink.peers.want(plan.tell_addresses);
        self.engine.want_segments(plan.choice.frames != FrameBytes::None);
        self.engine.limit(&plan.taps.limits);
        self.generation = plan.generation;
    }

    /// Another process goes on: the kernel dropped `drops` of the packets of this one. What is open is cut here, which is told: its
    /// other half is what the next process sees. `unread`: there was no time to look at all that was captured before this instant.
    pub fn leave(&mut self, drops: u64, unread: Option<i64>) {
        let seen: u64 = self.interfaces.values().map(|(packets, _)| packets).sum();
        self.kernel = KernelCounts { packets: seen + drops, drops };
        let Some(minute) = self.minutes.current() else { return };
        let cut = self.engine.summary().ledger.exchanges.in_flight;
        let unknown =
            unread.zip(self.newest).map_or(0, |(until, newest)| until.saturating_sub(newest).max(0).unsigned_abs());
        let quality = quality::replaced(minute, cut, unknown, &self.agent);
        self.sink.collector.join(Rows { quality, ..Rows::default() });
    }

    /// The source is over: everything open is told, and everything is handed over.
    pub fn finish(mut self, outlet: &Outlet) -> WorkerReport {
        self.engine.finish(&mut Working { sink: &mut self.sink, frame: None });
        if let Some(start) = self.minutes.current() {
            self.close_minute(start);
        }
        let hosts = self.sink.collector.maker.new_names();
        self.sink.collector.join(Rows { hosts, ..Rows::default() });
        self.batches.finish(&mut self.sink.collector, outlet, unix_now());
        self.report()
    }

    fn close_minute(&mut self, start: UnixNanos) {
        self.tell_quality(start, true);
    }

    fn tell_quality(&mut self, start: UnixNanos, over: bool) {
        self.lost_told = (self.lost(), Instant::now());
        let (now, beside) = (self.engine.summary().ledger, self.beside());
        let since = now.since(&self.before);
        if over {
            self.sink.collector.minute(start, &since);
        } else {
            self.sink.collector.part_of_minute(start, &since);
        }
        self.before = now;
        let quality = self.quality.rows(start, beside, over, &self.agent);
        self.sink.collector.join(Rows { quality, ..Rows::default() });
    }

    /// How it is.
    #[must_use]
    pub fn report(&self) -> WorkerReport {
        let summary = self.engine.summary();
        let [handed, dropped, waiting] = self.batches.rows();
        let pending = self.sink.collector.rows().len() as u64;
        WorkerReport {
            ledger: summary.ledger,
            interfaces: self.interfaces.clone(),
            kernel: self.kernel,
            bodies: self.sink.bodies(),
            rows: [self.sink.collector.made(), handed, dropped, waiting + pending],
            not_kept: self.sink.collector.tally().not_kept,
            newest: self.newest,
            generation: self.generation,
        }
    }
}

/// The host's clock.
#[must_use]
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(super) mod tests;
