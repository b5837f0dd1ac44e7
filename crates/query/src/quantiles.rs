//! Quantiles by bucket of time and by group, from histograms that merge exactly.

use std::collections::BTreeMap;

use arachne_aggregate::histogram::Histogram;
use arachne_store::{Buckets, CountMode, Groups, Key, Scalar};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::cell::Cell;
use crate::drill::Drill;
use crate::error::{QueryError, at_most};
use crate::fields::{Split, number, split};
use crate::histogram::ladder;
use crate::histogram::spread::unpack;
use crate::limits::{QUANTILES_MAX, SKETCHES_MAX, TOP, TOP_MAX};
use crate::list::{Cost, kind_name};
use crate::object::object;
use crate::plan::Plan;
use crate::scope::{Mode, Resolved, Scope};
use crate::tally::{Counting, Tallies, Wanted};
use crate::time::{Instant, Span};

/// The largest relative error of a quantile: `(2^(1/32) - 1) / (2^(1/32) + 1)`.
pub const QUANTILE_ERROR: f64 = 0.0109;

/// Quantiles over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuantilesQuery {
    /// Which rows.
    #[serde(deserialize_with = "object")]
    pub scope: Scope,
    /// The number, by name or alias.
    pub of: String,
    /// Shares from 0 to 1.
    pub quantiles: Vec<f64>,
    /// Width of a bucket.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub step: Option<Span>,
    /// At most so many buckets when there is no step; 1 for the whole range as one.
    pub buckets: Option<u32>,
    /// The field to split by, by name or alias.
    pub by: Option<String>,
    /// Groups told apart, those with most rows; all further ones are left out and counted.
    pub top: usize,
}

impl Default for QuantilesQuery {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            of: "duration".to_owned(),
            quantiles: vec![0.5, 0.95, 0.99],
            step: None,
            buckets: None,
            by: None,
            top: TOP,
        }
    }
}

/// The quantiles of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuantileSeries {
    /// The value of the field; null without a field, too.
    pub key: Cell,
    /// For each quantile its value by bucket; null where there are no numbers.
    pub values: Vec<Vec<Option<u64>>>,
    /// Rows, each once.
    pub total: u64,
    /// What a click opens, with the range of the bucket.
    pub drill: Drill,
}

/// Quantiles over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuantilesAnswer {
    /// Where bucket 0 starts.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub start: Instant,
    /// Width of a bucket in nanoseconds.
    pub step_ns: i64,
    /// Number of buckets.
    pub count: u32,
    /// How rows belong to buckets.
    pub mode: Mode,
    /// What the values are: duration (ns), size (bytes), integer.
    pub unit: &'static str,
    /// The shares, in the order of each series' values.
    pub quantiles: Vec<f64>,
    /// The largest relative error of a value.
    pub error: f64,
    /// The series, those with most rows first.
    pub series: Vec<QuantileSeries>,
    /// Rows of groups that are left out.
    pub other: u64,
    /// What it cost.
    pub scanned: Cost,
}

struct Shape {
    resolved: Resolved,
    counting: Counting,
    buckets: Buckets,
    splits: Vec<Split>,
    unit: &'static str,
    quantiles: Vec<f64>,
    top: usize,
}

impl Queries<'_> {
    /// Quantiles over time.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn quantiles(&self, query: &QuantilesQuery) -> Result<QuantilesAnswer, QueryError> {
        self.run(self.plan_quantiles(query)?)
    }

    pub(crate) fn plan_quantiles(&self, query: &QuantilesQuery) -> Result<Plan<QuantilesAnswer>, QueryError> {
        let resolved = self.resolve(&query.scope)?;
        at_most("top", "series", query.top, TOP_MAX)?;
        at_most("quantiles", "quantiles", query.quantiles.len(), QUANTILES_MAX)?;
        if let Some(&value) = query.quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
            return Err(QueryError::BadQuantile { value });
        }
        let range = resolved.selection.range;
        let buckets = match (query.step, query.buckets) {
            (None, Some(1)) => {
                let step = range.to.checked_sub(range.from).unwrap_or(i64::MAX);
                Buckets { origin: range.from, step, count: 1 }
            }
            (step, target) => ladder::buckets(range, step, target)?,
        };
        let (number, kind) = number(resolved.table, "of", &query.of)?;
        let by = query.by.as_deref().filter(|by| !by.is_empty());
        let splits: Vec<Split> = by.map(|by| split(&resolved, "by", by)).transpose()?.into_iter().collect();
        let overlap = resolved.selection.mode == CountMode::Overlap;
        let time = if overlap { Key::Buckets(buckets) } else { Key::Bucket(buckets) };
        let keys: Vec<Key> = std::iter::once(time).chain(splits.iter().map(|split| split.key.clone())).collect();
        let wanted = Wanted { max: Some(number), sketch: true, ..Wanted::default() };
        let (counting, request) = Counting::new(&resolved, &keys, wanted);
        let (unit, quantiles, top) = (kind_name(kind), query.quantiles.clone(), query.top);
        let shape = Shape { resolved, counting, buckets, splits, unit, quantiles, top };
        Ok(Plan::new(vec![request], move |groups| shape.answer(groups)))
    }
}

impl Shape {
    fn answer(self, groups: Vec<Groups>) -> Result<QuantilesAnswer, QueryError> {
        let tallies = self.counting.read(groups.into_iter().next().unwrap_or_default()).whole()?;
        let mut totals: BTreeMap<&[Scalar], u64> = BTreeMap::new();
        for (key, tally) in &tallies.groups {
            *totals.entry(&key[1..]).or_default() += tally.count;
        }
        let mut ranked: Vec<(&[Scalar], u64)> = totals.into_iter().collect();
        ranked.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        let other = ranked.split_off(self.top.min(ranked.len())).into_iter().map(|(_, count)| count).sum();
        let series = ranked.into_iter().map(|(key, total)| self.series(&tallies, key, total));
        Ok(QuantilesAnswer {
            start: Instant(self.buckets.origin),
            step_ns: self.buckets.step,
            count: self.buckets.count,
            mode: self.resolved.mode,
            unit: self.unit,
            quantiles: self.quantiles.clone(),
            error: QUANTILE_ERROR,
            series: series.collect::<Result<_, _>>()?,
            other,
            scanned: tallies.scanned.into(),
        })
    }

    fn series(&self, tallies: &Tallies, key: &[Scalar], total: u64) -> Result<QuantileSeries, QueryError> {
        let mut buckets = vec![Histogram::new(); self.buckets.count as usize];
        // Groups last over several buckets, so merging is bounded apart from the groups.
        let mut merges = 0;
        for (time, tally) in tallies.groups.iter().filter(|(k, _)| k[1..] == *key) {
            let Some(&Scalar::Int(number)) = time.first() else { continue };
            let overlap = self.resolved.selection.mode == CountMode::Overlap;
            let at = u32::try_from(number).unwrap_or(0);
            let (first, last) = if overlap { unpack(number) } else { (at, at) };
            let met = buckets.get_mut(first as usize..=last as usize).unwrap_or_default();
            merges += met.len();
            if merges > 32 * SKETCHES_MAX {
                return Err(QueryError::TooManyGroups { max: SKETCHES_MAX });
            }
            met.iter_mut().for_each(|histogram| histogram.merge(&tally.histogram));
        }
        let at = |q: f64| buckets.iter().map(|histogram| histogram.quantile(q)).collect();
        let kind = self.splits.first().map(|split| split.kind);
        Ok(QuantileSeries {
            key: kind.zip(key.first()).map_or(Cell::Null, |(kind, value)| Cell::new(value.clone(), kind)),
            values: self.quantiles.iter().map(|&q| at(q)).collect(),
            total,
            drill: Drill::to(&self.resolved, &self.splits, key),
        })
    }
}
