//! Whether what is read of a log is of use: whether lines are what the configuration says, whole, and read in time.

use arachne_aggregate::rules::{LABEL_SETS_MAX, Limited};

use crate::Missing;

/// Lines are judged over one to two of these.
const PERIOD: i64 = 60_000_000_000;
/// Fewer requests say nothing.
const REQUESTS_MIN: u64 = 20;
/// One in so many requests that cannot be read is told.
const REQUESTS: u64 = 100;
/// Rules may be for a few lines only: told is when none of so many was ever matched.
const EVENTS_MIN: u64 = 1000;
/// Reading is behind when bytes wait for so long.
const LAG: i64 = 60_000_000_000;

/// Lines of a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All that could match: no blank ones, and none where there is no rule.
    pub lines: u64,
    /// Those that nothing matched.
    pub unmatched: u64,
    /// Those that were cut.
    pub cut: u64,
}

impl Tally {
    const fn and(self, other: Self) -> Self {
        Self { lines: self.lines + other.lines, unmatched: self.unmatched + other.unmatched, cut: self.cut + other.cut }
    }
}

/// How a log was lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    began: i64,
    before: Tally,
    now: Tally,
    /// Since its first line.
    ever: Tally,
    waits: i64,
    /// Metrics of rules with more label sets than have a place, and why.
    limited: Vec<(String, Limited)>,
}

impl Health {
    /// More lines were read, by `now`.
    pub(super) fn add(&mut self, now: i64, tally: Tally) {
        let passed = now.saturating_sub(self.began);
        if !(0..PERIOD).contains(&passed) {
            self.before = if (0..2 * PERIOD).contains(&passed) { self.now } else { Tally::default() };
            (self.began, self.now) = (now, Tally::default());
        }
        (self.now, self.ever) = (self.now.and(tally), self.ever.and(tally));
    }

    /// Bytes wait for so many nanoseconds.
    pub(super) const fn waits(&mut self, nanos: i64) {
        self.waits = nanos;
    }

    /// Label sets of a metric of a rule found no place.
    pub(super) fn limited(&mut self, metric: &str, by: Limited) {
        match self.limited.iter_mut().find(|(known, _)| known == metric) {
            Some((_, known)) => *known = by,
            None => self.limited.push((metric.to_owned(), by)),
        }
    }

    /// What is wrong with the log at `path`, whose lines are requests, or what rules say.
    pub(super) fn missing(&self, path: &str, requests: bool) -> Vec<Missing> {
        let lately = self.before.and(self.now);
        let mut out = Vec::new();
        let (all, told) = match requests {
            true => (lately, lately.lines >= REQUESTS_MIN && lately.unmatched * REQUESTS >= lately.lines),
            false => (self.ever, self.ever.lines >= EVENTS_MIN && self.ever.unmatched == self.ever.lines),
        };
        if told && all.unmatched > 0 {
            let share = (all.unmatched * 100).div_ceil(all.lines).min(100);
            let (why, correct) = match requests {
                true => ("they are written in another way than its format says", "its format"),
                false => ("none of its rules ever matched one", "a rule"),
            };
            out.push(Missing {
                what: format!("{share} % of the lines of {path}"),
                why: why.to_owned(),
                fix: format!(
                    "`arachne check arachne.yml --sample {path}` shows such lines and what comes nearest; correct {correct} under `logs:`"
                ),
            });
        }
        if lately.cut > 0 {
            out.push(Missing {
                what: format!("the ends of {} lines of {path}", lately.cut),
                why: "they are longer than 64 KiB".to_owned(),
                fix: "let the program write less into one line: what is cut off counts nowhere and is not kept"
                    .to_owned(),
            });
        }
        for (metric, by) in &self.limited {
            out.push(Missing {
                what: format!("{} values of {metric} by their labels, in {path}", by.values),
                why: format!(
                    "it has more than {LABEL_SETS_MAX} sets of labels: `{}` had about {} values more, which are `~other`",
                    by.label, by.distinct
                ),
                fix: format!("leave the label `{}` out of the rule, or give it a group with fewer values", by.label),
            });
        }
        if self.waits >= LAG {
            out.push(Missing {
                what: format!("the last {} s of {path}", self.waits / 1_000_000_000),
                why: "it is written faster than it is read, or the server takes nothing".to_owned(),
                fix: "look at the agent's delivery first; then at rules of the tier `general`, which `arachne check --sample` names"
                    .to_owned(),
            });
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn told(tally: Tally, requests: bool) -> Vec<String> {
        let mut health = Health::default();
        health.add(SECOND, tally);
        health.missing("/a.log", requests).into_iter().map(|missing| missing.what).collect()
    }

    #[test]
    fn what_nothing_matches_is_told_with_its_share() {
        let tally = |lines, unmatched| Tally { lines, unmatched, cut: 0 };
        assert_eq!(told(tally(200, 2), true), ["1 % of the lines of /a.log"]);
        assert_eq!(told(tally(30, 30), true), ["100 % of the lines of /a.log"]);
        assert_eq!(told(tally(201, 2), true), [""; 0], "a few lines are odd anywhere");
        assert_eq!(told(tally(19, 19), true), [""; 0], "too few to say");
        assert_eq!(told(tally(2000, 1999), false), [""; 0], "a rule is for some lines");
        assert_eq!(told(tally(999, 999), false), [""; 0], "or for rare ones");
        assert_eq!(told(tally(2000, 2000), false), ["100 % of the lines of /a.log"]);
        assert_eq!(told(Tally { cut: 3, ..tally(9, 0) }, false), ["the ends of 3 lines of /a.log"]);
    }

    #[test]
    fn it_ends_when_lines_are_in_order_again() {
        let mut health = Health::default();
        health.add(SECOND, Tally { lines: 50, unmatched: 50, cut: 1 });
        for (second, count) in [(30, 2), (70, 2), (110, 2), (131, 0), (190, 0)] {
            health.add(second * SECOND, Tally { lines: 50, ..Tally::default() });
            assert_eq!(health.missing("/a.log", true).len(), count, "after {second} s");
        }
        health.add(200 * SECOND, Tally { lines: 50, unmatched: 50, cut: 1 });
        health.add(900 * SECOND, Tally::default());
        assert!(health.missing("/a.log", true).is_empty(), "nothing was written since");
        health.waits(61 * SECOND);
        assert_eq!(health.missing("/a.log", true)[0].what, "the last 61 s of /a.log");
    }
}
