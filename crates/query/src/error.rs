//! Why a question cannot be answered.

use std::sync::Arc;

use arachne_filter::Diagnostic;
use arachne_store::StoreError;

/// Why a question cannot be answered. [`Self::code`] is stable, [`Self::field`] says where in the request to look.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueryError {
    /// No table is called so.
    #[error("there is no table {name}: there are {known}")]
    UnknownTable {
        /// What was asked for.
        name: String,
        /// All names.
        known: String,
    },
    /// The filter has mistakes.
    #[error("the filter has a mistake: {}", first(.diagnostics))]
    BadFilter {
        /// What is wrong, where, and how to put it right; not empty.
        diagnostics: Vec<Diagnostic>,
    },
    /// The table has no such field.
    #[error("{table} has no field {name}")]
    UnknownField {
        /// The part of the request.
        part: &'static str,
        /// What was asked for.
        name: String,
        /// The table.
        table: &'static str,
    },
    /// The field cannot be used there.
    #[error("{name} cannot be used here: {reason}")]
    UnfitField {
        /// The part of the request.
        part: &'static str,
        /// The field.
        name: String,
        /// Why not, and what can.
        reason: &'static str,
    },
    /// A time that is none.
    #[error(
        "{text} is no time: write 2026-11-21T10:00:00Z, 2026-11-21, now, -1h, or a number since 1970 in s, ms, us or ns"
    )]
    BadTime {
        /// What was given.
        text: String,
    },
    /// A length of time that is none.
    #[error("{text} is no length of time: write a number with ns, us, ms, s, m, h or d, such as 5m, above 0")]
    BadSpan {
        /// What was given.
        text: String,
    },
    /// The range ends before it begins.
    #[error("the range is empty: it ends at {to}, not after its start {from}")]
    EmptyRange {
        /// Its start.
        from: String,
        /// Its end.
        to: String,
    },
    /// More of something than the limit.
    #[error("{asked} {what} were asked for, at most {max} are answered{advice}")]
    TooMany {
        /// The part of the request.
        part: &'static str,
        /// Of what.
        what: &'static str,
        /// How many.
        asked: u64,
        /// The limit.
        max: u64,
        /// What to do, with a separator in front; may be empty.
        advice: &'static str,
    },
    /// The data has more groups than can be told apart exactly.
    #[error(
        "there are more than {max} groups: split by a field with fewer values, take a shorter range or a larger step"
    )]
    TooManyGroups {
        /// The limit.
        max: usize,
    },
    /// The cursor is damaged or belongs to another list.
    #[error("the cursor cannot be used: {reason}; start again without one")]
    BadCursor {
        /// Why.
        reason: &'static str,
    },
    /// A share that is none.
    #[error("{value} is no quantile: give shares from 0 to 1, such as 0.95")]
    BadQuantile {
        /// What was given.
        value: f64,
    },
    /// A time zone that is none.
    #[error("the time zone is not known here: {reason}; give a name such as Europe/Berlin, or none for UTC")]
    BadZone {
        /// Why not.
        reason: String,
    },
    /// Points of a metric that cannot be added up.
    #[error("points of {metric} are of several kinds, {one} and {other}: add kind: or unit: to the filter")]
    MixedPoints {
        /// The metric.
        metric: String,
        /// A kind and its unit.
        one: String,
        /// Another.
        other: String,
    },
    /// Units that cannot be added to each other.
    #[error("values in {one} and in {other} cannot be added or subtracted; they can be divided and multiplied")]
    UnlikeUnits {
        /// That of the first metric.
        one: String,
        /// That of the second.
        other: String,
    },
    /// Thresholds of classes in the wrong order.
    #[error("the thresholds of the classes must grow: {fast_ns} ns to {slow_ns} ns")]
    BadThresholds {
        /// Below is fast.
        fast_ns: i64,
        /// From here on slow.
        slow_ns: i64,
    },
    /// The store could not answer.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

impl QueryError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownTable { .. } => "unknown-table",
            Self::BadFilter { .. } => "bad-filter",
            Self::UnknownField { .. } => "unknown-field",
            Self::UnfitField { .. } => "unfit-field",
            Self::BadTime { .. } => "bad-time",
            Self::BadSpan { .. } => "bad-span",
            Self::EmptyRange { .. } => "empty-range",
            Self::TooMany { .. } => "too-many",
            Self::TooManyGroups { .. } => "too-many-groups",
            Self::BadCursor { .. } => "bad-cursor",
            Self::BadQuantile { .. } => "bad-quantile",
            Self::BadZone { .. } => "bad-zone",
            Self::MixedPoints { .. } => "mixed-points",
            Self::UnlikeUnits { .. } => "unlike-units",
            Self::BadThresholds { .. } => "bad-thresholds",
            Self::Store(error) if matches!(**error, StoreError::Stopped) => "stopped",
            Self::Store(_) => "store",
        }
    }

    /// The part of the request that is wrong; `None` when it is not the request.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::UnknownTable { .. } => Some("table"),
            Self::BadFilter { .. } => Some("filter"),
            Self::UnknownField { part, .. } | Self::UnfitField { part, .. } | Self::TooMany { part, .. } => Some(part),
            Self::BadTime { .. } | Self::EmptyRange { .. } => Some("from"),
            Self::BadSpan { .. } => Some("step"),
            Self::TooManyGroups { .. } => Some("by"),
            Self::BadCursor { .. } => Some("cursor"),
            Self::BadQuantile { .. } => Some("quantiles"),
            Self::BadZone { .. } => Some("zone"),
            Self::MixedPoints { .. } => Some("metric"),
            Self::UnlikeUnits { .. } => Some("with"),
            Self::BadThresholds { .. } => Some("fast_ns"),
            Self::Store(_) => None,
        }
    }
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

fn first(diagnostics: &[Diagnostic]) -> &str {
    diagnostics.first().map_or("it cannot be read", |diagnostic| &diagnostic.message)
}

/// Refuses more than `max`.
pub(crate) fn at_most(part: &'static str, what: &'static str, asked: usize, max: usize) -> Result<(), QueryError> {
    let error = QueryError::TooMany { part, what, asked: asked as u64, max: max as u64, advice: "" };
    if asked > max { Err(error) } else { Ok(()) }
}
