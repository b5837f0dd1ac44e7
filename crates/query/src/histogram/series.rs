//! From counted groups to the series of a histogram.

use std::collections::BTreeMap;

use arachne_filter::{Class, Computed, Field};
use arachne_store::Scalar;
use serde::Serialize;

use super::spread::{Spread, unpack};
use super::{HistogramMeasure, Shape};
use crate::cell::Cell;
use crate::drill::Drill;
use crate::tally::{Tallies, Tally};

/// What a series stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SeriesKind {
    /// A value of the field; without a field, everything.
    Value,
    /// Rows without a value.
    Null,
    /// All values that have no series of their own: `~other`.
    Other,
}

/// Numbers by bucket.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Numbers {
    /// Whole ones.
    Whole(Vec<i64>),
    /// Rates and shares; null where there is none.
    Broken(Vec<Option<f64>>),
}

/// A series.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Series {
    /// What it stands for.
    pub kind: SeriesKind,
    /// The value of the field.
    pub key: Cell,
    /// By bucket.
    pub values: Numbers,
    /// Rows, each once, however many buckets it meets.
    pub total: u64,
    /// What a click opens, with the range of the bucket.
    pub drill: Drill,
}

/// A series under way.
struct Bar {
    kind: SeriesKind,
    key: Option<Scalar>,
    count: Spread,
    value: Spread,
    total: u64,
}

/// The series of a histogram under way.
pub(super) struct Bars<'a> {
    shape: &'a Shape,
    bars: Vec<Bar>,
    provisional: Spread,
}

impl<'a> Bars<'a> {
    pub fn new(shape: &'a Shape, tallies: &Tallies) -> Self {
        let buckets = shape.buckets.count;
        let shown = shown(shape, tallies);
        let bar = |kind, key| Bar { kind, key, count: Spread::new(buckets), value: Spread::new(buckets), total: 0 };
        let mut bars = Self { shape, bars: Vec::new(), provisional: Spread::new(buckets) };
        for key in shown {
            let kind = if key == Some(Scalar::Null) { SeriesKind::Null } else { SeriesKind::Value };
            bars.bars.push(bar(kind, key));
        }
        let places: BTreeMap<Option<Scalar>, usize> =
            bars.bars.iter().enumerate().map(|(at, bar)| (bar.key.clone(), at)).collect();
        let other = bars.bars.len();
        bars.bars.push(bar(SeriesKind::Other, None));
        for (key, tally) in &tallies.groups {
            let value = (!shape.splits.is_empty()).then(|| key.get(1).cloned()).flatten();
            let at = places.get(&value).copied().unwrap_or(other);
            bars.add(at, key, tally);
        }
        bars.bars.retain(|bar| bar.total > 0 || bar.kind != SeriesKind::Other);
        bars
    }

    fn add(&mut self, at: usize, key: &[Scalar], tally: &Tally) {
        let (first, last) = if let Some(Scalar::Int(pair)) = key.first() { unpack(*pair) } else { return };
        let count = i64::try_from(tally.count).unwrap_or(i64::MAX);
        let bar = &mut self.bars[at];
        bar.count.add(first, last, count);
        bar.value.add(first, last, value(self.shape.query.measure, tally));
        bar.total += tally.count;
        if self.shape.open && key.last() == Some(&Scalar::Bool(true)) {
            self.provisional.add(first, last, count);
        }
    }

    pub fn provisional(&self) -> Vec<i64> {
        self.provisional.clone().finish()
    }

    pub fn series(self) -> Vec<Series> {
        let keys: Vec<Scalar> = self.bars.iter().filter_map(|bar| bar.key.clone()).collect();
        let shape = self.shape;
        let drill = |bar: &Bar| match (&bar.key, bar.kind) {
            (Some(key), _) => Drill::to(&shape.resolved, &shape.splits, std::slice::from_ref(key)),
            (None, SeriesKind::Other) => {
                let keys: Vec<&[Scalar]> = keys.iter().map(std::slice::from_ref).collect();
                Drill::besides(&shape.resolved, &shape.splits, &keys)
            }
            (None, _) => Drill::all(&shape.resolved),
        };
        let series = |bar: Bar| Series {
            kind: bar.kind,
            drill: drill(&bar),
            key: cell(shape, bar.key),
            total: bar.total,
            values: numbers(shape, bar.count.finish(), bar.value.finish()),
        };
        self.bars.into_iter().map(series).collect()
    }
}

fn cell(shape: &Shape, key: Option<Scalar>) -> Cell {
    let kind = shape.splits.first().map(|split| split.kind);
    kind.zip(key).map_or(Cell::Null, |(kind, key)| Cell::new(key, kind))
}

/// The values with series of their own, in their order; null last. Without a split, one for everything.
fn shown(shape: &Shape, tallies: &Tallies) -> Vec<Option<Scalar>> {
    let Some(split) = shape.splits.first() else { return vec![None] };
    if matches!(split.field, Field::Computed(Computed::Class(_))) {
        // Bars are stacked by class in the same order everywhere, whatever there is of them.
        return Class::ALL.map(|class| Some(Scalar::Text(class.name().into()))).into();
    }
    let mut totals: BTreeMap<&Scalar, Tally> = BTreeMap::new();
    for (key, tally) in &tallies.groups {
        totals.entry(key.get(1).unwrap_or(&Scalar::Null)).or_default().add(tally);
    }
    let null = totals.remove(&Scalar::Null);
    let mut ranked: Vec<(&Scalar, i64)> =
        totals.into_iter().map(|(key, tally)| (key, value(shape.query.measure, &tally))).collect();
    ranked.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    let values = ranked.into_iter().take(shape.query.top).map(|(key, _)| Some(key.clone()));
    values.chain(null.map(|_| Some(Scalar::Null))).collect()
}

fn value(measure: HistogramMeasure, tally: &Tally) -> i64 {
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    match measure {
        HistogramMeasure::Count => whole(tally.count),
        HistogramMeasure::Duration => tally.duration_ns,
        HistogramMeasure::Bytes => tally.bytes,
        HistogramMeasure::Errors | HistogramMeasure::ErrorShare => whole(tally.errors),
    }
}

fn numbers(shape: &Shape, counts: Vec<i64>, values: Vec<i64>) -> Numbers {
    let share = |(value, count): (i64, i64)| (count > 0).then(|| value as f64 / count as f64);
    if shape.query.measure == HistogramMeasure::ErrorShare {
        return Numbers::Broken(values.into_iter().zip(counts).map(share).collect());
    }
    if !shape.query.rate {
        return Numbers::Whole(values);
    }
    let rate = |(value, width): (i64, f64)| (width > 0.0).then(|| value as f64 * 1e9 / width);
    Numbers::Broken(values.into_iter().zip(shape.widths()).map(rate).collect())
}
