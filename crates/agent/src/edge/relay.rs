//! Which packets of a ring are this process's, where one process follows another: a packet has the same time in the rings of both,
//! and one instant parts them.

use std::time::{Duration, Instant};

/// The instant before which packets are another's is forgotten after so long, whatever the host's clock has done since.
const FROM_MAX: Duration = Duration::from_secs(5);

/// A packet that is so much later than an instant comes behind all that are before it, whichever processor brought them.
const LATER_NS: i64 = 200_000_000;

/// No instant parts anything.
pub const NEVER: i64 = i64::MAX;

/// See the module. All instants are nanoseconds since the Unix epoch, by the host's clock.
#[derive(Debug)]
pub struct Relay {
    /// Packets before are another's; the least where none are.
    from: i64,
    begun: Instant,
    /// Packets of the ring that are another's.
    ignored: u64,
    over: bool,
}

impl Relay {
    /// Packets before `from` are another's.
    #[must_use]
    pub fn new(from: i64) -> Self {
        Self { from, begun: Instant::now(), ignored: 0, over: false }
    }

    /// Whether a packet of `at` is ours, where those from `until` on are not.
    #[inline]
    pub fn is_ours(&mut self, at: i64, until: i64) -> bool {
        if at < self.from {
            self.forget_in_time();
        }
        let ours = self.from <= at && at < until;
        self.ignored += u64::from(!ours);
        // A ring with steady traffic is hardly ever drained.
        self.reached(at.saturating_sub(LATER_NS), until);
        ours
    }

    /// All that was captured before `at` has been read.
    pub fn drained(&mut self, at: i64, until: i64) {
        self.forget_in_time();
        self.reached(at, until);
    }

    fn forget_in_time(&mut self) {
        if self.begun.elapsed() >= FROM_MAX {
            self.from = i64::MIN;
        }
    }

    #[inline]
    const fn reached(&mut self, at: i64, until: i64) {
        if at >= self.from {
            self.from = i64::MIN;
        }
        self.over |= at >= until;
    }

    /// Whether no packet of another can come any more: only then what the kernel counted can be told apart.
    #[must_use]
    pub const fn is_alone(&self, until: i64) -> bool {
        self.from == i64::MIN && until == NEVER
    }

    /// Packets of the ring that are another's.
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }

    /// All that is ours has been read.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::{FROM_MAX, LATER_NS, NEVER, Relay};

    #[test]
    fn each_packet_is_of_one_process_in_whatever_order_they_come() {
        let (mut one, mut two) = (Relay::new(i64::MIN), Relay::new(100));
        for at in [90, 105, 99, 100, 101, 98, 110] {
            assert!(one.is_ours(at, 100) != two.is_ours(at, NEVER), "{at}");
        }
        assert_eq!((one.ignored(), two.ignored()), (4, 3));
        assert!(!two.is_alone(NEVER));
        two.drained(99, NEVER);
        one.drained(99, 100);
        assert!(!two.is_alone(NEVER) && !one.is_over());
        two.drained(100, NEVER);
        one.drained(100, 100);
        assert!(two.is_alone(NEVER) && one.is_over() && !one.is_alone(100));
        assert!(two.is_ours(50, NEVER), "a clock that is set back later");
    }

    #[test]
    fn steady_traffic_that_never_drains_a_ring_is_enough() {
        let (mut one, mut two) = (Relay::new(i64::MIN), Relay::new(100));
        for at in [90, 110, 100 + LATER_NS - 1] {
            assert!(one.is_ours(at, 100) != two.is_ours(at, NEVER));
        }
        assert!(!one.is_over() && !two.is_alone(NEVER));
        assert!(one.is_ours(100 + LATER_NS, 100) != two.is_ours(100 + LATER_NS, NEVER));
        assert!(one.is_over() && two.is_alone(NEVER));
    }

    #[test]
    fn a_clock_that_is_set_back_in_between_costs_seconds() {
        let mut relay = Relay::new(1_000_000);
        relay.drained(10, NEVER);
        assert!(!relay.is_ours(11, NEVER));
        relay.begun = relay.begun.checked_sub(FROM_MAX).expect("the machine runs for longer");
        relay.drained(12, NEVER);
        assert!(relay.is_ours(13, NEVER));

        let mut busy = Relay::new(1_000_000);
        assert!(!busy.is_ours(10, NEVER));
        busy.begun = busy.begun.checked_sub(FROM_MAX).expect("the machine runs for longer");
        assert!(busy.is_ours(11, NEVER), "also where traffic never lets the ring drain");
    }
}
