//! What lines become: values with a name and labels, of one window of time.

use crate::{Distinct, Histogram};

/// The label of all that has no label of its own.
pub const OTHER: &str = "~other";

/// A value of one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// How many.
    Count(u64),
    /// A sum, in billionths of its unit.
    Sum(i128),
    /// Values in billionths of their unit (nanoseconds), or bytes.
    Histogram(&'a Histogram),
    /// How many different ones.
    Distinct(&'a Distinct),
}

impl Value<'_> {
    /// The number that adds up over labels: a count, a sum, how many values; of different ones about how many, which does not.
    #[must_use]
    pub fn total(self) -> i128 {
        match self {
            Self::Count(count) => count.into(),
            Self::Sum(sum) => sum,
            Self::Histogram(histogram) => histogram.count().into(),
            Self::Distinct(distinct) => distinct.estimate().into(),
        }
    }
}

/// A value with its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series<'a> {
    /// What is measured.
    pub name: &'a str,
    /// Labels in the order of the metric's definition.
    pub labels: &'a [(&'a str, &'a str)],
    /// What it was in this window.
    pub value: Value<'a>,
}
