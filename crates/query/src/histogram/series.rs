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
    total: i64,
}

/// The series of a histogram under way.
pub(super) struct Bars<'a> {
    shape: &'a Shape,
    /// Those that are shown, then all others.
    bars: Vec<Bar>,
    places: BTreeMap<Option<Scalar>, usize>,
    provisional: Spread,
}

impl<'a> Bars<'a> {
    /// Empty series: one for each value that is shown, one for all others.
    pub fn new(shape: &'a Shape, shown: Vec<Option<Scalar>>) -> Self {
        let zeros = || Spread::new(shape.buckets.count);
        let bar = |kind, key| Bar { kind, key, count: zeros(), value: zeros(), total: 0 };
        let kind = |key: &Option<Scalar>| if *key == Some(Scalar::Null) { SeriesKind::Null } else { SeriesKind::Value };
        let places = shown.iter().cloned().zip(0..).collect();
        let mut bars: Vec<Bar> = shown.into_iter().map(|key| bar(kind(&key), key)).collect();
        bars.push(bar(SeriesKind::Other, None));
        Self { shape, bars, places, provisional: zeros() }
    }

    const fn others(&self) -> usize {
        self.bars.len() - 1
    }

    /// The series of a key with a value at its second place.
    fn place(&self, key: &[Scalar]) -> Option<usize> {
        let value = if self.shape.splits.is_empty() { None } else { key.get(1).cloned() };
        self.places.get(&value).copied()
    }

    /// Adds rows that were split.
    pub fn add_split(&mut self, tallies: &Tallies) {
        for (key, tally) in &tallies.groups {
            let at = self.place(key).unwrap_or(self.others());
            self.add(at, key, tally, 1);
            self.add_provisional(key, tally);
        }
    }

    /// Adds rows that were not split to the others.
    pub fn add_all(&mut self, tallies: &Tallies) {
        for (key, tally) in &tallies.groups {
            self.add(self.others(), key, tally, 1);
            self.add_provisional(key, tally);
        }
    }

    /// Moves rows that were split, and are among the others so far, to the series of their values.
    pub fn take_from_others(&mut self, tallies: &Tallies) {
        for (key, tally) in &tallies.groups {
            if let Some(at) = self.place(key) {
                self.add(at, key, tally, 1);
                self.add(self.others(), key, tally, -1);
            }
        }
    }

    fn add(&mut self, at: usize, key: &[Scalar], tally: &Tally, sign: i64) {
        let Some((first, last)) = buckets(key) else { return };
        let count = whole(tally.count).saturating_mul(sign);
        let bar = &mut self.bars[at];
        bar.count.add(first, last, count);
        bar.value.add(first, last, value(self.shape.query.measure, tally).saturating_mul(sign));
        bar.total = bar.total.saturating_add(count);
    }

    fn add_provisional(&mut self, key: &[Scalar], tally: &Tally) {
        let open = self.shape.open.is_some() && key.last() == Some(&Scalar::Bool(true));
        if let Some((first, last)) = buckets(key).filter(|_| open) {
            self.provisional.add(first, last, whole(tally.count));
        }
    }

    pub fn provisional(&self) -> Vec<i64> {
        self.provisional.clone().finish()
    }

    pub fn series(mut self) -> Vec<Series> {
        self.bars.retain(|bar| bar.total > 0 || bar.kind != SeriesKind::Other);
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
            total: bar.total.max(0).unsigned_abs(),
            values: numbers(shape, bar.count.finish(), bar.value.finish()),
        };
        self.bars.into_iter().map(series).collect()
    }
}

fn cell(shape: &Shape, key: Option<Scalar>) -> Cell {
    let kind = shape.splits.first().map(|split| split.kind);
    kind.zip(key).map_or(Cell::Null, |(kind, key)| Cell::new(key, kind))
}

/// The two bucket numbers of a key.
fn buckets(key: &[Scalar]) -> Option<(u32, u32)> {
    if let Some(Scalar::Int(pair)) = key.first() { Some(unpack(*pair)) } else { None }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The values with series of their own, in their order; null last. Without a split, one for everything.
pub(super) fn shown<'t>(shape: &Shape, counted: impl Iterator<Item = (Scalar, &'t Tally)>) -> Vec<Option<Scalar>> {
    let Some(split) = shape.splits.first() else { return vec![None] };
    if matches!(split.field, Field::Computed(Computed::Class(_))) {
        // Bars are stacked by class in the same order everywhere, whatever there is of them.
        return Class::ALL.map(|class| Some(Scalar::Text(class.name().into()))).into();
    }
    let mut totals: BTreeMap<Scalar, Tally> = BTreeMap::new();
    for (key, tally) in counted {
        totals.entry(key).or_default().add(tally);
    }
    let null = totals.remove(&Scalar::Null);
    let mut ranked: Vec<(Scalar, i64)> =
        totals.into_iter().map(|(key, tally)| (key, value(shape.query.measure, &tally))).collect();
    ranked.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    let values = ranked.into_iter().take(shape.query.top).map(|(key, _)| Some(key));
    values.chain(null.map(|_| Some(Scalar::Null))).collect()
}

fn value(measure: HistogramMeasure, tally: &Tally) -> i64 {
    match measure {
        HistogramMeasure::Count => whole(tally.count),
        HistogramMeasure::Duration => tally.duration_ns,
        HistogramMeasure::Bytes => tally.bytes,
        HistogramMeasure::Errors | HistogramMeasure::ErrorShare => whole(tally.errors()),
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
