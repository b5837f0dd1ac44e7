//! The clock that ages are counted by. What is removed is gone for ever: a clock that was just set forward is not believed.
//!
//! Without a clock and pure: both clocks come in as arguments.

use std::time::Duration;

/// How far a clock may go ahead of the time that has passed and still be believed at once.
const SLACK_NS: i64 = 300 * 1_000_000_000;
/// A clock that stays ahead for so long is right: who set it would have set it back. A host that starts without a clock,
/// and one that was off for long, are believed after that too.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct AgeClock {
    /// What is believed, nanoseconds since the Unix epoch, and when that was looked at.
    believed: i64,
    looked: Duration,
    /// Since when the clock is ahead.
    ahead: Option<Duration>,
}

impl AgeClock {
    /// Begins at the time of the newest row that is stored: no more than that is known to have passed.
    pub const fn new(newest: i64) -> Self {
        Self { believed: newest, looked: Duration::ZERO, ahead: None }
    }

    /// The instant to count ages from: `wall` (nanoseconds since the Unix epoch) where it is believed, never later. `passed` is
    /// the time since this clock was made, by a clock that nobody sets. Only what it says at once is late; what is stored
    /// stays too long for a day, not too short.
    pub fn look(&mut self, wall: i64, passed: Duration) -> i64 {
        let since = i64::try_from(passed.saturating_sub(self.looked).as_nanos()).unwrap_or(i64::MAX);
        let expected = self.believed.saturating_add(since);
        self.looked = passed;
        self.believed = if wall <= expected.saturating_add(SLACK_NS) {
            self.ahead = None;
            wall
        } else if passed.saturating_sub(*self.ahead.get_or_insert(passed)) >= BELIEVED {
            wall
        } else {
            expected
        };
        self.believed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::AgeClock;

    const SECOND: i64 = 1_000_000_000;
    const HOUR: i64 = 3600 * SECOND;
    const DAY: i64 = 24 * HOUR;
    const YEARS: i64 = 10 * 365 * DAY;
    const NOW: i64 = 1_800_000_000 * SECOND;

    /// Looks every five minutes for so long with a clock that is `off`; what is counted from in the end, less the true time.
    fn run(clock: &mut AgeClock, from: i64, length: i64, off: i64) -> i64 {
        let mut last = 0;
        for at in (from..=from + length).step_by(300 * SECOND as usize) {
            let passed = Duration::from_nanos(at.unsigned_abs());
            last = clock.look(NOW + at + off, passed) - NOW - at;
        }
        last
    }

    #[test]
    fn a_clock_that_is_set_forward_is_believed_after_a_day() {
        for jump in [HOUR, YEARS] {
            let mut clock = AgeClock::new(NOW);
            assert_eq!(run(&mut clock, 0, HOUR, 0), 0);
            assert_eq!(run(&mut clock, HOUR, 12 * HOUR, jump), 0, "nothing is older than it was");
            assert_eq!(run(&mut clock, 13 * HOUR, HOUR, 0), 0, "it was set back");
            assert_eq!(run(&mut clock, 14 * HOUR, 23 * HOUR, jump), 0, "and forward again");
            assert_eq!(run(&mut clock, 37 * HOUR, 2 * HOUR, jump), jump, "it stays");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_is_believed_at_once() {
        for jump in [-1_000_000, -HOUR, -YEARS] {
            let mut clock = AgeClock::new(NOW);
            assert_eq!(run(&mut clock, 0, HOUR, 0), 0);
            assert_eq!(run(&mut clock, HOUR, HOUR, jump), jump);
        }
        let mut back = AgeClock::new(NOW);
        for n in 0..1000 {
            let passed = Duration::from_millis(n);
            assert_eq!(
                back.look(NOW - i64::try_from(n).unwrap_or(0) * 1_000_000, passed),
                NOW - n.cast_signed() * 1_000_000
            );
        }
    }

    #[test]
    fn a_start_knows_no_more_than_what_is_stored() {
        let mut restarted = AgeClock::new(NOW - 60 * SECOND);
        assert_eq!(run(&mut restarted, 0, 0, 0), 0, "what came a minute ago says that the clock is right");
        let mut off_for_a_month = AgeClock::new(NOW - 30 * DAY);
        assert_eq!(run(&mut off_for_a_month, 0, HOUR, 0), -30 * DAY);
        assert_eq!(run(&mut off_for_a_month, HOUR, DAY, 0), 0);
        let mut of_the_future = AgeClock::new(NOW + YEARS);
        assert_eq!(run(&mut of_the_future, 0, HOUR, 0), 0);
        let mut wild = AgeClock::new(i64::MAX);
        assert_eq!(wild.look(i64::MIN, Duration::MAX), i64::MIN);
        assert_eq!(wild.look(i64::MAX, Duration::ZERO), i64::MIN);
    }
}
