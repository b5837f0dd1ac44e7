//! The engine's position in time: the largest packet time, robust against clocks that jump.

use arachne_model::UnixNanos;

/// A leap forward of more than this is believed only when a second packet confirms it.
const LEAP_NS: u64 = 3600 * 1_000_000_000;

/// Follows packet times. Never steps back, so a backward step in a capture expires nothing and revives nothing.
#[derive(Debug, Default)]
pub struct Clock {
    now: Option<UnixNanos>,
    suspect: Option<UnixNanos>,
}

impl Clock {
    /// Takes the time of a packet and gives the position. One packet with a time far ahead moves nothing: else a single
    /// forged time would end every connection.
    #[inline]
    pub fn observe(&mut self, at: UnixNanos) -> UnixNanos {
        let Some(now) = self.now else {
            self.now = Some(at);
            return at;
        };
        if at <= now {
            return now;
        }
        if at.since(now) > LEAP_NS && !self.confirms(at) {
            self.suspect = Some(at);
            return now;
        }
        self.suspect = None;
        self.now = Some(at);
        at
    }

    /// The host's clock, where it is behind the position by more than a leap: it was set back. The position follows; a
    /// smaller step is waited out.
    pub fn set_back(&mut self, host: UnixNanos) -> Option<UnixNanos> {
        let behind = self.now.is_some_and(|now| now.since(host) > LEAP_NS);
        behind.then(|| {
            *self = Self { now: Some(host), suspect: None };
            host
        })
    }

    fn confirms(&self, at: UnixNanos) -> bool {
        self.suspect.is_some_and(|s| at.since(s) <= LEAP_NS && s.since(at) <= LEAP_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use arachne_model::UnixNanos;

    const HOUR: i64 = 3600 * 1_000_000_000;

    #[test]
    fn a_single_leap_is_not_believed() {
        let mut clock = Clock::default();
        let mut at = |t: i64| clock.observe(UnixNanos(t)).0;
        assert_eq!(at(10), 10);
        assert_eq!(at(5), 10);
        assert_eq!(at(50 * HOUR), 10, "suspect");
        assert_eq!(at(11), 11);
        assert_eq!(at(90 * HOUR), 11, "suspect");
        assert_eq!(at(90 * HOUR + 1), 90 * HOUR + 1, "confirmed");
        assert_eq!(at(12), 90 * HOUR + 1);
    }

    #[test]
    fn only_the_hosts_clock_sets_it_back() {
        let mut clock = Clock::default();
        assert_eq!(clock.set_back(UnixNanos(0)), None, "no position yet");
        clock.observe(UnixNanos(5 * HOUR));
        assert_eq!(clock.set_back(UnixNanos(4 * HOUR)), None, "a small step");
        assert_eq!(clock.set_back(UnixNanos(HOUR)), Some(UnixNanos(HOUR)));
        assert_eq!(clock.observe(UnixNanos(HOUR + 3)).0, HOUR + 3);
    }
}
