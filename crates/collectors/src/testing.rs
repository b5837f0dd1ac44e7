//! For tests of collectors: a sink that keeps everything, and trees of files.

use std::collections::BTreeSet;
use std::path::Path;

use arachne_model::table::{LogRow, PointRow};

use crate::{Metric, Sink};

/// What a collector found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub points: Vec<PointRow>,
    pub records: Vec<LogRow>,
}

impl Sink for Found {
    fn point(&mut self, point: PointRow) {
        self.points.push(point);
    }

    fn record(&mut self, record: LogRow) {
        self.records.push(record);
    }
}

impl Found {
    /// The sum of the only point with these labels, as (name, value) in the order of their names.
    pub(crate) fn sum(&self, metric: &Metric, labels: &[(&str, &str)]) -> Option<i64> {
        let text: String = labels.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let mut points = self.points.iter().filter(|point| point.name == metric.name && point.labels == text);
        let sum = points.next().map(|point| point.sum);
        assert!(points.next().is_none(), "two points of {} {text}", metric.name);
        sum
    }

    /// The sum over all labels.
    pub(crate) fn total(&self, metric: &Metric) -> i64 {
        self.points.iter().filter(|point| point.name == metric.name).map(|point| point.sum).sum()
    }

    /// Each metric that is listed has a point, and only those have.
    pub(crate) fn assert_all_of(&self, metrics: &[Metric]) {
        let listed: BTreeSet<&str> = metrics.iter().map(|metric| metric.name).collect();
        let emitted: BTreeSet<&str> = self.points.iter().map(|point| point.name.as_str()).collect();
        assert_eq!(emitted, listed);
    }
}

/// Writes files below a folder.
pub(crate) fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("joined to a folder")).expect("a folder of a test");
        std::fs::write(path, text).expect("a file of a test");
    }
}
