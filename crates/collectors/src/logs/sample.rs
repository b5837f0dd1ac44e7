//! Which lines are kept as records: of many, one for all; and no more bytes than may be kept.

/// Lines of one file that are kept in a second, errors not among them, before fewer are.
const KEPT_PER_SECOND: u32 = 20;
/// A kept line stands for this many at most.
const WEIGHT_MAX: u64 = 1 << 20;
const SECOND: i64 = 1_000_000_000;
/// Seconds' worth of bytes that may come at once.
const BURST: u64 = 10;

/// Keeps one line of `weight`, which doubles while too many come and falls again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampler {
    weight: u64,
    /// Lines since the last kept one.
    since: u64,
    second: i64,
    kept: u32,
    /// Lines that stand for themselves though they were passed over here: so many of those that come are represented already.
    paid: u64,
}

impl Default for Sampler {
    fn default() -> Self {
        // The first line is kept.
        Self { weight: 1, since: 0, second: i64::MIN, kept: 0, paid: 0 }
    }
}

impl Sampler {
    /// A line came at `now`: how many it stands for where it is kept.
    pub(crate) fn keep(&mut self, now: i64) -> Option<u64> {
        let second = now.div_euclid(SECOND);
        if second != self.second {
            let quiet = self.kept < KEPT_PER_SECOND / 4 && self.second != i64::MIN;
            self.weight = if quiet { (self.weight / 2).max(1) } else { self.weight };
            (self.second, self.kept) = (second, 0);
        }
        let paid = u64::from(self.paid > 0 && self.weight > 1);
        self.paid -= paid;
        self.since += 1 - paid;
        if self.since < self.weight {
            return None;
        }
        self.kept += 1;
        if self.kept > KEPT_PER_SECOND && self.weight < WEIGHT_MAX {
            (self.weight, self.kept) = (self.weight * 2, KEPT_PER_SECOND / 2);
        }
        Some(std::mem::take(&mut self.since))
    }

    /// So many lines that it passed over were kept after all, each for itself.
    pub(crate) fn pay(&mut self, lines: u64) {
        self.paid += lines;
    }
}

/// Bytes per second that may be kept, errors among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    per_second: u64,
    left: u64,
    looked: i64,
}

impl Budget {
    /// So many bytes per second.
    pub(crate) const fn new(per_second: u64) -> Self {
        Self { per_second, left: per_second * BURST, looked: i64::MIN }
    }

    /// Whether there is room for so many bytes at `now`.
    pub(crate) fn take(&mut self, bytes: u64, now: i64) -> bool {
        let passed = now.saturating_sub(self.looked).max(0).unsigned_abs();
        if passed > 0 {
            let more = u128::from(passed) * u128::from(self.per_second) / 1_000_000_000;
            let all = u128::from(self.left) + more;
            self.left = u64::try_from(all).unwrap_or(u64::MAX).min(self.per_second * BURST);
            self.looked = now;
        }
        let fits = bytes <= self.left;
        self.left -= if fits { bytes } else { 0 };
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_lines_are_all_kept_and_many_are_represented() {
        let mut sampler = Sampler::default();
        assert!((0..100).all(|n| sampler.keep(n * SECOND / 10) == Some(1)));
        let mut sampler = Sampler::default();
        let (mut kept, mut weight) = (0, 0);
        for line in 0..1_000_000_i64 {
            let stands_for = sampler.keep(line * 100_000);
            kept += u64::from(stands_for.is_some());
            weight += stands_for.unwrap_or(0);
        }
        assert!((500..4000).contains(&kept), "{kept} of a million in 100 s");
        assert!((900_000..=1_000_000).contains(&weight), "{weight}");
        let after = (0..60).filter_map(|n| sampler.keep((200 + n) * SECOND)).last();
        assert_eq!(after, Some(1));
        // Lines that are kept beside those are in no weight.
        let mut sampler = Sampler::default();
        let mut weight = 0;
        for line in 0..1_000_000_i64 {
            weight += sampler.keep(line * 100_000).unwrap_or(0);
            if line % 1000 == 999 {
                sampler.pay(1);
                weight += 1;
            }
        }
        assert!((990_000..=1_000_000).contains(&weight), "{weight}");
    }

    #[test]
    fn a_budget_is_kept_over_time() {
        let mut budget = Budget::new(1000);
        assert!(budget.take(10_000, 0) && !budget.take(1, 0));
        assert!(budget.take(500, SECOND / 2) && !budget.take(1, SECOND / 2));
        assert!(!budget.take(10_001, 1000 * SECOND) && budget.take(10_000, 1000 * SECOND));
    }
}
