//! What a store is asked, and what it answers.
//!
//! An engine filters, groups, sums and sorts, nothing else: buckets, percentiles, tops, pages and drill contracts are made
//! above it from these answers, so that engines cannot differ.

use std::collections::BTreeSet;
use std::sync::Arc;

use arachne_aggregate::histogram::Histogram;
use arachne_aggregate::sketch::Sketch;
use arachne_filter::{Computed, HeaderSide, Outcome, Predicate, Thresholds};
use arachne_model::table::{Table, Value};

/// How an item belongs to a range of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CountMode {
    /// Its [start, end) meets the range; an item of zero length counts at its start, an open one lasts until now.
    #[default]
    Overlap,
    /// It starts inside.
    Start,
    /// It ends inside; open items do not.
    End,
}

/// A half-open range of instants in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// The first instant inside.
    pub from: i64,
    /// The first instant behind it.
    pub to: i64,
}

impl TimeRange {
    /// All instants but the very last.
    pub const ALL: Self = Self { from: i64::MIN, to: i64::MAX };
}

/// Which rows a question is about.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The table.
    pub table: &'static Table,
    /// When.
    pub range: TimeRange,
    /// How rows belong to the range.
    pub mode: CountMode,
    /// Which rows.
    pub predicate: Arc<Predicate>,
    /// Open items (null end) last until this instant.
    pub now: i64,
    /// Leave out twins: rows of exchanges that another row counts for. Tables without the column `counted` ignore it.
    pub counted_only: bool,
}

/// A number of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// An integer column.
    Column(usize),
    /// [`Computed::Duration`] or [`Computed::Wait`].
    Computed(Computed),
}

/// What rows are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The value of a column.
    Column(usize),
    /// The response class.
    Class(Thresholds),
    /// The first value of a header; null without.
    Header(HeaderSide, String),
    /// Who asks, where it is one of a few.
    Caller(Arc<Callers>),
    /// The number of the bucket that the row falls into by the selection's mode: for [`CountMode::Start`] that of its
    /// start, for [`CountMode::End`] that of its end. As integer from 0; rows outside the range do not come here.
    Bucket(Buckets),
    /// For [`CountMode::Overlap`]: the numbers of the first and of the last bucket that the row's [start, end) meets,
    /// clipped to the range, as one integer `first << 32 | last`.
    Buckets(Buckets),
}

/// Who asks: the client, or where that is a gateway, whom it asks for; null for all that are not named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Callers {
    /// The column of who asks.
    pub client: usize,
    /// The column of whom it asks for.
    pub origin: usize,
    /// Clients that only forward. Where one asks for nobody, it asks itself.
    pub gateways: BTreeSet<Box<str>>,
    /// Those that are told apart.
    pub named: BTreeSet<Box<str>>,
}

/// Equal buckets over the selection's range: bucket `n` is [origin + n * step, origin + (n + 1) * step).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Buckets {
    /// Where bucket 0 starts, in nanoseconds.
    pub origin: i64,
    /// Width in nanoseconds, above 0.
    pub step: i64,
    /// Number of buckets, at least 1.
    pub count: u32,
}

/// What is computed of each group. Rows whose number is null add nothing but to counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Rows.
    Count,
    /// Rows by what came of them.
    Outcomes,
    /// Sum.
    Sum(Number),
    /// Smallest.
    Min(Number),
    /// Largest.
    Max(Number),
    /// Mergeable histogram of values at least 0 (negative ones count as 0).
    Histogram(Number),
    /// The number of the row that starts last; of several the largest.
    Last(Number),
    /// The sum of the sketches in a column of bytes.
    Sketch(usize),
    /// The mean of each series, added up.
    Means(Means),
}

/// How much there is of something that several have, such as memory: rows with the same values in the columns `of` are a series, its
/// mean is the sum of its `sum` by that of its `count`, and the means of all series of a group are added up in the order of those
/// values. A series whose count is not above 0 has no mean. All are indices of columns; those of `sum` and `count` are of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Means {
    /// What is added up.
    pub sum: usize,
    /// How many there are.
    pub count: usize,
    /// What tells series apart.
    pub of: [usize; 2],
}

/// A grouping of a selection.
#[derive(Clone, Debug)]
pub struct GroupRequest {
    /// Which rows.
    pub selection: Selection,
    /// What they are grouped by; none gives one group.
    pub keys: Vec<Key>,
    /// What is computed.
    pub measures: Vec<Measure>,
    /// At most so many groups are told apart; the rows of all further ones are counted in [`Groups::rest`]. Which groups
    /// come first is up to the engine.
    pub groups_max: usize,
    /// With more groups than that the answer is of no use: an engine need not go on then. It gives no groups, and
    /// [`Groups::rest`] without any meaning but that. With [`Measure::Means`] a group counts once for each of its series.
    pub whole: bool,
}

/// An owned value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scalar {
    /// Nothing.
    Null,
    /// A flag.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Text.
    Text(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
}

impl Scalar {
    /// The value, borrowed.
    #[must_use]
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Int(number) => Value::Int(*number),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}

impl From<Value<'_>> for Scalar {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(flag),
            Value::Int(number) => Self::Int(number),
            Value::Text(text) => Self::Text(text.into()),
            Value::Bytes(bytes) => Self::Bytes(bytes.into()),
        }
    }
}

/// A measured value.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// Of [`Measure::Count`].
    Int(i64),
    /// Of [`Measure::Sum`]: in more bits than any sum of a table needs.
    Sum(i128),
    /// Of [`Measure::Outcomes`], in the order of [`Outcome`].
    Outcomes([u64; Outcome::COUNT]),
    /// Of [`Measure::Min`], [`Measure::Max`] and [`Measure::Last`]; `None` when every number was null.
    Extreme(Option<i64>),
    /// Of [`Measure::Histogram`].
    Histogram(Box<Histogram>),
    /// Of [`Measure::Sketch`].
    Sketch(Box<Sketch>),
    /// Of [`Measure::Means`]; `None` when no series has a mean.
    Mean(Option<f64>),
}

impl Measured {
    /// A count or a sum, as far as 64 bits go; 0 of anything else. Where a sum may be larger, it is taken as it is.
    #[must_use]
    pub fn number(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            Self::Sum(sum) => i64::try_from(*sum).unwrap_or(if *sum < 0 { i64::MIN } else { i64::MAX }),
            _ => 0,
        }
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// A value for each key.
    pub key: Vec<Scalar>,
    /// A value for each measure.
    pub measures: Vec<Measured>,
}

/// The groups of a selection, in no order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// The groups.
    pub groups: Vec<Group>,
    /// The measures of all rows beyond [`GroupRequest::groups_max`]; `None` when there were none.
    pub rest: Option<Vec<Measured>>,
    /// What it cost.
    pub scanned: Scanned,
}

/// What an answer cost, and how whole it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Rows looked at.
    pub rows: u64,
    /// Rows skipped by statistics, blooms or an early stop.
    pub skipped: u64,
    /// Rows that should be there and cannot be read: quarantined parts, lost frames.
    pub lost: u64,
    /// The width of the widest roll-ups that took the place of points, in nanoseconds; 0 when there were none.
    pub resolution: i64,
}

/// By what a list is ordered. Ties are broken by id (or by all order columns of the table), in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// What by; nulls are smallest.
    pub by: Number,
    /// Largest first.
    pub descending: bool,
}

/// Where a page goes on: behind the row with this number and these values of the table's order columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The value of [`Order::by`]; `None` for null.
    pub number: Option<i64>,
    /// The values of the table's order columns.
    pub key: Vec<Scalar>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// Which rows.
    pub selection: Selection,
    /// In which order.
    pub order: Order,
    /// Behind which row.
    pub after: Option<Cursor>,
    /// At most so many rows.
    pub limit: usize,
    /// The columns wanted, by index, in this order.
    pub columns: Vec<usize>,
}

/// A page of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Rows with the wanted columns.
    pub rows: Vec<Vec<Scalar>>,
    /// Where the next page goes on; `None` when this was the last.
    pub next: Option<Cursor>,
    /// What it cost.
    pub scanned: Scanned,
}
