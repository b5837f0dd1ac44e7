//! What is computed of groups.

use arachne_aggregate::Histogram;
use arachne_aggregate::sketch::Sketch;
use arachne_filter::Outcome;
use arachne_store::{Measure, Measured, Number, Selection};
use arrow::array::AsArray as _;

use super::means::SeriesMeans;
use crate::scan::frame::{Frame, Numbers};

/// One measure of many groups, by the groups' numbers.
pub(super) enum Accumulator {
    Count(Vec<u64>),
    Outcomes(Vec<[u64; Outcome::COUNT]>),
    /// In more bits than any sum of a table needs, so that the order does not matter.
    Sum(Number, Vec<i128>),
    Min(Number, Vec<Option<i64>>),
    Max(Number, Vec<Option<i64>>),
    Histogram(Number, Vec<Histogram>),
    /// With the start of the row.
    Last(Number, Vec<Option<(i64, i64)>>),
    /// Of a column.
    Sketch(usize, Vec<Sketch>),
    Means(Box<SeriesMeans>),
}

impl Accumulator {
    pub(super) fn new(measure: Measure, selection: &Selection) -> Self {
        match measure {
            Measure::Count => Self::Count(Vec::new()),
            Measure::Outcomes => Self::Outcomes(Vec::new()),
            Measure::Sum(number) => Self::Sum(number, Vec::new()),
            Measure::Min(number) => Self::Min(number, Vec::new()),
            Measure::Max(number) => Self::Max(number, Vec::new()),
            Measure::Histogram(number) => Self::Histogram(number, Vec::new()),
            Measure::Last(number) => Self::Last(number, Vec::new()),
            Measure::Sketch(column) => Self::Sketch(column, Vec::new()),
            Measure::Means(means) => Self::Means(Box::new(SeriesMeans::new(means, selection))),
        }
    }

    /// How many series its groups have, where it tells them apart: what it holds, and can be too many.
    pub(super) fn series(&self) -> usize {
        if let Self::Means(means) = self { means.len() } else { 0 }
    }

    /// What is needed of rows.
    pub(super) const fn number(&self) -> Option<Number> {
        match self {
            Self::Count(_) | Self::Outcomes(_) | Self::Sketch(..) | Self::Means(_) => None,
            Self::Sum(number, _)
            | Self::Min(number, _)
            | Self::Max(number, _)
            | Self::Last(number, _)
            | Self::Histogram(number, _) => Some(*number),
        }
    }

    /// Makes room for so many groups.
    pub(super) fn resize(&mut self, groups: usize) {
        match self {
            Self::Count(counts) => counts.resize(groups, 0),
            Self::Outcomes(counts) => counts.resize(groups, [0; Outcome::COUNT]),
            Self::Sum(_, sums) => sums.resize(groups, 0),
            Self::Min(_, all) | Self::Max(_, all) => all.resize(groups, None),
            Self::Histogram(_, all) => all.resize(groups, Histogram::new()),
            Self::Last(_, all) => all.resize(groups, None),
            Self::Sketch(_, all) => all.resize(groups, Sketch::default()),
            Self::Means(_) => {}
        }
    }

    /// Adds rows: `groups` has the group of each.
    pub(super) fn add(&mut self, groups: &[u32], frame: Frame<'_>, numbers: Option<&Numbers<'_>>) {
        match (self, numbers) {
            (Self::Count(counts), _) => groups.iter().for_each(|group| counts[*group as usize] += 1),
            (Self::Outcomes(counts), _) => {
                let rows = groups.iter().zip(frame.outcomes());
                rows.for_each(|(group, outcome)| counts[*group as usize][outcome as usize] += 1);
            }
            (Self::Sum(_, sums), Some(numbers)) => {
                each(groups, numbers, |group, number| sums[group] += i128::from(number));
            }
            (Self::Min(_, all), Some(numbers)) => each(groups, numbers, |group, number| {
                all[group] = Some(all[group].map_or(number, |known| known.min(number)));
            }),
            (Self::Max(_, all), Some(numbers)) => each(groups, numbers, |group, number| {
                all[group] = all[group].max(Some(number));
            }),
            (Self::Histogram(_, all), Some(numbers)) => {
                each(groups, numbers, |group, number| all[group].record(u64::try_from(number).unwrap_or(0)));
            }
            (Self::Last(_, all), Some(numbers)) => {
                let starts = frame.integers(frame.table.start);
                for (row, group) in groups.iter().enumerate() {
                    let last = &mut all[*group as usize];
                    *last = (*last).max(numbers.at(row).map(|number| (starts.values[row], number)));
                }
            }
            (Self::Sketch(column, all), _) => {
                let bytes = frame.column(*column).and_then(|array| array.as_binary_opt::<i32>());
                for (group, bytes) in groups.iter().zip(bytes.into_iter().flatten()) {
                    bytes.into_iter().for_each(|bytes| all[*group as usize].add(bytes));
                }
            }
            (Self::Means(means), _) => means.add(groups, frame),
            // Every other measure but counts has a number.
            _ => {}
        }
    }

    /// Adds each group of `other`, which is the same measure, to the group at its place in `placed`.
    pub(super) fn merge(&mut self, placed: &[u32], other: &Self) {
        let each = || placed.iter().map(|to| *to as usize).enumerate();
        match (self, other) {
            (Self::Count(mine), Self::Count(others)) => each().for_each(|(from, to)| mine[to] += others[from]),
            (Self::Outcomes(mine), Self::Outcomes(others)) => each().for_each(|(from, to)| {
                mine[to].iter_mut().zip(others[from]).for_each(|(mine, others)| *mine += others);
            }),
            (Self::Sum(_, mine), Self::Sum(_, others)) => each().for_each(|(from, to)| mine[to] += others[from]),
            (Self::Min(_, mine), Self::Min(_, others)) => each().for_each(|(from, to)| {
                mine[to] = [mine[to], others[from]].into_iter().flatten().min();
            }),
            (Self::Max(_, mine), Self::Max(_, others)) => {
                each().for_each(|(from, to)| mine[to] = mine[to].max(others[from]));
            }
            (Self::Histogram(_, mine), Self::Histogram(_, others)) => {
                each().for_each(|(from, to)| mine[to].merge(&others[from]));
            }
            (Self::Last(_, mine), Self::Last(_, others)) => {
                each().for_each(|(from, to)| mine[to] = mine[to].max(others[from]));
            }
            (Self::Sketch(_, mine), Self::Sketch(_, others)) => {
                each().for_each(|(from, to)| mine[to].merge(&others[from]));
            }
            (Self::Means(mine), Self::Means(others)) => mine.merge(placed, others),
            // Both were made of one request.
            _ => {}
        }
    }

    /// The measure of a group, which loses it.
    pub(super) fn take(&mut self, group: usize) -> Measured {
        match self {
            Self::Count(counts) => Measured::Int(i64::try_from(counts[group]).unwrap_or(i64::MAX)),
            Self::Outcomes(counts) => Measured::Outcomes(counts[group]),
            Self::Sum(_, sums) => Measured::Sum(sums[group]),
            Self::Min(_, all) | Self::Max(_, all) => Measured::Extreme(all[group]),
            Self::Histogram(_, all) => Measured::Histogram(Box::new(std::mem::take(&mut all[group]))),
            Self::Last(_, all) => Measured::Extreme(all[group].map(|(_, number)| number)),
            Self::Sketch(_, all) => Measured::Sketch(Box::new(std::mem::take(&mut all[group]))),
            Self::Means(means) => Measured::Mean(means.of(group)),
        }
    }
}

/// Each row whose number is not null.
#[inline]
fn each(groups: &[u32], numbers: &Numbers<'_>, mut add: impl FnMut(usize, i64)) {
    let rows = groups.iter().zip(numbers.values.iter());
    match &numbers.nulls {
        None => rows.for_each(|(group, number)| add(*group as usize, *number)),
        Some(nulls) => {
            for ((group, number), valid) in rows.zip(nulls) {
                if valid {
                    add(*group as usize, *number);
                }
            }
        }
    }
}
