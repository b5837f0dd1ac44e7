//! A circuit breaker's state and figures, without a clock.

use std::collections::VecDeque;
use std::time::Duration;

use crate::status::{self, BreakerState};

/// Failures one after the other that open it.
const OPENS_AFTER: u32 = 3;
/// A call that was waited for in vain for so long opens it alone.
const IN_VAIN: Duration = Duration::from_secs(4);
/// Calls that shares and medians are told of.
const LAST: usize = 32;

/// Counts the calls of a remote dependency. Whoever calls decides when to try again.
#[derive(Debug, Default)]
pub struct Breaker {
    opened: u64,
    calls: u64,
    failures: u64,
    /// Failures one after the other, those in vain for as many as open it.
    in_a_row: u32,
    /// Of the last calls: how long they took, `None` of those that failed.
    last: VecDeque<Option<Duration>>,
    error: Option<String>,
}

impl Breaker {
    /// A call begins.
    pub const fn called(&mut self) {
        self.calls += 1;
    }

    /// It was none.
    pub const fn not_called(&mut self) {
        self.calls -= 1;
    }

    /// A call was answered after `latency`.
    pub fn succeeded(&mut self, latency: Duration) {
        self.in_a_row = 0;
        self.push(Some(latency));
    }

    /// A call was not answered, for `why`. `took`: how long it was waited for.
    pub fn failed(&mut self, why: String, took: Duration) {
        self.failures += 1;
        let before = self.in_a_row;
        self.in_a_row = before.saturating_add(if took < IN_VAIN { 1 } else { OPENS_AFTER });
        self.opened += u64::from(before < OPENS_AFTER && self.in_a_row >= OPENS_AFTER);
        self.error = Some(why);
        self.push(None);
    }

    fn push(&mut self, call: Option<Duration>) {
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(call);
    }

    /// Whether it is open: nothing is to be called but by one that tries, now and then.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.in_a_row >= OPENS_AFTER
    }

    /// What is told of it; `probing`: one call tries.
    #[must_use]
    pub fn status(&self, name: &str, probing: bool) -> status::Breaker {
        let state = match self.in_a_row {
            0..OPENS_AFTER => BreakerState::Closed,
            _ if probing => BreakerState::HalfOpen,
            _ => BreakerState::Open,
        };
        let mut latencies: Vec<Duration> = self.last.iter().copied().flatten().collect();
        latencies.sort_unstable();
        let median = latencies.get(latencies.len() / 2).copied().unwrap_or_default();
        let failed = self.last.len() - latencies.len();
        status::Breaker {
            name: name.to_owned(),
            state,
            opened: self.opened,
            calls: self.calls,
            failures: self.failures,
            error_share: failed as f64 / self.last.len().max(1) as f64,
            latency_ns: u64::try_from(median.as_nanos()).unwrap_or(u64::MAX),
            error: self.error.clone(),
        }
    }
}
