//! How far the server's clock is from ours.
//!
//! From the four instants of a question and its answer, as in NTP: the error is at most half of the round trip, so the
//! shortest of the last ones counts. A sample that contradicts it means that a clock was set: what was before is forgotten.
//!
//! Source: RFC 5905, section 8.

use std::collections::VecDeque;

/// Samples that are kept.
const SAMPLES: usize = 16;
/// How far two clocks may drift apart while these are taken, in nanoseconds.
const DRIFT: i64 = 5_000_000;

/// The instants of a question and its answer, nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Our clock when we asked.
    pub sent: i64,
    /// The server's when the question came.
    pub received: i64,
    /// The server's when it answered.
    pub answered: i64,
    /// Ours when the answer came.
    pub arrived: i64,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    offset: i64,
    round_trip: i64,
}

impl Exchange {
    /// `None` when a clock was set meanwhile, or the server's instants make no sense.
    fn sample(&self) -> Option<Sample> {
        let there = self.answered.checked_sub(self.received)?;
        let here = self.arrived.checked_sub(self.sent)?;
        let round_trip = here.checked_sub(there)?;
        let twice =
            i128::from(self.received) - i128::from(self.sent) + i128::from(self.answered) - i128::from(self.arrived);
        let sense = there >= 0 && here >= 0 && round_trip >= 0;
        sense.then_some(Sample { offset: i64::try_from(twice / 2).ok()?, round_trip })
    }
}

/// The last samples.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    samples: VecDeque<Sample>,
}

impl Clock {
    /// Takes a further answer.
    pub fn add(&mut self, exchange: &Exchange) {
        let Some(sample) = exchange.sample() else {
            self.samples.clear();
            return;
        };
        if self.best().is_some_and(|best| contradict(&best, &sample)) {
            self.samples.clear();
        }
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The server's clock less ours, in nanoseconds.
    #[must_use]
    pub fn offset_ns(&self) -> Option<i64> {
        self.best().map(|sample| sample.offset)
    }

    /// Round trip of the last answer, in nanoseconds.
    #[must_use]
    pub fn round_trip_ns(&self) -> Option<u64> {
        self.samples.back().map(|sample| sample.round_trip.unsigned_abs())
    }

    fn best(&self) -> Option<Sample> {
        self.samples.iter().min_by_key(|sample| sample.round_trip).copied()
    }
}

/// Whether two samples cannot both be right.
fn contradict(a: &Sample, b: &Sample) -> bool {
    let apart = i128::from(a.offset) - i128::from(b.offset);
    apart.abs() > i128::from(a.round_trip) / 2 + i128::from(b.round_trip) / 2 + i128::from(DRIFT)
}

#[cfg(test)]
mod tests {
    use super::{Clock, Exchange};

    const MS: i64 = 1_000_000;

    /// A server that is `offset` ahead, `out` and `back` away, and thinks for 3 ms.
    fn exchange(at: i64, offset: i64, out: i64, back: i64) -> Exchange {
        let received = at + out + offset;
        Exchange { sent: at, received, answered: received + 3 * MS, arrived: at + out + 3 * MS + back }
    }

    #[test]
    fn the_shortest_round_trip_counts() {
        let mut clock = Clock::default();
        assert_eq!((clock.offset_ns(), clock.round_trip_ns()), (None, None));
        clock.add(&exchange(0, 70 * MS, 40 * MS, 2 * MS));
        assert_eq!(clock.offset_ns(), Some(89 * MS), "wrong by less than half of the round trip");
        clock.add(&exchange(1000 * MS, 70 * MS, MS, MS));
        clock.add(&exchange(2000 * MS, 70 * MS, 2 * MS, 90 * MS));
        assert_eq!((clock.offset_ns(), clock.round_trip_ns()), (Some(70 * MS), Some(92 * 1_000_000)));
        for n in 0..16 {
            clock.add(&exchange(n, 70 * MS, 6 * MS, 2 * MS));
        }
        assert_eq!(clock.offset_ns(), Some(72 * MS), "old ones are forgotten");
    }

    #[test]
    fn a_clock_that_was_set_starts_anew() {
        let mut clock = Clock::default();
        clock.add(&exchange(0, 0, MS, MS));
        clock.add(&exchange(0, 3_600_000 * MS, 9 * MS, 9 * MS));
        assert_eq!(clock.offset_ns(), Some(3_600_000 * MS));
        clock.add(&Exchange { sent: 10, received: 0, answered: 0, arrived: 5 });
        assert_eq!(clock.offset_ns(), None, "set between question and answer");
        let wild = [i64::MIN, i64::MAX, 0, -1];
        for n in 0..256 {
            let at = |shift: usize| wild[n >> shift & 3];
            clock.add(&Exchange { sent: at(0), received: at(2), answered: at(4), arrived: at(6) });
        }
    }
}
