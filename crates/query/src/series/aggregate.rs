//! What becomes of the points of a bucket.

use std::fmt;

use arachne_model::table::{PointRow, Row as _};
use arachne_store::{Means, Measure, Measured, Number};
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

use super::state::State;

/// What becomes of the points of a bucket. As text `rate`, `sum`, `count`, `avg`, `min`, `max`, `last`, `level`, `distinct`, or a
/// percentile from `p0` to `p100`, such as `p95` or `p99.9`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// What was added, per second.
    Rate,
    /// What was added; of gauges the sum of their readings.
    Sum,
    /// Values: increments, readings, what a histogram holds.
    Count,
    /// Sum by count.
    Avg,
    /// The smallest reading, of gauges.
    Min,
    /// The largest reading, of gauges.
    Max,
    /// The newest reading of each series, added up.
    Last,
    /// The average of each series, added up: how much there was of something that many have, such as memory.
    Level,
    /// How many different values, about.
    Distinct,
    /// The value at or below which this share of all lies, of histograms.
    Quantile(f64),
}

impl Aggregate {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "rate" => Self::Rate,
            "sum" => Self::Sum,
            "count" => Self::Count,
            "avg" => Self::Avg,
            "min" => Self::Min,
            "max" => Self::Max,
            "last" => Self::Last,
            "level" => Self::Level,
            "distinct" => Self::Distinct,
            other => {
                let digits =
                    other.strip_prefix('p').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))?;
                let percent: f64 = digits.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))?;
                Self::Quantile(percent / 100.0)
            }
        })
    }

    /// What people want to see of a kind of metric.
    pub(super) fn of_kind(kind: &str) -> Self {
        match kind {
            "gauge" => Self::Avg,
            "histogram" => Self::Quantile(0.95),
            "distinct" => Self::Distinct,
            _ => Self::Rate,
        }
    }

    /// Whether it is made of each series before series are added up.
    pub(super) const fn is_by_series(self) -> bool {
        matches!(self, Self::Last | Self::Level)
    }

    /// Whether the store cannot add up its series.
    pub(super) const fn needs_members(self) -> bool {
        matches!(self, Self::Last)
    }

    /// Whether it needs sketches, of which few fit into memory.
    pub(super) const fn is_dear(self) -> bool {
        matches!(self, Self::Distinct | Self::Quantile(_))
    }

    /// Whether having no points beside something that has means zero.
    pub(super) const fn is_additive(self) -> bool {
        matches!(self, Self::Rate | Self::Sum | Self::Count)
    }

    /// Whether its values are whole numbers.
    pub(super) const fn is_whole(self) -> bool {
        !matches!(self, Self::Rate | Self::Avg | Self::Level)
    }

    /// The unit of its values, from that of the points.
    pub(super) fn unit(self, unit: &str) -> String {
        match self {
            Self::Rate => format!("{unit}/s"),
            Self::Count | Self::Distinct => "1".to_owned(),
            _ => unit.to_owned(),
        }
    }

    /// What the store has to compute.
    pub(super) fn measures(self) -> Vec<Measure> {
        let number = |name: &str| PointRow::TABLE.column(name).map(Number::Column);
        let sum = number("sum").map(Measure::Sum);
        let measures = match self {
            Self::Rate | Self::Sum => [sum, None],
            Self::Count => [number("count").map(Measure::Sum), None],
            Self::Avg => [sum, number("count").map(Measure::Sum)],
            Self::Level => [means(), None],
            Self::Min => [number("min").map(Measure::Min), None],
            Self::Max => [number("max").map(Measure::Max), None],
            Self::Last => [number("last").map(Measure::Last), None],
            Self::Distinct | Self::Quantile(_) => [PointRow::TABLE.column("sketch").map(Measure::Sketch), None],
        };
        measures.into_iter().flatten().collect()
    }

    /// What the store computed.
    pub(super) fn read(self, measured: Vec<Measured>) -> State {
        let mut state = State::default();
        for (at, measured) in measured.into_iter().enumerate() {
            match measured {
                Measured::Sum(number) if at > 0 || self == Self::Count => state.count = number,
                Measured::Sum(number) => state.sum = number,
                Measured::Extreme(number) => state.extreme = number,
                Measured::Sketch(sketch) => state.sketch = Some(sketch),
                Measured::Mean(level) => state.level = level,
                _ => {}
            }
        }
        state
    }
}

fn means() -> Option<Measure> {
    let column = |name| PointRow::TABLE.column(name);
    let of = [column("labels")?, column("agent")?];
    Some(Measure::Means(Means { sum: column("sum")?, count: column("count")?, of }))
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Rate => "rate",
            Self::Sum => "sum",
            Self::Count => "count",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Last => "last",
            Self::Level => "level",
            Self::Distinct => "distinct",
            // A share such as 0.999 times 100 is a little off in binary.
            Self::Quantile(share) => return write!(f, "p{}", (share * 1e8).round() / 1e6),
        };
        f.write_str(name)
    }
}

impl Serialize for Aggregate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Aggregate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format_args!(
                "{text:?} is none of rate, sum, count, avg, min, max, last, level, distinct, and no percentile such as p95"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in
            ["rate", "sum", "count", "avg", "min", "max", "last", "level", "distinct", "p50", "p99.9", "p0", "p100"]
        {
            assert_eq!(Aggregate::parse(name).map(|read| read.to_string()).as_deref(), Some(name));
        }
        for name in ["", "p", "p101", "p-1", "pinf", "pNaN", "p+5", "mean", "P95", "p1e1000"] {
            assert_eq!(Aggregate::parse(name), None, "{name}");
        }
        assert_eq!(Aggregate::parse("p95"), Some(Aggregate::Quantile(0.95)));
    }
}
