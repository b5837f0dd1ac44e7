//! What gives way under load, and when: bytes of bodies, bodies, packets of large flows, new flows, in this order.
//!
//! A pure state machine: loads and time in, a level out. It rises one step at a time and fast, since rings are small; it
//! falls one step at a time and slowly, so that a load at the edge does not make it flicker. What was handed over in a
//! minute is known exactly, so that it counts at once in both directions.

use std::collections::BTreeMap;

use arachne_delivery::status::Pressure;

/// How full or busy things are; 1 is full, or at its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// The ring of the fullest thread.
    pub ring: f64,
    /// The way to the supervisor.
    pub queue: f64,
    /// Memory of the process, of what there is beside what it had at its start.
    pub memory: f64,
    /// CPU of all processes of the agent, over the last seconds.
    pub cpu: f64,
    /// What was handed over in this minute.
    pub volume: f64,
}

const SECOND: i64 = 1_000_000_000;

/// Levels in their order.
pub const LEVELS: [Pressure; 5] =
    [Pressure::None, Pressure::BodyBytes, Pressure::Bodies, Pressure::LargeFlows, Pressure::NewFlows];

/// The stable name of a level.
#[must_use]
pub const fn name(level: Pressure) -> &'static str {
    match level {
        Pressure::None => "none",
        Pressure::BodyBytes => "body_bytes",
        Pressure::Bodies => "bodies",
        Pressure::LargeFlows => "large_flows",
        Pressure::NewFlows => "new_flows",
    }
}

/// Decides the level.
#[derive(Clone, Debug, Default)]
pub struct Governor {
    level: usize,
    /// The part of it that loads ask for, the minute apart.
    stepped: usize,
    changed: i64,
    /// Since when nothing is near its limit.
    calm: Option<i64>,
    taken: [u64; LEVELS.len()],
}

impl Governor {
    /// Full enough to give way.
    const HIGH: f64 = 0.7;
    /// Empty enough to come back.
    const LOW: f64 = 0.35;
    /// As both, of memory: connections alone, which are no load, may take half of it.
    const MEMORY_HIGH: f64 = 0.8;
    const MEMORY_LOW: f64 = 0.65;
    /// A queue or ring fills in no time.
    const UP: i64 = SECOND / 10;
    /// CPU is known a second later.
    const UP_BY_CPU: i64 = SECOND;
    /// How long all is calm before a step back.
    const DOWN: i64 = 2 * SECOND;

    /// The level at `now` (nanoseconds of a clock that does not go back).
    pub fn update(&mut self, now: i64, load: Load) -> Pressure {
        let fill = load.ring.max(load.queue);
        let since = now.saturating_sub(self.changed);
        let is_full = fill > Self::HIGH || load.memory > Self::MEMORY_HIGH;
        let is_calm = fill < Self::LOW && load.memory < Self::MEMORY_LOW && load.cpu < 0.8;
        self.calm = if is_calm { self.calm.or(Some(now)) } else { None };
        if (is_full && since >= Self::UP) || (load.cpu > 1.0 && since >= Self::UP_BY_CPU) {
            (self.stepped, self.changed) = ((self.level + 1).min(LEVELS.len() - 1), now);
        } else if self.calm.is_some_and(|calm| now.saturating_sub(calm.max(self.changed)) >= Self::DOWN) {
            (self.stepped, self.changed) = (self.stepped.saturating_sub(1), now);
        }
        self.reach(self.stepped.max(floor(load.volume)));
        self.level()
    }

    fn reach(&mut self, level: usize) {
        (self.level + 1..=level).for_each(|step| self.taken[step] += 1);
        self.level = level;
    }

    /// The level now.
    #[must_use]
    pub const fn level(&self) -> Pressure {
        LEVELS[self.level]
    }

    /// Times that each level was reached from below.
    #[must_use]
    pub fn taken(&self) -> BTreeMap<String, u64> {
        let named = LEVELS.iter().zip(self.taken).filter(|(_, times)| *times > 0);
        named.map(|(level, times)| (name(*level).to_owned(), times)).collect()
    }
}

/// The least level by what was handed over in a minute: the first exchanges are whole, then less and less is kept.
fn floor(volume: f64) -> usize {
    match volume {
        v if v >= 1.0 => 4,
        v if v >= 0.9 => 3,
        v if v >= 0.8 => 2,
        v if v >= 0.7 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use arachne_delivery::status::Pressure;

    use super::{Governor, Load, SECOND};

    const FULL: Load = Load { ring: 0.9, queue: 0.0, memory: 0.0, cpu: 0.0, volume: 0.0 };
    const CALM: Load = Load { ring: 0.0, queue: 0.0, memory: 0.0, cpu: 0.0, volume: 0.0 };

    #[test]
    fn each_step_is_taken_in_order_and_counted_and_taken_back() {
        let mut governor = Governor::default();
        let mut now = 10 * SECOND;
        let mut run = |governor: &mut Governor, load, times| {
            (0..times).fold(Pressure::None, |_, _| {
                now += SECOND / 10;
                governor.update(now, load)
            })
        };
        assert_eq!(run(&mut governor, FULL, 1), Pressure::BodyBytes);
        assert_eq!(run(&mut governor, FULL, 1), Pressure::Bodies);
        assert_eq!(run(&mut governor, FULL, 1), Pressure::LargeFlows);
        assert_eq!(run(&mut governor, FULL, 9), Pressure::NewFlows, "there is no level above");
        assert_eq!(run(&mut governor, CALM, 19), Pressure::NewFlows, "a breath is no calm");
        assert_eq!(run(&mut governor, CALM, 3), Pressure::LargeFlows);
        assert_eq!(run(&mut governor, Load { ring: 0.5, ..CALM }, 100), Pressure::LargeFlows, "neither full nor calm");
        assert_eq!(run(&mut governor, CALM, 100), Pressure::None, "it comes back whole");
        assert_eq!(governor.taken().values().sum::<u64>(), 4);
        for round in 2..10 {
            run(&mut governor, FULL, 10);
            assert_eq!(run(&mut governor, CALM, 200), Pressure::None);
            assert_eq!(governor.taken()["new_flows"], round);
        }
    }

    #[test]
    fn cpu_waits_for_its_next_measure() {
        let mut governor = Governor::default();
        let busy = Load { cpu: 1.5, ..CALM };
        assert_eq!(governor.update(10 * SECOND, busy), Pressure::BodyBytes);
        assert_eq!(governor.update(10 * SECOND + SECOND / 2, busy), Pressure::BodyBytes);
        assert_eq!(governor.update(11 * SECOND, busy), Pressure::Bodies);
    }

    #[test]
    fn a_minute_that_is_full_lets_in_nothing_new_and_the_next_begins_whole() {
        let mut governor = Governor::default();
        for (volume, expected) in [
            (0.69, Pressure::None),
            (0.75, Pressure::BodyBytes),
            (0.95, Pressure::LargeFlows),
            (1.2, Pressure::NewFlows),
            (1.2, Pressure::NewFlows),
            (0.0, Pressure::None),
        ] {
            assert_eq!(governor.update(SECOND, Load { volume, ..CALM }), expected, "{volume}");
        }
        assert_eq!(governor.taken().values().collect::<Vec<_>>(), [&1; 4], "a step that is jumped over is taken");
    }

    #[test]
    fn a_load_in_a_minute_that_is_nearly_full_goes_a_step_further() {
        let mut governor = Governor::default();
        let nearly = Load { volume: 0.85, ..CALM };
        assert_eq!(governor.update(SECOND, nearly), Pressure::Bodies);
        assert_eq!(governor.update(2 * SECOND, Load { ring: 0.9, ..nearly }), Pressure::LargeFlows);
        assert_eq!(governor.update(3 * SECOND, nearly), Pressure::LargeFlows);
        assert_eq!(governor.update(5 * SECOND, nearly), Pressure::Bodies);
    }

    #[test]
    fn memory_that_connections_have_does_not_keep_it_from_coming_back() {
        let mut governor = Governor::default();
        assert_eq!(governor.update(SECOND, Load { memory: 0.81, ..CALM }), Pressure::BodyBytes);
        let held = Load { memory: 0.55, ..CALM };
        assert_eq!(governor.update(2 * SECOND, held), Pressure::BodyBytes);
        assert_eq!(governor.update(4 * SECOND, held), Pressure::None);
    }
}
