//! How an agent was over time: ranges of its states, of what gave way, and of the way to the server.
//!
//! Ranges follow from statuses alone. An agent that was not heard of for [`SILENCE`] was offline since the last one; so was
//! one of which a server knows from a file that was written before its own start.

use std::collections::VecDeque;

use arachne_delivery::status::{BreakerState, Pressure, State, Status};
use serde::{Deserialize, Serialize};

/// Silence of an agent that makes it offline, in nanoseconds.
pub(crate) const SILENCE: i64 = 10_000_000_000;
/// Ranges of each kind that are kept. Policy: the oldest go.
const RANGES_MAX: usize = 1000;
/// Characters of a reason.
const WHY_CHARS_MAX: usize = 500;

/// What an agent does, or that it is not heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    /// It has no configuration yet.
    Starting,
    /// It captures.
    Capturing,
    /// It was told not to.
    Stopped,
    /// It has no right to capture.
    NoRight,
    /// It tries and fails.
    Failed,
    /// It is not heard of.
    Offline,
}

impl From<State> for Condition {
    fn from(state: State) -> Self {
        match state {
            State::Starting => Self::Starting,
            State::Capturing => Self::Capturing,
            State::Stopped => Self::Stopped,
            State::NoRight => Self::NoRight,
            State::Failed => Self::Failed,
        }
    }
}

/// Something that lasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Range<S> {
    /// What.
    pub state: S,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Since when, nanoseconds since the Unix epoch.
    pub from: i64,
    /// Until when; `None` while it lasts.
    pub to: Option<i64>,
}

/// Ranges one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ranges<S>(VecDeque<Range<S>>);

impl<S> Default for Ranges<S> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<S: Copy + PartialEq> Ranges<S> {
    /// From `at` on it is so; whether that is another state than before.
    fn turn(&mut self, state: S, why: Option<&str>, at: i64) -> bool {
        let last = self.0.back();
        if last.is_some_and(|last| last.to.is_none() && last.state == state && last.why.as_deref() == why) {
            return false;
        }
        self.end(at);
        // A clock that was set back must not make ranges overlap.
        let from = self.0.back().and_then(|last| last.to).map_or(at, |end| end.max(at));
        self.0.push_back(Range { state, why: why.map(str::to_owned), from, to: None });
        if self.0.len() > RANGES_MAX {
            self.0.pop_front();
        }
        true
    }

    fn end(&mut self, at: i64) {
        if let Some(last) = self.0.back_mut().filter(|last| last.to.is_none()) {
            last.to = Some(at.max(last.from));
        }
    }

    /// Those that meet [`from`, `to`).
    pub fn within(&self, from: i64, to: i64) -> Vec<Range<S>> {
        let meets = |range: &&Range<S>| range.from < to && range.to.is_none_or(|end| end > from);
        self.0.iter().filter(meets).cloned().collect()
    }
}

/// How an agent was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    /// When its last status came; 0 before the first.
    pub seen: i64,
    /// What it did.
    pub states: Ranges<Condition>,
    /// What gave way.
    pub pressure: Ranges<Pressure>,
    /// The way to the server.
    pub breaker: Ranges<BreakerState>,
}

impl History {
    /// A status came at `now`; whether anything is another than before.
    pub fn observe(&mut self, status: &Status, now: i64) -> bool {
        let was_silent = self.fall_silent(now);
        let why: Option<String> = status.why.as_ref().map(|why| why.chars().take(WHY_CHARS_MAX).collect());
        let states = self.states.turn(status.state.into(), why.as_deref(), now);
        let pressure = self.pressure.turn(status.pressure, None, now);
        let breaker = self.breaker.turn(status.delivery.state, None, now);
        self.seen = self.seen.max(now);
        was_silent | states | pressure | breaker
    }

    /// Is offline since the last status, when that is too long ago at `now`.
    fn fall_silent(&mut self, now: i64) -> bool {
        if self.seen == 0 || now.saturating_sub(self.seen) <= SILENCE {
            return false;
        }
        self.pressure.end(self.seen);
        self.breaker.end(self.seen);
        self.states.turn(Condition::Offline, None, self.seen)
    }

    /// As it looks at `now`, though no status says so.
    pub fn at(mut self, now: i64) -> Self {
        self.fall_silent(now);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn status(state: State, pressure: Pressure) -> Status {
        Status { state, pressure, ..Status::default() }
    }

    fn shown(history: &History) -> Vec<(Condition, i64, Option<i64>)> {
        let seconds = |range: Range<Condition>| (range.state, range.from / SECOND, range.to.map(|to| to / SECOND));
        history.states.within(0, i64::MAX).into_iter().map(seconds).collect()
    }

    #[test]
    fn equal_statuses_are_one_range_and_silence_is_offline() {
        let mut history = History::default();
        let capturing = status(State::Capturing, Pressure::None);
        assert!(history.observe(&capturing, 100 * SECOND));
        assert!(!history.observe(&capturing, 102 * SECOND));
        assert!(history.observe(&status(State::Capturing, Pressure::Bodies), 104 * SECOND));
        assert!(history.observe(&status(State::Stopped, Pressure::None), 106 * SECOND));
        use Condition::{Capturing, Offline, Stopped};
        assert_eq!(shown(&history), [(Capturing, 100, Some(106)), (Stopped, 106, None)]);
        let pressure = history.pressure.within(0, i64::MAX);
        assert_eq!((pressure.len(), pressure[1].from, pressure[1].to), (3, 104 * SECOND, Some(106 * SECOND)));
        let later = history.clone().at(117 * SECOND);
        assert_eq!(shown(&later)[1..], [(Stopped, 106, Some(106)), (Offline, 106, None)]);
        assert_eq!(later.pressure.within(0, i64::MAX)[2].to, Some(106 * SECOND));
        let text = serde_json::to_string(&history).expect("plain data");
        let mut again: History = serde_json::from_str(&text).expect("it was written here");
        assert_eq!(again, history);
        assert!(again.observe(&capturing, 200 * SECOND), "another server went on");
        assert_eq!(shown(&again)[2..], [(Offline, 106, Some(200)), (Capturing, 200, None)]);
    }

    #[test]
    fn ranges_are_found_by_time_and_never_overlap() {
        let mut ranges = Ranges::default();
        for (state, at) in [(1, 10), (2, 20), (3, 15), (4, 40)] {
            ranges.turn(state, None, at);
        }
        let all = ranges.within(0, 100);
        assert!(all.windows(2).all(|two| two[0].to == Some(two[1].from)), "{all:?}");
        let found = |from, to| ranges.within(from, to).iter().map(|range| range.state).collect::<Vec<_>>();
        assert_eq!((found(0, 10), found(12, 13), found(40, 41)), (vec![], vec![1], vec![4]));
        for at in 0..3000 {
            ranges.turn(i32::from(at % 2 == 0), None, 100 + at);
        }
        assert_eq!(ranges.within(0, i64::MAX).len(), RANGES_MAX);
    }
}
