//! Which minute the run is in.

use arachne_model::UnixNanos;
use arachne_wire::tcp::clock::Clock;

/// A minute in nanoseconds.
const MINUTE: i64 = 60_000_000_000;

/// Follows packet times through minutes, which go back only with the host's clock.
pub struct Minutes {
    clock: Clock,
    start: Option<UnixNanos>,
    /// Packets before this instant are in the minute.
    end: i64,
}

impl Minutes {
    /// Before the first packet. Those that are not wanted never begin.
    pub fn new(wanted: bool) -> Self {
        Self { clock: Clock::default(), start: None, end: if wanted { i64::MIN } else { i64::MAX } }
    }

    /// Takes the time of a packet; gives the start of the minute that is over by it.
    #[inline]
    pub fn observe(&mut self, at: UnixNanos) -> Option<UnixNanos> {
        if at.0 < self.end || self.end == i64::MAX {
            return None;
        }
        self.advance(at)
    }

    /// The start of the minute that is not over.
    pub const fn current(&self) -> Option<UnixNanos> {
        self.start
    }

    /// The host's clock: where it was set back by more than an hour, the minute of before is over, and gives its start.
    pub fn set_back(&mut self, host: UnixNanos) -> Option<UnixNanos> {
        let now = self.clock.set_back(host)?;
        self.begin(now.0)
    }

    #[cold]
    fn advance(&mut self, at: UnixNanos) -> Option<UnixNanos> {
        let now = self.clock.observe(at).0;
        if now < self.end { None } else { self.begin(now) }
    }

    fn begin(&mut self, now: i64) -> Option<UnixNanos> {
        let start = now.saturating_sub(now.rem_euclid(MINUTE));
        self.end = start.saturating_add(MINUTE);
        self.start.replace(UnixNanos(start))
    }
}

#[cfg(test)]
mod tests {
    use super::{MINUTE, Minutes};
    use arachne_model::UnixNanos;

    #[test]
    fn minutes_end_once_and_never_come_back() {
        let mut minutes = Minutes::new(true);
        let mut at = |time: i64| minutes.observe(UnixNanos(time)).map(|start| start.0 / MINUTE);
        assert_eq!(at(5 * MINUTE + 7), None, "the first begins");
        assert_eq!(at(6 * MINUTE - 1), None);
        assert_eq!(at(6 * MINUTE), Some(5));
        assert_eq!(at(5 * MINUTE), None, "out of order");
        assert_eq!(at(900 * MINUTE), None, "a single leap is not believed");
        assert_eq!(at(9 * MINUTE), Some(6), "minutes without packets are left out");
        assert_eq!(minutes.current(), Some(UnixNanos(9 * MINUTE)));
    }

    #[test]
    fn only_the_hosts_clock_sets_them_back() {
        let mut minutes = Minutes::new(true);
        minutes.observe(UnixNanos(600 * MINUTE));
        assert_eq!(minutes.set_back(UnixNanos(570 * MINUTE)), None, "a small step is waited out");
        assert_eq!(minutes.set_back(UnixNanos(5 * MINUTE)).map(|start| start.0 / MINUTE), Some(600));
        assert_eq!(minutes.observe(UnixNanos(6 * MINUTE)).map(|start| start.0 / MINUTE), Some(5));
    }

    #[test]
    fn the_ends_of_time() {
        let mut minutes = Minutes::new(true);
        assert_eq!(minutes.observe(UnixNanos(i64::MIN)), None);
        assert!(minutes.current().is_some());
        let mut minutes = Minutes::new(true);
        assert_eq!(minutes.observe(UnixNanos(i64::MAX)), None);
        assert_eq!(minutes.observe(UnixNanos(i64::MAX)), None);
        assert!(minutes.current().is_some());
    }

    #[test]
    fn nobody_asked() {
        let mut minutes = Minutes::new(false);
        assert_eq!(minutes.observe(UnixNanos(7 * MINUTE)), None);
        assert_eq!(minutes.current(), None);
    }
}
