//! Into which bucket of time an instant falls: `Buckets::number`, quickly.

use arachne_store::Buckets;

/// Divides by the width of buckets without a division in most cases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divider {
    buckets: Buckets,
    inverse: f64,
    last: i64,
}

/// Below, integers and their products with an inverse are exact enough to be off by one at most.
const EXACT: u64 = 1 << 52;

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
        let (offset, far) = at.overflowing_sub(self.buckets.origin);
        if far || offset.unsigned_abs() >= EXACT {
            return self.buckets.number(at);
        }
        let guess = (offset as f64 * self.inverse) as i64;
        let rest = offset - guess * self.buckets.step;
        let number = guess + i64::from(rest >= self.buckets.step) - i64::from(rest < 0);
        number.clamp(0, self.last) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn divides_as_integers_do(
            origin in prop_oneof![Just(i64::MIN), -1_000_000_000_000_000_000_i64..2_000_000_000_000_000_000],
            step in prop_oneof![1_i64..100, 1_i64..1_000_000_000_000_000, Just(i64::MAX)],
            number in -3_i64..1_000,
            off in -2_i64..3,
        ) {
            let at = origin.saturating_add(step.saturating_mul(number)).saturating_add(off);
            let divider = Divider::new(Buckets { origin, step, count: 500 });
            prop_assert_eq!(divider.of(at), Buckets { origin, step, count: 500 }.number(at));
        }
    }
}
