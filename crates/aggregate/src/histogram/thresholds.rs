//! Exact counters at thresholds beside a histogram: "faster than 500 ms" without the histogram's error.

use std::fmt;

use super::Histogram;

/// A histogram with exact counts of the values below each threshold.
///
/// Below, not at: a class such as `fast < 500 ms` is then exact, and the classes between thresholds are differences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholded {
    histogram: Histogram,
    /// (threshold, values below it).
    below: Box<[(u64, u64)]>,
}

impl Thresholded {
    /// An empty one; `thresholds` in the unit of the values.
    #[must_use]
    pub fn new(thresholds: &[u64]) -> Self {
        Self { histogram: Histogram::new(), below: thresholds.iter().map(|&threshold| (threshold, 0)).collect() }
    }

    /// Counts a value `count` times.
    pub fn record_n(&mut self, value: u64, count: u64) {
        self.histogram.record_n(value, count);
        for (_, below) in self.below.iter_mut().filter(|(threshold, _)| value < *threshold) {
            *below = below.saturating_add(count);
        }
    }

    /// Adds all of `other`.
    ///
    /// # Errors
    /// [`ThresholdMismatch`] when the thresholds differ; nothing has changed then, and the histograms alone still merge.
    pub fn merge(&mut self, other: &Self) -> Result<(), ThresholdMismatch> {
        let thresholds = |one: &Self| one.below.iter().map(|&(threshold, _)| threshold).collect::<Vec<_>>();
        if thresholds(self) != thresholds(other) {
            return Err(ThresholdMismatch);
        }
        self.histogram.merge(&other.histogram);
        for ((_, below), (_, more)) in self.below.iter_mut().zip(&other.below) {
            *below = below.saturating_add(*more);
        }
        Ok(())
    }

    /// All values.
    #[must_use]
    pub fn histogram(&self) -> &Histogram {
        &self.histogram
    }

    /// Each threshold with the exact count of the values below it, in the order given to [`Self::new`].
    #[must_use]
    pub fn below(&self) -> &[(u64, u64)] {
        &self.below
    }
}

/// Counts at other thresholds cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThresholdMismatch;

impl fmt::Display for ThresholdMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("histograms with different thresholds cannot be merged")
    }
}

impl std::error::Error for ThresholdMismatch {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_below_are_exact_and_add_up() {
        let mut one = Thresholded::new(&[500, 1000]);
        [(499, 2), (500, 1), (999, 1), (1000, 4)].into_iter().for_each(|(value, count)| one.record_n(value, count));
        assert_eq!(one.below(), [(500, 2), (1000, 4)]);
        one.merge(&one.clone()).expect("its own thresholds are equal");
        assert_eq!((one.below(), one.histogram().count()), (&[(500, 4), (1000, 8)][..], 16));
    }

    #[test]
    fn other_thresholds_are_refused() {
        let mut one = Thresholded::new(&[500]);
        let mut other = Thresholded::new(&[400]);
        other.record_n(1, 1);
        assert_eq!(one.merge(&other), Err(ThresholdMismatch));
        assert!(one.histogram().is_empty());
    }
}
