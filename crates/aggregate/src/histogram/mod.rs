//! Base-2 exponential histograms of whole, unsigned values (nanoseconds, bytes): percentiles that merge.
//!
//! Scale 5 of OpenTelemetry gives a relative error of at most `(2^(1/32) - 1) / (2^(1/32) + 1)` = 1.09 %. Merging adds
//! counters, so the result does not depend on order or grouping, and is that of one histogram that saw everything. A u64
//! needs at most 2 049 buckets, so nothing is ever rescaled. It keeps no smallest and largest value.

mod bytes;
mod scale;
mod thresholds;

use std::fmt;

pub use bytes::BadBytes;
pub use scale::{INDEX_MAX, INDEX_MIN, SCALE, index_of, lower_bound, upper_bound};
pub use thresholds::{ThresholdMismatch, Thresholded};

/// Counts of values by bucket. Memory: 8 bytes for each bucket from the lowest to the highest one in use, 16 KiB at most.
///
/// Counters stop at their largest value instead of wrapping.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    zeros: u64,
    count: u64,
    sum: u128,
    /// Index of `counts[0]`.
    first: i16,
    /// A window from the lowest to the highest bucket in use: its first and last counters are never zero.
    counts: Vec<u64>,
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        let parts = |h: &Self| (h.zeros, h.count, h.sum, (!h.counts.is_empty()).then_some(h.first));
        parts(self) == parts(other) && self.counts == other.counts
    }
}

impl Eq for Histogram {}

impl Histogram {
    /// An empty histogram; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { zeros: 0, count: 0, sum: 0, first: 0, counts: Vec::new() }
    }

    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value `count` times.
    #[inline]
    pub fn record_n(&mut self, value: u64, count: u64) {
        if count == 0 {
            return;
        }
        self.count = self.count.saturating_add(count);
        self.sum = self.sum.saturating_add(u128::from(value) * u128::from(count));
        match index_of(value) {
            Some(index) => self.add(index, count),
            None => self.zeros = self.zeros.saturating_add(count),
        }
    }

    /// Adds all of `other`: exact, in any order and grouping.
    pub fn merge(&mut self, other: &Self) {
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        if !other.counts.is_empty() {
            self.cover(other.first, other.last());
        }
        for (index, count) in other.buckets() {
            self.add(index, count);
        }
    }

    /// The index of the highest bucket in use.
    fn last(&self) -> i16 {
        self.first.saturating_add(i16::try_from(self.counts.len().saturating_sub(1)).unwrap_or(i16::MAX))
    }

    /// Makes the window one from `low` to `high` at least. Both get a count at once.
    fn cover(&mut self, low: i16, high: i16) {
        if self.counts.is_empty() {
            self.first = low;
        }
        if low < self.first {
            let missing = self.first.abs_diff(low);
            self.counts.splice(0..0, std::iter::repeat_n(0, missing.into()));
            self.first = low;
        }
        let length = usize::from(high.abs_diff(self.first.min(high))) + 1;
        if length > self.counts.len() {
            self.counts.resize(length, 0);
        }
    }

    #[inline]
    fn add(&mut self, index: i16, count: u64) {
        let slot = usize::try_from(i32::from(index) - i32::from(self.first)).ok();
        match slot.and_then(|slot| self.counts.get_mut(slot)) {
            Some(counter) => *counter = counter.saturating_add(count),
            None => self.widen(index, count),
        }
    }

    /// Puts `count` into a bucket outside the window.
    #[cold]
    fn widen(&mut self, index: i16, count: u64) {
        self.cover(index, index);
        self.counts[usize::from(index.abs_diff(self.first))] = count;
    }

    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The exact sum of all values.
    #[must_use]
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// How many values were zero.
    #[must_use]
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The buckets in use without that of zero, ascending, as (index, count): what is stored.
    pub fn buckets(&self) -> impl Iterator<Item = (i16, u64)> + '_ {
        (self.first..).zip(self.counts.iter().copied()).filter(|&(_, count)| count != 0)
    }

    /// The same as a window, empty buckets included: the index of its first bucket, and the counters from there.
    #[must_use]
    pub fn window(&self) -> (i16, &[u64]) {
        (self.first, &self.counts)
    }

    /// The histogram that was stored as its zeros, its sum and its buckets (in any order; those of one index are added).
    ///
    /// # Errors
    /// [`BadIndex`] when a bucket is none of this scale.
    pub fn from_parts(zeros: u64, sum: u128, buckets: impl IntoIterator<Item = (i16, u64)>) -> Result<Self, BadIndex> {
        let mut histogram = Self { zeros, count: zeros, sum, ..Self::new() };
        for (index, count) in buckets {
            if !(INDEX_MIN..=INDEX_MAX).contains(&index) {
                return Err(BadIndex { index });
            }
            if count != 0 {
                histogram.count = histogram.count.saturating_add(count);
                histogram.add(index, count);
            }
        }
        Ok(histogram)
    }

    /// The value below or at which the share `q` (0 to 1) of all values lies: the nearest rank, `ceil(q * count)`.
    ///
    /// Within 1.09 % of the exact one and half a unit of rounding, which matters only below 100. None when empty. A `q`
    /// out of range is taken as 0 (the smallest value) or 1 (the largest).
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let mut left = self.rank(q)?;
        if left <= self.zeros {
            return Some(0);
        }
        left -= self.zeros;
        let mut last = None;
        for (index, count) in self.buckets() {
            if left <= count {
                return Some(scale::middle(index));
            }
            left -= count;
            last = Some(index);
        }
        // Only when counters have reached their largest value.
        last.map(scale::middle)
    }

    /// [`Self::quantile`] for each of `qs`, in their order; empty when there are no values.
    #[must_use]
    pub fn quantiles(&self, qs: &[f64]) -> Vec<u64> {
        qs.iter().filter_map(|&q| self.quantile(q)).collect()
    }

    fn rank(&self, q: f64) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        // A share such as 0.07 is a little more than 7/100 in binary: without the factor, rank 7 of 100 would become 8.
        let rank = q * self.count as f64 * (1.0 - 1e-12);
        Some((rank.ceil() as u64).clamp(1, self.count))
    }
}

/// A stored histogram names a bucket that scale 5 does not have: another format, or damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadIndex {
    /// The index found.
    pub index: i16,
}

impl fmt::Display for BadIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "histogram bucket {} is not between {INDEX_MIN} and {INDEX_MAX}", self.index)
    }
}

impl std::error::Error for BadIndex {}

#[cfg(test)]
mod tests;
