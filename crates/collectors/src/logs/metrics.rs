//! What is measured of logs, and how windows become points.

use arachne_aggregate::series::{Series, Value};
use arachne_aggregate::windows::WIDTH;
use arachne_model::table::PointRow;

use crate::{Labels, Metric, Point, beacon};

/// What it reads.
pub const SAYS: &str = "Follows log files: access logs as requests, others by rules; those of nginx are found by themselves. All of \
                        these have the label `file`, and `service` and `server` where these are known.";

/// Its metrics; rules have those that they name.
pub const METRICS: &[&[Metric]] = &[ACCESS, LINES];

/// Units of what is counted by name.
fn unit(name: &str) -> Option<&'static str> {
    let known = ACCESS.iter().chain(beacon::METRICS.iter().copied().flatten()).find(|metric| metric.name == name);
    known.map(|metric| metric.unit)
}

const ACCESS_LOG: &str = "access log";
const ACCESS: &[Metric] = &[
    Metric::counter("access.total", "1", &["class"], "requests, whatever their template", ACCESS_LOG),
    Metric::counter("access.requests", "1", &["class", "template"], "requests by template", ACCESS_LOG),
    Metric::counter(
        "access.upstream.requests",
        "1",
        &["class", "template"],
        "those that asked an upstream, by its time",
        ACCESS_LOG,
    ),
    Metric::counter("access.statuses", "1", &["status", "template"], "requests by status", ACCESS_LOG),
    Metric::distinct(
        "access.clients",
        "1",
        &["class", "template"],
        "different clients: that had an error (by template), a slow answer, `~other`; all together are all clients, each once, over hosts and time, too. An estimate: its standard error is 1.6 %",
        ACCESS_LOG,
    ),
    Metric::counter("access.bytes", "By", &["template"], "bytes sent", ACCESS_LOG),
    Metric::histogram(
        "access.time",
        "ns",
        &["template"],
        "time of requests, from their first byte to the last of the answer",
        ACCESS_LOG,
    ),
    Metric::histogram("access.upstream.time", "ns", &["template"], "time that upstreams took", ACCESS_LOG),
    Metric::counter("access.methods", "1", &["method"], "requests by method", ACCESS_LOG),
    Metric::counter("access.cache", "1", &["cache"], "requests by status of nginx's cache", ACCESS_LOG),
    Metric::counter(
        "access.upstream.attempts",
        "1",
        &["upstream"],
        "times that an upstream server was asked",
        ACCESS_LOG,
    ),
    Metric::histogram("access.upstream.attempt_time", "ns", &["upstream"], "how long it took each time", ACCESS_LOG),
    Metric::counter(
        "access.other_max",
        "1",
        &[],
        "no template within `~other` has more requests than this",
        ACCESS_LOG,
    ),
];

pub(super) const COUNTED: Metric = Metric::counter("log.lines", "1", &[], "lines that were read", "log");
pub(super) const BYTES: Metric = Metric::counter("log.bytes", "By", &[], "bytes of them", "log");
pub(super) const UNMATCHED: Metric = Metric::counter(
    "log.lines.unmatched",
    "1",
    &["reason"],
    "lines that no rule matched, or that are no requests",
    "log",
);
pub(super) const CUT: Metric =
    Metric::counter("log.lines.cut", "1", &[], "lines longer than 64 KiB, read up to there", "log");
pub(super) const MISSED: Metric = Metric::counter(
    "log.lines.missed",
    "1",
    &["reason"],
    "lines that count in no window: of the future, or too late",
    "log",
);
pub(super) const EVENTS: Metric = Metric::counter(
    "log.events",
    "1",
    &["code", "level", "template"],
    "lines, traces as one, by level and log code, else by template; not of access logs",
    "log",
);
pub(super) const LIMITED: Metric = Metric::counter(
    "log.labels.limited",
    "1",
    &["label", "metric"],
    "values in `~other`: a metric of a rule has more than 500 sets of labels, most of them by this label",
    "log",
);
const OTHER_MAX: Metric = Metric::counter(
    "log.labels.other_max",
    "1",
    &["metric"],
    "no set of labels within `~other` of a rule's metric has more values than this",
    "log",
);
pub(super) const DROPPED: Metric =
    Metric::counter("log.records.dropped", "1", &["level"], "lines to be kept for which there was no room", "log");
pub(super) const BEHIND: Metric =
    Metric::gauge("log.behind", "By", &[], "bytes that are there and were not read yet", "log");
pub(super) const LAG: Metric = Metric::gauge(
    "log.lag",
    "ns",
    &[],
    "for how long bytes wait that were not read yet, 0 where reading keeps up",
    "log",
);
pub(super) const ROTATED: Metric =
    Metric::counter("log.files.rotated", "1", &[], "files that took the place of others", "log");
pub(super) const FILES: Metric = Metric::gauge("log.files", "1", &[], "files that are followed, by pattern", "log");
pub(super) const EMPTIED: Metric =
    Metric::counter("log.files.emptied", "1", &[], "files that were emptied or written anew in place", "log");

const LINES: &[Metric] = &[
    COUNTED, BYTES, UNMATCHED, CUT, MISSED, EVENTS, LIMITED, OTHER_MAX, DROPPED, BEHIND, LAG, FILES, ROTATED, EMPTIED,
];

/// Puts points of one file together.
pub(crate) struct Points<'a> {
    /// Labels of the file.
    pub own: &'a [(String, String)],
    /// Where points go.
    pub out: &'a mut Vec<PointRow>,
}

impl Points<'_> {
    /// A point of a metric of ours, in the window at `start`; nothing for a counter that did not grow.
    pub(crate) fn put(&mut self, metric: &Metric, labels: &[&str], start: i64, value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        let is_counter = metric.kind == crate::Kind::Counter;
        if is_counter && value == 0 {
            return;
        }
        let named: Vec<_> =
            metric.labels.iter().copied().zip(labels.iter().copied()).filter(|(_, v)| !v.is_empty()).collect();
        let row = self.row(metric.name, metric.unit, &named, start, |point| {
            if is_counter { point.counter(value.unsigned_abs(), value) } else { point.gauge(value) }
        });
        self.out.push(row);
    }

    /// A series of a window at `start`.
    pub(crate) fn series(&mut self, series: &Series<'_>, start: i64) {
        self.valued(series, "1e-9", start);
    }

    /// The same; values of metrics that are none of ours are billionths of something (`1e-9`), or times (`ns`).
    pub(super) fn valued(&mut self, series: &Series<'_>, values: &str, start: i64) {
        let known = unit(series.name);
        let row = match series.value {
            Value::Count(0) => return,
            Value::Count(count) => {
                let sum = i64::try_from(count).unwrap_or(i64::MAX);
                self.row(series.name, known.unwrap_or("1"), series.labels, start, |point| point.counter(count, sum))
            }
            Value::Sum(sum) => {
                let sum = i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX });
                self.row(series.name, values, series.labels, start, |point| point.counter(1, sum))
            }
            Value::Histogram(all) => {
                self.row(series.name, known.unwrap_or(values), series.labels, start, |point| point.histogram(all))
            }
            Value::Distinct(all) => {
                self.row(series.name, known.unwrap_or("1"), series.labels, start, |point| point.distinct(all))
            }
        };
        self.out.push(row);
    }

    fn row(
        &self,
        name: &str,
        unit: &str,
        labels: &[(&str, &str)],
        start: i64,
        make: impl FnOnce(Point<'_>) -> PointRow,
    ) -> PointRow {
        // A label of the rule is nearer than one of the file.
        let own = self.own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let own = own.filter(|(name, _)| labels.iter().all(|(other, _)| other != name));
        let labels = Labels::new(own.chain(labels.iter().copied()));
        make(Point { start, width: WIDTH, name, unit, labels: &labels })
    }
}
