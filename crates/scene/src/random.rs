//! Chance from a seed: the same seed gives the same visits. Source: Steele, Lea, Flood, "Fast splittable pseudorandom
//! number generators" (SplitMix64).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A sequence of numbers that may be shared.
#[derive(Debug)]
pub struct Random(AtomicU64);

impl Random {
    /// The sequence of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, but not, 1.
    pub fn unit(&self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 up to, but not, `end`, which is not 0.
    pub fn below(&self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// One of `all`, which are not none.
    pub fn pick<'a, T>(&self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Whether something of probability `share` happens.
    pub fn happens(&self, share: f64) -> bool {
        self.unit() < share
    }

    /// `count` hexadecimal digits.
    pub fn hex(&self, count: usize) -> String {
        (0..count).map(|_| char::from(*self.pick(b"0123456789abcdef"))).collect()
    }

    /// How long work takes: half of the time less than `median` milliseconds, sometimes several times as long.
    pub fn work(&self, median: f64) -> Duration {
        let bell = (0..6).map(|_| self.unit()).sum::<f64>() - 3.0;
        let tail = if self.happens(0.01) { 4.0 } else { 1.0 };
        Duration::from_secs_f64(median * (0.6 * bell).exp() * tail / 1000.0)
    }

    /// Time until the next of things that happen `rate` times a second.
    pub fn gap(&self, rate: f64) -> Duration {
        Duration::from_secs_f64(-(1.0 - self.unit()).ln() / rate)
    }
}
