//! Tops: the heaviest values of one or two fields, and the rest, which makes the total exact.

use arachne_filter::Computed;
use arachne_store::{Number, Scalar};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::cell::Cell;
use crate::drill::Drill;
use crate::error::{QueryError, at_most};
use crate::fields::{Split, number, split};
use crate::limits::{TOP, TOP_MAX};
use crate::list::Cost;
use crate::object::object;
use crate::plan::Plan;
use crate::scope::{Resolved, Scope};
use crate::tally::{Counting, Tallies, Tally, Wanted, share};

/// What rows of a top are ordered by, the largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Rank {
    /// Rows.
    #[default]
    Count,
    /// Sum of durations: where the time goes.
    Duration,
    /// Sum of bytes on the wire.
    Bytes,
    /// Rows of class error.
    Errors,
    /// Rows of class error by all.
    ErrorShare,
    /// The largest of `of`.
    Max,
    /// The median of `of`.
    P50,
    /// 95 % of `of` are below.
    P95,
    /// 99 % of `of` are below.
    P99,
}

impl Rank {
    const fn is_quantile(self) -> bool {
        matches!(self, Self::P50 | Self::P95 | Self::P99)
    }
}

/// A top.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopQuery {
    /// Which rows.
    #[serde(deserialize_with = "object")]
    pub scope: Scope,
    /// One or two fields, by name or alias.
    pub by: Vec<String>,
    /// What comes first.
    pub order: Rank,
    /// Rows told apart; all further ones are one.
    pub limit: usize,
    /// Whether p50, p95 and p99 are wanted.
    pub quantiles: bool,
    /// The number that `max` and the quantiles are of, by name or alias.
    pub of: String,
}

impl Default for TopQuery {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            by: vec!["template".to_owned()],
            order: Rank::default(),
            limit: TOP,
            quantiles: false,
            of: "duration".to_owned(),
        }
    }
}

/// Percentiles, each within 1.09 % of the exact value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Percentiles {
    /// Half are below.
    pub p50: u64,
    /// 95 % are below.
    pub p95: u64,
    /// 99 % are below.
    pub p99: u64,
}

impl Percentiles {
    /// The percentiles of what was counted; `None` of nothing.
    pub(crate) fn of(tally: &Tally) -> Option<Self> {
        // A bucket's bound may lie a little above the largest value, which is known exactly.
        let most = tally.max.and_then(|max| u64::try_from(max).ok()).unwrap_or(u64::MAX);
        let at = |q| tally.histogram.quantile(q).map(|value| value.min(most));
        Some(Self { p50: at(0.5)?, p95: at(0.95)?, p99: at(0.99)? })
    }
}

/// What was counted of some rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counts {
    /// Rows.
    pub count: u64,
    /// Rows by all rows of the answer, 0 to 1.
    pub share: Option<f64>,
    /// Rows of class error.
    pub errors: u64,
    /// Rows of class error by rows, 0 to 1.
    pub error_share: Option<f64>,
    /// Sum of durations in nanoseconds, open rows left out.
    pub duration_ns: i64,
    /// Sum of bytes on the wire.
    pub bytes: i64,
    /// The largest of the number asked about.
    pub max: Option<i64>,
    /// Percentiles of the number asked about, when they were wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentiles: Option<Percentiles>,
    /// Rows by what came of them, where rows have answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Outcomes>,
}

/// Rows by what came of them. Errors are those that failed or got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Outcomes {
    /// A status below 400.
    pub success: u64,
    /// Status 4xx.
    pub refused: u64,
    /// Status 500 or above.
    pub failed: u64,
    /// No answer, and none will come.
    pub unanswered: u64,
    /// No answer yet.
    pub open: u64,
}

impl Outcomes {
    fn of(tally: &Tally) -> Option<Self> {
        let [success, refused, failed, unanswered, open] = tally.outcomes;
        let known = tally.outcomes.iter().any(|count| *count > 0);
        known.then_some(Self { success, refused, failed, unanswered, open })
    }
}

impl Counts {
    pub(crate) fn new(tally: &Tally, all: u64) -> Self {
        Self {
            count: tally.count,
            share: share(tally.count, all),
            errors: tally.errors(),
            error_share: tally.error_share(),
            duration_ns: tally.duration_ns,
            bytes: tally.bytes,
            max: tally.max,
            percentiles: Percentiles::of(tally),
            outcomes: Outcomes::of(tally),
        }
    }
}

/// A row of a top.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopRow {
    /// A value for each field; empty in the rest.
    pub key: Vec<Cell>,
    /// What was counted.
    #[serde(flatten)]
    pub counts: Counts,
    /// What a click opens.
    pub drill: Drill,
}

/// A top.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopAnswer {
    /// The names of the fields.
    pub by: Vec<String>,
    /// The rows, the heaviest first.
    pub rows: Vec<TopRow>,
    /// All others together: `~other`. Rows and this give the total.
    pub other: Option<TopRow>,
    /// How many groups the others are; `None` when there were too many to count.
    pub others: Option<u64>,
    /// Everything.
    pub total: Counts,
    /// Whether a heavier value may be among the others, since there were too many to tell apart.
    pub approximate: bool,
    /// What it cost.
    pub scanned: Cost,
}

impl Queries<'_> {
    /// A top.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn top(&self, query: &TopQuery) -> Result<TopAnswer, QueryError> {
        self.run(self.plan_top(query)?)
    }

    pub(crate) fn plan_top(&self, query: &TopQuery) -> Result<Plan<TopAnswer>, QueryError> {
        let resolved = self.resolve(&query.scope)?;
        at_most("limit", "rows of a top", query.limit, TOP_MAX)?;
        at_most("by", "fields of a top", query.by.len(), 2)?;
        let splits = query.by.iter().map(|by| split(&resolved, "by", by)).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<_> = splits.iter().map(|split| split.key.clone()).collect();
        let of = measured(&resolved, &query.of)?;
        let sketch = query.quantiles || query.order.is_quantile();
        let (counting, request) = Counting::new(&resolved, &keys, Wanted::all(of, sketch));
        let (order, limit) = (query.order, query.limit);
        Ok(Plan::new(vec![request], move |groups| {
            let tallies = counting.read(groups.into_iter().next().unwrap_or_default());
            Ok(answer(&resolved, &splits, tallies, order, limit))
        }))
    }
}

/// The number called `name`; none where the table has no durations and none was asked for.
pub(crate) fn measured(resolved: &Resolved, name: &str) -> Result<Option<Number>, QueryError> {
    match number(resolved.table, "of", name) {
        Ok((number, _)) => Ok(Some(number)),
        Err(_) if name == "duration" => Ok(None),
        Err(error) => Err(error),
    }
}

fn answer(resolved: &Resolved, splits: &[Split], tallies: Tallies, order: Rank, limit: usize) -> TopAnswer {
    let (total, approximate, scanned) = (tallies.total(), tallies.rest.is_some(), tallies.scanned);
    let mut ranked: Vec<(Vec<Scalar>, Tally)> = tallies.groups.into_iter().collect();
    ranked.sort_by(|(a, x), (b, y)| weight(order, y).total_cmp(&weight(order, x)).then_with(|| a.cmp(b)));
    let others = ranked.split_off(limit.min(ranked.len()));
    let mut rest = tallies.rest;
    for (_, tally) in &others {
        rest.get_or_insert_default().add(tally);
    }
    let shown: Vec<&[Scalar]> = ranked.iter().map(|(key, _)| key.as_slice()).collect();
    let other = rest.map(|tally| TopRow {
        key: Vec::new(),
        counts: Counts::new(&tally, total.count),
        drill: Drill::besides(resolved, splits, &shown),
    });
    let cells =
        |key: &[Scalar]| splits.iter().zip(key).map(|(split, value)| Cell::new(value.clone(), split.kind)).collect();
    let row = |(key, tally): &(Vec<Scalar>, Tally)| TopRow {
        key: cells(key),
        counts: Counts::new(tally, total.count),
        drill: Drill::to(resolved, splits, key),
    };
    TopAnswer {
        by: splits.iter().map(|split| split.name.clone()).collect(),
        rows: ranked.iter().map(row).collect(),
        other,
        others: (!approximate).then_some(others.len() as u64),
        total: Counts::new(&total, total.count),
        approximate,
        scanned: scanned.into(),
    }
}

fn weight(order: Rank, tally: &Tally) -> f64 {
    let quantile = |q| tally.histogram.quantile(q).map_or(-1.0, |value| value as f64);
    match order {
        Rank::Count => tally.count as f64,
        Rank::Duration => tally.duration_ns as f64,
        Rank::Bytes => tally.bytes as f64,
        Rank::Errors => tally.errors() as f64,
        Rank::ErrorShare => tally.error_share().unwrap_or(0.0),
        Rank::Max => tally.max.map_or(f64::NEG_INFINITY, |max| max as f64),
        Rank::P50 => quantile(0.5),
        Rank::P95 => quantile(0.95),
        Rank::P99 => quantile(0.99),
    }
}

/// The duration of rows, where the table has one.
pub(crate) fn duration(resolved: &Resolved) -> Option<Number> {
    resolved.table.end.map(|_| Number::Computed(Computed::Duration))
}
