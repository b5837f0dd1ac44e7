//! At most so many lines a second for each code; the rest is counted and told later.

use std::collections::BTreeMap;
use std::time::Duration;

/// Lines of one code in one second.
pub(crate) const LINES_MAX: u32 = 10;
/// The second.
const WINDOW: Duration = Duration::from_secs(1);

/// The state of one code.
#[derive(Debug, Default)]
struct Window {
    start: Duration,
    lines: u32,
    suppressed: u64,
}

/// What to do with an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Print it.
    pub(crate) print: bool,
    /// Print before it that so many of its code were not shown.
    pub(crate) suppressed: u64,
}

/// The states of all codes. Holds an entry for each code that was seen, so it is bounded by the table.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    windows: BTreeMap<&'static str, Window>,
}

impl RateLimit {
    /// Judges an event of `code` at `now`, a time since any fixed start.
    pub(crate) fn admit(&mut self, code: &'static str, now: Duration) -> Verdict {
        let window = self.windows.entry(code).or_default();
        let mut suppressed = 0;
        if window.lines == 0 || now.saturating_sub(window.start) >= WINDOW {
            suppressed = std::mem::take(&mut window.suppressed);
            *window = Window { start: now, ..Window::default() };
        }
        let print = window.lines < LINES_MAX;
        if print {
            window.lines += 1;
        } else {
            window.suppressed += 1;
        }
        Verdict { print, suppressed }
    }

    /// What was not told yet, by code.
    pub(crate) fn drain(&mut self) -> Vec<(&'static str, u64)> {
        let take = |(code, window): (&&'static str, &mut Window)| (*code, std::mem::take(&mut window.suppressed));
        self.windows.iter_mut().map(take).filter(|(_, suppressed)| *suppressed > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RateLimit, Verdict};

    #[test]
    fn ten_lines_a_second_and_a_count_of_the_rest() {
        let mut limit = RateLimit::default();
        let start = Duration::from_secs(5);
        for n in 0..25 {
            let verdict = limit.admit("A", start + Duration::from_millis(n));
            assert_eq!(verdict, Verdict { print: n < 10, suppressed: 0 });
        }
        assert!(limit.admit("B", start).print, "codes do not share");
        assert_eq!(limit.admit("A", start + Duration::from_secs(1)), Verdict { print: true, suppressed: 15 });
        assert_eq!(limit.drain(), []);
        for _ in 0..12 {
            limit.admit("B", start);
        }
        assert_eq!(limit.drain(), [("B", 3)]);
        assert_eq!(limit.drain(), []);
    }
}
