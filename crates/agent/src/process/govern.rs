//! The main thread of the capture process: orders, load, counters.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arachne_content::redact::Key;
use arachne_delivery::instructions::HELD_BYTES_MIN;
use arachne_delivery::status::Stage;
use arachne_model::Ledger;

use super::meter::Meter;
use super::preview::Previews;
use super::probe;
use crate::channel::{Counters, Order, Report, Setup, of_interface};
use crate::edge::plan::Plan;
use crate::edge::pressure::{Governor, Load};
use crate::edge::sink::BodyCounts;
use crate::edge::thread::{Shared, Task, Told};
use crate::edge::worker::unix_now;
use crate::scope;

/// How often loads are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often counters are told.
const TELL: Duration = Duration::from_secs(1);
/// How far ahead is the instant from which on packets are another process'.
const HAND_OVER_NS: i64 = 50_000_000;

/// See the module.
pub struct Governing {
    setup: Setup,
    /// What is in force, to go back to.
    good: (Setup, Task),
    own_key: Key,
    shared: Arc<Shared>,
    governor: Governor,
    meter: Meter,
    /// Cores that the other processes of the agent use.
    beside: f64,
    previews: Previews,
    ring_bytes: u64,
    begun: Instant,
    told: Instant,
    /// A configuration that the threads have not all taken yet.
    pending: Option<u64>,
    generation: u64,
}

impl Governing {
    /// Governs the threads of `shared`, which begin with `setup`.
    #[must_use]
    pub fn new(
        setup: Setup,
        own_key: Key,
        shared: Arc<Shared>,
        ring_bytes: u64,
        previews: Previews,
        memory: Option<File>,
    ) -> Self {
        let now = Instant::now();
        Self {
            good: (setup.clone(), shared.task()),
            setup,
            own_key,
            governor: Governor::default(),
            meter: Meter::new(memory),
            beside: 0.0,
            previews,
            ring_bytes,
            begun: now,
            told: now,
            pending: None,
            generation: shared.task().plan.generation,
            shared,
        }
    }

    /// Runs until the order to end; `false` when a thread died before.
    pub fn run(&mut self, orders: &Receiver<Order>, threads: &[JoinHandle<()>]) -> bool {
        loop {
            match orders.recv_timeout(LOOK) {
                Ok(Order::Setup(setup)) => self.change(*setup),
                // It is for another process.
                Ok(Order::Collect(_)) => {}
                Ok(Order::Preview(preview)) => {
                    if let Some(refused) = self.previews.start(preview, &self.setup) {
                        self.shared.outlet.tell(Report::Preview(Box::new(refused)));
                    }
                }
                Ok(Order::Probe) => self.shared.outlet.tell(Report::Probed(probe::all(self.previews.socket()))),
                Ok(Order::HandOver) => {
                    // All that was read so far is older, in every thread.
                    let at = unix_now().saturating_add(HAND_OVER_NS);
                    self.shared.hand_over(at);
                    self.shared.outlet.tell(Report::HandsOver { at });
                    break;
                }
                Ok(Order::Beside { cores }) => self.beside = cores,
                // It does so already.
                Ok(Order::Begin { .. }) => {}
                Ok(Order::Finish) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if threads.iter().any(JoinHandle::is_finished) {
                self.shared.stop.store(true, Ordering::Release);
                return false;
            }
            self.look();
        }
        self.shared.stop.store(true, Ordering::Release);
        true
    }

    fn look(&mut self) {
        let told = self.shared.told();
        let load = self.load(&told);
        let now = i64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.shared.set_level(self.governor.update(now, load));
        self.settle(&told);
        if let Some(result) = self.previews.poll() {
            self.shared.outlet.tell(Report::Preview(Box::new(result)));
        }
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            self.tell_counters();
            let peers = self.shared.new_peers();
            if !peers.is_empty() {
                self.shared.outlet.tell(Report::Addresses(peers.into_iter().collect()));
            }
        }
    }

    fn load(&mut self, told: &[Told]) -> Load {
        let limits = &self.setup.config.limits;
        #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let minute = u64::from(limits.megabytes_per_minute).saturating_mul(1_000_000);
        Load {
            ring: told.iter().map(|told| told.fill).fold(0.0, f64::max),
            queue: self.shared.outlet.fill(),
            memory: self.meter.memory(limits.memory_bytes, u64::from(limits.threads) * HELD_BYTES_MIN),
            cpu: match limits.cpu_percent {
                0 => 0.0,
                percent => (self.meter.cores() + self.beside) * 100.0 / f64::from(percent),
            },
            volume: share(self.meter.in_this_minute(self.shared.outlet.handed_bytes()), minute),
        }
    }

    /// Another configuration: judged here, then taken by each thread when it looks.
    pub fn change(&mut self, setup: Setup) {
        let version = setup.config.version;
        match self.task_of(&setup) {
            Ok(task) => {
                self.setup = setup;
                self.pending = Some(version);
                self.shared.assign(task);
            }
            Err(why) => self.shared.outlet.tell(Report::Refused { version, why }),
        }
    }

    fn task_of(&mut self, setup: &Setup) -> Result<Task, String> {
        let told = |error: &dyn std::error::Error| arachne_telemetry::chain(error).to_string();
        self.generation += 1;
        let plan = Plan::of(setup, &self.own_key, self.generation).map_err(|error| told(&error))?;
        let program = scope::program(setup).map_err(|error| told(&error))?;
        Ok(Task { plan: Arc::new(plan), program: Arc::new(program) })
    }

    /// A configuration is in force when all threads have it; one that a thread cannot take is taken back everywhere.
    fn settle(&mut self, told: &[Told]) {
        let Some(version) = self.pending else { return };
        let refused = told.iter().filter_map(|told| told.refused.as_ref());
        if let Some((_, why)) = refused.into_iter().find(|(generation, _)| *generation == self.generation) {
            self.shared.outlet.tell(Report::Refused { version, why: why.clone() });
            self.pending = None;
            self.setup = self.good.0.clone();
            self.generation += 1;
            let plan = Plan { generation: self.generation, ..(*self.good.1.plan).clone() };
            self.shared.assign(Task { plan: Arc::new(plan), program: Arc::clone(&self.good.1.program) });
        } else if told.iter().all(|told| told.report.generation == self.generation) {
            self.pending = None;
            self.good = (self.setup.clone(), self.shared.task());
            self.shared.outlet.tell(Report::Applied { version });
        }
    }

    /// Tells how it goes.
    pub fn tell_counters(&self) {
        let told = self.shared.told();
        let mut counters = Counters {
            ring_bytes: self.ring_bytes,
            threads: u32::try_from(told.len()).unwrap_or(u32::MAX),
            pressure: self.governor.level(),
            gave_way: self.governor.taken(),
            ..Counters::default()
        };
        let mut ledger = Ledger::default();
        for told in &told {
            add(&mut counters, told);
            ledger.add(&told.report.ledger);
        }
        counters.bytes_lost = ledger.bytes_lost;
        stages(&mut counters, &ledger, &told);
        self.shared.outlet.tell(Report::Counters(Box::new(counters)));
    }
}

fn add(counters: &mut Counters, told: &Told) {
    let report = &told.report;
    counters.kernel_drops += report.kernel.drops;
    counters.newest_packet = counters.newest_packet.max(report.newest);
    for (interface, (packets, bytes)) in &report.interfaces {
        let sum = of_interface(&mut counters.interfaces, *interface);
        sum.0 += packets;
        sum.1 += bytes;
        counters.packets += packets;
        counters.bytes += bytes;
    }
    counters.packets += report.kernel.drops;
    counters.failed = counters.failed.take().or_else(|| told.failed.clone());
}

fn stages(counters: &mut Counters, ledger: &Ledger, told: &[Told]) {
    for (name, stage) in ledger.stages() {
        let dropped = stage.reasons().map(|(reason, count)| (reason.name().to_owned(), count)).collect();
        let stage = Stage { input: stage.input, output: stage.output, in_flight: stage.in_flight, dropped };
        counters.stages.insert(name.to_owned(), stage);
    }
    let sum = |count: fn(&Told) -> u64| told.iter().map(count).sum::<u64>();
    let not_kept = sum(|told| told.report.not_kept);
    if let Some(exchanges) = counters.stages.get_mut("exchanges").filter(|_| not_kept > 0) {
        exchanges.output = exchanges.output.saturating_sub(not_kept);
        exchanges.dropped.insert("not_kept".to_owned(), not_kept);
    }
    let named = |name: &str, count: u64| BTreeMap::from([(name.to_owned(), count)]).into_iter().filter(|(_, n)| *n > 0);
    let body = |count: fn(&BodyCounts) -> u64| told.iter().map(|told| count(&told.report.bodies)).sum::<u64>();
    let bodies = Stage {
        input: body(|bodies| bodies.wanted),
        output: body(|bodies| bodies.ended),
        in_flight: body(|bodies| bodies.open),
        dropped: named("pressure", body(|bodies| bodies.refused))
            .chain(named("memcap", body(|bodies| bodies.given_up)))
            .collect(),
    };
    counters.stages.insert("bodies".to_owned(), bodies);
    let rows = |at: usize| told.iter().map(|told| told.report.rows[at]).sum::<u64>();
    let records =
        Stage { input: rows(0), output: rows(1), in_flight: rows(3), dropped: named("queue_full", rows(2)).collect() };
    counters.stages.insert("records".to_owned(), records);
    let (passed, drops) = (sum(|told| told.report.kernel.packets), counters.kernel_drops);
    // Files have no kernel. What it passed and nobody has seen yet waits in the rings.
    if passed > 0 {
        let seen = counters.packets - drops;
        let in_flight = passed.saturating_sub(drops + seen);
        let kernel = Stage { input: passed, output: seen, in_flight, dropped: named("ring_full", drops).collect() };
        counters.stages.insert("kernel".to_owned(), kernel);
    }
    counters.gave_way.extend(named("shortened_bodies", sum(|told| told.report.bodies.shortened)));
}
