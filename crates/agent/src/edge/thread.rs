//! What a capture thread shares with the rest of its process, and its loop.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arachne_capture::interface::filter::Program;
use arachne_capture::interface::{LiveCapture, Turn};
use arachne_delivery::status::Pressure;

use super::file::FileSource;
use super::outlet::Outlet;
use super::plan::Plan;
use super::pressure::LEVELS;
use super::relay::{NEVER, Relay};
use super::worker::{KernelCounts, LOOK, Worker, WorkerReport};

/// How long a thread waits for packets.
const POLL: Duration = Duration::from_millis(50);
/// How long where another process goes on.
const SHORT: Duration = Duration::from_millis(5);
/// How long what is in the ring is still read after the order to end.
const LAST_PACKETS: Duration = Duration::from_secs(2);

/// What threads are to do.
#[derive(Clone)]
pub struct Task {
    /// How rows are made.
    pub plan: Arc<Plan>,
    /// What the kernel passes.
    pub program: Arc<Program>,
}

/// Shared by all threads of the process.
pub struct Shared {
    /// The way out.
    pub outlet: Outlet,
    /// Asks all to end.
    pub stop: Arc<AtomicBool>,
    level: AtomicUsize,
    generation: AtomicU64,
    /// Packets from this instant on are another process'.
    until: AtomicI64,
    task: Mutex<Task>,
    threads: Vec<Mutex<Told>>,
    peers: Mutex<BTreeSet<IpAddr>>,
}

/// What a thread tells.
#[derive(Clone, Default)]
pub struct Told {
    /// How it is.
    pub report: WorkerReport,
    /// How full its ring is.
    pub fill: f64,
    /// Why it does not do what it is asked, and since which generation.
    pub refused: Option<(u64, String)>,
    /// Why it ended.
    pub failed: Option<String>,
}

impl Shared {
    /// For `threads` threads that begin with `task`.
    #[must_use]
    pub fn new(task: Task, threads: usize, stop: Arc<AtomicBool>) -> Self {
        Self {
            outlet: Outlet::default(),
            stop,
            level: AtomicUsize::new(0),
            generation: AtomicU64::new(task.plan.generation),
            until: AtomicI64::new(NEVER),
            task: Mutex::new(task),
            threads: (0..threads).map(|_| Mutex::default()).collect(),
            peers: Mutex::default(),
        }
    }

    /// What gives way.
    #[must_use]
    pub fn level(&self) -> Pressure {
        LEVELS.get(self.level.load(Ordering::Relaxed)).copied().unwrap_or_default()
    }

    /// Sets what gives way.
    pub fn set_level(&self, level: Pressure) {
        let at = LEVELS.iter().position(|l| *l == level).unwrap_or(0);
        self.level.store(at, Ordering::Relaxed);
    }

    /// Packets from `at` on, an instant that is not over, are another process'. Those before are read to the end.
    pub fn hand_over(&self, at: i64) {
        self.until.store(at, Ordering::Release);
    }

    fn until(&self) -> i64 {
        self.until.load(Ordering::Acquire)
    }

    /// Gives all threads another task.
    pub fn assign(&self, task: Task) {
        let generation = task.plan.generation;
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = task;
        self.generation.store(generation, Ordering::Release);
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> Task {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What all threads tell.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.threads.iter().map(|told| told.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }

    /// Addresses of those that talk and were not told yet.
    #[must_use]
    pub fn new_peers(&self) -> BTreeSet<IpAddr> {
        std::mem::take(&mut *self.peers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, thread: usize, change: impl FnOnce(&mut Told)) {
        if let Some(told) = self.threads.get(thread) {
            change(&mut told.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Where the packets of a thread come from.
pub enum Source {
    /// A ring.
    Live(LiveCapture),
    /// A file.
    File(Box<FileSource>),
}

/// One thread until it is told to end or its source does.
pub struct Thread {
    /// Its number.
    pub number: usize,
    /// Its source.
    pub source: Source,
    /// Its pipeline.
    pub worker: Worker,
    /// Which packets of its ring are its own.
    pub relay: Relay,
    /// What the kernel counted of them.
    pub kernel: KernelCounts,
    /// What it shares.
    pub shared: Arc<Shared>,
}

impl Thread {
    /// Runs it.
    pub fn run(mut self) {
        let mut looked = Instant::now();
        let mut ends: Option<Instant> = None;
        loop {
            let more = self.turn();
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look();
            }
            if self.shared.stop.load(Ordering::Acquire) {
                let end = *ends.get_or_insert_with(|| Instant::now() + LAST_PACKETS);
                let is_read = if self.shared.until() == NEVER { more != More::Now } else { self.relay.is_over() };
                if is_read || more == More::Never || Instant::now() >= end {
                    break;
                }
            } else if more == More::Never {
                // What a file held is kept in sight until all end together.
                std::thread::sleep(LOOK);
            }
        }
        self.look();
        let until = self.shared.until();
        if until != NEVER {
            self.worker.leave(self.kernel.drops, (!self.relay.is_over()).then_some(until));
        }
        let report = self.worker.finish(&self.shared.outlet);
        self.shared.tell(self.number, |told| told.report = report);
    }

    fn turn(&mut self) -> More {
        let outcome = match &mut self.source {
            Source::Live(capture) => turn_live(capture, &mut self.worker, &mut self.relay, &self.shared),
            Source::File(file) => match file.turn(&mut self.worker) {
                Ok(true) => Ok(More::Later),
                Ok(false) => Ok(More::Never),
                Err(error) => Err(arachne_telemetry::chain(&error).to_string()),
            },
        };
        self.worker.hand_over(&self.shared.outlet);
        outcome.unwrap_or_else(|why| {
            self.shared.tell(self.number, |told| told.failed = Some(why));
            More::Never
        })
    }

    /// Looks what is asked, and tells how it goes.
    fn look(&mut self) {
        let fill = match &mut self.source {
            Source::Live(capture) => {
                let counters = capture.counters().unwrap_or_default();
                // What the kernel does not tell for once does not go back.
                self.kernel.drops = self.kernel.drops.max(counters.drops);
                if self.relay.is_alone(self.shared.until()) {
                    let own = counters.packets.saturating_sub(self.relay.ignored());
                    self.kernel.packets = self.kernel.packets.max(own);
                }
                capture.fill()
            }
            Source::File(_) => 0.0,
        };
        self.worker.look(self.shared.level(), self.kernel, &self.shared.outlet);
        let peers = self.worker.new_peers();
        if !peers.is_empty() {
            self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).extend(peers);
        }
        let mut report = self.worker.report();
        if report.generation != self.shared.generation.load(Ordering::Acquire) {
            self.adopt();
            report = self.worker.report();
        }
        self.shared.tell(self.number, |told| {
            told.report = report;
            told.fill = fill;
        });
    }

    fn adopt(&mut self) {
        let task = self.shared.task();
        if let Source::Live(capture) = &self.source
            && let Err(error) = capture.set_filter(&task.program)
        {
            let why = arachne_telemetry::chain(&error).to_string();
            let generation = task.plan.generation;
            self.shared.tell(self.number, |told| told.refused = Some((generation, why)));
            return;
        }
        self.worker.adopt(&task.plan);
    }
}

/// Whether more packets are to be had.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    Now,
    Later,
    Never,
}

fn turn_live(
    capture: &mut LiveCapture,
    worker: &mut Worker,
    relay: &mut Relay,
    shared: &Shared,
) -> Result<More, String> {
    // Before the look at the ring: an instant that is named later lies behind all that is in it.
    let until = shared.until();
    let patience = match (until, shared.stop.load(Ordering::Acquire)) {
        (NEVER, true) => Duration::ZERO,
        (NEVER, false) => POLL,
        // Shorter than a block is filled for, so that the end of the ring is seen.
        _ => SHORT,
    };
    match capture.poll(patience) {
        Ok(Turn::Block(mut block)) => {
            while let Some(packet) = block.next_packet() {
                if !relay.is_ours(packet.packet.timestamp.0, until) {
                    continue;
                }
                worker.packet(&packet.packet, packet.interface, packet.wire_bytes);
            }
            Ok(More::Now)
        }
        Ok(Turn::Drained(at)) => {
            relay.drained(at.0, until);
            worker.drained(at);
            Ok(More::Later)
        }
        Err(error) => Err(arachne_telemetry::chain(&error).to_string()),
    }
}
