//! The means of series, added up by group.

use arachne_store::{Key, Means, Scalar, Selection};

use super::fold::{pair, unpaired};
use super::intern::IntegerInterner;
use super::keys::Coder;
use crate::scan::frame::Frame;

/// Sums and counts of each series of each group.
pub(super) struct SeriesMeans {
    means: Means,
    /// Of the columns that tell series apart, and the numbers of the rows seen last.
    coders: [Coder; 2],
    codes: [Vec<u32>; 2],
    /// A number for each series: a pair of codes.
    series: IntegerInterner,
    /// A number for each pair of a group and a series.
    cells: IntegerInterner,
    /// Sum and count, in more bits than those of a table need.
    sums: Vec<(i128, i128)>,
    /// By group, once somebody asks.
    done: Option<Vec<Option<f64>>>,
}

impl SeriesMeans {
    pub(super) fn new(means: Means, selection: &Selection) -> Self {
        Self {
            means,
            coders: means.of.map(|column| Coder::new(&Key::Column(column), selection)),
            codes: [Vec::new(), Vec::new()],
            series: IntegerInterner::default(),
            cells: IntegerInterner::default(),
            sums: Vec::new(),
            done: None,
        }
    }

    /// Series of groups.
    pub(super) const fn len(&self) -> usize {
        self.sums.len()
    }

    /// Adds rows: `groups` has the group of each.
    pub(super) fn add(&mut self, groups: &[u32], frame: Frame<'_>) {
        let (sums, counts) = (frame.integers(self.means.sum), frame.integers(self.means.count));
        self.coders.iter_mut().zip(&mut self.codes).for_each(|(coder, codes)| coder.codes(frame, codes));
        let [first, second] = &self.codes;
        for (row, group) in groups.iter().enumerate() {
            let series = self.series.number(pair(first[row], second[row]));
            let cell = self.cells.number(pair(*group, series)) as usize;
            if cell == self.sums.len() {
                self.sums.push((0, 0));
            }
            let (sum, count) = &mut self.sums[cell];
            *sum += i128::from(sums.at(row).unwrap_or(0));
            *count += i128::from(counts.at(row).unwrap_or(0));
        }
    }

    /// Adds each group of `other` to the group at its place in `placed`.
    pub(super) fn merge(&mut self, placed: &[u32], other: &Self) {
        let known = |series| {
            let codes = other.key(series).each_ref().map(|value| value.clone());
            let codes: Vec<u32> =
                self.coders.iter_mut().zip(&codes).map(|(coder, value)| coder.encode(value)).collect();
            self.series.number(pair(codes[0], codes[1]))
        };
        let series: Vec<u32> = (0..other.series.len() as u32).map(known).collect();
        for (cell, (sum, count)) in other.sums.iter().enumerate() {
            let (group, from) = unpaired(other.cells.value(cell as u32));
            let Some(group) = placed.get(group as usize) else { continue };
            let mine = self.cells.number(pair(*group, series[from as usize])) as usize;
            if mine == self.sums.len() {
                self.sums.push((0, 0));
            }
            let (sums, counts) = &mut self.sums[mine];
            (*sums, *counts) = (*sums + sum, *counts + count);
        }
    }

    /// That of a group, when all rows are there.
    pub(super) fn of(&mut self, group: usize) -> Option<f64> {
        if self.done.is_none() {
            self.done = Some(self.added_up());
        }
        self.done.as_ref()?.get(group).copied().flatten()
    }

    /// By group, in the order of the values of series, so that the last bits do not depend on that of rows.
    fn added_up(&self) -> Vec<Option<f64>> {
        let mut order: Vec<u32> = (0..self.series.len() as u32).collect();
        order.sort_by_cached_key(|series| self.key(*series));
        let mut rank = vec![0_u32; order.len()];
        order.iter().zip(0..).for_each(|(series, at)| rank[*series as usize] = at);
        let mut cells: Vec<(u32, u32)> =
            (0..self.sums.len() as u32).map(|cell| (rank[unpaired(self.cells.value(cell)).1 as usize], cell)).collect();
        cells.sort_unstable();
        let mut all: Vec<Option<f64>> = Vec::new();
        for (_, cell) in cells {
            let (sum, count) = self.sums[cell as usize];
            if count <= 0 {
                continue;
            }
            let group = unpaired(self.cells.value(cell)).0 as usize;
            if group >= all.len() {
                all.resize(group + 1, None);
            }
            let mean = sum as f64 / count as f64;
            all[group] = Some(all[group].map_or(mean, |known| known + mean));
        }
        all
    }

    /// The values of a series.
    fn key(&self, series: u32) -> [Scalar; 2] {
        let (first, second) = unpaired(self.series.value(series));
        [self.coders[0].value(first), self.coders[1].value(second)]
    }
}
