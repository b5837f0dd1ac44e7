//! What a thread counts beside its engine, as rows of the capture quality: the kernel's drops, bodies, and rows that found no room.

use arachne_model::UnixNanos;
use arachne_model::table::QualityRow;

use super::sink::BodyCounts;
use super::worker::KernelCounts;

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside {
    /// What the kernel counted.
    pub kernel: KernelCounts,
    /// What became of bodies.
    pub bodies: BodyCounts,
    /// Rows that were made.
    pub made: u64,
    /// Rows that were dropped for want of room.
    pub dropped: u64,
}

impl Beside {
    /// All that was lost.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        let BodyCounts { refused, shortened, given_up, .. } = self.bodies;
        self.kernel.drops + refused + shortened + given_up + self.dropped
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Quality {
    /// What is told.
    told: Beside,
    /// Bodies that were open at the end of the minute before.
    open: u64,
    /// Rows were dropped in this minute.
    dropped: bool,
}

impl Quality {
    /// Rows of what has come to `now` since the last call, in the minute that began at `start` and is `over` or not. Counts of
    /// nothing have none; rows that were made are told of minutes only in which some were dropped, since telling makes rows.
    pub fn rows(&mut self, start: UnixNanos, now: Beside, over: bool, agent: &str) -> Vec<QualityRow> {
        let before = std::mem::replace(&mut self.told, now);
        let (kernel, packets) = (now.kernel, now.kernel.packets.saturating_sub(before.kernel.packets));
        let drops = kernel.drops.saturating_sub(before.kernel.drops);
        let bodies = |of: fn(&BodyCounts) -> u64| of(&now.bodies) - of(&before.bodies);
        let dropped = now.dropped - before.dropped;
        self.dropped |= dropped > 0;
        let made = if self.dropped { now.made - before.made } else { 0 };
        let mut counts = vec![
            ("kernel", "in", None, packets),
            ("kernel", "out", None, packets.saturating_sub(drops)),
            ("kernel", "dropped", Some("ring_full"), drops),
            ("bodies", "in", None, bodies(|bodies| bodies.wanted)),
            ("bodies", "out", None, bodies(|bodies| bodies.ended)),
            ("bodies", "dropped", Some("pressure"), bodies(|bodies| bodies.refused)),
            ("bodies", "dropped", Some("memcap"), bodies(|bodies| bodies.given_up)),
            ("bodies", "shortened", Some("pressure"), bodies(|bodies| bodies.shortened)),
            ("records", "in", None, made),
            ("records", "dropped", Some("queue_full"), dropped),
        ];
        counts.retain(|(.., value)| *value > 0);
        if over {
            let was_open = std::mem::replace(&mut self.open, now.bodies.open);
            counts.extend((was_open > 0 || self.open > 0).then_some(("bodies", "in_flight", None, self.open)));
            self.dropped = false;
        }
        counts.into_iter().map(|count| QualityRow::of_agent(start.0, agent, count)).collect()
    }
}

/// Where one process follows another: exchanges that are cut in two, and nanoseconds of which nobody knows what was captured.
pub fn replaced(start: UnixNanos, cut: u64, unknown_ns: u64, agent: &str) -> Vec<QualityRow> {
    let counts =
        [("exchanges", "cut", Some("reconfigured"), cut), ("capture", "unaccounted", Some("reconfigured"), unknown_ns)];
    let told = counts.into_iter().filter(|(.., value)| *value > 0);
    told.map(|count| QualityRow::of_agent(start.0, agent, count)).collect()
}
