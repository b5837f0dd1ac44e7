//! Rules as they are written.

use thiserror::Error;

use super::pattern::PatternError;

/// Where the fields of a line come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The groups of an expression.
    Regex(String),
    /// The same with `%{NAME:group}` in it.
    Grok(String),
    /// `name=value` anywhere in the line.
    KeyValue,
    /// The members of a JSON object, those within others as `outer.inner`.
    Json,
}

/// A field that is a list of `name=value`: each pair is a value of its own, with the fields `name` and `value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Each {
    /// The field.
    pub field: String,
    /// Names that are passed over.
    pub skip: Vec<String>,
}

/// What is made of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How often per second; with a value, how much of it per second.
    Rate,
    /// The distribution of values.
    Percentiles,
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSpec {
    /// What is made of the values.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// `field` or `transform:field`.
    pub value: Option<String>,
    /// Percentiles to show, in hundredths of a percent; the distribution as a whole is kept.
    pub percents: Vec<u16>,
    /// Labels with what they are: `=field` or text.
    pub labels: Vec<(String, String)>,
}

impl MetricSpec {
    /// Whether its values become times, which are exactly so many nanoseconds: those of `ms2sec:` and its kin.
    #[must_use]
    pub fn is_time(&self) -> bool {
        self.value.as_deref().and_then(|value| value.split_once(':')).is_some_and(|(name, _)| name.ends_with("2sec"))
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSpec {
    /// What people call it.
    pub name: String,
    /// Where fields come from.
    pub source: Source,
    /// The field with the time; lines without it count when they arrive.
    pub time_field: Option<String>,
    /// Its layout, see [`crate::time::Layout`].
    pub time_format: Option<String>,
    /// The offset of times without one; UTC when empty.
    pub timezone: String,
    /// A field that is a list.
    pub each: Option<Each>,
    /// What is counted.
    pub metrics: Vec<MetricSpec>,
}

/// The part of a rule that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its expression, with the byte where it is known.
    Source(Option<usize>),
    /// Its time field or format.
    Time,
    /// The list.
    Each,
    /// It has none.
    Metrics,
    /// The value or the percentiles of a metric, by its number.
    Metric(usize),
}

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct RuleError {
    /// Which part of it.
    pub place: Place,
    /// What is wrong and what to do.
    pub message: String,
}

impl RuleError {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }
}

impl From<PatternError> for RuleError {
    fn from(error: PatternError) -> Self {
        Self::new(Place::Source(error.offset), format!("the expression {}", error.message))
    }
}
