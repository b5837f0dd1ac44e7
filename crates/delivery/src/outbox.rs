//! When which batch goes to the server: lanes, retries, limits, the circuit breaker.
//!
//! A pure state machine: time comes in as nanoseconds of a clock that never steps back, what happens goes in as
//! [`Answer`], what to do comes out as [`Next`]. At most one batch of a lane is under way, so that the order within it
//! holds; the lanes go beside each other, and the live one first.

use std::time::Duration;

use crate::breaker::Breaker;
use crate::proto::Lane;
use crate::random::Random;
use crate::status;

/// Batches that the live lane may hold; the next goes to the backlog.
const LIVE_BATCHES_MAX: u64 = 64;
/// Age of the next live batch at which new ones go to the backlog, and at which the backlog waits for live ones.
const LIVE_AGE_MAX: Duration = Duration::from_secs(20);
const LIVE_AGE_FIRST: Duration = Duration::from_secs(2);

/// The first wait after a failure; it doubles with each further one. Each wait is spread over half to one and a half of it,
/// so that agents do not come back together.
const RETRY_MIN: Duration = Duration::from_millis(500);
/// The longest, so that a server that is back is used within 30 s.
const RETRY_MAX: Duration = Duration::from_secs(16);
/// After the key was refused: somebody has to act.
const RETRY_KEY: Duration = Duration::from_secs(60);
/// After the server said that its disk is full.
const RETRY_FULL: Duration = Duration::from_secs(10);
/// What a server may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// How much of what was not sent may go at once: all of a minute, so that a body does not hold up what comes behind it.
const BURST: Duration = Duration::from_secs(60);

/// What waits in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneView {
    /// Batches.
    pub batches: u64,
    /// Bytes of the next one.
    pub front_bytes: u64,
    /// Age of the next one.
    pub front_age: Duration,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send the next batch of this lane; its [`Answer`] must come.
    Send(Lane),
    /// Nothing until something happens, or until this instant.
    Wait(Option<u64>),
}

/// What became of a batch that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The server has it, durably.
    Taken {
        /// Whether it had it before.
        seen_before: bool,
    },
    /// The server will never take it: a problem (400, 413) with the code `bad-batch` or `too-large`.
    Refused {
        /// What it says.
        why: String,
    },
    /// The server does not take it now (429, 503).
    Later {
        /// When to ask again, where it says so.
        after: Option<Duration>,
        /// What it says.
        why: String,
    },
    /// The server has no room (507).
    Full {
        /// What it says.
        why: String,
    },
    /// The key is not, or no longer, good (401, 403).
    Key {
        /// What it says.
        why: String,
    },
    /// No answer, or none that can be understood.
    Failed {
        /// What happened.
        why: String,
    },
}

/// What to do with a batch after its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is over: the server has it.
    Delivered,
    /// It is over: the server does not want it.
    Refused,
    /// It stays, and goes again.
    Again,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    sent: u64,
    age: Duration,
}

/// The state machine.
#[derive(Debug)]
pub struct Outbox {
    random: Random,
    breaker: Breaker,
    flights: [Option<Flight>; 2],
    /// Failures one after the other.
    failures: u32,
    not_before: u64,
    bytes_per_minute: u64,
    /// When the bytes sent so far are paid for.
    paid_at: u64,
    live_lag: Duration,
    /// Whether the key is refused.
    key_refused: bool,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Outbox {
    /// A new one. `seed` spreads the retries of agents; it should be random.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            breaker: Breaker::default(),
            flights: [None; 2],
            failures: 0,
            not_before: 0,
            bytes_per_minute: 0,
            paid_at: 0,
            live_lag: Duration::ZERO,
            key_refused: false,
        }
    }

    /// Limits what is sent; 0 is no limit. A batch is never cut: what is sent is paid for before the next goes.
    pub const fn set_limit(&mut self, megabytes_per_minute: u32) {
        self.bytes_per_minute = megabytes_per_minute as u64 * 1_000_000;
    }

    /// The lane of a new batch: live while the server answers and what is live is short. It never changes.
    #[must_use]
    pub fn lane(&self, live: &LaneView) -> Lane {
        let short = live.batches < LIVE_BATCHES_MAX && live.front_age < LIVE_AGE_MAX;
        if short && self.failures == 0 && !self.key_refused { Lane::Live } else { Lane::Backlog }
    }

    /// What to do now. Call it after everything that happens, until it says to wait.
    pub fn next(&mut self, now: u64, lanes: &[LaneView; 2]) -> Next {
        let free = |lane: Lane| lanes[lane.index()].batches > 0 && self.flights[lane.index()].is_none();
        let live = &lanes[Lane::Live.index()];
        // The server gets all of what is live before it gets more of what is late.
        let live_waits = live.batches > 1 && live.front_age > LIVE_AGE_FIRST;
        let lane = match (free(Lane::Live), free(Lane::Backlog)) {
            (true, _) => Lane::Live,
            (false, true) if !live_waits => Lane::Backlog,
            _ => return Next::Wait(None),
        };
        // While it is not known whether the server is back, one batch finds out.
        if self.failures > 0 && self.flights.iter().any(Option::is_some) {
            return Next::Wait(None);
        }
        let at = self.not_before.max(if self.bytes_per_minute > 0 { self.paid_at } else { 0 });
        if now < at {
            return Next::Wait(Some(at));
        }
        let view = &lanes[lane.index()];
        self.flights[lane.index()] = Some(Flight { sent: now, age: view.front_age });
        self.pay(now, view.front_bytes);
        self.breaker.called();
        Next::Send(lane)
    }

    fn pay(&mut self, now: u64, bytes: u64) {
        let minute = u128::from(nanos(Duration::from_secs(60)));
        if let Some(cost) = (u128::from(bytes) * minute).checked_div(u128::from(self.bytes_per_minute)) {
            let from = self.paid_at.max(now.saturating_sub(nanos(BURST)));
            self.paid_at = from.saturating_add(u64::try_from(cost).unwrap_or(u64::MAX));
        }
    }

    /// Takes what became of the batch under way in a lane. `None` when there is none, as of an answer that comes twice.
    pub fn answered(&mut self, now: u64, lane: Lane, answer: Answer) -> Option<Verdict> {
        let flight = self.flights[lane.index()].take()?;
        let latency = Duration::from_nanos(now.saturating_sub(flight.sent));
        if lane == Lane::Live && matches!(answer, Answer::Taken { .. }) {
            self.live_lag = flight.age + latency;
        }
        let verdict = match answer {
            Answer::Taken { .. } => {
                self.alive(latency);
                Verdict::Delivered
            }
            Answer::Refused { .. } => {
                self.alive(latency);
                Verdict::Refused
            }
            Answer::Later { after, why } => {
                self.wait(now, latency, why, after.unwrap_or_default().min(RETRY_AFTER_MAX))
            }
            Answer::Full { why } => self.wait(now, latency, why, RETRY_FULL),
            Answer::Failed { why } => self.wait(now, latency, why, Duration::ZERO),
            Answer::Key { why } => {
                self.key_refused = true;
                self.wait(now, latency, why, RETRY_KEY)
            }
        };
        Some(verdict)
    }

    /// Takes back [`Next::Send`]: there was nothing to send.
    pub const fn not_sent(&mut self, lane: Lane) {
        self.flights[lane.index()] = None;
        self.breaker.not_called();
    }

    fn alive(&mut self, latency: Duration) {
        self.failures = 0;
        self.key_refused = false;
        self.breaker.succeeded(latency);
    }

    /// Waits for longer with each failure, but at least `least`.
    fn wait(&mut self, now: u64, took: Duration, why: String, least: Duration) -> Verdict {
        let doubled = RETRY_MIN.saturating_mul(1 << self.failures.min(16)).min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        let spread = nanos(doubled / 2) + self.random.below(nanos(doubled));
        let least = nanos(least);
        // What the server asks for is kept, and spread upwards by a tenth.
        let asked = if least > 0 { least + self.random.below(least / 10 + 1) } else { 0 };
        self.not_before = now.saturating_add(spread.max(asked)).max(self.not_before);
        self.breaker.failed(why, took);
        Verdict::Again
    }

    /// The circuit breaker round the server.
    #[must_use]
    pub fn breaker(&self) -> status::Breaker {
        let probing = self.flights.iter().any(Option::is_some);
        self.breaker.status("server", probing)
    }

    /// Age of the last live batch when it was delivered.
    #[must_use]
    pub const fn live_lag(&self) -> Duration {
        self.live_lag
    }
}

#[cfg(test)]
mod tests;
