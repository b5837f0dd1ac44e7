//! What is asked about series, and what is answered.

use serde::{Deserialize, Serialize};

use super::aggregate::Aggregate;
use super::compare::Compare;
use crate::cell::Cell;
use crate::drill::Drill;
use crate::histogram::SeriesKind;
use crate::limits::TOP;
use crate::list::Cost;
use crate::object::object;
use crate::time::{Instant, Span, When};

/// How two series become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Operator {
    /// The first by the second; null where the second is zero.
    Divide,
    /// The first less the second.
    Subtract,
    /// Both together.
    Add,
    /// One times the other.
    Multiply,
}

/// A second metric, which is put together with the first bucket by bucket and group by group.
///
/// Where one has points and the other has none, a rate, sum or count of nothing is zero; anything else is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesWith {
    /// How.
    pub operator: Operator,
    /// Its name.
    pub metric: String,
    /// A filter on its points.
    #[serde(default)]
    pub filter: String,
    /// What becomes of its points; as for the first metric unless given.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub aggregate: Option<Aggregate>,
}

/// A metric over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesQuery {
    /// Its name.
    pub metric: String,
    /// A filter on its points, such as `label.class:error agent:web-1`.
    pub filter: String,
    /// What becomes of the points of a bucket: `rate`, `sum`, `count`, `avg`, `min`, `max`, `last`, `level`, `distinct`, or a percentile
    /// such as `p95`. Of counters `rate`, of gauges `avg`, of histograms `p95` unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub aggregate: Option<Aggregate>,
    /// The first instant inside; where the table begins unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub from: Option<When>,
    /// The first instant behind; where the table ends unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub to: Option<When>,
    /// Width of a bucket, such as `30s`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub step: Option<Span>,
    /// At most so many buckets, of a width that people can read, when there is no step.
    pub buckets: Option<u32>,
    /// Labels to group by, each by its name; `agent` is who measured.
    pub by: Vec<String>,
    /// Groups with series of their own; all further ones are one.
    pub top: usize,
    /// A second metric to put together with this one.
    #[serde(deserialize_with = "some_object", skip_serializing_if = "Option::is_none")]
    pub with: Option<SeriesWith>,
    /// Another range to compare with.
    pub compare: Option<Compare>,
    /// The time zone that days and weeks of `compare` follow, such as `Europe/Berlin`; empty for UTC.
    pub zone: String,
}

impl Default for SeriesQuery {
    fn default() -> Self {
        Self {
            metric: String::new(),
            filter: String::new(),
            aggregate: None,
            from: None,
            to: None,
            step: None,
            buckets: None,
            by: Vec::new(),
            top: TOP,
            with: None,
            compare: None,
            zone: String::new(),
        }
    }
}

fn some_object<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<SeriesWith>, D::Error> {
    object(deserializer).map(Some)
}

/// Values by bucket; null where nothing was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Amounts {
    /// Exact, of sums, counts, readings, percentiles.
    Whole(Vec<Option<i64>>),
    /// Rates, averages, and what two metrics became.
    Broken(Vec<Option<f64>>),
}

/// A series.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesOf {
    /// What it stands for.
    pub kind: SeriesKind,
    /// The values of the fields of `by`; empty of all others together.
    pub key: Vec<Cell>,
    /// By bucket.
    pub values: Amounts,
    /// Over the whole range, as if that were one bucket; of a `level` the mean of the buckets in which the metric was measured, those without this series being zero.
    pub total: Option<f64>,
    /// By bucket, at the same time of the range that is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Amounts>,
    /// Over the whole of that range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_total: Option<f64>,
    /// What a click opens, with the range of the bucket. Its filter stands alone: that of the series is about points.
    pub drill: Drill,
}

/// A metric over time. Bucket `n` is `[start + n * step_ns, start + (n + 1) * step_ns)`, cut to `[from, to)`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesAnswer {
    /// Where bucket 0 starts.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub start: Instant,
    /// Width of a bucket in nanoseconds.
    pub step_ns: i64,
    /// Number of buckets.
    pub count: u32,
    /// Start of the range.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from: Instant,
    /// End of the range.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub to: Instant,
    /// Whether the first bucket begins before the range.
    pub partial_first: bool,
    /// Whether the last bucket ends behind the range.
    pub partial_last: bool,
    /// What became of the points.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub aggregate: Aggregate,
    /// counter, gauge, histogram or distinct; empty when there are no points.
    pub metric_kind: String,
    /// The unit of the values: `ns`, `By`, `1`, `1e-9` (billionths), each perhaps per second (`/s`).
    pub unit: String,
    /// The fields that series are grouped by.
    pub by: Vec<String>,
    /// Start of the range that is compared with.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_from: Option<Instant>,
    /// End of the range that is compared with.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_to: Option<Instant>,
    /// The series, those with the largest totals first, then all others as one.
    pub series: Vec<SeriesOf>,
    /// How many groups there are.
    pub groups: u64,
    /// Histograms and distinct counters that could not be read, and are missing in the values.
    pub unread: u64,
    /// The width of the widest windows whose points were rolled up into one row beforehand, in nanoseconds; 0 where all was made of
    /// the points themselves. The values are the same.
    pub resolution_ns: i64,
    /// What it cost.
    pub scanned: Cost,
}
