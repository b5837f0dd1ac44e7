//! From readings to points: windows of time, and how far counters came in them.

use std::collections::HashMap;
use std::time::Duration;

use arachne_aggregate::Histogram;

use crate::{Kind, Labels, Metric, Point, Sink};

/// A span of time that readings stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    start: i64,
    width: i64,
}

/// When readings were, and what the counters were then.
#[derive(Debug)]
pub(crate) struct Readings {
    every: i64,
    /// The end of the last window.
    end: Option<i64>,
    /// A label that all have.
    of: Option<(&'static str, String)>,
    counters: Counters,
}

/// Counters by what they count and of what. What was not read this time is forgotten, so there are as many as the host has.
#[derive(Debug, Default)]
struct Counters {
    last: HashMap<(&'static str, String), Seen>,
    reading: u64,
}

#[derive(Debug)]
struct Seen {
    totals: Vec<u64>,
    reading: u64,
}

impl Readings {
    /// None yet, one in each `every`.
    pub(crate) fn new(every: Duration) -> Self {
        let every = i64::try_from(every.as_nanos()).unwrap_or(i64::MAX).max(1);
        Self { every, end: None, of: None, counters: Counters::default() }
    }

    /// Everything that is read has this label too: of which of several it is.
    pub(crate) fn of(self, label: (&'static str, String)) -> Self {
        Self { of: Some(label), ..self }
    }

    /// A reading at `now`. None when the interval has one already.
    ///
    /// Its window ends with the last whole interval and begins with the window before; the first one is an interval long. A
    /// clock that went back begins anew.
    pub(crate) fn begin<'a>(&'a mut self, now: i64, sink: &'a mut dyn Sink) -> Option<Report<'a>> {
        let end = now.div_euclid(self.every).saturating_mul(self.every);
        if self.end == Some(end) {
            return None;
        }
        let before = self.end.filter(|before| *before < end);
        if before.is_none() {
            self.counters.last.clear();
        }
        self.end = Some(end);
        self.counters.reading += 1;
        let start = before.unwrap_or(end.saturating_sub(self.every));
        let window = Window { start, width: end.saturating_sub(start) };
        let of = self.of.as_ref().map(|(name, value)| (*name, value.as_str()));
        Some(Report { window, first: before.is_none(), of, counters: &mut self.counters, sink })
    }
}

/// One reading on its way to a sink.
pub(crate) struct Report<'a> {
    window: Window,
    first: bool,
    of: Option<(&'a str, &'a str)>,
    counters: &'a mut Counters,
    sink: &'a mut dyn Sink,
}

impl Report<'_> {
    /// Whether there is no reading before it to compare with.
    pub(crate) fn is_first(&self) -> bool {
        self.first
    }

    /// How long the window is, in nanoseconds.
    pub(crate) fn width(&self) -> i64 {
        self.window.width
    }

    /// The end of the window, in whole seconds since the Unix epoch.
    pub(crate) fn seconds(&self) -> i64 {
        self.window.start.saturating_add(self.window.width).div_euclid(1_000_000_000)
    }

    /// What a gauge shows.
    pub(crate) fn gauge(&mut self, metric: &Metric, labels: &[&str], value: u64) {
        debug_assert_eq!(metric.kind, Kind::Gauge, "{}", metric.name);
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.put(metric, labels, |point| point.gauge(value));
    }

    /// What a counter grew by, in `count` steps.
    pub(crate) fn counter(&mut self, metric: &Metric, labels: &[&str], count: u64, sum: u64) {
        debug_assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
        let sum = i64::try_from(sum).unwrap_or(i64::MAX);
        self.put(metric, labels, |point| point.counter(count, sum));
    }

    /// What a counter grew by: steps of one where its unit is 1, else steps that are not known.
    pub(crate) fn grew(&mut self, metric: &Metric, labels: &[&str], sum: u64) {
        self.counter(metric, labels, if metric.unit == "1" { sum } else { 1 }, sum);
    }

    /// What a counter shows; its point is what it grew by since the last reading.
    pub(crate) fn total(&mut self, metric: &Metric, labels: &[&str], total: u64) {
        let grown = self.growth(metric.name, &labels.join("\0"), &[total]);
        if let Some(sum) = grown.and_then(|grown| grown.first().copied()) {
            self.grew(metric, labels, sum);
        }
    }

    /// A distribution; nothing where it is empty.
    pub(crate) fn histogram(&mut self, metric: &Metric, labels: &[&str], values: &Histogram) {
        debug_assert_eq!(metric.kind, Kind::Histogram, "{}", metric.name);
        if !values.is_empty() {
            self.put(metric, labels, |point| point.histogram(values));
        }
    }

    /// How far counters of one thing came since the last reading. None where there was none, or where one fell: the thing is
    /// another one by the same name, or was reset.
    pub(crate) fn growth(&mut self, family: &'static str, key: &str, totals: &[u64]) -> Option<Vec<u64>> {
        let reading = self.counters.reading;
        let seen = self.counters.last.entry((family, key.to_owned()));
        let mut before = None;
        let seen = seen.and_modify(|seen| before = Some(std::mem::replace(&mut seen.totals, totals.to_vec())));
        seen.or_insert_with(|| Seen { totals: totals.to_vec(), reading }).reading = reading;
        let before = before.filter(|before| before.len() == totals.len())?;
        totals.iter().zip(before).map(|(now, before)| now.checked_sub(before)).collect()
    }

    fn put(&mut self, metric: &Metric, labels: &[&str], row: impl FnOnce(Point<'_>) -> arachne_model::table::PointRow) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let labels = Labels::new(metric.labels.iter().copied().zip(labels.iter().copied()).chain(self.of));
        let Window { start, width } = self.window;
        self.sink.point(row(Point { start, width, name: metric.name, unit: metric.unit, labels: &labels }));
    }
}

impl Drop for Report<'_> {
    /// What was not read is gone.
    fn drop(&mut self) {
        let reading = self.counters.reading;
        self.counters.last.retain(|_, seen| seen.reading == reading);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Found;

    const SECOND: i64 = 1_000_000_000;
    const TURNS: Metric = Metric::counter("turns", "1", &["wheel"], "", "");

    #[test]
    fn windows_meet_and_clocks_that_go_back_begin_anew() {
        let mut readings = Readings::new(Duration::from_secs(10));
        let mut window = |second: i64| {
            let mut found = Found::default();
            let mut report = readings.begin(second * SECOND, &mut found)?;
            report.total(&TURNS, &["a"], second.unsigned_abs());
            drop(report);
            Some(found.points.first().map(|point| (point.start / SECOND, point.width / SECOND, point.count, point.sum)))
        };
        let cases = [
            (25, Some(None)),
            (31, Some(Some((20, 10, 6, 6)))),
            (39, None),
            (40, Some(Some((30, 10, 9, 9)))),
            (75, Some(Some((40, 30, 35, 35)))),
            (12, Some(None)),
            (20, Some(Some((10, 10, 8, 8)))),
        ];
        for (second, expected) in cases {
            assert_eq!(window(second), expected, "{second}");
        }
    }

    #[test]
    fn what_fell_or_was_away_has_no_growth() {
        let mut readings = Readings::new(Duration::from_secs(1));
        let mut growth = |second: i64, totals: Option<&[u64]>| {
            let mut found = Found::default();
            let mut report = readings.begin(second * SECOND, &mut found).expect("each has an interval of its own");
            totals.and_then(|totals| report.growth("disk", "sda", totals))
        };
        assert_eq!(growth(1, Some(&[5, 7])), None);
        assert_eq!(growth(2, Some(&[6, 7])), Some(vec![1, 0]));
        assert_eq!(growth(3, Some(&[9, 2])), None);
        assert_eq!(growth(4, Some(&[9, 3])), Some(vec![0, 1]));
        assert_eq!(growth(5, None), None);
        assert_eq!(growth(6, Some(&[10, 3])), None);
    }
}
