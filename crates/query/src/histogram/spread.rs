//! From groups by (first bucket, last bucket) to buckets: a difference array and its prefix sum.
//!
//! Work is one addition at each end of a group and one for each bucket, however long items last.

/// Sums by bucket.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    /// What begins at a bucket less what ended in the one before.
    differences: Vec<i128>,
}

impl Spread {
    /// Zeros.
    pub fn new(buckets: u32) -> Self {
        Self { differences: vec![0; buckets as usize + 1] }
    }

    /// Adds `value` to each bucket from `first` to `last`, both included; what lies outside is cut.
    pub fn add(&mut self, first: u32, last: u32, value: i64) {
        let end = self.differences.len() - 1;
        let (first, behind) = (first as usize, (last as usize).saturating_add(1).min(end));
        if first < behind {
            self.differences[first] += i128::from(value);
            self.differences[behind] -= i128::from(value);
        }
    }

    /// The sum of each bucket; stops at the largest number.
    pub fn finish(self) -> Vec<i64> {
        let clamped = |sum: i128| i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX });
        let mut sum = 0;
        let buckets = self.differences.len() - 1;
        let sums = self.differences.into_iter().take(buckets);
        sums.map(|difference| {
            sum += difference;
            clamped(sum)
        })
        .collect()
    }
}

/// The two bucket numbers of a key made by the store.
pub(crate) fn unpack(key: i64) -> (u32, u32) {
    (u32::try_from(key >> 32).unwrap_or(0), u32::try_from(key & i64::from(u32::MAX)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tables() {
        type Groups = &'static [(u32, u32, i64)];
        let cases: [(Groups, [i64; 4]); 6] = [
            (&[], [0, 0, 0, 0]),
            (&[(0, 3, 1)], [1, 1, 1, 1]),
            (&[(1, 1, 5), (1, 2, 2)], [0, 7, 2, 0]),
            (&[(3, 9, 4)], [0, 0, 0, 4]),
            (&[(4, 9, 4), (2, 1, 4)], [0, 0, 0, 0]),
            (&[(0, 1, i64::MAX), (1, 3, i64::MAX)], [i64::MAX; 4]),
        ];
        for (groups, expected) in cases {
            let mut spread = Spread::new(4);
            groups.iter().for_each(|&(first, last, value)| spread.add(first, last, value));
            assert_eq!(spread.finish(), expected, "{groups:?}");
        }
    }

    #[test]
    fn keys_are_unpacked() {
        assert_eq!(unpack(7 << 32 | 9), (7, 9));
        assert_eq!(unpack(i64::from(u32::MAX)), (0, u32::MAX));
    }

    proptest! {
        #[test]
        fn it_equals_adding_to_each_bucket(groups in prop::collection::vec((0..9_u32, 0..9_u32, -5..9_i64), 0..20)) {
            let mut spread = Spread::new(8);
            let mut plain = [0; 8];
            for (first, last, value) in groups {
                spread.add(first, last, value);
                (first..=last).for_each(|at| if let Some(sum) = plain.get_mut(at as usize) { *sum += value });
            }
            prop_assert_eq!(spread.finish(), plain);
        }
    }
}
