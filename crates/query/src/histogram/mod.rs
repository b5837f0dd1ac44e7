//! Range histograms: how many items each bucket of time meets, split by a field.

pub(crate) mod ladder;
mod series;
pub(crate) mod spread;

use arachne_filter::{Predicate, render};
use arachne_store::{Buckets, GroupRequest, Groups, Key, Scalar, TimeRange};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::error::{QueryError, at_most};
use crate::fields::{Split, split};
use crate::limits::{TOP, TOP_MAX};
use crate::list::Cost;
use crate::object::object;
use crate::plan::Plan;
use crate::scope::{Mode, Resolved, Scope};
use crate::tally::{Counting, Tallies, Wanted};
use crate::time::{Instant, Span};
use series::Bars;
pub use series::{Numbers, Series, SeriesKind};

/// What is summed in each bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum HistogramMeasure {
    /// Rows.
    #[default]
    Count,
    /// Their durations, in nanoseconds, each whole in every bucket that the row counts in.
    Duration,
    /// Their bytes on the wire, likewise.
    Bytes,
    /// Rows of class error.
    Errors,
    /// Rows of class error by all, 0 to 1; null where there are none.
    ErrorShare,
}

/// A range histogram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistogramQuery {
    /// Which rows.
    #[serde(deserialize_with = "object")]
    pub scope: Scope,
    /// Width of a bucket, such as `5m`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub step: Option<Span>,
    /// At most so many buckets, of a width that people can read, when there is no step.
    pub buckets: Option<u32>,
    /// The field that bars are split by, by name or alias; empty for none. Of exchanges class unless given.
    pub by: Option<String>,
    /// Series told apart; all further ones are one.
    pub top: usize,
    /// What is summed.
    pub measure: HistogramMeasure,
    /// Per second instead of per bucket. Buckets at the ends count by the part of them that lies in the range.
    pub rate: bool,
}

impl Default for HistogramQuery {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            step: None,
            buckets: None,
            by: None,
            top: TOP,
            measure: HistogramMeasure::default(),
            rate: false,
        }
    }
}

/// Bars by bucket of time. Bucket `n` is `[start + n * step_ns, start + (n + 1) * step_ns)`, cut to `[from, to)`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistogramAnswer {
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
    /// How rows were counted.
    pub mode: Mode,
    /// What was summed.
    pub measure: HistogramMeasure,
    /// Whether values are per second.
    pub rate: bool,
    /// The series: values by rank, then null, then the rest.
    pub series: Vec<Series>,
    /// How many of each bucket's rows are still open and will be counted again otherwise.
    pub provisional: Vec<i64>,
    /// Rows, each once, however many buckets it meets.
    pub total: u64,
    /// Whether a heavier value may be among the others, since there were too many to tell apart. All numbers are exact.
    pub approximate: bool,
    /// What it cost.
    pub scanned: Cost,
}

/// What a histogram is made of.
pub(crate) struct Shape {
    pub resolved: Resolved,
    pub buckets: Buckets,
    pub splits: Vec<Split>,
    /// The column that says which rows are still open, where there is one.
    pub open: Option<usize>,
    pub query: HistogramQuery,
}

impl Queries<'_> {
    /// A range histogram.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn histogram(&self, query: &HistogramQuery) -> Result<HistogramAnswer, QueryError> {
        self.run(self.plan_histogram(query)?)
    }

    pub(crate) fn plan_histogram(&self, query: &HistogramQuery) -> Result<Plan<HistogramAnswer>, QueryError> {
        let resolved = self.resolve(&query.scope)?;
        at_most("top", "series", query.top, TOP_MAX)?;
        let buckets = ladder::buckets(resolved.selection.range, query.step, query.buckets)?;
        let class = resolved.table.column("http.response.status_code").map(|_| "class");
        let by = query.by.as_deref().or(class).filter(|by| !by.is_empty());
        let splits: Vec<Split> = by.map(|by| split(&resolved, "by", by)).transpose()?.into_iter().collect();
        let open = resolved.table.column("provisional");
        let shape = Shape { resolved, buckets, splits, open, query: query.clone() };
        if let Some(split) = shape.splits.first().filter(|split| split.is_wide()) {
            let keys = [split.key.clone()];
            let (ranking, request) = Counting::new(&shape.resolved, &keys, shape.wanted());
            return Ok(Plan::before(vec![request], move |groups| shape.of_few(&ranking.read(first(groups)))));
        }
        let (counting, request) = shape.counting(&shape.resolved, true);
        Ok(Plan::new(vec![request], move |groups| shape.at_once(counting.read(first(groups)))))
    }
}

fn first(groups: Vec<Groups>) -> Groups {
    groups.into_iter().next().unwrap_or_default()
}

impl Shape {
    /// Counts by bucket, split if wanted, open rows apart.
    fn counting(&self, resolved: &Resolved, split: bool) -> (Counting, GroupRequest) {
        let mut keys = vec![Key::Buckets(self.buckets)];
        keys.extend(self.splits.iter().filter(|_| split).map(|split| split.key.clone()));
        keys.extend(self.open.map(Key::Column));
        Counting::new(resolved, &keys, self.wanted())
    }

    /// What the measure needs.
    fn wanted(&self) -> Wanted {
        let measure = self.query.measure;
        Wanted {
            outcomes: matches!(measure, HistogramMeasure::Errors | HistogramMeasure::ErrorShare),
            durations: measure == HistogramMeasure::Duration,
            bytes: measure == HistogramMeasure::Bytes,
            ..Wanted::default()
        }
    }

    /// All values by bucket in one pass: for fields that have few of them.
    fn at_once(self, tallies: Tallies) -> Result<HistogramAnswer, QueryError> {
        let tallies = tallies.whole()?;
        let value = |key: &[Scalar]| key.get(1).cloned().unwrap_or(Scalar::Null);
        let shown = series::shown(&self, tallies.groups.iter().map(|(key, tally)| (value(key), tally)));
        let mut bars = Bars::new(&self, shown);
        bars.add_split(&tallies);
        Ok(self.answer(&tallies, bars, false))
    }

    /// Once the heaviest of many values are known, these by bucket, and everything by bucket, whose rest is the others.
    fn of_few(self, ranked: &Tallies) -> Result<Plan<HistogramAnswer>, QueryError> {
        let value = |key: &[Scalar]| key.first().cloned().unwrap_or(Scalar::Null);
        let shown = series::shown(&self, ranked.groups.iter().map(|(key, tally)| (value(key), tally)));
        let approximate = ranked.rest.is_some();
        let few = shown.iter().flatten().map(|value| self.only(value)).collect::<Result<Vec<_>, _>>()?;
        let (all, everything) = self.counting(&self.resolved, false);
        let (each, split) = self.counting(&self.resolved.and(Predicate::Or(few)), true);
        Ok(Plan::new(vec![everything, split], move |groups| {
            let mut groups = groups.into_iter();
            let mut next = |counting: &Counting| counting.read(groups.next().unwrap_or_default()).whole();
            let (all, each) = (next(&all)?, next(&each)?);
            let mut bars = Bars::new(&self, shown);
            bars.add_all(&all);
            bars.take_from_others(&each);
            Ok(self.answer(&all, bars, approximate))
        }))
    }

    /// What passes at least the rows with this value.
    fn only(&self, value: &Scalar) -> Result<Predicate, QueryError> {
        let name = self.splits.first().map_or("", |split| &split.name);
        let term = render::term(self.resolved.table, name, value.as_value());
        term.map_or(Ok(Predicate::All), |term| self.resolved.parse(&term))
    }

    fn answer(&self, tallies: &Tallies, bars: Bars<'_>, approximate: bool) -> HistogramAnswer {
        let TimeRange { from, to } = self.resolved.selection.range;
        let Buckets { origin, step, count } = self.buckets;
        let end = i128::from(origin) + i128::from(step) * i128::from(count);
        HistogramAnswer {
            start: Instant(origin),
            step_ns: step,
            count,
            from: Instant(from),
            to: Instant(to),
            partial_first: origin < from,
            partial_last: end > i128::from(to),
            mode: self.resolved.mode,
            measure: self.query.measure,
            rate: self.query.rate,
            total: tallies.total().count,
            approximate,
            scanned: tallies.scanned.into(),
            provisional: bars.provisional(),
            series: bars.series(),
        }
    }

    /// Nanoseconds of each bucket that lie in the range.
    pub(crate) fn widths(&self) -> impl Iterator<Item = f64> + '_ {
        let TimeRange { from, to } = self.resolved.selection.range;
        let Buckets { origin, step, count } = self.buckets;
        let border = move |n: u32| i128::from(origin) + i128::from(step) * i128::from(n);
        (0..count).map(move |n| (border(n + 1).min(to.into()) - border(n).max(from.into())) as f64)
    }
}
