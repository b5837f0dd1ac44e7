//! Records that the spool dropped, as rows of the capture quality.

use std::time::{Duration, Instant};

use arachne_delivery::status::Stage;
use arachne_model::table::QualityRow;

/// How often they are told while the server can hear of them, and while it cannot: telling takes room of the spool too.
const EVERY: Duration = Duration::from_secs(5);
const EVERY_AWAY: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub struct Losses {
    /// What was told last, or came without a loss.
    told: Stage,
    /// Not before this one.
    next: Instant,
}

impl Losses {
    /// Nothing is told yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { told: Stage::default(), next: now }
    }

    /// Rows of what was dropped since the last ones, at `unix` by the host's clock: with what came meanwhile, so that the share
    /// is known. Called often.
    pub fn rows(&mut self, stage: &Stage, away: bool, now: Instant, unix: i64, agent: &str) -> Vec<QualityRow> {
        let before = |reason: &String| self.told.dropped.get(reason).copied().unwrap_or(0);
        let grown = stage.dropped.iter().map(|(reason, count)| (reason, count.saturating_sub(before(reason))));
        let grown: Vec<(String, u64)> = grown.filter(|(_, new)| *new > 0).map(|(r, new)| (r.clone(), new)).collect();
        if grown.is_empty() {
            self.told = stage.clone();
            return Vec::new();
        }
        if now < self.next {
            return Vec::new();
        }
        self.next = now + if away { EVERY_AWAY } else { EVERY };
        let row = |count: &str, reason: Option<&str>, value: u64| {
            QualityRow::of_agent(unix, agent, ("spool", count, reason, value))
        };
        let came = stage.input.saturating_sub(self.told.input);
        self.told = stage.clone();
        let dropped = grown.iter().map(|(reason, new)| row("dropped", Some(reason.as_str()), *new));
        (came > 0).then(|| row("in", None, came)).into_iter().chain(dropped).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use arachne_delivery::status::Stage;

    use super::{EVERY, EVERY_AWAY, Losses};

    #[test]
    fn each_dropped_record_is_told_once_and_soon() {
        let begun = Instant::now();
        let mut losses = Losses::new(begun);
        let stage =
            |input, dropped| Stage { input, dropped: [("spool_full_bulk".into(), dropped)].into(), ..Stage::default() };
        let mut told = |input, dropped, away, at: Duration| {
            let rows = losses.rows(&stage(input, dropped), away, begun + at, 61_000_000_000, "a");
            rows.into_iter().map(|row| (row.minute, row.count, row.value)).collect::<Vec<_>>()
        };
        let minute = 60_000_000_000;
        assert_eq!(told(100, 0, false, Duration::ZERO), []);
        let first = [(minute, "in".to_owned(), 20), (minute, "dropped".to_owned(), 3)];
        assert_eq!(told(120, 3, false, Duration::ZERO), first);
        assert_eq!(told(130, 5, false, EVERY / 2), []);
        let second = [(minute, "in".to_owned(), 20), (minute, "dropped".to_owned(), 4)];
        assert_eq!(told(140, 7, true, EVERY), second);
        assert_eq!(told(140, 9, true, 2 * EVERY), []);
        assert_eq!(told(140, 9, true, EVERY + EVERY_AWAY), [(minute, "dropped".to_owned(), 2)]);
    }
}
