//! Points, put together.

use arachne_aggregate::{Distinct, Histogram};
use arachne_model::table::PointRow;

/// Labels of a series, put into their canonical text.
///
/// Control characters and line feeds in a value become U+FFFD: values are chosen by strangers, and each label is a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(String);

impl Labels {
    /// Of names with values, in any order. Names are ours: lower case, dots, underscores.
    #[must_use]
    pub fn new<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.sort_unstable_by_key(|(name, _)| *name);
        let mut text = String::new();
        for (name, value) in labels {
            text.push_str(name);
            text.push_str(": ");
            text.extend(value.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }));
            text.push('\n');
        }
        Self(text)
    }

    /// The text, as the column `labels` has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A window of one series, as collectors make it.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// When the window begins, nanoseconds since the Unix epoch.
    pub start: i64,
    /// How long it is, in nanoseconds.
    pub width: i64,
    /// What is measured.
    pub name: &'a str,
    /// `ns`, `By`, `1` or `1e-9`.
    pub unit: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
}

impl Point<'_> {
    fn row(&self, kind: &str) -> PointRow {
        PointRow {
            start: self.start,
            width: self.width,
            name: self.name.to_owned(),
            kind: kind.to_owned(),
            unit: self.unit.to_owned(),
            labels: self.labels.as_str().to_owned(),
            ..PointRow::default()
        }
    }

    /// A counter that grew by `sum` in `count` steps. Where steps are not known, 1: it was read once.
    #[must_use]
    pub fn counter(&self, count: u64, sum: i64) -> PointRow {
        PointRow { count, sum, ..self.row("counter") }
    }

    /// A gauge that was read once.
    #[must_use]
    pub fn gauge(&self, value: i64) -> PointRow {
        let read = Some(value);
        PointRow { count: 1, sum: value, min: read, max: read, last: read, ..self.row("gauge") }
    }

    /// A distribution of values of the unit.
    #[must_use]
    pub fn histogram(&self, values: &Histogram) -> PointRow {
        let sum = i64::try_from(values.sum()).unwrap_or(i64::MAX);
        PointRow { count: values.count(), sum, sketch: values.to_bytes(), ..self.row("histogram") }
    }

    /// How many different ones there were; they were looked at once.
    #[must_use]
    pub fn distinct(&self, values: &Distinct) -> PointRow {
        PointRow { count: 1, sketch: values.to_bytes(), ..self.row("distinct") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_lines_in_order_whatever_strangers_put_into_them() {
        let labels = Labels::new([("user", "root\nkind: fake"), ("process", "a: b")]);
        assert_eq!(labels.as_str(), "process: a: b\nuser: root\u{fffd}kind: fake\n");
    }
}
