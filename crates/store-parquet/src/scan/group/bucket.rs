//! Into which buckets of time an item falls.

use arachne_store::{Buckets, TimeRange};

/// Divides by the width of buckets without a division in most cases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divider {
    buckets: Buckets,
    inverse: f64,
    last: i64,
}

/// Below, integers and their products with an inverse are exact enough to be off by one at most.
const EXACT: i64 = 1 << 52;

impl Divider {
    /// Of these buckets.
    pub(super) fn new(buckets: Buckets) -> Self {
        let buckets = Buckets { step: buckets.step.max(1), count: buckets.count.max(1), ..buckets };
        Self { buckets, inverse: 1.0 / buckets.step as f64, last: i64::from(buckets.count) - 1 }
    }

    /// Buckets there are.
    pub(super) const fn count(&self) -> u32 {
        self.buckets.count
    }

    /// The bucket of an instant; the first or last one for what lies before or behind all.
    #[inline]
    pub(super) fn of(&self, at: i64) -> u32 {
        let offset = at.saturating_sub(self.buckets.origin);
        let step = self.buckets.step;
        let number = if offset.unsigned_abs() < EXACT.unsigned_abs() {
            let guess = (offset as f64 * self.inverse) as i64;
            let rest = offset - guess * step;
            guess + i64::from(rest >= step) - i64::from(rest < 0)
        } else {
            offset.div_euclid(step)
        };
        number.clamp(0, self.last) as u32
    }

    /// The first and the last bucket that [start, end) meets inside `range`; an item without length has its start's.
    #[inline]
    pub(super) fn met(&self, start: i64, end: i64, range: TimeRange) -> (u32, u32) {
        let first = start.max(range.from);
        let last = end.min(range.to).saturating_sub(1).max(first);
        (self.of(first), self.of(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn divides_as_integers_do(
            origin in -1_000_000_000_000_000_000_i64..2_000_000_000_000_000_000,
            step in prop_oneof![1_i64..100, 1_i64..1_000_000_000_000_000, Just(i64::MAX)],
            number in -3_i64..1_000,
            off in -2_i64..3,
        ) {
            let at = origin.saturating_add(step.saturating_mul(number)).saturating_add(off);
            let divider = Divider::new(Buckets { origin, step, count: 500 });
            let expected = at.saturating_sub(origin).div_euclid(step).clamp(0, 499);
            prop_assert_eq!(i64::from(divider.of(at)), expected);
        }
    }

    #[test]
    fn an_item_is_clipped_to_the_range() {
        let divider = Divider::new(Buckets { origin: 0, step: 10, count: 5 });
        let range = TimeRange { from: 5, to: 45 };
        assert_eq!(divider.met(-100, 100, range), (0, 4));
        assert_eq!(divider.met(10, 20, range), (1, 1), "the end is not inside");
        assert_eq!(divider.met(10, 21, range), (1, 2));
        assert_eq!(divider.met(20, 20, range), (2, 2));
        assert_eq!(divider.met(20, 3, range), (2, 2));
    }
}
