//! Several keys of a row as one small number.

use super::intern::IntegerInterner;
use super::keys::DIRECT_MAX;

/// How the numbers of keys become one.
#[derive(Debug, Default)]
pub(super) struct Folds {
    steps: Vec<Step>,
}

/// How what was folded so far and one more key become one.
#[derive(Debug)]
enum Step {
    /// `folded * radix + code`.
    Direct(u32),
    /// A number for each pair that occurs.
    Pairs(IntegerInterner),
}

impl Folds {
    /// For keys with so many numbers, where known. Keys whose numbers are known had better come first.
    pub(super) fn new(radixes: &[Option<u32>]) -> Self {
        let mut all = radixes.first().copied().flatten();
        let steps = radixes.iter().skip(1).map(|radix| {
            all = all.zip(*radix).and_then(|(all, radix)| all.checked_mul(radix));
            all = all.filter(|all| u64::from(*all) <= DIRECT_MAX);
            match (all, radix) {
                (Some(_), Some(radix)) => Step::Direct(*radix),
                _ => Step::Pairs(IntegerInterner::default()),
            }
        });
        Self { steps: steps.collect() }
    }

    /// Folds the next key into each row's number: step `step`.
    pub(super) fn fold(&mut self, step: usize, folded: &mut [u32], codes: &[u32]) {
        let rows = folded.iter_mut().zip(codes);
        match &mut self.steps[step] {
            Step::Direct(radix) => rows.for_each(|(folded, code)| *folded = *folded * *radix + code),
            Step::Pairs(pairs) => rows.for_each(|(folded, code)| *folded = pairs.number(pair(*folded, *code))),
        }
    }

    /// The number of each key, in order.
    pub(super) fn unfolded(&self, mut folded: u32) -> Vec<u32> {
        let mut codes = Vec::with_capacity(self.steps.len() + 1);
        for step in self.steps.iter().rev() {
            let code = match step {
                Step::Direct(radix) => {
                    let code = folded % radix;
                    folded /= radix;
                    code
                }
                Step::Pairs(pairs) => {
                    let both = pairs.value(folded);
                    folded = (both >> 32) as u32;
                    (both & 0xffff_ffff) as u32
                }
            };
            codes.push(code);
        }
        codes.push(folded);
        codes.reverse();
        codes
    }

    /// Pairs remembered.
    pub(super) fn remembered(&self) -> usize {
        let pairs = self.steps.iter().map(|step| match step {
            Step::Direct(_) => 0,
            Step::Pairs(pairs) => pairs.len(),
        });
        pairs.sum()
    }
}

fn pair(folded: u32, code: u32) -> u64 {
    u64::from(folded) << 32 | u64::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_folded_comes_back() {
        for radixes in [[Some(3), Some(7), Some(2)], [Some(3), None, Some(2)], [None, Some(1 << 19), Some(1 << 19)]] {
            let mut folds = Folds::new(&radixes);
            let keys = [[0, 1, 2, 2], [6, 0, 1, 0], [1, 1, 0, 1]];
            let mut folded = keys[0].to_vec();
            folds.fold(0, &mut folded, &keys[1]);
            folds.fold(1, &mut folded, &keys[2]);
            for row in 0..4 {
                assert_eq!(folds.unfolded(folded[row]), keys.map(|key| key[row]));
            }
        }
    }
}
